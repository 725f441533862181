//! Records as people and programs read them.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;
use pgcoffer::{
    backup::{Label, Mark, Record, Retention, Status},
    catalog::Listing,
    store::Location,
};
use serde_json::{Value, json};

/// Databases that have records here or are configured, in order.
pub(super) fn databases(listing: &Listing, expected: &[Label]) -> Vec<Label> {
    let records = listing.records.iter().chain(&listing.beside);
    let listed = records.map(|record| record.database.clone());
    let mut labels: Vec<Label> = expected.iter().cloned().chain(listed).collect();
    labels.sort();
    labels.dedup();
    labels
}

/// Is there a backup, how old is it, is it good: one or two lines.
pub(super) fn answer(listing: &Listing, label: &Label, now: Timestamp) -> String {
    let (good, last) = listing.newest(label);
    let mut text = match good {
        Some(record) => format!(
            "{label}: newest good backup is {} old: {}, {} tables, {} rows, {} dumped\n",
            span(record.started, now),
            record.id,
            record.tables.len(),
            HumanCount(record.rows()),
            HumanBytes(record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes)),
        ),
        None => format!("{label}: THERE IS NO GOOD BACKUP\n"),
    };
    if let Some(Record {
        status: Status::Failed(failure),
        started,
        ..
    }) = last
    {
        text.push_str(&format!(
            "{label}: the last run FAILED {} ago: {}\n",
            span(*started, now),
            first_line(&failure.error)
        ));
    }
    let lost = last.filter(|record| record.is_good() && !listing.is_good(record));
    if let Some(record) = lost {
        let id = &record.id;
        text.push_str(&format!(
            "{label}: THE ARCHIVE of the newest backup, {id}, is gone or has another length\n"
        ));
    }
    text
}

pub(super) fn answer_json(listing: &Listing, label: &Label, now: Timestamp) -> Value {
    let (good, last) = listing.newest(label);
    json!({
        "database": label,
        "newest_good": good.map(|record| record.id.as_str()),
        "age_seconds": good.map(|record| now.as_second() - record.started.as_second()),
        "last_run": last.map(|record| record.id.as_str()),
        "last_run_status": last.map(|record| listed_status(listing, record)),
    })
}

/// One line for each backup.
pub(super) fn backups_table(listing: &Listing) -> Table {
    let mut table = plain_table(&[
        "ID",
        "DATABASE",
        "TIER",
        "STARTED (UTC)",
        "TOOK",
        "DUMPED",
        "STORED",
        "KEPT UNTIL",
        "STATUS",
    ]);
    for record in &listing.records {
        let bytes = |bytes: Option<u64>| {
            bytes.map_or_else(|| "-".to_owned(), |bytes| HumanBytes(bytes).to_string())
        };
        let sealed = record.sealed.as_ref();
        table.add_row([
            record.id.to_string(),
            record.database.to_string(),
            record.tier.to_string(),
            minute(record.started),
            span(record.started, record.finished),
            bytes(sealed.map(|sealed| sealed.dump_bytes)),
            bytes(sealed.map(|sealed| sealed.bytes)),
            kept_until(record),
            listed_status(listing, record),
        ]);
    }
    align_right(&mut table, &[4, 5, 6]);
    table
}

/// One line for each table of a backup.
pub(super) fn tables_table(record: &Record) -> Table {
    let mut table = plain_table(&["TABLE", "ROWS", "BYTES", "FINGERPRINT"]);
    for one in &record.tables {
        table.add_row([
            format!("{}.{}", identifier(&one.schema), identifier(&one.name)),
            HumanCount(one.rows).to_string(),
            HumanBytes(one.bytes).to_string(),
            one.fingerprint.to_string(),
        ]);
    }
    align_right(&mut table, &[1, 2]);
    table
}

/// All of a record but its tables.
pub(super) fn facts(record: &Record, mark: Option<&Mark>, location: &Location) -> String {
    let mut lines = vec![
        ("backup", record.id.to_string()),
        ("database", record.database.to_string()),
        ("status", status_line(record)),
        ("tier", record.tier.to_string()),
        (
            "kept",
            match record.expires {
                Some(time) => format!("{}, until {} UTC", record.retention, minute(time)),
                None => kept_until(record),
            },
        ),
        (
            "started",
            format!("{} UTC, took {}", second(record.started), took(record)),
        ),
        ("agent", format!("pgcoffer {}", record.agent)),
    ];
    if record.serves.len() > 1 {
        let serves = record.serves.iter();
        let serves: Vec<String> = serves
            .map(|served| format!("{} kept {}", served.tier, served.retention))
            .collect();
        lines.push(("serves", serves.join(", ")));
    }
    if let Some(hold) = mark.and_then(|mark| mark.hold.as_ref()) {
        lines.push(("held", format!("since {} UTC {hold}", minute(hold.since))));
    }
    lines.extend(
        record
            .suspicious
            .iter()
            .map(|reason| ("suspicious", reason.clone())),
    );
    if let Some(accepted) = mark.and_then(|mark| mark.accepted.as_ref()) {
        lines.push((
            "accepted",
            format!("by {} at {} UTC", accepted.who, minute(accepted.at)),
        ));
    }
    if let Some(source) = &record.source {
        let standby = if source.server.standby {
            ", a standby"
        } else {
            ""
        };
        lines.push((
            "server",
            format!(
                "PostgreSQL {} ({}{standby})",
                source.server.version, source.server.database
            ),
        ));
        lines.push((
            "pg_dump",
            format!("{} {}", source.client.version, source.options.join(" ")),
        ));
    }
    if let Some(sealed) = &record.sealed {
        lines.push((
            "dumped",
            format!(
                "{} ({} bytes), {} rows",
                HumanBytes(sealed.dump_bytes),
                HumanCount(sealed.dump_bytes),
                HumanCount(record.rows())
            ),
        ));
        lines.push((
            "stored",
            format!(
                "{} ({} bytes), {} {}",
                HumanBytes(sealed.bytes),
                HumanCount(sealed.bytes),
                sealed.compression.algorithm,
                sealed.compression.level
            ),
        ));
        lines.push((
            "object",
            format!("s3://{}/{}", location.bucket, location.key(&sealed.key)),
        ));
    }
    if record.large_objects.count > 0 {
        lines.push((
            "large objects",
            format!(
                "{}, {}",
                HumanCount(record.large_objects.count),
                HumanBytes(record.large_objects.bytes)
            ),
        ));
    }
    lines.extend(
        record
            .warnings
            .iter()
            .map(|warning| ("warning", warning.clone())),
    );
    lines
        .iter()
        .map(|(name, value)| format!("{name:<14} {}\n", value.replace('\n', "\n               ")))
        .collect()
}

/// A record without what only a program that reads the archive needs.
pub(super) fn record_json(record: &Record) -> Value {
    let mut value = serde_json::to_value(record).unwrap_or(Value::Null);
    if let Some(compression) = value
        .pointer_mut("/sealed/compression")
        .and_then(Value::as_object_mut)
    {
        compression.remove("chunks");
    }
    value
}

/// A record without its tables, for lists.
pub(super) fn summary_json(listing: &Listing, record: &Record) -> Value {
    let mut value = record_json(record);
    if let Some(object) = value.as_object_mut() {
        object.remove("tables");
        object.insert("table_count".to_owned(), record.tables.len().into());
        object.insert("rows".to_owned(), record.rows().into());
        object.insert("good".to_owned(), listing.is_good(record).into());
        object.insert(
            "looks_suspicious".to_owned(),
            listing.is_suspicious(record).into(),
        );
        object.insert("hold".to_owned(), json!(listing.hold(record)));
        object.insert("storage_class".to_owned(), json!(listing.class(record)));
    }
    value
}

/// How long a run took.
pub(super) fn took(record: &Record) -> String {
    span(record.started, record.finished)
}

/// The time between two moments in its two largest units: `3h 12m`, `2d 1h`, `4s`.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second().saturating_sub(from.as_second()).max(0);
    let units = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let Some(largest) = units.iter().position(|(length, _)| seconds >= *length) else {
        return "0s".to_owned();
    };
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (length, name) in units.iter().skip(largest).take(2) {
        if rest >= *length {
            parts.push(format!("{}{name}", rest / length));
        }
        rest %= length;
    }
    parts.join(" ")
}

/// The status of a record whose archive was looked for.
fn listed_status(listing: &Listing, record: &Record) -> String {
    let word = if record.is_good() && !listing.is_good(record) {
        "archive missing"
    } else if listing.is_suspicious(record) {
        "suspicious"
    } else {
        status_word(record)
    };
    let held = listing.hold(record).map(|_| "held");
    let cold = listing.class(record).filter(|class| *class != "STANDARD");
    let beside = held.into_iter().chain(cold);
    beside.fold(word.to_owned(), |text, one| format!("{text}, {one}"))
}

fn status_word(record: &Record) -> &'static str {
    match (&record.status, record.is_good()) {
        (Status::Failed(_), _) => "failed",
        (Status::Succeeded, true) => "good",
        (Status::Succeeded, false) => "incomplete",
    }
}

fn status_line(record: &Record) -> String {
    match &record.status {
        Status::Succeeded => status_word(record).to_owned(),
        Status::Failed(failure) => {
            let hint = failure
                .hint
                .as_ref()
                .map_or_else(String::new, |hint| format!("\nhint: {hint}"));
            format!(
                "failed with status {}\n{}{hint}",
                failure.exit_status, failure.error
            )
        }
    }
}

fn kept_until(record: &Record) -> String {
    match (record.expires, record.retention) {
        (Some(time), _) => minute(time),
        (None, Retention::Newest(count)) => format!("{count} newer ones"),
        (None, _) => "forever".to_owned(),
    }
}

pub(super) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// A name as it is, or quoted where it could be misread or break a line.
fn identifier(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if plain {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

pub(super) fn plain_table(heads: &[&str]) -> Table {
    let mut table = Table::new();
    // never folded to the width of a terminal: lines stay lines for grep
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(heads.to_vec());
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

pub(super) fn align_right(table: &mut Table, columns: &[usize]) {
    for index in columns {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units() {
        let span_of = |seconds| {
            span(
                Timestamp::UNIX_EPOCH,
                Timestamp::from_second(seconds).unwrap(),
            )
        };
        assert_eq!(span_of(0), "0s");
        assert_eq!(span_of(59), "59s");
        assert_eq!(span_of(61), "1m 1s");
        assert_eq!(span_of(3600), "1h");
        assert_eq!(span_of(86_400 * 3 + 3600 * 2 + 59), "3d 2h");
        assert_eq!(span_of(-5), "0s");
    }

    #[test]
    fn names_that_could_be_misread_are_quoted() {
        assert_eq!(identifier("orders_2026"), "orders_2026");
        assert_eq!(identifier("a b"), "\"a b\"");
        assert_eq!(identifier("a\nb"), "\"a\\nb\"");
    }
}
