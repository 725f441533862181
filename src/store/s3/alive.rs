//! Whether a service that says nothing to one request says anything at all.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_s3::config::Config;

use super::{Error, Kind, S3, connect::timeouts};

/// How long is waited for a sign of life.
const SIGN_MAX: Duration = Duration::from_secs(45);
/// How often one is looked for while a request says nothing.
pub(super) const LOOKS_APART: Duration = Duration::from_secs(15);
/// For how long a request may say nothing before that.
const UNASKED: Duration = Duration::from_secs(45);

impl S3 {
    /// Whether the service answers at all, on another connection: the bucket is looked at, and any answer will do.
    pub(super) async fn is_alive(&self) -> bool {
        let options = Config::builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(SIGN_MAX, SIGN_MAX));
        let request = self.client.head_bucket().bucket(&self.location.bucket);
        let answer = request.customize().config_override(options).send().await;
        answer.map_or_else(|error| error.raw_response().is_some(), |_| true)
    }

    /// Waits for a request that may take long by itself, as long as the service answers others.
    pub(super) async fn while_alive<T>(
        &self,
        doing: impl Fn() -> String,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut request = std::pin::pin!(request);
        let mut wait = UNASKED;
        let mut silent = UNASKED;
        loop {
            tokio::select! {
                answer = &mut request => return answer,
                () = tokio::time::sleep(wait) => {}
            }
            let alive = tokio::select! {
                answer = &mut request => return answer,
                alive = self.is_alive() => alive,
            };
            if !alive {
                silent += SIGN_MAX;
                let kind = match silent < self.silence.budget() {
                    true => Kind::Unreachable,
                    false => Kind::Silent,
                };
                let why = format!("the service has not answered for {} s", silent.as_secs());
                return Err(Error::new(kind, doing(), why));
            }
            wait = LOOKS_APART;
        }
    }
}
