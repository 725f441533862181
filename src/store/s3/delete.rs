//! Deleting, one object a request, where it is the one that was looked at.

use std::sync::atomic::Ordering;

use super::{Error, Kind, S3, retry::ATTEMPTS};

/// An entity tag without its quotes: not every service writes them in lists.
fn bare(etag: &str) -> &str {
    etag.trim_matches('"')
}

impl S3 {
    /// Deletes an object whose entity tag was `etag`. One that is gone already is no error.
    ///
    /// Where the service knows no condition on deleting, the object is looked at right before instead.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html>
    ///
    /// # Errors
    /// [`Kind::Changed`] where it is another object by now, and whatever the service or the network refuses.
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
                // some services find that a condition on nothing isn't met: the answer to the first request was lost
                Kind::Exists if self.head(key).await?.is_none() => return Ok(()),
                // If-Match is the only condition that deleting has
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

    /// Whether the object stands as it was looked at; an error where it is another one, `false` where there is none.
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

    /// Whether deleting leaves noncurrent versions behind; `None` where the service doesn't say.
    ///
    /// # Errors
    /// None that matters: who may not ask is told `None`.
    pub async fn is_versioned(&self) -> Option<bool> {
        use aws_sdk_s3::types::BucketVersioningStatus::Enabled;
        let request = self.client.get_bucket_versioning();
        let answer = request.bucket(&self.location.bucket).send().await.ok()?;
        Some(answer.status() == Some(&Enabled))
    }
}
