//! Signing in and out.

use std::{net::IpAddr, sync::Arc, time::Instant};

use axum::{
    Form,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Redirect, Response},
};

use super::{
    access::{Client, SESSION, Visitor, cookie, is_own_form, is_own_path},
    asker::{Asker, failed_sign_in},
    device::{device, device_cookie},
    forms::{NextQuery, OpenForm, SignInForm, TokenForm},
    pages::sign_in::{Said, open as open_page, sign_in as sign_in_page},
    random::{is_same, random_text},
    role::Role,
    sessions::AGE_MAX,
    site::Site,
};
use crate::error::Result;

/// The cookie of a browser that is not signed in yet: its form has to bring along what only this process makes of it,
/// so that no other page can sign a visitor in as somebody else.
const FORM: &str = "pgcoffer-form";
const FORM_SECONDS: u64 = 3600;

/// The page to sign in.
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    Query(query): Query<NextQuery>,
    headers: HeaderMap,
    visitor: std::result::Result<Visitor, Response>,
) -> Response {
    if visitor.is_ok() {
        return Redirect::to("/").into_response();
    }
    with_form(&site, &headers, |token| {
        sign_in_page(&site, token, &query.next, &Said::Nothing)
    })
}

/// Signs in by password.
pub(super) async fn sign_in(
    State(site): State<Arc<Site>>,
    Client(client): Client,
    headers: HeaderMap,
    Form(form): Form<SignInForm>,
) -> Response {
    let again = |status: StatusCode, why: String| {
        let mut response = with_form(&site, &headers, |token| {
            sign_in_page(&site, token, &form.next, &Said::Failed(why))
        });
        *response.status_mut() = status;
        response
    };
    if !is_own_sign_in(&site, &headers, &form.token) {
        return again(
            StatusCode::FORBIDDEN,
            "This page was open for too long. Please try again.".to_owned(),
        );
    }
    let device = device(&site, &headers);
    if let Err(wait) = site.attempts.begin(client, device, Instant::now()) {
        let seconds = wait.as_secs() + 1;
        let mut response = again(
            StatusCode::TOO_MANY_REQUESTS,
            format!(
                "Too many attempts have failed, yours or others'. Please wait {seconds} s.{}",
                by_link(&site)
            ),
        );
        if let Ok(seconds) = HeaderValue::from_str(&seconds.to_string()) {
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        return response;
    }
    match role_of(&site, form.password.clone()).await {
        Some(role) => {
            site.attempts.succeeded(client, device);
            tracing::info!(%client, role = role.name(), "signed in to the dashboard");
            site.looks.note(asker(role, client).signs_in("by password"));
            let next = if is_own_path(&form.next) {
                form.next.as_str()
            } else {
                "/"
            };
            begin(&site, &headers, role, next).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
        }
        None => {
            tracing::warn!(%client, "a password for the dashboard was wrong");
            site.looks.note(failed_sign_in(client, "a password was wrong"));
            again(StatusCode::UNAUTHORIZED, "This password is not right.".to_owned())
        }
    }
}

/// The page of a link.
pub(super) async fn show_link(
    State(site): State<Arc<Site>>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Response {
    with_form(&site, &headers, |token| open_page(&site, token, &secret))
}

/// Signs in by a link.
pub(super) async fn open(
    State(site): State<Arc<Site>>,
    Client(client): Client,
    headers: HeaderMap,
    Form(form): Form<OpenForm>,
) -> Response {
    let refused = |why: String| {
        let said = Said::Failed(why);
        let mut response = with_form(&site, &headers, |token| sign_in_page(&site, token, "", &said));
        *response.status_mut() = StatusCode::FORBIDDEN;
        response
    };
    if !is_own_sign_in(&site, &headers, &form.token) {
        return refused("This page was open for too long. Please open the link again.".to_owned());
    }
    let Some(key) = &site.link_key else {
        return refused("Links open nothing here, as no key is set that makes one.".to_owned());
    };
    match key.open(&form.link, &site.opened_links, (site.started, site.clock.now())) {
        Ok(()) => {
            tracing::info!(%client, role = Role::Operator.name(), "signed in to the dashboard by a link");
            site.looks.note(asker(Role::Operator, client).signs_in("by a link"));
            begin(&site, &headers, Role::Operator, "/")
                .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
        }
        Err(fault) => {
            tracing::warn!(%client, "a link to the dashboard did not open: {fault}");
            site.looks.note(failed_sign_in(client, "a link did not open"));
            refused(format!(
                "This does not open: {fault}. Run `pgcoffer dashboard open` once more."
            ))
        }
    }
}

/// Signs out.
pub(super) async fn sign_out(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Response {
    if !is_own_form(&visitor, &form.token) {
        return (StatusCode::FORBIDDEN, "this form is not of your session\n").into_response();
    }
    if let Some(id) = cookie(&headers, &site.cookie_name(SESSION)) {
        site.sessions.end(id);
    }
    let mut response = Redirect::to("/sign-in").into_response();
    set_cookie(&mut response, &site.cookie(SESSION, "", 0));
    response
}

fn asker(role: Role, address: IpAddr) -> Asker {
    let name = role.name().to_owned();
    Asker { name, role, address }
}

/// The way in that nobody's guessing closes.
fn by_link(site: &Site) -> &'static str {
    match &site.link_key {
        Some(_) => " `pgcoffer dashboard open`, where the key is set, prints a link that opens at once.",
        None => "",
    }
}

/// Begins a session with a new id. One that the browser had ends, so that nobody can lay an id under somebody else.
fn begin(site: &Site, headers: &HeaderMap, role: Role, next: &str) -> Result<Response> {
    if let Some(before) = cookie(headers, &site.cookie_name(SESSION)) {
        site.sessions.end(before);
    }
    let id = site.sessions.begin(role.name(), role, Instant::now())?;
    let mut response = Redirect::to(next).into_response();
    set_cookie(&mut response, &site.cookie(SESSION, id.reveal(), AGE_MAX.as_secs()));
    set_cookie(&mut response, &device_cookie(site, headers)?);
    Ok(response)
}

/// Which password it is, if one of them. One at a time is hashed, on a thread where nobody waits for it.
async fn role_of(site: &Arc<Site>, password: zeroize::Zeroizing<String>) -> Option<Role> {
    let _turn = site.hashing.acquire().await.ok()?;
    let site = Arc::clone(site);
    let hashed = tokio::task::spawn_blocking(move || {
        let is_of = |hash: &Option<crate::web::PasswordHash>| hash.as_ref().is_some_and(|hash| hash.is_of(&password));
        // both are hashed, so that the time does not say which one was tried
        let (operator, viewer) = (is_of(&site.settings.operator), is_of(&site.settings.viewer));
        match (operator, viewer) {
            (true, _) => Some(Role::Operator),
            (false, true) => Some(Role::Viewer),
            (false, false) => None,
        }
    });
    hashed.await.ok()?
}

/// A page with a form for somebody who is not signed in, and the cookie that belongs to it.
fn with_form(site: &Site, headers: &HeaderMap, page: impl FnOnce(&str) -> Response) -> Response {
    let name = site.cookie_name(FORM);
    let own = cookie(headers, &name).filter(|own| own.len() == 43).map(str::to_owned);
    let own = own.map_or_else(|| random_text().map(|text| text.reveal().to_owned()), Ok);
    let Ok(own) = own else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = page(&site.own_token(FORM, &own));
    set_cookie(&mut response, &site.cookie(FORM, &own, FORM_SECONDS));
    response
}

fn is_own_sign_in(site: &Site, headers: &HeaderMap, token: &str) -> bool {
    let own = cookie(headers, &site.cookie_name(FORM));
    own.is_some_and(|own| is_same(&site.own_token(FORM, own), token))
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
