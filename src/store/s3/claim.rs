//! Claims: a write that fails if the object exists shows who was first, without any right to read.

use std::sync::atomic::Ordering;

use aws_config::retry::RetryConfig;
use aws_sdk_s3::config::{Builder, Config};
use bytes::Bytes;

use super::{Claim, Error, Kind, S3, etag_given, retry::ATTEMPTS};
use crate::retry::Backoff;

impl S3 {
    /// Claims a name atomically: writes a small object under it unless there is one.
    ///
    /// If an answer is lost and the repeated write is refused, the name counts as ours, as doing something twice is
    /// better than not doing it.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] if the service doesn't support conditional writes or ignores the condition, or any other
    /// error of the service or the network.
    pub async fn claim(&self, key: &str, body: Bytes) -> Result<Claim, Error> {
        let claim = self.take_name(key, &body).await?;
        let checked = &self.quirks.conditions_hold;
        if claim == Claim::Held {
            checked.store(true, Ordering::Relaxed);
        }
        if claim == Claim::Taken && !checked.load(Ordering::Relaxed) {
            self.see_refused(key, &body).await?;
            checked.store(true, Ordering::Relaxed);
        }
        Ok(claim)
    }

    /// Checks that a second write of the same name is refused. Unlike in the first write, a lost answer doesn't matter
    /// here: a service that refuses the repeated write supports the condition.
    async fn see_refused(&self, key: &str, body: &Bytes) -> Result<(), Error> {
        let ask = || self.take_name_once(key, body);
        match self.retry(ATTEMPTS, ask).await {
            Err(error) if error.kind == Kind::Exists => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Err(Error::new(
                Kind::Unsupported,
                format!("take the name {}", self.url(key)),
                "the service ignores If-None-Match: it wrote over an object that it was told not to",
            )),
        }
    }

    async fn take_name(&self, key: &str, body: &Bytes) -> Result<Claim, Error> {
        let mut lost = false;
        let mut attempt = 1;
        loop {
            match self.take_name_once(key, body).await {
                Ok(()) => return Ok(Claim::Taken),
                Err(error) if error.kind == Kind::Exists && lost => return Ok(Claim::Taken),
                Err(error) if error.kind == Kind::Exists => return Ok(Claim::Held),
                Err(error) if error.kind.is_passing() && attempt < ATTEMPTS => {
                    lost = true;
                    tokio::time::sleep(Backoff::OF_REQUESTS.jittered(attempt)).await;
                    attempt += 1;
                }
                Err(error) if self.learns_checksum(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) async fn take_name_once(&self, key: &str, body: &Bytes) -> Result<(), Error> {
        let request = self.put_object(key, body).if_none_match("*").customize();
        let mut request = request.config_override(unrepeated());
        if self.over_tls {
            request = request.disable_payload_signing();
        }
        let answer = request.send().await;
        let doing = || format!("take the name {}", self.url(key));
        match answer {
            Ok(output) => etag_given(output.e_tag, &doing()).map(drop),
            Err(error) => Err(Error::from_sdk(doing(), &error)),
        }
    }
}

/// Turns off the SDK's own retries. A retry could answer "exists already" about the object that its first attempt
/// wrote.
pub(super) fn unrepeated() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}
