//! Proves that a backup comes back: restores it into a database that is made for this, compares everything with what
//! was dumped, and removes that database.
//!
//! It is the restore that users run, and the comparison is that of a dump with a dump: what pg_dump writes of the
//! restored database must hold the same rows and the same definitions as the archive.

mod checks;
mod compare;
mod definitions;
mod ground;
mod report;
mod rows;
mod same_text;
mod source;
mod values;

use std::time::Duration;

use super::{
    Clock, Interrupt, Progress,
    archive::open_archive,
    read_back::{note_read, verdict},
    restore::{MissingRoles, RestoreRequest, prepare_restore, restore},
    spans::{step, traced},
};
use crate::{
    archive::Entry,
    backup::{Record, Sealed},
    catalog::Catalog,
    error::{Error, Result},
    postgres::Clients,
};

pub use checks::DrillChecks;
use compare::RestoredBackup;
pub use ground::DrillGround;
use ground::Scratch;
use report::milliseconds;
pub use report::{DrillCheck, DrillFinding, DrillReport, DrillServer, DrillTimes, DrillVerdict};
use source::SourceDatabase;

/// The options of one drill.
#[derive(Debug, Clone)]
pub struct DrillRequest {
    /// Where the backup is restored.
    pub ground: DrillGround,
    /// The user's own statements.
    pub checks: DrillChecks,
    /// How long pg_dump may write nothing before it counts as hung.
    pub dump_idle_timeout: Duration,
    /// The time.
    pub clock: Clock,
}

/// Restores a backup into a database that is made for this, compares it with what was dumped, and removes it.
///
/// The archive is read once whole, and its table of contents three times. Not retried. If it is interrupted or fails,
/// the database is removed as well; after a kill the next drill removes it.
///
/// # Errors
/// Why the drill could not be carried out, such as an archive that can't be read or a server that can't be had. That
/// something came back otherwise is no error, but the report's verdict.
pub async fn drill(
    catalog: &Catalog,
    clients: &Clients,
    record: &Record,
    request: &DrillRequest,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<DrillReport> {
    let span = step!(
        "drill",
        database = record.database.as_str(),
        id = record.id.as_str(),
        stored_bytes = record.sealed.as_ref().map(Sealed::bytes),
    );
    let drill = Drill {
        catalog,
        clients,
        record,
        request,
        interrupt,
    };
    traced(span, drill.carried_out(progress)).await
}

struct Drill<'a> {
    catalog: &'a Catalog,
    clients: &'a Clients,
    record: &'a Record,
    request: &'a DrillRequest,
    interrupt: &'a Interrupt,
}

impl Drill<'_> {
    async fn carried_out(&self, progress: &Progress) -> Result<DrillReport> {
        let started = self.request.clock.now();
        let source = SourceDatabase::read(&self.entries().await?);
        let scratch = Scratch::make(self, &source).await?;
        let mut report = DrillReport::new(self.record, scratch.server(), started);
        report.times.prepare_ms = milliseconds(started, self.request.clock.now());
        let proven = self.prove(&scratch, &source, progress, &mut report).await;
        scratch.remove().await;
        proven?;
        report.finished = self.request.clock.now();
        report.decide();
        Ok(report)
    }

    /// Restores and compares.
    async fn prove(
        &self,
        scratch: &Scratch,
        source: &SourceDatabase,
        progress: &Progress,
        report: &mut DrillReport,
    ) -> Result<()> {
        let began = self.request.clock.now();
        let restored = self.restored(scratch, progress).await?;
        let compares = self.request.clock.now();
        report.times.restore_ms = milliseconds(began, compares);
        report.remarks.extend(scratch.remarks());
        scratch.database.settle(&source.settings).await?;
        self.interrupt.or(self.compare(scratch, restored, report)).await?;
        self.interrupt.or(self.check(scratch, report)).await?;
        report.times.compare_ms = milliseconds(compares, self.request.clock.now());
        Ok(())
    }

    async fn restored(&self, scratch: &Scratch, progress: &Progress) -> Result<RestoredBackup> {
        let request = RestoreRequest {
            target: scratch.database.url.clone(),
            clean: false,
            single_transaction: false,
            keep_owner: false,
            keep_acl: true,
            no_comments: false,
            leave_out: Vec::new(),
            only: Vec::new(),
            data_only: false,
            beside: None,
            roles: MissingRoles::Skip,
            keep_going: true,
            made_for_it: true,
            preview: false,
        };
        let prepared = prepare_restore(self.catalog, self.clients, self.record, &request, self.interrupt);
        let prepared = Box::pin(prepared).await?;
        let (left_out, etag) = (prepared.left_out_by_id(), prepared.etag());
        let restored = match Box::pin(restore(prepared, progress, self.interrupt)).await {
            Ok(report) => Ok(RestoredBackup { report, left_out }),
            // the state of its target is of no interest, as it is removed
            Err(Error::RestoreFailed { source, .. }) => Err(*source),
            Err(error) => Err(error),
        };
        // whatever the drill finds in the database, all of the archive was read and compared, or found to be damaged
        let is_of_archive = matches!(restored, Ok(_) | Err(Error::Seal { .. }));
        if let Some((etag, good)) = etag.zip(verdict(&restored).filter(|_| is_of_archive)) {
            note_read(self.catalog, self.record, etag, good).await;
        }
        restored
    }

    /// The entries of the archive's table of contents.
    async fn entries(&self) -> Result<Vec<Entry>> {
        let entries = async { Ok(open_archive(self.catalog, self.record).await?.entries().await?.0) };
        self.interrupt.or(entries).await
    }
}
