//! The answer for each database: is there a backup, how old is it, is it good, does it come back.

use indicatif::HumanBytes;
use pgcoffer::{
    backup::{DrillDocument, Label},
    catalog::{CatalogEntry, Doubt, Listing},
    operation::{LastDrill, passed_over},
    store::Location,
    text::{age, ago},
};
use serde_json::{Value, json};

use super::rows::listed_status;
use crate::cli::{
    styled::Style,
    text::{read_back, tables_and_rows},
    text_drill::third_answer,
};

/// Is there a backup, how old is it, is it good: one or two lines.
pub(super) fn answer(listing: &Listing, label: &Label, location: &Location) -> Vec<(Style, String)> {
    let now = listing.seen;
    let (good, last) = listing.newest(label, now);
    let mut lines = vec![match good {
        Some(CatalogEntry { record, .. }) => (
            Style::Plain,
            format!(
                "{label}: newest {}backup is {} old: {}, {}, {} dumped",
                // the next line says that it looks wrong
                if listing.is_suspicious(record) { "" } else { "good " },
                age(record.started, now),
                record.id,
                tables_and_rows(record.counts.tables, record.counts.rows),
                HumanBytes(record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes)),
            ),
        ),
        // what stands there can't be told by this key: nobody should think it gone
        None if listing.unreadable_of(label) > 0 => (
            Style::Bad,
            format!(
                "{label}: no good backup in {location} opens with this key; records that don't open: {}",
                listing.unreadable_of(label)
            ),
        ),
        None => (Style::Bad, format!("{label}: THERE IS NO GOOD BACKUP in {location}")),
    }];
    if let Some(one) = good.filter(|one| listing.is_suspicious(&one.record)) {
        lines.push((Style::Bad, suspicious(listing, label, one)));
    }
    lines.extend(read_back_line(listing, label));
    let failed = last.and_then(|last| Some((&last.record, last.failure()?)));
    if let Some((record, failure)) = failed {
        let (when, why, id) = (ago(record.started, now), failure.error.first_line(), &record.id);
        let more = format!("`pgcoffer show {id}` says more");
        lines.push((
            Style::Bad,
            format!("{label}: the last run FAILED {when}: {why}; {more}"),
        ));
    }
    if good.is_some()
        && let Some(last) = listing.drills.last.get(label)
    {
        let (style, text) = third_answer(
            Some(&LastDrill::from(last)),
            listing.drills.last_proven(label).as_ref(),
            now,
        );
        lines.push((style, format!("{label}: {text}")));
    }
    if let Some((count, newest)) = listing.drills.ahead.get(label) {
        let words = passed_over(*count, *newest);
        lines.push((Style::Plain, format!("{label}: {words}")));
    }
    let lost = last.filter(|one| one.record.is_good() && !one.is_sure());
    if let Some(one) = lost {
        let (id, doubt) = (&one.record.id, one.why_doubted());
        let why = doubt.map_or_else(String::new, ToString::to_string);
        let text = match doubt.is_some_and(Doubt::may_be_intact) {
            true => format!("{label}: THE NEWEST BACKUP, {id}, is not sure: {why}; `pgcoffer verify {id}` does that"),
            false => format!("{label}: THE NEWEST BACKUP, {id}, is none any more: {why}"),
        };
        lines.push((Style::Bad, text));
    }
    lines
}

/// Which backup was read back last.
fn read_back_line(listing: &Listing, label: &Label) -> Option<(Style, String)> {
    let all = listing.entries.iter().chain(&listing.beside);
    let own = all.filter(|one| one.record.database == *label);
    let read = own.filter_map(|one| Some((one.last_read_back(listing.seen)?, &one.record.id)));
    let (at, id) = read.max()?;
    Some((Style::Plain, format!("{label}: {}", read_back(id, at, listing.seen))))
}

/// That the newest good backup looks wrong, with the newest of which nothing does.
fn suspicious(listing: &Listing, label: &Label, one: &CatalogEntry) -> String {
    let all = listing.entries.iter().chain(&listing.beside);
    let sound = all.filter(|other| {
        let record = &other.record;
        record.database == *label && other.is_sure() && !listing.is_suspicious(record)
    });
    let id = &one.record.id;
    let instead = match sound.max_by_key(|other| other.record.id.clone()) {
        Some(other) => format!("the newest that does not is {}", other.record.id),
        None => "`pgcoffer list --good` shows those that do not".to_owned(),
    };
    format!("{label}: IT LOOKS WRONG beside the earlier ones (`pgcoffer show {id}` says why); {instead}")
}

pub(super) fn answer_json(listing: &Listing, label: &Label) -> Value {
    let now = listing.seen;
    let (good, last) = listing.newest(label, now);
    json!({
        "database": label,
        "newest_good": good.map(|one| one.record.id.as_str()),
        "age_seconds": good.map(|one| now.as_second() - one.record.started.as_second()),
        "last_run": last.map(|one| one.record.id.as_str()),
        "last_run_status": last.map(|one| listed_status(listing, one, now).1),
        "last_run_error": last.and_then(|one| Some(one.failure()?.error)),
        "last_drill": listing.drills.last.get(label).map(DrillDocument::from),
        "last_proven": listing.drills.last_proven(label),
    })
}
