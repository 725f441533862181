//! Parses a connection URL by libpq's rules. Errors never repeat what may be a password.
//!
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::super::iam::AwsIam;
use super::fault::{UrlFault, UrlForm};
use super::hosts::{HostPort, hosts, port};
use super::parameter_values::{known, plausible};
use super::parameters::is_name;
use super::{DatabaseUrl, SslMode, service};
use crate::redact::SecretText;

impl FromStr for DatabaseUrl {
    type Err = UrlFault;

    fn from_str(text: &str) -> Result<Self, UrlFault> {
        Self::parse(text)
    }
}

impl DatabaseUrl {
    /// Parses `postgres://user:password@host:port/database?parameter=value&…`.
    ///
    /// As in libpq, `%xx` is the only escape (a `+` stays a `+`), an IPv6 address is in brackets, a host that begins
    /// with `/` after decoding is the folder of a Unix socket, and the parameters `host`, `port`, `user`, `password`
    /// and `dbname` override the parts before them. Several hosts can be separated by commas, each with a port.
    /// `service` supplies what the URL itself doesn't set, from the file that `servicefile` names. Unlike libpq it has
    /// no default user from the operating system. White space around the URL is ignored.
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        let text = text.trim();
        let rest = text
            .strip_prefix("postgresql://")
            .or_else(|| text.strip_prefix("postgres://"))
            .ok_or_else(|| UrlFault::Scheme(UrlForm::of(text)))?;
        if rest.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(UrlFault::Space);
        }
        let mut parts = Parts::default();
        let rest = parts.read_login(rest)?;
        let before_parameters = rest.split('?').next().unwrap_or_default();
        if before_parameters.contains('@') {
            let had_login = parts.user.is_some();
            return Err(match had_login {
                true => UrlFault::ManyAts,
                false => UrlFault::AtBehindSlash,
            });
        }
        let rest = parts.read_address(rest)?;
        parts.read_database_and_parameters(rest)?;
        parts.complete()
    }
}

/// The decoded parts of a URL, before they are checked.
#[derive(Default)]
pub(super) struct Parts {
    host: Option<String>,
    address: Option<String>,
    port: Option<String>,
    user: Option<String>,
    password: Option<SecretText>,
    database: Option<String>,
    ssl_mode: Option<String>,
    allow_plaintext: Option<String>,
    auth: Option<String>,
    service: Option<String>,
    service_file: Option<String>,
    parameters: BTreeMap<&'static str, String>,
}

impl Parts {
    /// Reads `user:password@` if there is an `@` before the first `/`. As in libpq the first `@` ends the login; unlike
    /// there, no other may follow.
    fn read_login<'a>(&mut self, rest: &'a str) -> Result<&'a str, UrlFault> {
        let authority = rest.split('/').next().unwrap_or_default();
        let Some((login, _)) = authority.split_once('@') else {
            return Ok(rest);
        };
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        self.user = Some(decode(user, "user")?);
        self.password = Some(SecretText::new(decode(password, "password")?));
        Ok(&rest[login.len() + 1..])
    }

    /// Reads `host:port`, or several separated by commas, up to `/`, `?` or the end.
    fn read_address<'a>(&mut self, rest: &'a str) -> Result<&'a str, UrlFault> {
        let (addresses, behind) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        for address in split_list(addresses) {
            let (host, at) = match address.strip_prefix('[') {
                Some(bracketed) => split_brackets(bracketed)?,
                None if address.matches(':').count() > 1 => return Err(UrlFault::Colons),
                None => address.split_once(':').unwrap_or((address, "")),
            };
            // a comma instead of a colon
            if addresses.contains(',') && !host.is_empty() && host.bytes().all(|b| b.is_ascii_digit()) {
                return Err(UrlFault::Lists);
            }
            hosts.push(decode(host, "host")?);
            let at = decode(at, "port")?;
            port(&at)?;
            ports.push(at);
        }
        self.host = Some(hosts.join(","));
        self.port = Some(ports.join(","));
        Ok(behind)
    }

    fn read_database_and_parameters(&mut self, rest: &str) -> Result<(), UrlFault> {
        let (database, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut behind = database.split('&').skip(1);
        if behind.any(|pair| pair.split_once('=').is_some_and(|(name, _)| is_name(name))) {
            return Err(UrlFault::Ampersand);
        }
        self.database = Some(decode(database.strip_prefix('/').unwrap_or(database), "database")?);
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
            "hostaddr" => self.address = Some(value),
            "port" => self.port = Some(value),
            "user" => self.user = Some(value),
            "password" => self.password = Some(SecretText::new(value)),
            "dbname" => self.database = Some(value),
            "sslmode" => self.ssl_mode = Some(value),
            "service" => self.service = Some(value),
            "servicefile" => self.service_file = Some(value),
            // pgcoffer's own: libpq doesn't know these, and never gets them
            "auth" => self.auth = Some(value),
            "allow_plaintext" => self.allow_plaintext = Some(value),
            // libpq also accepts this spelling of JDBC.
            "ssl" if value == "true" => self.ssl_mode = Some("require".into()),
            _ => {
                if let Some(known) = known(name, &value)? {
                    self.parameters.insert(known, value);
                }
            }
        }
        Ok(())
    }

    /// Adds what the service sets and the URL doesn't.
    fn apply_service(&mut self) -> Result<(), UrlFault> {
        let Some(service) = self.service.take().filter(|name| !name.is_empty()) else {
            return Ok(());
        };
        let Some(file) = self.service_file.take() else {
            return Err(UrlFault::Service("its file is not named".to_owned()));
        };
        let mut given = Self::default();
        for (name, value) in service::read(&file, &service)? {
            given.store(&name, value)?;
        }
        let ours = [&given.service, &given.service_file, &given.allow_plaintext, &given.auth];
        if ours.iter().any(|part| part.is_some()) {
            let why = "a service can't name another service, or set what libpq doesn't know";
            return Err(UrlFault::Service(why.to_owned()));
        }
        // if the url names a host, the service's ports and addresses belong to other hosts
        if is_blank(self.host.as_ref()) && is_blank(self.address.as_ref()) {
            (self.host, self.address) = (given.host, given.address);
            if is_blank(self.port.as_ref()) {
                self.port = given.port;
            }
        }
        fill(&mut self.user, given.user);
        fill(&mut self.database, given.database);
        fill(&mut self.ssl_mode, given.ssl_mode);
        if self
            .password
            .as_ref()
            .is_none_or(|password| password.reveal().is_empty())
        {
            self.password = given.password;
        }
        for (name, value) in given.parameters {
            self.parameters.entry(name).or_insert(value);
        }
        Ok(())
    }

    fn complete(mut self) -> Result<DatabaseUrl, UrlFault> {
        self.apply_service()?;
        let text = |part: Option<String>| part.unwrap_or_default();
        let hosts = hosts(&text(self.host), &text(self.address), &text(self.port))?;
        let parameters: BTreeMap<_, _> = self
            .parameters
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let system = parameters.get("sslrootcert").is_some_and(|file| file == "system");
        let ssl_mode = choose_ssl_mode(self.ssl_mode.as_deref(), system)?;
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
        let by_iam = match self.auth.as_deref() {
            None | Some("") => false,
            Some("aws-iam") => true,
            Some(_) => {
                return Err(UrlFault::Value {
                    name: "auth",
                    wanted: "aws-iam",
                });
            }
        };
        let direct = parameters.get("sslnegotiation").is_some_and(|how| how == "direct");
        for host in &hosts {
            check_mode(host, ssl_mode, direct, allows_plaintext)?;
        }
        let url = DatabaseUrl {
            ssl_mode,
            hosts,
            user: self
                .user
                .filter(|user| !user.is_empty())
                .ok_or(UrlFault::Missing("user"))?,
            password: self.password.filter(|password| !password.reveal().is_empty()),
            passwords: None,
            database: self
                .database
                .filter(|database| !database.is_empty())
                .ok_or(UrlFault::Missing("database"))?,
            parameters,
        };
        if by_iam {
            return url.with_password_source(Arc::new(AwsIam));
        }
        Ok(url)
    }
}

fn is_blank(part: Option<&String>) -> bool {
    part.is_none_or(|text| text.chars().all(|c| c == ','))
}

fn fill(part: &mut Option<String>, given: Option<String>) {
    if part.as_ref().is_none_or(String::is_empty) {
        *part = given;
    }
}

/// Splits at commas, except for those in brackets.
fn split_list(text: &str) -> Vec<&str> {
    let mut is_in_brackets = false;
    let split = text.split(move |c| {
        match c {
            '[' => is_in_brackets = true,
            ']' => is_in_brackets = false,
            _ => {}
        }
        c == ',' && !is_in_brackets
    });
    split.collect()
}

/// The address in brackets, and the port after them.
fn split_brackets(bracketed: &str) -> Result<(&str, &str), UrlFault> {
    let (address, behind) = bracketed.split_once(']').ok_or(UrlFault::Brackets)?;
    match behind.strip_prefix(':') {
        _ if address.is_empty() => Err(UrlFault::Brackets),
        Some(port) => Ok((address, port)),
        None if behind.is_empty() => Ok((address, "")),
        None => Err(UrlFault::Brackets),
    }
}

/// An error if the mode would send data to this host in a way that is not allowed.
fn check_mode(host: &HostPort, mode: Option<SslMode>, direct: bool, allows_plaintext: bool) -> Result<(), UrlFault> {
    let mode = SslMode::at(mode, host);
    if mode < SslMode::Require && !host.is_local() && !allows_plaintext {
        return Err(UrlFault::Plaintext(mode));
    }
    // libpq's own rule: a connection that begins with a TLS handshake can't continue without TLS
    if direct && mode < SslMode::Require {
        return Err(UrlFault::Value {
            name: "sslmode",
            wanted: "one of require, verify-ca, verify-full, as sslnegotiation=direct requires",
        });
    }
    Ok(())
}

/// The mode in the URL; `None` if each host has its own default.
fn choose_ssl_mode(given: Option<&str>, system: bool) -> Result<Option<SslMode>, UrlFault> {
    let mode = match given {
        None if system => SslMode::VerifyFull,
        None => return Ok(None),
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
    // libpq refuses a weaker mode with the system's authorities: any certificate for any host would be accepted.
    if system && mode != SslMode::VerifyFull {
        return Err(UrlFault::Value {
            name: "sslmode",
            wanted: "verify-full, as sslrootcert=system requires",
        });
    }
    Ok(Some(mode))
}

/// Decodes percent-encoding as strictly as libpq does.
fn decode(text: &str, part: &str) -> Result<String, UrlFault> {
    for (at, _) in text.match_indices('%') {
        match text.as_bytes().get(at + 1..at + 3) {
            Some(b"00") => return Err(UrlFault::Zero(part.to_owned())),
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => {}
            _ => return Err(UrlFault::Escape(part.to_owned())),
        }
    }
    let decoded = percent_decode_str(text).decode_utf8();
    Ok(decoded.map_err(|_| UrlFault::Encoding(part.to_owned()))?.into_owned())
}
