//! A file that is named where a backup or a sealed archive is wanted: what it is, and what it is for.

use std::{fs::File, io::Read as _, path::Path};

use crate::{error::Error, text::shell_word};

/// The beginning by which files are told apart.
const BEGINNING_BYTES: u64 = 512;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKind {
    Sealed,
    /// pg_dump's custom format, which `get` and `open` write.
    Dump,
    /// SQL, as pg_dump or pg_dumpall writes it.
    Sql,
    Gzip,
    Other,
}

/// The error that a file is named where the id of a backup is wanted. `None` if there is no such file.
#[must_use]
pub fn file_instead_of_id(text: &str) -> Option<Error> {
    let path = Path::new(text);
    let kind = kind_of(path)?;
    let what = match kind {
        FileKind::Sealed => "a sealed archive",
        FileKind::Dump => "a dump in pg_dump's custom format",
        FileKind::Sql => "a file of SQL",
        FileKind::Gzip => "a file that gzip made",
        FileKind::Other => "a file",
    };
    let cure = match kind {
        FileKind::Sealed => format!(
            "`pgcoffer open {}` opens it, and pg_restore restores what comes out",
            shell_word(text)
        ),
        _ => use_of(kind, path)
            .unwrap_or_else(|| "for a backup in the bucket, give an id from `pgcoffer list`, or latest".to_owned()),
    };
    Some(Error::usage(format!("{text} is {what}, and no id of a backup"), cure))
}

/// The error that a file is not sealed, and what it is for. `None` if it is sealed, can't be read, or is unknown.
#[must_use]
pub fn file_instead_of_sealed(path: &Path) -> Option<Error> {
    let kind = kind_of(path).filter(|kind| *kind != FileKind::Sealed)?;
    let cure = use_of(kind, path)?;
    let what = match kind {
        FileKind::Dump => "is not sealed: it is a dump in pg_dump's custom format already",
        FileKind::Sql => "is not sealed: it is a file of SQL",
        _ => "is not sealed: gzip made it",
    };
    Some(Error::usage(format!("{} {what}", path.display()), cure))
}

/// What restores such a file.
fn use_of(kind: FileKind, path: &Path) -> Option<String> {
    let name = shell_word(&path.display().to_string());
    Some(match kind {
        FileKind::Dump => {
            format!(
                "restore it by pg_restore: pg_restore --no-owner --no-acl --exit-on-error --dbname TARGET_URL {name}"
            )
        }
        FileKind::Sql => format!("run it by psql: psql --set ON_ERROR_STOP=1 --dbname TARGET_URL --file {name}"),
        FileKind::Gzip => {
            format!("nothing of pgcoffer's is made by gzip: `gunzip --keep {name}`, and see what is in it")
        }
        FileKind::Sealed | FileKind::Other => return None,
    })
}

fn kind_of(path: &Path) -> Option<FileKind> {
    // a pipe has no end
    if !path.metadata().is_ok_and(|meta| meta.is_file()) {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(BEGINNING_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(match bytes.as_slice() {
        [b'P', b'G', b'D', b'M', b'P', ..] => FileKind::Dump,
        [0x1f, 0x8b, ..] => FileKind::Gzip,
        _ if text.starts_with("pgcoffer/") => FileKind::Sealed,
        _ if text.contains("PostgreSQL database dump") || text.contains("PostgreSQL database cluster dump") => {
            FileKind::Sql
        }
        _ if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("sql")) => FileKind::Sql,
        _ => FileKind::Other,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_told_by_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes, id_words, sealed_words) in [
            (
                "a.dump",
                &b"PGDMP\x01\x0e"[..],
                "pg_restore --no-owner",
                Some("pg_restore --no-owner"),
            ),
            (
                "a b.sql",
                b"--\n-- PostgreSQL database dump\n--\n",
                "--file 'a b.sql'",
                Some("run it by psql"),
            ),
            ("x.sql", b"select 1;", "run it by psql", Some("run it by psql")),
            ("x.gz", &[0x1f, 0x8b, 8], "gunzip", Some("gunzip")),
            ("x.pgc", b"pgcoffer/1\nslot", "pgcoffer open", None),
            ("x.txt", b"hello", "an id from `pgcoffer list`", None),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let hint = |error: Option<Error>| error.and_then(|error| error.hint());
            let id = hint(file_instead_of_id(path.to_str().unwrap())).unwrap();
            let id = id.replace(&format!("{}/", folder.path().display()), "");
            assert!(id.contains(id_words), "{name}: {id}");
            let sealed = hint(file_instead_of_sealed(&path));
            match sealed_words {
                Some(words) => assert!(sealed.is_some_and(|hint| hint.contains(words)), "{name}"),
                None => assert_eq!(sealed, None, "{name}"),
            }
        }
        assert!(file_instead_of_id("/no/such/file").is_none());
    }
}
