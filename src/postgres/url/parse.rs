//! Reads a connection URL by libpq's rules, or says what is wrong without repeating what may be a password.
//!
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>

use std::collections::BTreeMap;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::super::logins::is_list;
use super::{DatabaseUrl, Host, PARAMETERS, Secret, SslMode};

/// What is wrong with a database's URL. No message repeats a part of it that could hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// It isn't one of PostgreSQL.
    #[error("it does not begin with postgres:// or postgresql://")]
    Scheme,
    /// A part is missing: user, host or database.
    #[error("it names no {0}")]
    Missing(&'static str),
    /// `%` without two hex digits behind it.
    #[error("the {0} has a % that is not followed by two hex digits")]
    Escape(String),
    /// `%00`, which PostgreSQL can't hold.
    #[error("the {0} has a zero byte")]
    Zero(String),
    /// Bytes that are no UTF-8.
    #[error("the {0} is not valid utf-8 once decoded")]
    Encoding(String),
    /// An `@` behind the one that ends the login: then part of a password would pass for a host, and be shown.
    #[error("it has more than one @")]
    ManyAts,
    /// White space as such.
    #[error("it has a space or another unprintable character")]
    Space,
    /// Not 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// No `]` behind an IPv6 address, or something odd behind it.
    #[error(
        "the bracketed address is not closed, is empty or is followed by something else than a port"
    )]
    Brackets,
    /// More than one host.
    #[error("it names more than one host")]
    ManyHosts,
    /// A socket that isn't in the file system.
    #[error("it names an abstract unix socket")]
    AbstractSocket,
    /// A parameter without `=`, or with two.
    #[error("its parameters are not of the form name=value")]
    Malformed,
    /// A parameter that isn't understood; only a plausible name is repeated.
    #[error("its parameter {0} is not known")]
    Unknown(String),
    /// It lets everything cross a network in clear, or lets whoever sits on the line have it so.
    #[error("its sslmode {} doesn't keep the connection encrypted, and its host is not this machine", .0.as_str())]
    Plaintext(SslMode),
    /// A parameter's value isn't one of those that it can have.
    #[error("its parameter {name} is not {wanted}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What it can be.
        wanted: &'static str,
    },
}

impl UrlFault {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Escape(_) | Self::Encoding(_) | Self::Port | Self::Zero(_) | Self::Space | Self::ManyAts | Self::Missing("user" | "host") => {
                "special characters of user and password must be percent-encoded: @ as %40, : as %3A, / as %2F, % as %25, space as %20".into()
            }
            Self::Unknown(_) => "only libpq's parameters belong here, not those of other programs; remove it".into(),
            Self::Plaintext(_) => {
                "use sslmode=require or more; where the network between is your own, or encrypted by itself, say so by &allow_plaintext=yes".into()
            }
            Self::ManyHosts => "give the one host to back up from".into(),
            Self::AbstractSocket => "give the folder of the socket, as in ?host=/var/run/postgresql".into(),
            _ => "the form is postgres://user:password@host:5432/database?sslmode=require".into(),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlFault;

    fn from_str(text: &str) -> Result<Self, UrlFault> {
        Self::parse(text)
    }
}

impl DatabaseUrl {
    /// Reads `postgres://user:password@host:port/database?parameter=value&…`.
    ///
    /// As in libpq `%xx` is the only escape (a `+` stays one), an IPv6 address stands in brackets, a host that
    /// begins with `/` once decoded is the folder of a Unix socket, and the parameters `host`, `port`, `user`,
    /// `password` and `dbname` override what stands before them. Otherwise than libpq it never falls back on the
    /// operating system's user, and one host is all it takes. White space around the whole is forgiven.
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        let text = text.trim();
        let rest = text
            .strip_prefix("postgresql://")
            .or_else(|| text.strip_prefix("postgres://"))
            .ok_or(UrlFault::Scheme)?;
        if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(UrlFault::Space);
        }
        let mut parts = Parts::default();
        let rest = parts.read_login(rest)?;
        if rest.split('?').next().unwrap_or_default().contains('@') {
            return Err(UrlFault::ManyAts);
        }
        let rest = parts.read_address(rest)?;
        parts.read_database_and_parameters(rest)?;
        parts.complete()
    }
}

/// The values as they come in, decoded.
#[derive(Default)]
struct Parts {
    host: Option<String>,
    port: Option<String>,
    user: Option<String>,
    password: Option<Secret>,
    database: Option<String>,
    ssl_mode: Option<String>,
    allow_plaintext: Option<String>,
    parameters: BTreeMap<&'static str, String>,
}

impl Parts {
    /// Reads `user:password@` if there is an `@` before the first `/`. As in libpq it's the first `@` that ends the
    /// login; otherwise than there, none may follow.
    fn read_login<'a>(&mut self, rest: &'a str) -> Result<&'a str, UrlFault> {
        let authority = rest.split('/').next().unwrap_or_default();
        let Some((login, _)) = authority.split_once('@') else {
            return Ok(rest);
        };
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        self.user = Some(decode(user, "user")?);
        self.password = Some(Secret::new(decode(password, "password")?));
        Ok(&rest[login.len() + 1..])
    }

    /// Reads `host:port` up to `/`, `?` or the end.
    fn read_address<'a>(&mut self, rest: &'a str) -> Result<&'a str, UrlFault> {
        let (address, behind) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = match address.strip_prefix('[') {
            Some(bracketed) => split_brackets(bracketed)?,
            None => address.split_once(':').unwrap_or((address, "")),
        };
        self.host = Some(decode(host, "host")?);
        self.port = Some(decode(port, "port")?);
        check_port(self.port.as_deref())?;
        Ok(behind)
    }

    fn read_database_and_parameters(&mut self, rest: &str) -> Result<(), UrlFault> {
        let (database, query) = rest.split_once('?').unwrap_or((rest, ""));
        self.database = Some(decode(
            database.strip_prefix('/').unwrap_or(database),
            "database",
        )?);
        for pair in query.split('&').filter(|_| !query.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(UrlFault::Malformed)?;
            if value.contains('=') {
                return Err(UrlFault::Malformed);
            }
            let name = decode(name, "name of a parameter")?;
            let value = decode(value, plausible(&name))?;
            self.store(&name, value)?;
        }
        Ok(())
    }

    fn store(&mut self, name: &str, value: String) -> Result<(), UrlFault> {
        match name {
            "host" => self.host = Some(value),
            "port" => self.port = Some(value),
            "user" => self.user = Some(value),
            "password" => self.password = Some(Secret::new(value)),
            "dbname" => self.database = Some(value),
            "sslmode" => self.ssl_mode = Some(value),
            // our own: libpq has no word for it, and never sees this
            "allow_plaintext" => self.allow_plaintext = Some(value),
            // libpq takes this spelling of JDBC's too.
            "ssl" if value == "true" => self.ssl_mode = Some("require".into()),
            // The one value that says what is done anyway.
            "gssencmode" if value == "disable" => {}
            _ => {
                let known = PARAMETERS.iter().find(|(known, _)| *known == name);
                let (known, _) =
                    known.ok_or_else(|| UrlFault::Unknown(plausible(name).to_owned()))?;
                check_value(known, &value)?;
                self.parameters.insert(known, value);
            }
        }
        Ok(())
    }

    fn complete(self) -> Result<DatabaseUrl, UrlFault> {
        let port = check_port(self.port.as_deref())?;
        let host = self
            .host
            .filter(|host| !host.is_empty())
            .ok_or(UrlFault::Missing("host"))?;
        if host.contains(',') || self.port.is_some_and(|port| port.contains(',')) {
            return Err(UrlFault::ManyHosts);
        }
        let host = match host.as_bytes()[0] {
            b'/' => Host::Socket(host),
            b'@' => return Err(UrlFault::AbstractSocket),
            _ => Host::Tcp(host),
        };
        let parameters: BTreeMap<_, _> = self
            .parameters
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let system = parameters
            .get("sslrootcert")
            .is_some_and(|file| file == "system");
        let ssl_mode = choose_ssl_mode(self.ssl_mode.as_deref(), &host, system)?;
        let allows_plaintext = match self.allow_plaintext.as_deref() {
            None | Some("") => false,
            Some("yes") => true,
            Some(_) => {
                return Err(UrlFault::Value {
                    name: "allow_plaintext",
                    wanted: "yes",
                });
            }
        };
        if ssl_mode < SslMode::Require && !host.is_local() && !allows_plaintext {
            return Err(UrlFault::Plaintext(ssl_mode));
        }
        Ok(DatabaseUrl {
            ssl_mode,
            host,
            port,
            user: self
                .user
                .filter(|user| !user.is_empty())
                .ok_or(UrlFault::Missing("user"))?,
            password: self
                .password
                .filter(|password| !password.reveal().is_empty()),
            database: self
                .database
                .filter(|database| !database.is_empty())
                .ok_or(UrlFault::Missing("database"))?,
            parameters,
        })
    }
}

/// What stands in brackets, and the port behind them.
fn split_brackets(bracketed: &str) -> Result<(&str, &str), UrlFault> {
    let (address, behind) = bracketed.split_once(']').ok_or(UrlFault::Brackets)?;
    match behind.strip_prefix(':') {
        _ if address.is_empty() => Err(UrlFault::Brackets),
        Some(port) => Ok((address, port)),
        None if behind.is_empty() => Ok((address, "")),
        None if behind.starts_with(',') => Err(UrlFault::ManyHosts),
        None => Err(UrlFault::Brackets),
    }
}

fn check_port(port: Option<&str>) -> Result<u16, UrlFault> {
    match port.unwrap_or_default() {
        "" => Ok(5432),
        many if many.contains(',') => Err(UrlFault::ManyHosts),
        text => match text.parse() {
            Ok(port) if port > 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
            _ => Err(UrlFault::Port),
        },
    }
}

fn check_value(name: &'static str, value: &str) -> Result<(), UrlFault> {
    let (allowed, wanted): (&[&str], _) = match name {
        "channel_binding" => (
            &["disable", "prefer", "require"],
            "one of disable, prefer, require",
        ),
        "target_session_attrs" => (
            &[
                "any",
                "read-write",
                "read-only",
                "primary",
                "standby",
                "prefer-standby",
            ],
            "one of any, read-write, read-only, primary, standby, prefer-standby",
        ),
        "require_auth" => {
            let good = value.is_empty() || is_list(value);
            return good.then_some(()).ok_or(UrlFault::Value {
                name,
                wanted: "a list of password, md5, gss, sspi, scram-sha-256, oauth, none, or of all but these, each with a ! before it",
            });
        }
        "connect_timeout"
        | "keepalives"
        | "keepalives_idle"
        | "keepalives_interval"
        | "keepalives_count" => {
            let good = value.is_empty() || value.parse::<i32>().is_ok();
            return good.then_some(()).ok_or(UrlFault::Value {
                name,
                wanted: "a whole number",
            });
        }
        _ => return Ok(()),
    };
    let good = value.is_empty() || allowed.contains(&value);
    good.then_some(()).ok_or(UrlFault::Value { name, wanted })
}

fn choose_ssl_mode(given: Option<&str>, host: &Host, system: bool) -> Result<SslMode, UrlFault> {
    let mode = match given {
        None if system => SslMode::VerifyFull,
        None if host.is_local() => SslMode::Prefer,
        None => SslMode::Require,
        Some("disable") => SslMode::Disable,
        Some("allow") => SslMode::Allow,
        Some("prefer") => SslMode::Prefer,
        Some("require") => SslMode::Require,
        Some("verify-ca") => SslMode::VerifyCa,
        Some("verify-full") => SslMode::VerifyFull,
        Some(_) => {
            let wanted = "one of disable, allow, prefer, require, verify-ca, verify-full";
            return Err(UrlFault::Value {
                name: "sslmode",
                wanted,
            });
        }
    };
    // libpq refuses a weaker mode with the system's authorities: any holder of any certificate would do.
    if system && mode != SslMode::VerifyFull {
        return Err(UrlFault::Value {
            name: "sslmode",
            wanted: "verify-full, which sslrootcert=system demands",
        });
    }
    Ok(mode)
}

/// The name if it can only be a name, so that a misplaced part of a password isn't repeated.
fn plausible(name: &str) -> &str {
    let is_name = name.len() <= 30 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_name { name } else { "(unprintable)" }
}

/// Undoes percent-encoding as strictly as libpq does.
fn decode(text: &str, part: &str) -> Result<String, UrlFault> {
    for (at, _) in text.match_indices('%') {
        match text.as_bytes().get(at + 1..at + 3) {
            Some(b"00") => return Err(UrlFault::Zero(part.to_owned())),
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => {}
            _ => return Err(UrlFault::Escape(part.to_owned())),
        }
    }
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded
        .map_err(|_| UrlFault::Encoding(part.to_owned()))?
        .into_owned())
}
