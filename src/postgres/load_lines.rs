//! What the programs of a restore say of their progress, a line at a time, apart from what they say of faults.

use std::fmt;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What every line of `pg_restore` begins with.
const PROGRAM: &[u8] = b"pg_restore: ";
/// What follows in a line about a fault. Everything else is written for `--verbose` alone.
const FAULTS: [&[u8]; 4] = [b"error: ", b"warning: ", b"detail: ", b"hint: "];
/// The length in bytes by which a line is known, and that is kept of one.
const KNOWN_BYTES: usize = 32;
const LINE_BYTES_MAX: usize = 4096;

/// What is told each line about progress. Called from a task of its own; it must not block.
#[derive(Clone)]
pub struct LoadWatch(Arc<dyn Fn(LoadLine<'_>) + Send + Sync>);

/// A line about progress. Its text may come from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadLine<'a> {
    /// What `pg_restore --verbose` does now, without the program's name: `creating INDEX "public.items_slug"`.
    Doing(&'a str),
    /// A line of a statement that `psql` sends now.
    Statement(&'a str),
}

impl LoadWatch {
    /// Calls this with each line.
    pub fn new(watch: impl Fn(LoadLine<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(watch))
    }

    /// Tells it of one line.
    pub fn tell(&self, line: LoadLine<'_>) {
        (self.0)(line);
    }

    /// Reads what `psql --echo-queries` writes, to its end.
    pub(super) async fn read_statements(self, mut stream: impl AsyncRead + Unpin) {
        let (mut line, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            for &byte in &buffer[..count] {
                if byte == b'\n' {
                    self.tell(LoadLine::Statement(&String::from_utf8_lossy(&line)));
                    line.clear();
                } else if line.len() < LINE_BYTES_MAX {
                    line.push(byte);
                }
            }
        }
    }
}

impl fmt::Debug for LoadWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoadWatch")
    }
}

/// Parts the output of `pg_restore --verbose` into lines about progress, which are told, and the rest, which is what it
/// writes without that option.
///
/// It goes by the beginning of a line alone. A name with a line break could forge one, so no restore with such a name is
/// run with `--verbose` for the sake of its progress. Where a later version writes its lines in another way, nobody is
/// told of progress, and no fault is missed.
#[derive(Debug)]
pub(super) struct VerboseLines {
    watch: LoadWatch,
    /// Whether the lines are also passed on, for a reader that needs them.
    keeps_all: bool,
    line: Vec<u8>,
    kind: LineKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineKind {
    /// Too few bytes have come to know.
    Unknown,
    Progress,
    Other,
}

impl VerboseLines {
    pub(super) fn new(watch: LoadWatch, keeps_all: bool) -> Self {
        Self {
            watch,
            keeps_all,
            line: Vec::new(),
            kind: LineKind::Unknown,
        }
    }

    /// Gives what is to be passed on of these bytes, and of some before them.
    pub(super) fn part(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut passed = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            match self.kind {
                LineKind::Other => passed.push(byte),
                _ if self.line.len() < LINE_BYTES_MAX || byte == b'\n' => self.line.push(byte),
                _ => {}
            }
            if self.kind == LineKind::Unknown && (byte == b'\n' || self.line.len() >= KNOWN_BYTES) {
                self.recognize(&mut passed);
            }
            if byte == b'\n' {
                self.end_line(&mut passed);
            }
        }
        passed
    }

    /// Gives what had not been passed on when the output ended.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let mut passed = Vec::new();
        if self.kind == LineKind::Unknown {
            self.recognize(&mut passed);
        }
        self.end_line(&mut passed);
        passed
    }

    fn recognize(&mut self, passed: &mut Vec<u8>) {
        let rest = self.line.strip_prefix(PROGRAM);
        let is_progress = rest.is_some_and(|rest| !FAULTS.iter().any(|fault| rest.starts_with(fault)));
        if is_progress {
            self.kind = LineKind::Progress;
        } else {
            self.kind = LineKind::Other;
            passed.append(&mut self.line);
        }
    }

    fn end_line(&mut self, passed: &mut Vec<u8>) {
        if self.kind == LineKind::Progress {
            let line = String::from_utf8_lossy(&self.line[PROGRAM.len()..]);
            self.watch.tell(LoadLine::Doing(line.trim_end()));
            if self.keeps_all {
                passed.append(&mut self.line);
            }
        }
        self.line.clear();
        self.kind = LineKind::Unknown;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const SAID: &str = "pg_restore: connecting to database for restore
pg_restore: creating INDEX \"public.items_slug\"
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 215; 1259 16400 INDEX items_slug app
pg_restore: error: could not execute query: ERROR:  function norm(text) does not exist
LINE 1: a long line of somebody's statement, which is longer than what a line is known by
DETAIL: pg_restore: creating nothing
Command was: CREATE INDEX items_slug
pg_restore: warning: errors ignored on restore: 1
pg_restore: hint: x";

    fn parted(keeps_all: bool, piece_bytes: usize) -> (String, Vec<String>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let teller = Arc::clone(&told);
        let watch = LoadWatch::new(move |line| {
            if let LoadLine::Doing(text) = line {
                teller.lock().unwrap().push(text.to_owned());
            }
        });
        let mut lines = VerboseLines::new(watch, keeps_all);
        let mut passed: Vec<u8> = SAID
            .as_bytes()
            .chunks(piece_bytes)
            .flat_map(|bytes| lines.part(bytes))
            .collect();
        passed.extend(lines.finish());
        let told = told.lock().unwrap().clone();
        (String::from_utf8(passed).unwrap(), told)
    }

    #[test]
    fn lines_about_progress_are_told_and_faults_passed_on() {
        let is_progress = |line: &&str| {
            ["connecting", "creating", "while", "from"]
                .iter()
                .any(|verb| line.starts_with(&format!("pg_restore: {verb}")))
        };
        for piece_bytes in [1, 7, 31, 4096] {
            let (passed, told) = parted(false, piece_bytes);
            let wanted: Vec<&str> = SAID.lines().filter(|line| !is_progress(line)).collect();
            assert_eq!(passed.lines().collect::<Vec<_>>(), wanted, "{piece_bytes}");
            assert_eq!(told.len(), 4, "{told:?}");
            assert_eq!(told[1], "creating INDEX \"public.items_slug\"");
            // who needs all of it gets all of it
            assert_eq!(parted(true, piece_bytes), (SAID.to_owned(), told));
        }
    }

    #[test]
    fn a_line_without_end_takes_little_memory() {
        let mut lines = VerboseLines::new(LoadWatch::new(|_| {}), true);
        assert_eq!(lines.part(b"pg_restore: creating "), b"");
        for _ in 0..1000 {
            assert_eq!(lines.part(&[b'x'; 4096]), b"");
        }
        assert_eq!(lines.finish().len(), LINE_BYTES_MAX);
    }
}
