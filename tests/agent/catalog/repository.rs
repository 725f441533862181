//! Which place this is: what was sealed for one is a stranger in another, and losing the object that says so loses
//! nothing.

use std::time::Duration;

use crate::{
    stage::{OTHER_KEY, SMALL, Stage},
    testbed::{Agent, Hearer, REPOSITORY, healthchecks::Healthchecks},
    tick::past::calm,
};

/// An agent that is not told which repository this is, with another prefix of the same bucket.
fn at(stage: &Stage, prefix: &str) -> Agent {
    stage
        .agent()
        .without("PGCOFFER_REPOSITORY")
        .env("PGCOFFER_BUCKET", format!("s3://{}/{prefix}", stage.bucket.bucket()))
}

fn copy(stage: &Stage, from: &str, to: &str) {
    for object in stage.bucket.objects() {
        if let Some(below) = object.key.strip_prefix(&format!("{from}/")) {
            let bytes = stage.bucket.read(&object.key).unwrap();
            stage.bucket.write(&format!("{to}/{below}"), bytes);
        }
    }
}

fn id(agent: &Agent) -> String {
    let record = agent.run(["backup", "--json"]).success().json();
    record["id"].as_str().unwrap().to_owned()
}

#[test]
fn what_is_copied_from_staging_to_prod_is_a_stranger_there() {
    let stage = Stage::small();
    let (staging, prod) = (at(&stage, "staging"), at(&stage, "prod"));
    let real = id(&prod);
    let other = id(&staging);
    for part in ["archives", "records", "marks"] {
        copy(&stage, &format!("staging/main/{part}"), &format!("prod/main/{part}"));
    }
    // by itself nobody can tell which of the two is at home there
    prod.run(["list"]).ended_with(2);
    let here = stage.bucket.read("prod/repository.pgc").unwrap();
    let header = String::from_utf8_lossy(&here).into_owned();
    let here = header.split("repository ").nth(1).unwrap()[..32].to_owned();
    let prod = prod.env("PGCOFFER_REPOSITORY", here);
    let listed = prod.run(["list", "--json"]).success().json();
    assert_eq!(listed["backups"].as_array().unwrap().len(), 1);
    assert_eq!(listed["others"]["main"], serde_json::Value::Null);
    assert_eq!(listed["other_repositories"]["main"][0]["records"], 1);
    let latest = prod.run(["show", "latest", "--json"]).success().json();
    assert_eq!(latest["id"], real.as_str());
    let outcome = prod.run(["verify", &other]).ended_with(5);
    assert!(
        outcome.stderr.contains("the object was copied from another place"),
        "{}",
        outcome.stderr
    );
    // nor does it count for prod's retention, or its schedule
    let status = prod.run(["status", "--json"]).ended_with(8);
    assert_eq!(status.json()["databases"][0]["good"], 1);
    // under a name of prod's own it is refused by its header
    let from = format!("prod/main/records/{other}.pgc");
    let to = format!("prod/main/records/{real}.pgc");
    stage.bucket.write(&to, stage.bucket.read(&from).unwrap());
    let outcome = prod.run(["verify", &real]).ended_with(5);
    assert!(outcome.stderr.contains("sealed for repository"), "{}", outcome.stderr);
}

/// What every command but the clock's own does where another place's objects may have taken this one's.
#[track_caller]
fn nobody_guesses(agent: &Agent, [one, other]: [&str; 2], id: &str) {
    for command in [
        &["list"][..],
        &["list", "--json"],
        &["show", "latest"],
        &["show", id],
        &["verify"],
        &["get", "latest", "-o", "x.dump"],
        &["hold", id, "--reason", "x"],
        &["prune"],
        &["prune", "--dry-run"],
        &["repository"],
        &["backup"],
    ] {
        let outcome = agent.run(command.iter().copied()).ended_with(2);
        for word in [one, other, "set PGCOFFER_REPOSITORY"] {
            assert!(outcome.stderr.contains(word), "{command:?}: {}", outcome.stderr);
        }
        assert!(!outcome.stderr.contains("OLD_KEYS"), "{}", outcome.stderr);
    }
    let status = agent.run(["status"]).ended_with(8);
    assert!(status.text().contains("of another repository"), "{}", status.text());
    assert!(!status.text().contains("OLD_KEYS"), "{}", status.text());
    let check = agent.run(["check"]);
    assert_ne!(check.code(), 0);
    assert!(!check.text().contains("not set here:"), "{}", check.text());
}

/// Somebody who may write to this place, and may read another one under the same key.
#[test]
fn another_places_repository_object_turns_nothing_green() {
    let stage = Stage::small();
    let (staging, prod) = (at(&stage, "staging"), at(&stage, "prod"));
    let (old, foreign) = (id(&prod), id(&staging));
    let here = prod.run(["repository"]).success().text().trim().to_owned();
    let there = staging.run(["repository"]).success().text().trim().to_owned();
    let whole = stage.bucket.read("prod/repository.pgc").unwrap();
    let other = stage.bucket.read("staging/repository.pgc").unwrap();
    let (checks, hearer) = (Healthchecks::start(), Hearer::start());
    let clock = prod
        .clone()
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .env("PGCOFFER_PING_URL", checks.url())
        .env("PGCOFFER_WEBHOOK_URL", hearer.url("/"))
        .env("PGCOFFER_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    stage.bucket.write("prod/repository.pgc", other);
    nobody_guesses(&prod, [&here, &there], &old);
    // the clock goes on, says that something is wrong, and is no less red when it has made a backup there
    for _ in 0..2 {
        let ticked = clock.run(["tick"]);
        assert_ne!(ticked.code(), 0, "{}", ticked.stderr);
        assert!(ticked.text().contains(&here), "{}{}", ticked.text(), ticked.stderr);
        assert_eq!(checks.kinds().last(), Some(&"fail"));
        nobody_guesses(&prod, [&here, &there], &old);
    }
    let told: Vec<String> = hearer.heard().iter().map(|one| one.text()).collect();
    assert!(told.iter().any(|text| text.contains("another repository")), "{told:?}");
    // with other records of that place, too, as if it had always been so
    copy(&stage, "staging/main", "prod/main");
    nobody_guesses(&prod, [&here, &there], &old);
    // who says which one is meant has his backups, and hears of the others
    let pinned = prod.clone().env("PGCOFFER_REPOSITORY", &here);
    pinned.run(["verify", &old]).success();
    let refused = pinned.run(["backup"]).ended_with(2);
    assert!(refused.stderr.contains(&there), "{}", refused.stderr);
    // its own object is back: those of the other place are strangers that everybody hears of
    stage.bucket.write("prod/repository.pgc", whole);
    nobody_guesses(&prod, [&here, &there], &old);
    let listed = pinned.run(["list"]).success();
    assert!(listed.stderr.contains("of another repository"), "{}", listed.stderr);
    pinned.run(["backup"]).success();
    let status = pinned.run(["status"]).ended_with(8);
    assert!(status.text().contains(&there), "{}", status.text());
    pinned.run(["verify", &foreign]).ended_with(5);
    pinned.run(["prune"]).success();
}

/// Records that are copied here while nothing else is: nobody may take this place for that one, nor have its own
/// hidden.
#[test]
fn a_strangers_junk_hides_no_other_repository() {
    let stage = Stage::small();
    let (staging, prod) = (at(&stage, "staging"), at(&stage, "prod"));
    let old = id(&prod);
    id(&staging);
    let other = stage.bucket.read("staging/repository.pgc").unwrap();
    stage.bucket.write("prod/repository.pgc", other);
    for n in 0..400 {
        let id = format!("20991120T{:02}{:02}00Z-abcdefghij23", n / 60, n % 60);
        stage.bucket.write(&format!("prod/main/records/{id}.pgc"), "junk");
    }
    stage
        .bucket
        .age(&format!("prod/main/records/{old}.pgc"), Duration::from_secs(3600));
    prod.run(["list"]).ended_with(2);
    let status = prod.run(["status"]).ended_with(8);
    assert!(status.text().contains("of another repository"), "{}", status.text());
}

#[test]
fn a_first_run_in_an_empty_place_needs_no_pin_and_takes_any() {
    let stage = Stage::small();
    at(&stage, "plain").run(["backup"]).success();
    // what platforms make by chance: 64 hexadecimal digits, or the base64 of 32 bytes
    for (prefix, generated) in [
        ("heroku", "5f".repeat(32)),
        ("render", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=".to_owned()),
    ] {
        let agent = at(&stage, prefix).env("PGCOFFER_REPOSITORY", &generated);
        let made = id(&agent);
        let shown = agent.run(["repository"]).success();
        let short = shown.text().trim();
        assert_eq!(short.len(), 32, "{short}");
        at(&stage, prefix)
            .env("PGCOFFER_REPOSITORY", short)
            .run(["verify", &made])
            .success();
        at(&stage, prefix).run(["verify", &made]).success();
    }
    for wrong in ["5f".repeat(15), "x".repeat(20)] {
        at(&stage, "wrong")
            .env("PGCOFFER_REPOSITORY", wrong)
            .run(["backup"])
            .ended_with(2);
    }
}

#[test]
fn a_whole_repository_may_be_copied_elsewhere() {
    let stage = Stage::small();
    let (here, there) = (at(&stage, "here"), at(&stage, "there"));
    let made = id(&here);
    copy(&stage, "here", "there");
    there.run(["verify", &made]).success();
    // and goes on there
    let next = id(&there);
    there.run(["verify", &next]).success();
    here.run(["verify", &next]).ended_with(7);
}

#[test]
fn losing_the_object_that_names_it_loses_no_backup() {
    let stage = Stage::small();
    let agent = at(&stage, "backups");
    let first = id(&agent);
    let key = "backups/repository.pgc";
    let before = stage.bucket.read(key).unwrap();
    for spoiled in [None, Some(&b"noise"[..]), Some(&before[..100]), Some(b"")] {
        match spoiled {
            None => drop(stage.bucket.delete(key)),
            Some(bytes) => stage.bucket.write(key, bytes.to_vec()),
        }
        agent.run(["verify", &first]).success();
        let listed = agent.run(["list"]).success();
        assert!(listed.stderr.contains("repository.pgc"), "{}", listed.stderr);
        // who writes puts it back, with the very id
        let next = id(&agent);
        agent.run(["verify", &first]).success();
        agent.run(["verify", &next]).success();
        let listed = agent.run(["list"]).success();
        assert!(!listed.stderr.contains("repository.pgc"), "{}", listed.stderr);
    }
}

#[test]
fn without_it_objects_of_two_places_are_not_guessed_at() {
    let stage = Stage::small();
    let (staging, prod) = (at(&stage, "staging"), at(&stage, "prod"));
    let (other, real) = (id(&staging), id(&prod));
    copy(&stage, "staging/main", "prod/main");
    stage.bucket.delete("prod/repository.pgc");
    for command in [&["list"][..], &["verify", "latest"], &["backup"]] {
        let outcome = prod.run(command.iter().copied()).ended_with(2);
        assert!(outcome.stderr.contains("set PGCOFFER_REPOSITORY"), "{}", outcome.stderr);
    }
    let shown = staging.run(["show", &other, "--json"]).success().json();
    let of_staging = shown["repository"].as_str().unwrap();
    let pinned = prod.env("PGCOFFER_REPOSITORY", of_staging);
    pinned.run(["verify", &other]).success();
    pinned.run(["verify", &real]).ended_with(5);
}

#[test]
fn a_pin_that_is_another_places_stops_the_backup() {
    let stage = Stage::small();
    let agent = at(&stage, "backups");
    id(&agent);
    let outcome = agent
        .env("PGCOFFER_REPOSITORY", REPOSITORY)
        .run(["backup"])
        .ended_with(2);
    assert!(outcome.stderr.contains(REPOSITORY), "{}", outcome.stderr);
}

#[test]
fn two_first_backups_at_once_begin_one_repository() {
    let stage = Stage::small();
    let agent = at(&stage, "backups");
    let both: Vec<_> = (0..2)
        .map(|n| {
            let url = stage.cluster.url(&stage.database);
            let label = format!("PGCOFFER_DB_N{n}_URL");
            let agent = agent.clone().without("PGCOFFER_DB_MAIN_URL").env(label, url);
            agent.spawn(["backup", "--json"])
        })
        .collect();
    let repositories: Vec<String> = both
        .into_iter()
        .map(|run| {
            let record = run.wait().success().json();
            record["repository"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(repositories[0], repositories[1]);
}

#[test]
fn an_old_key_makes_no_backup_after_the_day_it_was_retired() {
    let stage = Stage::small();
    let old = id(&stage.agent().key(OTHER_KEY));
    // two of one key are never of one second
    id(&stage.agent());
    let new = id(&stage.agent());
    let thief = id(&stage.agent().key(OTHER_KEY));
    let retired = old.clone();
    // the moment at which it was retired lies between the two
    let moment = format!(
        "{}-{}-{}T{}:{}:{}.5Z",
        &retired[..4],
        &retired[4..6],
        &retired[6..8],
        &retired[9..11],
        &retired[11..13],
        &retired[13..15]
    );
    let agent = stage.agent().env("PGCOFFER_OLD_KEYS", format!("{OTHER_KEY}@{moment}"));
    agent.run(["verify", &old]).success();
    let latest = agent.run(["show", "latest", "--json"]).success().json();
    assert_eq!(latest["id"], new.as_str(), "the thief's {thief} passes for the newest");
    agent.run(["verify", &thief]).ended_with(5);
    let status = agent.run(["status"]).ended_with(8);
    assert!(status.text().contains("retired"), "{}", status.text());
}

#[test]
fn a_database_with_a_key_of_its_own_is_believed_under_that_alone() {
    let stage = Stage::small();
    let own = stage.agent().env("PGCOFFER_DB_MAIN_KEY", OTHER_KEY);
    let real = id(&own);
    // another database's key, or the common one, makes a backup of this database
    let forged = id(&stage.agent());
    let latest = own.run(["show", "latest", "--json"]).success().json();
    assert_eq!(latest["id"], real.as_str(), "{forged} passes for the newest");
    own.run(["verify", &forged]).ended_with(5);
    let shown = own.run(["show", &real]).success();
    assert!(shown.text().contains("sealed for"), "{}", shown.text());
    let json = own.run(["list", "--json"]).success().json();
    let key = json["backups"][0]["sealed_for"].as_str().unwrap();
    assert!(key.starts_with("key "), "{key}");
}

#[test]
fn a_thousand_junk_objects_cost_a_listing() {
    let stage = Stage::backed_up(SMALL);
    // what a thief with a write-only key can make: names of the right form, slots at the ceiling
    let slots: String = (0..3)
        .map(|n| {
            let (salt, wrapped) = ("AAAAAAAAAAAAAAAAAAAAAA==", "A".repeat(54));
            format!("slot passphrase argon2id m=65536 t={} p=4 {salt} {wrapped}==\n", n + 1)
        })
        .collect();
    let mac = "A".repeat(43);
    for n in 0..1000 {
        let id = format!("20261120T{:02}{:02}{:02}Z-abcdefghij23", n / 3600, n / 60 % 60, n % 60);
        let junk = format!(
            "pgcoffer/1\nrepository {REPOSITORY}\nbackup {id}\ncontent record\ncompression none\nframe \
             4096\n{slots}mac {mac}=\n"
        );
        stage.bucket.write(&format!("backups/main/records/{id}.pgc"), junk);
    }
    let passphrase = stage.agent().without("PGCOFFER_KEY").env(
        "PGCOFFER_PASSPHRASE",
        "any words that open nothing of it at all, and no thing more",
    );
    for agent in [stage.agent(), passphrase] {
        let before = stage.bucket.calls().len();
        agent.run(["list"]);
        let reads = stage.bucket.calls()[before..]
            .iter()
            .filter(|call| call.operation == "GetObject")
            .count();
        assert!(reads <= 6, "{reads} objects were read");
    }
    // the key is as sure of its own as before
    stage.run(["verify"]).success();
}
