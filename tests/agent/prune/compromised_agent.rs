//! An agent that was broken into has the key and may add new objects. Whatever it writes, the owner's own `prune`
//! deletes no good backup for it.

use jiff::SignedDuration;
use pgcoffer::{
    backup::{BackupId, Label, Record, Retention, Served, Tier},
    seal::{Content, PayloadCompression},
};

use crate::{
    prune::past::{Made, Past, secret},
    prune::scene::Scene,
    stage::{KEY, OTHER_KEY},
    testbed::{identity, sealed},
};

/// A good backup of each of the last `days` days, of which so many are kept.
fn daily(scene: &Scene, days: i64, retain: &'static str) -> Vec<Made> {
    (1..=days).map(|day| scene.put(Past::good(24 * day, retain))).collect()
}

/// Writes a record that claims what `claim` makes of a good one, with an archive that holds `payload`, now.
fn forge(scene: &Scene, hours_ago: i64, payload: &[u8], claim: impl FnOnce(&mut Record)) -> String {
    let template = Past::good(hours_ago, "30").bytes();
    let (secret, label) = (secret(KEY), Label::parse("main").unwrap());
    let opened = pgcoffer::seal::open_bytes(&template.record, std::slice::from_ref(&secret));
    let mut record = Record::from_json(&opened.unwrap().1).unwrap();
    record.started += SignedDuration::from_secs(7);
    claim(&mut record);
    let id = BackupId::new(&identity(&secret, "main"), &label, record.started);
    let path = format!("main/archives/{}/{id}.pgc", record.tier);
    let archive = match payload {
        // not even sealed
        b"junk" | b"" => payload.to_vec(),
        payload => sealed(
            id.as_str(),
            Content::Archive,
            PayloadCompression::Zstd,
            "main",
            &secret,
            payload,
        ),
    };
    record.id = id.clone();
    let of_archive = &mut record.sealed.as_mut().unwrap().objects[0];
    (of_archive.key, of_archive.bytes) = (path.clone(), archive.len() as u64);
    (of_archive.etag, of_archive.tagged) = (None, false);
    scene.bucket.write(&format!("backups/{path}"), archive);
    let record = sealed(
        id.as_str(),
        Content::Record,
        PayloadCompression::None,
        "main",
        &secret,
        &record.to_json(),
    );
    let key = format!("backups/main/records/{id}.pgc");
    scene.bucket.write(&key, record);
    id.to_string()
}

/// Every good one that stood before stands still.
#[track_caller]
fn all_stand(scene: &Scene, good: &[Made]) {
    for made in good {
        for key in made.keys() {
            assert!(scene.bucket.read(key).is_some(), "{key} was deleted");
        }
    }
}

#[test]
fn three_records_that_serve_thirty_periods_each_push_nothing_out() {
    let scene = Scene::new();
    let good = daily(&scene, 30, "30");
    for at in 0..3 {
        forge(&scene, at, b"junk", |record| {
            let due = |n: i64| Served {
                tier: Tier::Daily,
                due: record.started - SignedDuration::from_secs(60 * (n + 1)),
                retention: Retention::Newest(30),
            };
            record.serves = (0..34).map(due).collect();
        });
    }
    let status = scene.run(["status"]).ended_with(8);
    assert!(status.text().contains("more than one period"), "{}", status.text());
    scene.changed_by(&scene.agent(), 0);
    all_stand(&scene, &good);
}

#[test]
fn what_counts_has_to_open() {
    let scene = Scene::new();
    let good = daily(&scene, 30, "30");
    // one period each, and archives of four bytes
    for at in 0..20 {
        forge(&scene, at, b"junk", |record| {
            record.serves[0].due = record.started - SignedDuration::from_mins(10);
        });
    }
    scene.changed_by(&scene.agent(), 0);
    all_stand(&scene, &good);
    assert!(
        scene
            .run(["status"])
            .ended_with(8)
            .text()
            .contains("no backup any more")
    );
}

/// No range of an empty object can be asked for; a look at one finds no backup, and must not end the prune.
#[test]
fn empty_archives_open_no_more_than_others() {
    let scene = Scene::new();
    let good = daily(&scene, 30, "30");
    for at in 0..20 {
        forge(&scene, at, b"", |record| {
            record.serves[0].due = record.started - SignedDuration::from_mins(10);
        });
    }
    scene.changed_by(&scene.agent(), 0);
    all_stand(&scene, &good);
    let said = scene.run(["status"]).ended_with(8);
    assert!(said.text().contains("no backup any more"), "{}", said.text());
}

#[test]
fn thirty_moments_of_a_day_and_a_half_are_four_periods() {
    let scene = Scene::new();
    let good = daily(&scene, 30, "30");
    // sealed as it should be, each with a due moment of its own within two days
    for at in 0..30 {
        forge(&scene, at, b"sealed by the very key", |record| {
            record.serves[0].due = record.started - SignedDuration::from_mins(10);
        });
    }
    scene.changed_by(&scene.agent(), 0);
    // four periods at the most in that time, one of which was a real one's
    all_stand(&scene, &good[..27]);
}

#[test]
fn who_comes_late_replaces_nobody() {
    let scene = Scene::new();
    let good = daily(&scene, 30, "30");
    // each in the place of a real one: the same period, begun a moment later
    for day in 3..30 {
        forge(&scene, 24 * day, b"sealed by the very key", |record| {
            record.serves[0].due = record.started - SignedDuration::from_secs(7);
        });
    }
    scene.changed_by(&scene.agent(), 0);
    all_stand(&scene, &good);
}

/// As the one before, with periods of their own between the real ones: what came weeks later takes no place among them.
#[test]
fn who_comes_late_takes_no_place() {
    let scene = Scene::new();
    let good = daily(&scene, 30, "30");
    for hours in (4 * 24 + 8..30 * 24).step_by(12) {
        forge(&scene, hours, b"sealed by the very key", |record| {
            record.serves[0].due = record.started - SignedDuration::from_secs(7);
        });
    }
    scene.changed_by(&scene.agent(), 0);
    all_stand(&scene, &good);
}

#[test]
fn what_is_made_every_hour_explains_nothing_of_what_goes_of_days() {
    let scene = Scene::new();
    let good = daily(&scene, 60, "7");
    let hourly = forge(&scene, 72, b"sealed by the very key", |record| {
        record.tier = Tier::Hourly;
        record.serves[0].tier = Tier::Hourly;
        record.serves[0].due = record.started - SignedDuration::from_secs(7);
    });
    for key in scene.bucket.keys().iter().filter(|key| key.contains(&hourly)) {
        scene.age(key, 72);
    }
    scene.deletes_nothing(8);
    all_stand(&scene, &good);
}

/// The key was replaced since, and somebody still has the old one: he can date what he writes back to its days.
#[test]
fn a_retired_key_pushes_nothing_out_and_is_seen() {
    let scene = Scene::new();
    let good = daily(&scene, 30, "30");
    let day = jiff::Timestamp::now() - SignedDuration::from_hours(5 * 24);
    let day = day.strftime("%Y-%m-%d");
    let agent = scene
        .agent()
        .env("PGCOFFER_KEY", OTHER_KEY)
        .env("PGCOFFER_OLD_KEYS", format!("{KEY}@{day}"));
    let before = agent.run(["status"]).text().to_owned();
    assert!(!before.contains("had been retired:"), "{before}");
    // weeks are open for longer than days: these come in time
    for n in 0..8 {
        forge(&scene, 6 * 24 + 60 * n, b"sealed by the very key", |record| {
            record.tier = Tier::Weekly;
            record.serves[0].tier = Tier::Weekly;
            record.serves[0].due = record.started - SignedDuration::from_secs(7);
        });
    }
    let status = agent.run(["status"]).text().to_owned();
    assert!(status.contains("had been retired: 8"), "{status}");
    scene.changed_by(&agent, 0);
    all_stand(&scene, &good);
}

#[test]
fn what_is_kept_by_age_outlives_fakes_by_the_age_bands() {
    let scene = Scene::new();
    // the machine was off for two months: the last good ones have run out, and the floor keeps them
    let agent = scene.agent().env("PGCOFFER_KEEP_LAST", "3");
    let good: Vec<Made> = (60..63).map(|day| scene.put(Past::good(24 * day, "7d"))).collect();
    for at in 0..3 {
        forge(&scene, at, b"sealed by the very key", |record| {
            record.retention = "7d".parse().unwrap();
            record.serves[0].due = record.started - SignedDuration::from_mins(10);
            record.serves[0].retention = record.retention;
        });
    }
    scene.changed_by(&agent, 0);
    // the newest that has stood for longer than any fake
    all_stand(&scene, &good[..1]);
    scene.run(["verify", &good[0].id]).success();
}

#[test]
fn what_serves_periods_to_come_or_long_past_counts_for_nothing() {
    let scene = Scene::new();
    let good = daily(&scene, 3, "3");
    for at in 0..4 {
        forge(&scene, at, b"sealed by the very key", |record| {
            let off = SignedDuration::from_hours(if at % 2 == 0 { 100 } else { -100 });
            record.serves[0].due = record.started + off;
        });
    }
    let status = scene.run(["status"]).ended_with(8);
    assert!(status.text().contains("no agent writes"), "{}", status.text());
    scene.changed_by(&scene.agent(), 0);
    all_stand(&scene, &good);
}

#[test]
fn a_plan_that_the_schedule_does_not_explain_asks_and_is_carried_out_once_confirmed() {
    let scene = Scene::new();
    // nobody pruned for two months
    let good = daily(&scene, 60, "7");
    let outcome = scene.deletes_nothing(8);
    let said = outcome.stderr;
    assert!(said.contains("explains 5") && said.contains("--confirm 52"), "{said}");
    scene.run(["prune", "--dry-run"]).success();
    scene.run(["prune", "--confirm", "3"]).ended_with(8);
    all_stand(&scene, &good);
    scene.run(["prune", "--confirm", "52"]).success();
    assert!(scene.bucket.read(&good[59].record).is_none());
    // the last seven, and the newest that has stood for 30 days
    all_stand(&scene, &good[..7]);
    all_stand(&scene, &good[29..30]);
}
