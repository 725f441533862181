//! Where a database is and how to log in, read from a URL by libpq's rules.

mod parse;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::holder::APPLICATION;
use crate::text::Untrusted;

pub use parse::UrlFault;

/// A text that nobody else may see: wiped on drop, and shown by `Debug` as dots.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

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
    host: Host,
    port: u16,
    user: String,
    password: Option<Secret>,
    database: String,
    ssl_mode: SslMode,
    /// What the URL gives beyond address and login, by libpq's names; only names of [`PARAMETERS`].
    parameters: BTreeMap<&'static str, String>,
}

#[derive(Clone, PartialEq, Eq)]
enum Host {
    /// A name or an address, without brackets.
    Tcp(String),
    /// The folder of a Unix socket.
    Socket(String),
}

/// The parameters understood beyond address, login and `sslmode`, each with the variable by which libpq takes it.
/// Those without one go into the connection string that is a child's argument.
///
/// <https://www.postgresql.org/docs/current/libpq-envars.html>
const PARAMETERS: &[(&str, Option<&str>)] = &[
    ("sslrootcert", Some("PGSSLROOTCERT")),
    ("sslcert", Some("PGSSLCERT")),
    ("sslkey", Some("PGSSLKEY")),
    ("application_name", Some("PGAPPNAME")),
    ("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    ("options", Some("PGOPTIONS")),
    ("channel_binding", Some("PGCHANNELBINDING")),
    ("require_auth", Some("PGREQUIREAUTH")),
    ("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    ("keepalives", None),
    ("keepalives_idle", None),
    ("keepalives_interval", None),
    ("keepalives_count", None),
];

/// How long a connection may take to come about unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Seconds of silence after which a child's connection is probed. Routers forget an idle connection after as little
/// as 350 s (<https://docs.aws.amazon.com/elasticloadbalancing/latest/network/update-idle-timeout.html>), and a
/// restore that builds an index is silent for longer.
const KEEPALIVES_IDLE: &str = "60";

/// A file that can't exist: its parent is no folder.
const NO_FILE: &str = "/dev/null/none";

/// Where systems keep the certificates of the authorities they trust.
const SYSTEM_CERTIFICATES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

impl DatabaseUrl {
    /// The host's name or address, or the folder of the Unix socket.
    pub fn host(&self) -> &str {
        match &self.host {
            Host::Tcp(host) | Host::Socket(host) => host,
        }
    }

    /// The port; for a Unix socket it is part of the socket's name.
    pub fn port(&self) -> u16 {
        self.port
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
    ///
    /// libpq's own default is `prefer`, with which whoever sits on the line can talk both sides out of TLS.
    pub fn ssl_mode(&self) -> SslMode {
        self.ssl_mode
    }

    /// The same server and login, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self {
            database: name.to_owned(),
            ..self.clone()
        }
    }

    /// True when what is sent doesn't leave this machine: a Unix socket, `localhost`, 127.0.0.0/8, `::1`.
    pub fn is_local(&self) -> bool {
        self.host.is_local()
    }

    /// The variables by which a child process takes this address and login; libpq's own ones must be out of its way.
    pub fn child_env(&self) -> Vec<(&'static str, Secret)> {
        let mut env = vec![
            ("PGHOST", self.host().to_owned()),
            ("PGPORT", self.port.to_string()),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.database.clone()),
            ("PGSSLMODE", self.effective_ssl_mode().as_str().to_owned()),
            // Kerberos would encrypt without the certificates that sslmode speaks of.
            ("PGGSSENCMODE", "disable".to_owned()),
            // The URL is the only source of the password: our own session knows no ~/.pgpass either.
            ("PGPASSFILE", NO_FILE.to_owned()),
            ("PGAPPNAME", APPLICATION.to_owned()),
            ("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT.as_secs().to_string()),
        ];
        for (name, variable) in PARAMETERS {
            if let (Some(variable), Some(value)) = (variable, self.parameters.get(name)) {
                env.retain(|(set, _)| set != variable);
                env.push((variable, value.clone()));
            }
        }
        if let Some(file) = self.root_certificates() {
            env.retain(|(set, _)| *set != "PGSSLROOTCERT");
            env.push(("PGSSLROOTCERT", file.to_owned()));
        }
        let mut env: Vec<_> = env
            .into_iter()
            .map(|(name, value)| (name, Secret::new(value)))
            .collect();
        env.extend(
            self.password
                .clone()
                .map(|password| ("PGPASSWORD", password)),
        );
        env
    }

    /// The connection string that may stand among a child's arguments: the database's name, and what libpq takes by
    /// no variable. `pg_restore` connects only if it's given one.
    pub(super) fn child_conninfo(&self) -> String {
        let mut conninfo = format!("dbname={}", quote_conninfo(&self.database));
        for (name, _) in PARAMETERS.iter().filter(|(_, variable)| variable.is_none()) {
            let default = (*name == "keepalives_idle").then_some(KEEPALIVES_IDLE);
            if let Some(value) = self.parameters.get(name).map(String::as_str).or(default) {
                conninfo.push_str(&format!(" {name}={}", quote_conninfo(value)));
            }
        }
        conninfo
    }

    /// What our own session tells the server when it connects: encoding, login, and what the URL hands on unread.
    pub(super) fn startup_parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let given = [
            ("options", self.parameter("options")),
            (
                "application_name",
                Some(self.parameter("application_name").unwrap_or(APPLICATION)),
            ),
        ];
        let fixed = [
            ("user", self.user()),
            ("database", self.database()),
            ("client_encoding", "UTF8"),
        ];
        fixed.into_iter().chain(
            given
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        )
    }

    pub(super) fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// The folder of the Unix socket, if it's one.
    pub(super) fn socket_folder(&self) -> Option<&str> {
        match &self.host {
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
        match self.host {
            Host::Socket(_) => SslMode::Disable,
            Host::Tcp(_) => self.ssl_mode,
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

impl Host {
    fn is_local(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Tcp(name) => {
                name.eq_ignore_ascii_case("localhost")
                    || name
                        .parse::<IpAddr>()
                        .is_ok_and(|address| address.is_loopback())
            }
        }
    }
}

/// Quotes a value of a connection string.
///
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE>
fn quote_conninfo(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, .. } = self;
        let (user, database) = (
            Untrusted::from(self.user()),
            Untrusted::from(self.database()),
        );
        let shown = Untrusted::from(self.host());
        match host {
            Host::Tcp(address) if address.contains(':') => {
                write!(f, "{user}@[{shown}]:{port}/{database}")
            }
            Host::Tcp(_) | Host::Socket(_) => write!(f, "{user}@{shown}:{port}/{database}"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}
