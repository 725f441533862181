//! The last twelve months, day by day: what is kept, what failed, what is missed, what was proven.

use std::collections::BTreeMap;

use jiff::{ToSpan as _, civil::Date};
use maud::{Markup, html};

use crate::{
    backup::Status,
    catalog::CatalogEntry,
    dashboard::{missed::missed_days, shown::DatabaseAnswer, site::Site},
    text::counted,
};

/// Good backups of one day from which on it is shown as one of many.
const MANY: usize = 12;
/// The side of a day in the picture, with the gap to the next one.
const STEP: i32 = 14;
const SIDE: i32 = 12;

#[derive(Debug, Default)]
struct Day {
    kept: usize,
    failed: usize,
    proven: usize,
    /// Whether a backup was due, and none is there.
    is_missed: bool,
}

/// The calendar, with what its colours mean, and in words what they show.
pub(super) fn calendar(site: &Site, known: &DatabaseAnswer) -> Markup {
    let date = |time: jiff::Timestamp| time.to_zoned(site.zone.clone()).date();
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for CatalogEntry { record, .. } in &known.listing.entries {
        let day = days.entry(date(record.started)).or_default();
        match record.status {
            Status::Succeeded => day.kept += 1,
            Status::Failed { .. } => day.failed += 1,
        }
    }
    for drill in known
        .health
        .drills
        .measured
        .iter()
        .filter(|drill| drill.verdict.came_back())
    {
        days.entry(date(drill.began)).or_default().proven += 1;
    }
    if let Some(schedule) = &known.schedule {
        for missed in missed_days(schedule, &known.listing.entries, known.listing.seen, &site.zone) {
            days.entry(missed).or_default().is_missed = true;
        }
    }
    let today = date(known.listing.seen);
    let first = today.first_of_month().saturating_sub(11.months());
    let months = (0..12).map(|n: i32| first.saturating_add(n.months()));
    let in_year = || days.range(first..=today).map(|(_, day)| day);
    let said = format!(
        "{} with backups that are kept, {} with a run that failed, {} on which a backup was due and none is there, {} on \
         which a backup was shown to come back.",
        counted(in_year().filter(|day| day.kept > 0).count(), "day"),
        counted(in_year().filter(|day| day.failed > 0).count(), "day"),
        counted(in_year().filter(|day| day.is_missed).count(), "day"),
        counted(in_year().filter(|day| day.proven > 0).count(), "day"),
    );
    html! {
        p.small.soft { (said) }
        div.months { @for month in months { (month_of(month, today, &days)) } }
        ul.legend {
            li { (sample("d kept", Sign::None)) "kept" }
            li { (sample("d many", Sign::None)) "kept, many" }
            li { (sample("d failed", Sign::Failed)) "a run failed" }
            li { (sample("d missed", Sign::Missed)) "missed: one was due, none is there" }
            li { (sample("d kept", Sign::Proven)) "shown to come back" }
            li { (sample("d", Sign::None)) "nothing is kept" }
        }
    }
}

fn month_of(first: Date, today: Date, days: &BTreeMap<Date, Day>) -> Markup {
    let before = i32::from(first.weekday().to_monday_zero_offset());
    let shown = (1..=first.days_in_month()).filter_map(|number| Date::new(first.year(), first.month(), number).ok());
    html! {
        div.month {
            h3 { (first.strftime("%b %Y")) }
            svg viewBox="0 0 98 84" aria-hidden="true" {
                @for date in shown.filter(|date| *date <= today) {
                    @let place = before + i32::from(date.day()) - 1;
                    (day_at(date, days.get(&date), (place % 7 * STEP, place / 7 * STEP)))
                }
            }
        }
    }
}

fn day_at(date: Date, day: Option<&Day>, (x, y): (i32, i32)) -> Markup {
    let none = Day::default();
    let day = day.unwrap_or(&none);
    let mut said = vec![match day.kept {
        0 => "nothing is kept".to_owned(),
        kept => format!("{} kept", counted(kept, "backup")),
    }];
    if day.failed > 0 {
        said.push(format!("{} failed", counted(day.failed, "run")));
    }
    if day.is_missed {
        said.push("one was due that is not there".to_owned());
    }
    if day.proven > 0 {
        said.push("shown to come back".to_owned());
    }
    let class = match (day.failed, day.is_missed, day.kept) {
        (1.., ..) => "d failed",
        (0, true, _) => "d missed",
        (0, false, 0) => "d",
        (0, false, kept) if kept >= MANY => "d many",
        (0, false, _) => "d kept",
    };
    let sign = match (day.proven, day.failed, day.is_missed) {
        (1.., ..) => Sign::Proven,
        (0, 1.., _) => Sign::Failed,
        (0, 0, true) => Sign::Missed,
        (0, 0, false) => Sign::None,
    };
    html! {
        rect class=(class) x=(x) y=(y) width=(SIDE) height=(SIDE) rx="2" { title { (date) ": " (said.join(", ")) } }
        (sign_at(sign, (x, y)))
    }
}

/// What tells days apart without colours.
#[derive(Debug, Clone, Copy)]
enum Sign {
    None,
    /// A cross.
    Failed,
    /// A bar.
    Missed,
    /// A dot.
    Proven,
}

fn sign_at(sign: Sign, (x, y): (i32, i32)) -> Markup {
    html! {
        @match sign {
            Sign::None => {},
            Sign::Failed => path.x d={ "M" (x + 3) " " (y + 3) "l6 6m0-6l-6 6" } {},
            Sign::Missed => path.x d={ "M" (x + 3) " " (y + SIDE / 2) "h6" } {},
            Sign::Proven => circle.p cx=(x + SIDE / 2) cy=(y + SIDE / 2) r="2.6" {},
        }
    }
}

fn sample(class: &str, sign: Sign) -> Markup {
    html! {
        svg viewBox="0 0 12 12" aria-hidden="true" {
            rect class=(class) width=(SIDE) height=(SIDE) rx="2" {}
            (sign_at(sign, (0, 0)))
        }
    }
}
