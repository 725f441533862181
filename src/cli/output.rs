//! What users read: text for people, JSON for programs. Results go to stdout, errors to stderr.

use std::{io::IsTerminal as _, path::Path};

use indicatif::HumanBytes;
use pgcoffer::{
    Error, Result,
    agent::{BackupDocument, ShownBackup, Undelivered},
    backup::{Details, Globals, Label, RecentBackup, Record, RecordDocument},
    operation::{
        BackupContents, BackupTaken, ComparedWith, CopyReport, DrillReport, Fetched, FetchedTable, RestorePreview,
        RestoreReport, Sampled, Verified,
    },
    seal::{CatalogKey, MasterKey, Passphrase, RepositoryId},
    store::Location,
    text::{ago, bare_minute, minute, span},
};
use serde_json::{Value, json};

pub(super) use super::screen::{message, note, print, print_document, print_messages};
use super::{
    global::LogFormat,
    screen, statements,
    table::Room,
    terminal::stdout_columns,
    text::{facts, kept, tables_and_rows, tables_table, took},
    text_contents, text_copy, text_drill, text_preview, text_restore,
    width::facts_wrapped,
};

/// How results are printed.
#[derive(Clone, Copy)]
pub(super) struct Output {
    pub(super) json: bool,
}

/// Prints an error as people read it: what, on what, why, and the cure; or as one line of a JSON log.
pub(super) fn error(error: &Error, format: LogFormat) {
    say_error(error.to_string(), error, format);
}

/// The same of one of several databases.
pub(super) fn error_of(database: &Label, error: &Error, format: LogFormat) {
    say_error(format!("{database}: {error}"), error, format);
}

fn say_error(why: String, error: &Error, format: LogFormat) {
    let hint = error.hint();
    if format == LogFormat::Json {
        let status = error.exit_status().number();
        tracing::error!(exit_status = status, hint, "{why}");
        return;
    }
    message(&format!("error: {why}"));
    if let Some(hint) = hint {
        message(&format!("hint: {hint}"));
    }
}

/// Prints what could not be delivered, with what cures it.
pub(super) fn undelivered(all: &[Undelivered], format: LogFormat) {
    for one in all {
        let of = one
            .database
            .as_ref()
            .map_or_else(String::new, |database| format!(" of {database}"));
        let what = match one.event {
            None => format!("the ping{of} did not arrive"),
            Some(event) => format!("{}{of} could not be told by {}", event.noun(), one.channel),
        };
        let why = &one.why;
        if format == LogFormat::Json {
            tracing::warn!(hint = one.hint, "{what}: {why}");
            continue;
        }
        message(&format!("warning: {what}: {why}"));
        if let Some(hint) = &one.hint {
            message(&format!("hint: {hint}"));
        }
    }
}

/// Who says how long a backup is kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeptAs {
    /// Nobody.
    Default,
    /// `PGCOFFER_RETAIN_MANUAL`.
    Setting,
    /// The one who asked for it.
    Asked,
}

impl Output {
    pub(super) fn key(self, key: &MasterKey) -> Result<()> {
        let text = key.encode();
        if self.json {
            return self.print_json(&json!({ "key": text.as_str(), "key_id": key.key_id() }));
        }
        // the key alone on stdout, so that it can be captured
        print(text.as_str())?;
        print("\n")?;
        if std::io::stdout().is_terminal() {
            note(&format!(
                "\nThis is the only copy of key {}. Without it no backup can be read, by anybody, ever.\n\
                 Write it down or put it into a password manager now, away from this machine,\n\
                 then set it: PGCOFFER_KEY=…",
                key.key_id()
            ));
        }
        Ok(())
    }

    pub(super) fn catalog_key(self, key: &CatalogKey) -> Result<()> {
        let text = key.encode();
        if self.json {
            let fields = json!({ "catalog_key": text.as_str(), "catalog_key_id": key.key_id() });
            return self.print_json(&fields);
        }
        // alone on stdout, as a key is
        print(text.as_str())?;
        print("\n")?;
        if std::io::stdout().is_terminal() {
            note(
                "\nIt lists, watches, holds and prunes backups, and opens none of them: set it as \
                 PGCOFFER_CATALOG_KEY\n\
                 where that is done. The key itself prints it again at any time, so it needs no copy.",
            );
        }
        Ok(())
    }

    pub(super) fn repository(self, id: &RepositoryId) -> Result<()> {
        match self.json {
            true => self.print_json(&json!({ "repository": id })),
            false => print(format!("{id}\n")),
        }
    }

    pub(super) fn copied(self, reports: &[CopyReport], dry_run: bool) -> Result<()> {
        match self.json {
            true => self.print_json(&json!({ "copies": reports, "dry_run": dry_run })),
            false => print_messages(&text_copy::copied(reports, dry_run)),
        }
    }

    pub(super) fn passphrase(self, text: &str) -> Result<()> {
        let bits = Passphrase::generated_bits();
        if self.json {
            return self.print_json(&json!({ "passphrase": text, "bits": bits }));
        }
        // alone on stdout, as a key is
        print(text)?;
        print("\n")?;
        if std::io::stdout().is_terminal() {
            note(&format!(
                "\nThis is the only copy: {bits} bits of chance, and no backup can be read without it, by anybody, \
                 ever.\n\
                 Write it down or put it into a password manager now, away from this machine,\n\
                 then set it: PGCOFFER_PASSPHRASE=… instead of PGCOFFER_KEY"
            ));
        }
        Ok(())
    }

    pub(super) fn passphrase_is_strong(self) -> Result<()> {
        if self.json {
            return self.print_json(&json!({ "passphrase": "strong" }));
        }
        print(
            "This passphrase will do. Set it as PGCOFFER_PASSPHRASE instead of PGCOFFER_KEY, and keep a copy of it\n\
             away from this machine: without it no backup can be read, by anybody, ever.\n",
        )
    }

    pub(super) fn backup(
        self,
        taken: &BackupTaken,
        copies: &[CopyReport],
        location: &Location,
        kept_as: KeptAs,
    ) -> Result<()> {
        let BackupTaken { record, details, .. } = taken;
        if self.json {
            let mut value = to_json(&RecordDocument::new(record, Some(details)))?;
            insert(&mut value, "made", json!(true));
            insert(&mut value, "copies", to_json(&copies)?);
            return self.print_json(&value);
        }
        let bytes = record
            .sealed
            .as_ref()
            .map_or((0, 0), |sealed| (sealed.dump_bytes, sealed.bytes()));
        let mut text = format!(
            "Backed up {} as {} in {}\n  {}, {} dumped, {} stored, {}\n",
            record.database,
            record.id,
            location,
            tables_and_rows(record.counts.tables, record.counts.rows),
            HumanBytes(bytes.0),
            HumanBytes(bytes.1),
            took(record),
        );
        let kept = kept(record.retention, record.expires);
        let how = match kept_as {
            KeptAs::Default => ", the default; PGCOFFER_RETAIN_MANUAL or --retain changes it",
            KeptAs::Setting => ", as PGCOFFER_RETAIN_MANUAL says; `pgcoffer retain` changes that",
            KeptAs::Asked => "",
        };
        text.push_str(&format!("  {kept}{how}\n"));
        text.extend(
            copies
                .iter()
                .map(|report| format!("  {}\n", text_copy::in_a_line(report))),
        );
        // on a terminal the log has just said them
        let is_seen = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        for warning in details.warnings.iter().filter(|_| !is_seen) {
            text.push_str(&format!("  warning: {warning}\n"));
        }
        print_messages(&text)
    }

    /// Says why no backup was made.
    pub(super) fn recent_backup(self, recent: &RecentBackup) -> Result<()> {
        if self.json {
            let mut value = to_json(recent)?;
            insert(&mut value, "made", json!(false));
            return self.print_json(&value);
        }
        let RecentBackup { id, database, tier, .. } = recent;
        let (began, took) = (minute(recent.started), span(recent.started, recent.finished));
        let kept = kept(recent.retention, recent.expires);
        print_messages(&format!(
            "Nothing was made, as a good backup of {database} is recent enough: {id}\n  it began at {began} and took \
             {took}; {tier}, {kept}\n"
        ))
    }

    pub(super) fn show(self, shown: &ShownBackup, location: &Location) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(&BackupDocument::from(shown))?);
        }
        let (record, mark) = (&shown.record, shown.mark.as_ref());
        let nothing = Details::default();
        let details = shown.details.as_ref().unwrap_or(&nothing);
        let mut text = facts(record, details, mark, location);
        if let Some(at) = shown.last_read_back {
            let (when, at) = (ago(at, shown.seen), bare_minute(at));
            text.push_str(&format!("{:<14} {when}, at {at} UTC: all of it is good\n", "read back"));
        }
        text.push_str(&text_copy::places_of_backup(&shown.copies, &record.id));
        text.push_str(&text_drill::drills_of_backup(&shown.drills));
        let mut text = facts_wrapped(&text, stdout_columns());
        if !details.tables.is_empty() {
            text.push_str(&format!(
                "\n{}",
                tables_table(details).lines(stdout_columns().map_or(Room::Everything, Room::Terminal))
            ));
        }
        print(text)
    }

    /// Roles and settings as SQL, or as JSON.
    pub(super) fn globals(self, record: &Record, globals: &Globals) -> Result<()> {
        if self.json {
            return self.print_json(&json!({ "id": record.id, "database": record.database, "globals": globals }));
        }
        print(statements::globals(record, globals).map_err(Error::Sink)?)
    }

    pub(super) fn fetched(self, fetched: &Fetched) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(fetched)?);
        }
        match &fetched.file {
            Some(file) => print(format!(
                "{} of {} in {}\n",
                HumanBytes(fetched.bytes),
                fetched.id,
                file.display()
            )),
            None => Ok(()),
        }
    }

    pub(super) fn fetched_table(self, fetched: &FetchedTable) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(fetched)?);
        }
        let text = text_restore::fetched_table(fetched);
        match &fetched.file {
            Some(_) => print_messages(&text),
            // standard output has the rows
            None => {
                message(text.trim_end());
                Ok(())
            }
        }
    }

    pub(super) fn contents(self, contents: &BackupContents) -> Result<()> {
        match self.json {
            true => self.print_json(&to_json(contents)?),
            false => print(text_contents::contents(contents)),
        }
    }

    /// `from`: the place that was read in the stead of the bucket.
    pub(super) fn verified(self, verified: &Verified, from: Option<&str>) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(verified)?);
        }
        let mut text = format!(
            "{} of {} is good: {} read back, every MAC right, {} as dumped\n",
            verified.id,
            verified.database,
            HumanBytes(verified.sealed_bytes),
            tables_and_rows(verified.tables, verified.rows),
        );
        if verified.compared_with == ComparedWith::Record {
            text.push_str(
                "  its details are lost: all data was compared by one fingerprint, and definitions by their number\n",
            );
        }
        if let Some(version) = &verified.pg_restore {
            text.push_str(&format!("  pg_restore {version} reads all of it\n"));
        }
        text.push_str(&read_from(from));
        print_messages(&text)
    }

    pub(super) fn sampled(self, sampled: &Sampled, from: Option<&str>) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(sampled)?);
        }
        let Sampled { id, database, .. } = sampled;
        let (read, all) = (HumanBytes(sampled.read_bytes), HumanBytes(sampled.sealed_bytes));
        let text = match sampled.sealed_bytes.saturating_sub(sampled.read_bytes) {
            0 => format!(
                "{id} of {database}: all {all} read back, every MAC right. Not proven: that rows are as dumped, which \
                 `pgcoffer verify` compares\n"
            ),
            rest => format!(
                "{id} of {database}: {read} of {all} read back, drawn at random, every MAC right. Not read, so not \
                 proven: the other {}, and that rows are as dumped; `pgcoffer verify` reads all\n",
                HumanBytes(rest)
            ),
        };
        print_messages(&(text + &read_from(from)))
    }

    pub(super) fn restore_preview(self, preview: &RestorePreview, is_part: bool) -> Result<()> {
        if self.json {
            return self.print_json(&to_json(preview)?);
        }
        print_messages(&text_preview::preview(preview, is_part))
    }

    pub(super) fn drilled(self, report: &DrillReport) -> Result<()> {
        print(text_drill::drilled(report))
    }

    pub(super) fn drills(self, reports: &[DrillReport]) -> Result<()> {
        self.print_json(&json!({ "drills": to_json(&reports)? }))
    }

    pub(super) fn restored(self, report: &RestoreReport, statements: Option<&Path>, from: Option<&str>) -> Result<()> {
        if self.json {
            let mut value = to_json(report)?;
            insert(&mut value, "statements", to_json(&statements)?);
            return self.print_json(&value);
        }
        print_messages(&(text_restore::restored(report, statements) + &read_from(from)))
    }

    pub(super) fn print_json(self, value: &Value) -> Result<()> {
        screen::print_json(value)
    }
}

/// The line of a result that says which place was read.
fn read_from(place: Option<&str>) -> String {
    place.map_or_else(String::new, |place| {
        format!("  read from the place {place}, not from the bucket\n")
    })
}

pub(super) fn to_json(value: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Error::Internal(e.to_string()))
}

/// Adds a field to a JSON object.
pub(super) fn insert(value: &mut Value, name: &str, what: Value) {
    if let Some(object) = value.as_object_mut() {
        object.insert(name.to_owned(), what);
    }
}
