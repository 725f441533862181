//! One run: its entry and its details as they grow, and what is left of it where it fails.

use std::time::Duration;

use super::{BackupRequest, BackupTaken};
use crate::{
    backup::{BackupId, Counts, Details, RECORD_VERSION, Record, Retention, Served, Status, Tier},
    catalog::Catalog,
    error::{Error, Result},
    retention::FAILED_KEPT,
    schedule::Attempt,
    seal::DatabaseIdentity,
    store::{Attributes, Kind},
    text::Untrusted,
};

/// Time to abort the upload and leave a record, after a signal and otherwise.
const CLEAN_UP_AFTER_SIGNAL: Duration = Duration::from_secs(8);
const CLEAN_UP: Duration = Duration::from_secs(120);

/// One run: its entry and its details as they grow.
pub(super) struct Run<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) request: &'a BackupRequest,
    pub(super) identity: DatabaseIdentity,
    pub(super) record: Record,
    pub(super) details: Details,
    /// The turns that were taken for it, where credentials may not look.
    pub(super) turns: Vec<Attempt>,
    /// Another run may have begun.
    pub(super) lock_is_lost: bool,
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
        })
    }

    pub(super) fn into_taken(self) -> BackupTaken {
        BackupTaken {
            record: self.record,
            details: self.details,
        }
    }

    pub(super) fn warn(&mut self, warning: Option<String>) {
        if let Some(warning) = warning {
            tracing::warn!(database = %self.request.database, "{warning}");
            self.details.warnings.push(warning.into());
        }
    }

    /// Tags of archive and record, by which S3's own lifecycle, IAM and cost reports can tell them.
    fn tags(&self) -> Vec<(String, String)> {
        let mut tags = vec![
            ("pgcoffer:owner".to_owned(), self.identity.owner()),
            ("pgcoffer:database".to_owned(), self.record.database.to_string()),
            ("pgcoffer:tier".to_owned(), self.record.tier.to_string()),
            ("pgcoffer:retain".to_owned(), self.record.retention.to_string()),
        ];
        tags.extend(
            self.record
                .expires
                .map(|time| ("pgcoffer:expires".to_owned(), time.to_string())),
        );
        tags
    }

    /// Tags, and the lock's end: a backup that is kept forever has none, and what failed needs none.
    pub(super) fn attributes(&self) -> Attributes {
        let locked = self.catalog.store().locks() && self.record.status == Status::Succeeded;
        Attributes {
            tags: self.tags(),
            locked_until: self.record.expires.filter(|_| locked),
        }
    }

    /// Aborts the upload and leaves a record of the failure, in bounded time.
    pub(super) async fn clean_up(&mut self, error: &Error) {
        let limit = match error {
            Error::Interrupted { .. } => CLEAN_UP_AFTER_SIGNAL,
            _ => CLEAN_UP,
        };
        let store = self.catalog.store().clone();
        let work = async { tokio::join!(store.settle(), self.leave_failure(error)) };
        if tokio::time::timeout(limit, work).await.is_err() {
            tracing::warn!(
                "the bucket does not answer: an upload that was given up may still be stored, and this failed run left \
                 no record"
            );
        }
    }

    /// A failed run is history, and kept as such.
    fn keep_as_failure(&mut self) {
        let days = u16::try_from(FAILED_KEPT.as_hours() / 24).unwrap_or(u16::MAX);
        self.record.retention = Retention::Days(days);
        self.record.expires = self.record.retention.expires(self.record.started);
    }

    /// Writes the record of a failed run, so that the history shows it. Where that can't be done either, the run's own
    /// error is what counts.
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

    /// Ids are of whole seconds, and a run that fails at once may find its own taken by another: then it takes the
    /// next.
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

/// A record as it is when its run begins.
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

/// One backup serves all these: it stands under the highest tier and is kept for the longest of them.
pub(super) fn serve(record: &mut Record, serves: Vec<Served>) {
    let retentions = serves.iter().map(|served| served.retention);
    record.retention = Retention::longest(retentions, record.started).unwrap_or(Retention::Forever);
    record.expires = record.retention.expires(record.started);
    record.tier = serves.iter().map(|served| served.tier).max().unwrap_or(Tier::Manual);
    record.serves = serves;
}
