use super::*;

/// All of libpq 18's, by its manual, each with a value that it takes there.
const LIBPQ: &[(&str, &str)] = &[
    ("host", "h"),
    ("hostaddr", "10.0.0.1"),
    ("port", "5433"),
    ("dbname", "d"),
    ("user", "u"),
    ("password", "p"),
    ("passfile", "/x"),
    ("require_auth", "scram-sha-256"),
    ("channel_binding", "prefer"),
    ("connect_timeout", "5"),
    ("client_encoding", "UTF8"),
    ("options", "-c geqo=off"),
    ("application_name", "x"),
    ("fallback_application_name", "x"),
    ("keepalives", "1"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "5"),
    ("tcp_user_timeout", "5000"),
    ("replication", "off"),
    ("gssencmode", "disable"),
    ("sslmode", "require"),
    ("sslnegotiation", "direct"),
    ("sslcompression", "0"),
    ("sslcert", "/x"),
    ("sslkey", "/x"),
    ("sslpassword", "x"),
    ("sslcertmode", "allow"),
    ("sslrootcert", "/x"),
    ("sslcrl", "/x"),
    ("sslcrldir", "/x"),
    ("sslsni", "1"),
    ("requirepeer", "postgres"),
    ("ssl_min_protocol_version", "TLSv1.2"),
    ("ssl_max_protocol_version", "TLSv1.3"),
    ("min_protocol_version", "3.0"),
    ("max_protocol_version", "latest"),
    ("gssdelegation", "0"),
    ("target_session_attrs", "any"),
    ("load_balance_hosts", "random"),
];

/// And those of them that can't be had here.
const NOT_HERE: &[&str] = &[
    "krbsrvname",
    "gsslib",
    "sslkeylogfile",
    "scram_client_key",
    "scram_server_key",
    "oauth_issuer",
    "oauth_client_id",
    "oauth_client_secret",
    "oauth_scope",
];

#[test]
fn every_parameter_of_libpq_is_honoured_or_refused_as_what_it_is() {
    for (name, value) in LIBPQ {
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        parse(&format!("postgres://u:p@h/d?{name}={value}"));
        // one that can have any text has any
        let junk = DatabaseUrl::parse(&format!("postgres://u:p@h/d?{name}=no%20such"));
        if let Err(fault) = junk {
            assert!(
                matches!(fault, UrlFault::Value { .. } | UrlFault::Port),
                "{name}: {fault}"
            );
        }
    }
    for name in NOT_HERE {
        let fault = DatabaseUrl::parse(&format!("postgres://u:p@h/d?{name}=x")).unwrap_err();
        assert!(matches!(fault, UrlFault::Refused { .. }), "{name}: {fault}");
        assert!(fault.to_string().contains(name) && !fault.hint().is_empty());
    }
    for refused in [
        "gssencmode=require",
        "client_encoding=LATIN1",
        "replication=database",
        "ssl_max_protocol_version=TLSv1.1",
        "min_protocol_version=3.2",
        "sslpassword=two%0Alines",
        "sslpassword=blank%20",
        "sslnegotiation=direct&sslmode=prefer&allow_plaintext=yes",
        "auth=kerberos",
    ] {
        let fault = DatabaseUrl::parse(&format!("postgres://u:p@h/d?{refused}")).unwrap_err();
        assert!(matches!(fault, UrlFault::Value { .. }), "{refused}: {fault}");
    }
}
