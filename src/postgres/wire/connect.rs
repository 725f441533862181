//! Opens connections and logs in.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use super::super::url::{DatabaseUrl, SslMode};
use super::session_attrs::{ServerKind, wanted};
use super::{Wire, WireError, channel_binding, tls};

/// Routers and load balancers drop connections that are idle for some minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// The limit if the URL sets none: long enough to count as unlimited, but finite.
const NO_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// A host that was tried, and why it was not used.
pub(in crate::postgres) struct FailedHost {
    pub(in crate::postgres) url: DatabaseUrl,
    pub(in crate::postgres) error: WireError,
}

/// The result of a search among several hosts.
pub(in crate::postgres) struct HostSearch<T> {
    pub(in crate::postgres) found: T,
    /// The hosts that were tried before, in order.
    pub(in crate::postgres) before: Vec<FailedHost>,
}

/// Connects and logs in. Returns the connection and the URL of the server. As in libpq, several hosts, and several
/// addresses of a host, are tried in turn, each within `connect_timeout`, until one is of the requested kind. A refused
/// login ends the search. Safe to cancel.
pub(in crate::postgres) async fn open(url: &DatabaseUrl) -> HostSearch<Result<(Wire, DatabaseUrl), FailedHost>> {
    let is_random = url.parameter("load_balance_hosts") == Some("random");
    let mut before = Vec::new();
    for kind in wanted(url) {
        let mut hosts: Vec<DatabaseUrl> = url.each().collect();
        shuffle(&mut hosts, is_random);
        for host in hosts {
            match connect_to(&host, *kind, is_random).await {
                Ok(reached) => {
                    let found = Ok(reached);
                    return HostSearch { found, before };
                }
                Err(error) => {
                    let ends_here = !may_be_elsewhere(&error);
                    let unreached = FailedHost { url: host, error };
                    if ends_here {
                        let found = Err(unreached);
                        return HostSearch { found, before };
                    }
                    before.push(unreached);
                }
            }
        }
    }
    let last = before.pop().unwrap_or_else(|| FailedHost {
        url: url.clone(),
        error: WireError::Protocol("no host".to_owned()),
    });
    let found = Err(last);
    HostSearch { found, before }
}

/// Whether another host should be tried.
fn may_be_elsewhere(error: &WireError) -> bool {
    match error {
        WireError::Io(_) | WireError::Unresolved(_) | WireError::Silent(_) | WireError::OtherKind(_) => true,
        // the server starts up, shuts down or recovers
        WireError::Server(error) => error.code == "57P03",
        _ => false,
    }
}

/// Tries one host, at each of its addresses.
async fn connect_to(url: &DatabaseUrl, kind: ServerKind, is_random: bool) -> Result<(Wire, DatabaseUrl), WireError> {
    let limit = url.connect_timeout().unwrap_or(NO_LIMIT);
    let url = &url.with_fresh_password().await.map_err(WireError::Password)?;
    let in_time = async |address| match timeout(limit, attempt_with_fallback(url, address, kind)).await {
        Ok(result) => result,
        Err(_) => Err(WireError::Silent(limit)),
    };
    if url.socket_folder().is_some() {
        return Ok((in_time(None).await?, url.clone()));
    }
    let resolved = timeout(limit, addresses(url)).await;
    let mut addresses = resolved.map_err(|_| WireError::Silent(limit))??;
    shuffle(&mut addresses, is_random);
    let mut failed = WireError::Unresolved(io::Error::new(
        io::ErrorKind::NotFound,
        "the host's name has no address",
    ));
    for address in addresses {
        match in_time(Some(address)).await {
            Ok(wire) => return Ok((wire, reached(url, address))),
            Err(error) if may_be_elsewhere(&error) => failed = error,
            Err(error) => return Err(error),
        }
    }
    Err(failed)
}

/// The addresses of the host, or the one that is set in the URL.
async fn addresses(url: &DatabaseUrl) -> Result<Vec<SocketAddr>, WireError> {
    if let Some(address) = url.address() {
        return Ok(vec![SocketAddr::new(address, url.port())]);
    }
    let found = lookup_host((url.host(), url.port())).await;
    Ok(found.map_err(WireError::Unresolved)?.collect())
}

/// The URL with the reached address, so that child processes connect to the same server. A link-local IPv6 address has
/// a scope that the number alone doesn't contain.
fn reached(url: &DatabaseUrl, address: SocketAddr) -> DatabaseUrl {
    match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => url.clone(),
        address => url.at(address.ip()),
    }
}

/// As in libpq, `prefer` and `allow` retry without TLS if the server can't or won't use it.
async fn attempt_with_fallback(
    url: &DatabaseUrl,
    address: Option<SocketAddr>,
    kind: ServerKind,
) -> Result<Wire, WireError> {
    let mode = url.effective_ssl_mode();
    let may_go_without = matches!(mode, SslMode::Prefer | SslMode::Allow);
    let first = attempt(url, address, mode != SslMode::Disable, !may_go_without).await;
    let mut wire = match first {
        Err(error) if may_go_without && is_about_tls(&error) => {
            // If this fails too, the first error says more.
            attempt(url, address, false, false).await.map_err(|_| error)?
        }
        other => other?,
    };
    wire.is_of(kind).await?;
    Ok(wire)
}

/// A TLS error, or a server that accepts this role only without TLS.
fn is_about_tls(error: &WireError) -> bool {
    match error {
        WireError::Tls(_) => true,
        WireError::Server(error) => error.code == "28000",
        _ => false,
    }
}

async fn attempt(
    url: &DatabaseUrl,
    address: Option<SocketAddr>,
    wants_tls: bool,
    needs_tls: bool,
) -> Result<Wire, WireError> {
    let Some(address) = address else {
        return log_in(Wire::new(Box::new(socket(url).await?), false), url, None).await;
    };
    let mut stream = dial(url, address).await?;
    let local_port = stream.local_addr().ok().map(|address| address.port());
    let is_direct = url.parameter("sslnegotiation") == Some("direct");
    if !wants_tls || !(is_direct || offers_tls(&mut stream).await?) {
        if needs_tls && wants_tls {
            return Err(WireError::NoTls);
        }
        let mut wire = Wire::new(Box::new(stream), false);
        wire.local_port = local_port;
        return log_in(wire, url, None).await;
    }
    let stream = tls::connect(url, stream).await?;
    let certificates = stream.get_ref().1.peer_certificates();
    let binding = certificates
        .and_then(|certificates| certificates.first())
        .and_then(|certificate| channel_binding::end_point(certificate));
    let mut wire = Wire::new(Box::new(stream), true);
    wire.local_port = local_port;
    log_in(wire, url, binding).await
}

async fn log_in(mut wire: Wire, url: &DatabaseUrl, binding: Option<Vec<u8>>) -> Result<Wire, WireError> {
    wire.log_in(url, binding).await?;
    Ok(wire)
}

/// Connects to a Unix socket, and checks its owner if `requirepeer` is set.
async fn socket(url: &DatabaseUrl) -> Result<UnixStream, WireError> {
    let folder = url.socket_folder().unwrap_or_default();
    let stream = UnixStream::connect(format!("{folder}/.s.PGSQL.{}", url.port())).await?;
    let Some(wanted) = url.parameter("requirepeer") else {
        return Ok(stream);
    };
    let uid = stream.peer_cred()?.uid();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let is_wanted = users.lines().any(|line| {
        let mut fields = line.split(':');
        fields.next() == Some(wanted) && fields.nth(1).and_then(|id| id.parse().ok()) == Some(uid)
    });
    if !is_wanted {
        return Err(WireError::File(format!(
            "the server on this socket runs as user {uid}, and requirepeer in the url requires {wanted}"
        )));
    }
    Ok(stream)
}

async fn dial(url: &DatabaseUrl, address: SocketAddr) -> Result<TcpStream, WireError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let number = |name| url.parameter(name).and_then(|text| text.parse::<u32>().ok());
    let seconds = |name| number(name).filter(|n| *n > 0).map(|n| Duration::from_secs(n.into()));
    let socket = SockRef::from(&stream);
    if number("keepalives") != Some(0) {
        let mut probes = TcpKeepalive::new().with_time(seconds("keepalives_idle").unwrap_or(KEEP_ALIVE));
        if let Some(interval) = seconds("keepalives_interval") {
            probes = probes.with_interval(interval);
        }
        if let Some(count) = number("keepalives_count").filter(|n| *n > 0) {
            probes = probes.with_retries(count);
        }
        socket.set_tcp_keepalive(&probes)?;
    }
    #[cfg(target_os = "linux")]
    if let Some(limit) = number("tcp_user_timeout").filter(|n| *n > 0) {
        socket.set_tcp_user_timeout(Some(Duration::from_millis(limit.into())))?;
    }
    Ok(stream)
}

/// Asks the server for TLS. Reads exactly one byte, so that nothing sent in clear text before the handshake can be read
/// as protected data (CVE-2021-23222).
async fn offers_tls(stream: &mut TcpStream) -> Result<bool, WireError> {
    let mut message = BytesMut::new();
    frontend::ssl_request(&mut message);
    stream.write_all(&message).await?;
    match stream.read_u8().await? {
        b'S' => Ok(true),
        b'N' => Ok(false),
        // the message is not protected yet, so it is not repeated
        b'E' => Err(WireError::Protocol(
            "it answers the request for tls with an error".to_owned(),
        )),
        _ => Err(WireError::Protocol("this is not a PostgreSQL server".to_owned())),
    }
}

/// Shuffles the list if `is_random`. Without a source of randomness the order stays.
fn shuffle<T>(list: &mut [T], is_random: bool) {
    let mut bytes = [0; 8];
    if !is_random || getrandom::fill(&mut bytes).is_err() {
        return;
    }
    let mut random = u64::from_le_bytes(bytes);
    for n in (1..list.len()).rev() {
        let among = n as u64 + 1;
        list.swap(n, usize::try_from(random % among).unwrap_or(0));
        random /= among;
    }
}
