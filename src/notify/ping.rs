//! Pings of a dead man's switch, by the protocol of healthchecks.io. <https://healthchecks.io/docs/http_api/>

use std::time::Duration;

use reqwest::{
    Client,
    header::{CONTENT_TYPE, HeaderMap, HeaderValue},
};

use super::{Address, Error, SendLimits, http};
use crate::{
    panics::caught_as_error,
    text::{Untrusted, escaped_lines},
};

/// The most bytes of a body, as healthchecks.io keeps only so many by default.
const BODY_BYTES_MAX: usize = 10_000;
/// The time in which healthchecks.io ignores more than five pings of one check.
const RATE_LIMIT: Duration = Duration::from_secs(60);

/// A check at a service that notices when pings stop.
#[derive(Debug, Clone)]
pub struct Ping {
    address: Address,
}

/// The signal of a ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// A run begins.
    Start,
    /// All is well.
    Success,
    /// A run ended with this exit status; 0 is success.
    Exit(u8),
    /// Changes nothing. The text is added to the check's log.
    Log,
}

/// The id that connects the beginning and the end of a run: a UUID of version 4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    /// A new id. `None` if the system has no random bytes, as a ping is possible without.
    #[must_use]
    pub fn generate() -> Option<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = data_encoding::HEXLOWER.encode(&bytes);
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        Some(Self(parts.join("-")))
    }

    /// The UUID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ping {
    /// The check with this address, by UUID or by ping key and slug, at healthchecks.io or another server.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address }
    }

    /// Its host.
    #[must_use]
    pub fn host(&self) -> &str {
        self.address.host()
    }

    /// Sends a signal with some text. Retried within `limits`; harmless to repeat and safe to cancel.
    ///
    /// # Errors
    /// Any error of the request.
    pub async fn send(&self, signal: Signal, run: Option<&RunId>, text: &str, limits: SendLimits) -> Result<(), Error> {
        let sent = async {
            let client = http::client()?;
            limits
                .retry(self.host(), |_| self.post(&client, signal, run, text))
                .await
        };
        caught_as_error(sent).await
    }

    async fn post(&self, client: &Client, signal: Signal, run: Option<&RunId>, text: &str) -> Result<(), Error> {
        let text = escaped_lines(text);
        let body = text.as_bytes()[..text.floor_char_boundary(BODY_BYTES_MAX)].to_vec();
        let mut headers = HeaderMap::new();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
        let url = self.url(signal, run);
        let said = http::post(client, &self.address, url, headers, body).await?;
        self.check_answer(said)
    }

    /// healthchecks.io also answers 200 to pings that it ignored, and says so in the body.
    fn check_answer(&self, said: Untrusted) -> Result<(), Error> {
        let lower = said.raw().to_lowercase();
        let (status, retry_after) = match () {
            () if lower.contains("(not found)") => (404, None),
            () if lower.contains("(rate limited)") => (429, Some(RATE_LIMIT)),
            () => return Ok(()),
        };
        Err(Error::Answered {
            host: self.host().to_owned(),
            status,
            said: Some(said),
            retry_after,
        })
    }

    /// The address with the signal appended to its path and with its query unchanged.
    fn url(&self, signal: Signal, run: Option<&RunId>) -> reqwest::Url {
        let mut url = self.address.url();
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&match signal {
            Signal::Success | Signal::Exit(0) => path,
            Signal::Start => format!("{path}/start"),
            Signal::Log => format!("{path}/log"),
            Signal::Exit(status) => format!("{path}/{status}"),
        });
        if let Some(run) = run {
            url.query_pairs_mut().append_pair("rid", run.as_str());
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(address: &str, signal: Signal) -> String {
        let run = RunId("r".into());
        Ping::new(Address::parse(address).unwrap())
            .url(signal, Some(&run))
            .into()
    }

    #[test]
    fn signals_stand_behind_the_path_and_before_the_query() {
        let uuid = "https://hc-ping.com/8f57a84f-9f2f-4b3f-8f8e-1b6c8d3c2a11";
        for (signal, behind) in [
            (Signal::Start, "/start?rid=r"),
            (Signal::Success, "?rid=r"),
            (Signal::Exit(0), "?rid=r"),
            (Signal::Exit(3), "/3?rid=r"),
            (Signal::Log, "/log?rid=r"),
        ] {
            assert_eq!(url(uuid, signal), format!("{uuid}{behind}"));
        }
        assert_eq!(
            url("https://checks.acme.test/ping/key/slug/?create=1", Signal::Start),
            "https://checks.acme.test/ping/key/slug/start?create=1&rid=r"
        );
    }

    #[test]
    fn a_run_id_is_a_uuid_of_version_4() {
        let id = RunId::generate().unwrap();
        let parts: Vec<&str> = id.as_str().split('-').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert!(parts[2].starts_with('4') && "89ab".contains(&parts[3][..1]));
    }
}
