//! Uploads that were not completed.

use aws_sdk_s3::types::{EncodingType, Part};
use jiff::Timestamp;

use super::{
    Error, Kind, S3, Unfinished,
    list::{PageGuard, decoded},
    lock::timestamp,
    retry::ATTEMPTS,
};

impl S3 {
    /// The uploads in progress below `folder`. `None` if the service doesn't list them, or not with these rights.
    ///
    /// # Errors
    /// Any other error of the service or the network.
    pub async fn unfinished(&self, folder: &str) -> Result<Option<Vec<Unfinished>>, Error> {
        let doing = || format!("list the uploads under {}", self.url(folder));
        let once = || self.unfinished_once(folder);
        match self.ask(ATTEMPTS, once, doing).await {
            Err(error) if matches!(error.kind, Kind::Unsupported | Kind::Denied | Kind::NotFound) => {
                tracing::debug!("uploads under way are not looked for: {error}");
                Ok(None)
            }
            result => result.map(Some),
        }
    }

    async fn unfinished_once(&self, folder: &str) -> Result<Vec<Unfinished>, Error> {
        self.check_may_look(|| format!("list the uploads under {}", self.url(folder)))?;
        let (mut found, mut marker) = (Vec::new(), (None, None));
        let mut guard = PageGuard::new();
        loop {
            let request = self
                .client
                .list_multipart_uploads()
                .bucket(&self.location.bucket)
                .prefix(folder)
                .encoding_type(EncodingType::Url)
                .set_key_marker(marker.0.clone())
                .set_upload_id_marker(marker.1.clone());
            let doing = || format!("list the uploads under {}", self.url(folder));
            let page = request.send().await;
            let page = page.map_err(|error| Error::from_sdk(doing(), &error))?;
            let encoded = page.encoding_type() == Some(&EncodingType::Url);
            let damaged = |why: String| Error::new(Kind::Damaged, doing(), why);
            for upload in page.uploads() {
                let (Some(_), Some(id)) = (upload.key(), upload.upload_id()) else {
                    let why = "an upload has no key or no id";
                    return Err(Error::new(Kind::Damaged, doing(), why));
                };
                let key = decoded(upload.key(), encoded).map_err(damaged)?;
                // a service that ignores the prefix must not add uploads of others
                if key.starts_with(folder) {
                    found.push(Unfinished {
                        key,
                        upload_id: id.to_owned(),
                        began: upload.initiated().and_then(timestamp),
                    });
                }
            }
            let next = page.next_key_marker.as_ref().map(|key| {
                let id = page.next_upload_id_marker.as_deref().unwrap_or_default();
                format!("{key}\n{id}")
            });
            let next = guard.next(page.is_truncated, next.as_deref(), page.uploads().len());
            if next.map_err(|why| Error::new(Kind::Damaged, doing(), why))?.is_none() {
                return Ok(found);
            }
            let key = page.next_key_marker.as_deref();
            let key = key.map(|key| decoded(Some(key), encoded));
            marker = (key.transpose().map_err(damaged)?, page.next_upload_id_marker);
        }
    }

    /// When the newest part of an upload arrived. `None` if it has no parts.
    ///
    /// # Errors
    /// Any error of the service or the network. [`Kind::NotFound`] if the upload has ended.
    pub async fn newest_part(&self, upload: &Unfinished) -> Result<Option<Timestamp>, Error> {
        let look = || async {
            let parts = self.parts(&upload.key, &upload.upload_id).await?;
            let times = parts.iter().filter_map(|part| part.last_modified());
            Ok(times.filter_map(timestamp).max())
        };
        let doing = || format!("list the parts of the upload of {}", self.url(&upload.key));
        self.ask(ATTEMPTS, look, doing).await
    }

    /// The parts of an upload that the service has.
    pub(super) async fn parts(&self, key: &str, upload_id: &str) -> Result<Vec<Part>, Error> {
        let doing = || format!("list the parts of the upload of {}", self.url(key));
        let (mut parts, mut marker) = (Vec::new(), None);
        let mut guard = PageGuard::new();
        loop {
            let request = self.client.list_parts();
            let request = request.bucket(&self.location.bucket).key(key);
            let request = request.upload_id(upload_id).set_part_number_marker(marker);
            let answer = request.send().await;
            let page = answer.map_err(|error| Error::from_sdk(doing(), &error))?;
            parts.extend_from_slice(page.parts());
            let next = page.next_part_number_marker();
            let next = guard.next(page.is_truncated(), next, page.parts().len());
            match next.map_err(|why| Error::new(Kind::Damaged, doing(), why))? {
                Some(next) => marker = Some(next),
                None => return Ok(parts),
            }
        }
    }

    /// Aborts an upload that was left behind. An upload that has ended is not an error.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn abort(&self, upload: &Unfinished) -> Result<(), Error> {
        let abort = || async {
            let request = self
                .client
                .abort_multipart_upload()
                .bucket(&self.location.bucket)
                .key(&upload.key)
                .upload_id(&upload.upload_id);
            let doing = format!("abort the upload of {}", self.url(&upload.key));
            let answer = request.send().await;
            answer.map(drop).map_err(|e| Error::from_sdk(doing, &e))
        };
        match self.retry(ATTEMPTS, abort).await {
            Err(error) if error.kind == Kind::NotFound => Ok(()),
            result => result,
        }
    }
}
