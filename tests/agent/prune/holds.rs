//! Holds, releases and acceptances: what they keep, where they are shown, and what they become on services that differ.

use serde_json::Value;

use crate::{
    prune::past::{Made, Past},
    prune::scene::Scene,
    stage::OTHER_KEY,
    testbed::{ConditionalWrites, Fault, Rule, Tagging},
};

fn hold_tag(scene: &Scene, made: &Made) -> Option<String> {
    let tags = scene.bucket.tags(&made.archive).unwrap().into_iter();
    let mut holds = tags.filter(|(name, _)| name == "pgcoffer:hold");
    holds.next().map(|(_, value)| value)
}

/// Holds it as Ada, which must succeed; what the agent says.
#[track_caller]
fn hold(scene: &Scene, made: &Made, reason: &str) -> String {
    let args = ["hold", &made.id, "--reason", reason, "--by", "ada"];
    scene.run(args).success().text().to_owned()
}

#[test]
fn a_held_backup_stays_until_it_is_released() {
    let (scene, old) = Scene::with_one_expired();
    let before = scene.bucket.tags(&old.archive).unwrap();
    let said = hold(&scene, &old, "before the migration");
    assert!(said.contains("held by ada: before the migration") && said.contains("marked and tagged"));
    let tag = hold_tag(&scene, &old).unwrap();
    assert!(tag.ends_with("ada: before the migration"), "{tag}");
    assert_eq!(scene.verdict(&old), ("keep".into(), "held".into()));
    scene.deletes_nothing(0);
    scene.run(["release", &old.id]).success();
    assert_eq!(scene.bucket.tags(&old.archive).unwrap(), before);
    let mut gone = old.removed();
    gone.push(format!("removed {}", old.mark));
    gone.sort();
    assert_eq!(scene.pruned(), gone);
}

#[test]
fn a_hold_is_shown_wherever_its_backup_is() {
    let (scene, old) = Scene::with_one_expired();
    hold(&scene, &old, "for the audit");
    let text = |args: &[&str]| {
        let outcome = scene.run(args.iter().copied());
        outcome.text().to_owned()
    };
    let line = |text: &str| text.lines().find(|line| line.contains(&old.id)).unwrap().to_owned();
    assert!(line(&text(&["list", "--wide"])).ends_with("good, held"));
    assert!(text(&["show", &old.id]).contains("UTC by ada: for the audit"));
    let status = text(&["status"]);
    assert!(status.contains(&format!("held: {}", old.id)) && status.contains("by ada: for the audit"));
    let told = |value: &Value| {
        assert_eq!(value["who"], "ada", "{value}");
        assert_eq!(value["reason"], "for the audit", "{value}");
    };
    let json = |args: &[&str]| scene.run(args.iter().copied()).json();
    told(&json(&["list", "--json"])["backups"][1]["hold"]);
    told(&json(&["show", &old.id, "--json"])["hold"]);
    told(&json(&["status", "--json"])["databases"][0]["held"][0]);
    scene.run(["release", &old.id]).success();
    assert!(line(&text(&["list", "--wide"])).ends_with("good"));
    assert!(json(&["show", &old.id, "--json"])["hold"].is_null());
    assert_eq!(
        json(&["status", "--json"])["databases"][0]["held"],
        Value::Array(vec![])
    );
}

#[test]
fn either_half_of_a_hold_holds() {
    let (scene, old) = Scene::with_one_expired();
    hold(&scene, &old, "x");
    let tags = scene.bucket.tags(&old.archive).unwrap();
    let without = tags.iter().filter(|(name, _)| name != "pgcoffer:hold");
    let without: Vec<_> = without.map(|(n, v)| (n.as_str(), v.as_str())).collect();
    scene.bucket.set_tags(&old.archive, &without);
    assert_eq!(scene.verdict(&old).1, "held", "by its mark");
    let all: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    scene.bucket.set_tags(&old.archive, &all);
    scene.bucket.delete(&old.mark);
    assert_eq!(scene.verdict(&old).1, "held", "by its tag");
    scene.deletes_nothing(0);
}

#[test]
fn a_tag_set_by_hand_is_released_too() {
    let (scene, old) = Scene::with_one_expired();
    let mut tags = scene.bucket.tags(&old.archive).unwrap();
    tags.push(("pgcoffer:hold".into(), "by hand".into()));
    let tags: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    scene.bucket.set_tags(&old.archive, &tags);
    assert_eq!(scene.verdict(&old).1, "held");
    scene.run(["release", &old.id]).success();
    assert_eq!(hold_tag(&scene, &old), None);
    assert_eq!(scene.verdict(&old).1, "expired");
}

#[test]
fn the_customers_own_tags_stay() {
    let (scene, old) = Scene::with_one_expired();
    let mut tags = scene.bucket.tags(&old.archive).unwrap();
    tags.push(("cost centre".into(), "42".into()));
    let set: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    scene.bucket.set_tags(&old.archive, &set);
    hold(&scene, &old, "x");
    scene.run(["release", &old.id]).success();
    assert_eq!(scene.bucket.tags(&old.archive).unwrap(), tags);
}

/// S3 takes ten tags on an object: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>.
#[test]
fn an_archive_that_takes_no_more_tags_is_held_by_its_mark() {
    let (scene, old) = Scene::with_one_expired();
    let mut tags = scene.bucket.tags(&old.archive).unwrap();
    tags.extend((0..5).map(|n| (format!("theirs {n}"), String::new())));
    let tags: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    scene.bucket.set_tags(&old.archive, &tags);
    let said = hold(&scene, &old, "x");
    assert!(!said.contains("and tagged"), "{said}");
    assert_eq!(scene.verdict(&old).1, "held");
    scene.run(["release", &old.id]).success();
    assert_eq!(scene.verdict(&old).1, "expired");
}

#[test]
fn what_the_service_makes_of_the_tag_is_told_as_it_is() {
    for (habit, tagged) in [
        (Tagging::LostOnWrite, true),
        (Tagging::Dropped, false),
        (Tagging::NotImplemented, false),
        (Tagging::InvalidArgument, false),
    ] {
        let (scene, old) = Scene::with_one_expired();
        scene.bucket.behave(|b| b.tagging = habit);
        let args = ["hold", &old.id, "--reason", "x", "--json"];
        let decided = scene.run(args).success().json();
        assert_eq!(decided["tagged"], tagged, "{habit:?}");
        assert_eq!(hold_tag(&scene, &old).is_some(), tagged, "{habit:?}");
        assert_eq!(scene.verdict(&old).1, "held", "{habit:?}");
        scene.deletes_nothing(0);
    }
}

/// Whether it may not tag at all, or only not what is there already.
#[test]
fn who_may_not_tag_holds_by_the_mark_or_is_refused() {
    let (scene, old) = Scene::with_one_expired();
    let rule = Rule::on("PutObjectTagging").always();
    scene.bucket.inject(rule, Fault::access_denied());
    let said = hold(&scene, &old, "x");
    assert!(!said.contains("and tagged"), "{said}");
    scene.deletes_nothing(0);
    let (scene, old) = Scene::with_one_expired();
    scene.bucket.behave(|b| b.tagging = Tagging::Denied);
    let before = scene.bucket.snapshot();
    let args = ["hold", &old.id, "--reason", "x"];
    let outcome = scene.run(args).ended_with(4);
    assert!(outcome.stderr.contains("s3:PutObjectTagging") && outcome.text().is_empty());
    assert_eq!(before, scene.bucket.snapshot());
}

#[test]
fn a_tag_that_may_not_be_taken_away_goes_on_holding() {
    let (scene, old) = Scene::with_one_expired();
    hold(&scene, &old, "x");
    scene
        .bucket
        .inject(Rule::on("PutObjectTagging").always(), Fault::access_denied());
    scene.run(["release", &old.id]).ended_with(4);
    let show = scene.run(["show", &old.id, "--json"]).success().json();
    assert_eq!(show["hold"]["reason"], "x", "what failed released nothing");
    scene.deletes_nothing(0);
}

#[test]
fn two_that_hold_at_once_hold() {
    for writes in [ConditionalWrites::Everywhere, ConditionalWrites::Nowhere] {
        let (scene, old) = Scene::with_one_expired();
        scene.bucket.behave(|b| b.conditional_writes = writes);
        scene
            .bucket
            .inject(Rule::on("PutObject").always(), Fault::Delay { millis: 150 });
        let agent = scene.agent();
        let both = ["ada", "bob"].map(|who| agent.spawn(["hold", &old.id, "--reason", "mine", "--by", who]));
        for running in both {
            running.wait().success();
        }
        let show = scene.run(["show", &old.id, "--json"]).success().json();
        let who = show["hold"]["who"].as_str().unwrap();
        assert!(["ada", "bob"].contains(&who));
        scene.deletes_nothing(0);
    }
}

#[test]
fn a_later_hold_takes_the_place_of_an_earlier_one() {
    let (scene, old) = Scene::with_one_expired();
    hold(&scene, &old, "first");
    hold(&scene, &old, "second");
    assert!(hold_tag(&scene, &old).unwrap().ends_with("second"));
    let show = scene.run(["show", &old.id, "--json"]).success().json();
    assert_eq!(show["hold"]["reason"], "second");
    // one release is enough, and another changes nothing
    scene.run(["release", &old.id]).success();
    scene.run(["release", &old.id]).success();
    assert_eq!(scene.verdict(&old).1, "expired");
}

#[test]
fn a_reason_may_be_in_any_words_and_moves_no_cursor() {
    let (scene, old) = Scene::with_one_expired();
    let long = "very ".repeat(200);
    for reason in [
        "\u{1b}[2Jaudit\r\nby \u{7}nobody: nothing",
        "Prüfung „2027“ (§ 12) — 監査 \u{1F600}",
        "a=b&c=d%20<x>'\"\\",
        "--release",
        long.as_str(),
    ] {
        let arg = format!("--reason={reason}");
        scene.run(["hold", &old.id, &arg]).success();
        for args in [&["list"][..], &["show", &old.id], &["status"], &["prune", "--dry-run"]] {
            let outcome = scene.run(args.iter().copied());
            let control = |c: char| c.is_control() && c != '\n';
            assert!(!outcome.text().contains(control), "{args:?} {}", outcome.text());
        }
        let tag = hold_tag(&scene, &old).unwrap();
        assert!(tag.is_ascii() && tag.len() <= 256, "{tag}");
        let show = scene.run(["show", &old.id, "--json"]).success().json();
        let told = show["hold"]["reason"].as_str().unwrap();
        if !reason.contains(char::is_control) {
            assert_eq!(told, reason.trim());
        }
        assert_eq!(scene.verdict(&old).1, "held");
    }
}

#[test]
fn what_can_not_be_held_is_told_so() {
    let (scene, old) = Scene::with_one_expired();
    let failed = scene.put(Past::failed(2));
    let before = scene.bucket.snapshot();
    for (args, code) in [
        (&["hold", "20200101T000000Z-abcdefghijkl", "--reason", "x"][..], 7),
        (&["hold", &failed.id, "--reason", "x"], 7),
        (&["release", &failed.id], 7),
        (&["accept", &failed.id], 7),
        (&["accept", &old.id], 2),
        (&["hold", &old.id, "--reason", "  "], 2),
        (&["hold", &old.id], 2),
        (&["hold", "2026", "--reason", "x", "--database", "none"], 7),
    ] {
        scene.run(args.iter().copied()).ended_with(code);
    }
    let theirs = scene.agent().key(OTHER_KEY);
    let args = ["hold", &old.id, "--reason", "x"];
    assert!([5, 7].contains(&theirs.run(args).code()));
    assert_eq!(before.changes(&scene.bucket.snapshot()), [""; 0]);
}

#[test]
fn a_backup_of_an_old_key_is_held_under_its_own() {
    let scene = Scene::new();
    let old = scene.put(Past::good(48, "1h").by(OTHER_KEY));
    scene.put(Past::good(1, "7d"));
    let both = scene
        .agent()
        .env("PGCOFFER_OLD_KEYS", format!("{OTHER_KEY}@2099-01-01"));
    both.run(["hold", &old.id, "--reason", "x"]).success();
    assert_eq!(scene.changed_by(&both, 0).0, [""; 0]);
    // who has the old key alone reads the mark
    let theirs = scene.agent().key(OTHER_KEY);
    let show = theirs.run(["show", &old.id, "--json"]).success().json();
    assert_eq!(show["hold"]["reason"], "x");
    both.run(["release", &old.id]).success();
    assert_eq!(scene.changed_by(&both, 0).0.len(), 4);
}

#[test]
fn an_accepted_backup_is_a_good_one_and_shown_as_such() {
    let scene = Scene::new();
    let old = scene.put(Past::good(48, "1h"));
    let odd = scene.put(Past::good(2, "7d").suspicious());
    let listed = |word: &str| {
        let list = scene.run(["list", "--wide"]).success();
        let line = list.text().lines().find(|line| line.starts_with(&odd.id));
        assert!(line.unwrap().ends_with(word), "{}", list.text());
    };
    listed("suspicious");
    let status = scene.run(["status"]).ended_with(8);
    assert!(status.text().contains(&format!("pgcoffer accept {}", odd.id)));
    scene.run(["accept", &odd.id, "--by", "ada"]).success();
    listed("good");
    let show = scene.run(["show", &odd.id, "--json"]).success().json();
    assert_eq!(show["accepted"]["who"], "ada");
    assert!(!scene.run(["status"]).text().contains("suspicious"));
    assert_eq!(scene.pruned(), old.removed());
}

#[test]
fn who_released_it_is_on_record() {
    let (scene, old) = Scene::with_one_expired();
    hold(&scene, &old, "audit");
    let release = ["release", &old.id, "--by", "Grace"];
    scene.run(release).success();
    let shown = scene.run(["show", &old.id]).success();
    assert!(shown.text().contains("released       by Grace at "), "{}", shown.text());
    // held anew it is not released any more, and nobody releases what nobody holds
    hold(&scene, &old, "again");
    let shown = scene.run(["show", &old.id]).success();
    assert!(!shown.text().contains("released"), "{}", shown.text());
    let (scene, old) = Scene::with_one_expired();
    scene.run(["release", &old.id, "--by", "Grace"]).success();
    assert_eq!(
        scene.bucket.keys().iter().filter(|key| key.contains("/marks/")).count(),
        0
    );
}

#[test]
fn a_hold_whose_archive_is_gone_can_be_released() {
    let (scene, old) = Scene::with_one_expired();
    hold(&scene, &old, "audit");
    scene.bucket.delete(&old.archive);
    scene.run(["release", &old.id]).success();
    assert_eq!(scene.verdict(&old).0, "delete");
}
