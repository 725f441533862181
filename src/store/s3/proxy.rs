//! The proxy that requests go through, by the variables of the environment: so that a failure names it. The client of HTTP
//! reads them by itself.

use std::ffi::OsString;

/// The variables of each kind, in the order in which the client reads them.
const FOR_HTTP: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const FOR_HTTPS: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const NONE_FOR: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Which proxies are set, without their passwords.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProxyVariables {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// Hosts that are reached without one.
    none_for: Vec<String>,
}

/// A proxy, and the variable that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    variable: &'static str,
    /// Host and port.
    address: String,
}

impl ProxyVariables {
    pub(super) fn of(variables: &[(OsString, OsString)]) -> Self {
        let find = |name: &str| {
            let set = variables
                .iter()
                .find(|(found, value)| found == name && !value.is_empty());
            set.and_then(|(_, value)| value.to_str())
        };
        let first = |names: [&'static str; 4]| {
            let mut found = names.into_iter().filter_map(|name| Some((name, find(name)?)));
            found.next().map(|(variable, text)| Proxy {
                variable,
                address: address(text),
            })
        };
        let none_for = NONE_FOR.into_iter().find_map(find).unwrap_or_default();
        let none_for = none_for.split(',').map(|host| host.trim().to_ascii_lowercase());
        Self {
            http: first(FOR_HTTP),
            https: first(FOR_HTTPS),
            none_for: none_for.filter(|host| !host.is_empty()).collect(),
        }
    }

    /// The proxy for a service at this host; of AWS, whose hosts are many, its domain.
    pub(super) fn of_service(&self, over_tls: bool, host: Option<&str>) -> Option<&Proxy> {
        let host = host.unwrap_or("s3.amazonaws.com").to_ascii_lowercase();
        let is_left_out = self.none_for.iter().any(|rule| {
            let domain = rule.trim_start_matches("*.").trim_start_matches('.');
            rule == "*" || host == domain || host.ends_with(&format!(".{domain}"))
        });
        let proxy = if over_tls { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !is_left_out)
    }
}

/// Host and port of a proxy, without its login.
fn address(text: &str) -> String {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or_default();
    rest.rsplit_once('@').map_or(rest, |(_, address)| address).to_owned()
}

impl Proxy {
    /// What cures it that no answer came; none where the proxy did its part. `why`: the client's words.
    pub(super) fn cure(&self, why: &str, over_tls: bool, host: Option<&str>) -> Option<String> {
        let variable = self.variable;
        let past = format!("NO_PROXY={} goes past it", host.unwrap_or(".amazonaws.com"));
        if why.contains("unsupported scheme") {
            return Some(format!(
                "{variable} has to name a proxy of HTTP, as http://host:port; others, such as SOCKS, can't be used"
            ));
        }
        if why.contains("proxy authorization required") {
            return Some(format!(
                "the proxy wants a login: write it into {variable}, as in http://user:password@host:port, or {past}"
            ));
        }
        let is_refused = why.contains("tunnel error") && why.contains("unsuccessful");
        if is_refused {
            return Some(format!(
                "the proxy does not let it through: have the service's host allowed there, or {past}"
            ));
        }
        // over TLS, everything behind the tunnel is between this machine and the service
        (!over_tls || why.contains("tunnel error"))
            .then(|| format!("correct {variable}, which names that proxy, or start the proxy; {past}"))
    }
}

impl std::fmt::Display for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.address, self.variable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> ProxyVariables {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        ProxyVariables::of(&variables)
    }

    #[test]
    fn the_proxy_of_a_service_is_named_without_its_login() {
        let named = |variables: &[(&str, &str)], over_tls, host| {
            let found = of(variables);
            found.of_service(over_tls, Some(host)).map(ToString::to_string)
        };
        let set = [
            ("HTTPS_PROXY", "http://u:hunter2@proxy.corp:3128/"),
            ("http_proxy", "other:1"),
        ];
        let https = Some("proxy.corp:3128 of HTTPS_PROXY".to_owned());
        assert_eq!(named(&set, true, "s3.example.com"), https);
        assert_eq!(
            named(&set, false, "s3.example.com").as_deref(),
            Some("other:1 of http_proxy")
        );
        let all = [("all_proxy", "socks5h://127.0.0.1:1080")];
        assert_eq!(named(&all, true, "x").as_deref(), Some("127.0.0.1:1080 of all_proxy"));
        for rule in ["*", "example.com", ".example.com", "a, s3.example.com"] {
            let set = [set[0], ("NO_PROXY", rule)];
            assert_eq!(named(&set, true, "s3.example.com"), None, "{rule}");
        }
        assert_eq!(named(&[set[0], ("NO_PROXY", "le.com")], true, "s3.example.com"), https);
    }

    #[test]
    fn a_proxy_that_did_its_part_is_not_blamed() {
        let set = of(&[("HTTPS_PROXY", "http://proxy:1")]);
        let cure = |why: &str| set.of_service(true, None).and_then(|proxy| proxy.cure(why, true, None));
        assert!(
            cure("tunnel error: failed to create underlying connection: connection refused")
                .is_some_and(|cure| cure.starts_with("correct HTTPS_PROXY"))
        );
        assert!(cure("tunnel error: unsuccessful").is_some_and(|cure| cure.contains("does not let it through")));
        assert!(cure("unsupported scheme socks5h").is_some_and(|cure| cure.contains("http://host:port")));
        assert_eq!(cure("tls handshake eof"), None);
    }
}
