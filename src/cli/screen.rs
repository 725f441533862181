//! The ways to standard output and standard error, one for each kind of text: nothing else of the binary writes there
//! but the log (`log.rs`), the progress bar (`watch.rs`) and questions (`init/terminal.rs`), and `tests/floors.rs` sees
//! to it.
//!
//! Whatever is written was escaped where it was put into words; here it is escaped again, so that a place that forgot
//! shows odd characters and moves no cursor.

use std::{
    borrow::Cow,
    io::{self, IsTerminal as _, Write as _},
};

use pgcoffer::{
    Error, Result,
    redact::redacted,
    text::{escaped_json, escaped_lines},
};
use rustix::fs::{FileType, Stat, fstat};
use serde_json::Value;

use super::{styled::Styled, terminal, width::message_wrapped};

/// Writes text for people to standard output.
pub(super) fn print(text: impl AsRef<str>) -> Result<()> {
    write_out(escaped_lines(text.as_ref()).as_bytes())
}

/// Writes text with colours to standard output, where that wants them.
pub(super) fn print_styled(text: &Styled) -> Result<()> {
    write_out(text.rendered(terminal::stdout_has_color()).as_bytes())
}

/// Writes one JSON document to standard output.
pub(super) fn print_json(value: &Value) -> Result<()> {
    write_out(escaped_json(&format!("{value:#}\n")).as_bytes())
}

/// Writes a document in a language of its own (settings for a shell, SQL, XML) to standard output: as it is for the
/// program that reads it, which on a terminal nobody does.
pub(super) fn print_document(text: &str) -> Result<()> {
    match io::stdout().is_terminal() {
        true => print(text),
        false => write_out(text.as_bytes()),
    }
}

/// Writes what only our own arguments and help are in: completions, the manual.
pub(super) fn print_ours(text: &[u8]) -> Result<()> {
    write_out(text)
}

/// What a person should see beside the result.
pub(super) fn note(text: &str) {
    // where stderr is gone there is nobody to tell
    let _ = writeln!(io::stderr().lock(), "{}", shown(text));
}

/// An error, a warning or a hint, broken at the width of the terminal that shows it.
pub(super) fn message(text: &str) {
    let text = message_wrapped(&shown(text), terminal::stderr_message_columns());
    // where stderr is gone there is nobody to tell
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The same for messages that are the result of a command, on standard output.
pub(super) fn print_messages(text: &str) -> Result<()> {
    let text = message_wrapped(&escaped_lines(text), terminal::stdout_columns());
    write_out(text.as_bytes())
}

/// A question, whose answer is typed behind it.
pub(super) fn ask(question: &str) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    write!(stderr, "{}", shown(question))?;
    stderr.flush()
}

/// Text as standard error shows it.
pub(super) fn shown(text: &str) -> String {
    let text: Cow<'_, str> = redacted(text);
    escaped_lines(&text).into_owned()
}

fn write_out(text: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        // `pgcoffer list | head` is no failure
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|source| Error::Io {
            doing: "write to standard output".to_owned(),
            source,
        }),
    }
}

/// Whether standard output goes into a file.
pub(super) fn output_is_file() -> bool {
    let is_file = |stat: Stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    fstat(io::stdout()).is_ok_and(is_file)
}
