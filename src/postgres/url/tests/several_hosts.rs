use super::*;

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
    let file = url.service_file().unwrap().unwrap();
    let [(name, path), _] = file.env();
    assert_eq!(name, "PGSERVICEFILE");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "[pgcoffer]\nsslpassword=s3 cret\n"
    );
    // in memory, so that a kill leaves no passphrase behind
    #[cfg(target_os = "linux")]
    assert!(path.starts_with("/proc/self/fd/"), "{path}");
}
