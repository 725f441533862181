//! A program of PostgreSQL: whether it is one, and its version.

use std::{
    ffi::OsString, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path, process::Stdio, time::Duration,
};

use tokio::{process::Command, time::timeout};

/// The longest time that a program may take to print its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

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

/// The major and the full version that a program of PostgreSQL says it has; `None` if it says neither within 10 s.
pub(in crate::postgres) async fn version_of(
    path: &Path,
    program: &str,
    surroundings: &[(OsString, OsString)],
) -> Option<(u32, String)> {
    let mut command = Command::new(path);
    command
        .arg("--version")
        .env_clear()
        .envs(surroundings.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(VERSION_TIMEOUT, command.output()).await.ok()?.ok()?;
    read_version(&String::from_utf8(output.stdout).ok()?, program)
}

/// Parses `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` into 15 and `15.18`.
pub(super) fn read_version(text: &str, program: &str) -> Option<(u32, String)> {
    let text = text.strip_prefix(program)?.strip_prefix(" (PostgreSQL) ")?;
    let version = text.split_whitespace().next()?;
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
