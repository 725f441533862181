use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode, header::HeaderMap};
use serde::{Deserialize, de::DeserializeOwned};

use super::{Error, ErrorKind, Result};

/// The longest response in bytes. A list of a thousand dynos is shorter.
const BYTES_MAX: usize = 4 << 20;
/// The most characters of a message that are shown.
const MESSAGE_CHARS: usize = 300;
/// The longest `Retry-After` that is respected, in seconds.
const RETRY_AFTER_MAX: u64 = 6 * 3600;

/// Sends a request and parses its response. Not retried; bounded in time by the client.
pub(super) async fn read<T: DeserializeOwned>(doing: &str, request: RequestBuilder) -> Result<T> {
    let unreachable = |error: reqwest::Error| Error::unreachable(doing, &error);
    let response = request.send().await.map_err(unreachable)?;
    let (status, retry_after) = (response.status(), retry_after(response.headers()));
    let failed = |kind, why| Error {
        kind,
        doing: doing.to_owned(),
        why,
        retry_after,
    };
    let body = match whole(response).await {
        Ok(body) => body,
        Err(Some(error)) => return Err(unreachable(error)),
        Err(None) => return Err(failed(ErrorKind::Other, "it is too long".to_owned())),
    };
    if !status.is_success() {
        let kind = ErrorKind::of_status(status.as_u16());
        return Err(failed(kind, message(status, &body)));
    }
    let parsed = serde_json::from_slice(&body);
    parsed.map_err(|error| failed(ErrorKind::Other, format!("status {}: {error}", status.as_u16())))
}

/// The body of a response; `Err(None)` if it is too long.
async fn whole(mut response: Response) -> std::result::Result<Vec<u8>, Option<reqwest::Error>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Some)? {
        if body.len() + chunk.len() > BYTES_MAX {
            return Err(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The API's error message, as its reference describes it:
/// <https://devcenter.heroku.com/articles/platform-api-reference#errors>
fn message(status: StatusCode, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct ErrorBody {
        message: String,
    }
    let parsed = serde_json::from_slice::<ErrorBody>(body).map(|body| body.message);
    let words = parsed.unwrap_or_default();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(MESSAGE_CHARS).collect();
    match words.trim_end_matches('.') {
        "" => format!("status {}", status.as_u16()),
        words => format!("{words} (status {})", status.as_u16()),
    }
}

/// Parses `Retry-After` in whole seconds. The API doesn't use the form with a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(reqwest::header::RETRY_AFTER)?.to_str().ok()?;
    let seconds: u64 = value.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(RETRY_AFTER_MAX)))
}
