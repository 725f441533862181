//! Errors of database URLs and their hints. No message repeats a part of the URL, as any part may belong to a password.

use super::SslMode;
use super::parameters::likeliest;

/// What is wrong with a database's URL. No message repeats a part of it that could be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// It isn't a PostgreSQL URL.
    #[error("it does not begin with postgres:// or postgresql://")]
    Scheme(UrlForm),
    /// A part is missing: user, host or database.
    #[error("it names no {0}")]
    Missing(&'static str),
    /// A `%` without two hex digits after it.
    #[error("the {0} has a % that is not followed by two hex digits")]
    Escape(String),
    /// `%00`, which PostgreSQL can't store.
    #[error("the {0} has a zero byte")]
    Zero(String),
    /// Bytes that are not UTF-8.
    #[error("the {0} is not valid utf-8 once decoded")]
    Encoding(String),
    /// An `@` after the one that ends the login: a part of a password would be read as a host, and be shown.
    #[error("it has more than one @")]
    ManyAts,
    /// An `@` after the first `/`, where it can't be intended: `se/cret@host`.
    #[error("it has an @ after the first /")]
    AtBehindSlash,
    /// An IPv6 address without brackets, or two ports.
    #[error("its host has more than one colon")]
    Colons,
    /// `/database&sslmode=…`.
    #[error("its database's name has a parameter in it")]
    Ampersand,
    /// White space that isn't encoded.
    #[error("it has a space or another unprintable character")]
    Space,
    /// Not 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// No `]` after an IPv6 address, or something other than a port after it.
    #[error("the bracketed address is not closed, is empty or is followed by something other than a port")]
    Brackets,
    /// Lists of hosts, addresses and ports of different lengths.
    #[error("its lists of hosts, addresses and ports differ in length, or are too long")]
    Lists,
    /// A socket in the abstract namespace, outside of the file system.
    #[error("it names an abstract unix socket")]
    AbstractSocket,
    /// A parameter without `=`, or with two.
    #[error("its parameters are not of the form name=value")]
    Malformed,
    /// An unknown parameter. Only a plausible name is repeated.
    #[error("its parameter {0} is not known")]
    Unknown(String),
    /// A libpq parameter that pgcoffer doesn't support.
    #[error("its parameter {name} is not supported: {why}")]
    Refused {
        /// The parameter.
        name: &'static str,
        /// Why.
        why: &'static str,
    },
    /// The service file can't be read, lacks the service, or contains something that is not allowed.
    #[error("its service can't be used: {0}")]
    Service(String),
    /// The URL has a password, though one is made for each connection.
    #[error("it has a password, or a file of them, and one is made for each connection")]
    TwoPasswords,
    /// A token is sent as plain text, so only TLS protects it.
    #[error("its sslmode {} would send a token in clear text", .0.as_str())]
    TokenInClear(SslMode),
    /// The connection may be unencrypted on a network, or an attacker on the network can make it so.
    #[error("its sslmode {} doesn't keep the connection encrypted, and its host is not this machine", .0.as_str())]
    Plaintext(SslMode),
    /// The value of a parameter is not valid.
    #[error("its parameter {name} is not {wanted}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// The valid values.
        wanted: &'static str,
    },
}

impl UrlFault {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Scheme(form) => form.hint().to_owned(),
            Self::Encoding(_) => {
                "write names in UTF-8, for example ü as %C3%BC; if the name of a role or database is stored in other \
                 bytes, rename it, or use another role"
                    .into()
            }
            Self::Escape(_) | Self::Zero(_) => format!("write a literal % as %25; {ENCODED}"),
            Self::ManyAts => "write each @ except the one before the host as %40".into(),
            Self::AtBehindSlash => {
                format!("write a / in the user or the password as %2F, and an @ in the database's name as %40; {FORM}")
            }
            Self::Colons => {
                "write an IPv6 address in brackets, as in [::1]:5432; a host has one port; write a : in the password \
                 as %3A, and an @ as %40"
                    .into()
            }
            Self::Ampersand => {
                "the first parameter follows a ?, as in /database?sslmode=require; write an & in the database's name \
                 as %26"
                    .into()
            }
            Self::Space => "remove it if it was added by copying; write a space in a name or a password as %20".into(),
            Self::Port => {
                "write the port as a number after the host, as in host:5432, or omit it with its colon; if this is a \
                 part of the password, percent-encode its special characters: @ as %40, : as %3A, / as %2F"
                    .into()
            }
            Self::Missing("user") => format!("unlike psql, pgcoffer has no default user; {FORM}"),
            Self::Missing(_) | Self::Malformed | Self::Brackets => FORM.into(),
            Self::Unknown(name) => match likeliest(name) {
                Some(known) => format!("did you mean {known}? only libpq's parameters are allowed"),
                None => "only libpq's parameters are allowed, not those of other programs; remove it".into(),
            },
            Self::Plaintext(_) => {
                "use sslmode=require or higher; if you trust the network, or it is encrypted itself, add \
                 &allow_plaintext=yes"
                    .into()
            }
            Self::Lists => "write several hosts as host1:5432,host2:5433 or ?host=a,b&port=1,2, with one port for all \
                            or one for each"
                .into(),
            Self::TwoPasswords => "remove the password from the url, or unset the AUTH of this database".into(),
            Self::TokenInClear(_) => "use sslmode=verify-full, and set sslrootcert= to the file of the provider's \
                                      authorities"
                .into(),
            Self::Refused { .. } => "remove it from the url".into(),
            Self::Service(_) => {
                "set servicefile= to the file, and service= to a section in it; neither PGSERVICEFILE nor \
                 ~/.pg_service.conf is read"
                    .into()
            }
            Self::AbstractSocket => "use the folder of the socket, as in ?host=/var/run/postgresql".into(),
            Self::Value { name, wanted } => format!("set {name}= to {wanted}, or remove it"),
        }
    }
}

/// What the text is instead of a PostgreSQL URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlForm {
    /// `<postgres://…>`, as documentation writes placeholders and mail programs links.
    Angles,
    /// `jdbc:postgresql://…`
    Jdbc,
    /// `postgresql+driver://…`, `postgres:…`, `postgres//…`, `pg://…`
    Nearly,
    /// `mysql://…`, `https://…`
    Other,
    /// `$DATABASE_URL`, a variable that was not replaced by its value.
    Variable,
    /// `DATABASE_URL=postgres://…`
    Assignment,
    /// `psql postgres://…`
    Command,
    /// `host=… dbname=…`
    Keywords,
    /// Anything else, such as `user:password@host/database`.
    Bare,
}

impl UrlForm {
    pub(super) fn of(text: &str) -> Self {
        let lower = text.to_ascii_lowercase();
        let scheme = lower.split("://").next().filter(|scheme| scheme.len() < lower.len());
        let is_word =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+.-".contains(&b));
        let first = lower.split(char::is_whitespace).next().unwrap_or_default();
        if text.starts_with('<') {
            Self::Angles
        } else if text.starts_with('$') || text.starts_with("%") || text.starts_with("{{") {
            Self::Variable
        } else if lower.starts_with("jdbc:") {
            Self::Jdbc
        } else if first.len() < lower.len() && is_word(first) {
            Self::Command
        } else if lower
            .split('=')
            .next()
            .is_some_and(|name| name.len() < lower.len() && is_word(name))
        {
            match scheme.is_some_and(|scheme| scheme.contains('=')) {
                true => Self::Assignment,
                false => Self::Keywords,
            }
        } else if lower.starts_with("postgre") || lower.starts_with("pg:") || lower.starts_with("psql:") {
            Self::Nearly
        } else if scheme.is_some_and(is_word) {
            Self::Other
        } else {
            Self::Bare
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Angles => "write the url without the < and > around it",
            Self::Jdbc => {
                "JDBC has its own form: write postgres://user:password@host:5432/database?sslmode=require, with user \
                 and password in these places"
            }
            Self::Nearly => "it must begin with postgres://, with no driver's name, a colon and two slashes",
            Self::Other => {
                "only PostgreSQL can be backed up: if a PostgreSQL server answers there, write \
                 postgres://user:password@host:5432/database?sslmode=require"
            }
            Self::Variable => "this is the name of a variable that was not replaced by its value: write the url itself",
            Self::Assignment => "remove the variable's name and the = before the url",
            Self::Command => "write only the url, without a command or anything else before it",
            Self::Keywords => {
                "libpq's other form, name=value, is not supported: write \
                 postgres://user:password@host:5432/database?sslmode=require"
            }
            Self::Bare => FORM,
        }
    }
}

const FORM: &str = "the form is postgres://user:password@host:5432/database?sslmode=require";
const ENCODED: &str =
    "percent-encode special characters of the user and the password: @ as %40, : as %3A, / as %2F, space as %20";
