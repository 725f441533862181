//! Where a database is and how to log in, read from a URL by libpq's rules.

mod child;
mod fault;
mod parameters;
mod parse;
mod places;
mod service;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::holder::APPLICATION;
use super::iam::PasswordSource;
use crate::{redact::SecretText, text::Untrusted};

pub(super) use child::ChildFile;
pub use fault::{UrlFault, UrlForm};
use parameters::PARAMETERS;
use places::{Host, Place};

/// How much TLS is asked for, in libpq's words.
///
/// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only if the server insists.
    Allow,
    /// If the server can.
    Prefer,
    /// Always, whoever the server is (but with `sslrootcert` the certificate is checked, as libpq does).
    Require,
    /// Always, with a certificate from a known authority.
    VerifyCa,
    /// Always, with a certificate from a known authority made out to this very host.
    VerifyFull,
}

impl SslMode {
    /// The one that holds at a place: what is given, else `require` for hosts elsewhere and `prefer` for local ones.
    ///
    /// libpq's own default is `prefer`, with which whoever sits on the line can talk both sides out of TLS.
    fn at(given: Option<Self>, place: &Place) -> Self {
        match given {
            Some(mode) => mode,
            None if place.is_local() => Self::Prefer,
            None => Self::Require,
        }
    }

    /// libpq's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// A database's address and login.
///
/// Read with [`DatabaseUrl::parse`]. `Display` and `Debug` show `user@host:port/database`: no password, no
/// parameters.
#[derive(Clone)]
pub struct DatabaseUrl {
    /// At least one. Where there are several a session tries them in turn, and what it has reached has one.
    places: Vec<Place>,
    user: String,
    password: Option<SecretText>,
    /// What makes a password for each connection.
    passwords: Option<Arc<dyn PasswordSource>>,
    database: String,
    /// What is given; else each place has its own.
    ssl_mode: Option<SslMode>,
    /// What the URL gives beyond address and login, by libpq's names; only names of [`PARAMETERS`].
    parameters: BTreeMap<&'static str, String>,
}

/// How long a connection may take to come about unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Where systems keep the certificates of the authorities they trust.
const SYSTEM_CERTIFICATES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

impl DatabaseUrl {
    /// The host's name or address, or the folder of the Unix socket; the first of several.
    pub fn host(&self) -> &str {
        match &self.place().host {
            Host::Tcp(host) | Host::Socket(host) => host,
        }
    }

    /// The port; for a Unix socket it is part of the socket's name. That of the first of several hosts.
    pub fn port(&self) -> u16 {
        self.place().port
    }

    /// The role that logs in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// How much TLS is asked for: what the URL says, else `require` for hosts elsewhere and `prefer` for local ones.
    pub fn ssl_mode(&self) -> SslMode {
        SslMode::at(self.ssl_mode, self.place())
    }

    /// The same server and login, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self {
            database: name.to_owned(),
            ..self.clone()
        }
    }

    /// The same with a password that is made for each connection.
    ///
    /// # Errors
    /// Where the URL has a password of its own, or where a connection could go unencrypted: such a password is sent in
    /// clear.
    pub fn with_password_source(self, passwords: Arc<dyn PasswordSource>) -> Result<Self, UrlFault> {
        if self.password.is_some() || self.parameter("passfile").is_some() {
            return Err(UrlFault::TwoPasswords);
        }
        for url in self.each() {
            if url.effective_ssl_mode() < SslMode::Require {
                return Err(UrlFault::TokenInClear(url.effective_ssl_mode()));
            }
        }
        Ok(Self {
            passwords: Some(passwords),
            ..self
        })
    }

    /// True when what is sent doesn't leave this machine: a Unix socket, `localhost`, 127.0.0.0/8, `::1`.
    pub fn is_local(&self) -> bool {
        self.places.iter().all(Place::is_local)
    }

    /// An address of each host.
    pub(super) fn each(&self) -> impl Iterator<Item = Self> {
        self.places.iter().map(|place| Self {
            places: vec![place.clone()],
            ..self.clone()
        })
    }

    /// Its host and port, or those of the first of several.
    pub(super) fn place_text(&self) -> String {
        self.place().to_string()
    }

    /// This very server, wherever else its name may lead.
    pub(super) fn at(&self, address: IpAddr) -> Self {
        let mut reached = self.clone();
        reached.places.truncate(1);
        reached.places[0].address = Some(address);
        reached
    }

    /// The address to connect to, where one is given beside the host's name.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.place().address
    }

    fn place(&self) -> &Place {
        &self.places[0]
    }

    /// The same with the password of one connection: the one that is given, else of the file or made afresh.
    pub(super) async fn with_fresh_password(&self) -> Result<Self, String> {
        if let Some(passwords) = &self.passwords {
            let made = passwords.make(self.host(), self.port(), &self.user).await?;
            let password = Some(made);
            return Ok(Self {
                password,
                ..self.clone()
            });
        }
        let (None, Some(file)) = (&self.password, self.parameter("passfile")) else {
            return Ok(self.clone());
        };
        let password = service::password(file, self.place(), &self.database, &self.user)?;
        Ok(Self {
            password,
            ..self.clone()
        })
    }

    /// What our own session tells the server when it connects: encoding, login, and what the URL hands on unread.
    pub(super) fn startup_parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let given = [
            ("options", self.parameter("options")),
            ("application_name", Some(self.application())),
        ];
        let fixed = [
            ("user", self.user()),
            ("database", self.database()),
            ("client_encoding", "UTF8"),
        ];
        fixed
            .into_iter()
            .chain(given.into_iter().filter_map(|(name, value)| Some((name, value?))))
    }

    /// What a session of ours calls itself.
    pub(super) fn application(&self) -> &str {
        let given = self.parameter("application_name");
        given
            .or_else(|| self.parameter("fallback_application_name"))
            .unwrap_or(APPLICATION)
    }

    pub(super) fn password(&self) -> Option<&SecretText> {
        self.password.as_ref()
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The folder of the Unix socket, if it's one.
    pub(super) fn socket_folder(&self) -> Option<&str> {
        match &self.place().host {
            Host::Socket(folder) => Some(folder),
            Host::Tcp(_) => None,
        }
    }

    /// How long a connection may take to come about. As in libpq 0 means for ever and 1 means 2 s.
    pub(super) fn connect_timeout(&self) -> Option<Duration> {
        match self
            .parameter("connect_timeout")
            .and_then(|text| text.parse::<i64>().ok())
        {
            None => Some(CONNECT_TIMEOUT),
            Some(seconds) if seconds <= 0 => None,
            Some(seconds) => Some(Duration::from_secs(seconds.unsigned_abs().max(2))),
        }
    }

    /// libpq ignores `sslmode` on Unix sockets.
    pub(super) fn effective_ssl_mode(&self) -> SslMode {
        match self.place().host {
            Host::Socket(_) => SslMode::Disable,
            Host::Tcp(_) => self.ssl_mode(),
        }
    }

    /// The file of authorities to check the server's certificate with, where one is needed: what the URL names; the
    /// system's for `sslrootcert=system`, which clients older than 16 don't know, and where the URL asks for a
    /// check and names none, so that our session and the children judge alike. libpq would take
    /// `~/.postgresql/root.crt`.
    pub(super) fn root_certificates(&self) -> Option<&str> {
        match self.parameter("sslrootcert") {
            Some(file) if file != "system" => Some(file),
            None if self.effective_ssl_mode() < SslMode::VerifyCa => None,
            _ => SYSTEM_CERTIFICATES
                .iter()
                .copied()
                .find(|file| Path::new(file).exists()),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", Untrusted::from(self.user()))?;
        for (n, place) in self.places.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{place}")?;
        }
        write!(f, "/{}", Untrusted::from(self.database()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        match host {
            Host::Tcp(host) if host.contains(':') => {
                write!(f, "[{}]:{port}", Untrusted::from(host.as_str()))
            }
            Host::Tcp(host) | Host::Socket(host) => {
                write!(f, "{}:{port}", Untrusted::from(host.as_str()))
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}
