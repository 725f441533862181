//! What can go wrong in an operation: what failed, on what, why, the cure where there is one, and the exit status.
//!
//! Each lower module has an error of its own; here they get the object they happened on, once.

mod cause;
mod convert;
mod hint;
mod status;
#[cfg(test)]
mod tests;
mod text;

use std::{fmt, io, path::Path};

use crate::{
    archive,
    backup::{RecentBackup, UnknownVersion},
    cause::Cause,
    certificate::CertificateFault,
    compress,
    exit_status::ExitStatus,
    lifecycle, postgres, seal, store,
    text::Untrusted,
};

/// The result of everything above the doors.
pub type Result<T> = std::result::Result<T, Error>;

/// A setting that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// name of the variable
    pub variable: String,
    /// what is wrong with it
    pub why: String,
    /// what cures it
    pub hint: Option<String>,
}

/// What the target of a failed restore holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetState {
    /// what it held before
    Unchanged,
    /// all of the backup, or what it held before
    AllOrNothing,
    /// some of the backup; it was empty before
    Incomplete,
    /// some of the backup; it was empty before, and what is missing can be added
    Resumable,
    /// some of the backup, and some of what it held before
    Mixed,
    /// some of the part that was asked for, beside everything that it held before
    PartAdded,
}

/// A problem of a restore's target, with its cure.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TargetProblem {
    /// what, and what is concerned
    pub what: String,
    /// what cures it
    pub cure: String,
}

/// Why an operation failed.
#[derive(Debug)]
pub enum Error {
    /// the command can't be carried out as given
    Usage {
        /// what is wrong
        why: String,
        /// what cures it
        hint: String,
    },
    /// settings are wrong
    Config(Vec<Fault>),
    /// the database's side
    Postgres(postgres::Error),
    /// the bucket's side
    Store(store::Error),
    /// a sealed object can't be sealed or opened
    Seal {
        /// its key or file name
        object: String,
        /// why
        source: seal::Error,
    },
    /// a record opens and can't be read
    Record {
        /// its key
        object: String,
        /// why
        source: UnknownVersion,
    },
    /// pg_dump's archive, on its way out
    Dump(archive::Error),
    /// pg_dump hangs
    Silent {
        /// for how long it has written nothing
        seconds: u64,
    },
    /// something needs a person's look; the result says what
    Problems {
        /// in a few words
        what: String,
        /// [`ExitStatus::Problem`], or that of what failed
        exit_status: ExitStatus,
    },
    /// pg_dump's archive, as it came back
    Archive {
        /// its key or file name
        object: String,
        /// why
        source: archive::Error,
    },
    /// the payload, as it came back
    Payload {
        /// its key or file name
        object: String,
        /// why
        source: compress::Error,
    },
    /// what is in the bucket isn't what it should be: what was dumped, or what its name says
    Differs {
        /// key or file name
        object: String,
        /// the first differences
        what: String,
    },
    /// no memory to compress, no random bytes: the machine's side
    Compress(compress::Error),
    /// there is no such backup
    NoSuchBackup {
        /// what was asked for, as in `good backup` or `backup 2026`
        wanted: String,
        /// where
        location: String,
        /// what there is instead, and how it is reached; none for what `list` shows
        hint: Option<String>,
    },
    /// there is no such certificate
    NoSuchCertificate {
        /// what was asked for; empty for the newest
        wanted: String,
        /// where
        location: String,
        /// what there is instead, if another database was meant
        hint: Option<String>,
    },
    /// a certificate can't be verified
    Certificate {
        /// which one
        object: String,
        /// why
        source: CertificateFault,
    },
    /// the backup is the record of a failed run
    NotGood {
        /// its id
        id: String,
        /// why it failed
        why: String,
    },
    /// a run that was to be made elsewhere was not, or left nothing
    NotTaken {
        /// what happened
        why: String,
        /// what cures it
        hint: Option<String>,
        /// the same in words of our own
        cause: Cause,
    },
    /// what was due has been done by another run meanwhile
    NotDue {
        /// label of the database
        database: String,
        /// the good backup that was made just now, where that is why
        recent: Option<Box<RecentBackup>>,
    },
    /// this machine's clock and the service's differ too much, or can't be compared
    Clock {
        /// how they differ
        why: String,
        /// the service tells its time
        told: bool,
    },
    /// a database's part of the bucket could not be read whole, so that nothing there may be deleted
    NotWhole {
        /// label of the database
        database: String,
        /// how many objects of ours can't be read
        count: usize,
        /// what is wrong with the first
        first: Box<Self>,
    },
    /// newer backups or marks would have far more deleted than the schedule explains, so that nothing is deleted
    Unexplained {
        /// label of the database
        database: String,
        /// how many good backups would go because newer ones came or marks shorten their time
        planned: usize,
        /// how many the schedule explains
        explained: usize,
    },
    /// backups of several repositories stand in one place, and no setting says which one is meant
    Unsettled {
        /// which
        why: String,
    },
    /// lifecycle rules that can't be had
    Lifecycle(lifecycle::Error),
    /// the bucket's lifecycle rules are not, or may not be, as they should
    Rules {
        /// what happened, and what stands now
        why: String,
        /// what cures it
        hint: String,
    },
    /// what is to be read lies in cold storage
    Cold {
        /// what, where, and how long thawing takes
        why: String,
        /// what to do
        hint: String,
        /// it is being thawed: the same command succeeds later
        under_way: bool,
    },
    /// the target can't take the backup as it is; nothing was touched
    TargetUnsuitable {
        /// user@host:port/name
        target: String,
        /// the problems, each with its cure
        problems: Vec<TargetProblem>,
    },
    /// a restore began and failed
    RestoreFailed {
        /// user@host:port/name
        target: String,
        /// the backup's id
        backup: String,
        /// what it holds now
        state: TargetState,
        /// roles that were made for it, which are no part of the target
        made_roles: Vec<String>,
        /// what failed
        source: Box<Self>,
    },
    /// the rows of some tables could not be loaded
    Rows {
        /// the first of these tables, and how many more there are
        tables: Untrusted,
        /// what failed
        source: Box<Self>,
    },
    /// a file or stream of this machine
    Io {
        /// what was being done, on what
        doing: String,
        /// why it failed
        source: io::Error,
    },
    /// whoever was to take opened bytes doesn't
    Sink(io::Error),
    /// the program that reads standard output has ended, as `head` does: no fault, and nothing to explain
    OutputClosed,
    /// a drill ran to its end, and its report could not be written
    NotReported {
        /// why
        source: Box<Self>,
    },
    /// what was carried out took longer than it may, and was ended
    TimeLimit {
        /// what
        what: &'static str,
        /// how long it may take
        seconds: u64,
        /// the setting that says so
        setting: &'static str,
    },
    /// a signal asked to stop
    Interrupted {
        /// that of the signal
        exit_status: ExitStatus,
    },
    /// a bug: a panic that was caught, or what can't be
    Internal(String),
}

impl Error {
    pub(crate) fn usage(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            why: why.into(),
            hint: hint.into(),
        }
    }

    pub(crate) fn seal(object: impl Into<String>, source: seal::Error) -> Self {
        Self::Seal {
            object: object.into(),
            source,
        }
    }

    pub(crate) fn differs(object: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Differs {
            object: object.into(),
            what: what.into(),
        }
    }

    /// `id` ends the words "there is no backup".
    pub(crate) fn no_such_backup(id: &str, location: impl fmt::Display) -> Self {
        Self::NoSuchBackup {
            wanted: format!("backup {id}"),
            location: location.to_string(),
            hint: None,
        }
    }

    /// The same for a place that has no backup at all. `wanted` is what was asked for, as in `good backup`; `elsewhere` says where there are some, if that is known.
    pub(crate) fn no_backup_at_all(wanted: &str, location: impl fmt::Display, elsewhere: Option<String>) -> Self {
        let hint = elsewhere.unwrap_or_else(|| {
            "nothing was backed up there so far, or bucket or prefix is not the right one: the recovery sheet has both"
                .to_owned()
        });
        Self::NoSuchBackup {
            wanted: wanted.to_owned(),
            location: location.to_string(),
            hint: Some(hint),
        }
    }

    /// The same with another hint, where it is that there is no such backup.
    pub(crate) fn with_hint(self, hint: String) -> Self {
        match self {
            Self::NoSuchBackup { wanted, location, .. } => Self::NoSuchBackup {
                wanted,
                location,
                hint: Some(hint),
            },
            other => other,
        }
    }

    /// An error of reading or writing a file.
    pub fn io(doing: &str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            doing: format!("{doing} {}", path.display()),
            source,
        }
    }
}

impl std::error::Error for Error {}
