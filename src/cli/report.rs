//! What ticks and decisions look like.

use indicatif::HumanBytes;
use pgcoffer::{
    Result,
    backup::{Failure, Label},
    operation::{
        BackupOutcome, ChangedMark, DatabaseTick, DrillTick, DrillTickOutcome, Health, MarkChange, PruneOutcome,
        TickReport,
    },
    text::{bare_minute, continued, minute},
};
use serde_json::Value;

use super::{
    output::{Output, insert, print, print_messages, to_json},
    text_copy,
    text_drill::drilled,
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
        let databases = report.databases.iter().map(ticked_text);
        let copies = report
            .copies
            .iter()
            .filter(|copy| !copy.copied.is_empty() || copy.first_failure().is_some());
        let copies = copies.map(|copy| format!("{}: {}\n", copy.database, text_copy::in_a_line(copy)));
        let text: String = databases
            .chain(copies)
            .chain(report.drills.iter().map(drill_text))
            .collect();
        print_messages(&text)
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
            let failed = one.health.as_ref().and_then(|health| health.last_failure.as_ref());
            let why = failed.map_or_else(String::new, |failed| {
                format!(": {}", continued(&failed.failure.error.to_string()))
            });
            format!(
                "{label}: the next backup waits until {} UTC, after failures{why}; `pgcoffer backup` tries at once\n",
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

/// What became of a drill.
fn drill_text(one: &DrillTick) -> String {
    let label = &one.database;
    match &one.outcome {
        DrillTickOutcome::Done { report, unreported } => {
            let mut text = String::new();
            for line in drilled(report).lines() {
                text.push_str(&format!("{label}: {line}\n"));
            }
            if let Some(failure) = unreported {
                text.push_str(&failed_text(label, "NOT REPORTED", failure));
            }
            text
        }
        DrillTickOutcome::Failed { failure, .. } => failed_text(label, "THE DRILL FAILED", failure),
        DrillTickOutcome::Skipped { why } => {
            format!("{label}: the drill that is due was not begun: {}\n", continued(why))
        }
        DrillTickOutcome::Waits { until } => {
            format!(
                "{label}: the drill waits until {} UTC, after a failure\n",
                bare_minute(*until)
            )
        }
        DrillTickOutcome::NotDue => String::new(),
    }
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
