//! Why `pg_dump` failed, asked of the server itself: its messages may be in any language.

use super::error::{Cause, ChildFault, Error};
use super::inspect::DUMPED;
use super::preflight::{self, ObstacleKind};
use super::session::Session;

/// Whether somebody holds, or waits for, a lock on what is dumped that excludes readers.
const EXCLUDED: &str = "
    SELECT EXISTS (SELECT FROM pg_catalog.pg_locks AS l JOIN dumped AS d ON d.oid OPERATOR(pg_catalog.=) l.relation
                    WHERE l.mode OPERATOR(pg_catalog.=) 'AccessExclusiveLock'
                      AND l.database OPERATOR(pg_catalog.=)
                          (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()))";

/// Conflicts with replay so far, on a standby.
const CONFLICTS: &str = "
    SELECT pg_catalog.pg_is_in_recovery(), s.conflicts FROM pg_catalog.pg_stat_database AS s
     WHERE s.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()";

impl Session {
    /// The error with its cause, where its own words don't tell it and a look at the server does.
    pub async fn diagnose(&mut self, error: Error) -> Error {
        match error {
            Error::DumpFailed(fault) if fault.cause == Cause::Unknown => {
                let cause = self.cause().await;
                Error::DumpFailed(ChildFault { cause, ..fault })
            }
            other => other,
        }
    }

    async fn cause(&mut self) -> Cause {
        if let Err(Error::Lost { .. }) = self.check().await {
            return Cause::ConnectionLost;
        }
        // what can't be looked at now is no cause
        if let Ok(obstacles) = preflight::obstacles(self, None).await
            && let Some(first) = obstacles.first()
        {
            return match first.kind {
                ObstacleKind::RowSecurity => Cause::RowSecurity,
                _ => Cause::PermissionDenied,
            };
        }
        let excluded = self
            .rows("look for locks", &format!("WITH {DUMPED} {EXCLUDED}"))
            .await;
        if excluded.is_ok_and(|rows| rows.first().and_then(|row| row.text(0)) == Some("t")) {
            return Cause::LockTimeout;
        }
        let conflicts = self
            .rows("look for conflicts", CONFLICTS)
            .await
            .unwrap_or_default();
        let column = |index| conflicts.first().and_then(|row| row.text(index));
        match (column(0), column(1)) {
            (Some("t"), Some(count)) if count != "0" => Cause::RecoveryConflict,
            _ => Cause::Unknown,
        }
    }
}
