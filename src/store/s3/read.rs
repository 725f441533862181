//! Reads objects: completely, by ranges, or only their metadata.

use std::{ops::Range, time::Duration};

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use tokio::time::timeout;

use super::{
    Error, Kind, Object, S3, Thaw, etag, lock,
    retry::{ATTEMPTS, ATTEMPTS_UNDER_WAY},
    silence::Silence,
};

/// The lowest speed of a body: 8 KiB/s. A slower one is given up.
const BYTES_PER_SECOND_MIN: u64 = 8 << 10;
/// The most memory that is reserved because an answer announces so many bytes.
const BYTES_BELIEVED: u64 = 4 << 20;

/// Why a body could not be read.
enum Unread {
    TooLong,
    Broken(String),
}

/// Reads a body of at most `bytes_max` bytes, whatever length its headers announce.
async fn collect(
    mut body: ByteStream,
    length: Option<u64>,
    bytes_max: u64,
    silence: &Silence,
) -> Result<Bytes, Unread> {
    if length.is_some_and(|length| length > bytes_max) {
        return Err(Unread::TooLong);
    }
    let room = length.unwrap_or(0).min(BYTES_BELIEVED);
    let mut bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(0));
    while let Some(piece) = body.next().await {
        silence.received();
        let piece = piece.map_err(|e| Unread::Broken(e.to_string()))?;
        if (bytes.len() + piece.len()) as u64 > bytes_max {
            return Err(Unread::TooLong);
        }
        bytes.extend_from_slice(&piece);
    }
    silence.came_whole();
    Ok(bytes.into())
}

fn time_for(bytes: u64) -> Duration {
    Duration::from_secs(60 + bytes / BYTES_PER_SECOND_MIN)
}

/// Whether a `Content-Range` is the requested one: `bytes 0-99/1234`.
fn is_of(content_range: &str, range: &Range<u64>) -> bool {
    let given = content_range
        .strip_prefix("bytes ")
        .and_then(|text| text.split('/').next());
    let asked = format!("{}-{}", range.start, range.end.saturating_sub(1));
    given.is_some_and(|given| given.trim() == asked)
}

impl S3 {
    /// Reads a small object of at most `bytes_max` bytes completely.
    ///
    /// # Errors
    /// [`Kind::NotFound`], or any other error of the service or the network.
    pub async fn read(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error> {
        let read = || self.read_once(key, None, None, bytes_max);
        self.retry(ATTEMPTS_UNDER_WAY, read).await
    }

    /// Does the same at the beginning of a command: a service that can't be reached is an error within half a minute.
    ///
    /// # Errors
    /// As [`S3::read`].
    pub async fn read_first(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error> {
        let read = || self.read_once(key, None, None, bytes_max);
        self.retry(ATTEMPTS, read).await
    }

    /// Reads the bytes `range` of the object whose entity tag is `etag`.
    ///
    /// # Errors
    /// [`Kind::Changed`] if it is another object by now, [`Kind::Cold`], [`Kind::NotFound`], or any other error of the
    /// service or the network.
    pub async fn read_range(&self, key: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes, Error> {
        // no header can request zero bytes, and a service has no range of an empty object
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let bytes = range.end.saturating_sub(range.start);
        let read = || async {
            let body = self.read_once(key, Some(&range), etag, bytes).await?;
            if body.len() as u64 == bytes {
                return Ok(body);
            }
            let (start, got) = (range.start, body.len());
            let why = format!("asked for {bytes} bytes from {start}, got {got}");
            Err(Error::new(Kind::Damaged, format!("read {}", self.url(key)), why))
        };
        self.retry(ATTEMPTS_UNDER_WAY, read).await
    }

    async fn read_once(
        &self,
        key: &str,
        range: Option<&Range<u64>>,
        etag: Option<&str>,
        bytes_max: u64,
    ) -> Result<Bytes, Error> {
        let doing = || format!("read {}", self.url(key));
        self.check_may_look(doing)?;
        let header = range.map(|range| format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
        let answer = self
            .client
            .get_object()
            .bucket(&self.location.bucket)
            .key(key)
            .set_range(header)
            .set_if_match(etag.map(str::to_owned))
            .send()
            .await;
        let output = match answer {
            Ok(output) => output,
            Err(error) => {
                let error = Error::from_sdk(doing(), &error);
                return Err(match error.kind {
                    // If-Match is the only condition of this request
                    Kind::Exists => Error {
                        kind: Kind::Changed,
                        why: format!("it is another object than was looked at before: {}", error.why),
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
        if let (Some(range), Some(given)) = (range, output.content_range())
            && !is_of(given, range)
        {
            let why = format!("asked for bytes {} to {}, got {given}", range.start, range.end);
            return Err(Error::new(Kind::Damaged, doing(), why));
        }
        let length = output.content_length().and_then(|n| u64::try_from(n).ok());
        let time = time_for(length.unwrap_or(bytes_max).min(bytes_max));
        let body = collect(output.body, length, bytes_max, &self.silence);
        let slow = |_| Unread::Broken("it took too long".to_owned());
        timeout(time, body)
            .await
            .map_err(slow)
            .flatten()
            .inspect_err(|unread| {
                if let Unread::Broken(_) = unread {
                    self.silence.stalled();
                }
            })
            .map_err(|unread| match unread {
                // the request for a range said how long it is
                Unread::TooLong if range.is_some() => {
                    let why = format!("asked for {bytes_max} bytes, and more came");
                    Error::new(Kind::Damaged, doing(), why)
                }
                Unread::TooLong => Error::new(Kind::Other, doing(), format!("it is longer than {bytes_max} bytes")),
                Unread::Broken(why) => Error::new(Kind::Unreachable, doing(), format!("the answer broke off: {why}")),
            })
    }

    /// Looks at an object. `None` if it doesn't exist.
    ///
    /// # Errors
    /// Any error of the service or the network. Without the right to list, S3 answers [`Kind::Denied`] for an object
    /// that isn't there.
    pub async fn head(&self, key: &str) -> Result<Option<Object>, Error> {
        let doing = || format!("look at {}", self.url(key));
        self.ask(ATTEMPTS, || self.head_once(key), doing).await
    }

    /// Whether an object is missing. Without the right to list, S3 answers "denied" for a missing object, also to users
    /// who may list below a prefix. A listing of the key shows whether it exists.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>
    async fn is_missing(&self, key: &str) -> bool {
        let listed = self.list_once(key).await;
        listed.is_ok_and(|objects| objects.iter().all(|object| object.key != key))
    }

    pub(super) async fn head_once(&self, key: &str) -> Result<Option<Object>, Error> {
        let doing = || format!("look at {}", self.url(key));
        self.check_may_look(doing)?;
        let request = self.client.head_object().bucket(&self.location.bucket).key(key);
        match request.send().await {
            Ok(output) => Ok(Some(Object {
                key: key.to_owned(),
                bytes: output
                    .content_length()
                    .and_then(|n| u64::try_from(n).ok())
                    .ok_or_else(|| {
                        let why = "the service does not say how long it is";
                        Error::new(Kind::Damaged, doing(), why)
                    })?,
                etag: output.e_tag().map(etag::strong),
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
