//! Who asks, and whether he may: by which host, from which page, as whom.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{headers, random::is_same, role::Role, site::Site};
use crate::{
    redact::SecretText,
    web::{Peer, names_this_machine},
};

/// The cookie of a session.
pub(super) const SESSION: &str = "pgcoffer";
/// The longest name of a user that is believed.
const NAME_CHARS_MAX: usize = 100;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    /// Whom pages and the audit trail name.
    pub(super) name: String,
    pub(super) role: Role,
    /// What each of his forms has to bring along.
    pub(super) form_token: SecretText,
    /// Whether a proxy has signed him in, so that he can't sign out here.
    pub(super) by_proxy: bool,
}

impl Visitor {
    pub(super) fn may_act(&self) -> bool {
        self.role == Role::Operator
    }
}

/// The address of whoever asks: the peer, or behind a proxy of the settings the last address that no such proxy has.
pub(super) struct Client(pub(super) IpAddr);

/// Why a request reaches nothing, whoever it is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Barred {
    /// It is for another host.
    OtherHost,
    /// It came in the clear, where everything has to be encrypted.
    InTheClear,
    /// It would change something, and a browser says that it comes from another page.
    OtherPage,
}

impl Barred {
    /// What it is answered with.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::OtherHost => StatusCode::MISDIRECTED_REQUEST,
            Self::InTheClear | Self::OtherPage => StatusCode::FORBIDDEN,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::OtherHost => "this is not the host of PGCOFFER_DASHBOARD_URL",
            Self::InTheClear => "this came by http",
            Self::OtherPage => "this form is not from a page of this host",
        }
    }
}

/// Lets a request through to the pages, and sets the headers of the answer.
pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let mut response = match barred(&site, &request) {
        Some(Barred::InTheClear) => {
            let path = request.uri().path().trim_start_matches('/');
            // a password that came in the clear is not asked for once more
            Redirect::permanent(&format!("{}{path}", site.settings.url)).into_response()
        }
        Some(barred) => (barred.status(), format!("{}\n", barred.text())).into_response(),
        None => next.run(request).await,
    };
    headers::set(response.headers_mut(), site.settings.is_encrypted());
    response
}

/// Why a request reaches nothing, if it doesn't.
pub(super) fn barred(site: &Site, request: &Request) -> Option<Barred> {
    let headers = request.headers();
    if !is_own_host(site, headers) {
        return Some(Barred::OtherHost);
    }
    if site.settings.is_encrypted() && came_in_the_clear(headers) {
        return Some(Barred::InTheClear);
    }
    let is_foreign = request.method() == Method::POST && !is_from_own_page(site, headers);
    is_foreign.then_some(Barred::OtherPage)
}

/// Whether a request is for this very host. A page on the Internet can have its own name resolve to this address, and
/// read what the browser is answered then, but the browser sends that name along.
fn is_own_host(site: &Site, headers: &HeaderMap) -> bool {
    let Some(host) = the_one(headers, "host") else {
        return false;
    };
    if site.settings.is_local() {
        return names_this_machine(headers);
    }
    let url = &site.settings.url;
    let own = url.host_str().unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
        _ => (host, url.port_or_known_default()),
    };
    let default = if site.settings.is_encrypted() { 443 } else { 80 };
    name.eq_ignore_ascii_case(own) && port == Some(url.port().unwrap_or(default))
}

/// The value of a header that stands there once.
fn the_one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Whether a proxy says that the browser came by `http`, as platforms pass on both.
fn came_in_the_clear(headers: &HeaderMap) -> bool {
    let protocol = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    protocol.is_some_and(|protocol| {
        protocol
            .rsplit(',')
            .next()
            .is_some_and(|last| last.trim().eq_ignore_ascii_case("http"))
    })
}

/// Whether a form comes from a page of this host, as far as the browser says. The token in the form counts in any case.
///
/// Pages that send no referrer send forms of origin `null`, so that says nothing.
/// <https://fetch.spec.whatwg.org/#append-a-request-origin-header>
fn is_from_own_page(site: &Site, headers: &HeaderMap) -> bool {
    // of several nobody knows which one counts, so they are another page's
    let text = |name: &str| {
        headers
            .contains_key(name)
            .then(|| the_one(headers, name).unwrap_or("?"))
    };
    if text("sec-fetch-site").is_some_and(|from| from != "same-origin") {
        return false;
    }
    let Some(origin) = text("origin").filter(|origin| *origin != "null") else {
        return true;
    };
    if !site.settings.is_local() {
        return origin == site.settings.url.origin().ascii_serialization();
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let uri = origin.parse::<Uri>().ok();
    uri.as_ref()
        .and_then(Uri::authority)
        .map(|authority| authority.as_str())
        == host
}

impl FromRequestParts<Arc<Site>> for Visitor {
    type Rejection = Response;

    /// Who is not signed in is led to the page where he can.
    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Response> {
        match visitor(parts, site) {
            Some(visitor) => Ok(visitor),
            None => {
                let wanted = parts.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
                let is_read = parts.method == Method::GET;
                Err(Redirect::to(&sign_in_path(wanted, is_read)).into_response())
            }
        }
    }
}

/// The page to sign in, which leads on to the page that was wanted.
fn sign_in_path(wanted: &str, is_read: bool) -> String {
    match is_read && wanted != "/" && is_own_path(wanted) {
        true => format!("/sign-in?next={}", utf8_percent_encode(wanted, NON_ALPHANUMERIC)),
        false => "/sign-in".to_owned(),
    }
}

/// Whether a text is a path of this host and can't lead elsewhere: one slash, and no backslash, which browsers take for
/// one.
pub(super) fn is_own_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    path.starts_with('/') && !path.starts_with("//") && path.bytes().all(is_plain)
}

fn visitor(parts: &Parts, site: &Site) -> Option<Visitor> {
    user_of_proxy(parts, site).or_else(|| {
        let id = cookie(&parts.headers, &site.cookie_name(SESSION))?;
        let session = site.sessions.find(id, Instant::now())?;
        Some(Visitor {
            name: session.name,
            role: session.role,
            form_token: session.form_token,
            by_proxy: false,
        })
    })
}

/// The user whom a proxy of the settings names, in one header.
fn user_of_proxy(parts: &Parts, site: &Site) -> Option<Visitor> {
    let users = site.settings.users.as_ref()?;
    let peer = peer(parts).filter(|peer| site.settings.proxies.include(*peer));
    peer?;
    let mut named = parts.headers.get_all(&users.header).iter();
    let (Some(name), None) = (named.next(), named.next()) else {
        return None;
    };
    let name = name.to_str().ok()?.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return None;
    }
    Some(Visitor {
        name: name.to_owned(),
        role: match users.operators.contains(name) {
            true => Role::Operator,
            false => Role::Viewer,
        },
        form_token: SecretText::new(site.own_token("form of a proxy's user", name)),
        by_proxy: true,
    })
}

fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<Peer>().map(|peer| peer.0.to_canonical())
}

impl FromRequestParts<Arc<Site>> for Client {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, StatusCode> {
        let proxies = &site.settings.proxies;
        let peer = peer(parts).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        if !proxies.include(peer) {
            return Ok(Self(peer));
        }
        let lines = parts.headers.get_all("x-forwarded-for").iter();
        let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
        let addresses = lines.iter().flat_map(|line| line.split(',')).rev();
        // what stands further left may have been made up by the client
        for address in addresses {
            match forwarded(address.trim()) {
                Some(address) if proxies.include(address) => {}
                Some(address) => return Ok(Self(address)),
                None => break,
            }
        }
        Ok(Self(peer))
    }
}

/// An address as proxies write it: some add the port, and brackets around IPv6.
fn forwarded(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// The value of a cookie. Of two with one name nobody knows which is ours, so neither counts.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut values = pairs.filter_map(|pair| pair.trim().split_once('=').filter(|(found, _)| *found == name));
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

/// Whether a form has brought along what its page gave it.
pub(super) fn is_own_form(visitor: &Visitor, token: &str) -> bool {
    is_same(visitor.form_token.reveal(), token)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_path_can_not_lead_elsewhere() {
        for own in ["/", "/databases/main?status=failed", "/a//b"] {
            assert!(is_own_path(own), "{own}");
        }
        for other in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nX: y",
            "/ä",
            "/a b",
        ] {
            assert!(!is_own_path(other), "{other}");
        }
        assert_eq!(sign_in_path("/a?b=c", true), "/sign-in?next=%2Fa%3Fb%3Dc");
        assert_eq!(sign_in_path("/act", false), "/sign-in");
    }

    #[test]
    fn a_client_is_known_however_its_proxy_writes_it() {
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        let v4: IpAddr = "203.0.113.77".parse().unwrap();
        for (text, address) in [
            ("203.0.113.77", Some(v4)),
            ("203.0.113.77:5000", Some(v4)),
            ("2001:db8::1", Some(v6)),
            ("[2001:db8::1]", Some(v6)),
            ("[2001:db8::1]:443", Some(v6)),
            ("[2001:db8::1", None),
            ("unknown", None),
            ("203.0.113.77:", None),
            ("", None),
        ] {
            assert_eq!(forwarded(text), address, "{text}");
        }
    }

    #[test]
    fn a_header_that_stands_there_twice_counts_for_nothing() {
        let of = |lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (header::HOST, HeaderValue::from_static(line)));
            the_one(&HeaderMap::from_iter(lines), "host").map(str::to_owned)
        };
        assert_eq!(of(&["a"]), Some("a".to_owned()));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["a", "a"]), None);
        let in_the_clear = |value: &'static str| {
            let pair = (
                HeaderName::from_static("x-forwarded-proto"),
                HeaderValue::from_static(value),
            );
            came_in_the_clear(&HeaderMap::from_iter([pair]))
        };
        assert!(in_the_clear("http") && in_the_clear("https, HTTP"));
        assert!(!in_the_clear("https") && !in_the_clear("http, https"));
    }

    #[test]
    fn a_cookie_counts_where_there_is_one() {
        let headers = |lines: &[&'static str]| {
            let pairs = lines
                .iter()
                .map(|line| (header::COOKIE, HeaderValue::from_static(line)));
            HeaderMap::from_iter(pairs)
        };
        assert_eq!(cookie(&headers(&["a=1; pgcoffer=x; b=2"]), "pgcoffer"), Some("x"));
        assert_eq!(cookie(&headers(&["a=1", "pgcoffer=x="]), "pgcoffer"), Some("x="));
        assert_eq!(cookie(&headers(&["pgcoffer=x; pgcoffer=y"]), "pgcoffer"), None);
        assert_eq!(cookie(&headers(&["pgcoffer=x", "pgcoffer=y"]), "pgcoffer"), None);
        assert_eq!(cookie(&headers(&["xpgcoffer=x; pgcoffer"]), "pgcoffer"), None);
    }
}
