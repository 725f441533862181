//! Connects to a server: name, TCP, SSH with the key that is pinned, login, SFTP.

use std::{
    borrow::Cow,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use russh::{
    Preferred, cipher,
    client::{self, Handle},
    compression,
    keys::{Algorithm, EcdsaCurve, PublicKey},
};
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{
    SftpOptions,
    fault::{SftpFault, SftpResult},
    features::{Features, LIMITS},
    handler::{Client, Seen},
    host_keys::{Verdict, fingerprint},
    login::Login,
    session::{Incoming, Session},
    wire::{Reply, Request, VERSION, Version},
};
use crate::{
    store::Kind,
    text::{escaped, os_words},
};

/// What a server may send before its reader takes it: for reads over a long way.
const WINDOW_BYTES: u32 = 8 << 20;
/// The longest message of SSH that is accepted.
const PACKET_BYTES: u32 = 64 << 10;
/// Messages of SSH that wait for their reader. Together they are never more than the window.
const MESSAGES_MAX: usize = 64;
/// How many keep-alives without an answer end a connection.
const KEEP_ALIVES_MAX: usize = 3;
/// The types of host keys that can be checked, the preferred first. RSA is left out: see `key.rs`.
const HOST_KEY_TYPES: [Algorithm; 4] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
];
/// AES with GCM first: processors have instructions for it.
const CIPHERS: [cipher::Name; 6] = [
    cipher::AES_256_GCM,
    cipher::AES_128_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// Connects and logs in. Bounded by the limit of the options.
pub(super) async fn connect(options: &Arc<SftpOptions>, login: &Login) -> SftpResult<Session> {
    let limit = options.connect_max;
    match timeout(limit, connected(options, login)).await {
        Ok(connected) => connected,
        Err(_) => Err(unreachable(
            options,
            format!("there was no connection within {} s", limit.as_secs()),
        )),
    }
}

async fn connected(options: &Arc<SftpOptions>, login: &Login) -> SftpResult<Session> {
    let (mut server, software) = trusted(options).await?;
    login.carry_out(&mut server).await?;
    let channel = server
        .channel_open_session()
        .await
        .map_err(|error| refused_channel(&error))?;
    let (reader, writer) = channel.split();
    let mut incoming = Incoming::new(reader);
    let lost = |_| SftpFault::lost("the server ended the connection after the login");
    writer.request_subsystem(true, "sftp").await.map_err(lost)?;
    if !incoming.accepted().await? {
        return Err(SftpFault::new(
            Kind::Unsupported,
            "the server has no SFTP for this account",
            Some("have the server's administrator set `Subsystem sftp internal-sftp` in sshd_config, and allow it"),
        ));
    }
    writer.data_bytes(Request::init()).await.map_err(lost)?;
    let version = incoming.next().await.map_err(about_noise)?;
    let version = Version::parse(version).map_err(|why| about_noise(SftpFault::protocol(why)))?;
    if version.number < VERSION {
        return Err(SftpFault::lacks(&format!(
            "speak version 3 of SFTP, only version {}",
            version.number
        )));
    }
    let features = Features::new(software, &version);
    let has_limits = features.has_limits;
    let mut session = Session::start(incoming, writer, server, features, options.silence_max);
    if has_limits && let Ok(Reply::Extended(limits)) = session.call(Request::extended(LIMITS, &[])).await {
        session.features.take_limits(limits);
    }
    Ok(session)
}

/// Connects to a server whose key is pinned. A fingerprint doesn't say of which type its key is, and a server shows one
/// key in each connection: so it is asked for the others too, before the server is refused.
async fn trusted(options: &Arc<SftpOptions>) -> SftpResult<(Handle<Client>, String)> {
    let location = &options.location;
    let mut types = HOST_KEY_TYPES.to_vec();
    if let Some(pinned) = options
        .host_keys
        .types(&location.host, location.port)
        .filter(|types| !types.is_empty())
    {
        types.retain(|kind| pinned.iter().any(|pinned| *pinned == kind.as_str()));
        if types.is_empty() {
            return Err(only_rsa(&pinned));
        }
    }
    let mut shown: Vec<(PublicKey, Verdict)> = Vec::new();
    while !types.is_empty() {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stream = dial(options).await?;
        let config = Arc::new(config(options, &types));
        let connected = client::connect_stream(config, stream, Client::new(options, &seen)).await;
        let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
        match (connected, seen.key) {
            (Ok(server), _) => return Ok((server, seen.software)),
            (Err(russh::Error::UnknownKey), Some((key, verdict))) => {
                types.retain(|kind| kind.as_str() != key.algorithm().as_str());
                let is_over = verdict != Verdict::OthersPinned;
                shown.push((key, verdict));
                if is_over {
                    break;
                }
            }
            (Err(russh::Error::NoCommonAlgo { .. }), _) if !shown.is_empty() => break,
            (Err(error), _) => return Err(handshake(options, &error, seen.farewell.as_deref())),
        }
    }
    Err(untrusted(&options.settings, &shown))
}

fn config(options: &SftpOptions, types: &[Algorithm]) -> client::Config {
    client::Config {
        window_size: WINDOW_BYTES,
        maximum_packet_size: PACKET_BYTES - 1,
        channel_buffer_size: MESSAGES_MAX,
        keepalive_interval: Some(options.keep_alive),
        keepalive_max: KEEP_ALIVES_MAX,
        preferred: Preferred {
            key: Cow::Owned(types.to_vec()),
            cipher: Cow::Borrowed(&CIPHERS),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::default()
        },
        ..client::Config::default()
    }
}

/// Connects to the first address that answers.
async fn dial(options: &SftpOptions) -> SftpResult<TcpStream> {
    let location = &options.location;
    let found = lookup_host((location.host.as_str(), location.port)).await;
    let addresses: Vec<SocketAddr> = found.map_err(|_| unresolved(options))?.collect();
    let share = options.connect_max / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut last = None;
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = Some(error),
            Err(_) => last = Some(io::ErrorKind::TimedOut.into()),
        }
    }
    let error = last.ok_or_else(|| unresolved(options))?;
    Err(unreachable(options, os_words(&error)))
}

fn unresolved(options: &SftpOptions) -> SftpFault {
    let host = &options.location.host;
    let cure = format!("correct the name, or see whether this machine resolves names (`getent hosts {host}`)");
    SftpFault::new(Kind::Unreachable, "no host of that name is known", Some(&cure))
}

fn unreachable(options: &SftpOptions, why: String) -> SftpFault {
    let (host, port) = (options.location.written_host(), options.location.port);
    let cure = format!(
        "see whether the server is up and its sshd listens on port {port}, and whether a firewall lets this machine \
         out to {host}:{port}"
    );
    SftpFault::new(Kind::Unreachable, why, Some(&cure))
}

fn handshake(options: &SftpOptions, error: &russh::Error, farewell: Option<&str>) -> SftpFault {
    match error {
        russh::Error::NoCommonAlgo { kind, theirs, .. } => {
            let what = format!("{kind:?}").to_ascii_lowercase();
            let why = format!(
                "the server has no {what} algorithm that is known here, only {}",
                theirs.join(", ")
            );
            let cure = "update the server; an ed25519 or ECDSA host key is needed (`ssh-keygen -A` makes them, RSA \
                        alone isn't enough), and AES or ChaCha20";
            SftpFault::new(Kind::Unsupported, why, Some(cure))
        }
        russh::Error::Version => SftpFault::new(
            Kind::Endpoint,
            "what answers there doesn't speak SSH",
            Some("correct the host or the port"),
        ),
        _ => {
            let why = match farewell {
                Some(words) => format!("the server ended the connection: {}", escaped(words)),
                None => "the server ended the connection before the login".to_owned(),
            };
            unreachable(options, why)
        }
    }
}

fn only_rsa(pinned: &[String]) -> SftpFault {
    let why = format!(
        "keys of the type {} are pinned, which can't be checked here",
        pinned.join(", ")
    );
    let cure =
        "pin the server's ed25519 or ECDSA key: `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` shows it there";
    SftpFault::new(Kind::Configuration, why, Some(cure))
}

/// The server's key isn't pinned. Nothing was said to it.
fn untrusted(settings: &str, shown: &[(PublicKey, Verdict)]) -> SftpFault {
    let keys = shown
        .iter()
        .map(|(key, _)| format!("{} {}", key.algorithm().as_str(), fingerprint(key)));
    let keys = keys.collect::<Vec<_>>().join(" and ");
    let file = match shown.last().map(|(key, _)| key.algorithm()) {
        Some(Algorithm::Ecdsa { .. }) => "ssh_host_ecdsa_key.pub",
        _ => "ssh_host_ed25519_key.pub",
    };
    let compare = format!(
        "compare it with what `ssh-keygen -lf /etc/ssh/{file}` shows on the server itself, or with \
         what its provider publishes"
    );
    let (why, cure) = match shown.last().map(|(_, verdict)| verdict) {
        Some(Verdict::Revoked) => (
            format!("the server's host key is {keys}, which is revoked"),
            "find out why the key was revoked: somebody else may have it".to_owned(),
        ),
        Some(Verdict::OthersPinned) => (
            format!("the server's host key is {keys}, and another one is pinned"),
            format!(
                "if the server was set up anew, {compare}, and pin that in {settings}_HOST_KEY; if not, somebody \
                 else answers in its place"
            ),
        ),
        _ => (
            format!("the server's host key is {keys}, and no key is pinned for it"),
            format!("{compare}, and pin it in {settings}_HOST_KEY"),
        ),
    };
    SftpFault::new(Kind::Certificate, why, Some(&cure))
}

fn refused_channel(error: &russh::Error) -> SftpFault {
    match error {
        russh::Error::ChannelOpenFailure(_) => SftpFault::new(
            Kind::Busy,
            "the server opens no session for this account",
            Some("see MaxSessions in its sshd_config, and end what else is logged in there"),
        ),
        _ => SftpFault::lost("the server ended the connection after the login"),
    }
}

/// What comes first should be SFTP. Login scripts like to print something.
fn about_noise(fault: SftpFault) -> SftpFault {
    match fault.kind {
        Kind::Damaged => SftpFault::new(
            Kind::Endpoint,
            fault.why,
            Some(
                "see whether a login script of that account prints something (`ssh USER@HOST true` should print \
                 nothing), and whether the account may use SFTP",
            ),
        ),
        _ => fault,
    }
}
