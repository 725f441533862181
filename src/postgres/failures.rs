//! Reads the statements that failed in a restore that continued, from the output of `pg_restore --verbose` as it
//! arrives.
//!
//! ```text
//! pg_restore: creating INDEX "public.items_slug"
//! pg_restore: while PROCESSING TOC:
//! pg_restore: from TOC entry 215; 1259 16400 INDEX items_slug owner
//! pg_restore: error: could not execute query: ERROR:  function norm(text) does not exist
//! LINE 1: …
//! Command was: CREATE INDEX …
//! pg_restore: warning: errors ignored on restore: 1
//! ```
//!
//! Names are repeated unchanged, and a name with a line break can look like such a line. So the program's own count,
//! which comes last, gives the number of failures. A forged line can make the list longer, never shorter.
//!
//! <https://github.com/postgres/postgres/blob/REL_18_STABLE/src/bin/pg_dump/pg_backup_archiver.c>,
//! `warn_or_exit_horribly`

use std::collections::BTreeSet;

use crate::redact::Known;
use crate::text::Untrusted;

/// The number of failures that are kept; the rest is counted.
const KEPT_MAX: usize = 1000;
/// The length in bytes that is kept of one message.
const TEXT_BYTES_MAX: usize = 2048;
/// The length in bytes that is kept of one line: enough for the beginning of `pg_restore`'s own lines.
const LINE_BYTES_MAX: usize = 4096;

const ENTRY: &str = "pg_restore: from TOC entry ";
const ERROR: &str = "pg_restore: error: ";
const IGNORED: &str = "pg_restore: warning: errors ignored on restore: ";
const STATEMENT: &str = "Command was: ";

/// A statement that failed while the restore continued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementFailure {
    /// The dump id of the entry that it belongs to; `None` if it belongs to the session.
    pub entry: Option<i32>,
    /// The server's message, in its language.
    pub message: Untrusted,
}

/// The failures of one restore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatementFailures {
    /// The first failures, up to a thousand.
    pub first: Vec<StatementFailure>,
    /// The entries of all later failures, each once.
    pub more: BTreeSet<i32>,
    /// The number of failures.
    pub count: u64,
}

impl StatementFailures {
    /// Adds the failures of another run.
    pub fn add(&mut self, more: Self) {
        let room = KEPT_MAX.saturating_sub(self.first.len());
        let mut first = more.first.into_iter();
        self.first.extend(first.by_ref().take(room));
        self.more.extend(first.filter_map(|failure| failure.entry));
        self.more.extend(more.more);
        self.count += more.count;
    }
}

/// A statement that clients since 17 send to every server, and that servers up to 16 refuse. Nothing is missing without
/// it.
const UNKNOWN_SETTING: &str = "SET transaction_timeout = 0;";

/// Beginnings of lines that the program writes before the first object.
const BEFORE_ALL: &[&str] = &["connecting", "executing", "while INITIALIZING", "implied"];

/// Reads failures from the output of `pg_restore`.
#[derive(Debug, Default)]
pub(super) struct FailureReader {
    line: Vec<u8>,
    entry: Option<i32>,
    failures: Vec<StatementFailure>,
    more: BTreeSet<i32>,
    text: String,
    /// Whether the next lines belong to a failure's message.
    in_message: bool,
    is_setting: bool,
    /// Whether the first object was reached. Before that no name was repeated.
    has_begun: bool,
    /// Whether `UNKNOWN_SETTING` failed.
    setting_failed: bool,
    /// The number of failures that the program reported at its end.
    ignored: Option<u64>,
}

impl FailureReader {
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.extend_line(&bytes[..end]);
            let line = std::mem::take(&mut self.line);
            self.line_of(&String::from_utf8_lossy(&line));
            bytes = &bytes[end + 1..];
        }
        self.extend_line(bytes);
    }

    /// Adds to the line that is being read, up to `LINE_BYTES_MAX`.
    fn extend_line(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn line_of(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix(ENTRY) {
            self.complete();
            let number = rest.split(';').next().unwrap_or_default();
            self.entry = number.parse().ok();
        } else if let Some(rest) = line.strip_prefix(ERROR) {
            self.complete();
            self.in_message = true;
            self.text.push_str(rest);
        } else if let Some(rest) = line.strip_prefix(IGNORED) {
            self.complete();
            self.ignored = rest.trim().parse().ok();
        } else if let Some(rest) = line.strip_prefix("pg_restore: ") {
            self.complete();
            self.has_begun |= !BEFORE_ALL.iter().any(|before| rest.starts_with(before));
        } else if let Some(rest) = line.strip_prefix(STATEMENT) {
            self.is_setting = !self.has_begun && rest.starts_with(UNKNOWN_SETTING);
            self.complete();
        } else if self.in_message && self.text.len() < TEXT_BYTES_MAX {
            self.text.push('\n');
            self.text.push_str(line);
        }
    }

    /// Stores the failure that was being read, unless it is that of `UNKNOWN_SETTING`.
    fn complete(&mut self) {
        if !std::mem::take(&mut self.in_message) {
            return;
        }
        let mut text = std::mem::take(&mut self.text);
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        if std::mem::take(&mut self.is_setting) {
            self.setting_failed = true;
        } else if self.failures.len() < KEPT_MAX {
            self.failures.push(StatementFailure {
                entry: self.entry,
                message: text.trim_end().into(),
            });
        } else {
            self.more.extend(self.entry);
        }
    }

    /// The failures, if the program continued to its end; `None` otherwise. `known` removes secrets from the messages.
    pub(super) fn complete_restore(mut self, known: &Known) -> Option<StatementFailures> {
        self.line_of("");
        self.complete();
        let count = self.ignored?.saturating_sub(u64::from(self.setting_failed));
        let mut first = self.failures;
        for failure in &mut first {
            failure.message = known.strike(failure.message.raw()).into();
        }
        Some(StatementFailures {
            first,
            more: self.more,
            count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "pg_restore: connecting to database for restore
pg_restore: while INITIALIZING:
pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter \"transaction_timeout\"
Command was: SET transaction_timeout = 0;
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 215; 1259 16400 INDEX items_slug app
pg_restore: error: could not execute query: ERROR:  function norm(text) does not exist
LINE 1: norm(t)
HINT:  No function matches.
Command was: CREATE INDEX items_slug
pg_restore: error: not one
ON items (slug(name));
pg_restore: from TOC entry 220; 0 16401 TABLE DATA t app
pg_restore: error: COPY failed for table \"t\": ERROR:  x
CONTEXT:  COPY t, line 1
pg_restore: warning: errors ignored on restore: 3
";

    fn read(said: &str) -> Option<StatementFailures> {
        let mut reader = FailureReader::default();
        for piece in said.as_bytes().chunks(7) {
            reader.push(piece);
        }
        reader.complete_restore(&Known::new(None))
    }

    #[test]
    fn failures_are_read_with_their_entries() {
        let failures = read(SAID).expect("it went on to its end");
        assert_eq!(failures.count, 2, "the setting is none");
        let found: Vec<_> = failures
            .first
            .iter()
            .map(|failure| (failure.entry, failure.message.raw()))
            .collect();
        assert_eq!(found[0].0, Some(215));
        assert_eq!(
            found[0].1,
            "could not execute query: ERROR:  function norm(text) does not exist\nLINE 1: norm(t)\nHINT:  No function \
             matches."
        );
        assert_eq!(found.last().expect("more than one").0, Some(220));
    }

    #[test]
    fn a_name_that_looks_like_such_lines_hides_no_failure() {
        let forged = "pg_restore: creating TABLE \"public.x
pg_restore: error: no
Command was: SET transaction_timeout = 0;
pg_restore: warning: errors ignored on restore: 0
\"
pg_restore: from TOC entry 9; 1259 16400 INDEX i app
pg_restore: error: could not execute query: ERROR:  true
Command was: CREATE INDEX i
pg_restore: warning: errors ignored on restore: 1
";
        let failures = read(forged).expect("it went on to its end");
        assert_eq!(failures.count, 1);
        assert!(failures.first.iter().any(|failure| failure.entry == Some(9)));
    }

    #[test]
    fn a_program_that_did_not_reach_its_end_has_no_list() {
        assert_eq!(
            read("pg_restore: error: could not read from input file: end of file\n"),
            None
        );
    }

    #[test]
    fn however_many_there_are_they_take_little_memory() {
        let line = "e".repeat(100_000);
        let one = format!("pg_restore: from TOC entry 7; x\npg_restore: error: {line}\n{line}\n{line}\n");
        let said = one.repeat(1100) + "pg_restore: warning: errors ignored on restore: 1100\n";
        let failures = read(&said).expect("it went on to its end");
        assert_eq!((failures.first.len(), failures.count), (KEPT_MAX, 1100));
        assert!(
            failures
                .first
                .iter()
                .all(|failure| failure.message.raw().len() <= TEXT_BYTES_MAX)
        );
    }
}
