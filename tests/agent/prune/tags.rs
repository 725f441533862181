//! Tags in anybody's hand: whoever may write them can keep a backup longer, and never have one deleted.

use jiff::{SignedDuration, Timestamp};

use crate::{
    prune::past::{Made, Past},
    prune::scene::Scene,
    stage::OTHER_KEY,
    testbed::{Fault, Rule, Tagging, identity},
};

/// The tags of an object, with these in place of its own; an empty value takes one away.
fn forge(scene: &Scene, key: &str, forged: &[(&str, &str)]) {
    let name = |what: &str| format!("pgcoffer:{what}");
    let mut tags = scene.bucket.tags(key).unwrap();
    tags.retain(|(tag, _)| forged.iter().all(|(what, _)| *tag != name(what)));
    let new = forged.iter().filter(|(_, value)| !value.is_empty());
    tags.extend(new.map(|(what, value)| (name(what), (*value).to_owned())));
    let tags: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    scene.bucket.set_tags(key, &tags);
}

fn in_hours(hours: i64) -> String {
    (Timestamp::now() + SignedDuration::from_hours(hours)).to_string()
}

/// Of an expired backup the archive's tags, then the record's, are forged: it is kept for this reason, and nothing is
/// deleted.
#[track_caller]
fn keeps(forged: &[(&str, &str)], reason: &str) {
    for part in 0..2 {
        let (scene, old) = Scene::with_one_expired();
        forge(&scene, old.keys()[part], forged);
        let verdict = scene.verdict(&old);
        assert_eq!(verdict, ("keep".into(), reason.into()), "{part} {forged:?}");
        scene.deletes_nothing(0);
    }
}

#[test]
fn none_forged_it_goes() {
    let (scene, old) = Scene::with_one_expired();
    assert_eq!(scene.verdict(&old), ("delete".into(), "expired".into()));
    assert_eq!(scene.pruned(), old.removed());
}

#[test]
fn shorter_ones_change_nothing() {
    let scene = Scene::new();
    let young: Vec<Made> = [72, 48, 24].map(|h| scene.put(Past::good(h, "7d"))).into();
    scene.put(Past::good(1, "7d"));
    let soon = in_hours(-40);
    let shorter: [&[(&str, &str)]; 3] = [
        &[("expires", &soon), ("retain", "1h")],
        &[("retain", "1"), ("expires", "")],
        &[("expires", "1970-01-01T00:00:00Z")],
    ];
    for (made, tags) in young.iter().zip(shorter) {
        for key in made.keys() {
            forge(&scene, key, tags);
        }
        assert_eq!(scene.verdict(made), ("keep".into(), "until".into()));
    }
    scene.deletes_nothing(0);
}

#[test]
fn shorter_ones_of_what_is_kept_forever_or_by_count_change_nothing() {
    let scene = Scene::new();
    for (hours, retain) in [(9000, "forever"), (8000, "3"), (7000, "7y")] {
        let made = scene.put(Past::good(hours, retain));
        for key in made.keys() {
            forge(&scene, key, &[("retain", "1h"), ("expires", &in_hours(-6000))]);
        }
    }
    scene.put(Past::good(1, "7d"));
    scene.deletes_nothing(0);
}

#[test]
fn longer_ones_keep() {
    keeps(&[("expires", &in_hours(24))], "tag_until");
    keeps(&[("retain", "4d")], "tag_until");
    keeps(&[("retain", "forever")], "tag_forever");
    keeps(&[("retain", "9999y")], "tag_forever");
}

#[test]
fn longer_ones_that_are_over_too_keep_nothing() {
    let (scene, old) = Scene::with_one_expired();
    for key in old.keys() {
        forge(&scene, key, &[("expires", &in_hours(-2)), ("retain", "46h")]);
    }
    assert_eq!(scene.pruned(), old.removed());
}

#[test]
fn a_hold_by_hand_keeps_even_an_empty_one() {
    keeps(&[("hold", "for the audit")], "held");
    let (scene, old) = Scene::with_one_expired();
    let mut tags = scene.bucket.tags(&old.archive).unwrap();
    tags.push(("pgcoffer:hold".to_owned(), String::new()));
    let tags: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    scene.bucket.set_tags(&old.archive, &tags);
    assert_eq!(scene.verdict(&old), ("keep".into(), "held".into()));
    scene.deletes_nothing(0);
}

#[test]
fn another_owner_database_or_tier_keeps() {
    keeps(&[("owner", "0123456789abcdef")], "tag_foreign");
    keeps(&[("database", "other")], "tag_foreign");
    keeps(&[("tier", "yearly")], "tag_foreign");
}

#[test]
fn unreadable_ones_keep() {
    keeps(&[("retain", "a while")], "tag_unreadable");
    keeps(&[("expires", "tomorrow")], "tag_unreadable");
    keeps(&[("expires", "2026-13-45T00:00:00Z")], "tag_unreadable");
}

#[test]
fn one_that_is_gone_from_the_archive_keeps() {
    for what in ["owner", "database", "tier", "retain", "expires"] {
        let (scene, old) = Scene::with_one_expired();
        forge(&scene, &old.archive, &[(what, "")]);
        let verdict = scene.verdict(&old);
        assert_eq!(verdict, ("keep".into(), "tag_missing".into()), "{what}");
        scene.deletes_nothing(0);
    }
    let (scene, old) = Scene::with_one_expired();
    scene.bucket.set_tags(&old.archive, &[]);
    assert_eq!(scene.verdict(&old), ("keep".into(), "tag_missing".into()));
    scene.deletes_nothing(0);
}

/// The record proves itself by its seal: S3's own lifecycle rules look at the archive's tags alone.
#[test]
fn tags_that_are_gone_from_the_record_say_nothing() {
    let (scene, old) = Scene::with_one_expired();
    scene.bucket.set_tags(&old.record, &[]);
    assert_eq!(scene.pruned(), old.removed());
}

#[test]
fn tags_of_our_own_name_beside_others_are_what_counts() {
    let (scene, old) = Scene::with_one_expired();
    let mut tags = scene.bucket.tags(&old.archive).unwrap();
    tags.insert(0, ("hold".to_owned(), "not ours".to_owned()));
    tags.insert(0, ("pgcoffer:holding".to_owned(), "nor this".to_owned()));
    tags.push(("cost centre".to_owned(), "42".to_owned()));
    let tags: Vec<_> = tags.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    scene.bucket.set_tags(&old.archive, &tags);
    assert_eq!(scene.pruned(), old.removed());
}

#[test]
fn a_service_without_tags_prunes_by_the_records_alone() {
    for habit in [Tagging::NotImplemented, Tagging::InvalidArgument, Tagging::Dropped] {
        let scene = Scene::new();
        let old = scene.put(Past::good(48, "1h").untagged());
        let held = scene.put(Past::good(47, "1h").untagged());
        let young = scene.put(Past::good(46, "7d").untagged());
        scene.put(Past::good(1, "7d").untagged());
        scene.bucket.behave(|b| b.tagging = habit);
        scene.run(["hold", &held.id, "--reason", "audit"]).success();
        assert_eq!(scene.verdict(&young).1, "until", "{habit:?}");
        assert_eq!(scene.verdict(&held).1, "held", "{habit:?}");
        assert_eq!(scene.pruned(), old.removed(), "{habit:?}");
    }
}

#[test]
fn a_record_that_lost_its_tags_on_the_way_is_no_obstacle() {
    let (scene, old) = Scene::with_one_expired();
    scene.bucket.behave(|b| b.tagging = Tagging::LostOnWrite);
    scene.bucket.set_tags(&old.record, &[]);
    assert_eq!(scene.pruned(), old.removed());
}

#[test]
fn an_archive_that_was_never_tagged_may_be_tagged_by_others_to_keep_it() {
    let scene = Scene::new();
    let old = scene.put(Past::good(48, "1h").untagged());
    let other = scene.put(Past::good(47, "1h").untagged());
    scene.put(Past::good(1, "7d"));
    scene.bucket.set_tags(&old.archive, &[("pgcoffer:hold", "x")]);
    scene.bucket.set_tags(&other.archive, &[("team", "red")]);
    assert_eq!(scene.verdict(&old), ("keep".into(), "held".into()));
    assert_eq!(scene.pruned(), other.removed());
}

#[test]
fn who_may_not_see_tags_deletes_nothing() {
    let (scene, old) = Scene::with_one_expired();
    scene.bucket.behave(|b| b.tagging = Tagging::Denied);
    assert_eq!(scene.verdict(&old), ("keep".into(), "tag_unreadable".into()));
    scene.deletes_nothing(0);
}

/// A gateway's hiccup: that there are no tags is believed of a service that says so again.
#[test]
fn one_odd_answer_does_not_make_a_service_without_tags() {
    for (status, code) in [(501, "NotImplemented"), (400, "InvalidArgument")] {
        let (scene, old) = Scene::with_one_expired();
        let held = scene.put(Past::good(47, "1h"));
        for made in [&old, &held] {
            forge(&scene, &made.archive, &[("hold", "by hand")]);
        }
        let refuse = Fault::Refuse { status, code };
        scene.bucket.inject(Rule::on("GetObjectTagging"), refuse);
        scene.deletes_nothing(0);
    }
}

#[test]
fn the_owner_is_judged_by_the_key_that_made_it() {
    let scene = Scene::new();
    let old = scene.put(Past::good(48, "1h").by(OTHER_KEY));
    scene.put(Past::good(1, "7d"));
    let both = scene
        .agent()
        .env("PGCOFFER_OLD_KEYS", format!("{OTHER_KEY}@2099-01-01"));
    // under our own tag the old key's backup is not its maker's any more
    let owner = scene.bucket.tags(&old.archive).unwrap()[0].1.clone();
    let ours = pgcoffer_owner();
    assert_ne!(owner, ours);
    forge(&scene, &old.archive, &[("owner", &ours)]);
    assert_eq!(scene.changed_by(&both, 0).0, [""; 0]);
    forge(&scene, &old.archive, &[("owner", &owner)]);
    assert_eq!(scene.changed_by(&both, 0).0, old.removed());
}

fn pgcoffer_owner() -> String {
    let secret = crate::prune::past::secret(crate::stage::KEY);
    identity(&secret, "main").owner()
}
