//! Whose the credentials are: the id of the AWS account, for the recovery sheet.

use std::time::Duration;

use aws_sdk_s3::config::timeout::TimeoutConfig;

use super::{S3, endpoint};

/// How long STS may take: nothing depends on it.
const WITHIN: Duration = Duration::from_secs(5);

impl S3 {
    /// The id of the AWS account that the credentials are of, 12 digits: as what gave them says, or STS, which tells
    /// everybody without any right. None where the service is not AWS, and where neither tells within 5 s.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>
    pub async fn account(&self) -> Option<String> {
        let sdk = self.source.settings().await;
        let own_sts = endpoint::setting(&sdk, "STS", "AWS_ENDPOINT_URL", "endpoint_url").is_some();
        if self.endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_aws()) && !own_sts {
            return None;
        }
        let found = self.source.current().await.ok()?;
        let known = found.account_id().map(|id| id.as_str().to_owned());
        let id = match known {
            Some(id) => id,
            None => {
                let within = TimeoutConfig::builder().operation_timeout(WITHIN).build();
                let config = aws_sdk_sts::config::Builder::from(&sdk)
                    .credentials_provider(found)
                    .timeout_config(within);
                let client = aws_sdk_sts::Client::from_conf(config.build());
                client.get_caller_identity().send().await.ok()?.account?
            }
        };
        let is_id = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
        is_id.then_some(id)
    }
}
