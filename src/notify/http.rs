//! Sends one request to an address, and interprets the answer.

use std::time::Duration;

use reqwest::{
    Client, Response, StatusCode, Url,
    header::{HeaderMap, RETRY_AFTER},
    redirect,
};

use super::{Address, Error};
use crate::{
    redact::Known,
    text::{Untrusted, plain_os_text},
};

/// The most bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 1024;
const CONNECT: Duration = Duration::from_secs(5);

/// An HTTP client that follows no redirects (the address is a secret, and so is what is sent) and keeps no connections.
pub(super) fn client() -> Result<Client, Error> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(0)
        .user_agent(concat!("pgcoffer/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| Error::Unwritable(words(&e)))
}

/// Posts `body`. Returns the first words of the answer.
pub(super) async fn post(
    client: &Client,
    address: &Address,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Result<Untrusted, Error> {
    let secrets = Known::address(url.path(), url.query());
    let sent = client.post(url).headers(headers).body(body).send().await;
    let mut answer = sent.map_err(|e| failed(address, e))?;
    let status = answer.status();
    let retry_after = retry_after(status, answer.headers());
    let said = beginning(&mut answer, &secrets).await;
    if status.is_success() {
        return Ok(said.unwrap_or_default());
    }
    Err(Error::Answered {
        host: address.host().to_owned(),
        status: status.as_u16(),
        said,
        retry_after,
    })
}

/// The first line of an answer, if it is text and contains no secret part of the address. An answer that ends early
/// counts too.
async fn beginning(answer: &mut Response, secrets: &Known) -> Option<Untrusted> {
    let mut said = Vec::new();
    while said.len() < ANSWER_BYTES_MAX {
        match answer.chunk().await {
            Ok(Some(chunk)) => said.extend_from_slice(&chunk),
            _ => break,
        }
    }
    said.truncate(ANSWER_BYTES_MAX);
    let said = String::from_utf8_lossy(&said);
    shown(&said).filter(|_| !secrets.stand_in(&said))
}

/// The seconds of a `Retry-After` header (RFC 9110, 10.2.3). A date is ignored, as clocks differ.
fn retry_after(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let wanted = matches!(status.as_u16(), 429 | 503);
    let seconds = headers.get(RETRY_AFTER).filter(|_| wanted)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

fn shown(text: &str) -> Option<Untrusted> {
    let line = text.lines().next().unwrap_or_default().trim();
    let plain: String = line.chars().take(100).collect();
    let is_words = !plain.is_empty() && !plain.starts_with(['<', '{', '[']);
    is_words.then(|| plain.into())
}

fn failed(address: &Address, error: reqwest::Error) -> Error {
    let host = address.host().to_owned();
    // the URL is a secret
    let error = error.without_url();
    let why = words(&error);
    if error.is_timeout() {
        let seconds = CONNECT.as_secs();
        return Error::Timeout { host, seconds };
    }
    let why = why.into();
    match tls_error(&error) {
        Some(rustls::Error::InvalidCertificate(_)) => Error::Tls { host, why },
        Some(_) => Error::Handshake { host, why },
        None => Error::Unreachable { host, why },
    }
}

/// The TLS error in the chain of causes, if there is one.
pub(super) fn tls_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        // a connection error can contain one that is not its source
        let held = error.downcast_ref().and_then(std::io::Error::get_ref);
        let found = error
            .downcast_ref()
            .or_else(|| held.and_then(|held| held.downcast_ref()));
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}

/// The innermost cause, as those above it only say that sending failed.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    plain_os_text(&innermost.to_string())
}
