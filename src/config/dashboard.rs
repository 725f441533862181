//! The dashboard of `serve`, as the settings say.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use axum::http::HeaderName;
use reqwest::Url;

use super::wrong::{Wrong, fault};
use crate::{
    error::Fault,
    plain_http::{HttpHosts, is_this_machine},
    web::{ApiTokens, Networks, PasswordHash},
};

pub(super) const URL: &str = "PGCOFFER_DASHBOARD_URL";
pub(super) const OPERATOR_HASH: &str = "PGCOFFER_DASHBOARD_OPERATOR_HASH";
pub(super) const VIEWER_HASH: &str = "PGCOFFER_DASHBOARD_VIEWER_HASH";
pub(super) const TOKENS: &str = "PGCOFFER_DASHBOARD_TOKENS";
pub(super) const PROXIES: &str = "PGCOFFER_DASHBOARD_PROXIES";
pub(super) const USER_HEADER: &str = "PGCOFFER_DASHBOARD_USER_HEADER";
pub(super) const OPERATORS: &str = "PGCOFFER_DASHBOARD_OPERATORS";

/// A value, or what is wrong with it and the cure.
type Read<T> = Result<T, Wrong>;

/// The dashboard of `serve`.
#[derive(Debug, Clone)]
pub struct DashboardSettings {
    /// Where people open it: `http` or `https`, a host, perhaps a port, and no path.
    pub url: Url,
    /// The password of who may act.
    pub operator: Option<PasswordHash>,
    /// The password of who may look.
    pub viewer: Option<PasswordHash>,
    /// The programs that may use its API.
    pub tokens: ApiTokens,
    /// The proxies in front of it.
    pub proxies: Networks,
    /// The users whom such a proxy has signed in.
    pub users: Option<ProxyUsers>,
}

/// Users whom a proxy has signed in.
#[derive(Debug, Clone)]
pub struct ProxyUsers {
    /// The header in which it names them.
    pub header: HeaderName,
    /// Those of them who may act.
    pub operators: BTreeSet<String>,
}

impl DashboardSettings {
    /// Whether everything between browser and proxy is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Whether it is opened on this machine alone.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.url.host_str().is_some_and(is_this_machine)
    }
}

/// Settings of the dashboard while they are being read.
#[derive(Debug, Default)]
pub(super) struct DashboardReading {
    pub(super) url: Option<Url>,
    pub(super) operator: Option<PasswordHash>,
    pub(super) viewer: Option<PasswordHash>,
    pub(super) tokens: ApiTokens,
    pub(super) proxies: Networks,
    pub(super) header: Option<HeaderName>,
    pub(super) operators: BTreeSet<String>,
}

impl DashboardReading {
    /// The dashboard, where it is on. What can't hold together is refused.
    pub(super) fn finish(
        self,
        wrong: &BTreeSet<String>,
        http_hosts: &HttpHosts,
        faults: &mut Vec<Fault>,
    ) -> Option<DashboardSettings> {
        let mut refuse = |name: &str, why: String, hint: &str| {
            if !wrong.contains(name) {
                faults.push(fault(name, (why, Some(hint.to_owned()))));
            }
        };
        let others = [
            (OPERATOR_HASH, self.operator.is_some()),
            (VIEWER_HASH, self.viewer.is_some()),
            (TOKENS, !self.tokens.is_empty()),
            (USER_HEADER, self.header.is_some()),
        ];
        let other = others.iter().find_map(|(name, is_set)| is_set.then_some(*name));
        if let (None, Some(other)) = (&self.url, other) {
            let hint = "set it to the address at which people open the dashboard, such as https://backups.example.com";
            refuse(
                URL,
                format!("{other} is set, and without it there is no dashboard"),
                hint,
            );
        }
        if self.header.is_some() && self.proxies.is_empty() {
            let why = format!("{USER_HEADER} is set, and everybody else could send that header too");
            refuse(
                PROXIES,
                why,
                "set it to the addresses from which the proxy connects, such as 10.0.0.7",
            );
        }
        if self.header.is_none() && !self.operators.is_empty() {
            let why = format!("{OPERATORS} is set, which are names that a proxy gives");
            refuse(
                USER_HEADER,
                why,
                "set it to the header in which the proxy names the user",
            );
        }
        let url = self.url?;
        if let Err(host) = http_hosts.check(url.as_str()) {
            let hint = "give an https URL, with a proxy in front that has the certificate; or allow the host by \
                        PGCOFFER_ALLOW_HTTP, where the network is guarded by other means";
            refuse(URL, host.to_string(), hint);
        }
        let operators = self.operators;
        Some(DashboardSettings {
            url,
            operator: self.operator,
            viewer: self.viewer,
            tokens: self.tokens,
            proxies: self.proxies,
            users: self.header.map(|header| ProxyUsers { header, operators }),
        })
    }
}

pub(super) fn url(text: &str) -> Read<Url> {
    let hint = || Some("give scheme and host, such as https://backups.example.com or http://localhost:9187".to_owned());
    let url = Url::parse(text).ok().filter(|url| url.has_host());
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| ("it is no http or https URL".to_owned(), hint()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(("it holds a user or a password".to_owned(), hint()));
    }
    match url.path() == "/" && url.query().is_none() && url.fragment().is_none() {
        true => Ok(url),
        false => Err((
            "it has a path, and the dashboard is at the top of its host".to_owned(),
            hint(),
        )),
    }
}

pub(super) fn hash(text: &str) -> Read<PasswordHash> {
    PasswordHash::parse(text).map_err(|fault| (fault.to_string(), Some(fault.hint())))
}

pub(super) fn tokens(text: &str) -> Read<ApiTokens> {
    ApiTokens::parse(text).map_err(|fault| (fault.to_string(), Some(fault.hint())))
}

pub(super) fn networks(text: &str) -> Read<Networks> {
    Networks::parse(text).map_err(|wrong| {
        let hint = "give addresses or networks, such as 10.0.0.7 or 10.0.0.0/8";
        (
            format!("{wrong:?} is neither an address nor a network"),
            Some(hint.to_owned()),
        )
    })
}

/// A header that a proxy sets. One that browsers set, or that pages can set, names nobody.
pub(super) fn header_name(text: &str) -> Read<HeaderName> {
    const OF_BROWSERS: [&str; 7] = [
        "authorization",
        "cookie",
        "host",
        "origin",
        "referer",
        "user-agent",
        "forwarded",
    ];
    let name: Option<HeaderName> = text.to_ascii_lowercase().parse().ok();
    let name = name.filter(|name| !OF_BROWSERS.contains(&name.as_str()));
    name.ok_or_else(|| {
        let hint = "give the header in which the proxy names the user, such as X-Forwarded-User or Remote-User";
        (
            format!("{text:?} is no header that names a user"),
            Some(hint.to_owned()),
        )
    })
}
