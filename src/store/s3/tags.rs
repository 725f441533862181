//! An object's tags.

use std::{fmt::Write as _, sync::atomic::Ordering};

use aws_sdk_s3::types::{Tag, Tagging};

use super::{Error, Kind, S3, retry::ATTEMPTS};

/// Tags in the form of `x-amz-tagging`: a URL query.
pub(super) fn query(tags: &[(String, String)]) -> String {
    let mut text = String::new();
    for (key, value) in tags {
        let encode = |part| percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC);
        let separator = if text.is_empty() { "" } else { "&" };
        // writing to a String can't fail
        let _ = write!(text, "{separator}{}={}", encode(key), encode(value));
    }
    text
}

impl S3 {
    /// Whether tags were read before, so that an error must have another reason.
    fn has_tags(&self) -> bool {
        self.quirks.has_tags.load(Ordering::Relaxed)
    }

    /// An object's tags. `None` if the service has no tags.
    ///
    /// # Errors
    /// [`Kind::NotFound`], [`Kind::Denied`] if these credentials may not read them, or any other error of the service
    /// or the network.
    pub async fn tags(&self, key: &str) -> Result<Option<Vec<(String, String)>>, Error> {
        self.check_may_look(|| format!("read the tags of {}", self.url(key)))?;
        let read = || async {
            let request = self.client.get_object_tagging();
            let answer = request.bucket(&self.location.bucket).key(key).send().await;
            let doing = format!("read the tags of {}", self.url(key));
            let answer = answer.map_err(|error| Error::from_sdk(doing, &error))?;
            let pair = |tag: &Tag| (tag.key().to_owned(), tag.value().to_owned());
            Ok(answer.tag_set().iter().map(pair).collect::<Vec<_>>())
        };
        let doing = || format!("read the tags of {}", self.url(key));
        let mut answer = self.ask(ATTEMPTS, read, doing).await;
        // tried each time, and twice: a write may have been refused for another reason than its tags, and a gateway may
        // fail for a moment; a hold must not be missed because of that
        if matches!(&answer, Err(error) if error.kind == Kind::Unsupported) {
            answer = self.ask(ATTEMPTS, read, doing).await;
        }
        match answer {
            Ok(answer) => {
                self.quirks.has_tags.store(true, Ordering::Relaxed);
                Ok(Some(answer))
            }
            // for an object that was deleted in a versioned bucket, AWS answers that the method isn't allowed
            Err(error) if error.why.contains("MethodNotAllowed") => Err(Error {
                kind: Kind::NotFound,
                ..error
            }),
            Err(error) if error.kind == Kind::Unsupported && !self.has_tags() => {
                tracing::debug!("this service has no tags: {error}");
                self.quirks.no_tags.store(true, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Replaces an object's tags with `tags`. Returns `false` if the service has no tags.
    ///
    /// # Errors
    /// As [`S3::tags`].
    pub async fn set_tags(&self, key: &str, tags: &[(String, String)]) -> Result<bool, Error> {
        if self.quirks.no_tags.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let doing = format!("tag {}", self.url(key));
        let tag = |(key, value): &(String, String)| Tag::builder().key(key).value(value).build();
        let set: Result<Vec<Tag>, _> = tags.iter().map(tag).collect();
        let tagging = set.and_then(|set| Tagging::builder().set_tag_set(Some(set)).build());
        let tagging = tagging.map_err(|e| Error::new(Kind::Other, &doing, e.to_string()))?;
        let put = || async {
            let request = self.client.put_object_tagging();
            let request = request.bucket(&self.location.bucket).key(key);
            let answer = request.tagging(tagging.clone()).send().await;
            answer.map_err(|error| Error::from_sdk(doing.clone(), &error))
        };
        match self.retry(ATTEMPTS, put).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == Kind::Unsupported => {
                self.quirks.no_tags.store(true, Ordering::Relaxed);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}
