//! What is wrong with a URL, and what to do about it. Nothing of the URL itself is repeated: any part may be one of a
//! password.

use super::SslMode;
use super::parameters::likeliest;

/// What is wrong with a database's URL. No message repeats a part of it that could hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// It isn't one of PostgreSQL.
    #[error("it does not begin with postgres:// or postgresql://")]
    Scheme(UrlForm),
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
    /// An `@` behind the first `/`, where none can be meant: `se/cret@host`.
    #[error("it has an @ behind the first /")]
    AtBehindSlash,
    /// An address in figures of IPv6 without brackets, or two ports.
    #[error("its host has more than one colon")]
    Colons,
    /// `/database&sslmode=…`.
    #[error("its database's name has a parameter in it")]
    Ampersand,
    /// White space as such.
    #[error("it has a space or another unprintable character")]
    Space,
    /// Not 1 to 65535.
    #[error("the port is not a number from 1 to 65535")]
    Port,
    /// No `]` behind an IPv6 address, or something odd behind it.
    #[error("the bracketed address is not closed, is empty or is followed by something else than a port")]
    Brackets,
    /// Lists of hosts, addresses and ports that don't go together.
    #[error("its lists of hosts, addresses and ports are not of one length, or too long")]
    Lists,
    /// A socket that isn't in the file system.
    #[error("it names an abstract unix socket")]
    AbstractSocket,
    /// A parameter without `=`, or with two.
    #[error("its parameters are not of the form name=value")]
    Malformed,
    /// A parameter that isn't understood; only a plausible name is repeated.
    #[error("its parameter {0} is not known")]
    Unknown(String),
    /// A parameter of libpq's that can't be honoured.
    #[error("its parameter {name} cannot be honoured: {why}")]
    Refused {
        /// The parameter.
        name: &'static str,
        /// Why.
        why: &'static str,
    },
    /// The file of services can't be read, or has no such service, or says what doesn't belong there.
    #[error("its service can't be used: {0}")]
    Service(String),
    /// A password of its own beside one that is made for each connection.
    #[error("it has a password, or a file of them, and one is made for each connection")]
    TwoPasswords,
    /// A token is sent as it is, so that nothing but TLS keeps it.
    #[error("its sslmode {} lets a token cross in clear", .0.as_str())]
    TokenInClear(SslMode),
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
            Self::Scheme(form) => form.hint().to_owned(),
            Self::Encoding(_) => {
                "names are written in UTF-8 here, ü as %C3%BC; a role or database whose name is stored in other bytes \
                 has to be given another name, or another role"
                    .into()
            }
            Self::Escape(_) | Self::Zero(_) => format!("a % as such is written %25; {ENCODED}"),
            Self::ManyAts => "write each @ but the one before the host as %40".into(),
            Self::AtBehindSlash => {
                format!("a / in user or password is written %2F, and an @ in the database's name %40; {FORM}")
            }
            Self::Colons => {
                "an IPv6 address stands in brackets, as in [::1]:5432; a host has one port; a : of the password is \
                 written %3A, and an @ of it %40"
                    .into()
            }
            Self::Ampersand => {
                "the first parameter stands behind a ?, as in /database?sslmode=require; an & in the database's own \
                 name is written %26"
                    .into()
            }
            Self::Space => "take it out, where it came in by copying; a space of a name or password is written \
                %20"
            .into(),
            Self::Port => {
                "write the port in figures behind the host, as in host:5432, or leave it and its colon out; where this \
                 is a part of the password, its special characters have to be percent-encoded: @ as %40, : as %3A, / \
                 as %2F"
                    .into()
            }
            Self::Missing("user") => format!("other than in psql nobody is taken for the one who logs in; {FORM}"),
            Self::Missing(_) | Self::Malformed | Self::Brackets => FORM.into(),
            Self::Unknown(name) => match likeliest(name) {
                Some(known) => format!("perhaps {known} is meant; only libpq's parameters belong here"),
                None => "only libpq's parameters belong here, not those of other programs; remove it".into(),
            },
            Self::Plaintext(_) => {
                "use sslmode=require or more; where the network between is your own, or encrypted by itself, say so by \
                 &allow_plaintext=yes"
                    .into()
            }
            Self::Lists => "several hosts are written host1:5432,host2:5433, or ?host=a,b&port=1,2, with one port for \
                all or one for each"
                .into(),
            Self::TwoPasswords => "take the password out of the url, or unset the AUTH of this database".into(),
            Self::TokenInClear(_) => "use sslmode=verify-full with sslrootcert= naming the file of the provider's \
                authorities"
                .into(),
            Self::Refused { .. } => "remove it from the url".into(),
            Self::Service(_) => {
                "name the file by servicefile=, and a section of it by service=; neither PGSERVICEFILE \
                nor ~/.pg_service.conf is read here"
                    .into()
            }
            Self::AbstractSocket => "give the folder of the socket, as in ?host=/var/run/postgresql".into(),
            Self::Value { name, wanted } => format!("write {name}= with {wanted}, or take it out"),
        }
    }
}

/// What stands in the place of a URL.
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
    /// `$DATABASE_URL`, which nothing has put a value in for.
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
            Self::Angles => "the < and > around it are no part of it: write it without",
            Self::Jdbc => {
                "JDBC has a form of its own: write postgres://user:password@host:5432/database?sslmode=require, with \
                 user and password where they stand here"
            }
            Self::Nearly => "it begins with postgres:// and nothing else: no driver's name, a colon and two slashes",
            Self::Other => {
                "only PostgreSQL is backed up: where that is what answers there, write \
                 postgres://user:password@host:5432/database?sslmode=require"
            }
            Self::Variable => {
                "the name of a variable stands there, and nothing has put its value in: write the url itself"
            }
            Self::Assignment => "the name of a variable and a = stand before it: write the url alone",
            Self::Command => "write the url alone, without a command or anything else before it",
            Self::Keywords => {
                "libpq's other form, name=value, is not read here: write \
                 postgres://user:password@host:5432/database?sslmode=require"
            }
            Self::Bare => FORM,
        }
    }
}

const FORM: &str = "the form is postgres://user:password@host:5432/database?sslmode=require";
const ENCODED: &str =
    "special characters of user and password have to be percent-encoded: @ as %40, : as %3A, / as %2F, space as %20";
