//! Schedule and retention together, over weeks of ticks: what each clause asks for is made, kept as long as it says, and
//! no longer.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::{prelude::*, sample::select};

use crate::{
    backup::{BackupId, Label, Retention, Served},
    retention::{KeepReason, Protection, RetentionOutcome, RetentionPolicy, RetentionRun, RetentionVerdict, plan},
    schedule::{PastRun, RunEnd, Schedule, ScheduleClause, ScheduleWarning},
    seal::{DatabaseIdentity, MasterKey, RepositoryId, Secret},
};

fn identity() -> DatabaseIdentity {
    let repository: RepositoryId = "c0ffee00112233445566778899aabbcc".parse().unwrap();
    let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    Secret::Key(MasterKey::parse(key).unwrap())
        .identity(&repository, "main")
        .unwrap()
}

/// Good backups, each with the clauses that it was made for.
struct World {
    schedule: Schedule,
    zone: TimeZone,
    identity: DatabaseIdentity,
    made: Vec<(RetentionRun, Vec<usize>)>,
    /// Of each clause the due moments that have their backup.
    served: Vec<BTreeSet<Timestamp>>,
    policy: RetentionPolicy,
}

impl World {
    fn new(text: &str, zone: &str) -> Option<Self> {
        let zone = TimeZone::get(zone).unwrap();
        let schedule = Schedule::parse(text, &zone).ok()?;
        // what is deleted before the next one is due is made again, and warned of
        let is_gap = |warning: &ScheduleWarning| matches!(warning, ScheduleWarning::Gap { .. });
        // so is what is kept just as long as the time to the next one, on the day that has an hour more
        let is_tight = |clause: &ScheduleClause| {
            let period = i64::try_from(clause.when.period_minutes()).ok()?;
            let kept = clause.keep.expires(Timestamp::UNIX_EPOCH)?;
            Some(kept.as_second() == period * 60)
        };
        let is_tight = |clause: &ScheduleClause| is_tight(clause).unwrap_or(false);
        if schedule.warnings().iter().any(is_gap) || schedule.clauses().iter().any(is_tight) {
            return None;
        }
        let policy = RetentionPolicy {
            keep_last: std::num::NonZeroU32::MIN,
            // these keep longer than a schedule says, and have tests of their own
            stood_days: &[],
        };
        Some(Self {
            served: vec![BTreeSet::new(); schedule.clauses().len()],
            schedule,
            zone,
            identity: identity(),
            made: Vec::new(),
            policy,
        })
    }

    fn latest(&self, clause: &ScheduleClause, now: Timestamp) -> Timestamp {
        clause.when.latest(&self.zone, now).unwrap()
    }

    fn history(&self) -> Vec<PastRun> {
        let past = |run: &RetentionRun| PastRun {
            started: run.started,
            finished: run.started + SignedDuration::from_secs(30),
            ended: RunEnd::Good,
            serves: run.serves.clone(),
        };
        self.made.iter().map(|(run, _)| past(run)).collect()
    }

    /// Makes what is due, and deletes what may go.
    fn tick(&mut self, now: Timestamp) -> Result<(), TestCaseError> {
        let due: Vec<Served> = self.schedule.due(&self.history(), now);
        let clauses = self.schedule.clauses().to_vec();
        let latest: Vec<Timestamp> = clauses.iter().map(|clause| self.latest(clause, now)).collect();
        let waiting = |n: &usize| !self.served[*n].contains(&latest[*n]);
        let asked_for: Vec<usize> = (0..clauses.len()).filter(waiting).collect();
        prop_assert_eq!(due.is_empty(), asked_for.is_empty(), "twice, or not at all, at {}", now);
        if !due.is_empty() {
            for n in &asked_for {
                self.served[*n].insert(latest[*n]);
            }
            let run = RetentionRun {
                id: BackupId::new(&self.identity, &Label::parse("main").unwrap(), now),
                started: now,
                arrived: None,
                outcome: RetentionOutcome::Good,
                counts: true,
                serves: due,
                retained: None,
                guards: Protection::NONE,
            };
            self.made.push((run, asked_for));
        }
        self.prune(now, &clauses)
    }

    fn prune(&mut self, now: Timestamp, clauses: &[ScheduleClause]) -> Result<(), TestCaseError> {
        let runs: Vec<RetentionRun> = self.made.iter().map(|(run, _)| run.clone()).collect();
        let plan = plan(&runs, &self.policy, now);
        for line in &plan.lines {
            let (run, asked_for) = self.made.iter().find(|(run, _)| run.id == line.id).unwrap();
            let is_kept_by = |n: &usize| {
                let end = clauses[*n].keep.expires(run.started);
                end.is_none_or(|end| end > now)
            };
            let has_to_stay = asked_for.iter().any(is_kept_by);
            match &line.verdict {
                RetentionVerdict::Delete(_) => {
                    prop_assert!(!has_to_stay, "{} goes too early: {}", run.id, line.verdict);
                }
                RetentionVerdict::Keep(KeepReason::Floor { .. } | KeepReason::Newest) => {}
                RetentionVerdict::Keep(_) => {
                    prop_assert!(has_to_stay, "{} stays too long: {}", run.id, line.verdict);
                }
            }
        }
        let gone: BTreeSet<_> = plan.deletions().map(|line| line.id.clone()).collect();
        self.made.retain(|(run, _)| !gone.contains(&run.id));
        Ok(())
    }
}

/// Schedules of several clauses a tier.
fn any_schedule() -> impl Strategy<Value = String> {
    let clause = prop_oneof![
        select(&["every 15 minutes", "every 30 minutes", "hourly", "hourly at :20"][..]),
        select(
            &[
                "every 2 hours",
                "every 6 hours",
                "every 6 hours at 02:30",
                "every 12 hours at 01:00"
            ][..]
        ),
        select(&["daily at 02:30", "daily at 14:30", "daily at 00:00", "daily at 02:00"][..]),
        select(
            &[
                "weekly on sunday at 02:30",
                "weekly on wednesday at 02:30",
                "weekly on monday at 14:30"
            ][..]
        ),
    ];
    let keep = select(
        &[
            Retention::Hours(6),
            Retention::Days(1),
            Retention::Days(3),
            Retention::Days(7),
            Retention::Weeks(2),
            Retention::Forever,
        ][..],
    );
    prop::collection::btree_map(clause, keep, 1..6).prop_map(|clauses| {
        let clauses: Vec<String> = clauses
            .iter()
            .map(|(when, keep)| format!("{when} keep {keep}"))
            .collect();
        clauses.join(", ")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_clause_is_kept_as_it_says(
        text in any_schedule(),
        // both changes of the clock, a day that was skipped, and half an hour
        (zone, start) in select(&[
            ("UTC", "2027-03-01T00:00:00Z"),
            ("Europe/Berlin", "2027-03-26T00:00:00Z"),
            ("Europe/Berlin", "2027-10-29T00:00:00Z"),
            ("America/New_York", "2027-11-05T00:00:00Z"),
            ("Australia/Lord_Howe", "2027-04-02T00:00:00Z"),
            ("Pacific/Apia", "2011-12-28T00:00:00Z"),
        ][..]),
        step in select(&[10_i64, 60, 60, 300][..]),
        outages in prop::collection::vec((0..200_usize, 1..4000_i64), 0..4),
    ) {
        let Some(mut world) = World::new(&text, zone) else { return Ok(()) };
        let mut now: Timestamp = start.parse().unwrap();
        for n in 0..200 {
            let pause = outages.iter().find(|(at, _)| *at == n).map_or(step, |(_, minutes)| *minutes);
            now += SignedDuration::from_mins(pause);
            world.tick(now)?;
            // once more at once: nothing is made twice
            let made = world.made.len();
            world.tick(now + SignedDuration::from_secs(20))?;
            prop_assert!(world.made.len() <= made);
        }
    }
}
