//! The address of a database and its login, parsed from a URL by libpq's rules.

mod child;
mod fault;
mod hosts;
mod parameter_values;
mod parameters;
mod parse;
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

use super::iam::PasswordSource;
use crate::{redact::SecretText, text::Untrusted};

pub(super) use child::ServiceFile;
pub use fault::{UrlFault, UrlForm};
use hosts::{Host, HostPort};
use parameters::PARAMETERS;

/// The required level of TLS, by libpq's names.
///
/// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// Never TLS.
    Disable,
    /// TLS only if the server requires it.
    Allow,
    /// TLS if the server supports it.
    Prefer,
    /// Always TLS, without a check of the server's identity. With `sslrootcert` the certificate is checked, as in
    /// libpq.
    Require,
    /// Always TLS, with a certificate from a trusted authority.
    VerifyCa,
    /// Always TLS, with a certificate from a trusted authority for this host name.
    VerifyFull,
}

impl SslMode {
    /// The mode for a host: the given one, or `require` for remote hosts and `prefer` for local ones.
    ///
    /// libpq's default is `prefer`, with which an attacker on the network can turn off TLS.
    fn at(given: Option<Self>, host: &HostPort) -> Self {
        match given {
            Some(mode) => mode,
            None if host.is_local() => Self::Prefer,
            None => Self::Require,
        }
    }

    /// libpq's name of the mode.
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

/// The address of a database and its login.
///
/// Parse it with [`DatabaseUrl::parse`]. `Display` and `Debug` show `user@host:port/database`, without password and
/// parameters.
#[derive(Clone)]
pub struct DatabaseUrl {
    /// At least one. If there are several, a session tries them in turn; the URL of a connected session has one.
    hosts: Vec<HostPort>,
    user: String,
    password: Option<SecretText>,
    /// The source of a new password for each connection.
    passwords: Option<Arc<dyn PasswordSource>>,
    database: String,
    /// The mode in the URL. If `None`, each host has its own default.
    ssl_mode: Option<SslMode>,
    /// The URL's parameters except address and login, by libpq's names; only names of [`PARAMETERS`].
    parameters: BTreeMap<&'static str, String>,
}

/// The application name of the agent's sessions, unless the URL sets another.
pub(super) const APPLICATION: &str = "pgcoffer";

/// The longest time for a connection attempt, unless the URL sets another.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Where systems store the certificates of trusted authorities.
const SYSTEM_CERTIFICATES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

impl DatabaseUrl {
    /// The host's name or address, or the folder of the Unix socket. The first one if there are several.
    pub fn host(&self) -> &str {
        match &self.first_host().host {
            Host::Tcp(host) | Host::Socket(host) => host,
        }
    }

    /// The port, which for a Unix socket is part of the socket's name. That of the first host if there are several.
    pub fn port(&self) -> u16 {
        self.first_host().port
    }

    /// The role that logs in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The required level of TLS: the URL's, or `require` for remote hosts and `prefer` for local ones.
    pub fn ssl_mode(&self) -> SslMode {
        SslMode::at(self.ssl_mode, self.first_host())
    }

    /// The database of a server whose Unix socket is in this folder.
    pub(super) fn at_socket(folder: &Path, port: u16, user: &str, password: SecretText, database: &str) -> Self {
        Self {
            hosts: vec![HostPort {
                host: Host::Socket(folder.display().to_string()),
                address: None,
                port,
            }],
            user: user.to_owned(),
            password: Some(password),
            passwords: None,
            database: database.to_owned(),
            ssl_mode: None,
            parameters: BTreeMap::new(),
        }
    }

    /// The same server, with another login.
    #[must_use]
    pub fn with_login(&self, user: &str, password: SecretText) -> Self {
        let mut url = self.clone();
        url.user = user.to_owned();
        url.password = Some(password);
        url.passwords = None;
        url.parameters.remove("passfile");
        url
    }

    /// The same server and login, with another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self {
            database: name.to_owned(),
            ..self.clone()
        }
    }

    /// The same address, with a new password for each connection.
    ///
    /// # Errors
    /// [`UrlFault::TwoPasswords`] if the URL has a password. [`UrlFault::TokenInClear`] if a connection could be
    /// unencrypted, as such a password is sent as plain text.
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

    /// Whether the server is on this machine: a Unix socket, `localhost`, 127.0.0.0/8, `::1`.
    pub fn is_local(&self) -> bool {
        self.hosts.iter().all(HostPort::is_local)
    }

    /// One URL for each host.
    pub(super) fn each(&self) -> impl Iterator<Item = Self> {
        self.hosts.iter().map(|host| Self {
            hosts: vec![host.clone()],
            ..self.clone()
        })
    }

    /// The host and port. Those of the first host if there are several.
    pub(super) fn host_text(&self) -> String {
        self.first_host().to_string()
    }

    /// This address, fixed to one IP address of its host.
    pub(super) fn at(&self, address: IpAddr) -> Self {
        let mut reached = self.clone();
        reached.hosts.truncate(1);
        reached.hosts[0].address = Some(address);
        reached
    }

    /// The IP address to connect to, if one is set beside the host's name.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.first_host().address
    }

    fn first_host(&self) -> &HostPort {
        &self.hosts[0]
    }

    /// The same address with the password for one connection: the given one, or one from the password file or the
    /// password source.
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
        let password = service::password(file, self.first_host(), &self.database, &self.user)?;
        Ok(Self {
            password,
            ..self.clone()
        })
    }

    /// The startup parameters of the agent's own sessions: encoding, login, and what the URL passes on.
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

    /// The application name of the agent's sessions.
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

    /// The folder of the Unix socket, if the host is one.
    pub(super) fn socket_folder(&self) -> Option<&str> {
        match &self.first_host().host {
            Host::Socket(folder) => Some(folder),
            Host::Tcp(_) => None,
        }
    }

    /// The longest time for a connection attempt. As in libpq, 0 means unlimited and 1 means 2 s.
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

    /// The TLS mode that applies. Like libpq, it ignores `sslmode` on Unix sockets.
    pub(super) fn effective_ssl_mode(&self) -> SslMode {
        match self.first_host().host {
            Host::Socket(_) => SslMode::Disable,
            Host::Tcp(_) => self.ssl_mode(),
        }
    }

    /// The file of authorities for the check of the server's certificate, if one is needed. It is the URL's; or the
    /// system's for `sslrootcert=system`, which clients older than 16 don't know; or the system's if the URL requires a
    /// check and names no file, so that the agent's session and child processes check alike. libpq would use
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
        for (n, host) in self.hosts.iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            write!(f, "{comma}{host}")?;
        }
        write!(f, "/{}", Untrusted::from(self.database()))
    }
}

impl fmt::Display for HostPort {
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
