//! Which hosts may be spoken to by `http://`, where everybody on the way reads along and can answer in the host's place: this
//! machine, and those that the user names one by one.

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
        let names = text
            .split([',', ' ', '\n', '\t'])
            .filter(|name| !name.is_empty());
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
        let is_plain = url
            .trim_start()
            .get(..5)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"));
        if !is_plain {
            return Ok(());
        }
        match host_of(url) {
            Some(host) if is_this_machine(&host) || self.0.contains(&host) => Ok(()),
            host => Err(RefusedHost(host.unwrap_or_default())),
        }
    }
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

/// The host in one spelling, with the brackets of an IPv6 address.
fn host_of(url: &str) -> Option<String> {
    Url::parse(url).ok()?.host_str().map(str::to_owned)
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
        let refused = hosts
            .check("http://u:s3cret@10.0.0.8:9000/s3cret")
            .unwrap_err();
        assert!(
            refused.to_string().contains("10.0.0.8") && !refused.to_string().contains("s3cret")
        );
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
