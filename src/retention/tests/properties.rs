//! What holds whatever happened: lives of schedules with failures, gaps, wrong clocks and edits, held against the
//! oracle.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    oracle,
    world::{World, left},
    *,
};

/// What happens next to a database.
#[derive(Debug, Clone)]
enum Event {
    /// the agent ticks, and a run ends so
    Tick(RetentionOutcome),
    /// the newest run's periods are made again
    Repeat(RetentionOutcome),
    /// a person asks for a backup
    Ask(RetentionOutcome, Retention),
    /// nobody ticks for so many steps
    Gap(u8),
    /// the clock goes wrong by so many minutes, or right again
    Clock(i32),
    /// the schedule is edited
    Edit(Vec<(Tier, Retention)>),
    /// the newest run gets guards
    Guard(Protection),
    /// a person gives the newest run a retention of its own, in its tags as well or in its mark alone
    Retain(Retention, bool),
}

fn outcome() -> impl Strategy<Value = RetentionOutcome> {
    prop_oneof![
        16 => Just(RetentionOutcome::Good),
        2 => Just(RetentionOutcome::Failed),
        1 => Just(RetentionOutcome::NoRoom),
        1 => Just(RetentionOutcome::Suspicious),
        1 => Just(RetentionOutcome::Lost),
    ]
}

fn by_age() -> impl Strategy<Value = Retention> {
    prop_oneof![
        4 => (1..100_u16).prop_map(Retention::Hours),
        4 => (1..60_u16).prop_map(Retention::Days),
        4 => (1..10_u16).prop_map(Retention::Weeks),
        2 => (1..24_u16).prop_map(Retention::Months),
        2 => (1..8_u16).prop_map(Retention::Years),
        1 => Just(Retention::Forever),
    ]
}

fn retention() -> impl Strategy<Value = Retention> {
    prop_oneof![2 => by_age().boxed(), 1 => (1..40_u16).prop_map(Retention::Newest).boxed()]
}

fn schedule(retention: impl Strategy<Value = Retention>) -> impl Strategy<Value = Vec<(Tier, Retention)>> {
    let tiers = proptest::sample::subsequence(Tier::ALL[1..].to_vec(), 1..=5);
    (tiers, vec(retention, 5)).prop_map(|(tiers, of)| tiers.into_iter().zip(of).collect())
}

fn guards() -> impl Strategy<Value = Protection> {
    let moment = || {
        let seconds = at("2026-01-01T00:00:00Z").as_second()..at("2036-01-01T00:00:00Z").as_second();
        seconds.prop_map(|second| Timestamp::from_second(second).unwrap())
    };
    let hold = || prop_oneof![9 => Just(None), 1 => Just(Some("anna".to_owned()))];
    let tags = prop_oneof![
        2 => Just(TagState::NotLooked),
        1 => Just(TagState::Unsupported),
        1 => Just(TagState::None),
        1 => Just(TagState::Missing("a".to_owned())),
        1 => Just(TagState::Foreign("a".to_owned())),
        1 => Just(TagState::Unreadable("a".to_owned())),
        8 => (retention(), proptest::option::of(moment()), hold())
            .prop_map(|(retain, expires, hold)| TagState::Read { retain, expires, hold }),
    ];
    let locked = prop_oneof![3 => Just(None), 1 => moment().prop_map(Some)];
    (hold(), locked, prop::bool::weighted(0.1), tags).prop_map(|(hold, locked_until, legal_hold, tags)| Protection {
        hold,
        locked_until,
        legal_hold,
        tags,
    })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        40 => outcome().prop_map(Event::Tick),
        2 => outcome().prop_map(Event::Repeat),
        2 => (outcome(), retention()).prop_map(|(outcome, keep)| Event::Ask(outcome, keep)),
        2 => (1..20_u8).prop_map(Event::Gap),
        1 => prop_oneof![Just(0), -100_000..100_000, -30..30].prop_map(Event::Clock),
        1 => schedule(retention()).prop_map(Event::Edit),
        6 => guards().prop_map(Event::Guard),
        6 => (by_age(), any::<bool>()).prop_map(|(keep, tagged)| Event::Retain(keep, tagged)),
    ]
}

/// A database's life, and what is asked of it at its end.
#[derive(Debug, Clone)]
struct Life {
    step: SignedDuration,
    schedule: Vec<(Tier, Retention)>,
    events: Vec<Event>,
    policy: RetentionPolicy,
}

/// From days of hourly ticks to years of weekly ones.
fn life() -> impl Strategy<Value = Life> {
    let step = select(vec![1, 5, 24, 24, 24, 170]).prop_map(SignedDuration::from_hours);
    let keep_last = (1..=5_u32).prop_map(floor);
    (step, schedule(retention()), vec(event(), 1..250), keep_last).prop_map(|(step, schedule, events, policy)| Life {
        step,
        schedule,
        events,
        policy,
    })
}

impl Life {
    /// Lives it, and calls `each` after every event with the true time.
    fn live(&self, database: u64, mut each: impl FnMut(&mut World, Timestamp)) -> (World, Timestamp) {
        let mut world = World::new(database, self.schedule.clone());
        let mut now = at("2026-01-01T00:10:00Z");
        let mut wrong = SignedDuration::ZERO;
        for event in &self.events {
            now += self.step;
            let clock = now + wrong;
            match event.clone() {
                Event::Tick(outcome) => world.tick(clock, outcome),
                Event::Repeat(outcome) => world.repeat(clock, outcome),
                Event::Ask(outcome, retention) => world.ask(clock, outcome, retention),
                Event::Gap(steps) => now += self.step * i32::from(steps),
                Event::Clock(minutes) => wrong = SignedDuration::from_mins(minutes.into()),
                Event::Edit(schedule) => world.edit(schedule),
                Event::Guard(guards) => {
                    if let Some(run) = world.runs.last_mut() {
                        run.guards = guards;
                    }
                }
                Event::Retain(keep, tagged) => {
                    if let Some(run) = world.runs.last_mut() {
                        retain(run, keep, tagged);
                    }
                }
            }
            each(&mut world, now);
        }
        (world, now)
    }

    fn lived(&self) -> (Vec<RetentionRun>, Timestamp) {
        let (world, now) = self.live(0, |_, _| {});
        (world.runs, now)
    }

    fn plan(&self, runs: &[RetentionRun], now: Timestamp) -> RetentionPlan {
        plan(runs, &self.policy, now)
    }
}

fn retain(run: &mut RetentionRun, retain: Retention, tagged: bool) {
    run.retained = Some(retain);
    if tagged {
        let expires = retain.expires(run.started);
        run.guards.tags = TagState::Read {
            retain,
            expires,
            hold: None,
        };
    }
}

fn deletions(plan: &RetentionPlan) -> BTreeSet<BackupId> {
    plan.deletions().map(|line| line.id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Never one that is to be kept, and always one that is not; a line for each, newest first.
    #[test]
    fn the_plan_is_what_the_rules_say(life in life(), late in 0..2000_i64) {
        let (runs, end) = life.lived();
        let now = end + SignedDuration::from_hours(late);
        let plan = life.plan(&runs, now);
        let gone = deletions(&plan);
        for run in &runs {
            let may_go = oracle::may_go(run, &runs, &life.policy, now);
            prop_assert_eq!(gone.contains(&run.id), may_go, "{:?} in {:?}", run, plan);
        }
        prop_assert_eq!(plan.lines.len(), runs.len());
        let ids: Vec<_> = plan.lines.iter().map(|line| &line.id).collect();
        prop_assert!(ids.is_sorted_by(|a, b| a > b));
    }

    #[test]
    fn the_order_of_the_listing_makes_no_difference(life in life(), turn in any::<prop::sample::Index>()) {
        let (mut runs, now) = life.lived();
        prop_assume!(!runs.is_empty());
        let plan = life.plan(&runs, now);
        let at = turn.index(runs.len());
        runs.rotate_left(at);
        prop_assert_eq!(&life.plan(&runs, now), &plan);
        runs[at / 2..].reverse();
        prop_assert_eq!(&life.plan(&runs, now), &plan);
    }

    /// The next plan deletes nothing more, and after half the work nothing but the rest.
    #[test]
    fn a_plan_carried_out_leaves_nothing_to_do(life in life(), half in any::<u64>()) {
        let (runs, now) = life.lived();
        let whole = life.plan(&runs, now);
        prop_assert_eq!(life.plan(&left(&runs, &whole), now).deleted(), 0);
        let mut part = whole.clone();
        let mut bit = (0..64).cycle();
        part.lines.retain(|_| half >> bit.next().unwrap() & 1 == 1);
        let rest = life.plan(&left(&runs, &part), now);
        prop_assert!(deletions(&rest).is_subset(&deletions(&whole)));
    }

    /// Planned without tags, then again with them: only fewer go.
    #[test]
    fn tags_only_lengthen(life in life()) {
        let (runs, now) = life.lived();
        let mut without = runs.clone();
        for run in &mut without {
            run.guards.tags = TagState::NotLooked;
        }
        let first = deletions(&life.plan(&without, now));
        prop_assert!(deletions(&life.plan(&runs, now)).is_subset(&first));
        // tags are looked at only of what would go
        let mut asked = runs;
        for run in asked.iter_mut().filter(|run| !first.contains(&run.id)) {
            run.guards.tags = TagState::NotLooked;
        }
        prop_assert!(deletions(&life.plan(&asked, now)).is_subset(&first));
    }

    /// A retention of its own keeps a run at once; a mark that shortens, without the tags, deletes nothing more.
    #[test]
    fn a_mark_alone_only_lengthens(life in life(), of in any::<prop::sample::Index>(), keep in by_age()) {
        let (mut runs, now) = life.lived();
        prop_assume!(!runs.is_empty());
        for run in &mut runs {
            // everything was looked at
            if run.guards.tags == TagState::NotLooked {
                run.guards.tags = TagState::None;
            }
        }
        let before = deletions(&life.plan(&runs, now));
        let at = of.index(runs.len());
        let run = &mut runs[at];
        let agreed = matches!(run.guards.tags, TagState::Read { retain, .. } if retain == keep);
        prop_assume!(!agreed && run.retained.is_none());
        retain(run, keep, false);
        let (id, failed, until) = (run.id.clone(), run.outcome.is_failure(), keep.expires(run.started));
        let after = deletions(&life.plan(&runs, now));
        prop_assert!(after.is_subset(&before));
        prop_assert!(failed || until.is_some_and(|until| until <= now) || !after.contains(&id));
    }

    /// Of a fixed set of runs that time alone keeps, none comes back.
    #[test]
    fn time_only_moves_from_keep_to_delete(life in life(), hours in 0..20_000_i64) {
        let (mut runs, end) = life.lived();
        // a clock that was ahead becomes right in time: such a run may become the newest, and it may have failed
        runs.retain(|run| !run.is_ahead(end));
        let (first, second) = (life.plan(&runs, end), life.plan(&runs, end + SignedDuration::from_hours(hours)));
        prop_assert!(deletions(&first).is_subset(&deletions(&second)));
    }

    /// Several databases in one bucket: each is planned from its own runs, as if the others were not there.
    #[test]
    fn databases_do_not_touch_each_other(lives in vec(life(), 2..4)) {
        let worlds: Vec<_> = (0..).zip(&lives).map(|(n, life)| life.live(n, |_, _| {})).collect();
        let now = worlds.iter().map(|(_, now)| *now).max().unwrap();
        let mut bucket: Vec<_> = worlds.iter().flat_map(|(world, _)| world.runs.clone()).collect();
        bucket.sort_by(|a, b| a.id.cmp(&b.id));
        for ((world, _), life) in worlds.iter().zip(&lives) {
            let own: BTreeSet<_> = world.runs.iter().map(|run| &run.id).collect();
            let listed: Vec<_> = bucket.iter().filter(|run| own.contains(&run.id)).cloned().collect();
            let plan = life.plan(&listed, now);
            prop_assert_eq!(&plan, &life.plan(&world.runs, now));
            prop_assert!(plan.lines.iter().all(|line| own.contains(&line.id)));
        }
    }
}

/// How many backups of a tier stand at most in a steady life: by count so many, by age so many and the one that is due.
fn most(tier: Tier, retention: Retention) -> u64 {
    let period_hours = match tier {
        Tier::Manual | Tier::Hourly => 1,
        Tier::Daily => 24,
        Tier::Weekly => 24 * 7,
        Tier::Monthly => 24 * 28,
        Tier::Yearly => 24 * 365,
    };
    let hours = match retention {
        Retention::Newest(count) => return count.into(),
        Retention::Forever => return u64::MAX / 10,
        Retention::Hours(n) => u64::from(n),
        Retention::Days(n) => 24 * u64::from(n),
        Retention::Weeks(n) => 24 * 7 * u64::from(n),
        Retention::Months(n) => 24 * 31 * u64::from(n),
        Retention::Years(n) => 24 * 366 * u64::from(n),
    };
    hours / period_hours + 2
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Pruned after every event of a life, as many good ones stand as the floor wants, or all that were ever made.
    #[test]
    fn the_floor_always_stands(life in life()) {
        let wanted = life.policy.keep_last.get() as usize;
        let mut made = BTreeSet::new();
        life.live(0, |world, now| {
            let good = |run: &&RetentionRun| run.outcome == RetentionOutcome::Good && !run.is_ahead(now);
            made.extend(world.runs.iter().filter(good).map(|run| run.id.clone()));
            world.prune(&life.policy, now);
            let stand = world.runs.iter().filter(good).count();
            assert!(stand >= wanted.min(made.len()), "{stand} of {} stand", made.len());
            let newest = made.iter().next_back();
            assert!(newest.is_none_or(|newest| world.runs.iter().any(|run| run.id == *newest)));
        });
    }

    /// Years of a steady schedule, with failures that are retried: what stands is bounded by the schedule alone.
    #[test]
    fn a_steady_schedule_stops_growing(
        schedule in schedule(retention()),
        keep_last in 1..=5_u32,
        step in select(vec![8, 24, 72]),
        failing in 2..20_u64,
    ) {
        let mut world = World::new(0, schedule.clone());
        let most: u64 = schedule.iter().map(|&(tier, retention)| most(tier, retention)).sum();
        let failures = 30 * 24 / step as u64 / failing + 2;
        let mut now = at("2026-01-01T00:00:00Z");
        for count in 1..1500_u64 {
            now += SignedDuration::from_hours(step);
            let fails = count.is_multiple_of(failing);
            world.tick(now, if fails { RetentionOutcome::Failed } else { RetentionOutcome::Good });
            // while a failed run is the newest nothing goes
            let failed_last = world.runs.last().is_some_and(|run| run.outcome == RetentionOutcome::Failed);
            if failed_last || !count.is_multiple_of(10) {
                continue;
            }
            world.prune(&floor(keep_last), now);
            let (good, failed): (Vec<_>, Vec<_>) =
                world.runs.iter().partition(|run| run.outcome == RetentionOutcome::Good);
            prop_assert!(good.len() as u64 <= most + u64::from(keep_last), "{} good", good.len());
            prop_assert!(failed.len() as u64 <= failures, "{} failed", failed.len());
        }
    }
}

/// Thirty thousand runs, the worst of them all of one period: a rule that looks at each pair would take minutes.
#[test]
fn a_large_history_is_planned() {
    let mut world = World::new(0, vec![(Tier::Daily, Retention::Newest(7))]);
    let start = at("2026-01-01T03:00:00Z");
    for second in 0..30_000 {
        world.tick(start, RetentionOutcome::Good);
        world.repeat(start + SignedDuration::from_secs(second), RetentionOutcome::Good);
    }
    let plan = plan(&world.runs, &floor(3), start + SignedDuration::from_hours(600));
    assert_eq!(
        (plan.lines.len(), plan.deleted()),
        (world.runs.len(), world.runs.len() - 3)
    );
}
