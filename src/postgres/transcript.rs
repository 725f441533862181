//! A child process's output on stderr, bounded in size.

use std::collections::VecDeque;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::failures::{FailureReader, StatementFailures};
use super::load_lines::VerboseLines;
use crate::{
    redact::{Known, SecretText},
    text::counted,
};

/// The number of bytes that are kept of the beginning, and of the end.
const KEPT_BYTES: usize = 8 * 1024;
/// How the line begins that stands for what was left out.
pub(super) const GAP: &str = "… ";
/// The number of last lines that an error shows.
const TAIL_LINES: usize = 20;
/// What stands in a line in which pg_dump or pg_restore names an error.
const ERROR: &str = "error: ";
/// The number of warnings that are kept of a child that succeeded.
const WARNINGS: usize = 100;

/// The beginning and the end of the output; what is in between is only counted.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    dropped_bytes: u64,
    failures: FailureReader,
}

impl Transcript {
    /// Reads to the end, so that the child never waits for a reader. A failed read also ends it, with what was read so
    /// far. Lines about progress are parted from the rest, where that is asked for.
    pub(super) async fn read(mut stream: impl AsyncRead + Unpin, mut progress: Option<VerboseLines>) -> Self {
        let mut transcript = Self::default();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            match &mut progress {
                None => transcript.take(&buffer[..count]),
                Some(lines) => transcript.take(&lines.part(&buffer[..count])),
            }
        }
        if let Some(lines) = progress {
            transcript.take(&lines.finish());
        }
        transcript
    }

    fn take(&mut self, bytes: &[u8]) {
        self.push(bytes);
        self.failures.push(bytes);
    }

    fn push(&mut self, bytes: &[u8]) {
        let (first, rest) = bytes.split_at(bytes.len().min(KEPT_BYTES - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(KEPT_BYTES);
        self.tail.drain(..excess);
        self.dropped_bytes += excess as u64;
    }

    /// The failed statements of a restore that continued to its end.
    pub(super) fn take_failures(&mut self, secret: Option<&SecretText>) -> Option<StatementFailures> {
        let known = Known::new(secret.map(SecretText::reveal));
        std::mem::take(&mut self.failures).complete_restore(&known)
    }

    /// The whole output as text. The secret is removed if the child has repeated it, and so is anything at a place for
    /// secrets.
    pub(super) fn text(mut self, secret: Option<&SecretText>) -> String {
        let mut bytes = self.head;
        let mut tail = &*self.tail.make_contiguous();
        if self.dropped_bytes > 0 {
            // no part of a line may seem to be one
            let (head_end, whole_start) = whole_lines(&bytes, tail);
            // the end of a line that is longer than all that is kept stays, on the line that says so; but half a secret,
            // which nothing would find, could stand where it was cut: each byte of one is written as four at the most
            let secret_bytes = 4 * secret.map_or(0, |secret| secret.reveal().len());
            let tail_start = whole_start.unwrap_or(secret_bytes.min(tail.len()));
            let dropped = self.dropped_bytes + (bytes.len() - head_end + tail_start) as u64;
            bytes.truncate(head_end);
            tail = &tail[tail_start..];
            let end = if whole_start.is_none() { ' ' } else { '\n' };
            bytes.extend_from_slice(format!("{GAP}{} left out …{end}", counted(dropped, "byte")).as_bytes());
        }
        bytes.extend_from_slice(tail);
        let text = String::from_utf8_lossy(&bytes);
        Known::new(secret.map(SecretText::reveal)).strike(&text)
    }
}

/// Where the last whole line of the beginning ends, and where the first one of the end begins, if it has one.
fn whole_lines(head: &[u8], tail: &[u8]) -> (usize, Option<usize>) {
    let end = head.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let start = tail.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
    (end, start.filter(|start| *start < tail.len()))
}

/// The last lines, for an error. Overlong text is cut at its beginning. Where a long statement follows the line that
/// names the error, that line stands before them.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let (before, last) = lines.split_at(lines.len().saturating_sub(TAIL_LINES));
    let tail = last.join("\n");
    let start = tail.ceil_char_boundary(tail.len().saturating_sub(KEPT_BYTES));
    let names_error = |line: &&&str| line.contains(ERROR);
    match before
        .iter()
        .rfind(names_error)
        .filter(|_| !last.iter().any(|line| names_error(&line)))
    {
        Some(cause) => {
            let end = cause.floor_char_boundary(KEPT_BYTES);
            format!("{}\n{GAP}\n{}", &cause[..end], &tail[start..])
        }
        None => tail[start..].to_owned(),
    }
}

/// Each line that is one as a warning, up to a limit.
pub(super) fn warnings(text: &str, is_warning: impl Fn(&str) -> bool) -> Vec<String> {
    let lines = text.lines().map(str::trim_end);
    let mut lines = lines.filter(|line| !line.is_empty() && is_warning(line));
    let mut warnings: Vec<_> = lines.by_ref().take(WARNINGS).map(str::to_owned).collect();
    let more = lines.count();
    if more > 0 {
        warnings.push(format!("and {}", counted(more, "more line")));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_a_long_statement_stands_before_its_end() {
        let statement: String = (0..100).map(|n| format!("    column{n} text,\n")).collect();
        let cause = "pg_restore: error: could not execute query: ERROR:  type \"x\" does not exist";
        let shown = last_lines(&format!(
            "pg_restore: connecting\n{cause}\nCommand was: CREATE TABLE t (\n{statement});\n"
        ));
        assert!(shown.starts_with(&format!("{cause}\n… \n")), "{shown}");
        assert!(shown.ends_with("    column99 text,\n);"), "{shown}");
        assert!(!shown.contains("column50"), "{shown}");
        // an error among the last lines stands there alone
        assert_eq!(
            last_lines("a: error: one\nb: error: two"),
            "a: error: one\nb: error: two"
        );
    }

    #[tokio::test]
    async fn short_output_is_kept_whole() {
        let text = Transcript::read(&b"one\n\xfftwo\n"[..], None).await.text(None);
        assert_eq!(text, "one\n\u{fffd}two\n");
    }

    #[tokio::test]
    async fn long_output_keeps_both_ends_within_bounds() {
        let lines: String = (0..100_000).map(|n| format!("line {n}\n")).collect();
        let text = Transcript::read(lines.as_bytes(), None).await.text(None);
        assert!(text.len() < 2 * KEPT_BYTES + 100, "{}", text.len());
        assert!(text.starts_with("line 0\nline 1\n") && text.ends_with("line 99999\n"));
        assert!(text.contains("bytes left out"));
        let tail = last_lines(&text);
        assert_eq!(
            (tail.lines().count(), tail.lines().next()),
            (TAIL_LINES, Some("line 99980"))
        );
        assert_eq!(warnings(&lines, |_| true).len(), WARNINGS + 1);
        let few = warnings(&lines, |line| line.ends_with("0000"));
        assert_eq!((few.len(), few[0].as_str()), (9, "line 10000"), "{few:?}");
    }

    #[tokio::test]
    async fn the_end_of_an_overlong_line_is_kept_and_no_half_of_a_secret() {
        let secret = SecretText::new("S3cretWord".into());
        // wherever the cut falls
        for more in 0..12 {
            let end = format!("{}: No space left on device\n", "y".repeat(KEPT_BYTES - 40 + more));
            let said = format!("{}S3cretWord{end}", "x".repeat(3 * KEPT_BYTES));
            let text = Transcript::read(said.as_bytes(), None).await.text(Some(&secret));
            assert!(
                text.starts_with(GAP) && text.ends_with(": No space left on device\n"),
                "{more}"
            );
            assert!(
                !["etWord", "tWord", "Word", "ord"]
                    .iter()
                    .any(|half| text.contains(half)),
                "{more}"
            );
        }
    }

    #[tokio::test]
    async fn a_password_that_is_a_word_leaves_no_gap() {
        let said = "CREATE SCHEMA shop; could not connect with host=db password=shop dbname=shop";
        let secret = SecretText::new("shop".into());
        let text = Transcript::read(said.as_bytes(), None).await.text(Some(&secret));
        assert_eq!(
            text,
            "CREATE SCHEMA shop; could not connect with host=db password=*** dbname=shop"
        );
    }

    #[tokio::test]
    async fn a_secret_is_struck_out_wherever_it_stands() {
        let secret = SecretText::new("s3/cr:t".into());
        let text = Transcript::read(&b"s3/cr:t at first, then s3/cr:t"[..], None)
            .await
            .text(Some(&secret));
        assert_eq!(text, "*** at first, then ***");
    }
}
