//! What requests bring along: databases and backups in paths, queries, bodies. Everything else is refused.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, header, request::Parts},
};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::{
    backup::{BackupId, Label},
    dashboard::site::Site,
};

/// The database of a path.
pub(super) struct OfDatabase(pub(super) Label);

/// The database and the backup of a path.
pub(super) struct OfBackup(pub(super) Label, pub(super) BackupId);

/// The query of a request, with nothing in it that isn't described.
pub(super) struct Asked<T>(pub(super) T);

/// The body of a request, an object of JSON with nothing in it that isn't described. No body at all is an empty object.
pub(super) struct Body<T>(pub(super) T);

impl FromRequestParts<Arc<Site>> for OfDatabase {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, site).await;
        let Path(text) = path.map_err(|_| Problem::nothing())?;
        label(&text).map(Self)
    }
}

impl FromRequestParts<Arc<Site>> for OfBackup {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Problem> {
        let path = Path::<(String, String)>::from_request_parts(parts, site).await;
        let Path((text, id)) = path.map_err(|_| Problem::nothing())?;
        let id = BackupId::parse(&id).map_err(|_| Problem::nothing())?;
        Ok(Self(label(&text)?, id))
    }
}

/// A label as it is written: what would only mean the same is another path.
fn label(text: &str) -> Result<Label, Problem> {
    let label = Label::parse(text).ok().filter(|label| label.as_str() == text);
    label.ok_or_else(Problem::nothing)
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Site>> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Site>) -> Result<Self, Problem> {
        let query = Query::<T>::try_from_uri(&parts.uri);
        query
            .map(|Query(query)| Self(query))
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.body_text()).hint(SEE_DOCUMENT))
    }
}

/// Where what a request may bring along is described.
const SEE_DOCUMENT: &str = "GET /api/v1/openapi.json describes what this path takes";

impl<T: DeserializeOwned> FromRequest<Arc<Site>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, site: &Arc<Site>) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let is_json = kind.is_some_and(|kind| is_json(kind.as_bytes()));
        let bytes = Bytes::from_request(request, site).await;
        let bytes = bytes.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        if !bytes.is_empty() && !is_json {
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is not said to be JSON");
            return Err(problem.hint("send Content-Type: application/json"));
        }
        read(&bytes).map(Self)
    }
}

fn is_json(kind: &[u8]) -> bool {
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // a program that has nothing to say may say so
    let bytes = match bytes.trim_ascii() {
        b"" | b"null" => b"{}",
        bytes => bytes,
    };
    // a list of values in the order of the fields would be read as well, and says nothing to who reads it later
    if !bytes.starts_with(b"{") {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "the body is no object of JSON").hint(SEE_DOCUMENT));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let status = match error.is_data() {
            true => StatusCode::UNPROCESSABLE_ENTITY,
            false => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, error.to_string()).hint(SEE_DOCUMENT)
    })
}
