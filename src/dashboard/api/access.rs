//! Which program asks, and whether it may.

use std::{net::IpAddr, sync::Arc, time::Instant};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::problem::Problem;
use crate::{
    backup::AuditAction,
    dashboard::{
        access::{Barred, Client, barred},
        asker::{Asker, wrong_token},
        headers,
        role::Role,
        site::Site,
    },
    web::{ApiToken, TokenScope},
};

/// A program that may act: by the name of its token.
pub(super) struct Actor(pub(super) Asker);

/// Lets a request with a token through, and sets the headers of the answer.
pub(super) async fn guard(
    State(site): State<Arc<Site>>,
    Client(client): Client,
    mut request: Request,
    next: Next,
) -> Response {
    let mut response = match caller(&site, client, &request) {
        Ok(token) => {
            request.extensions_mut().insert(token);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    headers::set(response.headers_mut(), site.settings.is_encrypted());
    response
}

fn caller(site: &Site, client: IpAddr, request: &Request) -> Result<ApiToken, Problem> {
    if let Some(barred) = barred(site, request) {
        return Err(refused(barred));
    }
    let shown = bearer(request.headers()).ok_or_else(|| {
        unauthorized("no token was shown", "Bearer realm=\"pgcoffer\"")
            .hint("send Authorization: Bearer and a token that `pgcoffer dashboard token` has made")
    })?;
    // the right one passes whoever else has failed from there: nobody guesses 256 bits, and nobody locks others out
    if let Some(token) = site.settings.tokens.find(shown) {
        return Ok(token.clone());
    }
    if let Err(wait) = site.token_attempts.begin(client, None, Instant::now()) {
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens came from there");
        return Err(problem.retry_after(wait));
    }
    tracing::warn!(%client, "a token for the API was wrong");
    site.looks.note(wrong_token(client));
    Err(unauthorized(
        "this token is none, or no longer one",
        "Bearer realm=\"pgcoffer\", error=\"invalid_token\"",
    )
    .hint("PGCOFFER_DASHBOARD_TOKENS of `serve` needs the entry that was printed with this token"))
}

/// The token that a request shows, in the one header where it may stand.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

fn unauthorized(why: &str, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, why).header(header::WWW_AUTHENTICATE, challenge)
}

fn refused(barred: Barred) -> Problem {
    let problem = Problem::new(barred.status(), barred.text());
    match barred {
        Barred::OtherHost => problem.hint("ask at the address of PGCOFFER_DASHBOARD_URL"),
        Barred::InTheClear => problem.hint(
            "ask by https; if a token was sent, make another one with `pgcoffer dashboard token`, as others could read it",
        ),
        Barred::OtherPage => problem,
    }
}

impl FromRequestParts<Arc<Site>> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Problem> {
        let client = Client::from_request_parts(parts, site).await;
        let Client(address) = client.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "nobody knows who asks"))?;
        let asker = |token: &ApiToken, role| Asker {
            name: token.name.clone(),
            role,
            address,
        };
        match parts.extensions.get::<ApiToken>() {
            Some(token) if token.scope == TokenScope::Act => Ok(Self(asker(token, Role::Operator))),
            token => {
                if let Some(token) = token {
                    let asker = asker(token, Role::Viewer);
                    site.looks.note(asker.refused(AuditAction::UseApi, "", ""));
                }
                let challenge = "Bearer realm=\"pgcoffer\", error=\"insufficient_scope\", scope=\"act\"";
                Err(Problem::new(StatusCode::FORBIDDEN, "this token may only look")
                    .hint("make one with `pgcoffer dashboard token --scope act`")
                    .header(header::WWW_AUTHENTICATE, challenge))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_token_stands_in_one_header_alone() {
        let of = |values: &[&'static str]| {
            let lines = values
                .iter()
                .map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value)));
            bearer(&HeaderMap::from_iter(lines)).map(<[u8]>::to_vec)
        };
        assert_eq!(of(&["Bearer x"]), Some(b"x".to_vec()));
        assert_eq!(of(&["bEARER x"]), Some(b"x".to_vec()));
        for others in [&[][..], &["Bearer"], &["Basic eA=="], &["x"], &["Bearer x", "Bearer x"]] {
            assert_eq!(of(others), None, "{others:?}");
        }
    }
}
