//! A client program: whether it is one, and its version.

use std::{io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

/// Whether the program is Debian's wrapper. `/usr/bin/pg_dump` is a Perl script there that chooses a version by its own
/// rules, and fails if its files were moved.
pub(super) fn is_wrapper(path: &Path) -> bool {
    let mut start = [0; 64];
    let length = std::fs::File::open(path)
        .and_then(|mut file| file.read(&mut start))
        .unwrap_or(0);
    let line = start[..length].split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.starts_with(b"#!") && line.windows(4).any(|word| word == b"perl")
}

/// Parses `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` into 15 and `15.18`.
pub(super) fn read_version(text: &str) -> Option<(u32, String)> {
    let version = text.strip_prefix("pg_dump (PostgreSQL) ")?.split_whitespace().next()?;
    let major: String = version.chars().take_while(char::is_ascii_digit).collect();
    // Before 10 the major version had two numbers. Such a client can't dump a server that is still in use.
    let major = major.parse().ok().filter(|major| *major >= 10)?;
    Some((major, version.to_owned()))
}

/// The minor version, such as 18 of `15.18`; `None` for `18beta1`, which counts as older than any release.
pub(super) fn minor(version: &str) -> Option<u32> {
    version.split_once('.').and_then(|(_, minor)| minor.parse().ok())
}

/// Whether it is a file that somebody may run.
pub(super) fn is_executable(path: &Path) -> bool {
    let found = std::fs::metadata(path);
    found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
