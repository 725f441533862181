//! The rules once more, as plainly as they can be said, however slow: what the plan is held against.

use jiff::{civil::Date, tz::TimeZone};

use super::*;

const HOUR: i64 = 3600;

/// Whether that run may go.
pub(super) fn may_go(run: &RetentionRun, runs: &[RetentionRun], policy: &RetentionPolicy, now: Timestamp) -> bool {
    let timely = |run: &RetentionRun| run.started.as_second() <= now.as_second() + HOUR / 4;
    let is_newer = |a: &RetentionRun, b: &RetentionRun| (a.started, &a.id) > (b.started, &b.id);
    let runs: Vec<&RetentionRun> = runs.iter().filter(|run| timely(run)).collect();
    let good: Vec<&RetentionRun> = runs
        .iter()
        .copied()
        .filter(|run| run.outcome == RetentionOutcome::Good && run.counts)
        .collect();
    let believed_or_not: Vec<&RetentionRun> = runs
        .iter()
        .copied()
        .filter(|run| run.outcome == RetentionOutcome::Good)
        .collect();
    let is_of_the_floor = |run: &RetentionRun, among: &[&RetentionRun]| {
        let newer = among.iter().filter(|other| is_newer(other, run));
        among.iter().any(|one| one.id == run.id) && newer.count() < policy.keep_last.get() as usize
    };
    let nothing_newer = |run: &&RetentionRun| !runs.iter().any(|other| is_newer(other, run));
    let Some(newest) = runs.iter().copied().find(nothing_newer) else {
        return false;
    };
    let tells = |run: &&&RetentionRun| run.outcome != RetentionOutcome::NoRoom;
    let telling = runs.iter().filter(tells).max_by_key(|run| (run.started, &run.id));
    let Some(telling) = telling else {
        return false;
    };
    let guards = &run.guards;
    timely(run)
        && newest.id != run.id
        && telling.id != run.id
        && telling.outcome == RetentionOutcome::Good
        && ![&good, &believed_or_not]
            .iter()
            .any(|among| is_of_the_floor(run, among) || is_an_elder(run, among, policy, now))
        && guards.hold.is_none()
        && !guards.legal_hold
        && guards.locked_until.is_none_or(|until| until <= now)
        && its_retention_lets_it_go(run, &good, now)
        && its_tags_let_it_go(run, &good, now)
}

/// Whether it has stood for some number of days, and no newer one has.
fn is_an_elder(run: &RetentionRun, good: &[&RetentionRun], policy: &RetentionPolicy, now: Timestamp) -> bool {
    let stood = |other: &RetentionRun, days: i64| {
        now.as_second() - other.arrived.unwrap_or(other.started).as_second() >= days * 24 * HOUR
    };
    good.iter().any(|other| other.id == run.id)
        && policy.stood_days.iter().any(|days| {
            let newer = |other: &&&RetentionRun| (other.started, &other.id) > (run.started, &run.id);
            stood(run, *days) && !good.iter().filter(newer).any(|other| stood(other, *days))
        })
}

fn its_retention_lets_it_go(run: &RetentionRun, good: &[&RetentionRun], now: Timestamp) -> bool {
    let Some(own) = run.retained.filter(|_| !run.outcome.is_failure()) else {
        return its_record_lets_it_go(run, good, now);
    };
    let Some(over) = end(own, run.started) else {
        return its_record_lets_it_go(run, good, now);
    };
    let tags_agree = match &run.guards.tags {
        TagState::NotLooked => true,
        TagState::Read { retain, expires, .. } => {
            *retain == own && expires.is_some_and(|expires| expires.as_second() == over)
        }
        _ => false,
    };
    over <= now.as_second() && (tags_agree || its_record_lets_it_go(run, good, now))
}

fn its_record_lets_it_go(run: &RetentionRun, good: &[&RetentionRun], now: Timestamp) -> bool {
    if run.outcome.is_failure() {
        return now.duration_since(run.started).as_hours() >= 30 * 24;
    }
    let out = |served: &Served| is_out(run, served, served.retention, good, now);
    !run.serves.is_empty() && run.serves.iter().all(out)
}

fn its_tags_let_it_go(run: &RetentionRun, good: &[&RetentionRun], now: Timestamp) -> bool {
    let (retain, expires) = match &run.guards.tags {
        TagState::NotLooked | TagState::Unsupported | TagState::None => return true,
        TagState::Missing(_) | TagState::Foreign(_) | TagState::Unreadable(_) => return false,
        TagState::Read { hold: Some(_), .. } => return false,
        TagState::Read { retain, expires, .. } => (*retain, *expires),
    };
    if let Retention::Newest(count) = retain {
        let sealed = |served: &Served| matches!(served.retention, Retention::Newest(n) if n >= count);
        let out = |served: &Served| is_out(run, served, retain, good, now);
        if !run.serves.iter().any(sealed) && !run.serves.iter().all(out) {
            return false;
        }
    }
    let ends = run
        .serves
        .iter()
        .filter_map(|served| end(served.retention, run.started));
    // a run that failed carries the tags of the backup that it would have been
    let sealed = ends.max().filter(|_| run.outcome.is_failure());
    let told = [end(retain, run.started), expires.map(Timestamp::as_second)];
    told.into_iter()
        .flatten()
        .all(|told| told <= now.as_second() || sealed.is_some_and(|sealed| told <= sealed))
}

/// Whether one tier doesn't keep the run, by age or by count.
fn is_out<'a>(
    run: &RetentionRun,
    served: &Served,
    retention: Retention,
    good: &[&'a RetentionRun],
    now: Timestamp,
) -> bool {
    let Retention::Newest(count) = retention else {
        return end(retention, run.started).unwrap() <= now.as_second();
    };
    let of_tier = || {
        // what was asked for by hand is no period, unless it is counted itself
        let counts = |other: &RetentionRun, s: &Served| {
            let came = other.arrived.unwrap_or(other.started).max(other.started);
            let late = came.as_second() - s.due.as_second() > (2 * hours_of(s.tier) + 24) * HOUR;
            s.tier == served.tier
                && (!late || s.tier == Tier::Manual)
                && (s.due != other.started || matches!(s.retention, Retention::Newest(_)))
        };
        let of = move |other: &&'a RetentionRun| {
            let other = *other;
            let serves = other.serves.iter().filter(move |s| counts(other, s));
            serves.map(move |s| (other, *s)).collect::<Vec<_>>()
        };
        good.iter().flat_map(of)
    };
    let mut later: Vec<_> = of_tier().map(|(_, s)| s.due).filter(|due| *due > served.due).collect();
    later.sort();
    let third = hours_of(served.tier) * HOUR / 3;
    let mut places: Vec<Timestamp> = Vec::new();
    while let Some(due) = later.pop() {
        let far = |newer: &Timestamp| due < *newer && newer.as_second() - due.as_second() >= third;
        if places.iter().all(far) {
            places.push(due);
        }
    }
    let stands_longer = |(other, s): (&RetentionRun, Served)| {
        let newer = (other.started, &other.id) > (run.started, &run.id);
        let long = match s.retention {
            Retention::Newest(n) => n >= count,
            other => other == Retention::Forever,
        };
        s.due == served.due && newer && long
    };
    places.len() >= usize::from(count) || run.outcome == RetentionOutcome::Good && of_tier().any(stands_longer)
}

fn hours_of(tier: Tier) -> i64 {
    match tier {
        Tier::Manual => 0,
        Tier::Hourly => 1,
        Tier::Daily => 24,
        Tier::Weekly => 168,
        Tier::Monthly => 672,
        Tier::Yearly => 8760,
    }
}

/// The second at which a retention ends; none for a count. By its own arithmetic.
fn end(retention: Retention, started: Timestamp) -> Option<i64> {
    let hours = |hours: u16| started.as_second() + i64::from(hours) * HOUR;
    Some(match retention {
        Retention::Forever => i64::MAX,
        Retention::Hours(n) => hours(n),
        Retention::Days(n) => hours(n * 24),
        Retention::Weeks(n) => hours(n * 24 * 7),
        Retention::Months(n) => months(started, n),
        Retention::Years(n) => months(started, n * 12),
        Retention::Newest(_) => return None,
    })
}

fn months(started: Timestamp, months: u16) -> i64 {
    let moment = started.to_zoned(TimeZone::UTC).datetime();
    let all = i32::from(moment.year()) * 12 + i32::from(moment.month()) - 1 + i32::from(months);
    let (year, month) = ((all / 12) as i16, (all % 12 + 1) as i8);
    let first = Date::new(year, month, 1).unwrap();
    let day = moment.day().min(first.days_in_month());
    let date = Date::new(year, month, day).unwrap();
    let end = date.to_datetime(moment.time()).to_zoned(TimeZone::UTC);
    end.unwrap().timestamp().as_second()
}
