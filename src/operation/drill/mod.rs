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
mod there;
mod values;

use std::{future::Future, time::Duration};

use super::{
    Clock, Interrupt, Progress,
    archive::open_archive,
    restore::{MissingRoles, RestoreRequest, prepare_restore, restore},
    spans::{step, traced},
};
use crate::{
    archive::Entry,
    backup::{Record, Sealed},
    catalog::Catalog,
    error::{Error, Result},
    postgres::{Clients, DatabaseUrl},
};

pub use checks::DrillChecks;
use compare::RestoredBackup;
pub use ground::DrillGround;
use ground::{Made, Scratch};
use report::milliseconds;
pub use report::{DrillCheck, DrillFinding, DrillReport, DrillServer, DrillTimes, DrillVerdict};
use source::SourceDatabase;

/// The options of one drill.
#[derive(Debug, Clone)]
pub struct DrillRequest {
    /// Where the backup is restored.
    pub ground: DrillGround,
    /// The databases that are backed up, by label: none of them is ever restored into.
    pub sources: Vec<(String, DatabaseUrl)>,
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
        let details = self.interrupt.or(self.catalog.known_details(self.record)).await?;
        let source = SourceDatabase::read(&self.entries().await?, details.as_ref());
        let (scratch, mut made) = Scratch::make(self, &source).await?;
        let mut report = DrillReport::new(self.record, scratch.server(), started);
        report.times.prepare_ms = milliseconds(started, self.request.clock.now());
        let proven = self.prove(&scratch, &mut made, &source, progress, &mut report).await;
        match &proven {
            Err(Error::Interrupted { .. }) => made.remove_at_once().await,
            _ => made.remove().await,
        }
        proven?;
        report.finished = self.request.clock.now();
        report.decide();
        Ok(report)
    }

    /// Restores and compares.
    async fn prove(
        &self,
        scratch: &Scratch,
        made: &mut Made,
        source: &SourceDatabase,
        progress: &Progress,
        report: &mut DrillReport,
    ) -> Result<()> {
        report.remarks.extend_from_slice(scratch.remarks());
        let before = self.what_is_there(scratch, source);
        let before = kept(made, self.interrupt.or(before)).await?;
        let began = self.request.clock.now();
        let restored = kept(made, self.restored(scratch, progress)).await?;
        let compares = self.request.clock.now();
        report.times.restore_ms = milliseconds(began, compares);
        made.settle(&source.settings).await?;
        let compare = self.compare(scratch, source, &before, restored, report);
        kept(made, self.interrupt.or(compare)).await?;
        kept(made, self.interrupt.or(self.check(scratch, report))).await?;
        report.times.compare_ms = milliseconds(compares, self.request.clock.now());
        Ok(())
    }

    async fn restored(&self, scratch: &Scratch, progress: &Progress) -> Result<RestoredBackup> {
        let request = RestoreRequest {
            target: scratch.url.clone(),
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
            own_tables_only: scratch.is_reserved,
            preview: false,
        };
        let prepared = prepare_restore(self.catalog, self.clients, self.record, &request, self.interrupt);
        let prepared = Box::pin(prepared).await?;
        let left_out = prepared.left_out_by_id();
        match Box::pin(restore(prepared, progress, self.interrupt)).await {
            Ok(report) => Ok(RestoredBackup { report, left_out }),
            // the state of its target is of no interest, as it is removed
            Err(Error::RestoreFailed { source, .. }) => Err(*source),
            Err(error) => Err(error),
        }
    }

    /// The entries of the archive's table of contents.
    async fn entries(&self) -> Result<Vec<Entry>> {
        let entries = async { Ok(open_archive(self.catalog, self.record).await?.entries().await?.0) };
        self.interrupt.or(entries).await
    }
}

/// Does this work, unless the lock of a reserved database is lost meanwhile.
async fn kept<T>(made: &mut Made, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        lost = made.keep() => Err(lost),
        done = work => done,
    }
}
