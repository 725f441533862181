//! The folders that are searched for client programs.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::program::{is_executable, is_wrapper};

/// Where distributions install the programs of each major version; a `*` matches any one name. Debian, PostgreSQL's own
/// RPMs, Homebrew, Postgres.app, Heroku's apt buildpack, and layers of Cloud Native Buildpacks. Folders next to one of
/// `PATH` are found from that.
const FOLDERS: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/opt/homebrew/opt/libpq/bin",
    "/usr/local/opt/libpq/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/app/.apt/usr/lib/postgresql/*/bin",
    "/layers/*/*/usr/lib/postgresql/*/bin",
];

/// The folder itself, and its subfolders by major version, with and without `bin`.
pub(super) fn own(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned(), folder.join("bin")];
    folders.extend(expand(&folder.join("*")));
    folders.extend(expand(&folder.join("*/bin")));
    folders
}

pub(super) fn usual(surroundings: &[(OsString, OsString)]) -> Vec<PathBuf> {
    let variable = |wanted: &str| {
        surroundings
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_os_str())
    };
    let mut folders = Vec::new();
    for folder in
        std::env::split_paths(variable("PATH").unwrap_or(OsStr::new(""))).filter(|folder| folder.is_absolute())
    {
        // the real programs of Debian's wrapper, wherever the package was unpacked
        folders.extend(
            folder
                .parent()
                .map(|parent| expand(&parent.join("lib/postgresql/*/bin")))
                .unwrap_or_default(),
        );
        folders.push(folder);
    }
    folders.extend(FOLDERS.iter().flat_map(|pattern| expand(Path::new(pattern))));
    if let Some(home) = variable("HOME") {
        folders.extend(expand(&Path::new(home).join(".apt/usr/lib/postgresql/*/bin")));
    }
    folders
}

/// The usual folders that have the programs themselves, and no wrapper of them. Runs none.
pub(super) fn with_programs(surroundings: &[(OsString, OsString)]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in usual(surroundings) {
        let has_all = ["pg_dump", "pg_restore"].iter().all(|program| {
            let program = folder.join(program);
            is_executable(&program) && !is_wrapper(&program)
        });
        if has_all && !found.contains(&folder) {
            found.push(folder);
        }
    }
    // the newest first
    found.sort_by_key(|folder| std::cmp::Reverse(major(folder)));
    found
}

/// The major version in the name of a folder, as in `/usr/lib/postgresql/18/bin`; none where the name has none.
pub(super) fn major(folder: &Path) -> Option<u32> {
    let names = folder.components().rev().filter_map(|part| part.as_os_str().to_str());
    let mut majors = names.filter_map(|name| {
        let digits = name.rsplit(['-', '@']).next().unwrap_or_default();
        digits.parse().ok()
    });
    majors.next()
}

/// The folders that match a path in which a `*` matches any text within one name.
pub(super) fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        found = match part.to_str().and_then(|part| part.split_once('*')) {
            None => found.into_iter().map(|folder| folder.join(part)).collect(),
            Some((before, after)) => found
                .iter()
                .flat_map(|folder| children(folder, before, after))
                .collect(),
        };
    }
    found.retain(|folder| folder.is_dir());
    found
}

fn children(folder: &Path, before: &str, after: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let matches = |name: &OsStr| {
        let name = name.to_string_lossy();
        name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
    };
    let mut found: Vec<_> = entries
        .flatten()
        .filter(|entry| matches(&entry.file_name()))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
