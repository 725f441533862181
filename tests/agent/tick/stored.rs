//! A schedule that is stored in the bucket: it counts on every machine whose own settings have none.

use crate::{
    stage::{KEY, OTHER_KEY, Stage},
    testbed::Agent,
};

const NIGHTLY: &str = "daily at 02:30 keep 7d, monthly on 1 keep 12mo";

/// The names of the objects that hold settings.
fn stored(stage: &Stage) -> Vec<String> {
    stage.keys("/settings/")
}

fn shown(agent: &Agent) -> serde_json::Value {
    agent.run(["schedule", "show", "--json"]).success().json()["databases"][0].clone()
}

#[test]
fn a_machine_without_a_schedule_goes_by_the_one_in_the_bucket() {
    let stage = Stage::small();
    let agent = stage.agent();
    assert!(
        agent
            .run(["tick"])
            .ended_with(2)
            .stderr
            .contains("pgcoffer schedule set")
    );
    let set = ["schedule", "set", NIGHTLY, "--timezone", "Europe/Berlin", "--by", "ada"];
    let said = agent.run(set).success();
    assert!(
        said.text().contains(NIGHTLY) && said.text().contains("Europe/Berlin"),
        "{}",
        said.text()
    );
    // sealed: the bucket shows neither when nor who
    let sealed = stage.bucket.read(&stored(&stage)[0]).unwrap();
    for secret in ["daily", "Berlin", "ada"] {
        assert!(!String::from_utf8_lossy(&sealed).contains(secret), "{secret}");
    }
    let report = agent.run(["tick", "--json"]).success().json();
    assert_eq!(report["databases"][0]["backup"]["tiers"].as_array().unwrap().len(), 2);
    let seen = shown(&agent);
    assert_eq!(
        (&seen["origin"], &seen["timezone"]),
        (&"bucket".into(), &"Europe/Berlin".into())
    );
    assert!(seen["stored"]["by"].as_str().unwrap().starts_with("ada@"), "{seen:#}");
    assert_eq!(
        seen["next_due"]["tier"]
            .as_str()
            .map(|tier| ["daily", "monthly"].contains(&tier)),
        Some(true)
    );
    let status = agent.run(["status", "--json"]).success().json();
    assert!(status["databases"][0]["schedule"].is_string(), "{status:#}");
}

#[test]
fn what_a_machine_sets_itself_counts_before_what_is_stored() {
    let stage = Stage::small();
    stage.run(["schedule", "set", "off"]).success();
    assert!(stage.run(["tick"]).ended_with(2).stderr.contains("schedule is off"));
    let own = stage.agent().env("PGCOFFER_SCHEDULE", "daily keep 2d");
    assert_eq!(shown(&own)["origin"], "settings");
    own.run(["tick"]).success();
    let said = own.run(["schedule", "set", NIGHTLY]).success();
    assert!(said.text().contains("counts here in its place"), "{}", said.text());
    assert_eq!(shown(&own)["schedule"], "daily at 00:00 keep 2d");
    // another one that sets nothing has the stored one, until that is cleared
    assert_eq!(shown(&stage.agent())["origin"], "bucket");
    stage.run(["schedule", "clear"]).success();
    assert!(
        stage
            .run(["schedule", "clear"])
            .success()
            .text()
            .contains("nothing changed")
    );
    assert!(shown(&stage.agent())["origin"].is_null());
    // what was cleared is nowhere called stored
    assert!(shown(&stage.agent())["stored"].is_null());
    for agent in [&stage.agent(), &own] {
        let said = agent.run(["schedule", "show"]).success();
        assert!(!said.text().contains("stored in the bucket by"), "{}", said.text());
    }
}

/// Each change is a new object: an older one that somebody writes again, under another's name or as the newest, never
/// counts.
#[test]
fn no_older_schedule_can_be_brought_back_and_no_forged_one_counts() {
    let stage = Stage::small();
    let agent = stage.agent();
    agent.run(["schedule", "set", "yearly keep 1d"]).success();
    let old = stored(&stage)[0].clone();
    agent.run(["schedule", "set", NIGHTLY]).success();
    let new = stored(&stage).into_iter().find(|key| *key != old).unwrap();
    let good = stage.bucket.read(&new).unwrap();
    let schedule_is = |text: &str| assert!(shown(&agent)["schedule"].as_str().unwrap().starts_with(text));

    // under a name of a later moment
    let later = old.replacen("/settings/20", "/settings/21", 1);
    stage.bucket.write(&later, stage.bucket.read(&old).unwrap());
    schedule_is("daily at 02:30");
    stage.bucket.delete(&later);
    // in the place of the newest: it is not the one of that name, and an older one that opens counts until then, which
    // is said
    stage.bucket.write(&new, stage.bucket.read(&old).unwrap());
    let said = agent.run(["schedule", "show"]).success();
    assert!(said.stderr.contains("can't be read"), "{}", said.stderr);
    stage.bucket.write(&new, good.clone());
    // every byte counts
    for place in [5, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[place] ^= 1;
        stage.bucket.write(&new, flipped);
        let said = agent.run(["schedule", "show"]).success();
        assert!(said.stderr.contains("can't be read"), "{place}: {}", said.stderr);
    }
    // nothing that opens is left: said, and nothing is made by guess
    stage.bucket.delete(&old);
    let said = agent.run(["tick"]).ended_with(2);
    assert!(
        said.stderr.contains("that is stored in the bucket can't be read"),
        "{}",
        said.stderr
    );
    stage.bucket.write(&new, good);
    schedule_is("daily at 02:30");
    // another key knows nothing of it
    let other = stage.agent().key(OTHER_KEY);
    assert_ne!(KEY, OTHER_KEY);
    assert!(!other.run(["schedule", "show"]).text().contains("02:30"));
}

#[test]
fn what_is_no_schedule_is_refused_before_it_is_stored() {
    let stage = Stage::small();
    let long = "daily keep 7d, ".repeat(200);
    for (args, why) in [
        (vec!["dayly keep 7d"], "dayly"),
        (vec!["daily keep 7d", "--timezone", "Berlin"], "Europe/Berlin"),
        (vec!["--drill", "weekly keep 5w"], "keep"),
        (vec![long.as_str()], "characters"),
        (vec![], "SCHEDULE"),
    ] {
        let outcome = stage.run([vec!["schedule", "set"], args].concat()).ended_with(2);
        assert!(outcome.stderr.contains(why), "{why}: {}", outcome.stderr);
    }
    assert_eq!(stored(&stage), [""; 0]);
    let preview = stage.run(["schedule", "preview", NIGHTLY]).success();
    assert!(
        preview.text().contains("MONTHLY") && preview.text().contains("preview"),
        "{}",
        preview.text()
    );
    assert_eq!(stored(&stage), [""; 0]);
}

/// One for a name that was mistyped would count nowhere.
#[test]
fn none_is_stored_for_a_database_that_nobody_knows() {
    let stage = Stage::small();
    let set = ["schedule", "set", "daily keep 7d", "--database", "mian"];
    let refused = stage.run(set).ended_with(2);
    for words in ["no database \"mian\" is configured", "did you mean main?"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    assert_eq!(stored(&stage), [""; 0]);
    let nobody = stage.agent().without("PGCOFFER_DB_MAIN_URL");
    let main = ["schedule", "set", "daily keep 7d", "--database", "main"];
    nobody.run(main).ended_with(2);
    // what is backed up elsewhere is known by its backups
    stage.run(["backup"]).success();
    nobody.run(main).success();
}

/// Of two changes in one second the second one still counts as the later.
#[test]
fn the_last_change_counts_however_fast_it_came() {
    let stage = Stage::small();
    let agent = stage.agent();
    for hour in ["01", "02", "03", "04"] {
        agent
            .run(["schedule", "set", &format!("daily at {hour}:00 keep 7d")])
            .success();
        assert_eq!(shown(&agent)["schedule"], format!("daily at {hour}:00 keep 7d"));
    }
    // what is not named stays
    agent.run(["schedule", "set", "--drill", "weekly at 05:00"]).success();
    let seen = shown(&agent);
    assert_eq!(seen["schedule"], "daily at 04:00 keep 7d");
    assert_eq!(seen["drill"], "weekly on sunday at 05:00");
}
