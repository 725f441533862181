//! Names that only one can have: a write that fails where there is an object already tells so without any right to
//! look.

use std::sync::atomic::Ordering;

use aws_config::retry::RetryConfig;
use aws_sdk_s3::config::{Builder, Config};
use bytes::Bytes;

use super::{
    Claim, Error, Kind, S3, etag_given,
    retry::{ATTEMPTS, pause},
};

impl S3 {
    /// Takes a name, atomically: writes a small object there unless there is one.
    ///
    /// A write whose answer was lost and that is refused afterwards counts as ours: rather do something twice than not
    /// at all.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] where the service knows no condition on writing or ignores it, and whatever the service or
    /// the network refuses.
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

    /// Asks for a name that is ours already. That an answer was lost says nothing here, unlike where it is asked first:
    /// a service that refuses it then knows the condition.
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
                    tokio::time::sleep(pause(attempt)).await;
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

/// Without the SDK's own attempts: behind one of these "it is there already" might be said of what we wrote ourselves.
pub(super) fn unrepeated() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}
