mod dump;
mod prepare;
mod run;
mod turns;
mod watch;

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{Instrument as _, field};

use self::run::Run;
use super::{
    Clock, Interrupt, Progress,
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

/// How much later than pg_dump we may see a signal that went to both.
const SIGNAL_LAG: Duration = Duration::from_millis(300);
/// One backup to be taken.
#[derive(Debug, Clone)]
pub struct BackupRequest {
    /// Label of the database.
    pub database: Label,
    /// Where it is.
    pub url: DatabaseUrl,
    /// What seals it.
    pub secret: Secret,
    /// What it is taken for.
    pub occasion: Occasion,
    /// zstd's level, or none.
    pub level: Option<i32>,
    /// Part size of the upload, where it isn't to be chosen from what is expected.
    pub part_bytes: Option<u64>,
    /// How long pg_dump may write nothing before it counts as hung.
    pub silence_max: Duration,
    /// By which clock it is dated.
    pub clock: Clock,
}

/// What a backup is taken for.
#[derive(Debug, Clone)]
pub enum Occasion {
    /// Somebody wants one now, under this tier and kept so long.
    Asked(Tier, Retention),
    /// These periods of the schedule are due: it serves them all and carries the highest tier.
    Due {
        /// The schedule by which they are, to be asked again once nobody else can run.
        schedule: Schedule,
        /// The periods.
        due: Vec<Served>,
    },
}

impl Occasion {
    /// What a run that begins at `started` serves.
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

/// A backup that was taken: its entry, and what is inside.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupTaken {
    /// The entry.
    pub record: Record,
    /// The details.
    pub details: Details,
}

/// Takes one backup, and leaves a record of the run whether it succeeded or not.
///
/// The order of writes: pg_dump has ended with 0 and its archive was whole; then the last frame is sealed; then the
/// upload is completed and confirmed; then the record is written. Stopped anywhere before, there is no backup.
///
/// # Errors
/// [`Error::NotDue`] where another run has served what was due in the meantime; else whatever failed first;
/// [`Error::Interrupted`] where `interrupt` was raised. The upload has then been given up.
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
        // ids are of whole seconds, and who may not look can't see that the next run's is taken by this one
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
        Ok(()) => Ok(run.into_taken()),
        // somebody else's run is under way, or has just done what was due: this one was none
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

/// A signal to all processes at once may end pg_dump before we see ours: then the signal is the cause.
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
