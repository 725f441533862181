//! Whether a service that doesn't answer one request answers others.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_s3::config::Config;

use super::{Error, Kind, S3, connect::timeouts};

/// The time limit of a check whether the service answers.
const CHECK_MAX: Duration = Duration::from_secs(45);
/// The pause between two checks while a request has no answer.
pub(super) const CHECK_EVERY: Duration = Duration::from_secs(15);
/// How long a request waits before the first check.
const CHECK_AFTER: Duration = Duration::from_secs(45);

impl S3 {
    /// Whether the service answers a request for the bucket on another connection. Any answer counts.
    pub(super) async fn is_alive(&self) -> bool {
        let options = Config::builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(CHECK_MAX, CHECK_MAX));
        let request = self.client.head_bucket().bucket(&self.location.bucket);
        let answer = request.customize().config_override(options).send().await;
        answer.map_or_else(|error| error.raw_response().is_some(), |_| true)
    }

    /// Waits for a request that may take long, as long as the service answers other requests.
    pub(super) async fn while_alive<T>(
        &self,
        doing: impl Fn() -> String,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut request = std::pin::pin!(request);
        let mut wait = CHECK_AFTER;
        let mut silent = CHECK_AFTER;
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
                silent += CHECK_MAX;
                let kind = match silent < self.silence.budget() {
                    true => Kind::Unreachable,
                    false => Kind::Silent,
                };
                let why = format!("the service has not answered for {} s", silent.as_secs());
                return Err(Error::new(kind, doing(), why));
            }
            wait = CHECK_EVERY;
        }
    }
}
