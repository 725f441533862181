//! What failed, on what, and why, in words.

use std::fmt::{self, Write as _};

use super::{Error, Fault, TargetState};
use crate::{
    redact::{redacted, without_keys},
    text::{Untrusted, continued, escaped_lines, os_words, roughly},
};

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text)?;
        let text = redacted(&text);
        match self {
            // a list, whose lines are ours
            Self::Config(_) => f.write_str(&escaped_lines(&without_keys(&text))),
            // it repeats what was typed
            Self::Usage { .. } => f.write_str(&continued(&without_keys(&text))),
            _ => f.write_str(&continued(&text)),
        }
    }
}

impl Error {
    /// As it is, with whatever text from outside is in it.
    fn write(&self, f: &mut String) -> fmt::Result {
        match self {
            Self::Usage { why, .. } | Self::Rules { why, .. } | Self::Cold { why, .. } | Self::Unsettled { why } => {
                write!(f, "{why}")
            }
            Self::Lifecycle(error) => write!(f, "{error}"),
            Self::Config(faults) => faults_text(faults, f),
            Self::Postgres(error) => write!(f, "{error}"),
            Self::Store(error) => write!(f, "{error}"),
            Self::Seal { object, source } => write!(f, "{object}: {source}"),
            Self::Record { object, source } => write!(f, "{object}: {source}"),
            Self::Dump(error) => {
                write!(f, "what pg_dump wrote can't be taken for a backup: {error}")
            }
            Self::Silent { seconds } => {
                write!(f, "pg_dump has written nothing for {seconds} s, and was stopped")
            }
            Self::Problems { what, .. } => write!(f, "{what}"),
            Self::Archive { object, source } => write!(f, "{object}: {source}"),
            Self::Payload { object, source } => write!(f, "{object}: {source}"),
            Self::Differs { object, what } => write!(f, "{object}: {what}"),
            Self::Compress(error) => write!(f, "{error}"),
            Self::NoSuchBackup { wanted, location, .. } => {
                write!(f, "there is no {wanted} in {location}")
            }
            Self::NoSuchCertificate { wanted, location, .. } if wanted.is_empty() => {
                write!(f, "there is no certificate in {location}")
            }
            Self::NoSuchCertificate { wanted, location, .. } => {
                write!(f, "there is no certificate of {wanted} in {location}")
            }
            Self::Certificate { object, source } => write!(f, "{object}: {source}"),
            Self::NotGood { id, why } => write!(f, "{id} is no backup: its run failed ({why})"),
            Self::TargetUnsuitable { target, problems } => {
                let problems: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
                write!(
                    f,
                    "{target} can't take the backup as it is, and was not touched: {}",
                    problems.join("; ")
                )
            }
            Self::RestoreFailed {
                target,
                state,
                made_roles,
                source,
                ..
            } => {
                let state = match state {
                    TargetState::Unchanged => "nothing was changed",
                    TargetState::AllOrNothing => "it was one transaction: the target holds all or nothing",
                    TargetState::Incomplete | TargetState::Resumable => "it is incomplete",
                    TargetState::Mixed => "and some of what the target held is gone",
                    TargetState::PartAdded => "it is incomplete, and what the target held is as it was",
                };
                let made = made_roles.iter().map(|role| Untrusted::from(&**role).identifier());
                let made: Vec<String> = made.collect();
                let made = match made.is_empty() {
                    true => String::new(),
                    false => format!(", and roles that were made for it stay ({})", made.join(", ")),
                };
                write!(f, "the restore into {target} failed, {state}{made}: {source}")
            }
            Self::Rows { tables, source } => {
                write!(f, "the rows of {tables} could not be loaded: ")?;
                source.write(f)
            }
            Self::NotTaken { why, .. } => {
                write!(f, "the backup that is due was not taken: {why}")
            }
            Self::NotDue { database, .. } => {
                write!(f, "another run has just backed up {database}: nothing is due")
            }
            Self::Clock { why, .. } => write!(f, "nothing is deleted by this clock: {why}"),
            Self::NotWhole { database, count, first } => write!(
                f,
                "nothing of {database} is deleted: {count} of its records or marks can't be read, the first because \
                 {first}"
            ),
            Self::Unexplained {
                database,
                planned,
                explained,
            } => write!(
                f,
                "nothing of {database} is deleted: {planned} good ones would go because of newer ones or of marks \
                 that shorten their time, and in two days the schedule explains {explained}"
            ),
            Self::NotReported { source } => {
                write!(f, "the drill has ended, and no report of it is in the bucket: {source}")
            }
            Self::TimeLimit { what, seconds, .. } => {
                write!(
                    f,
                    "{what} took longer than {}, and was ended",
                    roughly(i64::try_from(*seconds).unwrap_or(i64::MAX))
                )
            }
            Self::Io { doing, source } => write!(f, "can't {doing}: {}", os_words(source)),
            Self::Sink(error) => write!(f, "can't hand on what was opened: {}", os_words(error)),
            Self::OutputClosed => write!(f, "the program that reads standard output has ended"),
            Self::Interrupted { .. } => write!(f, "interrupted"),
            Self::Internal(what) => write!(f, "this is a bug in pgcoffer: {what}"),
        }
    }
}

fn faults_text(faults: &[Fault], f: &mut String) -> fmt::Result {
    let several = faults.len() > 1;
    if several {
        write!(f, "{} settings are wrong", faults.len())?;
    }
    for fault in faults {
        let indent = if several { "\n  " } else { "" };
        let (variable, why) = (continued(&fault.variable), continued(&fault.why));
        write!(f, "{indent}{variable}: {why}")?;
        if let Some(hint) = &fault.hint {
            let hint = continued(hint);
            write!(f, "{}hint: {hint}", if several { "\n    " } else { "\n" })?;
        }
    }
    Ok(())
}
