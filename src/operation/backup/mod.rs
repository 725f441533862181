mod dump;
mod prepare;
mod recent;
mod run;
mod turns;
mod watch;

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{Instrument as _, field};

pub(crate) use self::recent::unknowable;
pub use self::recent::{BackupInterval, recent_backup};
use self::run::Run;
use super::{
    Clock, CopyPlace, CopyReport, Interrupt, Progress,
    spans::{ended, step},
};
use crate::{
    backup::{Details, Label, Record, Retention, Sealed, Served, Tier},
    catalog::Catalog,
    error::{Error, Result},
    panics::{caught, caught_as_error},
    postgres::{self, Clients, DatabaseUrl},
    schedule::Schedule,
    seal::Secret,
};

/// How much later than pg_dump the agent may notice a signal that was sent to both.
const SIGNAL_LAG: Duration = Duration::from_millis(300);
/// The request for one backup.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// The database's label.
    pub database: Label,
    /// The database's URL.
    pub url: DatabaseUrl,
    /// The secret that seals it.
    pub secret: Secret,
    /// Why it is made.
    pub occasion: Occasion,
    /// How often one is made at most; `None` to make one in any case.
    pub at_most_every: Option<BackupInterval>,
    /// The level of zstd; `None` for no compression.
    pub level: Option<i32>,
    /// The part size of the upload; `None` to choose it by the expected size.
    pub part_bytes: Option<u64>,
    /// The time after which a pg_dump that writes nothing counts as hung.
    pub dump_idle_timeout: Duration,
    /// The places that get it while it is dumped, since the bucket can't be read afterwards.
    pub beside: Vec<CopyPlace>,
    /// The clock that dates it.
    pub clock: Clock,
}

/// Why a backup is made.
#[derive(Debug, Clone)]
pub enum Occasion {
    /// A user requested it, with this tier and retention.
    Asked(Tier, Retention),
    /// These periods of the schedule are due. It serves them all and has the highest tier.
    Due {
        /// The schedule, which is evaluated again under the lock.
        schedule: Schedule,
        /// The periods.
        due: Vec<Served>,
    },
}

impl Occasion {
    /// The periods that a run beginning at `started` serves.
    fn serves(&self, started: Timestamp) -> Vec<Served> {
        match self {
            Self::Asked(tier, retention) => vec![Served {
                tier: *tier,
                due: started,
                retention: *retention,
            }],
            Self::Due { due, .. } => due.clone(),
        }
    }
}

/// A backup that was made: its entry and details.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupTaken {
    /// The entry.
    pub record: Record,
    /// The details.
    pub details: Details,
    /// What became of the places beside the bucket.
    pub copies: Vec<CopyReport>,
}

/// Makes one backup, and writes a record of the run whether or not it succeeded.
///
/// The order: pg_dump ends with 0 and its archive is complete; then the last frame is sealed; then the upload is
/// completed and confirmed; then the details and the record are written. If it stops anywhere before the record, there
/// is no backup. The places [beside](BackupRequest::beside) are completed after that, without the database's lock. What
/// goes wrong with them doesn't fail the backup.
///
/// # Errors
/// [`Error::NotDue`] if another run has served what was due in the meantime, or made a good backup just now; [`Error::Interrupted`] if `interrupt` was
/// raised; otherwise the first error. The upload has then been aborted.
pub async fn backup(
    catalog: &Catalog,
    clients: &Clients,
    request: &BackupRequest,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<BackupTaken> {
    let span = step!(
        "backup",
        database = request.database.as_str(),
        id = field::Empty,
        tier = field::Empty,
        dump_bytes = field::Empty,
        stored_bytes = field::Empty,
    );
    let begun = Instant::now();
    let result = attempt(catalog, clients, request, progress, interrupt).instrument(span.clone());
    let result = result.await;
    if catalog.store().writes_only() && !matches!(result, Err(Error::NotDue { .. })) {
        // ids have whole seconds, and a write-only run could not see that this one has taken the next run's id
        tokio::time::sleep_until(begun + Duration::from_secs(1)).await;
    }
    if let Ok(BackupTaken { record, .. }) = &result {
        span.record("id", record.id.as_str());
        span.record("tier", record.tier.as_str());
        let sealed = record.sealed.as_ref();
        span.record("dump_bytes", sealed.map(|sealed| sealed.dump_bytes));
        span.record("stored_bytes", sealed.map(Sealed::bytes));
    }
    ended(&span, result.as_ref().err());
    result
}

async fn attempt(
    catalog: &Catalog,
    clients: &Clients,
    request: &BackupRequest,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<BackupTaken> {
    let mut run = Run::begin(catalog, request).await?;
    let outcome = caught_as_error(run.attempt(clients, progress, interrupt)).await;
    match outcome {
        Ok(()) => {
            let copies = run.finish_copies(interrupt).await;
            Ok(run.into_taken(copies))
        }
        // another run is in progress, or has just done what was due: this one doesn't count as a run
        Err(error) if run.is_waiting => Err(error),
        Err(error @ (Error::Postgres(postgres::Error::Locked { .. }) | Error::NotDue { .. })) => Err(error),
        Err(error) => {
            let error = signal_first(error, interrupt).await;
            if caught(run.clean_up(&error)).await.is_err() {
                tracing::warn!(database = %request.database, "this failed run left no record: the cleaning up failed \
                    by a bug of its own");
            }
            Err(error)
        }
    }
}

/// The error of a signal, if one arrives soon: a signal to all processes may end pg_dump before the agent notices its
/// own.
pub(super) async fn signal_first(error: Error, interrupt: &Interrupt) -> Error {
    let child = matches!(
        &error,
        Error::Postgres(postgres::Error::DumpFailed(_) | postgres::Error::LoadFailed(_))
    );
    if !child {
        return error;
    }
    let lag = tokio::time::timeout(SIGNAL_LAG, interrupt.raised());
    lag.await.unwrap_or(error)
}
