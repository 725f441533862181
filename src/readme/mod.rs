//! What a place says of itself, for somebody who finds it and knows nothing of pgcoffer: two objects that are not
//! sealed, `README.txt` and `restore-by-hand.md`. They hold nothing that the names in the place don't show: no secret,
//! no name of a database, no place. The same version makes the same bytes.

use sha2::{Digest as _, Sha256};

/// The page that opens a backup without pgcoffer.
pub const BY_HAND: &str = include_str!("../../docs/restore-by-hand.md");

/// The name of that page, in a place and beside a recovery sheet.
pub const BY_HAND_NAME: &str = "restore-by-hand.md";

/// The command that takes the program out of the page.
pub const EXTRACT: &str = "sed -n '/^```python/,/^```$/{/^```/!p;}' restore-by-hand.md > open_sealed.py";

/// Where the runbook of this version is.
pub const RUNBOOK: &str = concat!(
    "https://github.com/pgcoffer/pgcoffer/blob/v",
    env!("CARGO_PKG_VERSION"),
    "/docs/recovery.md"
);

/// No object of these is longer.
pub const BYTES_MAX: u64 = 256 << 10;

const TEXT: &str = include_str!("README.txt");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How the first line of each begins and ends, around the version.
const MARKS: [(&str, &str); 2] = [
    ("pgcoffer ", " put this text here."),
    ("<!-- pgcoffer ", " put this page here. -->"),
];

/// An object that explains the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Its name below the prefix.
    pub name: &'static str,
    /// What it holds.
    pub text: String,
}

/// What is at the place of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The explanation of this version, byte for byte.
    Current,
    /// It says that it is of this version, and is not what this version writes.
    Changed,
    /// An explanation of a newer version, which this one can't compare.
    Newer([u32; 3]),
    /// An explanation of an older version.
    Older,
    /// Something else, which is somebody else's.
    Foreign,
}

/// The objects that explain a place, in the words of this version.
#[must_use]
pub fn explanations() -> [Explanation; 2] {
    let (begin, end) = MARKS[1];
    [
        Explanation {
            name: "README.txt",
            text: TEXT.replace("VERSION", VERSION).replace("SHA256", &program_sha256()),
        },
        Explanation {
            name: BY_HAND_NAME,
            text: format!("{begin}{VERSION}{end}\n{BY_HAND}"),
        },
    ]
}

/// What an object is that was found under the name of an explanation. Its first line tells whose it is, and of which
/// version; of this version every byte is compared, as people run what stands there.
#[must_use]
pub fn found(explanation: &Explanation, bytes: &[u8]) -> Found {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).unwrap_or_default();
    let mut versions = MARKS
        .iter()
        .filter_map(|(begin, end)| line.strip_prefix(begin)?.strip_suffix(end));
    match versions.next().map(numbers) {
        Some(Some(version)) if Some(version) < numbers(VERSION) => Found::Older,
        Some(Some(version)) if Some(version) > numbers(VERSION) => Found::Newer(version),
        Some(Some(_)) if bytes == explanation.text.as_bytes() => Found::Current,
        Some(Some(_)) => Found::Changed,
        Some(None) | None => Found::Foreign,
    }
}

/// The program that the page holds.
#[must_use]
pub fn program() -> &'static str {
    let (_, behind) = BY_HAND.split_once("\n```python").unwrap_or_default();
    let (_, program) = behind.split_once('\n').unwrap_or_default();
    let end = program.find("\n```\n").map_or(0, |at| at + 1);
    &program[..end]
}

/// The SHA-256 of the program, 64 lower-case hexadecimal digits: it is another one only where the program is another.
#[must_use]
pub fn program_sha256() -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(program()))
}

/// A version's numbers; none where it is none.
fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests;
