//! A drill in words: the verdict first, then what it rests on.

use indicatif::HumanCount;
use jiff::Timestamp;
use pgcoffer::{
    agent::ShownDrills,
    backup::{DrillCheck, DrillFinding, DrillOutcome, DrillServer, DrillVerdict, MeasuredDrill},
    operation::{DrillReport, LastDrill, came_back_words, passed_over},
    text::{ago, bare_minute, counted},
};

use super::{styled::Style, terminal::stdout_columns, text::tables_and_rows, width::wrapped};

/// The most columns of a report on a terminal.
const COLUMNS: usize = 80;

/// The place of a server that was made for a drill.
pub(super) const LOCAL: &str = "local";

/// Lines of a list that are shown; the rest is a number.
const SHOWN: usize = 20;

/// The report of one drill.
pub(super) fn drilled(report: &DrillReport) -> String {
    let verdict = match report.verdict {
        DrillVerdict::Proven => "Proven",
        DrillVerdict::PartlyProven => "Partly proven",
        DrillVerdict::NotProven => "Not proven",
    };
    let mut text = format!("{verdict}: {} of {}\n", report.id, report.database);
    let compared = &report.data;
    text.push_str(&match compared.tables.is_empty() && compared.definitions.is_empty() {
        true if report.counts.definitions > 0 => "  compared nothing of what is in it\n".to_owned(),
        _ => format!(
            "  compared {}, {} and {}\n",
            tables_and_rows(report.counts.tables, report.counts.rows),
            counted(HumanCount(report.counts.large_objects), "large object"),
            counted(HumanCount(report.counts.definitions), "definition"),
        ),
    });
    let times = report.times;
    text.push_str(&format!(
        "  restored in {} on {} (PostgreSQL {}), {} in all\n",
        seconds(times.restore_ms),
        server_words(&report.scratch),
        report.scratch.version,
        seconds(times.prepare_ms + times.restore_ms + times.compare_ms),
    ));
    text.push_str(&findings("differs", &report.differences));
    text.push_str(&checks(&report.checks));
    text.push_str(&findings("not compared", &report.not_compared));
    for left_out in report.left_out.iter().take(SHOWN) {
        text.push_str(&format!(
            "  left out: {}: {}\n",
            left_out.label,
            left_out.why.first_line()
        ));
    }
    text.push_str(&more("left out", report.left_out.len()));
    for remark in &report.remarks {
        text.push_str(&format!("  {remark}\n"));
    }
    if let Some(name) = &report.report {
        text.push_str(&format!("  report {name}\n"));
    }
    wrapped(&text, 2, columns())
}

/// How long a line may be: elsewhere than on a terminal each fact is one line.
fn columns() -> Option<usize> {
    stdout_columns().map(|columns| columns.min(COLUMNS))
}

/// Where a drill restored, in words.
fn server_words(server: &DrillServer) -> String {
    match server.place == LOCAL {
        true => "a server of its own".to_owned(),
        false => server.place.to_string(),
    }
}

/// Whether backups of a database come back, as its drills show: `last` is the last one.
pub(super) fn third_answer(
    last: Option<&LastDrill>,
    last_proven: Option<&MeasuredDrill>,
    now: Timestamp,
) -> (Style, String) {
    let proven = match last_proven {
        Some(one) => {
            let partly = match one.verdict {
                DrillVerdict::PartlyProven => "partly ",
                _ => "",
            };
            format!(
                "{partly}proven {}, restored in {}",
                ago(one.began, now),
                seconds(one.restore_ms)
            )
        }
        None => "never proven: no drill has shown yet that a backup comes back".to_owned(),
    };
    if let Some(last) = last.filter(|last| last.failed_checks_alone()) {
        let before = match last_proven {
            Some(_) => format!("before that {proven}"),
            None => "never proven".to_owned(),
        };
        let came_back = came_back_words(last.not_compared);
        return (Style::Bad, format!("{came_back}; {}; {before}", last.what_differs()));
    }
    match (last.and_then(|last| last.verdict), last_proven) {
        (Some(DrillVerdict::NotProven), Some(_)) => (Style::Bad, format!("the last drill FOUND DIFFERENCES; {proven}")),
        (Some(DrillVerdict::NotProven), None) => {
            (Style::Bad, "the last drill FOUND DIFFERENCES; never proven".to_owned())
        }
        (_, None) => (Style::Warning, proven),
        (_, Some(_)) => (Style::Plain, proven),
    }
}

/// The drills of one backup, as `show` prints them, the last one first.
pub(super) fn drills_of_backup(drills: &ShownDrills) -> String {
    let mut text = String::new();
    for report in &drills.reports {
        let verdict = report.verdict().map_or("not carried out", DrillVerdict::words);
        let at = bare_minute(report.started);
        let rest = match &report.outcome {
            DrillOutcome::NotCarriedOut { cause, .. } => cause.to_string(),
            DrillOutcome::Completed { .. } => match &report.scratch {
                Some(server) => format!(
                    "restored in {} on {} (PostgreSQL {})",
                    seconds(report.times.restore_ms),
                    server_words(server),
                    server.version
                ),
                None => format!("restored in {}", seconds(report.times.restore_ms)),
            },
        };
        text.push_str(&format!(
            "{:<14} {verdict} at {at} UTC by {}, {rest}\n",
            "drill", report.who
        ));
    }
    if let Some(newest) = drills.ahead.first() {
        text.push_str(&format!(
            "{:<14} {}\n",
            "drill",
            passed_over(drills.ahead.len(), *newest)
        ));
    }
    for began in &drills.without_report {
        let at = bare_minute(*began);
        text.push_str(&format!("{:<14} began at {at} UTC, and has left no report\n", "drill"));
    }
    if let Some(found) = &drills.findings {
        let listed = findings("differs", &found.differences)
            + &checks(&found.checks)
            + &findings("not compared", &found.not_compared);
        let error = found
            .error
            .as_ref()
            .map_or_else(String::new, |error| format!("  {}\n", error.first_line()));
        text.push_str(&wrapped(&format!("{error}{listed}"), 2, columns()));
    }
    text
}

fn findings(what: &str, all: &[DrillFinding]) -> String {
    let mut text = String::new();
    for finding in all.iter().take(SHOWN) {
        text.push_str(&format!("  {what}: {}: {}\n", finding.label, finding.why.first_line()));
    }
    text.push_str(&more(what, all.len()));
    text
}

fn more(what: &str, count: usize) -> String {
    match count.saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("  {what}: {more} more, which --json lists\n"),
    }
}

fn checks(all: &[DrillCheck]) -> String {
    let (passed, failed): (Vec<_>, Vec<_>) = all.iter().partition(|check| check.passed);
    let mut text = String::new();
    for check in failed {
        text.push_str(&format!(
            "  check failed: line {} of PGCOFFER_DRILL_SQL expects {}, and it is {}\n",
            check.line,
            check.expected,
            check.found.first_line()
        ));
    }
    if !passed.is_empty() {
        text.push_str(&format!("  {} of your own passed\n", counted(passed.len(), "check")));
    }
    text
}

/// A length of time: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(super) fn seconds(milliseconds: i64) -> String {
    let whole = milliseconds / 1000;
    match whole {
        0..10 => format!("{whole}.{} s", milliseconds % 1000 / 100),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn lengths_of_time() {
        for (milliseconds, text) in [
            (0, "0.0 s"),
            (1_450, "1.4 s"),
            (59_999, "59 s"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 5 min"),
        ] {
            assert_eq!(seconds(milliseconds), text);
        }
    }
}
