//! What goes wrong, as RFC 9457 has it, with what cures it.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{
    IntoResponses, ToSchema,
    openapi::{Content, Ref, RefOr, ResponseBuilder},
};

use crate::{
    backup::Failure,
    text::{Untrusted, escaped_json},
};

/// The media type of a problem.
const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// `about:blank`: the status says what kind it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong in this very case.
    detail: Untrusted,
    /// What cures it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<Untrusted>,
    #[serde(skip)]
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, detail: impl Into<Untrusted>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: detail.into(),
            hint: None,
            headers: Vec::new(),
        }
    }

    /// There is nothing at this path.
    pub(super) fn nothing() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "there is no such database, backup or job, and nothing else here",
        )
        .hint("GET /api/v1/databases names the databases, and GET /api/v1/openapi.json all paths")
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "this path takes other methods, which the header Allow names",
        )
    }

    /// The bucket could not be looked at.
    pub(super) fn of_look(failure: &Failure) -> Self {
        let problem = Self::new(StatusCode::BAD_GATEWAY, failure.error.clone());
        Self {
            hint: failure.hint.clone(),
            ..problem
        }
    }

    pub(super) fn hint(self, hint: impl Into<Untrusted>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    pub(super) fn header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    /// When it may be tried again.
    pub(super) fn retry_after(mut self, wait: Duration) -> Self {
        self.headers
            .push((header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1)));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let text = serde_json::to_string(&self).unwrap_or_default();
        let body = escaped_json(&text).into_owned() + "\n";
        let mut response = (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// What every path may answer instead.
pub(super) struct Refusals;

/// What a path that acts may answer instead, beside those.
pub(super) struct ActRefusals;

const REFUSALS: [(&str, &str); 8] = [
    ("400", "The query is not as described"),
    ("401", "No token was shown, or one that is none"),
    ("403", "The request came by http, or from a page of another host"),
    ("404", "There is no such thing"),
    ("421", "The request is for another host"),
    (
        "429",
        "Too many wrong tokens came from there: Retry-After says when to try again",
    ),
    ("502", "The bucket could not be looked at"),
    ("503", "The bucket answers slowly: Retry-After says when to try again"),
];

const ACT_REFUSALS: [(&str, &str); 10] = [
    ("400", "The query or the body is not as described"),
    ("401", "No token was shown, or one that is none"),
    (
        "403",
        "The token may only look; or the request came by http, or from a page of another host",
    ),
    ("404", "There is no such thing"),
    ("413", "The body is too long"),
    ("415", "The body is not said to be JSON"),
    ("421", "The request is for another host"),
    ("422", "A value in the body is not as described"),
    (
        "429",
        "Too many wrong tokens came from there: Retry-After says when to try again",
    ),
    ("503", "Too much waits to be done: Retry-After says when to try again"),
];

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        REFUSALS.map(described).into()
    }
}

impl IntoResponses for ActRefusals {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        ACT_REFUSALS.map(described).into()
    }
}

fn described((status, description): (&str, &str)) -> (String, RefOr<utoipa::openapi::Response>) {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new()
        .description(description)
        .content(MEDIA_TYPE, content);
    (status.to_owned(), response.into())
}
