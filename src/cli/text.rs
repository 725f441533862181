//! Records as people read them.

use indicatif::{HumanBytes, HumanCount};
use jiff::Timestamp;
use pgcoffer::{
    backup::{BackupId, Details, Mark, Notice, Reason, Record, Retention, Status},
    store::Location,
    text::{Untrusted, ago, bare_minute, bare_second, counted, minute, span},
};

use super::table::Table;

/// `1 table, 1 row`; `29 tables, 3,668 rows`.
pub(super) fn tables_and_rows(tables: u64, rows: u64) -> String {
    let (tables, rows) = (counted(HumanCount(tables), "table"), counted(HumanCount(rows), "row"));
    format!("{tables}, {rows}")
}

/// One line for each table of a backup.
pub(super) fn tables_table(details: &Details) -> Table {
    // on a terminal names are cut and fingerprints left out before a line is broken; --json has them
    let table = Table::new(["TABLE", "ROWS", "BYTES", "FINGERPRINT"]).right(&[1, 2]);
    let mut table = table.cut(0, 30).if_room(&[3]);
    for one in &details.tables {
        table.row([
            format!("{}.{}", one.schema.identifier(), one.name.identifier()),
            HumanCount(one.rows).to_string(),
            HumanBytes(one.bytes).to_string(),
            one.fingerprint.to_string(),
        ]);
    }
    table
}

/// All of a record but its tables.
pub(super) fn facts(record: &Record, details: &Details, mark: Option<&Mark>, location: &Location) -> String {
    let mut lines = vec![
        ("backup", record.id.to_string()),
        ("database", record.database.to_string()),
        ("status", status_line(record, details, mark)),
        ("tier", record.tier.to_string()),
        ("kept", kept_line(record, mark)),
        (
            "started",
            format!("{} UTC, took {}", bare_second(record.started), took(record)),
        ),
        ("agent", format!("pgcoffer {}", record.agent)),
        ("sealed for", record.sealed_for.to_string()),
        ("repository", record.repository.to_string()),
    ];
    if record.serves.len() > 1 {
        let serves = record.serves.iter();
        let serves: Vec<String> = serves
            .map(|served| format!("{} kept {}", served.tier, served.retention))
            .collect();
        lines.push(("serves", serves.join(", ")));
    }
    if let Some(hold) = mark.and_then(|mark| mark.hold.as_ref()) {
        lines.push(("held", format!("since {} UTC {hold}", bare_minute(hold.since))));
    }
    if let Some(released) = mark.and_then(|mark| mark.released.as_ref()) {
        lines.push((
            "released",
            format!("by {} at {} UTC", released.who, bare_minute(released.at)),
        ));
    }
    lines.extend(
        reasons(record, details)
            .iter()
            .map(|reason| ("suspicious", reason.to_string())),
    );
    if let Some(accepted) = mark.and_then(|mark| mark.accepted.as_ref()) {
        lines.push((
            "accepted",
            format!("by {} at {} UTC", accepted.who, bare_minute(accepted.at)),
        ));
    }
    lines.extend(mark.iter().flat_map(|mark| mark.notices.iter().flat_map(notice_lines)));
    if let Some(source) = &record.source {
        let standby = if source.server.standby { ", a standby" } else { "" };
        lines.push((
            "server",
            format!(
                "PostgreSQL {} ({}{standby})",
                source.server.version, source.server.database
            ),
        ));
        lines.push((
            "pg_dump",
            format!("{} {}", source.client.version, joined(&details.options, " "))
                .trim_end()
                .to_owned(),
        ));
    }
    if let Some(sealed) = &record.sealed {
        lines.push((
            "dumped",
            format!(
                "{} ({}), {}",
                HumanBytes(sealed.dump_bytes),
                counted(HumanCount(sealed.dump_bytes), "byte"),
                counted(HumanCount(record.counts.rows), "row")
            ),
        ));
        lines.push((
            "stored",
            format!(
                "{} ({}), {} {}",
                HumanBytes(sealed.bytes()),
                counted(HumanCount(sealed.bytes()), "byte"),
                sealed.compression.algorithm,
                sealed.compression.level
            ),
        ));
        lines.extend(sealed.objects.iter().map(|object| {
            let key = location.key(&object.key);
            ("object", location.url(&key))
        }));
    }
    if details.large_objects.count > 0 {
        lines.push((
            "large objects",
            format!(
                "{}, {}",
                HumanCount(details.large_objects.count),
                HumanBytes(details.large_objects.bytes)
            ),
        ));
    }
    lines.extend(details.warnings.iter().map(|warning| ("warning", warning.to_string())));
    lines
        .iter()
        .map(|(name, value)| format!("{name:<14} {}\n", value.replace('\n', "\n               ")))
        .collect()
}

/// Which channels took a notice, and which did not.
fn notice_lines(notice: &Notice) -> Vec<(&'static str, String)> {
    let what = match notice.about.raw() {
        "backup" => notice.event.to_string(),
        _ => format!("{} of {}", notice.event, notice.about),
    };
    let at = bare_minute(notice.at);
    let mut lines = Vec::new();
    if !notice.delivered.is_empty() {
        let told = joined(&notice.delivered, ", ");
        lines.push(("told", format!("{what} at {at} UTC: {told}")));
    }
    let undelivered = notice.undelivered.iter();
    lines.extend(undelivered.map(|one| {
        let (channel, why) = (&one.channel, &one.why);
        ("NOT told", format!("{what} at {at} UTC: {channel}: {why}"))
    }));
    lines
}

/// Why a backup looked wrong when it was made.
fn reasons(record: &Record, details: &Details) -> Vec<Reason> {
    match details.suspicious.is_empty() {
        true => record.anomalies.iter().copied().map(Reason::KindOnly).collect(),
        false => details.suspicious.clone(),
    }
}

/// That a backup was read back as a whole and was good.
pub(super) fn read_back(id: &BackupId, at: Timestamp, now: Timestamp) -> String {
    format!("{id} was read back {}: all of it is good", ago(at, now))
}

/// How long a run took.
pub(super) fn took(record: &Record) -> String {
    span(record.started, record.finished)
}

fn joined(texts: &[Untrusted], between: &str) -> String {
    let texts = texts.iter().map(ToString::to_string);
    texts.collect::<Vec<_>>().join(between)
}

pub(super) fn status_word(record: &Record) -> &'static str {
    match (&record.status, record.is_good()) {
        (Status::Failed { .. }, _) => "failed",
        (Status::Succeeded, true) => "good",
        (Status::Succeeded, false) => "incomplete",
    }
}

fn status_line(record: &Record, details: &Details, mark: Option<&Mark>) -> String {
    let is_accepted = mark.is_some_and(|mark| mark.accepted.is_some());
    match details.failure(record) {
        // as `list` says it
        None if record.is_good() && !is_accepted && !reasons(record, details).is_empty() => {
            format!("suspicious: `pgcoffer accept {}` if it is right", record.id)
        }
        None => status_word(record).to_owned(),
        Some(failure) => {
            let hint = failure
                .hint
                .as_ref()
                .map_or_else(String::new, |hint| format!("\nhint: {}", hint.lines()));
            let error = failure.error.lines().to_string();
            format!(
                "failed with status {}\n{}{hint}",
                failure.exit_status,
                error.trim_start_matches('\n')
            )
        }
    }
}

/// How long it is kept, and who decided so where it is another time than it was made for.
fn kept_line(record: &Record, mark: Option<&Mark>) -> String {
    let (retention, expires) = record.kept(mark);
    let kept = match expires {
        Some(time) => format!("{retention}, until {} UTC", bare_minute(time)),
        None => kept_until((retention, expires)),
    };
    match mark.and_then(|mark| mark.retained.as_ref()) {
        Some(retained) => format!(
            "{kept}, by {} at {} UTC; made for {}",
            retained.who,
            bare_minute(retained.at),
            record.retention
        ),
        None => kept,
    }
}

fn kept_until((retention, expires): (Retention, Option<Timestamp>)) -> String {
    match (expires, retention) {
        (Some(time), _) => bare_minute(time),
        (None, Retention::Newest(count)) => counted(count, "newer one"),
        (None, _) => "forever".to_owned(),
    }
}

/// `kept 30d, until 2026-12-20 07:00 UTC`; `kept forever`.
pub(super) fn kept(retention: Retention, expires: Option<Timestamp>) -> String {
    match (retention, expires) {
        (_, Some(until)) => format!("kept {retention}, until {}", minute(until)),
        (Retention::Newest(count), None) => format!("kept among the newest {count} of its tier"),
        (_, None) => "kept forever".to_owned(),
    }
}
