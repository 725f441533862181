//! One run: its entry and details while it works, and what remains if it fails.

use std::time::Duration;

use super::{
    super::copy::{CopyPlace, CopyReport, finish_streamed, tags},
    BackupRequest, BackupTaken,
};
use crate::{
    backup::{BackupId, Counts, Details, Failure, RECORD_VERSION, Record, Retention, Served, Status, Tier},
    catalog::{Catalog, SealedEntry},
    error::{Error, Result},
    operation::Interrupt,
    pipeline::SideUploads,
    retention::FAILED_KEPT,
    schedule::Attempt,
    seal::DatabaseIdentity,
    store::{Attributes, Kind},
    text::Untrusted,
};

/// The time for aborting the upload and writing a record, after a signal and otherwise.
const CLEAN_UP_AFTER_SIGNAL: Duration = Duration::from_secs(8);
const CLEAN_UP: Duration = Duration::from_secs(120);

/// The time in which a task ends that was aborted while it waited.
const TASKS_END: Duration = Duration::from_millis(100);

/// One run, with its entry and details so far.
pub(super) struct Run<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) request: &'a BackupRequest,
    pub(super) identity: DatabaseIdentity,
    pub(super) record: Record,
    pub(super) details: Details,
    /// The turns that it claimed, if its credentials are write-only.
    pub(super) turns: Vec<Attempt>,
    /// Whether the lock was lost, so that another run may have begun.
    pub(super) lock_is_lost: bool,
    /// Whether it waits for another run, and has done nothing yet.
    pub(super) is_waiting: bool,
    /// The uploads to other places, once the backup was committed.
    pub(super) beside: Option<(SideUploads, SealedEntry)>,
}

impl<'a> Run<'a> {
    pub(super) async fn begin(catalog: &'a Catalog, request: &'a BackupRequest) -> Result<Self> {
        let identity = catalog.identity(&request.database, &request.secret).await?;
        let record = new_record(request, &identity);
        Ok(Self {
            catalog,
            request,
            identity,
            record,
            details: Details::default(),
            turns: Vec::new(),
            lock_is_lost: false,
            is_waiting: false,
            beside: None,
        })
    }

    pub(super) fn into_taken(self, copies: Vec<CopyReport>) -> BackupTaken {
        BackupTaken {
            record: self.record,
            details: self.details,
            copies,
        }
    }

    /// Makes backups of what was sent to other places. After a signal there is no time for that, and the places
    /// don't get this backup.
    pub(super) async fn finish_copies(&mut self, interrupt: &Interrupt) -> Vec<CopyReport> {
        let places = &self.request.beside;
        let Some((uploads, entry)) = self.beside.take().filter(|_| !places.is_empty()) else {
            return Vec::new();
        };
        let finished = finish_streamed(places, uploads, &self.record, &entry);
        match interrupt.or(async { Ok(finished.await) }).await {
            Ok(reports) => reports,
            Err(error) => {
                let failure = Failure::from(&error);
                let of =
                    |place: &CopyPlace| CopyReport::of_failure(&place.name, &self.record.database, failure.clone());
                places.iter().map(of).collect()
            }
        }
    }

    pub(super) fn warn(&mut self, warning: Option<String>) {
        if let Some(warning) = warning {
            tracing::warn!(database = %self.request.database, "{warning}");
            self.details.warnings.push(warning.into());
        }
    }

    /// The tags of archive and record, by which S3's lifecycle rules, IAM and cost reports can select them.
    fn tags(&self) -> Vec<(String, String)> {
        let (record, owner) = (&self.record, self.identity.owner());
        tags(record, owner, record.retention, record.expires)
    }

    /// The tags and the end of the lock. Failed runs and backups that are kept forever have no lock.
    pub(super) fn attributes(&self) -> Attributes {
        let locked = self.catalog.store().locks() && self.record.status == Status::Succeeded;
        Attributes {
            tags: self.tags(),
            locked_until: self.record.expires.filter(|_| locked),
        }
    }

    /// Aborts the upload and writes a record of the failure, within a time limit.
    pub(super) async fn clean_up(&mut self, error: &Error) {
        let limit = match error {
            Error::Interrupted { .. } => CLEAN_UP_AFTER_SIGNAL,
            _ => CLEAN_UP,
        };
        let store = self.catalog.store().clone();
        let places = settle_places(&self.request.beside);
        let work = async { tokio::join!(store.settle(), places, self.leave_failure(error)) };
        if tokio::time::timeout(limit, work).await.is_err() {
            tracing::warn!(
                "the bucket does not answer: an upload that was given up may still be stored, and this failed run left \
                 no record"
            );
        }
    }

    /// Sets the retention of a failed run's record.
    fn keep_as_failure(&mut self) {
        let days = u16::try_from(FAILED_KEPT.as_hours() / 24).unwrap_or(u16::MAX);
        self.record.retention = Retention::Days(days);
        self.record.expires = self.record.retention.expires(self.record.started);
    }

    /// Writes the record of a failed run, so that the history shows it. If that fails too, the run's own error is
    /// reported.
    async fn leave_failure(&mut self, error: &Error) {
        self.record.finished = self.request.clock.now();
        self.keep_as_failure();
        self.record.sealed = None;
        self.record.anomalies.clear();
        self.record.status = Status::Failed {
            exit_status: error.exit_status().number(),
            cause: error.cause(),
        };
        self.details = Details {
            error: Some(error.to_string().into()),
            hint: error.hint().map(Untrusted::from),
            warnings: std::mem::take(&mut self.details.warnings),
            extensions: std::mem::take(&mut self.details.extensions),
            globals: self.details.globals.take(),
            options: std::mem::take(&mut self.details.options),
            ..Details::default()
        };
        self.record.counts = Counts {
            warnings: self.details.counts().warnings,
            ..Counts::default()
        };
        if let Err(also) = self.commit_failure().await {
            tracing::warn!(database = %self.request.database, "the record of this failed run could not be written: \
                {also}");
        }
    }

    /// Writes the record under the next free id: ids have whole seconds, and a run that fails at once may find its own
    /// taken by another run.
    async fn commit_failure(&mut self) -> Result<()> {
        let (secret, attributes) = (&self.request.secret, self.attributes());
        let commit = self
            .catalog
            .commit_failure(&mut self.record, &self.details, secret, &attributes);
        match commit.await {
            Err(Error::Store(error)) if error.kind == Kind::Exists => {}
            result => return result,
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let fresh = new_record(self.request, &self.identity);
        (self.record.id, self.record.started) = (fresh.id, fresh.started);
        self.record.finished = self.request.clock.now();
        self.keep_as_failure();
        let attributes = self.attributes();
        self.catalog
            .commit_failure(&mut self.record, &self.details, secret, &attributes)
            .await
    }
}

/// Waits until the uploads to these places, which were dropped just now, are aborted.
async fn settle_places(places: &[CopyPlace]) {
    if !places.is_empty() {
        // they are dropped with their tasks, which happens a moment after those are aborted
        tokio::time::sleep(TASKS_END).await;
    }
    let settling = places.iter().map(|place| place.catalog.store().settle());
    futures_util::future::join_all(settling).await;
}

/// The record at the beginning of a run.
pub(super) fn new_record(request: &BackupRequest, identity: &DatabaseIdentity) -> Record {
    let started = request.clock.now();
    let mut record = Record {
        version: RECORD_VERSION,
        repository: *identity.repository(),
        id: BackupId::new(identity, &request.database, started),
        database: request.database.clone(),
        tier: Tier::Manual,
        retention: Retention::Forever,
        expires: None,
        serves: Vec::new(),
        started,
        finished: started,
        agent: env!("CARGO_PKG_VERSION").into(),
        sealed_for: request.secret.describe().into(),
        status: Status::Succeeded,
        anomalies: Vec::new(),
        compared: 0,
        source: None,
        counts: Counts::default(),
        details_bytes: 0,
        details_sha256: Untrusted::default(),
        sealed: None,
    };
    serve(&mut record, request.occasion.serves(started));
    record
}

/// Records the periods that the backup serves. It gets the highest of their tiers and is kept for the longest of their
/// retentions.
pub(super) fn serve(record: &mut Record, serves: Vec<Served>) {
    let retentions = serves.iter().map(|served| served.retention);
    record.retention = Retention::longest(retentions, record.started).unwrap_or(Retention::Forever);
    record.expires = record.retention.expires(record.started);
    record.tier = serves.iter().map(|served| served.tier).max().unwrap_or(Tier::Manual);
    record.serves = serves;
}
