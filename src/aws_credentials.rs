//! What is said if the AWS SDK found no credentials. The SDK's own words are a list of its parts, of which most were
//! never meant to give any.

use std::{error::Error, iter};

use aws_config::meta::{ProviderAttempt, ProviderChainError};
use aws_credential_types::provider::error::CredentialsError;

/// That nothing gave any, and where it was looked for.
const NOWHERE: &str = "no credentials were found, neither in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor in ~/.aws, \
                       nor in a role of this machine";

/// What a part of the SDK's chain says that was not meant to give credentials.
const NOT_MEANT: [(&str, &[&str]); 5] = [
    ("Environment", &["environment variable not set"]),
    ("Profile", &["profile `default` was not defined"]),
    ("WebIdentityToken", &["AWS_WEB_IDENTITY_TOKEN_FILE was not set"]),
    ("EcsContainer", &["not configured"]),
    (
        "Ec2InstanceMetadata",
        &["IMDS disabled", "could not communicate with IMDS", "404 from IMDS"],
    ),
];

/// That no credentials were found, and what of the sources that were meant is not as it should be. `None` if the error is
/// another one, such as a source that failed.
#[must_use]
pub(crate) fn nothing_found(error: &(dyn Error + 'static)) -> Option<String> {
    let chain = causes(Some(error)).find_map(|cause| cause.downcast_ref::<ProviderChainError<CredentialsError>>())?;
    let faults: Vec<String> = chain.attempts().iter().filter_map(fault).collect();
    Some(match faults.is_empty() {
        true => NOWHERE.to_owned(),
        false => format!("no credentials were found: {}", faults.join("; ")),
    })
}

fn causes<'a>(first: Option<&'a (dyn Error + 'static)>) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(first, |cause| {
        let cause: &'a (dyn Error + 'static) = *cause;
        cause.source()
    })
}

/// What a source says that was meant to give credentials.
fn fault(attempt: &ProviderAttempt<CredentialsError>) -> Option<String> {
    // the outermost error says only that there are none
    let said: Vec<String> = causes(attempt.error().source()).map(ToString::to_string).collect();
    let said = said.join(": ");
    let usual = NOT_MEANT.iter().find(|(name, _)| *name == attempt.name());
    let is_usual = usual.is_some_and(|(_, texts)| texts.iter().any(|text| said.contains(text)));
    (!said.is_empty() && !is_usual).then_some(said)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use aws_config::meta::credentials::CredentialsProviderChain;
    use aws_credential_types::{credential_fn::provide_credentials_fn, provider::ProvideCredentials as _};

    use super::*;

    async fn said(profile: &'static str, instance: &'static str) -> Option<String> {
        let none =
            |text: &'static str| provide_credentials_fn(move || async move { Err(CredentialsError::not_loaded(text)) });
        let chain = CredentialsProviderChain::first_try("Environment", none("environment variable not set"))
            .or_else("Profile", none(profile))
            .or_else("Ec2InstanceMetadata", none(instance));
        nothing_found(&chain.provide_credentials().await.unwrap_err())
    }

    #[tokio::test]
    async fn what_was_looked_at_is_told_and_a_source_that_was_meant_says_why() {
        let nowhere = said("profile `default` was not defined: x", "IMDS disabled by x").await;
        assert_eq!(nowhere.as_deref(), Some(NOWHERE));
        let profile = said(
            "profile `prod` was not defined: could not find source profile prod",
            "received 404 from IMDS",
        );
        assert_eq!(
            profile.await.as_deref(),
            Some("no credentials were found: profile `prod` was not defined: could not find source profile prod")
        );
    }

    #[tokio::test]
    async fn a_source_that_failed_is_another_error() {
        let failed = provide_credentials_fn(|| async { Err(CredentialsError::provider_error("status 500")) });
        let chain = CredentialsProviderChain::first_try("Ec2InstanceMetadata", failed);
        assert_eq!(nothing_found(&chain.provide_credentials().await.unwrap_err()), None);
    }
}
