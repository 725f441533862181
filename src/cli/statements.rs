//! The file with the statements that a restore left out or that failed, for whoever makes what is missing by hand.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use pgcoffer::{
    agent::globals_sql,
    backup::{Globals, Record},
    operation::{NotRestored, RestoreReport},
    seal::{self, RepositoryId},
    text::{Untrusted, os_words, shell_quoted},
};
use tempfile::NamedTempFile;

use super::screen;

/// Writes the file, where something is missing, and says where it is. Its owner alone may read it; it takes the place
/// of one of that name. Where it can't be written, the log says so, and nothing fails.
pub(super) fn written(report: &RestoreReport, wanted: Option<&Path>) -> Option<PathBuf> {
    report.missing().next()?;
    let default = || PathBuf::from(format!("{}-{}.not-restored.sql", report.database, report.id));
    let path = wanted.map_or_else(default, Path::to_owned);
    match write(report, &path) {
        Ok(()) => Some(path),
        Err(error) => {
            screen::message(&format!(
                "warning: the statements of what is missing can't be written to {}: {}",
                path.display(),
                os_words(&error)
            ));
            None
        }
    }
}

fn write(report: &RestoreReport, path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    let key = random_key()?;
    file.write_all(document(report, &key).as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Roles, memberships and settings of a backup as SQL.
///
/// # Errors
/// No random bytes.
pub(super) fn globals(record: &Record, globals: &Globals) -> io::Result<String> {
    let key = random_key()?;
    let part = match globals.is_part {
        true => "-- The server has very many roles: these are the ones that have to do with the database.\n",
        false => "",
    };
    Ok(format!(
        "-- Roles and settings of {} of {}, without passwords.\n-- No role gets a login or a special right here: what \
         else it was stands in a comment.\n{part}-- Names and values are the server's own: read them before you run \
         them, by a psql that knows \\restrict (17.6, 16.10, 15.14 or later).\n\\encoding UTF8\n\\restrict \
         {key}\nSET standard_conforming_strings = on;\nSET search_path = '';\n\n{}\n\\unrestrict {key}\n",
        record.id,
        record.database,
        globals_sql(globals)
    ))
}

/// Nobody who wrote a name or a statement can know it.
fn random_key() -> io::Result<RepositoryId> {
    RepositoryId::generate().map_err(|error| io::Error::other(seal::Error::from(error)))
}

fn document(report: &RestoreReport, key: &RepositoryId) -> String {
    let mut text = format!(
        "-- What is missing of {} of {} in {}.\n-- Names and statements are the database's own: read them before you \
         run them, by a psql that knows \\restrict (17.6, 16.10, 15.14 or later).\n\\encoding UTF8\n\\restrict \
         {key}\nSET standard_conforming_strings = on;\nSET search_path = '';\n",
        report.id, report.database, report.target
    );
    for one in report.missing() {
        text.push_str(&statement(report, one));
    }
    text.push_str(&format!("\n\\unrestrict {key}\n"));
    text
}

/// A reason is a comment of one line, whatever is in it.
fn statement(report: &RestoreReport, one: &NotRestored) -> String {
    let why = one.why.to_string();
    let statement = match one.statement.raw().trim_end() {
        "" if one.kind == "TABLE DATA" => rows(report, one),
        "" => "-- its statement is not known here".to_owned(),
        statement => statement.to_owned(),
    };
    format!("\n-- {}: {why}\n{statement}\n", one.label)
}

/// How rows come in by hand: what they refer to first.
fn rows(report: &RestoreReport, one: &NotRestored) -> String {
    let quoted = |name: &Untrusted| Untrusted::from(shell_quoted(name.raw()));
    format!(
        "-- its rows are in the backup. To load them, behind those that they refer to:\n--   pgcoffer get {} \
         --database {} -o rows.dump\n--   pg_restore --data-only --no-owner --single-transaction --schema {} --table \
         {} --dbname URL rows.dump\n-- A superuser may add --disable-triggers, where triggers or keys in a circle keep \
         them out: PostgreSQL then checks neither.",
        report.id,
        report.database,
        quoted(&one.schema),
        quoted(&one.name),
    )
}
