//! Uploads that nobody completed.

use jiff::Timestamp;

use super::{ATTEMPTS, Error, Kind, Store, lock::timestamp, patiently};

/// A multipart upload under way, or left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// key of the object it would become
    pub key: String,
    /// the service's name for it
    pub upload_id: String,
    /// when it began
    pub began: Option<Timestamp>,
}

impl Store {
    /// The uploads under way below `folder`; `None` where the service doesn't list them, or not to us.
    ///
    /// # Errors
    /// Whatever else the service or the network refuses.
    pub async fn unfinished(&self, folder: &str) -> Result<Option<Vec<Unfinished>>, Error> {
        match patiently(ATTEMPTS, || self.unfinished_once(folder)).await {
            Err(error) if matches!(error.kind, Kind::Unsupported | Kind::Denied) => {
                tracing::debug!("uploads under way are not looked for: {error}");
                Ok(None)
            }
            result => result.map(Some),
        }
    }

    async fn unfinished_once(&self, folder: &str) -> Result<Vec<Unfinished>, Error> {
        self.check_may_look(|| format!("list the uploads under {}", self.url(folder)))?;
        let (mut found, mut marker) = (Vec::new(), (None, None));
        loop {
            let request = self
                .client
                .list_multipart_uploads()
                .bucket(&self.location.bucket)
                .prefix(folder)
                .set_key_marker(marker.0.clone())
                .set_upload_id_marker(marker.1.clone());
            let doing = || format!("list the uploads under {}", self.url(folder));
            let page = request.send().await;
            let page = page.map_err(|error| Error::from_sdk(doing(), &error))?;
            found.extend(page.uploads().iter().filter_map(|upload| {
                // a service that forgets the prefix must not show us others' uploads
                let key = upload.key().filter(|key| key.starts_with(folder))?;
                Some(Unfinished {
                    key: key.to_owned(),
                    upload_id: upload.upload_id()?.to_owned(),
                    began: upload.initiated().and_then(timestamp),
                })
            }));
            let next = (page.next_key_marker, page.next_upload_id_marker);
            if page.is_truncated != Some(true) || next.0.is_none() || next == marker {
                return Ok(found);
            }
            marker = next;
        }
    }

    /// When the newest part of an upload arrived; `None` where it has none.
    ///
    /// # Errors
    /// Whatever the service or the network refuses; [`Kind::NotFound`] where the upload has ended.
    pub async fn newest_part(&self, upload: &Unfinished) -> Result<Option<Timestamp>, Error> {
        let look = || async {
            let mut newest = None;
            let mut pages = self
                .client
                .list_parts()
                .bucket(&self.location.bucket)
                .key(&upload.key)
                .upload_id(&upload.upload_id)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                let doing = || format!("list the parts of the upload of {}", self.url(&upload.key));
                let page = page.map_err(|error| Error::from_sdk(doing(), &error))?;
                let times = page.parts().iter().filter_map(|part| part.last_modified());
                newest = times.filter_map(timestamp).chain(newest).max();
            }
            Ok(newest)
        };
        patiently(ATTEMPTS, look).await
    }

    /// Aborts an upload that was left behind. One that has ended is no error.
    ///
    /// # Errors
    /// Whatever the service or the network refuses.
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
        match patiently(ATTEMPTS, abort).await {
            Err(error) if error.kind == Kind::NotFound => Ok(()),
            result => result,
        }
    }
}
