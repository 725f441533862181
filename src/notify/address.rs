//! Addresses that are secret.

use std::fmt;

use reqwest::Url;

use crate::{
    plain_http::{address, is_this_machine},
    redact::SecretText,
};

/// A URL whose path or query is a secret. Only its host is ever printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    whole: SecretText,
    host: String,
}

/// Why a text is not an address that messages can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// It is not a URL.
    #[error("it is not a URL ({0})")]
    NotAUrl(String),
    /// Its scheme is neither `https` nor `http`.
    #[error("its scheme is {0}, not https")]
    Scheme(String),
    /// It is `http` to a host that is not this machine.
    #[error("it is http: whoever is on the way could read it and use it")]
    Plain,
    /// It contains a user or a password.
    #[error("it holds a user or a password")]
    Credentials,
}

impl AddressFault {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotAUrl(_) | Self::Scheme(_) => "give the whole address, beginning with https://".to_owned(),
            Self::Plain => "write https:// instead of http://".to_owned(),
            Self::Credentials => "leave out what stands before the @".to_owned(),
        }
    }
}

impl Address {
    /// Parses an `https` URL, or an `http` URL of this machine. There are no other exceptions: anyone who sees an
    /// address can use it, for example to keep a dead man's switch quiet.
    ///
    /// # Errors
    /// [`AddressFault`], which never repeats the text.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let url = Url::parse(text.trim()).map_err(|e| AddressFault::NotAUrl(e.to_string()))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(AddressFault::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressFault::Credentials);
        }
        if url.scheme() == "http" && !url.host_str().is_some_and(is_this_machine) {
            return Err(AddressFault::Plain);
        }
        Ok(Self {
            host: address(&url),
            whole: SecretText::new(url.into()),
        })
    }

    /// Its host, and its port if that is not the usual one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The URL itself, for sending.
    pub(super) fn url(&self) -> Url {
        Url::parse(self.whole.reveal()).expect("it was a URL when it was taken")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_is_ever_printed() {
        let address = Address::parse("https://hooks.slack.com/services/T0/B0/s3cret").unwrap();
        assert_eq!(address.to_string(), "hooks.slack.com");
        assert!(!format!("{address:?}").contains("s3cret"));
        assert!(address.url().as_str().ends_with("/s3cret"));
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for good in ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:9/x"] {
            assert!(Address::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://hooks.slack.com/x",
            "http://checks.internal/ping/x",
            "http://10.0.0.7/ping/x",
            "http://127.0.0.1.example.com/x",
        ] {
            assert_eq!(Address::parse(bad), Err(AddressFault::Plain), "{bad}");
        }
        assert_eq!(Address::parse("https://u:p@host/x"), Err(AddressFault::Credentials));
        let fault = Address::parse("hooks.slack.com/services/s3cret").unwrap_err();
        assert!(!fault.to_string().contains("s3cret"), "{fault}");
    }
}
