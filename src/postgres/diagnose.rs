//! Asks the server why `pg_dump` failed, as its messages may be in any language.

use super::error::{ChildFault, Error, FailureCause};
use super::locks::LockCapacity;
use super::obstacle::ObstacleKind;
use super::preflight;
use super::session::Session;

/// The number of recovery conflicts so far, on a standby.
const CONFLICTS: &str = "
    SELECT pg_catalog.pg_is_in_recovery(), s.conflicts FROM pg_catalog.pg_stat_database AS s
     WHERE s.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()";

impl Session {
    /// The error with its cause, if its messages don't show the cause and the server does. Runs queries; their errors
    /// are ignored.
    pub async fn diagnose(&mut self, error: Error) -> Error {
        match error {
            Error::DumpFailed(fault) if fault.cause == FailureCause::Unknown => {
                let cause = self.cause().await;
                Error::DumpFailed(ChildFault { cause, ..fault })
            }
            other => other,
        }
    }

    async fn cause(&mut self) -> FailureCause {
        if let Err(Error::Lost { .. }) = self.check().await {
            return FailureCause::ConnectionLost;
        }
        // a check that fails proves nothing
        if let Ok(obstacles) = preflight::obstacles(self, None).await
            && let Some(first) = obstacles.first()
        {
            return match first.kind {
                ObstacleKind::RowSecurity => FailureCause::RowSecurity,
                _ => FailureCause::PermissionDenied,
            };
        }
        if self.blockers().await.is_ok_and(|found| !found.is_empty()) {
            return FailureCause::LockTimeout;
        }
        if self.lock_capacity().await.is_ok_and(LockCapacity::is_too_small) {
            return FailureCause::OutOfLocks;
        }
        let conflicts = self.rows("look for conflicts", CONFLICTS).await.unwrap_or_default();
        let column = |index| conflicts.first().and_then(|row| row.text(index));
        match (column(0), column(1)) {
            (Some("t"), Some(count)) if count != "0" => FailureCause::RecoveryConflict,
            _ => FailureCause::Unknown,
        }
    }
}
