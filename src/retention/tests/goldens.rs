//! What stands after years, with reasons: read these files before the rules.

use std::fmt::Write as _;

use super::{
    world::{World, left, schedule},
    *,
};

const BY_AGE: &str = "hourly 24h, daily 7d, weekly 5w, monthly 12mo";
const BY_COUNT: &str = "hourly 24, daily 7, weekly 5, monthly 12";

/// The text of a golden file in `src/retention/golden`. `INSTA_UPDATE=always` writes it anew.
fn assert_golden(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path("../golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// A line for each run: when, what it serves, what becomes of it and why.
fn table(runs: &[RetentionRun], plan: &RetentionPlan) -> String {
    let mut text = String::new();
    for line in &plan.lines {
        let run = runs.iter().find(|run| run.id == line.id).unwrap();
        let tiers: Vec<_> = run.serves.iter().map(|s| s.tier.as_str()).collect();
        let tiers = match run.outcome {
            RetentionOutcome::Good => tiers.join("+"),
            outcome => format!("{} ({outcome:?})", tiers.join("+")),
        };
        let word = if line.is_deletion() { "delete" } else { "keep" };
        let (time, verdict) = (run.started.strftime("%a %Y-%m-%d %H:%M"), &line.verdict);
        writeln!(text, "{time}  {tiers:<28}  {word:<6}  {verdict}").unwrap();
    }
    let deleted = plan.deleted();
    let kept = plan.lines.len() - deleted;
    writeln!(text, "kept {kept}, deleted {deleted}").unwrap();
    text
}

/// Hourly ticks; pruned at half past one each day, and at the end.
fn live(text: &str, from: &str, to: &str, outcome: impl Fn(usize) -> RetentionOutcome) -> (World, Vec<RetentionRun>) {
    let mut world = World::new(0, schedule(text));
    let (mut now, end, mut count) = (at(from), at(to), 0);
    let mut all = Vec::new();
    while now <= end {
        let before = world.runs.len();
        world.tick(now, outcome(count));
        count += 1;
        all.extend(world.runs[before..].iter().cloned());
        if now.strftime("%H").to_string() == "01" && now < end {
            world.prune(&floor(3), now + SignedDuration::from_mins(30));
        }
        now += SignedDuration::from_hours(1);
    }
    (world, all)
}

/// Three years of hourly ticks, all good: what daily pruning left is what one plan over all runs keeps.
fn three_years(text: &str) -> (Vec<RetentionRun>, RetentionPlan) {
    let (world, all) = live(text, "2026-01-01T00:00:00Z", "2029-03-14T15:00:00Z", |_| {
        RetentionOutcome::Good
    });
    let now = at("2029-03-14T15:20:00Z");
    let daily = plan(&world.runs, &floor(3), now);
    let once = plan(&all, &floor(3), now);
    assert_eq!(left(&world.runs, &daily), left(&all, &once));
    (world.runs, daily)
}

#[test]
fn three_years_by_age() {
    let (runs, plan) = three_years(BY_AGE);
    assert_golden("by_age", &table(&runs, &plan));
}

#[test]
fn three_years_by_count() {
    let (runs, plan) = three_years(BY_COUNT);
    assert_golden("by_count", &table(&runs, &plan));
}

/// Nine years with failures, backups that looked wrong, a gap, a hold, a lock and a schedule that was edited.
#[test]
fn a_long_and_troubled_life() {
    let kinds = |count: usize| match count {
        _ if count.is_multiple_of(23) => RetentionOutcome::Failed,
        _ if count.is_multiple_of(59) => RetentionOutcome::Suspicious,
        _ => RetentionOutcome::Good,
    };
    let mut world = World::new(0, schedule("daily 14, weekly 5w, monthly 12mo, yearly 7y"));
    let mut all = Vec::new();
    let (mut now, end) = (at("2026-01-01T03:00:00Z"), at("2035-03-14T15:00:00Z"));
    let (gap, edit) = (at("2035-02-06T00:00:00Z"), at("2035-03-08T00:00:00Z"));
    for count in 0.. {
        if now > end {
            break;
        }
        if now > edit {
            world.edit(schedule("daily 7, weekly 5w, monthly 12mo, yearly 7y"));
        }
        let before = world.runs.len();
        if now.duration_since(gap).as_hours().unsigned_abs() > 100 {
            world.tick(now, kinds(count));
        }
        all.extend(world.runs[before..].iter().cloned());
        now += SignedDuration::from_hours(6);
    }
    let started = |day: &str| {
        let found = all.iter().position(|run| run.started.to_string().starts_with(day));
        found.unwrap()
    };
    let (held, locked) = (started("2031-08-17"), started("2034-11-05"));
    let (suspicious, ahead) = (started("2035-03-10"), started("2035-03-12"));
    all[held].guards.hold = Some("anna: state before the migration".to_owned());
    all[locked].guards.locked_until = Some(at("2035-11-05T03:00:00Z"));
    all[suspicious].outcome = RetentionOutcome::Suspicious;
    let mut early = all[ahead].clone();
    early.started = at("2036-03-12T03:00:00Z");
    early.id = world::id(early.started, 0);
    all.push(early);
    let plan = plan(&all, &RetentionPolicy::default(), end);
    // of nine years of deletions, those of this year's backups
    let mut shown = plan.clone();
    shown
        .lines
        .retain(|line| !line.is_deletion() || line.id.time() > at("2035-01-01T00:00:00Z"));
    assert_golden("troubled", &table(&all, &shown));
}
