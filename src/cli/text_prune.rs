//! Plans of pruning and what became of them, as people and programs read them.

use indicatif::HumanBytes;
use jiff::Timestamp;
use pgcoffer::{
    Error, Result,
    agent::PrunedPlace,
    backup::{Failure, Label},
    operation::{DeletionOutcome, LeftoverKind, LeftoverLine, PruneReport},
    retention::RetentionVerdict,
    store::Location,
    text::{continued, counted, escaped},
};
use serde_json::{Value, json};

use super::{
    output::{Output, insert, print, to_json},
    table::{Room, Table},
    zone::Zone,
};

/// How reports are shown.
pub(super) struct PruneView<'a> {
    pub(super) dry_run: bool,
    pub(super) location: &'a Location,
    pub(super) zone: &'a Zone,
}

/// What became of one database.
type Reported = std::result::Result<PruneReport, (Label, Failure)>;

impl Output {
    pub(super) fn pruned(
        self,
        reports: &[Reported],
        places: &[PrunedPlace],
        view: &PruneView<'_>,
        failed: Option<&Error>,
    ) -> Result<()> {
        if self.json {
            let mut of_places = Vec::new();
            for place in places {
                of_places.push(json!({ "place": place.place, "databases": databases_json(&place.reports)? }));
            }
            return self.print_json(&json!({
                "dry_run": view.dry_run,
                "databases": databases_json(reports)?,
                "places": of_places,
            }));
        }
        // of one database what the command ends with says why
        let failed = failed.filter(|_| reports.len() == 1);
        let mut text = reports_text(reports, view.zone, failed);
        for place in places {
            text.push_str(&format!("\nIn {}:\n", place.place));
            text.push_str(&reports_text(&place.reports, view.zone, failed));
        }
        if reports.is_empty() {
            text.push_str(&format!("There are no backups in {}.\n", view.location));
        }
        print(text)
    }
}

fn databases_json(reports: &[Reported]) -> Result<Vec<Value>> {
    let of_one = |report: &Reported| match report {
        Ok(report) => pruned_json(report),
        Err((label, failure)) => Ok(json!({ "database": label, "failed": failure })),
    };
    reports.iter().map(of_one).collect()
}

fn reports_text(reports: &[Reported], zone: &Zone, failed: Option<&Error>) -> String {
    let mut text = String::new();
    for report in reports {
        match report {
            Ok(report) => text.push_str(&plan_text(report, zone)),
            Err((_, failure)) if is_what_it_ends_with(failure, failed) => {}
            Err((label, failure)) => text.push_str(&format!("{label}: {}\n", failure.error.lines())),
        }
    }
    text
}

fn is_what_it_ends_with(failure: &Failure, failed: Option<&Error>) -> bool {
    failed.is_some_and(|failed| failure.error == Failure::from(failed).error)
}

/// One line of what was deleted, or why nothing was, where that has to be shown; with `all` it always is.
pub(super) fn summary(report: &PruneReport, all: bool) -> String {
    let (label, bytes) = (&report.database, HumanBytes(report.bytes()));
    let leftovers = report
        .leftovers
        .iter()
        .filter(|line| line.outcome == DeletionOutcome::Deleted)
        .count();
    let mut text = match (report.deleted(), leftovers) {
        (0, 0) => String::new(),
        (backups, 0) => format!("{label}: pruned {}, {bytes}\n", runs(backups)),
        (backups, leftovers) => {
            format!(
                "{label}: pruned {} and {leftovers} left behind by runs that died, {bytes}\n",
                runs(backups)
            )
        }
    };
    for trouble in report.troubles() {
        let trouble = continued(trouble);
        text.push_str(&format!("{label}: not pruned: {trouble}\n"));
    }
    if report.unseen() > 0 {
        text.push_str(&format!("{label}: {}\n", unseen(report)));
    }
    if let Some(why) = report.why_nothing(all) {
        let why = continued(&why).into_owned();
        text.push_str(&format!("{label}: {why}\n"));
    }
    text
}

fn unseen(report: &PruneReport) -> String {
    format!(
        "run out, and kept because their tags can't be read, which takes s3:GetObjectTagging: {}",
        runs(report.unseen())
    )
}

fn runs(count: usize) -> String {
    counted(count, "run")
}

/// The plan, a line for each backup, and what became of it.
fn plan_text(report: &PruneReport, zone: &Zone) -> String {
    let label = &report.database;
    let started = zone.head("STARTED", Timestamp::now());
    let mut table = Table::new(["ID", "TIER", &started, "STORED", "VERDICT", "REASON"]).right(&[3]);
    for line in &report.backups {
        let verdict = match (&line.verdict, &line.outcome) {
            (RetentionVerdict::Keep(_), _) => "keep",
            (RetentionVerdict::Delete(_), DeletionOutcome::Stands) => "delete",
            (RetentionVerdict::Delete(_), DeletionOutcome::Deleted) => "deleted",
            (RetentionVerdict::Delete(_), _) => "NOT DELETED",
        };
        table.row([
            line.id.to_string(),
            line.tier.to_string(),
            zone.minute(line.started),
            HumanBytes(line.bytes).to_string(),
            verdict.to_owned(),
            line.verdict.to_string(),
        ]);
    }
    let mut text = format!("{label}: {}\n", plan_heading(report));
    if !report.backups.is_empty() {
        let zone = zone.line(Timestamp::now());
        text.push_str(&format!("\n{zone}{}", table.lines(Room::Everything)));
    }
    text.push_str(&turns(report));
    text.push_str(&drills(report));
    let is_counted = |line: &&LeftoverLine| matches!(line.kind, LeftoverKind::Turn | LeftoverKind::Drill);
    for line in report.leftovers.iter().filter(|line| !is_counted(line)) {
        let what = match line.kind {
            LeftoverKind::Upload => "upload left behind",
            LeftoverKind::Archive => "archive without a record",
            // of a backup that was pruned since, or of a moment at which one was due and none was made: what people
            // were told of that
            LeftoverKind::Details => "details without a record",
            LeftoverKind::Mark => "notes on a backup that isn't there",
            LeftoverKind::Turn => "turn",
            LeftoverKind::Drill => "drill",
        };
        let verdict = match (&line.kept, &line.outcome) {
            (Some(why), _) => format!("keep, {why}"),
            (None, DeletionOutcome::Stands) => "delete".to_owned(),
            (None, DeletionOutcome::Deleted) => "deleted".to_owned(),
            (None, _) => "NOT DELETED".to_owned(),
        };
        text.push_str(&format!("  {what}: {}: {verdict}\n", escaped(&line.key)));
    }
    for trouble in report.troubles() {
        text.push_str(&format!("  {}\n", continued(trouble)));
    }
    if report.unseen() > 0 {
        text.push_str(&format!("  {}\n", unseen(report)));
    }
    match report.foreign {
        0 => {}
        1 => text.push_str("  1 object beside ours is not ours and stays\n"),
        count => text.push_str(&format!("  {count} objects beside ours are not ours and stay\n")),
    }
    let gone = report.planned() > 0 || report.leftovers.iter().any(|line| line.kept.is_none());
    if report.versioned && gone {
        text.push_str("  the bucket keeps versions: space is freed only when noncurrent versions expire\n");
    }
    text
}

/// Turns are many and small: one line for them all.
fn turns(report: &PruneReport) -> String {
    counted_line(report, LeftoverKind::Turn, "turns of periods that are over")
}

/// So are the objects of drills.
fn drills(report: &PruneReport) -> String {
    counted_line(
        report,
        LeftoverKind::Drill,
        "objects of drills that are no longer needed",
    )
}

fn counted_line(report: &PruneReport, kind: LeftoverKind, what: &str) -> String {
    let lines = report.leftovers.iter();
    let lines: Vec<_> = lines.filter(|line| line.kind == kind).collect();
    let gone = lines.iter().filter(|line| line.outcome == DeletionOutcome::Deleted);
    match (lines.len(), gone.count()) {
        (0, _) => String::new(),
        (all, _) if report.dry_run => format!("  {what}: {all}: delete\n"),
        (all, gone) if all == gone => format!("  {what}: {all}: deleted\n"),
        (all, gone) => format!("  {what}: {all}: {} NOT DELETED\n", all - gone),
    }
}

fn plan_heading(report: &PruneReport) -> String {
    let (all, bytes) = (report.backups.len(), HumanBytes(report.bytes()));
    let of = format!("of {}", runs(all));
    if report.dry_run {
        format!("{} {of} would be deleted, {bytes}", report.planned())
    } else {
        format!("{} {of} deleted, {bytes}", report.deleted())
    }
}

fn pruned_json(report: &PruneReport) -> Result<Value> {
    let mut value = to_json(report)?;
    insert(&mut value, "planned", report.planned().into());
    insert(&mut value, "deleted", report.deleted().into());
    insert(&mut value, "bytes", report.bytes().into());
    Ok(value)
}
