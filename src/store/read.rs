//! Objects on their way back: whole, by ranges, or looked at.

use std::ops::Range;

use bytes::Bytes;

use super::{ATTEMPTS, ATTEMPTS_UNDER_WAY, Error, Kind, Object, Store, Thaw, lock, patiently};

impl Store {
    /// Reads a small object whole, of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// [`Kind::NotFound`], and whatever the service or the network refuses.
    pub async fn read(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error> {
        self.read_again(key, None, None, bytes_max).await
    }

    /// Reads bytes `range` of an object whose entity tag was `etag`.
    ///
    /// # Errors
    /// [`Kind::Changed`] where it is another object by now, [`Kind::Cold`], [`Kind::NotFound`], and whatever the service
    /// or the network refuses.
    pub async fn read_range(
        &self,
        key: &str,
        range: Range<u64>,
        etag: Option<&str>,
    ) -> Result<Bytes, Error> {
        let bytes = range.end.saturating_sub(range.start);
        let header = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let body = self.read_again(key, Some(header), etag, bytes).await?;
        if body.len() as u64 == bytes {
            Ok(body)
        } else {
            let why = format!(
                "asked for {bytes} bytes from {}, got {}",
                range.start,
                body.len()
            );
            Err(Error::new(
                Kind::Changed,
                format!("read {}", self.url(key)),
                why,
            ))
        }
    }

    async fn read_again(
        &self,
        key: &str,
        range: Option<String>,
        etag: Option<&str>,
        bytes_max: u64,
    ) -> Result<Bytes, Error> {
        patiently(ATTEMPTS_UNDER_WAY, || {
            self.read_once(key, range.clone(), etag, bytes_max)
        })
        .await
    }

    async fn read_once(
        &self,
        key: &str,
        range: Option<String>,
        etag: Option<&str>,
        bytes_max: u64,
    ) -> Result<Bytes, Error> {
        let doing = || format!("read {}", self.url(key));
        self.check_may_look(doing)?;
        let answer = self
            .client
            .get_object()
            .bucket(&self.location.bucket)
            .key(key)
            .set_range(range)
            .set_if_match(etag.map(str::to_owned))
            .send()
            .await;
        let output = match answer {
            Ok(output) => output,
            Err(error) => {
                let error = Error::from_sdk(doing(), &error);
                return Err(match error.kind {
                    // If-Match is the only condition that reading has
                    Kind::Exists => Error {
                        kind: Kind::Changed,
                        ..error
                    },
                    Kind::Denied if self.is_missing(key).await => Error {
                        kind: Kind::NotFound,
                        ..error
                    },
                    _ => error,
                });
            }
        };
        let too_long = || {
            Error::new(
                Kind::Other,
                doing(),
                format!("it is longer than {bytes_max} bytes"),
            )
        };
        if output
            .content_length()
            .and_then(|n| u64::try_from(n).ok())
            .is_some_and(|n| n > bytes_max)
        {
            return Err(too_long());
        }
        let mut body = output.body;
        let mut bytes = Vec::with_capacity(
            usize::try_from(bytes_max.min(64 << 20))
                .unwrap_or(0)
                .min(usize::try_from(output.content_length.unwrap_or(0)).unwrap_or(0)),
        );
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|e| {
                Error::new(
                    Kind::Unreachable,
                    doing(),
                    format!("the answer broke off: {e}"),
                )
            })?;
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > bytes_max {
                return Err(too_long());
            }
        }
        Ok(bytes.into())
    }

    /// Looks at an object; `None` where there is none.
    ///
    /// # Errors
    /// Whatever the service or the network refuses. Without the right to list, S3 answers [`Kind::Denied`] for an object
    /// that isn't there.
    pub async fn head(&self, key: &str) -> Result<Option<Object>, Error> {
        patiently(ATTEMPTS, || self.head_once(key)).await
    }

    /// Of an object that isn't there S3 says "denied" to who may not list, and who may list below a prefix alone is taken
    /// for one of these: his listing tells.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
    async fn is_missing(&self, key: &str) -> bool {
        let listed = self.list_once(key).await;
        listed.is_ok_and(|objects| objects.iter().all(|object| object.key != key))
    }

    async fn head_once(&self, key: &str) -> Result<Option<Object>, Error> {
        let doing = || format!("look at {}", self.url(key));
        self.check_may_look(doing)?;
        let request = self
            .client
            .head_object()
            .bucket(&self.location.bucket)
            .key(key);
        match request.send().await {
            Ok(output) => Ok(Some(Object {
                key: key.to_owned(),
                bytes: output
                    .content_length()
                    .and_then(|n| u64::try_from(n).ok())
                    .unwrap_or(0),
                etag: output.e_tag().map(str::to_owned),
                modified: output.last_modified().and_then(lock::timestamp),
                storage_class: output.storage_class().map(|c| c.as_str().to_owned()),
                archive_tier: output.archive_status().map(|t| t.as_str().to_owned()),
                thaw: Thaw::of(&output),
            })),
            Err(error) => {
                let error = Error::from_sdk(doing(), &error);
                match error.kind {
                    Kind::NotFound => Ok(None),
                    Kind::Denied if self.is_missing(key).await => Ok(None),
                    _ => Err(error),
                }
            }
        }
    }
}
