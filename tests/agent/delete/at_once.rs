//! Deletions of several backups at once: together they delete no more than each of them may.

use jiff::{SignedDuration, Timestamp};
use pgcoffer::{
    backup::{AnnouncedDeletion, BackupId, Label, Mark},
    seal::{Content, PayloadCompression},
};

use super::confirmed::changed_by;
use crate::{
    prune::{
        past::{Made, Past, secret},
        scene::Scene,
    },
    stage::{KEY, wait_until},
    testbed::{ConditionalWrites, Fault, Rule, sealed},
};

fn with_two() -> (Scene, [Made; 2]) {
    let scene = Scene::new();
    let made = [24, 1].map(|hours| scene.put(Past::good(hours, "7d")));
    (scene, made)
}

fn standing(scene: &Scene, made: &[Made]) -> usize {
    made.iter()
        .filter(|one| scene.bucket.read(&one.record).is_some())
        .count()
}

#[test]
fn two_never_delete_the_last_two() {
    for conditional in [ConditionalWrites::Everywhere, ConditionalWrites::Nowhere] {
        for turn in 0..8 {
            let (scene, made) = with_two();
            scene.bucket.behave(|b| b.conditional_writes = conditional);
            let agent = scene.agent();
            let both = [0, 1].map(|at: usize| agent.spawn(["delete", "--yes", &made[(at + turn) % 2].id]));
            let codes = both.map(|running| running.wait().code());
            let left = standing(&scene, &made);
            assert!(left >= 1, "{conditional:?}, turn {turn}: {codes:?}");
            let gone = codes.iter().filter(|code| **code == 0).count();
            assert_eq!(
                (left, codes.iter().all(|code| [0, 2].contains(code))),
                (2 - gone, true),
                "{codes:?}"
            );
            if gone == 0 {
                // refused, they hinder nobody afterwards
                scene.run(["delete", "--yes", &made[0].id]).success();
            }
        }
    }
}

#[test]
fn one_that_waits_between_its_look_and_its_delete_is_seen() {
    let (scene, made) = with_two();
    let rule = Rule::on("DeleteObject").key(&made[0].record);
    scene.bucket.inject(rule, Fault::Delay { millis: 20_000 });
    let running = scene.agent().spawn(["delete", "--yes", &made[0].id]);
    wait_until("the DELETE comes", || scene.bucket.count("DeleteObject") > 0);
    let refused = scene.run(["delete", "--yes", &made[1].id]).ended_with(2);
    assert!(
        refused.stderr.contains("are about to be deleted as well (1)"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("30 minutes"), "{}", refused.stderr);
    running.wait();
    assert!(scene.bucket.read(&made[1].record).is_some());
}

fn announce(scene: &Scene, made: &Made, minutes_ago: i64) {
    let mut mark = Mark::new(&Label::parse("main").unwrap(), &BackupId::parse(&made.id).unwrap());
    mark.deletions.push(AnnouncedDeletion {
        at: Timestamp::now() - SignedDuration::from_mins(minutes_ago),
        by: "one that died".into(),
    });
    let (content, plain) = (Content::Mark, PayloadCompression::None);
    let sealed = sealed(&made.id, content, plain, "main", &secret(KEY), &mark.to_json());
    scene.bucket.write(&made.mark, sealed);
}

#[test]
fn an_announcement_of_one_that_died_ends_by_itself() {
    let (scene, made) = with_two();
    announce(&scene, &made[1], 5);
    let (changes, _) = changed_by(&scene, &[&made[0].id], 2);
    assert_eq!(changes, [""; 0]);
    announce(&scene, &made[1], 60);
    assert_eq!(changed_by(&scene, &[&made[0].id], 0).0, made[0].removed());
}

#[test]
fn where_marks_can_not_be_written_that_is_said() {
    let (scene, made) = with_two();
    scene
        .bucket
        .inject(Rule::on("PutObject").always(), Fault::access_denied());
    let (_, outcome) = changed_by(&scene, &[&made[0].id], 0);
    assert!(outcome.stderr.contains("can't be announced"), "{}", outcome.stderr);
}
