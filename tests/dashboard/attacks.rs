//! What an attacker tries, and what he gets.

use crate::{
    served::{PASSWORD, Served, serve, with_dashboard},
    signing_in::{PAGES, agent},
    stage::Stage,
    testbed::S3Server,
    tick::past::calm,
};

/// The headers that every page has.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
];

#[test]
fn every_page_has_its_headers_and_nothing_inline() {
    let bucket = S3Server::start();
    let served = serve(&with_dashboard(agent(&bucket)));
    let mut reader = served.signed_in(PASSWORD);
    for path in PAGES.into_iter().chain(["/work/1", "/databases/none"]) {
        let page = reader.get(path);
        for (name, value) in HEADERS {
            assert_eq!(page.header(name), Some(value), "{path}: {name}");
        }
        // a browser on this machine speaks http here
        assert_eq!(page.header("strict-transport-security"), None);
        for inline in [" style=", "<style", " onclick=", "<script>", "javascript:"] {
            assert!(!page.body.contains(inline), "{path}: {inline}");
        }
    }
    let style = reader.get("/").body;
    let style = style
        .split_once("rel=\"stylesheet\" href=\"")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0
        .to_owned();
    let sheet = served.reader().get(&style);
    assert_eq!(
        (sheet.status, sheet.header("content-type")),
        (200, Some("text/css; charset=utf-8"))
    );
    assert!(sheet.header("cache-control").unwrap().contains("immutable"));
    served.end().success();
}

#[test]
fn another_name_for_this_address_reads_nothing() {
    let bucket = S3Server::start();
    let served = serve(&with_dashboard(agent(&bucket)));
    let mut reader = served.signed_in(PASSWORD);
    let port = served.address.port();
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        reader.host = format!("{host}:{port}");
        assert_eq!(reader.get("/").status, 200, "{host}");
    }
    reader.host = format!("localhost:{port}");
    reader.lines = vec!["Host: localhost".to_owned()];
    assert!([400, 421].contains(&reader.get("/").status));
    reader.lines = Vec::new();
    for host in [
        "rebound.example",
        "127.0.0.1.nip.io",
        "localhost.example",
        "",
        "localhost@evil.example",
    ] {
        reader.host = format!("{host}:{port}");
        let refused = reader.get("/");
        assert_eq!(refused.status, 421, "{host}");
        assert!(!refused.body.contains("main"), "{host}");
    }
    served.end().success();
}

/// Behind a proxy on this machine that has a certificate.
fn behind_a_proxy(bucket: &S3Server) -> Served {
    let agent = with_dashboard(agent(bucket))
        .env("PGCOFFER_DASHBOARD_URL", "https://backups.example.com")
        .env("PGCOFFER_DASHBOARD_PROXIES", "127.0.0.1");
    serve(&agent)
}

#[test]
fn behind_tls_cookies_and_browser_stay_behind_tls() {
    let bucket = S3Server::start();
    let served = behind_a_proxy(&bucket);
    let mut reader = served.reader();
    reader.host = "backups.example.com".to_owned();
    reader.lines = vec!["X-Forwarded-Proto: https".to_owned()];
    let signed_in = reader.sign_in(PASSWORD);
    assert_eq!(signed_in.status, 303, "{signed_in:?}");
    let cookie = signed_in.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-pgcoffer=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    assert_eq!(signed_in.header("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(reader.get("/").status, 200);
    // what came in the clear is led to https before anything is looked at
    reader.lines = vec!["X-Forwarded-Proto: http".to_owned()];
    let led = reader.get("/databases/main");
    assert_eq!(
        (led.status, led.header("location")),
        (308, Some("https://backups.example.com/databases/main"))
    );
    for host in [
        "localhost",
        "backups.example.com.evil.example",
        "backups.example.com:8443",
    ] {
        reader.host = host.to_owned();
        assert_eq!(reader.get("/").status, 421, "{host}");
    }
    served.end().success();
}

#[test]
fn a_form_of_another_page_does_nothing() {
    let bucket = S3Server::start();
    let served = serve(&with_dashboard(agent(&bucket)));
    let mut reader = served.signed_in(PASSWORD);
    let token = reader.get("/").token();
    let act = |token: &str| {
        [
            ("token".to_owned(), token.to_owned()),
            ("what".to_owned(), "test-notice".to_owned()),
        ]
    };
    let mut post = |token: &str, lines: &[&str]| {
        reader.lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let form = act(token);
        let form: Vec<(&str, &str)> = form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        reader.post("/act", &form).status
    };
    let port = served.address.port();
    let own = format!("Origin: http://localhost:{port}");
    assert_eq!(post(&token, &[&own, "Sec-Fetch-Site: same-origin"]), 303);
    // what a browser sends from a page that sends no referrer
    assert_eq!(post(&token, &["Origin: null", "Sec-Fetch-Site: same-origin"]), 303);
    for (token, lines) in [
        ("", &[][..]),
        ("x", &[]),
        (&token[1..], &[]),
        (&token, &["Origin: https://evil.example"]),
        (&token, &["Origin: null", "Sec-Fetch-Site: cross-site"]),
        ("", &["Origin: null", "Sec-Fetch-Site: same-origin"]),
        (&token, &["Origin: http://localhost:1"]),
        (&token, &["Sec-Fetch-Site: cross-site"]),
        (&token, &["Sec-Fetch-Site: same-site"]),
    ] {
        assert_eq!(post(token, lines), 403, "{token} {lines:?}");
    }
    // the token of one session is of no use in another
    let other = served.signed_in(PASSWORD).get("/").token();
    assert_eq!(post(&other, &[]), 403);
    // and none that nobody has seen signs anybody in as somebody else
    let mut victim = served.reader();
    let foreign = served.reader().get("/sign-in").token();
    let form = [("token", foreign.as_str()), ("password", PASSWORD)];
    assert_eq!(victim.post("/sign-in", &form).status, 403);
    victim.get("/sign-in");
    assert_eq!(victim.post("/sign-in", &form).status, 403);
    assert_eq!(victim.get("/").status, 303);
    served.end().success();
}

#[test]
fn an_id_that_was_laid_under_somebody_is_never_a_session() {
    let bucket = S3Server::start();
    let served = serve(&with_dashboard(agent(&bucket)));
    let mut victim = served.reader();
    let laid = "A".repeat(43);
    victim.cookies.insert("pgcoffer-9187".to_owned(), laid.clone());
    assert_eq!(victim.sign_in(PASSWORD).status, 303);
    assert_ne!(victim.cookies["pgcoffer-9187"], laid);
    let mut attacker = served.reader();
    attacker.cookies.insert("pgcoffer-9187".to_owned(), laid);
    assert_eq!(attacker.get("/").status, 303);
    // who signs in anew has another session, and the one before is over
    let before = victim.cookies.clone();
    let token = victim.get("/").token();
    assert!(!token.is_empty());
    let mut again = served.reader();
    again.cookies = before.clone();
    let form_token = {
        let mut fresh = served.reader();
        let token = fresh.get("/sign-in").token();
        again.cookies.extend(fresh.cookies);
        token
    };
    let form = [("token", form_token.as_str()), ("password", PASSWORD)];
    assert_eq!(again.post("/sign-in", &form).status, 303);
    assert_ne!(again.cookies["pgcoffer-9187"], before["pgcoffer-9187"]);
    assert_eq!(again.get("/").status, 200);
    assert_eq!(victim.get("/").status, 303);
    served.end().success();
}

#[test]
fn guessing_becomes_slower_and_keeps_nobody_else_out() {
    let bucket = S3Server::start();
    let served = behind_a_proxy(&bucket);
    let mut attacker = served.reader();
    attacker.host = "backups.example.com".to_owned();
    attacker.lines = vec!["X-Forwarded-For: 203.0.113.9".to_owned()];
    let statuses: Vec<u16> = (0..5).map(|_| attacker.sign_in("wrong wrong wrong").status).collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    let refused = attacker.sign_in(PASSWORD);
    assert_eq!(refused.status, 429);
    assert!(refused.text().contains("pgcoffer dashboard open"), "{}", refused.text());
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() <= 3);
    // what stands further left is the attacker's own invention
    attacker.lines = vec!["X-Forwarded-For: 198.51.100.1, 203.0.113.9".to_owned()];
    assert_eq!(attacker.sign_in("wrong wrong wrong").status, 429);
    let mut owner = served.reader();
    owner.host = attacker.host.clone();
    owner.lines = vec!["X-Forwarded-For: 198.51.100.1".to_owned()];
    assert_eq!(owner.sign_in(PASSWORD).status, 303);
    served.end().success();

    // who comes by no proxy is believed nothing
    let served = serve(&with_dashboard(agent(&bucket)));
    let mut attacker = served.reader();
    let statuses: Vec<u16> = (0..5)
        .map(|n| {
            attacker.lines = vec![format!("X-Forwarded-For: 203.0.113.{n}")];
            attacker.sign_in("wrong wrong wrong").status
        })
        .collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    served.end().success();
}

#[test]
fn paths_lead_nowhere_else() {
    let bucket = S3Server::start();
    let served = serve(&with_dashboard(agent(&bucket)));
    let mut reader = served.signed_in(PASSWORD);
    for path in [
        "/assets/../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/databases/..%2f..%2fetc%2fpasswd",
        "/databases/%00",
        "/databases/MAIN%0d%0aX-Evil:%20yes",
        "/databases/main/backups/../../../etc/passwd",
        "/databases/main/backups/..%2f..%2fother",
        "/databases/main/backups/20261120T070000Z-aaaaaaaaaaaa",
        "/work/999999999999999999999999",
        "/work/-1",
        "/open",
    ] {
        let reply = reader.get(path);
        assert!([400, 404, 405].contains(&reply.status), "{path}: {}", reply.status);
        assert!(
            !reply.body.contains("root:") && !reply.head.contains("X-Evil"),
            "{path}"
        );
    }
    // a form is short, and of one kind
    let token = reader.get("/").token();
    let long = "x".repeat(20_000);
    let form = [("token", token.as_str()), ("what", "hold"), ("reason", long.as_str())];
    assert!([413, 422].contains(&reader.post("/act", &form).status));
    served.end().success();
}

/// Names that a page would obey, were they not escaped.
const HOSTILE: &str = r#"
    create table "<script>alert(1)</script>" (id int);
    insert into "<script>alert(1)</script>" select generate_series(1, 7);
    create table """><img src=x onerror=alert(2)>" (id int);
    create table "'; alert(3); //" ("<b>" text);
    create table "ordinary" (id int);
    comment on table "ordinary" is '<script>alert(4)</script>';
"#;

#[test]
fn names_and_messages_are_text_on_every_page() {
    let stage = Stage::of(HOSTILE);
    let record = stage.back_up();
    let id = record["id"].as_str().unwrap();
    stage
        .run([
            "hold",
            id,
            "--reason",
            "<script>alert(5)</script>",
            "--by",
            "\"><svg onload=alert(6)>",
        ])
        .success();
    // a run that fails with words of a server
    let nowhere = stage.cluster.url("<script>alert(7)<");
    let failed = stage.agent().env("PGCOFFER_DB_MAIN_URL", nowhere).run(["backup"]);
    assert_ne!(failed.code(), 0);
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let served = serve(&with_dashboard(agent));
    let mut reader = served.signed_in(PASSWORD);
    let of_backup = reader.get(&format!("/databases/main/backups/{id}"));
    assert!(
        of_backup.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{}",
        of_backup.body
    );
    assert!(of_backup.body.contains("&lt;script&gt;alert(5)"), "{}", of_backup.body);
    let pages = [
        of_backup,
        reader.get("/"),
        reader.get("/databases/main"),
        reader.get(&format!(
            "/act?what=hold&database=main&id={id}&reason=%22%3E%3Cscript%3Ealert(8)"
        )),
        reader.get("/act?what=back-up&database=%3Cscript%3Ealert(9)%3C/script%3E"),
        reader.get("/databases/main?status=%22%3E%3Cscript%3Ealert(10)&tier=%22%3E%3Cscript%3E"),
    ];
    for page in pages {
        for obeyed in ["<script>alert", "<img src=x", "<svg onload", "onerror=alert(2)>\""] {
            let found = page.body.find(obeyed);
            assert!(
                found.is_none(),
                "{obeyed}: …{}",
                &page.body[found.unwrap().saturating_sub(200)..]
            );
        }
    }
    served.end().success();
}
