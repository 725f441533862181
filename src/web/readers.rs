use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};

use super::Token;

/// Who may read names and numbers of databases. Everybody else learns only whether `serve` is alive.
#[derive(Debug, Clone)]
pub enum Readers {
    /// Everybody who shows this token, from anywhere, and nobody else.
    WithToken(Token),
    /// The programs of this machine.
    ThisMachine,
    /// Everybody who reaches the address: the user vouches for the network.
    Everybody,
    /// Nobody: anybody may reach the address.
    Nobody,
}

/// A proxy on this machine passes on the requests of others, and says so by one of these.
const PASSED_ON: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"];

impl Readers {
    /// The readers behind an address that is listened on: without a token they are the programs of this machine, and
    /// nobody where other machines reach the address.
    #[must_use]
    pub fn at(address: SocketAddr, token: Option<Token>, open: bool) -> Self {
        match token {
            Some(token) => Self::WithToken(token),
            None if open => Self::Everybody,
            None if address.ip().to_canonical().is_loopback() => Self::ThisMachine,
            None => Self::Nobody,
        }
    }

    /// Whether who sends these headers is one of them.
    pub(super) fn include(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::WithToken(token) => headers
                .get(header::AUTHORIZATION)
                .is_some_and(|shown| token.is_shown_by(shown.as_bytes())),
            Self::ThisMachine => {
                names_this_machine(headers) && !PASSED_ON.iter().any(|name| headers.contains_key(*name))
            }
            Self::Everybody => true,
            Self::Nobody => false,
        }
    }
}

/// Whether a request is for an address of this machine by that address. A page on the Internet can have its own name
/// resolve to 127.0.0.1 and read what a browser on this machine is answered then, but the browser sends that name
/// along.
#[must_use]
pub fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else {
        // no browser leaves it out
        return true;
    };
    let Ok(authority) = host.to_str() else {
        return false;
    };
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let ip: Option<IpAddr> = bare.parse().ok();
    name.eq_ignore_ascii_case("localhost") || ip.is_some_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn at(address: &str, token: Option<&str>, open: bool) -> Readers {
        let token = token.map(|token| Token::parse(token).unwrap());
        Readers::at(address.parse().unwrap(), token, open)
    }

    #[test]
    fn without_a_token_only_this_machine_reads() {
        for here in ["127.0.0.1:9187", "127.8.9.1:1", "[::1]:9187", "[::ffff:127.0.0.1]:1"] {
            assert!(matches!(at(here, None, false), Readers::ThisMachine), "{here}");
        }
        for elsewhere in ["0.0.0.0:9187", "[::]:9187", "10.0.0.1:80", "[fd00::1]:80"] {
            assert!(matches!(at(elsewhere, None, false), Readers::Nobody), "{elsewhere}");
            assert!(matches!(at(elsewhere, None, true), Readers::Everybody), "{elsewhere}");
        }
        let token = Some("0123456789abcdef");
        assert!(matches!(at("127.0.0.1:1", token, false), Readers::WithToken(_)));
        assert!(matches!(at("0.0.0.0:1", token, true), Readers::WithToken(_)));
    }

    #[test]
    fn a_token_counts_in_its_header_alone() {
        let readers = at("0.0.0.0:1", Some("0123456789abcdef"), false);
        assert!(readers.include(&headers(&[("authorization", "Bearer 0123456789abcdef")])));
        for other in ["cookie", "x-token", "proxy-authorization"] {
            assert!(!readers.include(&headers(&[(other, "Bearer 0123456789abcdef")])));
        }
        assert!(!readers.include(&headers(&[("host", "127.0.0.1")])));
    }

    #[test]
    fn what_came_from_elsewhere_is_not_of_this_machine() {
        let readers = Readers::ThisMachine;
        for host in ["127.0.0.1:9187", "localhost", "LOCALHOST:1", "[::1]:9187", "127.1.2.3"] {
            assert!(readers.include(&headers(&[("host", host)])), "{host}");
        }
        assert!(readers.include(&HeaderMap::new()));
        for host in [
            "rebound.example:9187",
            "127.0.0.1.nip.io",
            "localhost.example",
            "[::2]",
            "",
        ] {
            assert!(!readers.include(&headers(&[("host", host)])), "{host}");
        }
        for name in PASSED_ON {
            let passed_on = headers(&[("host", "127.0.0.1"), (name, "203.0.113.9")]);
            assert!(!readers.include(&passed_on), "{name}");
        }
    }
}
