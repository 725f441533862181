//! Where anything casts doubt on the whole, nothing is deleted: clocks, records that can't be read, runs that went
//! wrong.

use jiff::SignedDuration;

use crate::{
    prune::past::{Made, Past},
    prune::scene::Scene,
    testbed::{Fault, Outcome, Rule},
};

#[track_caller]
fn says(outcome: &Outcome, words: &[&str]) {
    for word in words {
        assert!(outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
    }
}

#[test]
fn clocks_that_differ_by_more_than_a_quarter_of_an_hour_delete_nothing() {
    for minutes in [16, -16, 60 * 24 * 365] {
        let (scene, _) = Scene::with_one_expired();
        scene.bucket.set_clock(SignedDuration::from_mins(minutes));
        let outcome = scene.deletes_nothing(1);
        let words = ["nothing is deleted by this clock", "15 minutes apart", "NTP"];
        says(&outcome, &words);
        scene.run(["prune", "--dry-run"]).ended_with(1);
    }
}

#[test]
fn clocks_that_differ_by_less_will_do() {
    for minutes in [14, -14] {
        let (scene, old) = Scene::with_one_expired();
        scene.bucket.set_clock(SignedDuration::from_mins(minutes));
        assert_eq!(scene.pruned(), old.removed());
    }
}

#[test]
fn a_service_that_tells_no_time_is_not_pruned() {
    let (scene, _) = Scene::with_one_expired();
    scene.bucket.behave(|b| b.dates = false);
    says(&scene.deletes_nothing(1), &["bear no date"]);
}

#[test]
fn a_record_with_a_flipped_bit_stops_everything() {
    let (scene, old) = Scene::with_one_expired();
    // that of the youngest, of the expired one, and of one of another tier
    let other = scene.put(Past::good(30, "7d").tier(pgcoffer::backup::Tier::Weekly));
    for made in [&old, &other] {
        let whole = scene.bucket.read(&made.record).unwrap();
        for at in [20, 200, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            scene.bucket.write(&made.record, flipped);
            let outcome = scene.deletes_nothing(5);
            says(
                &outcome,
                &["nothing of main is deleted: 1 of its records or marks", &made.id],
            );
        }
        scene.bucket.write(&made.record, whole);
    }
}

#[test]
fn a_record_that_was_cut_short_or_emptied_stops_everything() {
    let (scene, old) = Scene::with_one_expired();
    let whole = scene.bucket.read(&old.record).unwrap();
    for length in [0, 100, whole.len() - 1] {
        scene.bucket.write(&old.record, whole[..length].to_vec());
        scene.deletes_nothing(5);
    }
}

#[test]
fn a_mark_that_can_not_be_read_keeps_its_backup_and_no_other() {
    let (scene, old) = Scene::with_one_expired();
    let held = scene.put(Past::good(50, "1h"));
    scene.run(["hold", &held.id, "--reason", "x"]).success();
    let mut mark = scene.bucket.read(&held.mark).unwrap();
    let last = mark.len() - 1;
    mark[last] ^= 1;
    scene.bucket.write(&held.mark, mark);
    let (changes, outcome) = scene.changed_by(&scene.agent(), 0);
    assert_eq!(changes, old.removed());
    let said = outcome.text();
    assert!(said.contains("its mark can't be read"), "{said}");
    // and it is told, by list and status alike
    let status = scene.run(["status"]).ended_with(8);
    assert!(status.text().contains(&held.mark), "{}", status.text());
    let listed = scene.run(["list", "--wide"]).success();
    assert!(listed.stderr.contains(&held.mark), "{}", listed.stderr);
    assert!(listed.text().contains(&held.id), "{}", listed.text());
}

#[test]
fn the_other_databases_have_their_turn_all_the_same() {
    let (scene, old) = Scene::with_one_expired();
    let other = scene.put(Past::good(48, "1h").of("other"));
    scene.put(Past::good(1, "7d").of("other"));
    scene.bucket.write(&old.record, b"junk".to_vec());
    let url = "postgresql://nobody@127.0.0.1:1/nothing";
    let agent = scene.agent().database_url("other", url);
    let (changes, outcome) = scene.changed_by(&agent, 5);
    assert_eq!(changes, other.removed());
    assert!(outcome.text().contains("main: nothing of main is deleted"));
}

#[test]
fn records_that_may_not_be_read_stop_everything() {
    for operation in ["GetObject", "ListObjectsV2", "HeadObject"] {
        let (scene, _) = Scene::with_one_expired();
        let rule = Rule::on(operation).key("main").always();
        scene.bucket.inject(rule, Fault::access_denied());
        scene.deletes_nothing(4);
    }
}

#[test]
fn a_list_that_breaks_off_or_fails_in_the_middle_stops_everything() {
    for folder in ["/records/", "/archives/", "/marks/"] {
        let (scene, _) = Scene::with_one_expired();
        scene.bucket.behave(|b| b.page_size = 1);
        // `marks` is empty, and one page
        let page = if folder == "/marks/" { 1 } else { 2 };
        let rule = Rule::on("ListObjectsV2").key(folder).nth(page).always();
        let refuse = Fault::Refuse {
            status: 400,
            code: "InvalidRequest",
        };
        scene.bucket.inject(rule, refuse);
        scene.deletes_nothing(4);
    }
}

/// 200, and an error in the place of the list: that is no empty list.
#[test]
fn a_list_that_is_an_error_stops_everything() {
    let (scene, _) = Scene::with_one_expired();
    let lie = Fault::ErrorInBody { code: "InvalidRequest" };
    let rule = Rule::on("ListObjectsV2").key("/records/").always();
    scene.bucket.inject(rule, lie);
    scene.deletes_nothing(4);
}

#[test]
fn tags_and_locks_that_can_not_be_looked_at_stop_everything() {
    for operation in ["GetObjectTagging", "HeadObject"] {
        let (scene, _) = Scene::with_one_expired();
        let refuse = Fault::Refuse {
            status: 400,
            code: "InvalidRequest",
        };
        scene.bucket.inject(Rule::on(operation).always(), refuse);
        scene.deletes_nothing(4);
    }
}

#[test]
fn nothing_goes_while_the_newest_run_failed() {
    let (scene, old) = Scene::with_one_expired();
    scene.put(Past::failed(0));
    assert_eq!(scene.verdict(&old), ("keep".into(), "blocked".into()));
    let outcome = scene.deletes_nothing(0);
    assert!(outcome.text().contains("the newest run failed"));
    assert!(outcome.text().contains("0 of 3 runs deleted"));
}

#[test]
fn nothing_goes_while_the_newest_backup_looks_suspicious() {
    let (scene, old) = Scene::with_one_expired();
    let newest = scene.put(Past::good(0, "7d").suspicious());
    assert_eq!(scene.verdict(&old), ("keep".into(), "blocked".into()));
    assert!(scene.deletes_nothing(0).text().contains("the newest run is suspicious"));
    scene.run(["accept", &newest.id]).success();
    assert_eq!(scene.pruned(), old.removed());
}

#[test]
fn nothing_goes_while_the_newest_backup_is_lost() {
    type Spoil = fn(&Scene, &Made);
    let spoils: [Spoil; 3] = [
        |scene, made| assert!(scene.bucket.delete(&made.archive)),
        |scene, made| scene.bucket.write(&made.archive, b"short".to_vec()),
        |scene, made| {
            let archive = scene.bucket.read(&made.archive).unwrap();
            scene.bucket.delete(&made.archive);
            let elsewhere = made.archive.replace("/daily/", "/weekly/");
            scene.bucket.write(&elsewhere, archive);
        },
    ];
    for spoil in spoils {
        let (scene, old) = Scene::with_one_expired();
        let newest = scene.put(Past::good(0, "7d"));
        spoil(&scene, &newest);
        assert_eq!(scene.verdict(&old), ("keep".into(), "blocked".into()));
        let outcome = scene.deletes_nothing(0);
        assert!(outcome.text().contains("archive is lost"), "{}", outcome.text());
    }
}

#[test]
fn failures_suspects_and_lost_ones_push_no_good_one_out() {
    let scene = Scene::new();
    let good = [90, 80, 70].map(|hours| scene.put(Past::good(hours, "1h")));
    for hours in [60, 59, 58] {
        scene.put(Past::failed(hours));
        let lost = scene.put(Past::good(hours - 20, "7d"));
        scene.bucket.delete(&lost.archive);
    }
    scene.put(Past::good(50, "7d").suspicious());
    let newest = scene.put(Past::good(1, "1h"));
    let agent = scene.agent().env("PGCOFFER_KEEP_LAST", "3");
    let (changes, _) = scene.changed_by(&agent, 0);
    assert_eq!(changes, good[0].removed());
    for made in [&good[1], &good[2], &newest] {
        scene.run(["verify", &made.id]).success();
    }
}

#[test]
fn what_began_ahead_of_the_clock_counts_for_nothing() {
    let scene = Scene::new();
    let old = scene.put(Past::good(48, "1h"));
    let ahead = scene.put(Past::good(-2, "1h"));
    assert_eq!(scene.verdict(&ahead).1, "ahead");
    assert_eq!(scene.verdict(&old).1, "floor");
    scene.deletes_nothing(0);
}
