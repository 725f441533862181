use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> DatabaseUrl {
    DatabaseUrl::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn variable(url: &DatabaseUrl, wanted: &str) -> Option<String> {
    let mut values = url.child_env().into_iter().filter(|(name, _)| *name == wanted);
    let value = values.next().map(|(_, value)| value.reveal().to_owned());
    assert!(values.next().is_none(), "{wanted} is set twice");
    value
}

#[test]
fn urls_are_read_as_libpq_reads_them() {
    // url, user, password, host, port, database
    let table = [
        ("postgres://u:p@h:5433/d", "u", Some("p"), "h", 5433, "d"),
        ("postgresql://u@h/d", "u", None, "h", 5432, "d"),
        ("  postgres://u:p@h/d\n", "u", Some("p"), "h", 5432, "d"),
        ("postgres://u:@h/d", "u", None, "h", 5432, "d"),
        (
            "postgres://u:p%40%3A%2F%25%2B+%20%C3%A4@h/d",
            "u",
            Some("p@:/%++ ä"),
            "h",
            5432,
            "d",
        ),
        ("postgres://u:a:b?c#d@h/d", "u", Some("a:b?c#d"), "h", 5432, "d"),
        (
            "postgres://us%65r%40corp:p@h/my%20db%2Fx",
            "user@corp",
            Some("p"),
            "h",
            5432,
            "my db/x",
        ),
        ("postgres://u:p@[::1]:6000/d", "u", Some("p"), "::1", 6000, "d"),
        (
            "postgres://u:p@[2001:db8::7]/d",
            "u",
            Some("p"),
            "2001:db8::7",
            5432,
            "d",
        ),
        (
            "postgres://u:p@%2Fvar%2Frun%2Fpostgresql/d",
            "u",
            Some("p"),
            "/var/run/postgresql",
            5432,
            "d",
        ),
        (
            "postgres:///d?host=/var/run/postgresql&user=u",
            "u",
            None,
            "/var/run/postgresql",
            5432,
            "d",
        ),
        ("postgres://u@/d?host=%2Ftmp&port=7000", "u", None, "/tmp", 7000, "d"),
        (
            "postgres://u:p@h/d?password=q&user=v&dbname=e&host=i&port=1",
            "v",
            Some("q"),
            "i",
            1,
            "e",
        ),
        ("postgres://h?user=u&dbname=d", "u", None, "h", 5432, "d"),
        ("postgres://u@h/%E6%95%B0", "u", None, "h", 5432, "数"),
    ];
    for (text, user, password, host, port, database) in table {
        let url = parse(text);
        assert_eq!(url.user(), user, "{text}");
        assert_eq!(url.password().map(SecretText::reveal), password, "{text}");
        assert_eq!(
            (url.host(), url.port(), url.database()),
            (host, port, database),
            "{text}"
        );
    }
}

#[test]
fn faults_are_told_apart() {
    use UrlFault as F;
    let value = |name, wanted| F::Value { name, wanted };
    let table = [
        ("mysql://u@h/d", F::Scheme(UrlForm::Other)),
        ("https://u:p@h/d", F::Scheme(UrlForm::Other)),
        ("", F::Scheme(UrlForm::Bare)),
        ("u:p@h:5432/d", F::Scheme(UrlForm::Bare)),
        ("127.0.0.1:5432/d", F::Scheme(UrlForm::Bare)),
        ("postgres:/u:p@h/d", F::Scheme(UrlForm::Nearly)),
        ("postgres:u:p@h/d", F::Scheme(UrlForm::Nearly)),
        ("postgres//u:p@h/d", F::Scheme(UrlForm::Nearly)),
        ("Postgres://u:p@h/d", F::Scheme(UrlForm::Nearly)),
        ("postgresql+asyncpg://u:p@h/d", F::Scheme(UrlForm::Nearly)),
        ("pg://u:p@h/d", F::Scheme(UrlForm::Nearly)),
        ("jdbc:postgresql://h/d?user=u", F::Scheme(UrlForm::Jdbc)),
        ("<postgres://u:p@h/d>", F::Scheme(UrlForm::Angles)),
        ("$DATABASE_URL", F::Scheme(UrlForm::Variable)),
        ("${DATABASE_URL}", F::Scheme(UrlForm::Variable)),
        ("{{ .Values.url }}", F::Scheme(UrlForm::Variable)),
        ("DATABASE_URL=postgres://u:p@h/d", F::Scheme(UrlForm::Assignment)),
        ("host=h user=u dbname=d", F::Scheme(UrlForm::Keywords)),
        ("psql postgres://u:p@h/d", F::Scheme(UrlForm::Command)),
        ("postgres://u:p@::1:5432/d", F::Colons),
        ("postgres://u:p@h:5432:5433/d", F::Colons),
        ("postgres://u:p@h,5432/d", F::Lists),
        ("postgres://u:p@h/d&sslmode=require", F::Ampersand),
        ("postgres://u/x:p@h/d", F::AtBehindSlash),
        ("postgres://h/d", F::Missing("user")),
        ("postgres://u@h", F::Missing("database")),
        ("postgres://u@h/", F::Missing("database")),
        ("postgres://u@/d", F::Missing("host")),
        ("postgres://u:100%@h/d", F::Escape("password".into())),
        ("postgres://u:%zz@h/d", F::Escape("password".into())),
        ("postgres://u:%00@h/d", F::Zero("password".into())),
        ("postgres://u:%ff@h/d", F::Encoding("password".into())),
        ("postgres://u:p q@h/d", F::Space),
        ("postgres://u:p@h:0/d", F::Port),
        ("postgres://u:p@h:65536/d", F::Port),
        ("postgres://u:p@h:+1/d", F::Port),
        ("postgres://u:se/cret@h/d", F::AtBehindSlash),
        ("postgres://u:pa@ss@h/d", F::ManyAts),
        ("postgres://u:p@ss/w:rd#1@h:5432/d", F::ManyAts),
        ("postgres://u:p@[::1/d", F::Brackets),
        ("postgres://u:p@[]/d", F::Brackets),
        ("postgres://u:p@[::1]x/d", F::Brackets),
        ("postgres://u:p@h1,h2/d?port=1,2,3", F::Lists),
        ("postgres://u:p@h1/d?hostaddr=10.0.0.1,10.0.0.2", F::Lists),
        ("postgres://u:p@h1:1,,h3/d", F::Missing("host")),
        ("postgres://u:p@h1:1,h2:x/d", F::Port),
        ("postgres://u:p@h1:1,[::2/d", F::Brackets),
        ("postgres://u:p@h1,%2Ftmp,%40x/d", F::AbstractSocket),
        (
            "postgres://u:p@h/d?service=shop",
            F::Service("its file is not named".into()),
        ),
        ("postgres://u:p@%40abstract/d", F::AbstractSocket),
        ("postgres://u:p@h/d?sslmode", F::Malformed),
        ("postgres://u:p@h/d?sslmode=a=b", F::Malformed),
        ("postgres://u:p@h/d?pgbouncer=true", F::Unknown("pgbouncer".into())),
        (
            "postgres://u:p@h/d?hostaddr=h2",
            value(
                "hostaddr",
                "the address of a host in numbers, or several with commas between",
            ),
        ),
        ("postgres://u:p@h/d?S3cret!=x", F::Unknown("(unprintable)".into())),
        (
            "postgres://u:p@h/d?connect_timeout=soon",
            value("connect_timeout", "a whole number"),
        ),
        (
            "postgres://u:p@h/d?channel_binding=yes",
            value("channel_binding", "one of disable, prefer, require"),
        ),
        (
            "postgres://u:p@h/d?sslmode=",
            value(
                "sslmode",
                "one of disable, allow, prefer, require, verify-ca, verify-full",
            ),
        ),
        (
            "postgres://u:p@h/d?sslmode=require&sslrootcert=system",
            value("sslmode", "verify-full, which sslrootcert=system demands"),
        ),
    ];
    for (text, fault) in table {
        assert_eq!(DatabaseUrl::parse(text).unwrap_err(), fault, "{text}");
        assert!(!fault.hint().is_empty());
    }
}

#[test]
fn tls_is_required_unless_the_server_is_local_or_the_url_says_otherwise() {
    let table = [
        ("postgres://u@db.example.com/d", SslMode::Require, false),
        ("postgres://u@10.0.0.1/d", SslMode::Require, false),
        ("postgres://u@localhost/d", SslMode::Prefer, true),
        ("postgres://u@127.8.9.1/d", SslMode::Prefer, true),
        ("postgres://u@[::1]/d", SslMode::Prefer, true),
        ("postgres://u@%2Ftmp/d", SslMode::Prefer, true),
        ("postgres://u@localhost.example.com/d", SslMode::Require, false),
        (
            "postgres://u@h/d?sslmode=disable&allow_plaintext=yes",
            SslMode::Disable,
            false,
        ),
        ("postgres://u@localhost/d?sslmode=disable", SslMode::Disable, true),
        (
            "postgres://u@localhost/d?sslmode=verify-full",
            SslMode::VerifyFull,
            true,
        ),
        ("postgres://u@localhost/d?ssl=true", SslMode::Require, true),
        ("postgres://u@h/d?sslrootcert=system", SslMode::VerifyFull, false),
    ];
    for (text, mode, local) in table {
        let url = parse(text);
        assert_eq!((url.ssl_mode(), url.is_local()), (mode, local), "{text}");
    }
}

/// Whoever sits on the line takes TLS out of `prefer` and `allow`.
#[test]
fn nothing_crosses_a_network_in_clear_unless_the_url_says_so_in_words() {
    for mode in ["disable", "allow", "prefer"] {
        for host in [
            "db.example.com",
            "10.0.0.1",
            "db",
            "localhost.example.com",
            "[2001:db8::1]",
        ] {
            let fault = DatabaseUrl::parse(&format!("postgres://u:p@{host}/d?sslmode={mode}")).unwrap_err();
            assert!(matches!(fault, UrlFault::Plaintext(_)), "{fault}");
            assert!(fault.to_string().contains(mode) && fault.hint().contains("allow_plaintext=yes"));
        }
    }
    let fault = DatabaseUrl::parse("postgres://u@h/d?sslmode=disable&allow_plaintext=maybe");
    assert!(matches!(fault, Err(UrlFault::Value { .. })));
    assert!(
        parse("postgres://u@h/d?sslmode=prefer&allow_plaintext=yes")
            .child_env()
            .iter()
            .all(|(name, _)| !name.contains("PLAIN"))
    );
}

#[test]
fn children_get_everything_by_variables() {
    let url = parse(
        "postgres://u:p@h/d?sslmode=verify-ca&sslrootcert=/ca.crt&sslcert=c&sslkey=k&application_name=me&connect_timeout=7\
         &options=-c%20geqo%3Doff&channel_binding=prefer&target_session_attrs=any&keepalives_idle=9&keepalives=1",
    );
    let expected = [
        ("PGHOST", "h"),
        ("PGPORT", "5432"),
        ("PGUSER", "u"),
        ("PGPASSWORD", "p"),
        ("PGDATABASE", "d"),
        ("PGSSLMODE", "verify-ca"),
        ("PGSSLROOTCERT", "/ca.crt"),
        ("PGSSLCERT", "c"),
        ("PGSSLKEY", "k"),
        ("PGAPPNAME", "me"),
        ("PGCONNECT_TIMEOUT", "7"),
        ("PGOPTIONS", "-c geqo=off"),
        ("PGCHANNELBINDING", "prefer"),
        ("PGTARGETSESSIONATTRS", "any"),
    ];
    for (name, value) in expected {
        assert_eq!(variable(&url, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(url.child_conninfo(), "dbname='d' keepalives='1' keepalives_idle='9'");
    assert_eq!(url.connect_timeout(), Some(Duration::from_secs(7)));
}

#[test]
fn defaults_for_children() {
    let url = parse("postgres://u@h/d").with_database(r"a'b\c=d");
    assert_eq!(variable(&url, "PGPASSWORD"), None);
    assert_eq!(variable(&url, "PGAPPNAME").as_deref(), Some("pgcoffer"));
    assert_eq!(variable(&url, "PGCONNECT_TIMEOUT").as_deref(), Some("15"));
    assert_eq!(variable(&url, "PGDATABASE").as_deref(), Some(r"a'b\c=d"));
    assert_eq!(url.child_conninfo(), r"dbname='a\'b\\c=d' keepalives_idle='60'");
    assert_eq!(parse("postgres://u@h/d?connect_timeout=0").connect_timeout(), None);
    assert_eq!(
        parse("postgres://u@h/d?connect_timeout=1").connect_timeout(),
        Some(Duration::from_secs(2))
    );
}

#[test]
fn sslmode_does_not_bear_on_sockets() {
    let url = parse("postgres://u@%2Ftmp/d?sslmode=verify-full");
    assert_eq!(variable(&url, "PGSSLMODE").as_deref(), Some("disable"));
}

#[test]
fn nothing_shown_holds_the_password() {
    let url = parse("postgres://u:s3cret@[::1]:1/d?options=-c%20a%3Db");
    assert_eq!(url.to_string(), "u@[::1]:1/d");
    assert_eq!(format!("{url:?}"), "DatabaseUrl(u@[::1]:1/d)");
    assert!(!format!("{:?}", url.child_env()).contains("s3cret"));
}

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

#[test]
fn several_hosts_are_several_places() {
    let table = [
        ("postgres://u@h1:1,h2:2/d", "u@h1:1,h2:2/d"),
        ("postgres://u@h1,h2/d", "u@h1:5432,h2:5432/d"),
        ("postgres://u@h1,h2/d?port=7", "u@h1:7,h2:7/d"),
        ("postgres://u@[::1]:5,[2001:db8::7]/d", "u@[::1]:5,[2001:db8::7]:5432/d"),
        ("postgres://u@/d?host=h1,%2Ftmp&port=,6", "u@h1:5432,/tmp:6/d"),
        (
            "postgres://u@/d?hostaddr=10.0.0.1,2001:db8::7",
            "u@10.0.0.1:5432,[2001:db8::7]:5432/d",
        ),
    ];
    for (text, shown) in table {
        assert_eq!(parse(text).to_string(), shown, "{text}");
    }
    // each place has the mode that is right for it
    let mixed = parse("postgres://u@localhost,db.example.com,%2Ftmp/d");
    let modes: Vec<_> = mixed.each().map(|url| url.effective_ssl_mode()).collect();
    assert_eq!(modes, [SslMode::Prefer, SslMode::Require, SslMode::Disable]);
    assert!(!mixed.is_local());
    let plain = "postgres://u@localhost,db.example.com/d?sslmode=prefer";
    assert!(matches!(DatabaseUrl::parse(plain), Err(UrlFault::Plaintext(_))));
    // the name is for the certificate, the address for the way
    let there = parse("postgres://u@db.example.com/d?hostaddr=10.1.2.3");
    assert_eq!((there.host(), there.is_local()), ("db.example.com", false));
    assert_eq!(variable(&there, "PGHOST").as_deref(), Some("db.example.com"));
    assert_eq!(variable(&there, "PGHOSTADDR").as_deref(), Some("10.1.2.3"));
    // a child gets the one that was reached
    let reached = parse("postgres://u@h1:1,h2:2/d").each().nth(1).unwrap();
    let reached = reached.at("192.0.2.9".parse().unwrap());
    assert_eq!(variable(&reached, "PGHOST").as_deref(), Some("h2"));
    assert_eq!(variable(&reached, "PGHOSTADDR").as_deref(), Some("192.0.2.9"));
}

#[test]
fn a_service_fills_in_what_the_url_does_not_say() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("services");
    std::fs::write(
        &file,
        "# ours\n[other]\nhost=wrong\n\n[shop]\nhost=h1,h2\nport=6000\nuser=reader\npassword=pa=ss \
         #1\ndbname=shop\nconnect_timeout=7\n[more]\nhost=x\n[bad]\nservice=shop\n[worse]\nwhat\n",
    )
    .unwrap();
    let services = format!("servicefile={}", file.display());
    let url = parse(&format!("postgres://?service=shop&{services}"));
    assert_eq!(url.to_string(), "reader@h1:6000,h2:6000/shop");
    assert_eq!(url.password().map(SecretText::reveal), Some("pa=ss #1"));
    assert_eq!(url.connect_timeout(), Some(Duration::from_secs(7)));
    // what the url says comes first, and a host of its own brings its own port
    let url = parse(&format!(
        "postgres://me@elsewhere/?service=shop&connect_timeout=9&{services}"
    ));
    assert_eq!(url.to_string(), "me@elsewhere:5432/shop");
    assert_eq!(url.connect_timeout(), Some(Duration::from_secs(9)));
    for bad in ["none", "bad", "worse"] {
        let fault = DatabaseUrl::parse(&format!("postgres://?service={bad}&{services}"));
        assert!(matches!(fault, Err(UrlFault::Service(_))), "{bad}: {fault:?}");
    }
    let gone = DatabaseUrl::parse("postgres://?service=shop&servicefile=/none/there");
    assert!(matches!(gone, Err(UrlFault::Service(_))), "{gone:?}");
}

#[tokio::test]
async fn a_password_comes_from_its_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgpass");
    std::fs::write(
        &file,
        "#h:5432:d:u:no\nh:5432:d:other:no\nh:6000:*:u:for 6000\nlocalhost:*:*:u:by \
         socket\nh:5432:d\\:x:u:co\\:lo\\\\n\n[::1]:1:d:u:no\n*:*:*:*:for all\n",
    )
    .unwrap();
    let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o600);
    let passfile = format!("passfile={}", file.display());
    let of = async |text: &str| {
        let url = parse(&format!("{text}?{passfile}")).with_fresh_password().await;
        url.map(|url| url.password().map(|password| password.reveal().to_owned()))
    };
    for (text, password) in [
        ("postgres://u@h:6000/x", "for 6000"),
        ("postgres://u@h/d%3Ax", "co:lo\\n"),
        ("postgres://u@h/d", "for all"),
        ("postgres://u@%2Ftmp/d", "by socket"),
        ("postgres://u:own@h/d", "own"),
    ] {
        assert_eq!(of(text).await.unwrap().as_deref(), Some(password), "{text}");
    }
    mode(0o644);
    assert!(of("postgres://u@h/d").await.unwrap_err().contains("chmod 600"));
    // a child is given the password itself
    mode(0o600);
    let url = parse(&format!("postgres://u@h/d?{passfile}"));
    let url = url.with_fresh_password().await.unwrap();
    assert_eq!(variable(&url, "PGPASSWORD").as_deref(), Some("for all"));
    assert_eq!(variable(&url, "PGPASSFILE").as_deref(), Some("/dev/null/none"));
}

#[test]
fn tokens_go_over_tls_alone_and_beside_no_password() {
    for (text, good) in [
        ("postgres://u@h/d?auth=aws-iam", true),
        ("postgres://u@h/d?auth=aws-iam&sslmode=verify-full", true),
        ("postgres://u@localhost/d?auth=aws-iam", false),
        (
            "postgres://u@h/d?auth=aws-iam&sslmode=prefer&allow_plaintext=yes",
            false,
        ),
        ("postgres://u@%2Ftmp/d?auth=aws-iam&sslmode=require", false),
        ("postgres://u@h,%2Ftmp/d?auth=aws-iam", false),
        ("postgres://u:p@h/d?auth=aws-iam", false),
        ("postgres://u@h/d?auth=aws-iam&passfile=/x", false),
    ] {
        let read = DatabaseUrl::parse(text);
        assert_eq!(read.is_ok(), good, "{text}: {read:?}");
        let expected = |fault: &UrlFault| matches!(fault, UrlFault::TwoPasswords | UrlFault::TokenInClear(_));
        assert!(read.as_ref().err().is_none_or(expected), "{text}: {read:?}");
    }
}

#[test]
fn the_passphrase_of_a_key_reaches_a_child_by_a_file_alone() {
    let url = parse("postgres://u@h/d?sslcert=/c&sslkey=/k&sslpassword=s3%20cret");
    assert!(!url.child_conninfo().contains("cret"));
    assert!(
        url.child_env()
            .iter()
            .all(|(_, value)| !value.reveal().contains("cret"))
    );
    let file = url.child_file().unwrap().unwrap();
    let [(name, path), _] = file.env();
    assert_eq!(name, "PGSERVICEFILE");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "[pgcoffer]\nsslpassword=s3 cret\n"
    );
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    drop(file);
    assert!(!Path::new(&path).exists());
}

proptest! {
    #[test]
    fn any_login_survives_encoding(user in "[^\0]{1,20}", password in "[^\0]{1,40}", database in "[^\0]{1,20}") {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let text = format!("postgres://{}:{}@h/{}", encode(&user), encode(&password), encode(&database));
        let url = DatabaseUrl::parse(&text).unwrap();
        prop_assert_eq!(url.user(), &user);
        prop_assert_eq!(url.password().map(SecretText::reveal), Some(password.as_str()));
        prop_assert_eq!(url.database(), &database);
    }

    /// Whatever is wrong with a URL, and wherever in it the password then seems to stand, no message shows it.
    #[test]
    fn no_fault_repeats_a_misplaced_password(junk in "[/:@%?&=\\[\\] ,#]{0,3}", more in "[/:@%?&=\\[\\],#]{0,3}") {
        let text = format!("postgres://user:{junk}S3cretWord{more}@host:5432/db?sslmode=require");
        if let Err(fault) = DatabaseUrl::parse(&text) {
            let shown = format!("{fault} {fault:?} {}", fault.hint());
            prop_assert!(!shown.contains("S3cretWord"));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "postgres(ql)?://.{0,60}") {
        let _ = DatabaseUrl::parse(&text);
    }
}

/// Whoever is tired reads the hint alone: it speaks of what was typed, and repeats none of it.
#[test]
fn each_slip_has_a_hint_of_its_own() {
    for (text, words) in [
        (
            "postgres://u:pa@ss@h/d",
            "write each @ but the one before the host as %40",
        ),
        ("postgres://u:se/cret@h/d", "a / in user or password is written %2F"),
        ("postgres://u:100%@h/d", "a % as such is written %25"),
        ("postgres://u:p@h:54x2/d", "write the port in figures"),
        ("postgres://u:p@::1:5432/d", "[::1]:5432"),
        ("postgres://u:p@h /d", "a space of a name or password is written %20"),
        (
            "postgres://u:p@h/d&sslmode=require",
            "the first parameter stands behind a ?",
        ),
        ("postgres://u:p@h/d?sslmod=require", "perhaps sslmode is meant"),
        ("postgres://u:p@h/d?sslmode=on", "write sslmode= with one of disable"),
        ("postgres://u:p@h/d?schema=public", "only libpq's parameters"),
        ("postgres:/u:p@h/d", "a colon and two slashes"),
        ("jdbc:postgresql://h/d", "JDBC has a form of its own"),
        ("mysql://u:p@h/d", "only PostgreSQL is backed up"),
        ("$DATABASE_URL", "nothing has put its value in"),
        ("postgres://h/d", "nobody is taken for the one who logs in"),
        ("postgres://u:p@h/d?service=x", "neither PGSERVICEFILE nor"),
    ] {
        let fault = DatabaseUrl::parse(text).unwrap_err();
        let hint = fault.hint();
        assert!(hint.contains(words), "{text}: {fault}: {hint}");
    }
}

#[test]
fn what_only_looks_like_a_slip_is_taken() {
    for (text, database) in [
        ("postgres://u:p@h/d&b", "d&b"),
        ("postgres://u:p@h/d%26sslmode=require", "d&sslmode=require"),
        ("postgres://u:p:q@h/d", "d"),
        ("postgres://u:p@1/d", "d"),
        ("postgres://u:p@[::1],h/d", "d"),
    ] {
        let text = format!("{text}?allow_plaintext=yes");
        assert_eq!(parse(&text).database(), database, "{text}");
    }
}
