//! The log lines of `serve`.

use std::net::SocketAddr;

use crate::{
    operation::{BackupOutcome, DatabaseTick, PruneOutcome},
    web::Readers,
};

/// Logs the result for one database: what was done, and what is wrong.
pub(super) fn log_tick(tick: &DatabaseTick) {
    let database = &tick.database;
    match &tick.backup {
        BackupOutcome::Done { backup, .. } => {
            tracing::info!(%database, id = %backup.id, stored_bytes = backup.bytes, "backed up");
        }
        BackupOutcome::Busy { why } => tracing::info!(%database, "left to another run: {why}"),
        BackupOutcome::Paused { until } => {
            tracing::warn!(%database, %until, "due, and waits after failures");
        }
        BackupOutcome::NeedsMasterKey { .. } => {
            tracing::info!(%database, "due, and for another machine to make: a catalog key alone is set here");
        }
        // the tick itself has logged this
        BackupOutcome::NotDue | BackupOutcome::Failed(_) => {}
    }
    if let PruneOutcome::Done(report) = &tick.prune {
        if report.deleted() > 0 {
            tracing::info!(%database, deleted = report.deleted(), "pruned");
        }
        if let Some(why) = report.why_nothing(tick.had_no_room()) {
            tracing::warn!(%database, "{why}");
        }
    }
    match &tick.health {
        Some(health) => {
            for problem in health.problems() {
                tracing::warn!(%database, "{problem}");
            }
        }
        None if tick.write_only => {}
        None => tracing::warn!(%database, "how it stands can't be seen"),
    }
}

/// Logs the address that it listens on, and who may read what.
pub(super) fn announce(address: SocketAddr, readers: &Readers) {
    tracing::info!(
        listen = %address,
        "serving: /healthz and /metrics on http://{address}"
    );
    match readers {
        Readers::Nobody => tracing::info!(
            "other machines reach this address: /metrics is refused, and /healthz tells no names, until \
             PGCOFFER_METRICS_TOKEN is set"
        ),
        Readers::Everybody => tracing::warn!(
            "PGCOFFER_METRICS_OPEN: whoever reaches this address reads names and sizes of the backups without a token"
        ),
        Readers::WithToken(_) | Readers::ThisMachine => {}
    }
}
