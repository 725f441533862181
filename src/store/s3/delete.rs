//! Deletes objects, one for each request, if they are still the ones that were looked at.

use std::sync::atomic::Ordering;

use super::{Error, Kind, S3, retry::ATTEMPTS};

/// An entity tag without its quotes, which not every service writes in lists.
fn bare(etag: &str) -> &str {
    etag.trim_matches('"')
}

impl S3 {
    /// Deletes the object whose entity tag is `etag`. An object that is gone already is not an error.
    ///
    /// If the service doesn't support conditional deletes, the object is looked at right before.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>
    ///
    /// # Errors
    /// [`Kind::Changed`] if it is another object by now, or any other error of the service or the network.
    pub async fn delete(&self, key: &str, etag: Option<&str>) -> Result<(), Error> {
        self.retry(ATTEMPTS, || self.delete_once(key, etag)).await
    }

    async fn delete_once(&self, key: &str, etag: Option<&str>) -> Result<(), Error> {
        let doing = || format!("delete {}", self.url(key));
        self.check_may_look(doing)?;
        loop {
            let conditional = etag.is_some() && !self.quirks.no_conditional_deletes.load(Ordering::Relaxed);
            if !conditional && etag.is_some() && !self.is_still(key, etag).await? {
                return Ok(());
            }
            let request = self
                .client
                .delete_object()
                .bucket(&self.location.bucket)
                .key(key)
                .set_if_match(etag.filter(|_| conditional).map(str::to_owned));
            let Err(error) = request.send().await else {
                return Ok(());
            };
            let error = Error::from_sdk(doing(), &error);
            match error.kind {
                Kind::NotFound => return Ok(()),
                // some services report a failed condition if the object is gone: the answer to the first request was
                // lost
                Kind::Exists if self.head(key).await?.is_none() => return Ok(()),
                // If-Match is the only condition of this request
                Kind::Exists => {
                    return Err(Error {
                        kind: Kind::Changed,
                        ..error
                    });
                }
                Kind::Unsupported if conditional => {
                    tracing::debug!("conditional deletes are given up: {error}");
                    let quirks = &self.quirks.no_conditional_deletes;
                    quirks.store(true, Ordering::Relaxed);
                }
                _ => return Err(error),
            }
        }
    }

    /// Whether the object still exists and is the one that was looked at. `false` if there is none, an error if it is
    /// another one.
    async fn is_still(&self, key: &str, etag: Option<&str>) -> Result<bool, Error> {
        match self.head(key).await? {
            None => Ok(false),
            Some(object) if object.etag.as_deref().map(bare) == etag.map(bare) => Ok(true),
            Some(_) => Err(Error::new(
                Kind::Changed,
                format!("delete {}", self.url(key)),
                "it is another object than the one that was looked at",
            )),
        }
    }

    /// Whether deleting leaves noncurrent versions behind. `None` if the service doesn't say, or not with these rights.
    pub async fn is_versioned(&self) -> Option<bool> {
        use aws_sdk_s3::types::BucketVersioningStatus::Enabled;
        let request = self.client.get_bucket_versioning();
        let answer = request.bucket(&self.location.bucket).send().await.ok()?;
        Some(answer.status() == Some(&Enabled))
    }
}
