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
/// The number of last lines that an error shows.
const TAIL_LINES: usize = 20;
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
        if self.dropped_bytes > 0 {
            bytes.extend_from_slice(format!("\n… {} left out …\n", counted(self.dropped_bytes, "byte")).as_bytes());
        }
        bytes.extend_from_slice(self.tail.make_contiguous());
        let text = String::from_utf8_lossy(&bytes);
        Known::new(secret.map(SecretText::reveal)).strike(&text)
    }
}

/// The last lines, for an error. Overlong text is cut at its beginning.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
    let start = tail.ceil_char_boundary(tail.len().saturating_sub(KEPT_BYTES));
    tail[start..].to_owned()
}

/// Each line as a warning, up to a limit.
pub(super) fn warnings(text: &str) -> Vec<String> {
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
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
        assert_eq!(warnings(&lines).len(), WARNINGS + 1);
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
