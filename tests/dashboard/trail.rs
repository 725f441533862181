//! The audit trail: who had what done, sealed in the bucket, whatever becomes of it there.

use serde_json::Value;

use crate::{
    served::{PASSWORD, Reader, Served, VIEWER_PASSWORD, serve, with_dashboard},
    signing_in::agent,
    stage::{OTHER_KEY, SMALL, Stage},
    testbed::{Agent, Fault, Rule, S3Server},
    tick::past::calm,
};

fn quiet(stage: &Stage) -> Agent {
    with_dashboard(stage.agent()).env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
}

/// The trail as a program reads it.
#[track_caller]
fn trail(agent: &Agent) -> Vec<Value> {
    let read = agent.run(["audit", "--json", "--limit", "0"]).success().json();
    assert_eq!(read["unreadable"], serde_json::json!([]));
    read["entries"].as_array().unwrap().clone()
}

fn newest(agent: &Agent, action: &str) -> Value {
    let all = trail(agent);
    let found = all.iter().find(|entry| entry["action"] == action);
    found.unwrap_or_else(|| panic!("{action}: {all:#?}")).clone()
}

fn kept(bucket: &S3Server) -> Vec<String> {
    let keys = bucket.keys().into_iter();
    keys.filter(|key| key.contains("/audit-trail/")).collect()
}

/// The id of the newest backup.
fn id(stage: &Stage) -> String {
    stage.records()[0]["id"].as_str().unwrap().to_owned()
}

fn hold(operator: &mut Reader<'_>, id: &str, reason: &str) -> String {
    let held = operator.act(&format!("what=hold&database=main&id={id}"), &[("reason", reason)]);
    operator.ended(&held).text()
}

#[test]
fn who_had_what_done_from_where_and_how_it_ended_is_sealed_in_the_bucket() {
    let stage = Stage::backed_up(SMALL);
    let agent = quiet(&stage);
    let served = serve(&agent);
    served.wait_for_tick();
    let mut operator = served.signed_in(PASSWORD);
    let id = id(&stage);
    let said = hold(&mut operator, &id, "before the migration");
    assert!(said.contains("Done"), "{said}");
    let failed = operator.act("what=test-notice", &[]);
    assert!(operator.ended(&failed).text().contains("It failed."));

    let entry = newest(&agent, "hold");
    for (field, value) in [
        ("outcome", "done"),
        ("who", "operator"),
        ("role", "operator"),
        ("from", "127.0.0.1"),
        ("database", "main"),
        ("backup", id.as_str()),
        ("detail", "before the migration"),
    ] {
        assert_eq!(entry[field], value, "{field}: {entry:#}");
    }
    assert!(entry["asked"].as_str().unwrap() <= entry["ended"].as_str().unwrap());
    let entry = newest(&agent, "test-notice");
    assert_eq!(entry["outcome"], "failed");
    assert!(entry["why"].as_str().unwrap().contains("nobody is set"), "{entry:#}");
    let entry = newest(&agent, "sign-in");
    assert_eq!(
        (&entry["outcome"], &entry["detail"]),
        (&"done".into(), &"by password".into())
    );

    // the page has the same, and only for whoever may act
    let page = operator.get("/audit");
    assert_eq!(page.status, 200);
    for said in [
        "Hold",
        "before the migration",
        "127.0.0.1",
        "Send a test notice",
        "nobody is set",
        "Sign in",
    ] {
        assert!(page.text().contains(said), "{said}: {}", page.text());
    }
    let mut viewer = served.signed_in(VIEWER_PASSWORD);
    assert_eq!(viewer.get("/audit").status, 403);
    assert!(!viewer.get("/").body.contains("/audit"));
    assert_eq!(served.reader().get("/audit").status, 303);
    // as has the command, for people
    let said = agent.run(["audit"]).success();
    assert!(said.text().contains("before the migration"), "{}", said.text());
    // and nobody without the key
    let other = stage.agent().key(OTHER_KEY);
    assert!(!other.run(["audit"]).text().contains("migration"));
    served.end().success();
}

#[test]
fn nothing_is_done_that_the_trail_can_not_be_told() {
    let stage = Stage::backed_up(SMALL);
    let agent = quiet(&stage);
    let served = serve(&agent);
    served.wait_for_tick();
    let mut operator = served.signed_in(PASSWORD);
    let id = id(&stage);
    stage.bucket.inject(
        Rule::on("PutObject").key("/audit-trail/").always(),
        Fault::access_denied(),
    );
    let marks = stage.keys("/marks/");
    let said = hold(&mut operator, &id, "unseen");
    assert!(
        said.contains("It failed.") && said.contains("nothing was done, as the audit trail"),
        "{said}"
    );
    let deleted = operator.act(&format!("what=delete&database=main&id={id}"), &[("typed", "main")]);
    assert!(operator.ended(&deleted).text().contains("nothing was done"));
    assert_eq!(stage.keys("/marks/"), marks);
    assert!(stage.records().iter().any(|record| record["id"] == id.as_str()));
    // but whoever wants to see what is wrong with the bucket gets in
    assert_eq!(served.reader().sign_in(PASSWORD).status, 303);
    served.end().success();
}

#[test]
fn where_only_the_end_can_not_be_told_it_is_done_and_said() {
    let stage = Stage::backed_up(SMALL);
    let agent = quiet(&stage);
    let served = serve(&agent);
    served.wait_for_tick();
    let mut operator = served.signed_in(PASSWORD);
    let id = id(&stage);
    crate::stage::wait_until("who has signed in is in the trail", || kept(&stage.bucket).len() == 1);
    let rule = Rule::on("PutObject").key("/audit-trail/").nth(2).always();
    stage.bucket.inject(rule, Fault::access_denied());
    let said = hold(&mut operator, &id, "half seen");
    assert!(
        said.contains("Done") && said.contains("could not be told how it ended"),
        "{said}"
    );
    let entry = newest(&agent, "hold");
    assert_eq!((&entry["outcome"], &entry["ended"]), (&"asked".into(), &Value::Null));
    assert!(operator.get("/audit").text().contains("goes on, or was killed"));
    served.end().success();
}

/// Whoever may write into the bucket can take entries away, which versions of the bucket show, but make none and change
/// none.
#[test]
fn an_entry_that_was_changed_moved_or_made_up_is_never_believed() {
    let stage = Stage::backed_up(SMALL);
    let agent = quiet(&stage);
    let served = serve(&agent);
    served.wait_for_tick();
    let mut operator = served.signed_in(PASSWORD);
    let id = id(&stage);
    hold(&mut operator, &id, "first");
    hold(&mut operator, &id, "second");
    served.end().success();
    let keys = kept(&stage.bucket);
    assert_eq!(keys.len(), 5, "{keys:#?}");
    let (one, other) = (&keys[1], &keys[2]);
    let good = stage.bucket.read(one).unwrap();
    let unreadable = |why: &str| {
        let read = agent.run(["audit", "--json"]).ended_with(5).json();
        let found = read["unreadable"].as_array().unwrap();
        assert_eq!(found.len(), 1, "{why}: {read:#}");
        assert!(one.contains(found[0]["name"].as_str().unwrap()), "{why}");
        let said = agent.run(["audit"]).ended_with(5);
        assert!(said.text().contains("NOT what was sealed"), "{why}");
    };
    for place in [5, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[place] ^= 1;
        stage.bucket.write(one, flipped);
        unreadable("flipped");
    }
    // another one in its place, a mark, and nothing at all
    let mark = stage.key("/marks/");
    for instead in [
        stage.bucket.read(other).unwrap(),
        stage.bucket.read(&mark).unwrap(),
        Vec::new(),
    ] {
        stage.bucket.write(one, instead);
        unreadable("another object");
    }
    stage.bucket.write(one, good.clone());
    let before = trail(&agent);
    // names that nobody with the key has made, of later moments and other months
    let name = one.rsplit('/').next().unwrap();
    let folder = one.strip_suffix(name).unwrap();
    for made_up in [
        format!("{folder}29991231T235959Z{}", &name[16..]),
        format!("backups/audit-trail/2999-12/{name}"),
        format!("{folder}{}", name.to_uppercase()),
        format!("{folder}x/{name}"),
        format!("{folder}latest.pgc"),
        format!("backups/audit-trail/{name}"),
        format!("backups/main/audit-trail/{name}"),
    ] {
        stage.bucket.write(&made_up, good.clone());
        assert_eq!(trail(&agent), before, "{made_up}");
    }
    // the page says it, too
    let mut flipped = good;
    *flipped.last_mut().unwrap() ^= 1;
    stage.bucket.write(one, flipped);
    let served = serve(&agent);
    let page = served.signed_in(PASSWORD).get("/audit");
    assert!(page.text().contains("can't be believed"), "{}", page.text());
    served.end().success();
}

/// Whoever may write into the bucket makes folders of two hundred years: nobody lists each of them.
#[test]
fn folders_of_months_that_nobody_has_written_cost_nothing_and_are_said() {
    let stage = Stage::backed_up(SMALL);
    let agent = quiet(&stage);
    let served = serve(&agent);
    served.wait_for_tick();
    hold(&mut served.signed_in(PASSWORD), &id(&stage), "seen");
    served.end().success();
    for (century, years) in [(1900, 0..20), (2100, 0..20)] {
        for year in years {
            for month in 1..=12 {
                let key = format!("backups/audit-trail/{}-{month:02}/x.pgc", century + year);
                stage.bucket.write(&key, vec![0; 10]);
            }
        }
    }
    let before = stage.bucket.count("ListObjectsV2");
    let said = agent.run(["audit", "--limit", "0"]).success();
    let lists = stage.bucket.count("ListObjectsV2") - before;
    assert!(lists < 40, "{lists}");
    assert!(
        said.text().contains("seen") && said.text().contains("Passed over: 480 folders"),
        "{}",
        said.text()
    );
    let before = stage.bucket.count("ListObjectsV2");
    agent.run(["prune", "--dry-run"]).success();
    let lists = stage.bucket.count("ListObjectsV2") - before;
    assert!(lists < 40, "{lists}");
    let served = serve(&agent);
    let page = served.signed_in(PASSWORD).get("/audit").text();
    assert!(
        page.contains("seen") && page.contains("480 folders of months"),
        "{page}"
    );
    served.end().success();
}

fn tries(served: &Served, count: usize) {
    let mut attacker = served.reader();
    for _ in 0..count {
        attacker.sign_in("wrong wrong wrong");
    }
}

#[test]
fn guessing_fills_no_bucket_and_every_try_is_counted() {
    let bucket = S3Server::start();
    let agent = with_dashboard(agent(&bucket));
    let served = serve(&agent);
    let before = kept(&bucket).len();
    // the others have to wait, and are no tries
    tries(&served, 10);
    served.end().success();
    let failed: Vec<Value> = trail(&agent)
        .into_iter()
        .filter(|entry| entry["outcome"] == "failed")
        .collect();
    let count: u64 = failed.iter().map(|entry| entry["count"].as_u64().unwrap()).sum();
    assert_eq!((count, failed.len()), (3, 2), "{failed:#?}");
    assert_eq!(kept(&bucket).len() - before, 2);
    assert_eq!(
        (&failed[0]["who"], &failed[0]["from"]),
        (&"unknown".into(), &"127.0.0.1".into())
    );
    // no password stands there
    assert!(!failed.iter().any(|entry| entry.to_string().contains("wrong wrong")));
}

#[test]
fn no_name_and_no_header_is_obeyed_where_it_is_shown() {
    let bucket = S3Server::start();
    let hostile = "\"><script>alert(11)</script>";
    let agent = with_dashboard(agent(&bucket))
        .env("PGCOFFER_DASHBOARD_PROXIES", "127.0.0.1")
        .env("PGCOFFER_DASHBOARD_USER_HEADER", "X-Forwarded-User")
        .env("PGCOFFER_DASHBOARD_OPERATORS", format!("ada,{hostile}"));
    let served = serve(&agent);
    let mut attacker = served.reader();
    attacker.lines = vec![
        format!("X-Forwarded-User: {hostile}"),
        "User-Agent: <script>alert(12)</script>".to_owned(),
        "X-Forwarded-For: <script>alert(13)</script>, 203.0.113.9".to_owned(),
    ];
    let acted = attacker.act("what=test-notice", &[]);
    attacker.ended(&acted);
    let reason = "</td><script>alert(14)</script>\u{202e}\u{1b}[2J";
    let id = "20261120T070000Z-aaaaaaaaaaaa";
    let acted = attacker.act(&format!("what=hold&database=main&id={id}"), &[("reason", reason)]);
    attacker.ended(&acted);
    let mut operator = served.reader();
    operator.lines = vec!["X-Forwarded-User: ada".to_owned()];
    let page = operator.get("/audit");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("&lt;script&gt;alert(11)"), "{}", page.body);
    assert!(page.body.contains("&lt;script&gt;alert(14)"), "{}", page.body);
    for obeyed in ["<script>alert", "\u{202e}", "\u{1b}", "alert(12)", "alert(13)"] {
        assert!(!page.body.contains(obeyed), "{obeyed}: {}", page.body);
    }
    served.end().success();
    let entry = newest(&agent, "hold");
    assert_eq!(
        (&entry["who"], &entry["from"]),
        (&hostile.into(), &"203.0.113.9".into())
    );
    assert_eq!(entry["detail"], reason);
    let said = agent.run(["audit"]).success();
    for obeyed in ["\u{202e}", "\u{1b}"] {
        assert!(!said.text().contains(obeyed), "{}", said.text());
    }
}

#[test]
fn a_viewer_who_tries_to_act_is_named() {
    let bucket = S3Server::start();
    let agent = with_dashboard(agent(&bucket));
    let served = serve(&agent);
    let mut viewer = served.signed_in(VIEWER_PASSWORD);
    let token = viewer.get("/").token();
    let form = |token: &str| {
        [("token", token), ("what", "delete"), ("database", "main")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    for token in ["", "x", &token] {
        let form = form(token);
        let form: Vec<(&str, &str)> = form
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(viewer.post("/act", &form).status, 403);
    }
    served.end().success();
    let refused: Vec<Value> = trail(&agent)
        .into_iter()
        .filter(|entry| entry["outcome"] == "refused")
        .collect();
    // a form of another page is not what he has tried
    assert_eq!(refused.len(), 1, "{refused:#?}");
    for (field, value) in [
        ("who", "viewer"),
        ("role", "viewer"),
        ("action", "delete"),
        ("database", "main"),
    ] {
        assert_eq!(refused[0][field], value);
    }
    assert_eq!(refused[0]["count"], 1);
}

#[test]
fn a_catalog_key_alone_writes_and_reads_it() {
    let stage = Stage::backed_up(SMALL);
    let agent = quiet(&stage);
    let key = stage.run(["keygen", "--catalog", "--json"]).success().json();
    let watcher = agent
        .clone()
        .without("PGCOFFER_KEY")
        .without("PGCOFFER_DB_MAIN_URL")
        .without("PGCOFFER_SCHEDULE")
        .env("PGCOFFER_CATALOG_KEY", key["catalog_key"].as_str().unwrap());
    let served = serve(&watcher);
    let mut operator = served.signed_in(PASSWORD);
    let said = hold(&mut operator, &id(&stage), "by a watcher");
    assert!(said.contains("Done"), "{said}");
    served.end().success();
    assert_eq!(newest(&agent, "hold")["detail"], "by a watcher");
    assert_eq!(newest(&watcher, "hold")["detail"], "by a watcher");
}
