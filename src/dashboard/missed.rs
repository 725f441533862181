//! Days on which the schedule asked for a backup, and none is there.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use crate::{
    backup::{Retention, Tier},
    catalog::CatalogEntry,
    schedule::{Schedule, ScheduleClause},
};

/// How far back it is looked: what the calendar shows.
const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(366 * 24);

/// What of a run counts here.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    started: Timestamp,
    is_good: bool,
    serves: Vec<(Tier, Retention)>,
}

/// The days before today on which a backup was due that would still be kept, and on which, or until the next one was
/// due, none was made that is there. What has run out since is not missed, nor is what the schedule asks for since it
/// was changed: a clause counts from the first run on that served it.
pub(super) fn missed_days(
    schedule: &Schedule,
    entries: &[CatalogEntry],
    now: Timestamp,
    zone: &TimeZone,
) -> BTreeSet<Date> {
    let made = entries.iter().map(|one| Made {
        started: one.record.started,
        is_good: one.is_good(),
        serves: one
            .record
            .serves
            .iter()
            .map(|served| (served.tier, served.retention))
            .collect(),
    });
    let made: Vec<Made> = made.collect();
    let of_clause = |clause| missed_of(clause, (schedule.zone(), zone), &made, now);
    schedule.clauses().iter().flat_map(of_clause).collect()
}

/// Those of one clause. `zones`: that of the schedule, and that of the calendar.
fn missed_of(
    clause: &ScheduleClause,
    (of_schedule, of_days): (&TimeZone, &TimeZone),
    made: &[Made],
    now: Timestamp,
) -> BTreeSet<Date> {
    let mut missed = BTreeSet::new();
    let date = |time: Timestamp| time.to_zoned(of_days.clone()).date();
    let served_it = made
        .iter()
        .filter(|one| one.serves.contains(&(clause.tier(), clause.keep)));
    // how long a count keeps one nobody knows
    let is_count = matches!(clause.keep, Retention::Newest(_));
    let Some(since) = served_it.map(|one| one.started).min().filter(|_| !is_count) else {
        return missed;
    };
    let good: BTreeSet<Timestamp> = made.iter().filter(|one| one.is_good).map(|one| one.started).collect();
    let good_days: BTreeSet<Date> = good.iter().map(|started| date(*started)).collect();
    let today = date(now);
    let mut due = clause.when.next(of_schedule, since.max(now - LOOKED_BACK));
    while let Some(moment) = due.filter(|moment| date(*moment) < today) {
        due = clause.when.next(of_schedule, moment);
        let is_there = match clause.tier() {
            // one of a day is as good as another here
            Tier::Hourly => good_days.contains(&date(moment)),
            _ => good.range(moment..due.unwrap_or(now)).next().is_some(),
        };
        let is_kept = clause.keep.expires(moment).is_none_or(|end| end > now);
        if is_kept && !is_there {
            missed.insert(date(moment));
        }
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{text}:00Z").parse().unwrap()
    }

    fn made(text: &str, is_good: bool, serves: &[(Tier, Retention)]) -> Made {
        Made {
            started: at(text),
            is_good,
            serves: serves.to_vec(),
        }
    }

    fn missed(schedule: &str, made: &[Made], now: &str) -> Vec<i8> {
        let schedule = Schedule::parse(schedule, &TimeZone::UTC).unwrap();
        let zones = (&TimeZone::UTC, &TimeZone::UTC);
        let days = schedule.clauses().iter();
        let days: BTreeSet<Date> = days
            .flat_map(|clause| missed_of(clause, zones, made, at(now)))
            .collect();
        days.into_iter().map(Date::day).collect()
    }

    #[test]
    fn a_day_without_its_backup_is_missed_and_one_whose_backup_has_run_out_is_not() {
        let daily = [(Tier::Daily, Retention::Days(7))];
        let runs = [
            made("01T02:30", true, &daily),
            made("12T02:30", true, &daily),
            // caught up a few hours later
            made("13T09:00", true, &daily),
            // nothing on the 14th; failed on the 15th
            made("15T02:30", false, &daily),
            made("16T02:31", true, &daily),
        ];
        assert_eq!(missed("daily at 02:30 keep 7d", &runs, "17T12:00"), [11, 14, 15]);
        // today is for what is late to say
        assert_eq!(missed("daily at 02:30 keep 7d", &runs, "16T23:59"), [10, 11, 14, 15]);
        assert_eq!(
            missed("daily at 02:30 keep 2d", &runs, "17T12:00"),
            [0_i8; 0],
            "nothing has served that yet"
        );
        assert_eq!(
            missed("daily at 02:30 keep 7", &runs, "17T12:00"),
            [0_i8; 0],
            "nobody knows of a count"
        );
        assert_eq!(missed("daily at 02:30 keep 7d", &[], "17T12:00"), [0_i8; 0]);
    }

    #[test]
    fn each_clause_is_asked_for_itself_and_hours_by_their_day() {
        let (hourly, weekly) = ((Tier::Hourly, Retention::Days(3)), (Tier::Weekly, Retention::Weeks(5)));
        let runs = [
            made("01T00:00", true, &[weekly]),
            // the 8th is missing, and the 15th came on the 16th
            made("16T05:00", true, &[weekly, hourly]),
            made("17T05:00", true, &[hourly]),
        ];
        let schedule = "hourly keep 3d, weekly on sunday at 00:00 keep 5w";
        assert_eq!(missed(schedule, &runs, "19T12:00"), [8, 18]);
    }
}
