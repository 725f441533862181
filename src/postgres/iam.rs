//! Logins to RDS and Aurora by AWS IAM. The password is a signed request, which is valid for 15 minutes and checked
//! when a connection begins. So each connection gets its own.
//!
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html>

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::timeout;

use crate::{aws_credentials::nothing_found, redact::SecretText};

/// A future that returns a password, or an error message.
pub type PasswordFuture<'a> = Pin<Box<dyn Future<Output = Result<SecretText, String>> + Send + 'a>>;

/// A source of a new password for each connection.
pub trait PasswordSource: fmt::Debug + Send + Sync {
    /// Makes a password for a connection of this role to this server. The error says why there is none.
    fn make<'a>(&'a self, host: &'a str, port: u16, user: &'a str) -> PasswordFuture<'a>;
}

/// The time for which a token is valid. AWS allows no longer time.
const VALID: Duration = Duration::from_secs(900);

/// The service name in AWS's right `rds-db:connect`.
const SERVICE: &str = "rds-db";

/// All characters except RFC 3986's unreserved ones, which AWS's signatures require to be encoded.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Tokens that are signed with credentials from the AWS SDK's own chain: environment, profile, web identity, container,
/// instance.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsIam;

/// The longest time for the SDK to find credentials. Without any it asks a metadata service that may not exist.
const SEARCH: Duration = Duration::from_secs(30);

impl PasswordSource for AwsIam {
    fn make<'a>(&'a self, host: &'a str, port: u16, user: &'a str) -> PasswordFuture<'a> {
        Box::pin(async move {
            let (credentials, region) = timeout(SEARCH, found())
                .await
                .map_err(|_| format!("the AWS SDK found no credentials within {} s", SEARCH.as_secs()))??;
            let region = region_of(host)
                .or_else(|| region.as_ref().map(Region::as_ref))
                .ok_or("the host's name contains no AWS region: set AWS_REGION to the database's region")?;
            token(&credentials, region, host, port, user, SystemTime::now())
        })
    }
}

/// The credentials and the region of the SDK's chain. Read again for each connection, so that rotated credentials are
/// used.
async fn found() -> Result<(Credentials, Option<Region>), String> {
    // not from the environment or profiles: the SDK panics at retry settings that it doesn't know
    let retry = RetryConfig::standard().with_max_attempts(3);
    let defaults = aws_config::defaults(BehaviorVersion::latest());
    let sdk = defaults.retry_config(retry).load().await;
    let provider = sdk
        .credentials_provider()
        .ok_or("the AWS SDK has no source of credentials")?;
    let credentials = provider.provide_credentials().await;
    Ok((credentials.map_err(|error| with_causes(&error))?, sdk.region().cloned()))
}

/// An SDK error with its causes.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(nothing_found) = nothing_found(error) {
        return nothing_found;
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The region in a host name: `eu-central-1` in `shop.abcdef.eu-central-1.rds.amazonaws.com`. A token is valid only in
/// the database's own region.
fn region_of(host: &str) -> Option<&str> {
    let (before, _) = host.split_once(".rds.amazonaws.")?;
    before.rsplit('.').next().filter(|region| !region.is_empty())
}

fn token(
    credentials: &Credentials,
    region: &str,
    host: &str,
    port: u16,
    user: &str,
    now: SystemTime,
) -> Result<SecretText, String> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(VALID);
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(now)
        .settings(settings)
        .build()
        .map_err(|error| with_causes(&error))?;
    let user = utf8_percent_encode(user, QUERY);
    let request = format!("https://{host}:{port}/?Action=connect&DBUser={user}");
    let signable = SignableRequest::new("GET", &request, std::iter::empty(), SignableBody::Bytes(&[]))
        .map_err(|error| with_causes(&error))?;
    let (instructions, _) = sign(signable, &parameters.into())
        .map_err(|error| with_causes(&error))?
        .into_parts();
    let mut token = request.trim_start_matches("https://").to_owned();
    for (name, value) in instructions.params() {
        token.push_str(&format!("&{name}={}", utf8_percent_encode(value, QUERY)));
    }
    Ok(SecretText::new(token))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use std::collections::BTreeMap;

    use hmac::{Hmac, KeyInit as _, Mac as _};
    use sha2::{Digest as _, Sha256};

    use super::*;

    const HOST: &str = "shop.cluster-abc.eu-central-1.rds.amazonaws.com";

    fn hex(bytes: &[u8]) -> String {
        data_encoding::HEXLOWER.encode(bytes)
    }

    fn mac(key: &[u8], text: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    /// Verifies a presigned URL as a server does, written from the documentation of Signature Version 4.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
    fn is_signed(token: &str, secret: &str, region: &str) -> bool {
        let (host, query) = token.split_once("/?").unwrap();
        let mut pairs: BTreeMap<&str, &str> = query.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
        let signature = pairs.remove("X-Amz-Signature").unwrap();
        let canonical: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = format!(
            "GET\n/\n{}\nhost:{host}\n\nhost\n{}",
            canonical.join("&"),
            hex(&Sha256::digest(b""))
        );
        let time = pairs["X-Amz-Date"];
        let scope = format!("{}/{region}/rds-db/aws4_request", &time[..8]);
        assert!(pairs["X-Amz-Credential"].ends_with(&scope.replace('/', "%2F")));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(request)));
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in scope.split('/') {
            key = mac(&key, part);
        }
        hex(&mac(&key, &to_sign)) == signature
    }

    #[test]
    fn a_token_is_a_presigned_request_for_this_server_and_role() {
        for session in [None, Some("FwoGZXIvYXdz//+=")] {
            for user in ["backup", "an odd+name@corp/é"] {
                let credentials = Credentials::new(
                    "AKIAIOSFODNN7EXAMPLE",
                    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                    session.map(str::to_owned),
                    None,
                    "test",
                );
                let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
                let made = token(&credentials, "eu-central-1", HOST, 5433, user, now).unwrap();
                let text = made.reveal();
                let user = utf8_percent_encode(user, QUERY);
                let begins = format!("{HOST}:5433/?Action=connect&DBUser={user}&");
                assert!(text.starts_with(&begins), "{text}");
                assert!(text.contains("X-Amz-Expires=900") && text.contains("X-Amz-Date=20270115T080000Z"));
                assert_eq!(text.contains("X-Amz-Security-Token="), session.is_some());
                let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
                assert!(is_signed(text, secret, "eu-central-1"), "{text}");
                assert!(!is_signed(text, "another", "eu-central-1"));
                assert!(!is_signed(&text.replacen("5433", "5432", 1), secret, "eu-central-1"));
                assert!(!format!("{made:?}").contains("X-Amz"));
            }
        }
    }

    #[test]
    fn the_region_is_the_databases_own() {
        for (host, region) in [
            (HOST, Some("eu-central-1")),
            ("shop.abc.cn-north-1.rds.amazonaws.com.cn", Some("cn-north-1")),
            ("shop.proxy-abc.us-gov-west-1.rds.amazonaws.com", Some("us-gov-west-1")),
            ("db.example.com", None),
            ("localhost", None),
        ] {
            assert_eq!(region_of(host), region);
        }
    }
}
