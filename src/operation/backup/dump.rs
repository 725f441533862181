//! The work of a run: dump, upload and commit.

use std::time::Duration;

use super::{
    Occasion,
    prepare::{COMPARED_WITH, PreparedDump},
    run::Run,
};
use crate::{
    anomaly::{self, Measure},
    archive::Contents,
    backup::{Compression, Reason, Sealed, SealedObject},
    catalog::{Catalog, Survey},
    compress::CHUNK_BYTES,
    error::{Error, Result},
    operation::{
        Interrupt, Progress,
        copy::begin_streamed,
        spans::{step, traced},
    },
    pipeline::{ArchiveUpload, Budget, DumpChunks, DumpRead},
    postgres::{Clients, Dump},
    seal::{self, Content, Sealer, Subject},
    store::{PartPlan, TagsKept},
    text::Untrusted,
};

/// The time that a nearly complete run gets after a signal. Platforms wait some 30 s and then kill.
const GRACE: Duration = Duration::from_secs(8);
/// The time that closing the periods of a complete backup gets after a signal.
const CLOSING_GRACE: Duration = Duration::from_secs(3);

/// A complete dump.
struct Dumped {
    contents: Contents,
    /// The compressed length of each chunk in bytes.
    chunk_lengths: Vec<u32>,
}

impl Run<'_> {
    /// Does the whole run, from the first connection to the commit.
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
        // so near the end a signal leaves some time, since hours of work would be lost
        let work = self.complete(upload, dumped, &mut ready);
        interrupt.or_after(GRACE, work).await?;
        // still under the lock; the backup is complete, whether or not this succeeds
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

    /// Uploads everything except the last frame. Then pg_dump has ended with 0, and its archive was complete.
    async fn dump(&mut self, ready: &mut PreparedDump, progress: &Progress) -> Result<(ArchiveUpload, Dumped)> {
        let (level, dump_idle_timeout) = (self.request.level, self.request.dump_idle_timeout);
        let budget = Budget::new(level);
        let mut upload = self.begin_upload(ready.plan, &budget, progress).await?;
        let url = ready.session.child_url().await?;
        let mut dump = Dump::start(&ready.client, &url, &ready.options)?;
        let chunks = DumpChunks::read(dump.take_stdout()?, level, dump_idle_timeout, &budget, progress);
        let sent = self.under_lock(&mut ready.session, upload.send(chunks)).await;
        let DumpRead { archive, chunk_lengths } = match sent {
            Ok(read) => read,
            // if pg_dump failed, its own message matters more than the error of its partial archive
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

    /// Seals the last frame, completes the upload, and writes the details and the record.
    async fn complete(&mut self, upload: ArchiveUpload, dumped: Dumped, ready: &mut PreparedDump) -> Result<()> {
        let work = self.under_lock(&mut ready.session, upload.complete());
        let (stored, beside) = traced(step!("upload"), work).await?;
        // in drop-box mode that is always so
        let looks = !self.catalog.store().writes_only();
        // a folder has no tags by design
        let may_have_tags = looks && self.catalog.store().folder().is_none();
        self.warn(tags_warning(stored.tags).filter(|_| may_have_tags));
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
        let entry = traced(step!("commit"), work).await?;
        self.beside = Some((beside, entry));
        Ok(())
    }

    /// Compares the backup with the last trusted ones. Reads their tables now, as the buffers of the upload are free
    /// and each may need as much memory. An error of that doesn't fail a backup that is complete.
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
        let may_begin = matches!(self.request.occasion, Occasion::Asked(..));
        let beside = begin_streamed(&self.request.beside, &self.record, plan.part_bytes, may_begin).await;
        ArchiveUpload::begin(sealer, &header, upload, beside, budget, progress).await
    }
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
