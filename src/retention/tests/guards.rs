//! What protects a run beside its retention: holds, locks and tags.

use super::{
    rules::{NOW, beside_a_good_one, daily, guarded, reasons, tagged, with},
    world::id,
    *,
};

#[test]
fn holds_and_locks_come_first() {
    let old = || daily(40, "1d");
    let hold = |run| guarded(run, |guards| guards.hold = Some("anna: audit".to_owned()));
    let legal = |run| guarded(run, |guards| guards.legal_hold = true);
    let lock = |run, until| guarded(run, |guards| guards.locked_until = Some(at(until)));
    let locked = |run| lock(run, "2027-04-01T00:00:00Z");
    assert_eq!(beside_a_good_one(hold(legal(locked(old())))), "held: anna: audit");
    assert_eq!(beside_a_good_one(legal(locked(old()))), "legal hold");
    assert_eq!(beside_a_good_one(locked(old())), "locked until 2027-04-01 00:00 UTC");
    assert_eq!(
        beside_a_good_one(locked(daily(1, "forever"))),
        "locked until 2027-04-01 00:00 UTC"
    );
    let gone = "- daily expired 2027-01-30 03:00 UTC";
    assert_eq!(beside_a_good_one(lock(old(), NOW)), gone);
    assert_eq!(
        beside_a_good_one(hold(with(RetentionOutcome::Failed, old()))),
        "held: anna: audit"
    );
    let odd = guarded(old(), |guards| guards.hold = Some("a\u{1b}[2J\nb".to_owned()));
    assert_eq!(beside_a_good_one(odd), r#"held: "a\u{1b}[2J\nb""#);
}

#[test]
fn tags_lengthen_and_never_shorten() {
    let old = || daily(40, "1d");
    let gone = "- daily expired 2027-01-30 03:00 UTC";
    let tags = |retain, expires, hold| beside_a_good_one(tagged(old(), retain, expires, hold));
    assert_eq!(tags("1d", Some("2027-01-30T03:00:00Z"), None), gone);
    assert_eq!(tags("1d", Some(NOW), None), gone);
    assert_eq!(tags("1h", None, None), gone);
    assert_eq!(tags("30d", None, None), gone);
    assert_eq!(tags("41d", None, None), "its tags say until 2027-03-11 03:00 UTC");
    assert_eq!(tags("forever", None, None), "its tags say forever");
    let later = "2027-05-01T00:00:00Z";
    assert_eq!(tags("1d", Some(later), None), "its tags say until 2027-05-01 00:00 UTC");
    assert_eq!(tags("1d", None, Some("bo")), "held: bo");
    let short = tagged(daily(3, "7d"), "1h", Some("2027-03-07T04:00:00Z"), None);
    assert_eq!(beside_a_good_one(short), "daily until 2027-03-14 03:00 UTC");
    for (tags, told) in [
        (TagState::None, gone),
        (TagState::NotLooked, gone),
        (
            TagState::Missing("pgcoffer:retain".into()),
            "its tag pgcoffer:retain is missing",
        ),
        (
            TagState::Foreign("pgcoffer:owner".into()),
            "its tag pgcoffer:owner is not ours",
        ),
        (
            TagState::Unreadable("pgcoffer:retain".into()),
            "its tag pgcoffer:retain can't be read",
        ),
    ] {
        let run = guarded(old(), |guards| guards.tags = tags);
        assert_eq!(beside_a_good_one(run), told);
    }
}

#[test]
fn a_larger_count_in_the_tags_is_taken_for_the_sealed_one() {
    let runs = |retain: &str| {
        let all = [daily(0, "1"), daily(1, "1"), tagged(daily(2, "1"), retain, None, None)];
        reasons(&all, 1).swap_remove(2)
    };
    assert_eq!(runs("1"), "- not among the newest 1 daily");
    assert_eq!(runs("2"), "- not among the newest 1 daily");
    assert_eq!(runs("3"), "its tags say 3: daily 3 of 3");
    let mut again = daily(2, "9");
    again.started += SignedDuration::from_hours(2);
    again.id = id(again.started, 1);
    let all = [daily(0, "1"), again, tagged(daily(2, "1"), "3", None, None)];
    let replaced = "- there is a newer daily of the same period";
    assert_eq!(reasons(&all, 1), ["daily 1 of 1", "daily 2 of 9", replaced]);
    // the tags as written: the largest of what it serves, which is no larger count for the other tiers
    let mut both = tagged(daily(2, "1"), "24", None, None);
    let hourly = Served {
        tier: Tier::Hourly,
        due: both.started,
        retention: Retention::Newest(24),
    };
    both.serves.push(hourly);
    let newer = (0..24).map(|hours| {
        let mut run = daily(0, "1");
        run.started += SignedDuration::from_mins(20 * hours);
        run.id = id(run.started, 1);
        let due = run.started;
        run.serves = vec![Served { due, ..hourly }];
        run
    });
    let mut all: Vec<_> = newer.chain([daily(1, "1"), both]).collect();
    assert_eq!(reasons(&all, 1).pop().unwrap(), "- not among the newest 1 daily");
    all.remove(0);
    assert_eq!(reasons(&all, 1).pop().unwrap(), "hourly 24 of 24");
}
