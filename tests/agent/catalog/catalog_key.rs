//! The catalog key alone: what a monitor and a pruning job do with it, and what they can't.

use serde_json::Value;

use crate::{
    output::goldens::assert_said,
    prune::past::Past,
    prune::scene,
    serve::clock::serve,
    stage::{KEY, OTHER_KEY, SMALL, Stage},
    testbed::{Agent, Outcome, REPOSITORY, S3Server},
    tick::past::{Run, calm, hours},
};

/// The catalog key of a key, as `keygen` prints it.
pub(crate) fn catalog_key_of(key: &str) -> String {
    let printed = Agent::new()
        .env("PGCOFFER_KEY", key)
        .run(["keygen", "--catalog"])
        .success();
    printed.text().trim().to_owned()
}

/// A machine that knows the bucket and the catalog key, and no database.
pub(crate) fn monitor(bucket: &S3Server) -> Agent {
    Agent::new().s3(bucket).env("PGCOFFER_CATALOG_KEY", catalog_key_of(KEY))
}

/// Nobody has asked for an archive or for details since so many requests.
#[track_caller]
pub(crate) fn nothing_inside_was_asked_for(bucket: &S3Server, since: usize) {
    let calls = bucket.calls();
    let inside = calls[since..].iter().filter(|call| {
        let key = call.key.as_str();
        call.operation == "GetObject" && (key.contains("/archives/") || key.contains("/details/"))
    });
    let inside: Vec<_> = inside.map(|call| (&call.operation, &call.key)).collect();
    assert!(inside.is_empty(), "{inside:#?}");
}

fn good_ids(listed: &Value) -> Vec<&str> {
    let backups = listed["backups"].as_array().unwrap().iter();
    backups.map(|backup| backup["id"].as_str().unwrap()).collect()
}

#[test]
fn keygen_prints_the_catalog_key_of_the_key_that_is_set() {
    let text = catalog_key_of(KEY);
    assert!(text.starts_with("PGCOFFER-CATALOG-1") && text.len() == 76, "{text}");
    let with = |vars: &[(&str, &str)]| {
        let vars = vars.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Agent::new().envs(vars)
    };
    let json = with(&[("PGCOFFER_KEY", KEY)]).run(["keygen", "--catalog", "--json"]);
    let json = json.success().json();
    assert_eq!(json["catalog_key"], text.as_str());
    // the one of the worked example in docs/format.md
    assert_eq!(json["catalog_key_id"], "c17acf61cb24ae25");
    assert_eq!(json.as_object().unwrap().len(), 2);
    // whoever has it may have it printed again
    let again = with(&[("PGCOFFER_CATALOG_KEY", &text)]).run(["keygen", "--catalog"]);
    assert_eq!(again.success().text().trim(), text);
    // a database's own
    let both = with(&[("PGCOFFER_KEY", OTHER_KEY), ("PGCOFFER_DB_SHOP_KEY", KEY)]);
    let own = both.run(["keygen", "--catalog", "--database", "SHOP"]).success();
    assert_eq!(own.text().trim(), text);
    let common = both.run(["keygen", "--catalog"]).success();
    assert_eq!(common.text().trim(), catalog_key_of(OTHER_KEY));
    for (agent, args, words) in [
        (both, &["--database", "main"][..], "main has no key of its own"),
        (with(&[("PGCOFFER_DB_SHOP_KEY", KEY)]), &[], "--database NAME"),
        (with(&[]), &[], "no key is configured"),
        (
            with(&[(
                "PGCOFFER_PASSPHRASE",
                "unwound-cosigner-plank-dizzy-refurbish-atop-halogen",
            )]),
            &[],
            "a passphrase has no catalog key: it is stretched to another key for each database",
        ),
    ] {
        let outcome = agent.run([&["keygen", "--catalog"], args].concat()).ended_with(2);
        assert_said(&outcome, &[words, "hint: "]);
        assert_eq!(outcome.text(), "");
    }
}

#[test]
fn a_monitor_lists_watches_holds_and_prunes_with_it_alone() {
    let stage = Stage::backed_up(SMALL);
    let second = stage.back_up();
    let (id, monitor) = (second["id"].as_str().unwrap(), monitor(&stage.bucket));
    let since = stage.bucket.calls().len();
    let listed = monitor.run(["list", "--json"]).success();
    let of_key = stage.run(["list", "--json"]).success().json();
    assert_eq!(good_ids(&listed.json()), good_ids(&of_key));
    assert_eq!(good_ids(&of_key).len(), 2);
    let since_list = stage.bucket.calls().len();
    let repository = monitor.run(["repository"]).success();
    assert_eq!(repository.text().trim(), REPOSITORY);
    let status = monitor.run(["status", "--json"]).success().json();
    assert_eq!(status["databases"][0]["newest_good"]["id"], id);
    monitor.run(["hold", id, "--reason", "audit"]).success();
    monitor.run(["release", id]).success();
    monitor.run(["prune", "--dry-run"]).success();
    monitor.run(["prune"]).success();
    monitor.run(["lifecycle", "show"]).success();
    let shown = monitor.run(["show", "latest"]).success();
    assert_said(&shown, &["is not shown", "which a catalog key doesn't open"]);
    assert!(
        shown.text().contains(id) && !shown.text().contains("people"),
        "{}",
        shown.text()
    );
    let shown = monitor.run(["show", "latest", "--json"]).success().json();
    assert_eq!(shown["id"], id);
    assert!(shown["tables"].is_null(), "{shown:#}");
    assert!(since < since_list);
    nothing_inside_was_asked_for(&stage.bucket, since_list);
    // and none of it was warned of
    for command in [&["list"][..], &["status"], &["prune"]] {
        let said = monitor.run(command).success().stderr;
        assert!(!said.contains("warning"), "{said}");
    }
    stage.run(["verify"]).success();
}

#[test]
fn what_takes_the_key_itself_ends_before_anything_is_done() {
    let stage = Stage::backed_up(SMALL);
    let file = stage.file("latest.pgc");
    stage
        .run(["get", "latest", "--sealed", "-o", file.to_str().unwrap()])
        .success();
    let target = stage.target();
    let monitor = monitor(&stage.bucket)
        .database(stage.cluster, &stage.database)
        .current_dir(stage.file(""));
    let restore = ["restore", "latest", "--to", &target.url, "--confirm", &target.name];
    let before = (stage.bucket.calls().len(), stage.bucket.keys());
    for command in [
        &["backup"][..],
        &["verify"],
        &["get", "latest"],
        &["get", "latest", "--sealed"],
        &["open", file.to_str().unwrap()],
        &restore,
    ] {
        let outcome = monitor.run(command).ended_with(2);
        assert_said(&outcome, &["catalog key", "hint: ", "PGCOFFER_KEY"]);
        assert_eq!(outcome.text(), "", "{command:?}");
        assert_eq!(outcome.stderr.lines().count(), 2, "{}", outcome.stderr);
    }
    assert_eq!((stage.bucket.calls().len(), stage.bucket.keys()), before);
    // where a key for others is set beside it, the backup itself tells
    let beside = stage.agent().env("PGCOFFER_DB_MAIN_CATALOG_KEY", catalog_key_of(KEY));
    let since = stage.bucket.calls().len();
    for command in [&["verify"][..], &["get", "latest"], &restore, &["backup"]] {
        let outcome = beside.run(command).ended_with(2);
        assert_said(&outcome, &["catalog key", "hint: "]);
    }
    nothing_inside_was_asked_for(&stage.bucket, since);
}

#[test]
fn what_each_decides_the_other_sees() {
    let stage = Stage::backed_up(SMALL);
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    let monitor = monitor(&stage.bucket);
    let hold = |agent: &Agent| -> Value {
        let shown = agent.run(["show", &id, "--json"]).success().json();
        shown["hold"]["reason"].clone()
    };
    monitor.run(["hold", &id, "--reason", "seen by the monitor"]).success();
    assert_eq!(hold(&stage.agent()), "seen by the monitor");
    let mark = stage.bucket.read(&stage.key("/marks/")).unwrap();
    let header = String::from_utf8_lossy(&mark).into_owned();
    assert!(
        header.contains("\nslot catalog ") && !header.contains("\nslot key "),
        "{header}"
    );
    stage.run(["release", &id]).success();
    assert!(hold(&monitor).is_null());
    stage.run(["hold", &id, "--reason", "by the key"]).success();
    assert_eq!(hold(&monitor), "by the key");
    let header = stage.bucket.read(&stage.key("/marks/")).unwrap();
    let header = String::from_utf8_lossy(&header).into_owned();
    assert!(
        header.contains("\nslot catalog ") && header.contains("\nslot key "),
        "{header}"
    );
    monitor.run(["release", &id]).success();
    assert!(hold(&stage.agent()).is_null());
}

#[test]
fn after_a_rotation_the_earlier_catalog_key_opens_what_is_earlier() {
    let stage = Stage::small();
    let earlier = stage.back_up()["id"].as_str().unwrap().to_owned();
    let tomorrow = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let yesterday = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let rotated = stage
        .agent()
        .key(OTHER_KEY)
        .env("PGCOFFER_OLD_KEYS", format!("{KEY}@{tomorrow}"));
    let later = rotated.run(["backup", "--json"]).success().json();
    let later = later["id"].as_str().unwrap();
    let new = monitor(&stage.bucket)
        .without("PGCOFFER_CATALOG_KEY")
        .env("PGCOFFER_CATALOG_KEY", catalog_key_of(OTHER_KEY));
    let listed = |agent: &Agent| good_ids(&agent.run(["list", "--json"]).success().json()).len();
    assert_eq!(listed(&new), 1);
    let with_old = |day| {
        new.clone()
            .env("PGCOFFER_OLD_KEYS", format!("{}@{day}", catalog_key_of(KEY)))
    };
    assert_eq!(listed(&with_old(tomorrow)), 2);
    // what it made after its day is not believed
    assert_eq!(listed(&with_old(yesterday)), 1);
    // an earlier key beside a catalog key opens what is its own, and nothing else
    let of_key = new.clone().env("PGCOFFER_OLD_KEYS", format!("{KEY}@{tomorrow}"));
    assert_eq!(listed(&of_key), 2);
    of_key.run(["verify", &earlier]).success();
    assert_said(&of_key.run(["verify", later]).ended_with(2), &["catalog key"]);
    let shown = of_key.run(["show", &earlier, "--json"]).success().json();
    assert_eq!(shown["tables"].as_array().unwrap().len(), 2);
    // a catalog key that is the wrong one is told from the right one
    let outcome = new.run(["show", &earlier]);
    let wrong = outcome.ended_with(5);
    assert_said(&wrong, &["wrong key", "tried: catalog key ", "PGCOFFER_CATALOG_KEY"]);
}

#[test]
fn a_tick_with_it_backs_up_nothing_says_so_and_does_the_rest() {
    let stage = Stage::backed_up(SMALL);
    let schedule = calm("daily at HH:MM keep 7d");
    let watching = monitor(&stage.bucket)
        .database(stage.cluster, &stage.database)
        .env("PGCOFFER_SCHEDULE", &schedule);
    let since = stage.bucket.calls().len();
    let report = watching.run(["tick", "--json"]).json();
    let main = &report["databases"][0];
    assert_eq!(
        main["backup"],
        serde_json::json!({"outcome": "needs_master_key", "due": ["daily"]})
    );
    assert_eq!(main["prune"]["outcome"], "done");
    assert!(main["health"]["newest_good"]["id"].is_string());
    let said = watching.run(["tick"]);
    assert!(
        said.text().contains("another machine has to make it"),
        "{}",
        said.text()
    );
    nothing_inside_was_asked_for(&stage.bucket, since);
    assert_eq!(stage.records().len(), 1);
    // who may only write can neither look nor back up with it
    let drop_box = watching
        .clone()
        .env("PGCOFFER_MODE", "drop-box")
        .env("PGCOFFER_REPOSITORY", REPOSITORY);
    let before = stage.bucket.keys();
    assert_said(&drop_box.run(["tick"]).ended_with(2), &["seals no backup"]);
    assert_eq!(stage.bucket.keys(), before);
    // once that machine has made it, nothing is due
    stage
        .agent()
        .env("PGCOFFER_SCHEDULE", &schedule)
        .run(["tick"])
        .success();
    let report = watching.run(["tick", "--json"]).success().json();
    assert_eq!(report["databases"][0]["backup"]["outcome"], "not_due");
}

#[test]
fn serve_is_a_monitor_where_no_database_is_set() {
    let stage = Stage::backed_up(SMALL);
    let since = stage.bucket.calls().len();
    let serving = serve(&monitor(&stage.bucket));
    serving.wait_for_ticks(1);
    assert_eq!(serving.get("/healthz").status, 200);
    assert_eq!(serving.metric("pgcoffer_good_backups{database=\"main\"}"), Some(1.0));
    let outcome = serving.end().success();
    assert_said(&outcome, &["watching main, and backing up nothing"]);
    nothing_inside_was_asked_for(&stage.bucket, since);
    assert_eq!(stage.records().len(), 1);
    // of an empty place there is nothing to watch
    let empty = S3Server::start();
    let outcome = monitor(&empty).run(["serve", "--listen", "127.0.0.1:0"]);
    assert_ne!(outcome.code(), 0);
}

#[test]
fn late_backups_are_told_with_it_and_that_is_noted() {
    let scene = crate::notify::events::Scene::small();
    scene.stage.put(Run::ago(hours(24 * 4)).serving("daily", "30d"));
    let watching = scene
        .down()
        .without("PGCOFFER_KEY")
        .env("PGCOFFER_CATALOG_KEY", catalog_key_of(KEY));
    let outcome = watching.run(["status", "--notify"]).ended_with(8);
    assert_said(&outcome, &["told that its backup is late"]);
    assert_eq!(scene.types(), ["backup.missed"]);
    // by whichever key: it was told
    watching.run(["status", "--notify"]).ended_with(8);
    scene.down().run(["status", "--notify"]).ended_with(8);
    assert_eq!(scene.types(), [""; 0]);
}

#[test]
fn what_looks_suspicious_stays_so_until_somebody_accepts_it() {
    let stage = Stage::small();
    for day in [5, 4] {
        Run::ago(hours(24 * day)).put(&stage.bucket);
    }
    let fallen = Run::ago(hours(24 * 3)).rows(1).suspicious();
    let fallen = fallen.put(&stage.bucket);
    for day in [2, 1] {
        Run::ago(hours(24 * day)).rows(1).put(&stage.bucket);
    }
    let monitor = monitor(&stage.bucket);
    let since = stage.bucket.calls().len();
    let suspicious = || {
        let status = monitor.run(["status", "--json"]).json();
        status["databases"][0]["suspicious"].clone()
    };
    let found = suspicious();
    let ids: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&fallen.as_str()), "{found:#}");
    assert!(!found.to_string().contains("people"), "{found:#}");
    monitor.run(["accept", &fallen]).success();
    let found = suspicious();
    assert!(!found.to_string().contains(&fallen), "{found:#}");
    nothing_inside_was_asked_for(&stage.bucket, since);
}

#[test]
fn a_pruning_job_deletes_what_has_run_out_and_keeps_what_only_its_key_proves() {
    let (scene, old) = scene::Scene::with_one_expired();
    let job = scene
        .agent()
        .without("PGCOFFER_KEY")
        .env("PGCOFFER_CATALOG_KEY", catalog_key_of(KEY));
    // what a run that died left: nothing but its archive
    let lost = scene.put(Past::good(60, "1h"));
    scene.bucket.delete(&lost.record);
    let since = scene.bucket.calls().len();
    let report = job.run(["prune", "--json"]).success();
    nothing_inside_was_asked_for(&scene.bucket, since);
    let left = scene.bucket.keys();
    assert!(!left.contains(&old.archive) && !left.contains(&old.record) && !left.contains(&old.details));
    assert!(left.contains(&lost.archive), "{left:#?}");
    assert!(report.text().contains("only its key itself"), "{}", report.text());
}

#[test]
fn check_says_which_kind_of_key_is_at_hand() {
    let stage = Stage::backed_up(SMALL);
    let said = |outcome: Outcome| outcome.text().to_owned();
    let alone = said(monitor(&stage.bucket).run(["check"]));
    let id = "c17acf61cb24ae25";
    assert!(
        alone.contains(&format!("catalog key {id}: backups are listed, watched")),
        "{alone}"
    );
    assert!(alone.contains("none is configured, and with a catalog key"), "{alone}");
    let with_database = monitor(&stage.bucket).database(stage.cluster, &stage.database);
    let with_database = said(with_database.run(["check"]));
    assert!(
        with_database.contains("entry opens with this catalog key"),
        "{with_database}"
    );
    assert!(!with_database.contains("without a copy elsewhere"), "{with_database}");
    let of_key = said(stage.run(["check"]));
    assert!(
        of_key.contains("opens with this key") && !of_key.contains("catalog key"),
        "{of_key}"
    );
}
