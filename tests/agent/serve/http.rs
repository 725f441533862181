//! What `serve` answers, and to whom.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crate::{
    serve::clock::{Serving, serve, serve_with},
    stage::{KEY, wait_until},
    testbed::{Agent, S3Server},
    tick::past::{Run, calm, hours},
};

const TOKEN: &str = "a-token-that-nobody-guesses";

/// An agent with one good backup of a database that it never reaches.
fn agent(bucket: &S3Server) -> Agent {
    Run::ago(hours(2)).serving("daily", "7d").put(bucket);
    Agent::new()
        .s3(bucket)
        .key(KEY)
        .database_url("main", "postgres://nobody@127.0.0.1:1/none")
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
}

fn metrics_with(serving: &Serving, header: &str) -> u16 {
    serving.ask(&format!("GET /metrics HTTP/1.1\r\n{header}")).status
}

#[test]
fn paths_and_methods_have_their_answers() {
    let bucket = S3Server::start();
    let serving = serve(&agent(&bucket));
    serving.wait_for_ticks(1);
    let head = serving.ask("HEAD /healthz HTTP/1.1");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(serving.ask("HEAD /metrics HTTP/1.1").status, 200);
    for path in ["/", "/metrics/", "/healthz/x", "/%2e%2e/etc/passwd", "/favicon.ico"] {
        let answer = serving.get(path);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (404, "there is nothing here\n"),
            "{path}"
        );
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = serving.ask(&format!("{method} /metrics HTTP/1.1"));
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.head.contains("allow: get,head"), "{}", answer.head);
    }
    let open = serving.ask("GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,*/*;q=0.1");
    assert!(
        open.head
            .contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{}",
        open.head
    );
    assert!(open.body.ends_with("# EOF\n"));
    let plain = serving.get("/metrics");
    assert!(
        plain.head.contains("content-type: text/plain; version=0.0.4"),
        "{}",
        plain.head
    );
    assert!(plain.body.contains("# TYPE pgcoffer_ticks_total counter\n"));
    // a head that is too long, and one that is none
    let long = serving.ask(&format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(20_000)));
    assert_eq!(long.status, 431);
    assert_eq!(serving.ask("nonsense").status, 400);
    serving.end().success();
}

/// What somebody reads who isn't one of its readers: that it lives, and nothing of the databases.
fn tells_nothing(serving: &Serving, status: u16) {
    let refused = serving.get("/metrics");
    assert_eq!(refused.status, status, "{}", refused.body);
    assert!(refused.body.contains("PGCOFFER_METRICS_TOKEN"), "{}", refused.body);
    let health = serving.get("/healthz");
    assert_eq!((health.status, health.body.as_str()), (200, "{\"status\":\"ok\"}\n"));
    for answer in [refused, health] {
        assert!(!answer.body.contains("main") && !answer.head.contains("main"));
    }
}

#[test]
fn where_others_reach_it_nobody_reads_names_without_the_token() {
    let bucket = S3Server::start();
    let agent = agent(&bucket);
    let (routed, listen) = (agent.clone().env("PORT", "0"), ["--listen", "0.0.0.0:0"]);
    for serving in [serve_with(&routed, []), serve_with(&agent, listen)] {
        tells_nothing(&serving, 403);
        let outcome = serving.end().success();
        assert!(outcome.stderr.contains("/metrics is refused"), "{}", outcome.stderr);
    }

    let serving = serve_with(&routed.clone().env("PGCOFFER_METRICS_TOKEN", TOKEN), []);
    serving_tick(&serving);
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    tells_nothing(&serving, 401);
    assert!(serving.get("/metrics").head.contains("www-authenticate: bearer"));
    for wrong in [
        "Authorization: Basic eA==".to_owned(),
        bearer("x"),
        bearer(&TOKEN[1..]),
        bearer(&format!("{TOKEN}x")),
        format!("Cookie: {TOKEN}"),
    ] {
        assert_eq!(metrics_with(&serving, &wrong), 401, "{wrong}");
    }
    let in_the_address = format!("/metrics?token={TOKEN}&access_token={TOKEN}");
    assert_eq!(serving.get(&in_the_address).status, 401);
    assert_eq!(metrics_with(&serving, &bearer(TOKEN)), 200);
    let trusted = serving.ask(&format!("GET /healthz HTTP/1.1\r\n{}", bearer(TOKEN)));
    assert!(trusted.body.contains("\"database\":\"main\""), "{}", trusted.body);
    let outcome = serving.end().success();
    assert!(!outcome.stderr.contains(TOKEN), "{}", outcome.stderr);

    // who vouches for the network says so, and never of a port that the Internet is passed on to
    let open = agent.env("PGCOFFER_METRICS_OPEN", "true");
    let serving = serve_with(&open, listen);
    serving.wait_for_ticks(1);
    assert!(serving.get("/healthz").body.contains("\"database\""));
    serving.end().success();
    let refused = open.env("PORT", "0").run(["serve"]).ended_with(2);
    assert!(refused.stderr.contains("PGCOFFER_METRICS_OPEN: "), "{}", refused.stderr);
}

#[test]
fn a_page_or_a_proxy_that_leads_here_reads_nothing() {
    let bucket = S3Server::start();
    let serving = serve(&agent(&bucket));
    serving.wait_for_ticks(1);
    for foreign in [
        "Host: rebound.example:9187",
        "Host: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.9",
    ] {
        let mut stream = TcpStream::connect(serving.address).unwrap();
        let request = format!("GET /metrics HTTP/1.1\r\n{foreign}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("HTTP/1.1 403 "), "{said}");
        assert!(!said.contains("main"), "{said}");
    }
    serving.end().success();
}

/// Where metrics are refused, only the full answer of its health tells that a tick has ended.
fn serving_tick(serving: &Serving) {
    let trusted = format!("GET /healthz HTTP/1.1\r\nAuthorization: Bearer {TOKEN}");
    wait_until("a tick has ended", || {
        !serving.ask(&trusted).body.contains("\"last_tick\":null")
    });
}

#[test]
fn a_token_is_asked_for_wherever_it_is_set() {
    let bucket = S3Server::start();
    let serving = serve(&agent(&bucket).env("PGCOFFER_METRICS_TOKEN", TOKEN));
    tells_nothing(&serving, 401);
    serving.end().success();
}

#[test]
fn who_dawdles_is_cut_off_and_keeps_nobody_out() {
    let bucket = S3Server::start();
    let serving = serve(&agent(&bucket));
    let dawdle = |_| {
        let mut stream = TcpStream::connect(serving.address).unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            .unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    };
    // more than there are places
    let slow: Vec<TcpStream> = (0..200).map(dawdle).collect();
    assert_eq!(serving.get("/healthz").status, 200);
    for mut stream in slow {
        let mut rest = Vec::new();
        // an end, or a reset: no answer
        let _ = stream.read_to_end(&mut rest);
        let rest = String::from_utf8_lossy(&rest).into_owned();
        assert!(!rest.starts_with("HTTP/1.1 200"), "{rest}");
    }
    serving.end().success();
}
