//! What ticks, their outlook and decisions look like.

use indicatif::HumanBytes;
use jiff::Timestamp;
use pgcoffer::{
    Result,
    backup::{BackupId, Failure, Label},
    operation::{BackupOutcome, ChangedMark, DatabaseTick, Health, MarkChange, PruneOutcome, TickReport},
    text::{bare_minute, continued, minute, span},
};
use serde_json::{Value, json};

use super::{
    output::{Output, insert, print, to_json},
    text::{align_right, plain_table},
    text_prune::summary,
};

impl Output {
    pub(super) fn ticked(self, report: &TickReport) -> Result<()> {
        if self.json {
            let mut value = to_json(report)?;
            let lines = value.pointer_mut("/databases").and_then(Value::as_array_mut);
            for (line, one) in lines.into_iter().flatten().zip(&report.databases) {
                insert(line, "exit_status", one.exit_status().number().into());
                add_problems(line.pointer_mut("/health"), one.health.as_ref());
            }
            return self.print_json(&value);
        }
        let text: String = report.databases.iter().map(ticked_text).collect();
        print(text)
    }

    pub(super) fn status(self, found: &[Health], beside: &[(Label, BackupId)], now: Timestamp) -> Result<()> {
        if self.json {
            let mut databases = Vec::new();
            for health in found {
                let mut value = to_json(health)?;
                add_problems(Some(&mut value), Some(health));
                databases.push(value);
            }
            let beside = beside.iter();
            let beside: Vec<Value> = beside
                .map(|(label, newest)| json!({ "database": label, "newest": newest }))
                .collect();
            return self.print_json(&json!({ "databases": databases, "not_configured": beside }));
        }
        if found.is_empty() {
            return Ok(());
        }
        let mut table = plain_table(&[
            "DATABASE",
            "STATE",
            "NEWEST GOOD",
            "AGE",
            "TIER",
            "NEXT DUE (UTC)",
            "GOOD",
            "STORED",
            "HELD",
        ]);
        for health in found {
            let newest = health.newest_good.as_ref();
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            table.add_row([
                health.database.to_string(),
                state(health).to_owned(),
                or_dash(newest.map(|newest| newest.id.to_string())),
                or_dash(newest.map(|newest| span(newest.started, now))),
                or_dash(newest.map(|newest| newest.tier.to_string())),
                or_dash(next_due(health, now)),
                health.good.to_string(),
                HumanBytes(health.bytes).to_string(),
                health.held.len().to_string(),
            ]);
        }
        align_right(&mut table, &[3, 6, 7, 8]);
        let mut notes: String = found.iter().map(|health| notes(health, now)).collect();
        for (label, newest) in beside {
            let age = span(newest.time(), now);
            notes.push_str(&format!(
                "{label}: has backups here, the newest {age} old, and is not configured: nobody here backs it up\n"
            ));
        }
        let gap = if notes.is_empty() { "" } else { "\n" };
        print(format!("{}\n{gap}{notes}", table.trim_fmt()))
    }

    pub(super) fn decided(self, decided: &ChangedMark, decision: &MarkChange) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(decided)?);
        }
        let (id, database) = (&decided.id, &decided.database);
        print(match (decision, &decided.hold) {
            (MarkChange::Hold(_), Some(hold)) => format!(
                "{id} of {database} is held {hold}\n  {}\n",
                match (decided.legal_hold, decided.tagged) {
                    (true, _) => "marked, tagged and under legal hold",
                    (false, true) => "marked and tagged",
                    (false, false) =>
                        "marked; it could not be tagged here, so the bucket's own lifecycle rules don't see the hold",
                }
            ),
            (MarkChange::Accept, _) => match (&decided.accepted, decided.changed) {
                (Some(accepted), false) => format!(
                    "{id} of {database} was accepted by {} at {} already: nothing changed\n",
                    accepted.who,
                    minute(accepted.at)
                ),
                _ => format!("{id} of {database} is accepted as good\n"),
            },
            _ if !decided.changed => format!("{id} of {database} was not held: nothing changed\n"),
            _ => format!("{id} of {database} goes by its retention again\n"),
        })
    }
}

fn add_problems(value: Option<&mut Value>, health: Option<&Health>) {
    if let (Some(value), Some(health)) = (value, health) {
        let problems = health.problems();
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insert(value, "problems", problems.into());
    }
}

/// A run that failed is tried again: it is a problem once the backup is late.
fn state(health: &Health) -> &'static str {
    match (health.problems().is_empty(), &health.last_failure) {
        (false, _) => "PROBLEM",
        (true, Some(_)) => "failing",
        (true, None) => "ok",
    }
}

fn next_due(health: &Health, now: Timestamp) -> Option<String> {
    let next = health.next_due.as_ref()?;
    let tier = next.tier;
    match health.paused_until {
        Some(until) => Some(format!("{tier}, waits until {}", bare_minute(until))),
        None if next.at <= now => Some(format!("{tier} now")),
        None => Some(format!("{tier} {}", bare_minute(next.at))),
    }
}

/// What a person should know of a database beside its line.
fn notes(health: &Health, now: Timestamp) -> String {
    let label = &health.database;
    let problems = health.problems();
    let mut lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    if let Some(run) = &health.last_failure {
        let first = run.failure.error.first_line();
        lines.push(format!("the last run failed {} ago: {first}", span(run.started, now)));
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
            bare_minute(held.hold.since),
            held.hold
        ));
    }
    for began in &health.under_way {
        lines.push(format!(
            "an upload is under way, or was left behind: it began {} ago",
            span(*began, now)
        ));
    }
    if health.schedule.is_none() {
        lines.push("it has no schedule here: late is what its newest backups would call late".to_owned());
    }
    if health.others > 0 && health.newest_good.is_some() {
        let others = health.others;
        lines.push(format!(
            "records of another key, which are passed over (an earlier key goes into PGCOFFER_OLD_KEYS, with the day \
             it was replaced): {others}"
        ));
    }
    lines.iter().map(|line| format!("{label}: {line}\n")).collect()
}

fn ticked_text(one: &DatabaseTick) -> String {
    let label = &one.database;
    let mut text = match &one.backup {
        BackupOutcome::Done { backup, .. } => {
            let tiers: Vec<&str> = backup.tiers.iter().map(|tier| tier.as_str()).collect();
            format!(
                "{label}: backed up ({}) as {}, {}\n",
                tiers.join(", "),
                backup.id,
                HumanBytes(backup.bytes)
            )
        }
        BackupOutcome::NotDue => match one.health.as_ref().and_then(|health| health.next_due.as_ref()) {
            Some(next) => format!(
                "{label}: nothing is due; next {} {} UTC\n",
                next.tier,
                bare_minute(next.at)
            ),
            None => format!("{label}: nothing is due\n"),
        },
        BackupOutcome::NeedsMasterKey { due } => {
            let due: Vec<&str> = due.iter().map(|tier| tier.as_str()).collect();
            let due = due.join(", ");
            format!("{label}: due: {due}; a catalog key alone is set here, so another machine has to make it\n")
        }
        BackupOutcome::Paused { until } => {
            format!(
                "{label}: the next backup waits until {} UTC, after failures\n",
                bare_minute(*until)
            )
        }
        BackupOutcome::Busy { why } => format!("{label}: {}\n", continued(why)),
        BackupOutcome::Failed(failure) => failed_text(label, "THE BACKUP FAILED", failure),
    };
    match &one.prune {
        // a bucket without room waits for it
        PruneOutcome::Done(report) => text.push_str(&summary(report, one.had_no_room())),
        PruneOutcome::NotBegun => {}
        PruneOutcome::Failed(failure) if is_cause_of(&one.backup, failure) => {
            text.push_str(&format!("{label}: nothing was pruned, for the same reason\n"))
        }
        PruneOutcome::Failed(failure) => text.push_str(&failed_text(label, "nothing was pruned", failure)),
    }
    for problem in one.health.iter().flat_map(Health::problems) {
        text.push_str(&format!("{label}: {problem}\n"));
    }
    if let BackupOutcome::Done { suspicious, .. } = &one.backup {
        for reason in suspicious.iter().skip(1) {
            text.push_str(&format!("{label}:   {reason}\n"));
        }
    }
    text
}

/// Whether the backup failed by the same.
fn is_cause_of(backup: &BackupOutcome, failure: &Failure) -> bool {
    matches!(backup, BackupOutcome::Failed(why) if why.error == failure.error)
}

fn failed_text(label: &Label, what: &str, failure: &Failure) -> String {
    let hint = failure.hint.as_ref();
    let hint = hint.map_or_else(String::new, |hint| format!("{label}: hint: {}\n", hint.lines()));
    format!("{label}: {what}: {}\n{hint}", failure.error.lines())
}
