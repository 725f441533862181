//! The hosts of a server: one, or several that are tried in turn.

use std::net::IpAddr;

use super::fault::UrlFault;

/// A host with its port.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct HostPort {
    pub(super) host: Host,
    /// The IP address to connect to. The host's name is then only for the certificate.
    pub(super) address: Option<IpAddr>,
    pub(super) port: u16,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// A name or an address, without brackets.
    Tcp(String),
    /// The folder of a Unix socket.
    Socket(String),
}

/// The most hosts in a URL. Each attempt may take all of `connect_timeout`.
const HOSTS_MAX: usize = 32;

impl HostPort {
    /// Whether the host is this machine: a Unix socket, `localhost`, 127.0.0.0/8, `::1`.
    pub(super) fn is_local(&self) -> bool {
        match (&self.host, self.address) {
            (Host::Socket(_), _) => true,
            (Host::Tcp(_), Some(address)) => address.is_loopback(),
            (Host::Tcp(name), None) => {
                name.eq_ignore_ascii_case("localhost")
                    || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

/// Combines libpq's three lists: each host has its own address and port, or all hosts have one port.
pub(super) fn hosts(names: &str, addresses: &str, ports: &str) -> Result<Vec<HostPort>, UrlFault> {
    let (hosts, addresses, ports) = (list(names), list(addresses), list(ports));
    let count = if hosts.is_empty() { addresses.len() } else { hosts.len() };
    if count == 0 {
        return Err(UrlFault::Missing("host"));
    }
    let fits = |other: &[&str]| other.is_empty() || other.len() == count;
    if count > HOSTS_MAX || !fits(&addresses) || !(fits(&ports) || ports.len() == 1) {
        return Err(UrlFault::Lists);
    }
    let nth = |list: &[&str], n: usize| list.get(n).copied().unwrap_or_default().to_owned();
    (0..count)
        .map(|n| {
            let address = address(&nth(&addresses, n))?;
            let host = match (nth(&hosts, n), address) {
                (name, Some(address)) if name.is_empty() => address.to_string(),
                (name, _) => name,
            };
            let port = if ports.len() == 1 {
                ports[0].to_owned()
            } else {
                nth(&ports, n)
            };
            Ok(HostPort {
                host: self::host(host)?,
                address,
                port: self::port(&port)?,
            })
        })
        .collect()
}

fn list(text: &str) -> Vec<&str> {
    match text {
        "" => Vec::new(),
        text => text.split(',').collect(),
    }
}

fn host(text: String) -> Result<Host, UrlFault> {
    match text.as_bytes().first() {
        None => Err(UrlFault::Missing("host")),
        Some(b'/') => Ok(Host::Socket(text)),
        Some(b'@') => Err(UrlFault::AbstractSocket),
        Some(_) => Ok(Host::Tcp(text)),
    }
}

fn address(text: &str) -> Result<Option<IpAddr>, UrlFault> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| UrlFault::Value {
            name: "hostaddr",
            wanted: "the numeric address of a host, or several separated by commas",
        }),
    }
}

/// Parses a port; 5432 if the text is empty.
pub(super) fn port(text: &str) -> Result<u16, UrlFault> {
    match text {
        "" => Ok(5432),
        text => match text.parse() {
            Ok(port) if port > 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
            _ => Err(UrlFault::Port),
        },
    }
}
