//! What programs read by the API, and who is kept out.

use serde_json::{Value, json};

use crate::{
    programs::{Program, made},
    served::{PASSWORD, Served, serve, with_dashboard},
    signing_in::agent,
    stage::{Stage, shop},
    testbed::{Agent, S3Server},
    tick::past::calm,
};

/// A `serve` with a dashboard and two tokens: one that may look, one that may act.
fn with_tokens(agent: Agent) -> (Served, String, String) {
    let ((read, of_read), (act, of_act)) = (made("monitor", "read"), made("deploy", "act"));
    let agent = with_dashboard(agent).env("PGCOFFER_DASHBOARD_TOKENS", format!("{of_read} {of_act}"));
    (serve(&agent), read, act)
}

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
fn programs_read_what_the_commands_print() {
    let stage = Stage::of(shop());
    let first = stage.back_up();
    stage.back_up_with(["--retain", "7d"]);
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let (served, read, _) = with_tokens(agent);
    served.wait_for_tick();
    let program = Program::new(&served, &read);

    let listed = program.get("/databases/main/backups").json();
    let printed = stage.run(["list", "--json", "--all", "-n", "1000"]).success().json();
    assert_eq!(listed["backups"], printed["backups"]);
    assert_eq!(listed["total"], printed["backups"].as_array().unwrap().len());

    let id = first["id"].as_str().unwrap();
    let shown = program.get(&format!("/databases/main/backups/{id}")).json();
    assert_eq!(shown, stage.run(["show", id, "--json"]).success().json());
    assert!(shown["tables"].as_array().unwrap().len() > 3 && shown.get("globals").is_none());

    let database = program.get("/databases/main").json();
    let status = stage.run(["status", "--json"]).success().json();
    assert_eq!(without_clocks(&database), without_clocks(&status["databases"][0]));
    let databases = program.get("/databases").json();
    let health = &databases["databases"][0]["health"];
    assert_eq!(without_clocks(health), without_clocks(&database));
    assert_eq!(databases["writes_only"], false);

    let health = program.get("/health").json();
    assert_eq!(
        (&health["status"], &health["databases"][0]["database"]),
        (&json!("ok"), &json!("main"))
    );
    assert_eq!(program.get("/jobs").json()["running"], json!([]));
    served.end().success();
}

/// Without what is another number a second later.
fn without_clocks(database: &Value) -> Value {
    let mut database = database.clone();
    for name in ["age_seconds", "clock_seconds"] {
        database.as_object_mut().unwrap().remove(name);
    }
    database
}

#[test]
fn a_history_comes_in_pages_and_by_what_is_asked_for() {
    let stage = Stage::small();
    let ids: Vec<Value> = (0..3).map(|_| stage.back_up()["id"].clone()).collect();
    stage
        .run(["hold", ids[1].as_str().unwrap(), "--reason", "why not"])
        .success();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", "yearly on 01-01 at 00:00 keep 7y");
    let (served, read, _) = with_tokens(agent);
    served.wait_for_tick();
    let program = Program::new(&served, &read);
    let page = |query: &str| {
        let page = program.get(&format!("/databases/main/backups?{query}")).json();
        let backups = page["backups"].as_array().unwrap().iter();
        let ids: Vec<Value> = backups.map(|backup| backup["id"].clone()).collect();
        (ids, page["total"].clone(), page["pages"].clone())
    };
    let manual = |n: usize| ids[n].clone();
    assert_eq!(
        page("tier=manual&per_page=2"),
        (vec![manual(2), manual(1)], json!(3), json!(2))
    );
    assert_eq!(
        page("tier=manual&per_page=2&page=2"),
        (vec![manual(0)], json!(3), json!(2))
    );
    assert_eq!(page("tier=manual&page=4294967295").0, Vec::<Value>::new());
    assert_eq!(page("state=held").0, [manual(1)]);
    assert_eq!(page("state=failed"), (vec![], json!(0), json!(0)));
    for wrong in [
        "page=0",
        "page=-1",
        "per_page=201",
        "state=lost",
        "tier=daily&tier=daily",
        "what=x",
    ] {
        program.get(&format!("/databases/main/backups?{wrong}")).problem(400);
    }
    served.end().success();
}

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
        format!("Cookie: pgcoffer={read}"),
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
    let (served, read, _) = with_tokens(agent(&bucket));
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
}

#[test]
fn who_may_only_look_does_not_act() {
    let bucket = S3Server::start();
    let (served, read, _) = with_tokens(agent(&bucket));
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
}

#[test]
fn a_browser_that_is_signed_in_acts_on_no_page_s_behalf() {
    let bucket = S3Server::start();
    let (served, _, act) = with_tokens(agent(&bucket));
    let mut reader = served.signed_in(PASSWORD);
    // its cookie counts for nothing here, whatever page sends it
    let cookie = format!("Cookie: pgcoffer={}", reader.cookies["pgcoffer"]);
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
        "/databases/<script>alert(1)</script>",
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
fn hostile_names_are_data_and_a_terminal_obeys_none() {
    let stage = Stage::of("create table \"\u{1b}[2J<script>\" (id int); create table \"\"\"}]\" (id int);");
    let id = stage.back_up()["id"].as_str().unwrap().to_owned();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", "yearly on 01-01 at 00:00 keep 7y");
    let (served, read, _) = with_tokens(agent);
    let shown = Program::new(&served, &read).get(&format!("/databases/main/backups/{id}"));
    assert!(!shown.body.contains('\u{1b}'), "{}", shown.body);
    assert_eq!(shown.header("content-type"), Some("application/json"));
    assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
    let names: Vec<Value> = shown.json()["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["name"].clone())
        .collect();
    assert!(
        names.contains(&json!("\u{1b}[2J<script>")) && names.contains(&json!("\"}]")),
        "{names:?}"
    );
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
