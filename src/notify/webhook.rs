//! Signed webhooks. <https://www.standardwebhooks.com>

use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::{
    Client,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::json;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Address, Error, SendLimits, http, payload::payload};
use crate::{
    backup::{Event, EventKind},
    redact::SecretText,
    text::{counted, escaped_json},
};

/// The allowed lengths of a signing key in bytes.
/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme>
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The longest body: payloads should be smaller than 20 kB (the same specification, "payload size").
const BODY_BYTES_MAX: usize = 20_000;

/// The key that signs a webhook: `whsec_` and base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningSecret(SecretText);

impl SigningSecret {
    /// Parses the key.
    ///
    /// # Errors
    /// What is wrong with it, without repeating it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bare = text
            .trim()
            .strip_prefix("whsec_")
            .ok_or("it does not begin with whsec_")?
            .trim_end_matches('=');
        let bytes = BASE64_NOPAD
            .decode(bare.as_bytes())
            .map_err(|_| "what follows whsec_ is not base64")?;
        let bytes = Zeroizing::new(bytes);
        if KEY_BYTES.contains(&bytes.len()) {
            return Ok(Self(SecretText::new(bare.to_owned())));
        }
        let (least, most) = (KEY_BYTES.start(), KEY_BYTES.end());
        Err(format!(
            "it has {}, and should have {least} to {most}",
            counted(bytes.len(), "byte")
        ))
    }

    /// The value of the header `webhook-signature` for a message.
    fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let key = BASE64_NOPAD.decode(self.0.reveal().as_bytes());
        let key = Zeroizing::new(key.expect("it was decoded when it was parsed"));
        let mut mac: Hmac<Sha256> = Hmac::new_from_slice(&key).expect("HMAC takes a key of any length");
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            mac.update(part);
        }
        format!("v1,{}", BASE64.encode(&mac.finalize().into_bytes()))
    }
}

/// A program that receives events.
#[derive(Debug, Clone)]
pub struct Webhook {
    address: Address,
    secret: SigningSecret,
}

impl Webhook {
    /// The program at this address, which has this secret.
    #[must_use]
    pub fn new(address: Address, secret: SigningSecret) -> Self {
        Self { address, secret }
    }

    pub(super) fn host(&self) -> &str {
        self.address.host()
    }

    pub(super) async fn send(&self, client: &Client, event: &Event, limits: SendLimits) -> Result<(), Error> {
        let (id, body) = (message_id()?, body(event));
        let post = |_| {
            let headers = self.headers(&id, &body);
            let (url, body) = (self.address.url(), body.clone());
            async move { http::post(client, &self.address, url, headers?, body).await }
        };
        limits.retry(self.host(), post).await.map(drop)
    }

    /// The headers of one attempt. The id is the same for all attempts, so that the receiver can recognise a
    /// repetition; the time is not.
    fn headers(&self, id: &str, body: &[u8]) -> Result<HeaderMap, Error> {
        let timestamp = Timestamp::now().as_second().to_string();
        let signature = self.secret.sign(id, &timestamp, body);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            ("webhook-id", id),
            ("webhook-timestamp", &timestamp),
            ("webhook-signature", &signature),
        ] {
            let value = HeaderValue::from_str(value).map_err(|e| Error::Unwritable(e.to_string()))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }
}

fn message_id() -> Result<String, Error> {
    let mut bytes = [0; 15];
    getrandom::fill(&mut bytes).map_err(|e| Error::Unwritable(e.to_string()))?;
    Ok(format!("msg_{}", BASE32_NOPAD.encode(&bytes).to_lowercase()))
}

/// The `type` of an event.
fn webhook_type(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Failure => "backup.failed",
        EventKind::Missed => "backup.missed",
        EventKind::Recovery => "backup.recovered",
        EventKind::Suspicious => "backup.suspicious",
        EventKind::Success => "backup.succeeded",
        EventKind::Digest => "backup.digest",
        EventKind::Test => "backup.test",
    }
}

fn body(event: &Event) -> Vec<u8> {
    let mut data = payload(event);
    let whole = |data: &serde_json::Value| {
        let value = json!({ "type": webhook_type(event.kind()), "timestamp": event.at, "data": data });
        escaped_json(&value.to_string()).into_owned().into_bytes()
    };
    // a digest of very many databases contains the first ones and their number
    while whole(&data).len() >= BODY_BYTES_MAX {
        let lines = data.get_mut("databases").and_then(|lines| lines.as_array_mut());
        if lines.and_then(Vec::pop).is_none() {
            break;
        }
    }
    whole(&data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An example from the specification's reference libraries.
    #[test]
    fn the_signature_is_that_of_the_published_example() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn secrets_that_are_none_are_told_without_being_repeated() {
        let long = format!("whsec_{}", BASE64.encode(&[7; 65]));
        for bad in ["", "s3cret", "whsec_", "whsec_s3cr€t", "whsec_c2hvcnQ=", &long] {
            let why = SigningSecret::parse(bad).unwrap_err();
            assert!(bad.len() < 7 || !why.contains(&bad[6..]), "{why}");
        }
        for bytes in [24, 32, 64] {
            let text = format!("whsec_{}", BASE64.encode(&vec![7; bytes]));
            assert!(SigningSecret::parse(&text).is_ok(), "{bytes}");
            assert!(!format!("{:?}", SigningSecret::parse(&text)).contains("Bwc"));
        }
    }
}
