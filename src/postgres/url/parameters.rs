//! libpq's parameters: which are supported, and why the others are refused.
//!
//! <https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-PARAMKEYWORDS>

/// A supported parameter, beside address, login and `sslmode`.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// libpq's environment variable for it. A parameter without one goes into the connection string in a child's
    /// arguments, or, if it is secret, into a file that only the child reads.
    ///
    /// <https://www.postgresql.org/docs/18/libpq-envars.html>
    pub(super) variable: Option<&'static str>,
    pub(super) takes: Takes,
}

/// The valid values of a parameter.
pub(super) enum Takes {
    Text,
    /// A single line, as a child reads it from a file.
    Line,
    Number,
    OneOf(&'static [&'static str]),
    Logins,
}

const BOOLEAN: Takes = Takes::OneOf(&["0", "1"]);
/// Without the old versions of TLS, which are insecure and not supported.
const VERSION_MIN: Takes = Takes::OneOf(&["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]);
const VERSION_MAX: Takes = Takes::OneOf(&["TLSv1.2", "TLSv1.3"]);

macro_rules! parameters {
    ($($name:literal $variable:expr, $takes:expr;)*) => {
        &[$(Parameter { name: $name, variable: $variable, takes: $takes }),*]
    };
}

pub(super) const PARAMETERS: &[Parameter] = parameters! {
    "sslrootcert" Some("PGSSLROOTCERT"), Takes::Text;
    "sslcert" Some("PGSSLCERT"), Takes::Text;
    "sslkey" Some("PGSSLKEY"), Takes::Text;
    "sslpassword" None, Takes::Line;
    "sslcertmode" Some("PGSSLCERTMODE"), Takes::OneOf(&["disable", "allow", "require"]);
    "sslcrl" Some("PGSSLCRL"), Takes::Text;
    "sslcrldir" Some("PGSSLCRLDIR"), Takes::Text;
    "sslsni" Some("PGSSLSNI"), BOOLEAN;
    "sslnegotiation" Some("PGSSLNEGOTIATION"), Takes::OneOf(&["postgres", "direct"]);
    "ssl_min_protocol_version" Some("PGSSLMINPROTOCOLVERSION"), VERSION_MIN;
    "ssl_max_protocol_version" Some("PGSSLMAXPROTOCOLVERSION"), VERSION_MAX;
    "requirepeer" Some("PGREQUIREPEER"), Takes::Text;
    "application_name" Some("PGAPPNAME"), Takes::Text;
    "fallback_application_name" None, Takes::Text;
    "connect_timeout" Some("PGCONNECT_TIMEOUT"), Takes::Number;
    "options" Some("PGOPTIONS"), Takes::Text;
    "channel_binding" Some("PGCHANNELBINDING"), Takes::OneOf(&["disable", "prefer", "require"]);
    "require_auth" Some("PGREQUIREAUTH"), Takes::Logins;
    "target_session_attrs" Some("PGTARGETSESSIONATTRS"),
        Takes::OneOf(&["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]);
    "load_balance_hosts" None, Takes::OneOf(&["disable", "random"]);
    "passfile" None, Takes::Text;
    "keepalives" None, Takes::Number;
    "keepalives_idle" None, Takes::Number;
    "keepalives_interval" None, Takes::Number;
    "keepalives_count" None, Takes::Number;
    "tcp_user_timeout" None, Takes::Number;
};

/// Parameters that go into a child's connection string. The others without a variable are handled before it starts, or
/// are secret.
pub(super) const IN_CONNINFO: &[&str] = &[
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
];

/// Parameters that are accepted if they ask for what is done anyway: the accepted values, and the message for others.
pub(super) const AS_IT_IS: &[(&str, &[&str], &str)] = &[
    (
        "gssencmode",
        &["disable", "prefer"],
        "disable or prefer: kerberos is not supported",
    ),
    ("gssdelegation", &["0"], "0: kerberos is not supported"),
    (
        "client_encoding",
        &["utf8", "UTF8", "utf-8", "UTF-8", "auto"],
        "UTF8, which sessions use; a dump has the database's own encoding",
    ),
    ("replication", &["false", "off", "no", "0"], "off: pgcoffer makes dumps"),
    ("sslcompression", &["0", "1"], "0 or 1, which libpq ignores"),
    ("min_protocol_version", &["3.0"], "3.0, which is used"),
    (
        "max_protocol_version",
        &["3.0", "3.2", "latest"],
        "one of 3.0, 3.2, latest",
    ),
];

/// libpq's other parameters, and why they are refused.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("krbsrvname", "kerberos is not supported"),
    ("gsslib", "kerberos is not supported"),
    ("oauth_issuer", "oauth is not supported"),
    ("oauth_client_id", "oauth is not supported"),
    ("oauth_client_secret", "oauth is not supported"),
    ("oauth_scope", "oauth is not supported"),
    ("sslkeylogfile", "it would write the connection's keys to a file"),
    (
        "scram_client_key",
        "it would be an argument of pg_dump, which others can read: use the password",
    ),
    (
        "scram_server_key",
        "it would be an argument of pg_dump, which others can read: use the password",
    ),
];

/// Whether a parameter has this name, supported or not.
pub(super) fn is_name(name: &str) -> bool {
    names().any(|known| known == name)
}

/// The known parameter with the most similar name.
pub(super) fn likeliest(name: &str) -> Option<&'static str> {
    let close = names().map(|known| (strsim::damerau_levenshtein(known, name), known));
    let closest = close.min_by_key(|(distance, _)| *distance);
    closest.filter(|(distance, _)| *distance <= 2).map(|(_, known)| known)
}

fn names() -> impl Iterator<Item = &'static str> {
    const BESIDE: &[&str] = &[
        "host",
        "hostaddr",
        "port",
        "user",
        "password",
        "dbname",
        "sslmode",
        "service",
        "servicefile",
        "auth",
        "allow_plaintext",
    ];
    let parameters = PARAMETERS.iter().map(|one| one.name);
    parameters
        .chain(AS_IT_IS.iter().map(|(name, ..)| *name))
        .chain(BESIDE.iter().copied())
}
