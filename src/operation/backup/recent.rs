//! The guard of a backup that an event asks for: where a good one was made just now, no further one is made.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

use super::{BackupRequest, run::Run};
use crate::{
    backup::{Recency, RecentBackup},
    catalog::{Catalog, Survey},
    error::{Error, Result},
    operation::announcement::is_announced,
    postgres::{self, Session},
    retry::Backoff,
    text::counted,
};

/// The pauses between two attempts to get a lock that another run holds.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));

/// The number of newest records in which a recent backup is searched.
const RECORDS_LOOKED_AT: usize = 20;

/// How often a backup is made at most, however many ask for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupInterval {
    /// How long after the end of a good backup no further one is made.
    pub span: SignedDuration,
    /// How long to wait for a run that is in progress.
    pub lock_wait: Duration,
}

/// The newest good backup that ended within the request's interval, if there is one. Asks the bucket alone, and takes
/// no lock, so that another one may be made at the same time.
///
/// # Errors
/// Any error of the bucket.
pub async fn recent_backup(catalog: &Catalog, request: &BackupRequest) -> Result<Option<RecentBackup>> {
    let Some(interval) = request.at_most_every else {
        return Ok(None);
    };
    let mut survey = catalog.survey(&request.database, RECORDS_LOOKED_AT).await?;
    newest_within(catalog, &mut survey, interval.span, request.clock.now()).await
}

impl Run<'_> {
    /// Waits for the lock, as long as another run holds it, up to the interval's limit. Nothing is held meanwhile, no
    /// connection either, so that a hundred waiting runs don't use up those of the database.
    ///
    /// # Errors
    /// [`Error::NotDue`] as soon as another run has made a good backup.
    pub(super) async fn awaited_session(&mut self, interval: BackupInterval) -> Result<Session> {
        let (began, mut attempts, mut holder) = (Instant::now(), 0, None);
        loop {
            let busy = match self.locked_session().await {
                Err(Error::Postgres(error)) if is_busy(&error) => error,
                session => {
                    self.is_waiting = false;
                    return session;
                }
            };
            self.is_waiting = true;
            attempts += 1;
            let pause = PAUSES.jittered(attempts);
            if began.elapsed() + pause > interval.lock_wait {
                self.is_waiting = false;
                return Err(busy.into());
            }
            if attempts == 1 {
                let minutes = counted(interval.lock_wait.as_secs().div_ceil(60), "minute");
                tracing::info!(database = %self.request.database, "waiting up to {minutes}: {busy}");
            }
            // another holder, or one that can't be seen: the run before may have ended well
            let now_held_by = holder_of(&busy);
            if (attempts > 1 && now_held_by != holder) || now_held_by.is_none() {
                self.check_none_recent().await?;
            }
            holder = now_held_by;
            sleep(pause).await;
        }
    }

    async fn check_none_recent(&self) -> Result<()> {
        match recent_backup(self.catalog, self.request).await? {
            Some(recent) => Err(not_due(recent)),
            None => Ok(()),
        }
    }

    /// Checks that no backup was made within the interval of the request. Under the lock no other run is active.
    ///
    /// # Errors
    /// [`Error::NotDue`] where there is one, [`Error::Usage`] where it can't be known.
    pub(super) async fn leave_to_recent(&self, survey: Option<&mut Survey>) -> Result<()> {
        let Some(interval) = self.request.at_most_every else {
            return Ok(());
        };
        let Some(survey) = survey else {
            return Err(unknowable("these credentials may not list the bucket"));
        };
        let now = self.request.clock.now();
        match newest_within(self.catalog, survey, interval.span, now).await? {
            Some(recent) => Err(not_due(recent)),
            None => Ok(()),
        }
    }
}

/// The error where nothing shows whether a backup was made recently.
pub(crate) fn unknowable(why: &str) -> Error {
    Error::usage(
        format!("whether a backup was made recently can't be known: {why}"),
        "leave --at-most-every out, and a backup is made each time; or run this where the bucket may be read",
    )
}

fn not_due(recent: RecentBackup) -> Error {
    Error::NotDue {
        database: recent.database.to_string(),
        recent: Some(Box::new(recent)),
    }
}

/// Whether another run is in progress, or so many that no connection is left.
fn is_busy(error: &postgres::Error) -> bool {
    let is_full = |fault: &postgres::ConnectFault| *fault == postgres::ConnectFault::TooMany;
    match error {
        postgres::Error::Locked { .. } => true,
        postgres::Error::Connect { fault, .. } => is_full(fault),
        _ => false,
    }
}

/// The server process that holds the lock, if it can be seen.
fn holder_of(error: &postgres::Error) -> Option<i32> {
    match error {
        postgres::Error::Locked { holder, .. } => holder.as_ref().map(|holder| holder.pid),
        _ => None,
    }
}

/// The newest backup that ended within the span and that can be counted on: good, neither suspicious nor about to be
/// deleted or past its retention, and of which header and last frame open.
async fn newest_within(
    catalog: &Catalog,
    survey: &mut Survey,
    span: SignedDuration,
    now: Timestamp,
) -> Result<Option<RecentBackup>> {
    let (store, suspicious) = (catalog.store(), survey.suspicious());
    let service = store.service_time();
    for one in &mut survey.entries {
        let has_run_out = one.kept().1.is_some_and(|end| end <= now);
        let may_go = has_run_out || is_announced(one.mark.as_ref(), store) || one.mark_fault.is_some();
        let recency = Recency {
            finished: one.record.finished,
            by_bucket: one.object.modified.zip(service),
            now,
        };
        let is_recent = recency.is_within(span);
        if !is_recent || may_go || !one.is_good() || !one.counts(now) || suspicious.contains(&one.record.id) {
            continue;
        }
        catalog.check_entry(one).await?;
        if one.is_good() && one.counts(now) {
            return Ok(Some(RecentBackup::new(&one.record, one.mark.as_ref())));
        }
    }
    Ok(None)
}
