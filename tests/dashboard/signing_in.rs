//! Who gets in, by which way, and what he may do then.

use crate::{
    served::{PASSWORD, Served, VIEWER_PASSWORD, hash_of, serve, with_dashboard},
    stage::KEY,
    testbed::{Agent, S3Server},
    tick::past::{Run, calm, hours},
};

/// An agent with one good backup of a database that it never reaches.
pub(crate) fn agent(bucket: &S3Server) -> Agent {
    Run::ago(hours(2)).serving("daily", "7d").put(bucket);
    Agent::new()
        .s3(bucket)
        .key(KEY)
        .database_url("main", "postgres://nobody@127.0.0.1:1/none")
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
}

fn served(bucket: &S3Server) -> Served {
    serve(&with_dashboard(agent(bucket)))
}

/// Every page there is.
pub(crate) const PAGES: [&str; 8] = [
    "/",
    "/databases/main",
    "/databases/main?status=failed",
    "/databases/main/backups/20261120T070000Z-rkropyeppww6",
    "/act?what=back-up&database=main",
    "/work",
    "/audit",
    "/databases/main/schedule",
];

#[test]
fn it_is_off_unless_it_is_set() {
    let bucket = S3Server::start();
    let served = serve(&agent(&bucket));
    for path in PAGES.into_iter().chain(["/sign-in", "/open/x"]) {
        assert_eq!(served.reader().get(path).status, 404, "{path}");
    }
    served.end().success();
    let useless = agent(&bucket)
        .without("PGCOFFER_KEY")
        .env("PGCOFFER_PASSPHRASE", "seven random words that nobody would ever guess")
        .env("PGCOFFER_DASHBOARD_URL", "http://localhost:9187");
    let refused = useless.run(["serve", "--listen", "127.0.0.1:0"]).ended_with(2);
    assert!(refused.stderr.contains("nobody could sign in"), "{}", refused.stderr);
}

#[test]
fn who_is_not_signed_in_sees_the_page_to_sign_in_and_nothing_else() {
    let bucket = S3Server::start();
    let served = served(&bucket);
    for path in PAGES {
        let reply = served.reader().get(path);
        assert_eq!((reply.status, reply.body.as_str()), (303, ""), "{path}");
        assert!(reply.header("location").unwrap().starts_with("/sign-in"), "{path}");
    }
    for path in ["/act", "/sign-out"] {
        assert_eq!(
            served
                .reader()
                .post(path, &[("what", "back-up"), ("database", "main")])
                .status,
            303,
            "{path}"
        );
    }
    let page = served.reader().get("/sign-in");
    assert_eq!(page.status, 200);
    for name in [">main<", "/databases/", bucket.bucket(), KEY] {
        assert!(!page.body.contains(name), "{name}: {}", page.body);
    }
    // the pages of monitoring are as they were
    assert_eq!(served.reader().get("/healthz").status, 200);
    served.end().success();
}

#[test]
fn a_password_opens_it_and_signing_out_closes_it() {
    let bucket = S3Server::start();
    let served = served(&bucket);
    let mut reader = served.reader();
    let wrong = reader.sign_in("correct horse battery stapl");
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("This password is not right."), "{}", wrong.body);
    assert!(!wrong.body.contains("correct horse"), "{}", wrong.body);
    let right = reader.sign_in(PASSWORD);
    assert_eq!((right.status, right.header("location")), (303, Some("/")));
    let cookie = right.header("set-cookie").unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    // by which it is known later that somebody has signed in from here
    assert!(
        reader.cookies.contains_key("pgcoffer-device-9187"),
        "{:?}",
        reader.cookies
    );
    let page = reader.get("/");
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains(">main</a>"), "{}", page.body);

    let kept = reader.cookies.clone();
    let token = page.token();
    assert_eq!(reader.post("/sign-out", &[("token", &token)]).status, 303);
    assert_eq!(reader.get("/").status, 303);
    // whoever has copied the cookie is out as well
    reader.cookies = kept;
    assert_eq!(reader.get("/").status, 303);
    let outcome = served.end().success();
    for secret in [PASSWORD, "correct horse", "argon2id"] {
        assert!(!outcome.stderr.contains(secret), "{}", outcome.stderr);
    }
    assert!(outcome.stderr.contains("a password for the dashboard was wrong"));
}

#[test]
fn a_page_that_was_wanted_is_shown_after_signing_in_and_no_other_host() {
    let bucket = S3Server::start();
    let served = served(&bucket);
    let wanted = served.reader().get("/databases/main?status=failed");
    assert_eq!(
        wanted.header("location"),
        Some("/sign-in?next=%2Fdatabases%2Fmain%3Fstatus%3Dfailed")
    );
    for (next, leads_to) in [
        ("/databases/main?status=failed", "/databases/main?status=failed"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\r\nX-Evil: yes", "/"),
    ] {
        let mut reader = served.reader();
        let token = reader.get("/sign-in").token();
        let form = [("token", token.as_str()), ("password", PASSWORD), ("next", next)];
        assert_eq!(
            reader.post("/sign-in", &form).header("location"),
            Some(leads_to),
            "{next}"
        );
    }
    served.end().success();
}

#[test]
fn a_viewer_looks_and_does_not_act() {
    let bucket = S3Server::start();
    let served = served(&bucket);
    let mut viewer = served.signed_in(VIEWER_PASSWORD);
    let page = viewer.get("/");
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("/act?"), "{}", page.body);
    assert!(!viewer.get("/databases/main").body.contains("/act?"));
    assert_eq!(viewer.get("/act?what=back-up&database=main").status, 403);
    let form = [
        ("token", page.token()),
        ("what", "back-up".to_owned()),
        ("database", "main".to_owned()),
    ];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(viewer.post("/act", &form).status, 403);
    assert!(viewer.get("/work").body.contains("Nothing has ended"));
    served.end().success();
}

#[test]
fn a_link_opens_once() {
    let bucket = S3Server::start();
    let agent = with_dashboard(agent(&bucket));
    let served = serve(&agent);
    crate::stage::next_second();
    let printed = agent.run(["dashboard", "open"]).success();
    let link = printed
        .text()
        .trim()
        .strip_prefix("http://localhost:9187")
        .unwrap()
        .to_owned();
    // whoever looks at it before, as chats do, opens nothing
    let page = served.reader().get(&link);
    assert_eq!(page.status, 200);
    let mut reader = served.reader();
    let page = reader.get(&link);
    let form = [("token", page.token()), ("link", page.value_of("link"))];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(reader.post("/open", &form).status, 303);
    assert!(reader.get("/").body.contains("/act?what=back-up"));
    let mut second = served.reader();
    let page = second.get(&link);
    let form = [("token", page.token()), ("link", page.value_of("link"))];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let refused = second.post("/open", &form);
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("has opened already"), "{}", refused.body);
    assert_eq!(second.get("/").status, 303);
    served.end().success();

    // one of another key, and one from before a restart
    let served = serve(&agent);
    crate::stage::next_second();
    let foreign = agent
        .clone()
        .env("PGCOFFER_KEY", crate::stage::OTHER_KEY)
        .run(["dashboard", "open"])
        .success();
    for (link, why) in [
        (foreign.text().trim(), "not made with the key"),
        (printed.text().trim(), "started again"),
    ] {
        let mut reader = served.reader();
        let page = reader.get(link.strip_prefix("http://localhost:9187").unwrap());
        let form = [("token", page.token()), ("link", page.value_of("link"))];
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refused = reader.post("/open", &form);
        assert_eq!(refused.status, 403);
        assert!(refused.body.contains(why), "{why}: {}", refused.body);
    }
    served.end().success();
}

#[test]
fn a_proxy_of_the_settings_names_who_is_signed_in() {
    let bucket = S3Server::start();
    let behind = agent(&bucket)
        .env("PGCOFFER_DASHBOARD_URL", "https://backups.example.com")
        .env("PGCOFFER_DASHBOARD_USER_HEADER", "X-Forwarded-User")
        .env("PGCOFFER_DASHBOARD_OPERATORS", "ada");
    for (proxies, believed) in [("127.0.0.0/8", true), ("10.0.0.0/8", false)] {
        let served = serve(&behind.clone().env("PGCOFFER_DASHBOARD_PROXIES", proxies));
        let mut reader = served.reader();
        reader.host = "backups.example.com".to_owned();
        reader.lines = vec![
            "X-Forwarded-User: ada".to_owned(),
            "X-Forwarded-Proto: https".to_owned(),
        ];
        let page = reader.get("/");
        assert_eq!(page.status, if believed { 200 } else { 303 });
        if believed {
            assert!(
                page.body.contains("/act?what=back-up") && page.body.contains("ada"),
                "{}",
                page.body
            );
            reader.lines[0] = "X-Forwarded-User: grace".to_owned();
            assert!(!reader.get("/").body.contains("/act?"));
            // two of them name nobody
            reader.lines.push("X-Forwarded-User: ada".to_owned());
            assert_eq!(reader.get("/").status, 303);
        }
        served.end().success();
    }
}

#[test]
fn a_password_gets_a_hash_and_a_guessable_one_none() {
    let hash = hash_of(PASSWORD);
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_ne!(hash_of(PASSWORD), hash);
    let refused = Agent::new()
        .run_with_input(["dashboard", "password"], b"hunter2")
        .ended_with(2);
    assert!(
        refused.stderr.contains("fewer than 12 characters"),
        "{}",
        refused.stderr
    );
    let json = Agent::new().run_with_input(["dashboard", "password", "--json"], PASSWORD.as_bytes());
    assert!(
        json.success().json()["hash"]
            .as_str()
            .unwrap()
            .starts_with("$argon2id$")
    );
    let off = Agent::new().key(KEY).run(["dashboard", "open"]).ended_with(2);
    assert!(
        off.stderr.contains("PGCOFFER_DASHBOARD_URL is not set"),
        "{}",
        off.stderr
    );
}
