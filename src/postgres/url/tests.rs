mod hints;
mod parameters;
mod several_hosts;

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
                "the numeric address of a host, or several separated by commas",
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
            value("sslmode", "verify-full, as sslrootcert=system requires"),
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
    let url = parse(r"postgres://u@h/a'b%5Cc=d");
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
