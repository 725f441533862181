//! One backup that is deleted or kept for another time, as people and programs read it.

use indicatif::HumanBytes;
use jiff::Timestamp;
use pgcoffer::{
    Result,
    operation::{DeletionFacts, DeletionReport, NamedKind, Retaining},
    text::{age, continued, minute},
};

use super::{
    output::{Output, print, to_json},
    text::kept,
};

impl Output {
    pub(super) fn deletion(self, report: &DeletionReport) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(report)?);
        }
        let (facts, now) = (&report.facts, Timestamp::now());
        let verb = match (report.dry_run, report.deleted) {
            (true, _) => "Would delete",
            (false, true) => "Deleted",
            (false, false) => "NOT deleted:",
        };
        let mut text = format!("{verb} {}\n", what(facts, now));
        for loss in facts.forced.iter().filter(|_| report.dry_run) {
            text.push_str(&format!("  warning: {loss}\n"));
        }
        text.push_str(&format!("  {}\n", left(facts, now)));
        for trouble in &report.troubles {
            text.push_str(&format!("  {}\n", continued(trouble)));
        }
        if facts.versioned {
            text.push_str("  the bucket keeps versions: space is freed only when noncurrent versions expire\n");
        }
        print(text)
    }

    pub(super) fn retained(self, retaining: &Retaining) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(retaining)?);
        }
        let (id, database) = (&retaining.id, &retaining.database);
        let kept = kept(retaining.retention, retaining.expires);
        let before = super::text::kept(retaining.before, retaining.expires_before);
        let mut text = match retaining.changed {
            true => format!("{id} of {database} is {kept}; it was {before}\n"),
            false => format!("{id} of {database} is {kept}, as it was\n"),
        };
        if let Some(until) = retaining.locked_until {
            text.push_str(&format!("  locked until {}\n", minute(until)));
        }
        if retaining.held {
            text.push_str(&format!(
                "  it is held: until `pgcoffer release {id}` it is kept whatever its retention says\n"
            ));
        }
        print(text)
    }
}

/// The question before something is deleted: what it is, what is left, what has to be typed.
pub(super) fn question(facts: &DeletionFacts, wanted: &str, now: Timestamp) -> String {
    let losses: String = facts.forced.iter().map(|loss| format!("  WARNING: {loss}\n")).collect();
    let name = match facts.forced.is_empty() {
        true => String::new(),
        false => ", the name of the database,".to_owned(),
    };
    format!(
        "  {}\n{losses}  {}\nType {wanted}{name} to delete it: ",
        what(facts, now),
        left(facts, now)
    )
}

/// What it is, how old and how large.
fn what(facts: &DeletionFacts, now: Timestamp) -> String {
    let kind = match (facts.kind, facts.tier) {
        (NamedKind::Backup, Some(tier)) => format!("a {tier} backup"),
        (NamedKind::Backup, None) => "a backup".to_owned(),
        (NamedKind::FailedRun, _) => "the record of a failed run".to_owned(),
        (NamedKind::Leftovers, _) => "what a run that died has left".to_owned(),
    };
    let kept = match (facts.kind, facts.retention) {
        (NamedKind::Backup, Some(retention)) => format!(", {}", kept(retention, facts.expires)),
        _ => String::new(),
    };
    format!(
        "{} of {}: {kind} of {}, {} old, {}{kept}",
        facts.id,
        facts.database,
        minute(facts.started),
        age(facts.started, now),
        HumanBytes(facts.bytes),
    )
}

/// What is left then.
fn left(facts: &DeletionFacts, now: Timestamp) -> String {
    let database = &facts.database;
    match &facts.newest_left {
        None => format!("there is no other good backup of {database}"),
        Some((id, started)) => format!(
            "good backups of {database} besides it: {}; the newest is {id}, {} old",
            facts.good_left,
            age(*started, now)
        ),
    }
}
