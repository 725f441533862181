//! What `status` shows: a line for each database, and below what a person should know of it.

use jiff::Timestamp;
use pgcoffer::{
    Result,
    agent::{DatabaseDocument, StatusReport},
    backup::{BackupId, Label},
    catalog::NearbyPlace,
    operation::Health,
    store::Location,
    text::{age, ago, ago_in_column, short_size},
};
use serde_json::{Value, json};

use super::{
    ids::ShownIds,
    output::{Output, to_json},
    screen::print_styled,
    styled::{Style, Styled},
    table::{Room, Table},
    terminal::stdout_columns,
    text::read_back,
    text_copy,
    text_drill::third_answer,
    width::wrapped,
    zone::Zone,
};

/// How a report is shown.
pub(super) struct StatusView<'a> {
    /// Whether everything is shown, however long the lines are.
    pub(super) is_wide: bool,
    pub(super) location: &'a Location,
    pub(super) zone: &'a Zone,
}

impl Output {
    pub(super) fn status(self, report: &StatusReport, view: &StatusView<'_>) -> Result<()> {
        if self.json {
            return self.print_json(&status_json(report)?);
        }
        print_styled(&status_text(report, view))
    }
}

fn status_json(report: &StatusReport) -> Result<Value> {
    let databases = report.databases.iter().map(DatabaseDocument::from);
    let databases = to_json(&databases.collect::<Vec<_>>())?;
    let beside = report.not_configured.iter();
    let beside: Vec<Value> = beside
        .map(|(label, newest)| json!({ "database": label, "newest": newest }))
        .collect();
    Ok(json!({ "databases": databases, "not_configured": beside, "elsewhere": report.elsewhere }))
}

fn status_text(report: &StatusReport, view: &StatusView<'_>) -> Styled {
    let (found, now) = (&report.databases, report.at);
    let mut text = Styled::default();
    let elsewhere = NearbyPlace::all_said(&report.elsewhere).map(|elsewhere| format!("But {elsewhere}"));
    if found.is_empty() {
        if let Some(elsewhere) = elsewhere {
            text.push_str(&wrapped(
                &format!("There are no backups in {}.\n{elsewhere}\n", view.location),
                2,
                stdout_columns(),
            ));
        }
        return text;
    }
    text.push_str(&view.zone.line(now));
    text.append(databases_table(found, now, view).lines(Room::of_stdout(view.is_wide)));
    let mut notes: Vec<(Style, String)> = found.iter().flat_map(|health| notes(health, now, view.zone)).collect();
    notes.extend(
        report
            .not_configured
            .iter()
            .map(|beside| (Style::Warning, not_configured(beside, now))),
    );
    let is_nothing = |health: &Health| health.newest_good.is_none() && health.bytes == 0;
    if found.iter().any(is_nothing) {
        let looked = format!("Looked in {}", view.location);
        notes.push(match elsewhere {
            Some(elsewhere) => (Style::Warning, format!("{looked}. {elsewhere}")),
            None => (Style::Plain, format!("{looked}: is that the right bucket and prefix?")),
        });
    }
    if !notes.is_empty() {
        text.push_str("\n");
    }
    for (style, note) in notes {
        text.push(style, wrapped(&note, 2, stdout_columns()));
        text.push_str("\n");
    }
    text
}

/// The columns of the table, in order.
const HEADS: [&str; 9] = [
    "DATABASE", "STATE", "NEWEST", "AGE", "TIER", "NEXT DUE", "GOOD", "STORED", "HELD",
];
const DATABASE: usize = 0;
const AGE: usize = 3;
const TIER: usize = 4;
const NEXT_DUE: usize = 5;
const GOOD: usize = 6;
const STORED: usize = 7;
const HELD: usize = 8;

fn databases_table(found: &[Health], now: Timestamp, view: &StatusView<'_>) -> Table {
    let zone = view.zone;
    let heads = HEADS.map(|head| match head {
        "NEXT DUE" => zone.head(head, now),
        _ => head.to_owned(),
    });
    let mut table = Table::new(heads)
        .right(&[GOOD, STORED, HELD])
        .cut(DATABASE, 10)
        .if_room(&[NEXT_DUE, STORED, GOOD, TIER, HELD])
        .usual(&[(AGE, 10), (TIER, 7), (NEXT_DUE, 19), (STORED, 8)]);
    let newest = found.iter().filter_map(|health| health.newest_good.as_ref());
    let ids = ShownIds::new(newest.map(|newest| &newest.id), view.is_wide);
    for health in found {
        let newest = health.newest_good.as_ref();
        let or_dash = |text: Option<String>| (Style::Plain, text.unwrap_or_else(|| "-".to_owned()));
        table.styled_row([
            (Style::Plain, health.database.to_string()),
            state(health),
            or_dash(newest.map(|newest| ids.shown(&newest.id))),
            or_dash(newest.map(|newest| ago_in_column(newest.started, now))),
            or_dash(newest.map(|newest| newest.tier.to_string())),
            or_dash(next_due(health, now, zone)),
            (Style::Plain, health.good.to_string()),
            (Style::Plain, short_size(health.bytes)),
            (Style::Plain, health.held.len().to_string()),
        ]);
    }
    match found.iter().all(|health| health.held.is_empty()) {
        true => table.without(&[HELD]),
        false => table,
    }
}

fn not_configured((label, newest): &(Label, BackupId), now: Timestamp) -> String {
    let age = age(newest.time(), now);
    format!("{label}: has backups here, the newest {age} old, and is not configured: nobody here backs it up")
}

/// A run that failed is tried again: it is a problem once the backup is late.
fn state(health: &Health) -> (Style, String) {
    let (style, word) = match (health.problems().is_empty(), &health.last_failure) {
        (false, _) => (Style::Bad, "PROBLEM"),
        (true, Some(_)) => (Style::Warning, "failing"),
        (true, None) => (Style::Good, "ok"),
    };
    (style, word.to_owned())
}

fn next_due(health: &Health, now: Timestamp, zone: &Zone) -> Option<String> {
    const YEAR_SECONDS: i64 = 300 * 86_400;
    let next = health.next_due.as_ref()?;
    let tier = next.tier;
    let minute = |at: Timestamp| match at.as_second() - now.as_second() < YEAR_SECONDS {
        true => zone.short_minute(at),
        false => zone.minute(at),
    };
    match health.paused_until {
        Some(until) => Some(format!("{tier}, waits until {}", minute(until))),
        None if next.at <= now => Some(format!("{tier} now")),
        None => Some(format!("{tier} {}", minute(next.at))),
    }
}

/// Does it come back: what drills have shown.
fn third_question(health: &Health, now: Timestamp, zone: &Zone) -> Vec<String> {
    let drills = &health.drills;
    if health.newest_good.is_none() {
        return Vec::new();
    }
    let (_, mut answer) = third_answer(drills.last.as_ref(), drills.last_proven.as_ref(), now);
    if let Some(next) = drills.next_due {
        let next = match next <= now {
            true => "now".to_owned(),
            false => zone.minute(next),
        };
        answer.push_str(&format!("; the next drill is due {next}"));
    }
    let mut lines = vec![answer];
    if let Some(last) = &drills.last
        && let Some(why) = &last.why
    {
        lines.push(format!(
            "the last drill could not be carried out {}: {why}",
            ago(last.began, now)
        ));
    }
    lines.extend(drills.passed_over().filter(|_| !drills.is_ahead));
    if let Some(began) = drills.without_report {
        lines.push(format!(
            "a drill that began {} has left no report: it goes on, or was killed",
            ago(began, now)
        ));
    }
    lines
}

/// What a person should know of a database beside its line.
fn notes(health: &Health, now: Timestamp, zone: &Zone) -> Vec<(Style, String)> {
    let label = &health.database;
    let problems = health.problems();
    let mut lines: Vec<String> = third_question(health, now, zone);
    if let Some(run) = &health.last_failure {
        let first = run.failure.error.first_line();
        let (when, id) = (ago(run.started, now), &run.id);
        lines.push(format!(
            "the last run failed {when}: {first}; `pgcoffer show {id}` says more"
        ));
    }
    for one in &health.suspicious {
        lines.push(format!(
            "suspicious: {}, `pgcoffer accept {}` if it is right",
            one.id, one.id
        ));
        lines.extend(one.reasons.iter().map(|reason| format!("  {reason}")));
    }
    let newest = health.newest_good.iter();
    lines.extend(newest.flat_map(|newest| {
        let warnings = newest.warnings.iter();
        warnings.map(|warning| format!("warning of {}: {warning}", newest.id))
    }));
    lines.extend(text_copy::places_of_database(health, now));
    let read = health.last_read_back.iter();
    lines.extend(read.map(|read| read_back(&read.id, read.at, now)));
    if health.came_late > 0 {
        lines.push(format!(
            "backups that came to the bucket when their key had been retired: {}; where nobody copied them there, a \
             holder of that key has dated them back",
            health.came_late
        ));
    }
    for held in &health.held {
        lines.push(format!(
            "held: {} since {} {}",
            held.id,
            zone.minute(held.hold.since),
            held.hold
        ));
    }
    for began in &health.under_way {
        lines.push(format!(
            "an upload is under way, or was left behind: it began {}",
            ago(*began, now)
        ));
    }
    if health.schedule.is_none() {
        lines.push(
            "no schedule here: whether a backup is late is told by how often its newest ones were made".to_owned(),
        );
    }
    if health.others > 0 && health.newest_good.is_some() {
        let others = health.others;
        lines.push(format!(
            "records of another key, which are passed over (an earlier key goes into PGCOFFER_OLD_KEYS, with the day \
             it was replaced): {others}"
        ));
    }
    let problems = problems.iter().map(|problem| (Style::Bad, problem.to_string()));
    let others = lines.into_iter().map(|line| (Style::Plain, line));
    let all = problems.chain(others);
    all.map(|(style, line)| (style, format!("{label}: {line}"))).collect()
}
