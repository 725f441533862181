//! The entries of a table of contents, beside what `pg_restore --list` makes of the same archive.

#![allow(clippy::unwrap_used)]

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use pgcoffer::archive::{EntriesReader, Entry};

/// One of each version of the format, and one whose table of contents stands at its end again.
const ARCHIVES: [&str; 8] = [
    "odd-1.12",
    "odd-1.13",
    "odd-15",
    "odd-16",
    "odd-17",
    "odd-18",
    "odd-18-appended",
    "odd-18-statistics-appended",
];

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn archive(name: &str) -> Vec<u8> {
    let file = project().join(format!("tests/archives/{name}.dump.zst"));
    zstd::decode_all(&std::fs::read(file).unwrap()[..]).unwrap()
}

/// The client of the newest major that is here, which reads all of them.
fn pg_restore() -> PathBuf {
    let unpacked = project().join(".testbed/postgresql/18/bin/pg_restore");
    let installed = PathBuf::from("/usr/lib/postgresql/18/bin/pg_restore");
    [unpacked, installed].into_iter().find(|path| path.exists()).unwrap()
}

/// `--list` shows neither what sets up the session nor, in these archives, anything else that it would not restore.
fn listed(archive: &[u8]) -> Vec<String> {
    let mut child = Command::new(pg_restore())
        .arg("--list")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = archive.to_vec();
    // it need not read what follows the table of contents
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter(|line| !line.starts_with(';') && !line.is_empty());
    lines.map(str::to_owned).collect()
}

/// As `pg_restore --list` shows it, but for two numbers of the catalogs.
fn line(entry: &Entry) -> (String, String) {
    let plain = |text: &str| text.replace(['\n', '\r'], " ");
    let schema = match entry.schema.is_empty() {
        true => "-",
        false => entry.schema.raw(),
    };
    let rest = format!(
        "{} {} {} {}",
        entry.kind.raw(),
        schema,
        entry.name.raw(),
        entry.owner.raw()
    );
    (entry.id.to_string(), plain(&rest))
}

fn entries(archive: &[u8], cut: usize) -> Vec<Entry> {
    let mut reader = EntriesReader::default();
    let mut pieces = archive.chunks(cut);
    while !reader.push(pieces.next().unwrap()).unwrap() {}
    reader.into_entries()
}

#[test]
fn entries_are_those_that_pg_restore_lists() {
    for name in ARCHIVES {
        let archive = archive(name);
        let entries = entries(&archive, 64 * 1024);
        let lines = listed(&archive);
        assert!(lines.len() > 40, "{name}: {}", lines.len());
        for listed in &lines {
            let (id, rest) = listed.split_once("; ").unwrap();
            let rest = rest.splitn(3, ' ').nth(2).unwrap();
            let found = entries.iter().map(line).find(|(known, _)| known == id);
            assert_eq!(found.unwrap().1.trim_end(), rest.trim_end(), "{name}");
        }
        let shown = |entry: &&Entry| lines.iter().any(|line| line.starts_with(&format!("{};", entry.id)));
        for hidden in entries.iter().filter(|entry| !shown(entry)) {
            let kinds = ["ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE"];
            assert!(kinds.contains(&hidden.kind.raw()), "{name}: {hidden:?}");
        }
    }
}

#[test]
fn statements_and_dependencies_are_the_same_in_any_cuts() {
    let archive = archive("odd-18");
    let whole = entries(&archive, archive.len());
    for cut in [1, 2, 7, 4096] {
        assert_eq!(entries(&archive, cut), whole, "cut {cut}");
    }
    let ids: std::collections::BTreeSet<i32> = whole.iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), whole.len());
    for entry in whole.iter().filter(|entry| entry.kind == "TABLE DATA") {
        assert!(entry.copy.raw().starts_with("COPY "), "{entry:?}");
        assert!(entry.has_data && entry.definition.is_empty());
        assert!(entry.needs.iter().any(|need| ids.contains(need)), "{entry:?}");
    }
    for entry in whole.iter().filter(|entry| entry.kind == "TABLE") {
        assert!(entry.definition.raw().starts_with("CREATE "), "{entry:?}");
        assert!(entry.drop.raw().starts_with("DROP TABLE "), "{entry:?}");
    }
}

#[test]
fn input_that_is_not_an_archive_has_its_own_error() {
    let mut reader = EntriesReader::default();
    assert!(reader.push(b"-- PostgreSQL database dump\n").is_err());
}
