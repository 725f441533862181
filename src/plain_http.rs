//! Which hosts may be spoken to by `http://`, where everybody on the way reads along and can answer in the host's
//! place: this machine, and those that the user names one by one.

use std::{fmt, net::IpAddr};

use reqwest::Url;

/// Hosts that the user allows, for a network that is guarded by other means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpHosts(Vec<String>);

/// A host that may not be spoken to by `http://`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedHost(String);

impl HttpHosts {
    /// Reads host names or addresses, separated by commas or spaces, without scheme and port.
    ///
    /// # Errors
    /// Says what is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let names = text.split([',', ' ', '\n', '\t']).filter(|name| !name.is_empty());
        let host = |name: &str| {
            host_of(&format!("http://{name}"))
                .or_else(|| host_of(&format!("http://[{name}]")))
                .filter(|host| !name.contains(['/', '@', '?', '#', '*']) && !has_port(name, host))
                .ok_or_else(|| format!("{name:?} is not the name of a host"))
        };
        names.map(host).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a URL may be used. One that isn't `http://` may.
    ///
    /// # Errors
    /// The host that is spoken to by `http://` and isn't allowed.
    pub fn check(&self, url: &str) -> Result<(), RefusedHost> {
        // the clients parse it too: what is left out there (tabs, line ends, what stands around) must hide no scheme
        // here
        let parsed = match Url::parse(url) {
            Ok(parsed) => parsed,
            Err(_) if begins_plain(url) => return Err(RefusedHost(String::new())),
            Err(_) => return Ok(()),
        };
        if parsed.scheme() != "http" {
            return Ok(());
        }
        match parsed.host_str() {
            Some(host) if is_this_machine(host) || self.0.iter().any(|one| one == host) => Ok(()),
            host => Err(RefusedHost(host.unwrap_or_default().to_owned())),
        }
    }
}

/// Whether a text that is no URL would be one by `http://` for a parser that asks for less.
fn begins_plain(text: &str) -> bool {
    let seen = text.chars().filter(|c| !c.is_whitespace() && !c.is_control());
    let scheme: String = seen.take(5).collect();
    scheme.eq_ignore_ascii_case("http:")
}

impl fmt::Display for RefusedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it is http: whoever is on the way to {} could read along, and answer in its place",
            self.0
        )
    }
}

/// Whether a host, as a URL has it, is this machine itself.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    let ip: Option<IpAddr> = bare.parse().ok();
    bare == "localhost" || ip.is_some_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether a URL leads to this machine itself.
#[must_use]
pub fn leads_to_this_machine(url: &str) -> bool {
    host_of(url).is_some_and(|host| is_this_machine(&host))
}

/// The host of a URL in one spelling: in lower case, with the brackets of an IPv6 address, without port and user. None
/// where the text is no URL.
#[must_use]
pub fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
}

/// The same with the port, where that is not the usual one.
#[must_use]
pub fn address_of(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    url.host_str()?;
    Some(address(&url))
}

/// Host and port of a URL that was parsed, without what may be a secret in it.
#[must_use]
pub fn address(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}"));
    format!("{host}{}", port.unwrap_or_default())
}

fn has_port(name: &str, host: &str) -> bool {
    !host.starts_with('[') && name.contains(':') || name.starts_with('[') && !name.ends_with(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_alone_is_spoken_to_in_the_clear() {
        let nobody = HttpHosts::default();
        for good in [
            "https://s3.example.com",
            "http://127.0.0.1:9000",
            "http://127.9.9.9",
            "http://localhost:4566/x",
            "HTTP://LOCALHOST",
            "http://[::1]:9000",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert_eq!(nobody.check(good), Ok(()), "{good}");
        }
        for bad in [
            "http://s3.example.com",
            "HtTp://10.0.0.1:9000",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1:9000@evil.example",
            "http://user:127.0.0.1@evil.example",
            "http://evil.example/127.0.0.1",
            "http://evil.example#@localhost",
            "http://[fd00::1]",
            "http://0.0.0.0:9000",
            "http:evil.example",
            "http://",
            "h\tttp://evil.example",
            "ht\ntp:/evil.example",
            " http:\\\\evil.example",
            "\u{1}http://evil.example",
            "h\tttp://",
        ] {
            assert!(nobody.check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn named_hosts_are_allowed_and_no_others() {
        let hosts = HttpHosts::parse("minio.internal, 10.0.0.7 fd00::7\n[fd00::8] Other").unwrap();
        for good in [
            "http://minio.internal:9000",
            "http://MinIO.internal/x",
            "http://10.0.0.7",
            "http://[fd00::7]:9000",
            "http://[fd00:0:0::8]",
            "http://other",
        ] {
            assert_eq!(hosts.check(good), Ok(()), "{good}");
        }
        for bad in [
            "http://x.minio.internal",
            "http://minio.internal.example.com",
            "http://10.0.0.70",
            "http://[fd00::9]",
        ] {
            assert!(hosts.check(bad).is_err(), "{bad}");
        }
        let refused = hosts.check("http://u:s3cret@10.0.0.8:9000/s3cret").unwrap_err();
        assert!(refused.to_string().contains("10.0.0.8") && !refused.to_string().contains("s3cret"));
    }

    #[test]
    fn a_url_has_one_host_for_all_who_ask() {
        for (url, host, address) in [
            (
                "https://S3.example.COM:9000/x?y",
                "s3.example.com",
                "s3.example.com:9000",
            ),
            ("https://u:p@host/", "host", "host"),
            ("https://[FD00::1]:1", "[fd00::1]", "[fd00::1]:1"),
            ("h\tttps://host", "host", "host"),
        ] {
            assert_eq!(host_of(url).as_deref(), Some(host), "{url}");
            assert_eq!(address_of(url).as_deref(), Some(address), "{url}");
        }
        assert_eq!(host_of("s3.example.com"), None);
    }

    #[test]
    fn a_host_is_named_and_nothing_else() {
        for bad in [
            "http://minio.internal",
            "minio.internal:9000",
            "[fd00::1]:9000",
            "*",
            "*.internal",
            "user@host",
            "host/path",
        ] {
            assert!(HttpHosts::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(HttpHosts::parse(" , "), Ok(HttpHosts::default()));
    }
}
