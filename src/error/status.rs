//! The exit status of each error.

use super::Error;
use crate::{exit_status::ExitStatus, lifecycle, postgres, store};

impl Error {
    /// The exit status that says which side failed.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Compress(_)
            | Self::Io { .. }
            | Self::Sink(_)
            | Self::Clock { .. }
            | Self::NotTaken { .. }
            | Self::TimeLimit { .. } => ExitStatus::Failed,
            Self::OutputClosed => ExitStatus::OutputClosed,
            Self::Internal(_) => ExitStatus::Bug,
            Self::Usage { .. } | Self::Config(_) | Self::Unsettled { .. } => ExitStatus::Usage,
            Self::Store(error) if matches!(error.kind, store::Kind::Configuration | store::Kind::PlainHttp) => {
                ExitStatus::Usage
            }
            Self::Lifecycle(lifecycle::Error::Transition { .. } | lifecycle::Error::Contradictions(_)) => {
                ExitStatus::Usage
            }
            Self::Postgres(error) => postgres_status(error),
            Self::Dump(_) | Self::Silent { .. } | Self::TargetUnsuitable { .. } => ExitStatus::Database,
            Self::Cold { under_way: true, .. } => ExitStatus::Thawing,
            Self::Store(_) | Self::Lifecycle(_) | Self::Rules { .. } | Self::Cold { .. } => ExitStatus::Bucket,
            Self::Seal { .. }
            | Self::Certificate { .. }
            | Self::Record { .. }
            | Self::Archive { .. }
            | Self::Payload { .. }
            | Self::Differs { .. } => ExitStatus::Integrity,
            Self::NotDue { .. } => ExitStatus::Locked,
            Self::NoSuchBackup { .. } | Self::NoSuchCertificate { .. } | Self::NotGood { .. } => {
                ExitStatus::NoSuchBackup
            }
            // nothing failed, and somebody has to look
            Self::Unexplained { .. } => ExitStatus::Problem,
            Self::RestoreFailed { source, .. } | Self::Rows { source, .. } => source.exit_status(),
            Self::NotReported { .. } => ExitStatus::NotReported,
            Self::NotWhole { first, .. } => first.exit_status(),
            Self::Problems { exit_status, .. } | Self::Interrupted { exit_status } => *exit_status,
        }
    }
}

fn postgres_status(error: &postgres::Error) -> ExitStatus {
    match error {
        postgres::Error::Locked { .. } | postgres::Error::LockTaken { .. } | postgres::Error::TargetLocked { .. } => {
            ExitStatus::Locked
        }
        postgres::Error::Url(_) => ExitStatus::Usage,
        postgres::Error::LocalServer(_) => ExitStatus::Failed,
        _ => ExitStatus::Database,
    }
}
