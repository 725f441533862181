//! What a user can do about an error.

use std::{io, path::Path};

use super::{Error, TargetState};
use crate::{
    postgres::{self, FailureCause, sql::ident},
    redact::{redacted, without_keys},
    text::continued,
};

impl Error {
    /// What a user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = self.cure()?;
        let hint = redacted(&hint);
        // they repeat what was set or typed
        let hint = match self {
            Self::Config(_) | Self::Usage { .. } => without_keys(&hint),
            _ => hint.as_ref().into(),
        };
        Some(continued(&hint).into_owned())
    }

    /// The same as it is, with whatever text from outside is in it.
    fn cure(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } | Self::Rules { hint, .. } | Self::Cold { hint, .. } => Some(hint.clone()),
            Self::Lifecycle(error) => error.hint(),
            Self::Postgres(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Seal { source, .. } => source.hint(),
            Self::Dump(error) => error.hint(),
            Self::Archive { .. } | Self::Payload { .. } | Self::Differs { .. } | Self::Record { .. } => {
                Some("do not rely on this backup: verify the others, and keep this one for examination".to_owned())
            }
            Self::NoSuchBackup { hint, .. } => Some(
                hint.clone()
                    .unwrap_or_else(|| "`pgcoffer list` shows what there is".to_owned()),
            ),
            Self::NoSuchCertificate { hint: Some(hint), .. } => Some(hint.clone()),
            Self::NoSuchCertificate { hint: None, .. } => Some(
                "`pgcoffer drill` proves a backup and leaves its certificate, unless it is given --no-report"
                    .to_owned(),
            ),
            Self::Certificate { source, .. } => source.hint().map(str::to_owned),
            Self::NotGood { .. } => Some(
                "`pgcoffer list` shows the good ones; `latest` is the newest of \
                them"
                    .to_owned(),
            ),
            Self::TargetUnsuitable { problems, .. } => {
                let cures: Vec<&str> = problems.iter().map(|problem| problem.cure.as_str()).collect();
                Some(joined(&cures))
            }
            Self::RestoreFailed {
                backup,
                state,
                made_roles,
                source,
                ..
            } => after_restore(backup, *state, made_roles, source),
            Self::Rows { source, .. } => source.cure(),
            Self::Clock { told: false, .. } => Some(
                "the answers of S3 bear a Date, by which backups expire here: look \
                for the gateway or proxy that takes it away, or have a lifecycle rule delete (`pgcoffer lifecycle \
                apply --expire`)"
                    .to_owned(),
            ),
            Self::Clock { .. } => Some(
                "set this machine's clock by NTP: by a wrong one, backups expire too \
                early"
                    .to_owned(),
            ),
            Self::NotWhole { .. } => Some(
                "find out what that object is, and move it away by hand or bring back its \
                older version; a lost mark is set again by hold or accept"
                    .to_owned(),
            ),
            Self::Unexplained { planned, .. } => Some(format!(
                "look at `pgcoffer prune --dry-run`, and verify a few of \
                the newest backups: somebody who broke into the machine that takes them could have written them, or \
                marks, to get rid of others; if all is well, as after weeks without a prune, `pgcoffer prune --confirm {planned}`"
            )),
            Self::Unsettled { .. } => Some(
                "set PGCOFFER_REPOSITORY to the right one: it stands in the settings of the \
                machine that backs up, and on the recovery sheet; with each of them set, `pgcoffer list` shows what \
                that one holds"
                    .to_owned(),
            ),
            Self::Silent { .. } => Some(
                "look for what it waits for in pg_stat_activity; where a table takes that \
                long, raise PGCOFFER_STALL_TIMEOUT"
                    .to_owned(),
            ),
            Self::NotTaken { hint, .. } => hint.clone(),
            Self::NotDue { .. } | Self::Problems { .. } => None,
            Self::Io { doing, source } if doing.starts_with("listen on") => Some(
                match source.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "ports below 1024 are root's: choose another with --listen, \
                        PGCOFFER_LISTEN or PORT"
                    }
                    io::ErrorKind::AddrInUse => {
                        "somebody listens there already, perhaps another `pgcoffer serve`: \
                        choose another with --listen, PGCOFFER_LISTEN or PORT"
                    }
                    _ => "choose an address of this machine with --listen or PGCOFFER_LISTEN",
                }
                .to_owned(),
            ),
            Self::Io { doing, source } if doing.starts_with("write ") => {
                let path = doing.strip_prefix("write ").unwrap_or_default();
                io_hint_of_writing(Path::new(path), source).or_else(|| io_hint(source))
            }
            Self::Io { doing, source } if doing.starts_with("read ") => {
                io_hint_of_reading(source).or_else(|| io_hint(source))
            }
            Self::NotReported { source } => source.cure(),
            Self::TimeLimit { setting, .. } => Some(format!(
                "raise {setting}; where the machine was busy with something else, choose another hour"
            )),
            Self::Io { source, .. } | Self::Sink(source) => io_hint(source),
            Self::Internal(_) => Some(
                "please report it with this text and what `pgcoffer --version` says; a later run \
                may succeed, and says so"
                    .to_owned(),
            ),
            Self::Config(_) | Self::Compress(_) | Self::OutputClosed | Self::Interrupted { .. } => None,
        }
    }
}

/// The cause's own cure, and what to do about the target. Only what was empty before may be dropped.
fn after_restore(backup: &str, state: TargetState, made_roles: &[String], source: &Error) -> Option<String> {
    let cause = match source {
        Error::Postgres(postgres::Error::LoadFailed(fault)) => Some(fault.cause),
        _ => None,
    };
    let began_empty = matches!(state, TargetState::Incomplete | TargetState::Resumable);
    let target = match state {
        // the same statement would fail again
        TargetState::Incomplete | TargetState::Resumable if cause == Some(FailureCause::OlderServer) => Some(
            "where what it does not know can be left out, create the target anew and give --keep-going, which restores \
             all but that"
                .to_owned(),
        ),
        TargetState::Unchanged | TargetState::AllOrNothing => None,
        TargetState::Incomplete => Some(
            "the target, which was empty, holds part of the backup: create it anew before the next try (on Heroku \
             `heroku pg:reset` with the name of this very database). Where one object can't be restored, --keep-going \
             restores all but that"
                .to_owned(),
        ),
        TargetState::Resumable => Some(format!(
            "the same command with --resume goes on with it, with {backup} in the place of latest: what is there \
             already is compared, and only the rest is restored; or create the target anew before the next try. Where one \
             object can't be restored, --keep-going with either restores all but that"
        )),
        TargetState::PartAdded => Some(
            "the target holds some of the part that was asked for, beside all that it held before: look at what came of it, \
             remove that alone, and run it again in one transaction, of which nothing is left if it fails"
                .to_owned(),
        ),
        TargetState::Mixed => Some(
            "drop nothing: what the target held is partly there still. Restore into a new database, and compare"
                .to_owned(),
        ),
    };
    let own = match cause {
        Some(FailureCause::AlreadyExists) if began_empty => Some(
            "something made that in the target during the restore, or it stands in the database from which the target \
             was created: see what it is"
                .to_owned(),
        ),
        _ => source.cure().map(|cure| match target {
            Some(_) => without_another_run(&cure),
            None => cure,
        }),
    };
    let both: Vec<String> = own.into_iter().chain(target).chain(without_roles(made_roles)).collect();
    let both: Vec<&str> = both.iter().map(String::as_str).collect();
    (!both.is_empty()).then(|| joined(&both))
}

/// A cure without the advice to run the same command again, which a target that holds something by now refuses: what to
/// run then is said with what the target holds.
fn without_another_run(cure: &str) -> String {
    cure.replace(", and run the command again", "")
        .replace("run the command again, and ", "")
        .replace("run the command again", "go on")
}

/// Several cures in one line. One that ends with a statement of SQL has its semicolon already.
fn joined(cures: &[&str]) -> String {
    let mut text = String::new();
    for cure in cures {
        match text.chars().last() {
            None => {}
            Some(';') => text.push(' '),
            Some(_) => text.push_str("; "),
        }
        text.push_str(cure);
    }
    text
}

/// Roles belong to the server as a whole: no transaction and no new database takes them away.
fn without_roles(made: &[String]) -> Option<String> {
    let names: Vec<String> = made.iter().map(|role| ident(role)).collect();
    (!made.is_empty()).then(|| {
        format!(
            "the roles that were made for this stay for the next try; to be rid of them, once nothing of the target \
             names them: DROP ROLE IF EXISTS {};",
            names.join(", ")
        )
    })
}

fn io_hint_of_writing(path: &Path, error: &io::Error) -> Option<String> {
    let has_folder = path
        .parent()
        .is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir());
    let text = match error.kind() {
        io::ErrorKind::NotFound if has_folder => "no file can be made there: choose another folder with -o",
        io::ErrorKind::NotFound => "make that folder (mkdir -p), or name a file in one that is there",
        io::ErrorKind::IsADirectory => "name a file in it, as in -o FOLDER/backup.dump",
        io::ErrorKind::NotADirectory => "name a file in a folder, with another name than that file's",
        io::ErrorKind::PermissionDenied => "choose a folder that you may write to, with -o",
        io::ErrorKind::InvalidFilename => "choose a shorter name with -o",
        _ => return None,
    };
    Some(text.to_owned())
}

fn io_hint_of_reading(error: &io::Error) -> Option<String> {
    let text = match error.kind() {
        io::ErrorKind::NotFound => "name a file that is there",
        io::ErrorKind::IsADirectory => "name a file in it",
        _ => return None,
    };
    Some(text.to_owned())
}

fn io_hint(error: &io::Error) -> Option<String> {
    let text = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => "that disk can only be read: choose another place",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, or choose another place",
        io::ErrorKind::PermissionDenied => "check the file's and its folder's permissions, or choose another place",
        io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable => {
            "choose another address with --listen or PGCOFFER_LISTEN, or stop what listens there"
        }
        io::ErrorKind::AlreadyExists => "nothing is overwritten: choose another name with -o, or move it away",
        _ => return None,
    };
    Some(text.to_owned())
}
