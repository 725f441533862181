//! What `list` shows: an answer for each database, and a line for each backup.

use std::collections::BTreeSet;

use comfy_table::Table;
use indicatif::HumanBytes;
use jiff::Timestamp;
use pgcoffer::{
    backup::{Label, Sealed},
    catalog::{CatalogEntry, Doubt, Listing},
    text::{bare_minute, span},
};
use serde_json::{Value, json};

use super::text::{align_right, kept_until, plain_table, record_json, retained_json, status_word, tables_and_rows};

/// Databases that have records here or are configured, in order.
pub(super) fn databases(listing: &Listing, expected: &[Label]) -> Vec<Label> {
    let standing = listing.entries.iter().chain(&listing.beside);
    let listed = standing.map(|one| one.record.database.clone());
    let mut labels: Vec<Label> = expected.iter().cloned().chain(listed).collect();
    labels.sort();
    labels.dedup();
    labels
}

/// Is there a backup, how old is it, is it good: one or two lines.
pub(super) fn answer(listing: &Listing, label: &Label, now: Timestamp) -> String {
    let (good, last) = listing.newest(label, now);
    let mut text = match good {
        Some(CatalogEntry { record, .. }) => format!(
            "{label}: newest good backup is {} old: {}, {}, {} dumped\n",
            span(record.started, now),
            record.id,
            tables_and_rows(record.counts.tables, record.counts.rows),
            HumanBytes(record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes)),
        ),
        // what stands there can't be told by this key: nobody should think it gone
        None if listing.unreadable_of(label) > 0 => format!(
            "{label}: no good backup opens with this key; records that don't open: {}\n",
            listing.unreadable_of(label)
        ),
        None => format!("{label}: THERE IS NO GOOD BACKUP\n"),
    };
    let failed = last.and_then(|last| Some((last.record.started, last.failure()?)));
    if let Some((started, failure)) = failed {
        text.push_str(&format!(
            "{label}: the last run FAILED {} ago: {}\n",
            span(started, now),
            failure.error.first_line()
        ));
    }
    let lost = last.filter(|one| one.record.is_good() && !one.is_sure());
    if let Some(one) = lost {
        let (id, doubt) = (&one.record.id, one.why_doubted());
        let why = doubt.map_or_else(String::new, ToString::to_string);
        text.push_str(&match doubt.is_some_and(Doubt::is_open) {
            true => format!("{label}: THE NEWEST BACKUP, {id}, is not sure: {why}; `pgcoffer verify {id}` does that\n"),
            false => format!("{label}: THE NEWEST BACKUP, {id}, is none any more: {why}\n"),
        });
    }
    text
}

pub(super) fn answer_json(listing: &Listing, label: &Label, now: Timestamp) -> Value {
    let (good, last) = listing.newest(label, now);
    json!({
        "database": label,
        "newest_good": good.map(|one| one.record.id.as_str()),
        "age_seconds": good.map(|one| now.as_second() - one.record.started.as_second()),
        "last_run": last.map(|one| one.record.id.as_str()),
        "last_run_status": last.map(|one| listed_status(listing, one, now)),
        "last_run_error": last.and_then(|one| Some(one.failure()?.error)),
    })
}

/// One line for each backup.
pub(super) fn backups_table(listing: &Listing, now: Timestamp) -> Table {
    // of one key there is nothing to tell apart
    let keys: BTreeSet<_> = listing.entries.iter().map(|one| &one.key).collect();
    let with_keys = keys.len() > 1;
    let mut heads = vec![
        "ID",
        "DATABASE",
        "TIER",
        "STARTED (UTC)",
        "TOOK",
        "DUMPED",
        "STORED",
        "KEPT UNTIL",
        "STATUS",
    ];
    heads.extend(with_keys.then_some("KEY"));
    let mut table = plain_table(&heads);
    for one in &listing.entries {
        let record = &one.record;
        let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), |bytes| HumanBytes(bytes).to_string());
        let sealed = record.sealed.as_ref();
        let mut row = vec![
            record.id.to_string(),
            record.database.to_string(),
            record.tier.to_string(),
            bare_minute(record.started),
            span(record.started, record.finished),
            bytes(sealed.map(|sealed| sealed.dump_bytes)),
            bytes(sealed.map(Sealed::bytes)),
            kept_until(one.kept()),
            listed_status(listing, one, now),
        ];
        let key = one.key.trim_start_matches("key ");
        row.extend(with_keys.then(|| key.to_owned()));
        table.add_row(row);
    }
    align_right(&mut table, &[4, 5, 6]);
    table
}

/// A record, and how it stands.
pub(super) fn summary_json(listing: &Listing, one: &CatalogEntry) -> Value {
    let mut value = record_json(&one.record, None);
    if let Some(object) = value.as_object_mut() {
        object.insert("good".to_owned(), one.is_sure().into());
        let suspicious = listing.is_suspicious(&one.record);
        object.insert("looks_suspicious".to_owned(), suspicious.into());
        object.insert("hold".to_owned(), json!(one.hold()));
        object.insert("retained".to_owned(), retained_json(&one.record, one.mark.as_ref()));
        object.insert("storage_class".to_owned(), json!(one.class()));
        object.insert("sealed_for".to_owned(), json!(one.key));
        let doubt = one.why_doubted().map(ToString::to_string);
        object.insert("doubt".to_owned(), json!(doubt));
    }
    value
}

/// The status of a record whose archive was looked for.
fn listed_status(listing: &Listing, one: &CatalogEntry, now: Timestamp) -> String {
    let record = &one.record;
    let gone = record.is_good() && !one.is_sure();
    let word = if gone && one.kept().1.is_some_and(|end| end <= now) {
        // by a lifecycle rule, which leaves the record
        "expired"
    } else if gone {
        match one.why_doubted() {
            Some(Doubt::Changed(_) | Doubt::Unseen | Doubt::Length) => "archive changed",
            Some(Doubt::Another) => "another object",
            Some(Doubt::Damaged(_)) => "damaged",
            _ => "archive missing",
        }
    } else if listing.is_suspicious(record) {
        "suspicious"
    } else {
        status_word(record)
    };
    let held = one.hold().map(|_| "held");
    let cold = one.class().filter(|class| *class != "STANDARD");
    let beside = held.into_iter().chain(cold);
    beside.fold(word.to_owned(), |text, one| format!("{text}, {one}"))
}
