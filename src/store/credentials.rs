//! Credentials, looked at before the AWS SDK signs with them.

use std::borrow::Cow;

use aws_config::Region;
use aws_credential_types::provider::{Result as Provided, error::CredentialsError, future};
use aws_sdk_s3::config::{Credentials, ProvideCredentials, SharedCredentialsProvider};

use crate::text::escaped;

/// Part of the error, by which its hint is found.
pub(super) const UNFIT: &str = "which can't stand in a request's header";

/// Credentials of whatever source, and the region. The SDK writes both into a header, and panics where they can't stand there:
/// at a carriage return from a profile, a line feed from a program, a blank that breaks no line from a web page.
#[derive(Debug)]
pub(super) struct Signing {
    provider: SharedCredentialsProvider,
    /// what is wrong with the region
    fault: Option<String>,
}

impl Signing {
    pub(super) fn new(provider: SharedCredentialsProvider, region: Option<&Region>) -> Self {
        let fault = region.and_then(|region| fault("the region", region.as_ref()));
        Self { provider, fault }
    }

    async fn checked(&self) -> Provided {
        let found = self.provider.provide_credentials().await?;
        let fault = self.fault.clone().or_else(|| fault_of(&found));
        match fault {
            Some(fault) => Err(CredentialsError::invalid_configuration(fault)),
            None => Ok(found),
        }
    }
}

impl ProvideCredentials for Signing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.checked())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        let fallback = self.provider.fallback_on_interrupt()?;
        (self.fault.is_none() && fault_of(&fallback).is_none()).then_some(fallback)
    }
}

fn fault_of(found: &Credentials) -> Option<String> {
    let token = found.session_token().unwrap_or_default();
    fault("the access key's id", found.access_key_id())
        .or_else(|| fault("the session token", token))
}

/// Names the first character that is neither a letter, a digit nor a sign of ASCII, and says no more of what may be a secret.
fn fault(what: &str, text: &str) -> Option<String> {
    let (at, c) = text
        .chars()
        .enumerate()
        .find(|(_, c)| !c.is_ascii_graphic())?;
    let mut buffer = [0; 4];
    let shown = match escaped(c.encode_utf8(&mut buffer)) {
        Cow::Owned(shown) => shown,
        Cow::Borrowed(shown) => format!("{shown:?}"),
    };
    let number = at + 1;
    Some(format!(
        "{what} holds {shown} as its character {number}, {UNFIT}"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    async fn told(id: &str, token: Option<&str>, region: &'static str) -> Option<String> {
        let token = token.map(ToOwned::to_owned);
        let credentials = Credentials::new(id, "secret", token, None, "test");
        let provider = SharedCredentialsProvider::new(credentials);
        let signing = Signing::new(provider, Some(&Region::from_static(region)));
        let error = signing.provide_credentials().await.err()?;
        Some(std::error::Error::source(&error).unwrap().to_string())
    }

    #[tokio::test]
    async fn what_no_header_takes_is_named_whatever_its_source() {
        assert_eq!(told("AKIA", Some("x/+="), "eu-central-1").await, None);
        for (id, token, region, words) in [
            (
                "AKIA\r",
                None,
                "eu",
                "the access key's id holds \\r as its character 5",
            ),
            ("AK\nIA", None, "eu", "\\n as its character 3"),
            ("AKIA\u{a0}", None, "eu", "\\u{a0}"),
            ("AK IA", None, "eu", "\" \""),
            ("ÄKIA", None, "eu", "\"Ä\""),
            ("AKIA", Some("t\t"), "eu", "the session token holds \\t"),
            ("AKIA", None, "eu\u{200b}", "the region holds \\u{200b}"),
        ] {
            let said = told(id, token, region).await.unwrap();
            assert!(said.contains(words) && said.contains(UNFIT), "{said}");
        }
    }
}
