//! The dashboard for programs: the same data in JSON, and the same work, by tokens.
//!
//! A program shows its token with each request, in the header `Authorization` alone. Cookies count for nothing here, so
//! no page that a signed-in browser opens can have it act. What stands in the OpenAPI document comes out of the types
//! and functions that answer, and the paths of both are one list.

mod access;
mod acting;
mod bodies;
mod documents;
mod input;
mod problem;
mod reading;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use self::problem::Problem;
use super::site::Site;

/// Where it is.
pub(super) const PATH: &str = "/api/v1";
/// The most bytes of a body.
const BODY_BYTES_MAX: usize = 4 << 10;

/// What the document says beside the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "pgcoffer",
        version = "1",
        description = "Backups of PostgreSQL in your own bucket: is there one, how old is it, does it come back."
    ),
    servers((url = "/api/v1")),
    security(("token" = [])),
    modifiers(&BearerToken),
    components(schemas(Problem)),
    tags(
        (name = "looking", description = "What is in the bucket now. Takes a token of either scope."),
        (name = "acting", description = "What `serve` does when it is asked. Takes a token of the scope `act`.")
    )
)]
struct ApiDocument;

struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("A token that `pgcoffer dashboard token` has made."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// The path with a slash behind it, which a nested router leaves out.
pub(super) fn top(site: &Arc<Site>) -> Router<Arc<Site>> {
    Router::new()
        .route(&format!("{PATH}/"), any(|| std::future::ready(Problem::nothing())))
        .layer(middleware::from_fn_with_state(Arc::clone(site), access::guard))
}

/// Everything below [`PATH`].
pub(super) fn router(site: &Arc<Site>) -> Router<Arc<Site>> {
    let (router, document) = OpenApiRouter::with_openapi(ApiDocument::openapi())
        .routes(routes!(reading::health))
        .routes(routes!(reading::databases))
        .routes(routes!(reading::database))
        .routes(routes!(reading::backups, acting::back_up))
        .routes(routes!(reading::backup))
        .routes(routes!(reading::jobs))
        .routes(routes!(reading::job))
        .routes(routes!(acting::drill))
        .routes(routes!(acting::verify))
        .routes(routes!(acting::hold))
        .routes(routes!(acting::release))
        .routes(routes!(acting::accept))
        .routes(routes!(acting::retain))
        .routes(routes!(acting::delete))
        .routes(routes!(acting::test_notice))
        .split_for_parts();
    let document: Arc<str> = serde_json::to_string(&document).unwrap_or_default().into();
    router
        .route("/openapi.json", get(move || std::future::ready(described(&document))))
        .fallback(|| std::future::ready(Problem::nothing()))
        .method_not_allowed_fallback(|| std::future::ready(Problem::method_not_allowed()))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(site), access::guard))
}

fn described(document: &str) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (StatusCode::OK, kind, document.to_owned()).into_response()
}
