//! Answers that the S3 library by itself does not give: other statuses, errors that say more, none at all.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::StatusCode;
use hyper::http::Extensions;
use s3s::{HttpError, HttpResponse, S3Error, S3ErrorCode};

/// What the client gets instead of an answer. Set while the call is handled, applied when it is done.
#[derive(Debug, Clone, Default)]
pub(super) struct AnswerOverride(Arc<Mutex<Option<Replacement>>>);

/// The replacement for an answer.
#[derive(Debug, Clone)]
pub(super) enum Replacement {
    /// The connection is cut without an answer.
    Nothing,
    /// The same answer with another status.
    Status(StatusCode),
    /// An error.
    Error { status: StatusCode, xml: String },
    /// A body without end.
    Flood(u16),
}

impl AnswerOverride {
    /// Sets the replacement, unless there is one: what a test ordered is not changed by the end of the operation.
    pub(super) fn set(&self, instead: Replacement) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert(instead);
    }

    /// The answer as the client gets it.
    pub(super) fn apply(&self, answer: Result<HttpResponse, HttpError>) -> Result<HttpResponse, HttpError> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => answer,
            Some(Replacement::Nothing) => Err(HttpError::new("cut by the test".into())),
            Some(Replacement::Status(status)) => answer.map(|mut answer| {
                *answer.status_mut() = status;
                answer
            }),
            Some(Replacement::Flood(status)) => {
                let mut answer = HttpResponse::new(s3s::Body::http_body(Endless));
                *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                Ok(answer)
            }
            Some(Replacement::Error { status, xml }) => {
                let mut answer = HttpResponse::new(s3s::Body::from(xml));
                *answer.status_mut() = status;
                Ok(answer)
            }
        }
    }
}

/// `<a><a><a>…`
struct Endless;

impl http_body::Body for Endless {
    type Data = bytes::Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<std::io::Result<http_body::Frame<bytes::Bytes>>>> {
        let piece = "<a> ".repeat(4096).into();
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(piece))))
    }
}

impl Replacement {
    /// What was ordered, word by word.
    pub(super) fn said(status: u16, body: &str) -> Self {
        Self::Error {
            status: StatusCode::from_u16(status).unwrap(),
            xml: body.to_owned(),
        }
    }

    /// An error that was ordered.
    pub(super) fn ordered(status: u16, code: &str) -> Self {
        Self::error(status, code, "ordered by the test", &[])
    }

    fn error(status: u16, code: &str, message: &str, fields: &[(&str, &str)]) -> Self {
        let mut xml = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code>");
        for (name, value) in [("Message", message)].iter().chain(fields) {
            // `<` and `&` are in no value that the server gives here.
            let _ = write!(xml, "<{name}>{value}</{name}>");
        }
        xml.push_str("</Error>");
        Self::Error {
            status: StatusCode::from_u16(status).unwrap(),
            xml,
        }
    }
}

/// Sets a call's status, which the S3 library keeps to 200 for most operations.
pub(super) fn say_status(extensions: &Extensions, status: StatusCode) {
    if let Some(answer_override) = extensions.get::<AnswerOverride>() {
        answer_override.set(Replacement::Status(status));
    }
}

/// An error with more fields than the S3 library writes.
pub(super) fn detailed(
    extensions: &Extensions,
    (status, code): (u16, &str),
    message: &str,
    fields: &[(&str, &str)],
) -> S3Error {
    if let Some(answer_override) = extensions.get::<AnswerOverride>() {
        answer_override.set(Replacement::error(status, code, message, fields));
    }
    refusal(status, code)
}

pub(super) fn refusal(status: u16, code: &str) -> S3Error {
    refusal_saying(status, code, "ordered by the test")
}

pub(super) fn refusal_saying(status: u16, code: &str, message: &'static str) -> S3Error {
    let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap();
    let mut error = S3Error::with_message(code, message);
    error.set_status_code(StatusCode::from_u16(status).unwrap());
    error
}

/// An answer with the checksums that all answers about bytes have fields for.
macro_rules! with_checksums {
    ($answer:expr, $sums:expr) => {{
        let (mut answer, sums): (_, s3s::dto::Checksum) = ($answer, $sums);
        answer.checksum_crc32 = sums.checksum_crc32;
        answer.checksum_crc32c = sums.checksum_crc32c;
        answer.checksum_crc64nvme = sums.checksum_crc64nvme;
        answer.checksum_sha1 = sums.checksum_sha1;
        answer.checksum_sha256 = sums.checksum_sha256;
        answer
    }};
}
pub(super) use with_checksums;
