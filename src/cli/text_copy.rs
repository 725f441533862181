//! What was copied, in words.

use indicatif::HumanBytes;
use jiff::Timestamp;
use pgcoffer::{
    backup::{BackupId, Failure, PlaceName},
    catalog::ListedCopies,
    operation::{CopyReport, FailedCopy, Health},
    text::{ago, counted},
};

/// Backups that are named; the rest is a number.
const SHOWN: usize = 20;

/// What became of copying, one paragraph for each database and place.
pub(super) fn copied(reports: &[CopyReport], dry_run: bool) -> String {
    if reports.is_empty() {
        return "There is no backup that could be copied.\n".to_owned();
    }
    reports.iter().map(|report| one(report, dry_run)).collect()
}

fn one(report: &CopyReport, dry_run: bool) -> String {
    let (database, place) = (&report.database, &report.place);
    if let Some(failure) = &report.failure {
        let hint = failure
            .hint
            .as_ref()
            .map_or_else(String::new, |hint| format!("  hint: {hint}\n"));
        return format!(
            "{database}: nothing could be copied to {place}: {}\n{hint}",
            failure.error
        );
    }
    let mut text = format!("{database}: {}\n", summary(report, dry_run));
    let verb = if dry_run { "to copy" } else { "copied" };
    for backup in report.copied.iter().take(SHOWN) {
        text.push_str(&format!("  {} {verb}, {}\n", backup.id, HumanBytes(backup.bytes)));
    }
    let more = report.copied.len().saturating_sub(SHOWN);
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    for alike in by_cause(&report.failed) {
        text.push_str(&not_copied(&alike));
    }
    if report.marks > 0 {
        text.push_str(&format!("  holds and other decisions followed: {}\n", report.marks));
    }
    text
}

/// Failures that differ only in the object together, in the order of the first of each.
fn by_cause(failed: &[FailedCopy]) -> Vec<Vec<&FailedCopy>> {
    let mut groups: Vec<Vec<&FailedCopy>> = Vec::new();
    for one in failed {
        let is_alike = |group: &&mut Vec<&FailedCopy>| {
            let (first, one) = (&group[0].failure, &one.failure);
            first.cause == one.cause && first.hint == one.hint && why(first) == why(one)
        };
        match groups.iter_mut().find(is_alike) {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    groups
}

/// The end of an error, behind what was done to which object.
fn why(failure: &Failure) -> &str {
    let error = failure.error.raw();
    error.rsplit_once(": ").map_or(error, |(_, why)| why)
}

/// Backups that were not copied for one and the same reason, which is told once.
fn not_copied(alike: &[&FailedCopy]) -> String {
    let Some((first, rest)) = alike.split_first() else {
        return String::new();
    };
    let mut text = format!("  {} not copied: {}\n", first.id, first.failure.error);
    if !rest.is_empty() {
        let ids: Vec<&str> = rest.iter().take(SHOWN).map(|one| one.id.as_str()).collect();
        let more = match rest.len() - ids.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let count = counted(rest.len(), "other");
        text.push_str(&format!(
            "  {count} not copied for the same reason: {}{more}\n",
            ids.join(", ")
        ));
    }
    if let Some(hint) = &first.failure.hint {
        text.push_str(&format!("    hint: {hint}\n"));
    }
    text
}

fn summary(report: &CopyReport, dry_run: bool) -> String {
    let (held, wanted, place) = (report.held, report.wanted, &report.place);
    let held = match dry_run {
        true => held.saturating_sub(report.copied.len()),
        false => held,
    };
    let mut text = match wanted {
        0 => format!("no backup belongs into {place}"),
        wanted => format!("{place} holds {held} of {}", counted(wanted, "backup")),
    };
    if report.run_out > 0 {
        let older = counted(report.run_out, "older one");
        text.push_str(&format!(
            "; {older} {} kept there no longer",
            if report.run_out == 1 { "is" } else { "are" }
        ));
    }
    text
}

/// What became of copying to one place, as a line.
pub(super) fn in_a_line(report: &CopyReport) -> String {
    let place = &report.place;
    match (report.first_failure(), report.copied.len()) {
        (Some((Some(id), failure)), _) => {
            let others = match report.failed.len() {
                ..2 => String::new(),
                failed => format!(" ({} not copied either)", counted(failed - 1, "other")),
            };
            format!("{id} is not copied to {place}: {}{others}", failure.error)
        }
        (Some((None, failure)), _) => format!("nothing is copied to {place}: {}", failure.error),
        (None, 0) => summary(report, false),
        (None, count) => format!(
            "copied to {place}: {}; {}",
            counted(count, "backup"),
            summary(report, false)
        ),
    }
}

/// Which places hold a backup, as lines of its facts.
pub(super) fn places_of_backup(copies: &ListedCopies, id: &BackupId) -> String {
    if !copies.is_set() {
        return String::new();
    }
    let held = copies.of(id).iter().map(PlaceName::as_str);
    let held: Vec<&str> = held.collect();
    let names = if held.is_empty() {
        String::new()
    } else {
        format!(": {}", held.join(", "))
    };
    let mut text = format!(
        "{:<14} {} places beside the bucket hold it{names}\n",
        "copies",
        copies.count_of(id)
    );
    for (place, why) in &copies.unseen {
        text.push_str(&format!("{:<14} {place} can't be looked at: {why}\n", "copies"));
    }
    text
}

/// How the places of a database stand, as lines of its status.
pub(super) fn places_of_database(health: &Health, now: Timestamp) -> Vec<String> {
    if health.places.is_empty() {
        return Vec::new();
    }
    let complete = health
        .places
        .iter()
        .filter(|place| place.is_complete())
        .map(|place| place.place.as_str());
    let complete: Vec<&str> = complete.collect();
    let names = if complete.is_empty() {
        String::new()
    } else {
        format!(": {}", complete.join(", "))
    };
    let of = counted(health.places.len(), "place");
    let mut lines = vec![format!("copies are complete in {} of {of}{names}", complete.len())];
    for place in health.places.iter().filter(|place| !place.is_complete()) {
        let name = &place.place;
        let missing = counted(place.behind.len(), "backup");
        if let Some(since) = place.copying_since {
            lines.push(format!(
                "{name}: {missing} missing, and being copied: something was written {}",
                ago(since, now)
            ));
        } else if !health.late_places().any(|late| late.place == *name) {
            // a problem says it otherwise
            let why = place
                .failure
                .as_ref()
                .map(|failure| format!("it can't be looked at: {}", failure.error));
            lines.push(format!(
                "{name}: {}",
                why.unwrap_or_else(|| format!("{missing} missing"))
            ));
        }
    }
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use pgcoffer::{
        backup::Label,
        cause::{Bucket, Cause},
    };

    use super::*;

    fn failed(id: &str, error: &str, cause: Bucket) -> FailedCopy {
        FailedCopy {
            id: BackupId::parse(id).unwrap(),
            failure: Failure {
                error: error.into(),
                hint: Some("make room".into()),
                exit_status: 4,
                cause: Cause::Bucket(cause),
            },
        }
    }

    #[test]
    fn what_has_one_reason_is_told_once() {
        let mut report = CopyReport::new(&PlaceName::parse("nas").unwrap(), &Label::parse("main").unwrap());
        report.wanted = 4;
        report.failed = vec![
            failed(
                "20261120T070000Z-rkropyeppww6",
                "can't write a: no space",
                Bucket::BucketFull,
            ),
            failed(
                "20261119T070000Z-rkropyeppww6",
                "can't write b: no space",
                Bucket::BucketFull,
            ),
            failed(
                "20261118T070000Z-rkropyeppww6",
                "can't read c: damaged",
                Bucket::BucketDamaged,
            ),
            failed(
                "20261117T070000Z-rkropyeppww6",
                "can't write d: no space",
                Bucket::BucketFull,
            ),
        ];
        assert_eq!(
            copied(&[report], false),
            "main: nas holds 0 of 4 backups\n  \
             20261120T070000Z-rkropyeppww6 not copied: can't write a: no space\n  \
             2 others not copied for the same reason: 20261119T070000Z-rkropyeppww6, 20261117T070000Z-rkropyeppww6\n    \
             hint: make room\n  \
             20261118T070000Z-rkropyeppww6 not copied: can't read c: damaged\n    \
             hint: make room\n"
        );
    }
}
