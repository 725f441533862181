use std::time::Duration;

use super::{
    BackupRequest, BackupTaken,
    prepare::{COMPARED_WITH, PreparedDump},
};
use crate::{
    anomaly::{self, Measure},
    archive::Contents,
    backup::{
        BackupId, Compression, Counts, Details, RECORD_VERSION, Reason, Record, Retention, Sealed, SealedObject,
        Served, Status, Tier,
    },
    catalog::{Catalog, Survey},
    compress::CHUNK_BYTES,
    error::{Error, Result},
    operation::{
        Interrupt, Progress,
        spans::{step, traced},
    },
    pipeline::{ArchiveUpload, Budget, DumpChunks, DumpRead},
    postgres::{Clients, Dump},
    retention::FAILED_KEPT,
    schedule::Attempt,
    seal::{self, Content, DatabaseIdentity, Sealer, Subject},
    store::{Attributes, Kind, PartPlan, TagsKept},
    text::Untrusted,
};

/// What a run that is about to be completed may still take after a signal. A platform waits some 30 s and kills.
const GRACE: Duration = Duration::from_secs(8);
/// What closing the periods of a backup that is made may still take after a signal.
const CLOSING_GRACE: Duration = Duration::from_secs(3);
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

/// A dump that was whole.
struct Dumped {
    contents: Contents,
    /// Compressed length of each chunk in bytes.
    chunk_lengths: Vec<u32>,
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

    /// From the first connection to the commit.
    pub(super) async fn attempt(
        &mut self,
        clients: &Clients,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let work = interrupt.or(self.prepare(clients, progress));
        let mut ready = traced(step!("prepare"), work).await?;
        let work = interrupt.or(self.dump(&mut ready, progress));
        let (upload, dumped) = traced(step!("dump"), work).await?;
        // so near the end a signal leaves some time: hours of work lie behind
        let work = self.complete(upload, dumped, &mut ready);
        interrupt.or_after(GRACE, work).await?;
        // under the lock still; the backup is made, whatever becomes of this
        let closing = async {
            self.close_turns().await;
            Ok(())
        };
        if interrupt.or_after(CLOSING_GRACE, closing).await.is_err() {
            tracing::warn!(database = %self.request.database, "this backup is good, and a later tick may make it once \
                more: there was no time to close its period");
        }
        Ok(())
    }

    /// The road of all bytes but the last frame's: pg_dump has then ended with 0, and its archive was whole.
    async fn dump(&mut self, ready: &mut PreparedDump, progress: &Progress) -> Result<(ArchiveUpload, Dumped)> {
        let (level, silence_max) = (self.request.level, self.request.silence_max);
        let budget = Budget::new(level);
        let mut upload = self.begin_upload(ready.plan, &budget, progress).await?;
        let url = ready.session.child_url().await?;
        let mut dump = Dump::start(&ready.client, &url, &ready.options)?;
        let chunks = DumpChunks::read(dump.take_stdout()?, level, silence_max, &budget, progress);
        let sent = self.under_lock(&mut ready.session, upload.send(chunks)).await;
        let DumpRead { archive, chunk_lengths } = match sent {
            Ok(read) => read,
            // where pg_dump failed, its own words come before what its half archive looks like
            Err(error) => {
                let Some(own) = dump.abort().await else {
                    return Err(error);
                };
                return Err(self.diagnosed(&mut ready.session, own).await);
            }
        };
        match dump.finish().await {
            Ok(report) => {
                let warnings = report.warnings.into_iter().map(Untrusted::from);
                self.details.warnings.extend(warnings);
            }
            Err(error) => return Err(self.diagnosed(&mut ready.session, error).await),
        }
        let contents = archive.finish().map_err(Error::Dump)?;
        Ok((
            upload,
            Dumped {
                contents,
                chunk_lengths,
            },
        ))
    }

    /// The last frame, the completed upload, the record.
    async fn complete(&mut self, upload: ArchiveUpload, dumped: Dumped, ready: &mut PreparedDump) -> Result<()> {
        let work = self.under_lock(&mut ready.session, upload.complete());
        let stored = traced(step!("upload"), work).await?;
        // in drop-box mode both are as they should be
        let looks = !self.catalog.store().writes_only();
        self.warn(tags_warning(stored.tags).filter(|_| looks));
        self.warn(
            (stored.unconfirmed && looks)
                .then(|| "the bucket does not let us look at what was stored: its size is unconfirmed".to_owned()),
        );
        self.record.sealed = Some(Sealed {
            objects: vec![SealedObject {
                key: Catalog::archive_path(&self.record.database, self.record.tier, &self.record.id),
                bytes: stored.bytes,
                sha256: stored.sha256.into(),
                crc64nvme: stored.crc64nvme.into(),
                etag: stored.etag,
                tagged: stored.tags == TagsKept::Yes,
            }],
            dump_bytes: dumped.contents.length,
            part_bytes: ready.plan.part_bytes,
            compression: self.compression(),
        });
        self.details.take(&dumped.contents);
        self.details.chunks = vec![dumped.chunk_lengths];
        self.record.counts = self.details.counts();
        self.compare(ready.survey.take()).await;
        for reason in &self.details.suspicious {
            tracing::warn!(database = %self.request.database, id = %self.record.id, "this backup is kept and looks \
                suspicious: {reason}");
        }
        self.record.finished = self.request.clock.now();
        let attributes = self.attributes();
        let work = self
            .catalog
            .commit(&mut self.record, &self.details, &self.request.secret, &attributes);
        traced(step!("commit"), work).await
    }

    /// Compares it with the last good ones that are not in doubt. Their tables are read now, when the buffers
    /// of the upload are free: each of them may take as much memory. A backup that is made doesn't fail for want of
    /// them.
    async fn compare(&mut self, survey: Option<Survey>) {
        let measure = Measure::with_tables(&self.record, &self.details);
        let mut survey = survey;
        if let Some(survey) = &mut survey
            && let Err(error) = self.catalog.measure_newest(survey, COMPARED_WITH).await
        {
            tracing::warn!(database = %self.request.database, "compared by numbers alone: {error}");
        }
        let trusted = survey.iter().flat_map(|survey| survey.trusted());
        let trusted: Vec<&Measure> = trusted.take(COMPARED_WITH).map(|one| &one.measure).collect();
        let reasons = anomaly::compare(&measure, &trusted);
        self.record.compared = u32::try_from(trusted.len()).unwrap_or(u32::MAX);
        self.record.anomalies = Reason::anomalies(&reasons);
        self.details.suspicious = reasons;
    }

    pub(super) fn into_taken(self) -> BackupTaken {
        BackupTaken {
            record: self.record,
            details: self.details,
        }
    }

    fn compression(&self) -> Compression {
        Compression {
            algorithm: if self.request.level.is_some() { "zstd" } else { "none" }.into(),
            level: self.request.level.unwrap_or(0),
            chunk_bytes: CHUNK_BYTES as u64,
        }
    }

    async fn begin_upload(&self, plan: PartPlan, budget: &Budget, progress: &Progress) -> Result<ArchiveUpload> {
        let compression = if self.request.level.is_some() {
            seal::PayloadCompression::Zstd
        } else {
            seal::PayloadCompression::None
        };
        let (id, label) = (self.record.id.as_str(), self.request.database.as_str());
        let subject = Subject {
            repository: &self.record.repository,
            backup: id,
            content: Content::Archive,
            compression,
            database: label,
        };
        let secrets = std::slice::from_ref(&self.request.secret);
        let (sealer, header) = Sealer::new(&subject, secrets).map_err(|e| Error::seal(id, e))?;
        let path = Catalog::archive_path(&self.record.database, self.record.tier, &self.record.id);
        let store = self.catalog.store();
        let upload = store
            .begin_upload(&store.location().key(&path), plan, &self.attributes())
            .await?;
        ArchiveUpload::begin(sealer, &header, upload, budget, progress).await
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
    fn attributes(&self) -> Attributes {
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

fn tags_warning(tags: TagsKept) -> Option<String> {
    let text = match tags {
        TagsKept::Yes => return None,
        TagsKept::Refused => "this service refuses tags: the backup has none, its record holds the same facts",
        TagsKept::Lost => {
            "this service took the tags and they could not be seen afterwards: the backup's record holds the same facts"
        }
    };
    Some(text.to_owned())
}
