//! `retain`: one backup is kept for another time than it was made for.

use aws_sdk_s3::{
    primitives::DateTime,
    types::{ObjectLockRetention, ObjectLockRetentionMode},
};
use jiff::Timestamp;
use pgcoffer::{
    backup::{Label, Mark, Retained, Retention},
    seal::{Content, PayloadCompression},
};

use crate::{
    output::goldens::assert_keys,
    prune::{
        past::{Made, Past, secret},
        scene::Scene,
    },
    stage::{KEY, wait_until},
    testbed::{Fault, Rule, Tagging, sealed},
};

/// A tag of each of its three objects.
fn tags(scene: &Scene, made: &Made, name: &str) -> [Option<String>; 3] {
    made.keys().map(|key| {
        let tags = scene.bucket.tags(key).unwrap().into_iter();
        let mut found = tags.filter(|(found, _)| *found == format!("pgcoffer:{name}"));
        found.next().map(|(_, value)| value)
    })
}

/// What an agent that was broken into can do: seal a mark that keeps a backup for so long.
fn forge_mark(scene: &Scene, made: &Made, retention: &str) {
    let mut mark = Mark::new(&Label::parse("main").unwrap(), &made.id.parse_id());
    mark.retained = Some(Retained {
        retention: retention.parse().unwrap(),
        who: "mallory".into(),
        at: Timestamp::now(),
    });
    let sealed = sealed(
        &made.id,
        Content::Mark,
        PayloadCompression::None,
        "main",
        &secret(KEY),
        &mark.to_json(),
    );
    scene.bucket.write(&made.mark, sealed);
}

trait ParseId {
    fn parse_id(&self) -> pgcoffer::backup::BackupId;
}

impl ParseId for String {
    fn parse_id(&self) -> pgcoffer::backup::BackupId {
        pgcoffer::backup::BackupId::parse(self).unwrap()
    }
}

/// Sets the tags of all objects as `retain` does.
fn tag(scene: &Scene, made: &Made, retention: &str) {
    let started = made.id.parse_id().time();
    let shown = scene.run(["show", &made.id, "--json"]).success().json();
    let started = shown["started"].as_str().map_or(started, |text| text.parse().unwrap());
    let retention: Retention = retention.parse().unwrap();
    let expires = retention.expires(started).unwrap().to_string();
    for key in made.keys() {
        let mut tags = scene.bucket.tags(key).unwrap();
        tags.retain(|(name, _)| name != "pgcoffer:retain" && name != "pgcoffer:expires");
        tags.push(("pgcoffer:retain".into(), retention.to_string()));
        tags.push(("pgcoffer:expires".into(), expires.clone()));
        let tags: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        scene.bucket.set_tags(key, &tags);
    }
}

#[test]
fn a_longer_one_keeps_what_had_run_out() {
    let (scene, old) = Scene::with_one_expired();
    assert_eq!(scene.verdict(&old).0, "delete");
    let said = scene.run(["retain", &old.id, "30d", "--by", "ada"]).success();
    assert!(said.text().contains(" of main is kept 30d, until "), "{}", said.text());
    assert!(said.text().contains("; it was kept 1h, until "), "{}", said.text());
    assert_eq!(scene.verdict(&old), ("keep".into(), "retained".into()));
    assert_eq!(
        tags(&scene, &old, "retain"),
        [const { Some("30d") }; 3].map(|tag| tag.map(str::to_owned))
    );
    scene.deletes_nothing(0);
    let shown = scene.run(["show", &old.id]).success();
    assert!(shown.text().contains("kept           30d, until "), "{}", shown.text());
    assert!(shown.text().contains(", by ada at "), "{}", shown.text());
    assert!(shown.text().contains("; made for 1h"), "{}", shown.text());
    // without its mark the tags keep it still
    scene.bucket.delete(&old.mark);
    assert_eq!(scene.verdict(&old).1, "tag_until");
    // without a time it is kept as it was
    scene.run(["retain", &old.id, "forever"]).success();
    assert_eq!(scene.verdict(&old).1, "retained");
    assert_eq!(tags(&scene, &old, "expires"), [None, None, None]);
    scene.run(["delete", "--yes", &old.id]).success();
}

#[test]
fn json_of_a_retention() {
    let (scene, old) = Scene::with_one_expired();
    let json = |args: &[&str]| scene.run(args.iter().copied()).success().json();
    let retained = json(&["retain", &old.id, "30d", "--json", "--by", "ada"]);
    assert_keys(
        &retained,
        "id database retention expires before expires_before tagged locked_until held changed",
    );
    assert_eq!(
        (&retained["retention"], &retained["before"]),
        (&"30d".into(), &"1h".into())
    );
    assert_eq!(
        (&retained["tagged"], &retained["changed"]),
        (&true.into(), &true.into())
    );
    let again = json(&["retain", &old.id, "30d", "--json"]);
    assert_eq!(again["changed"], false);
    let shown = json(&["show", &old.id, "--json"]);
    assert_keys(&shown["retained"], "retention expires who at");
    assert_eq!(
        (&shown["retained"]["who"], &shown["retention"]),
        (&"ada".into(), &"1h".into())
    );
    let listed = json(&["list", "--json"]);
    assert_eq!(listed["backups"][1]["retained"], shown["retained"]);
    assert_eq!(listed["backups"][0]["retained"], serde_json::Value::Null);
}

#[test]
fn a_shorter_one_counts_by_mark_and_tags_together() {
    let scene = Scene::new();
    let old = scene.put(Past::good(48, "7d"));
    scene.put(Past::good(1, "7d"));
    // it has to end in the future, so that the rest of this test is written by hand
    scene.run(["retain", &old.id, "50h"]).success();
    assert_eq!(scene.verdict(&old), ("keep".into(), "retained".into()));
    assert_eq!(
        tags(&scene, &old, "retain"),
        [const { Some("50h") }; 3].map(|tag| tag.map(str::to_owned))
    );
    forge_mark(&scene, &old, "24h");
    assert_eq!(scene.verdict(&old).1, "until", "a mark alone");
    scene.deletes_nothing(0);
    scene.bucket.delete(&old.mark);
    tag(&scene, &old, "24h");
    assert_eq!(scene.verdict(&old).1, "until", "tags alone");
    scene.deletes_nothing(0);
    forge_mark(&scene, &old, "24h");
    assert_eq!(scene.verdict(&old), ("delete".into(), "retained".into()));
    let mut gone = old.removed();
    gone.push(format!("removed {}", old.mark));
    gone.sort();
    assert_eq!(scene.pruned(), gone);
}

/// Drop-box mode: the key, and the right to write new objects. None of them bears a tag.
#[test]
fn an_agent_that_was_broken_into_shortens_nothing() {
    let scene = Scene::new();
    let tagged: Vec<Made> = (2..6).map(|day| scene.put(Past::good(24 * day, "30d"))).collect();
    let untagged: Vec<Made> = (6..10)
        .map(|day| scene.put(Past::good(24 * day, "30d").untagged()))
        .collect();
    scene.put(Past::good(1, "7d"));
    for made in tagged.iter().chain(&untagged) {
        forge_mark(&scene, made, "1h");
    }
    scene.deletes_nothing(0);
    // nor where there are no tags
    let other = scene.put(Past::good(30, "30d"));
    scene.bucket.behave(|b| b.tagging = Tagging::NotImplemented);
    scene.deletes_nothing(0);
    let before = scene.bucket.snapshot();
    let refused = scene.run(["retain", &other.id, "20d"]).ended_with(2);
    assert!(refused.stderr.contains("no tags"), "{}", refused.stderr);
    assert!(refused.stderr.contains("pgcoffer delete"), "{}", refused.stderr);
    assert_eq!(before.changes(&scene.bucket.snapshot()), [""; 0]);
}

/// Who may tag as well: more than a few ask for a confirmation.
#[test]
fn many_that_are_shortened_ask() {
    let scene = Scene::new();
    let made: Vec<Made> = (2..8).map(|day| scene.put(Past::good(24 * day, "30d"))).collect();
    scene.put(Past::good(1, "7d"));
    let shorten = |made: &Made| {
        forge_mark(&scene, made, "1h");
        tag(&scene, made, "1h");
    };
    made[..3].iter().for_each(shorten);
    scene.run(["prune", "--dry-run"]).success();
    made[3..].iter().for_each(shorten);
    let plan = scene.plan();
    let planned = plan["planned"].as_u64().unwrap();
    assert!(planned > 3, "{plan:#}");
    let refused = scene.deletes_nothing(8);
    assert!(
        refused.stderr.contains(&format!("--confirm {planned}")),
        "{}",
        refused.stderr
    );
    scene.run(["prune", "--confirm", &planned.to_string()]).success();
}

#[test]
fn the_last_good_ones_stay_whatever_their_retention() {
    let scene = Scene::new();
    let only = scene.put(Past::good(48, "7d"));
    forge_mark(&scene, &only, "1h");
    tag(&scene, &only, "1h");
    assert_eq!(scene.verdict(&only).0, "keep");
    scene.deletes_nothing(0);
}

#[test]
fn what_can_not_be_is_told_so_and_changes_nothing() {
    let (scene, old) = Scene::with_one_expired();
    let failed = scene.put(Past::failed(2));
    let before = scene.bucket.snapshot();
    for (args, code, words) in [
        (&["retain", "20200101T000000Z-abcdefghijkl", "30d"][..], 7, "no"),
        (&["retain", &failed.id, "30d"], 7, "is no backup"),
        (&["retain", &old.id, "30"], 2, "30d keeps it for 30 days"),
        (&["retain", &old.id, "24h"], 2, "a prune would delete it"),
        (&["retain", &old.id, "24h"], 2, "give 3d or more, or forever"),
        (&["retain", &old.id, "soon"], 2, "is not a retention"),
        (&["retain", &old.id], 2, "RETENTION"),
    ] {
        let outcome = scene.run(args.iter().copied()).ended_with(code);
        assert!(outcome.stderr.contains(words), "{args:?}: {}", outcome.stderr);
    }
    assert_eq!(before.changes(&scene.bucket.snapshot()), [""; 0]);
}

#[test]
fn a_lock_is_seen_and_made_longer() {
    let (scene, old) = Scene::with_one_expired();
    scene.bucket.behave(|b| b.object_lock = true);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let in_a_week = scene.bucket.now().as_second() + 7 * 86_400;
    let lock = |key: &str| {
        let retention = ObjectLockRetention::builder()
            .mode(ObjectLockRetentionMode::Governance)
            .retain_until_date(DateTime::from_secs(in_a_week))
            .build();
        let put = scene.bucket.client().put_object_retention();
        runtime
            .block_on(put.bucket("testbed").key(key).retention(retention).send())
            .unwrap();
    };
    lock(&old.details);
    let refused = scene.run(["retain", &old.id, "5d"]).ended_with(2);
    assert!(refused.stderr.contains("before its lock ends"), "{}", refused.stderr);
    let agent = scene.agent().env("PGCOFFER_LOCK", "governance");
    let json = agent.run(["retain", &old.id, "30d", "--json"]).success().json();
    assert_eq!(json["locked_until"], json["expires"]);
    let expires: Timestamp = json["expires"].as_str().unwrap().parse().unwrap();
    for key in old.keys() {
        let head = scene.bucket.client().head_object().bucket("testbed").key(key);
        let head = runtime.block_on(head.send()).unwrap();
        let until = head.object_lock_retain_until_date.map(|date| date.secs());
        assert_eq!(until, Some(expires.as_second()), "{key}");
    }
}

#[test]
fn tags_that_are_lost_or_may_not_be_set_shorten_nothing() {
    for habit in [Tagging::Dropped, Tagging::Denied] {
        let scene = Scene::new();
        let old = scene.put(Past::good(48, "7d"));
        scene.put(Past::good(1, "7d"));
        match habit {
            Tagging::Denied => scene
                .bucket
                .inject(Rule::on("PutObjectTagging").always(), Fault::access_denied()),
            _ => scene.bucket.behave(|b| b.tagging = habit),
        }
        let before = scene.bucket.snapshot();
        let outcome = scene.run(["retain", &old.id, "3d"]);
        assert!([2, 4].contains(&outcome.code()), "{habit:?}: {}", outcome.stderr);
        assert_eq!(before.changes(&scene.bucket.snapshot()), [""; 0], "{habit:?}");
        // longer it is by its mark
        let longer = scene.run(["retain", &old.id, "30d", "--json"]).success().json();
        assert_eq!(longer["tagged"], false, "{habit:?}");
        assert_eq!(scene.verdict(&old).1, "retained", "{habit:?}");
    }
}

#[test]
fn two_at_once_agree_in_mark_and_tags() {
    let (scene, old) = Scene::with_one_expired();
    scene
        .bucket
        .inject(Rule::on("PutObject").always(), Fault::Delay { millis: 100 });
    let agent = scene.agent();
    let both = ["30d", "60d"].map(|keep| agent.spawn(["retain", &old.id, keep]));
    for running in both {
        running.wait().success();
    }
    let shown = scene.run(["show", &old.id, "--json"]).success().json();
    let kept = shown["retained"]["retention"].as_str().unwrap().to_owned();
    assert!(["30d", "60d"].contains(&kept.as_str()));
    assert_eq!(tags(&scene, &old, "retain")[0].as_ref(), Some(&kept));
    scene.deletes_nothing(0);
}

#[test]
fn one_that_comes_while_others_are_pruned_counts() {
    let scene = Scene::new();
    let old = [72, 60, 48].map(|hours| scene.put(Past::good(hours, "1h")));
    scene.put(Past::good(1, "7d"));
    scene
        .bucket
        .inject(Rule::on("DeleteObject"), Fault::Delay { millis: 1500 });
    let running = scene.agent().spawn(["prune"]);
    wait_until("the first DELETE comes", || scene.bucket.count("DeleteObject") > 0);
    scene.run(["retain", &old[2].id, "30d"]).success();
    let said = running.wait().success();
    assert!(said.text().contains("retained until"), "{}", said.text());
    for key in old[2].keys() {
        assert!(scene.bucket.read(key).is_some(), "{key} was deleted");
    }
}

#[test]
fn one_of_what_has_just_gone_is_refused() {
    let (scene, old) = Scene::with_one_expired();
    scene
        .bucket
        .inject(Rule::on("PutObject").key("/marks/"), Fault::Delay { millis: 1000 });
    let retaining = scene.agent().spawn(["retain", &old.id, "30d"]);
    wait_until("the mark is written", || scene.bucket.count("PutObject") > 0);
    for key in old.keys() {
        scene.bucket.delete(key);
    }
    assert!([4, 7].contains(&retaining.wait().code()));
}
