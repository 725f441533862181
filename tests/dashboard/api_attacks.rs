//! Who is kept out of the API, and what is refused.

use serde_json::{Value, json};

use crate::{
    api::with_tokens,
    programs::{Program, made},
    served::{PASSWORD, serve, with_dashboard},
    signing_in::agent,
    testbed::{Agent, S3Server},
};

/// Every path that looks.
const PATHS: [&str; 7] = [
    "/health",
    "/databases",
    "/databases/main",
    "/databases/main/backups",
    "/databases/main/backups/20261120T070000Z-rkropyeppww6",
    "/jobs",
    "/openapi.json",
];

/// Every path that acts on a backup.
const ACTS: [&str; 6] = ["verify", "hold", "release", "accept", "retain", "delete"];

#[test]
fn without_a_token_there_is_nothing_but_its_own_refusal() {
    let bucket = S3Server::start();
    let (served, read, act) = with_tokens(agent(&bucket));
    let stranger = Program::without_token(&served);
    for path in PATHS.into_iter().chain(["/none", "/databases/none"]) {
        let refused = stranger.get(path);
        refused.problem(401);
        assert_eq!(
            refused.header("www-authenticate"),
            Some("Bearer realm=\"pgcoffer\""),
            "{path}"
        );
        assert_eq!(refused.header("cache-control"), Some("no-store"), "{path}");
        assert!(refused.header("content-security-policy").is_some() && refused.header("set-cookie").is_none());
    }
    stranger.post("/databases/main/backups", &json!({})).problem(401);
    stranger.send("DELETE", "/databases/main", None).problem(401);
    // a token counts in its header alone, as it is
    let program = Program::new(&served, &read);
    assert_eq!(program.get("/health").status, 200);
    assert_eq!(stranger.get(&format!("/health?access_token={read}")).status, 401);
    let shown = |line: String| {
        let mut other = Program::without_token(&served);
        other.lines = vec![line];
        other.get("/health").status
    };
    assert_eq!(shown(format!("authorization: bEARER {read}")), 200);
    for line in [
        format!("Cookie: pgcoffer-9187={read}"),
        format!("X-Token: {read}"),
        format!("Proxy-Authorization: Bearer {read}"),
        format!("Authorization: Bearer {read}\r\nAuthorization: Bearer {read}"),
        format!("Authorization: {read}"),
    ] {
        assert_eq!(shown(line.clone()), 401, "{line}");
    }
    let outcome = served.end().success();
    for secret in [&read, &act, &read[5..]] {
        assert!(!outcome.stderr.contains(secret), "{}", outcome.stderr);
    }
}

#[test]
fn guessing_becomes_slower_and_the_right_token_always_passes() {
    let bucket = S3Server::start();
    let agent = agent(&bucket);
    let (served, read, _) = with_tokens(agent.clone());
    let wrong = Program::new(&served, &format!("{}x", &read[..read.len() - 1]));
    let statuses: Vec<u16> = (0..5).map(|_| wrong.get("/health").status).collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429]);
    let refused = wrong.get("/health");
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() <= 3);
    refused.problem(429);
    assert_eq!(Program::new(&served, &read).get("/health").status, 200);
    // and a program with an old token keeps nobody from signing in
    assert_eq!(served.reader().sign_in(PASSWORD).status, 303);
    let outcome = served.end().success();
    assert!(
        outcome.stderr.contains("a token for the API was wrong"),
        "{}",
        outcome.stderr
    );
    // every try is in the trail, as two entries: those that had to wait were none
    let failed = of_api(&agent);
    assert_eq!(counts(&failed), [1, 2], "{failed:#?}");
    for entry in &failed {
        assert_eq!(
            (&entry["outcome"], &entry["who"]),
            (&json!("failed"), &json!("unknown"))
        );
        assert!(!entry.to_string().contains(&read[..read.len() - 1]));
    }
}

fn counts(entries: &[Value]) -> Vec<u64> {
    let mut counts: Vec<u64> = entries.iter().map(|entry| entry["count"].as_u64().unwrap()).collect();
    counts.sort_unstable();
    counts
}

/// What the trail says of the API itself.
fn of_api(agent: &Agent) -> Vec<Value> {
    let trail = agent.run(["audit", "--json", "--limit", "0"]).success().json();
    let entries = trail["entries"].as_array().unwrap().iter();
    entries.filter(|entry| entry["action"] == "use-api").cloned().collect()
}

#[test]
fn who_may_only_look_does_not_act() {
    let bucket = S3Server::start();
    let agent = agent(&bucket);
    let (served, read, _) = with_tokens(agent.clone());
    let program = Program::new(&served, &read);
    let of_backup = |act: &str| format!("/databases/main/backups/20261120T070000Z-rkropyeppww6/{act}");
    let mut paths: Vec<String> = ACTS.iter().map(|act| of_backup(act)).collect();
    paths.extend(["/databases/main/backups", "/databases/main/drills", "/notices/test"].map(str::to_owned));
    for path in &paths {
        let refused = program.post(path, &json!({ "anything": 1 }));
        let problem = refused.problem(403);
        assert!(problem["hint"].as_str().unwrap().contains("--scope act"), "{problem}");
        assert!(
            refused
                .header("www-authenticate")
                .unwrap()
                .contains("insufficient_scope")
        );
    }
    assert_eq!(program.get("/jobs").json()["ended"], json!([]));
    served.end().success();
    // he is named, and however often he tries that is two entries
    let refused = of_api(&agent);
    assert_eq!(counts(&refused), [1, paths.len() as u64 - 1], "{refused:#?}");
    for entry in &refused {
        assert_eq!(
            (&entry["outcome"], &entry["who"]),
            (&json!("refused"), &json!("monitor"))
        );
    }
}

#[test]
fn a_browser_that_is_signed_in_acts_on_no_page_s_behalf() {
    let bucket = S3Server::start();
    let (served, _, act) = with_tokens(agent(&bucket));
    let mut reader = served.signed_in(PASSWORD);
    // its cookie counts for nothing here, whatever page sends it
    let cookie = format!("Cookie: pgcoffer-9187={}", reader.cookies["pgcoffer-9187"]);
    let mut program = Program::without_token(&served);
    for lines in [
        vec![cookie.clone()],
        vec![cookie.clone(), "Sec-Fetch-Site: same-origin".to_owned()],
        vec![cookie, "Origin: null".to_owned()],
    ] {
        program.lines = lines;
        program.post("/notices/test", &json!({})).problem(401);
        program.get("/databases").problem(401);
    }
    // not even one that has got hold of a token acts from another page
    for line in ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site"] {
        program.lines = vec![format!("Authorization: Bearer {act}"), line.to_owned()];
        program.post("/notices/test", &json!({})).problem(403);
    }
    // nor is it asked whether it might
    program.lines = vec!["Origin: https://evil.example".to_owned()];
    let asked = program.send("OPTIONS", "/notices/test", None);
    asked.problem(401);
    assert!(asked.header("access-control-allow-origin").is_none());
    assert_eq!(reader.get("/work").status, 200);
    let jobs = Program::new(&served, &act).get("/jobs").json();
    assert_eq!((&jobs["running"], &jobs["ended"]), (&json!([]), &json!([])));
    served.end().success();
}

#[test]
fn what_is_not_described_is_refused() {
    let bucket = S3Server::start();
    let (served, _, act) = with_tokens(agent(&bucket));
    let program = Program::new(&served, &act);
    let hold = "/databases/main/backups/20261120T070000Z-rkropyeppww6/hold";
    let back_up = "/databases/main/backups";
    for (path, body, status) in [
        (hold, r#"{"reason":"x","who":"root"}"#, 422),
        (hold, r#"{"reason":"x","reason":"y"}"#, 422),
        (hold, r#"{"reason":" "}"#, 422),
        (hold, r#"{"reason":7}"#, 422),
        (hold, "", 422),
        (hold, r#"["x"]"#, 400),
        (hold, "reason=x", 400),
        (hold, r#"{"reason":"x"} {}"#, 400),
        (back_up, r#"{"at_most_every":"soon"}"#, 422),
        (back_up, r#"{"at_most_every":10}"#, 422),
        (back_up, r#"{"database":"other"}"#, 422),
        ("/notices/test", r#"{"to":"evil@example.com"}"#, 422),
    ] {
        program
            .send("POST", path, Some(("application/json", body)))
            .problem(status);
    }
    let form = program.send("POST", hold, Some(("application/x-www-form-urlencoded", "reason=x")));
    assert!(form.problem(415)["hint"].as_str().unwrap().contains("application/json"));
    program.send("POST", hold, Some(("", r#"{"reason":"x"}"#))).problem(415);
    let huge = json!({ "reason": "x".repeat(20_000) });
    program.post(hold, &huge).problem(413);
    program.get("/jobs/1?wait=9").problem(400);
    assert_eq!(program.get("/jobs").json()["ended"], json!([]));
    served.end().success();
}

#[test]
fn paths_and_methods_lead_nowhere_else() {
    let bucket = S3Server::start();
    let (served, _, act) = with_tokens(agent(&bucket));
    let program = Program::new(&served, &act);
    for path in [
        "",
        "/",
        "/none",
        "/databases/",
        "/databases/none",
        "/databases/MAIN",
        "/databases/..%2f..%2fetc%2fpasswd",
        "/databases/%00",
        "/databases/%ff",
        "/databases/main%0d%0aX-Evil:%20yes",
        "/databases/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/databases/main/backups/latest",
        "/databases/main/backups/20261120T070000Z-aaaaaaaaaaaa",
        "/databases/main/backups/../../../../etc/passwd",
        "/jobs/0",
        "/jobs/-1",
        "/jobs/999999999999999999999999",
    ] {
        let reply = program.get(path);
        let problem = reply.problem(404);
        assert!(problem["hint"].as_str().is_some(), "{path}: {problem}");
        assert!(
            !reply.body.contains("root:") && !reply.head.contains("X-Evil"),
            "{path}"
        );
    }
    for (method, path, allowed) in [
        (
            "DELETE",
            "/databases/main/backups/20261120T070000Z-rkropyeppww6",
            "GET,HEAD",
        ),
        ("PUT", "/databases/main/backups", "GET,HEAD,POST"),
        ("GET", "/notices/test", "POST"),
        ("PATCH", "/health", "GET,HEAD"),
    ] {
        let refused = program.send(method, path, None);
        refused.problem(405);
        assert_eq!(refused.header("allow"), Some(allowed), "{method} {path}");
    }
    let mut elsewhere = Program::new(&served, &act);
    elsewhere.host = "rebound.example".to_owned();
    elsewhere.get("/databases").problem(421);
    served.end().success();
}

#[test]
fn a_token_that_came_in_the_clear_is_said_to_be_lost() {
    let bucket = S3Server::start();
    let (token, entry) = made("ci", "read");
    let agent = with_dashboard(agent(&bucket))
        .env("PGCOFFER_DASHBOARD_URL", "https://backups.example.com")
        .env("PGCOFFER_DASHBOARD_PROXIES", "127.0.0.1")
        .env("PGCOFFER_DASHBOARD_TOKENS", entry);
    let served = serve(&agent);
    let mut program = Program::new(&served, &token);
    program.host = "backups.example.com".to_owned();
    assert_eq!(
        program.get("/health").header("strict-transport-security"),
        Some("max-age=31536000")
    );
    program.lines.push("X-Forwarded-Proto: http".to_owned());
    let problem = program.get("/health").problem(403);
    assert!(problem["hint"].as_str().unwrap().contains("https"), "{problem}");
    served.end().success();
}
