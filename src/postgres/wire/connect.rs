//! From an address to a connection that is logged in.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream, lookup_host};

use super::super::url::{DatabaseUrl, SslMode};
use super::{Wire, WireError, end_point, tls};

/// Routers and load balancers forget connections that were silent for some minutes.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Connects and logs in. As libpq does, `prefer` and `allow` try again without TLS where the server can't or won't do it.
pub(in crate::postgres) async fn open(url: &DatabaseUrl) -> Result<Wire, WireError> {
    let mode = url.effective_ssl_mode();
    let may_go_without = matches!(mode, SslMode::Prefer | SslMode::Allow);
    let first = attempt(url, mode != SslMode::Disable, !may_go_without).await;
    match first {
        Err(error) if may_go_without && is_about_tls(&error) => {
            // Should this fail too, the first answer is the one that says more.
            attempt(url, false, false).await.map_err(|_| error)
        }
        other => other,
    }
}

/// TLS itself, or a server that lets this role in without it only.
fn is_about_tls(error: &WireError) -> bool {
    match error {
        WireError::Tls(_) => true,
        WireError::Server(error) => error.code == "28000",
        _ => false,
    }
}

async fn attempt(url: &DatabaseUrl, wants_tls: bool, needs_tls: bool) -> Result<Wire, WireError> {
    if let Some(folder) = url.socket_folder() {
        let stream = UnixStream::connect(format!("{folder}/.s.PGSQL.{}", url.port())).await?;
        return log_in(Wire::new(Box::new(stream), false), url, None).await;
    }
    let mut stream = dial(url).await?;
    if !wants_tls || !offers_tls(&mut stream).await? {
        if needs_tls && wants_tls {
            return Err(WireError::NoTls);
        }
        return log_in(Wire::new(Box::new(stream), false), url, None).await;
    }
    let stream = tls::connect(url, stream).await?;
    let certificates = stream.get_ref().1.peer_certificates();
    let binding = certificates
        .and_then(|certificates| certificates.first())
        .and_then(|certificate| end_point::hash(certificate));
    log_in(Wire::new(Box::new(stream), true), url, binding).await
}

async fn log_in(
    mut wire: Wire,
    url: &DatabaseUrl,
    binding: Option<Vec<u8>>,
) -> Result<Wire, WireError> {
    wire.log_in(url, binding).await?;
    Ok(wire)
}

/// Tries each address of the host in turn.
async fn dial(url: &DatabaseUrl) -> Result<TcpStream, WireError> {
    let addresses = lookup_host((url.host(), url.port()))
        .await
        .map_err(WireError::Unresolved)?;
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the host's name has no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                SockRef::from(&stream)
                    .set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE))?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(WireError::Io(failed))
}

/// Asks for TLS. Exactly one byte is read, so that nothing sent in clear before the handshake can pass for what comes after
/// it (CVE-2021-23222).
async fn offers_tls(stream: &mut TcpStream) -> Result<bool, WireError> {
    let mut message = BytesMut::new();
    frontend::ssl_request(&mut message);
    stream.write_all(&message).await?;
    match stream.read_u8().await? {
        b'S' => Ok(true),
        b'N' => Ok(false),
        // what it says is not yet protected, so it is not repeated
        b'E' => Err(WireError::Protocol(
            "it answers the request for tls by an error".to_owned(),
        )),
        _ => Err(WireError::Protocol(
            "what answers there is no PostgreSQL server".to_owned(),
        )),
    }
}
