//! Proves that a backup comes back: restores it into a database that is made for this, compares everything with what
//! was dumped, and removes that database.
//!
//! It is the restore that users run, and the comparison is that of a dump with a dump: what pg_dump writes of the
//! restored database must hold the same rows and the same definitions as the archive.

mod certificate;
mod checks;
mod compare;
mod default_privileges;
mod definitions;
mod difference;
mod entry_key;
mod ground;
mod leave;
mod privileges;
mod report;
mod routed_rows;
mod rows;
mod same_definition;
mod scheduled;
mod server_facts;
mod source;
mod there;
mod values;

use std::{future::Future, num::NonZeroUsize, time::Duration};

use jiff::{SignedDuration, Timestamp};

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
    catalog::{Catalog, Maker},
    certificate::Sha256Digest,
    error::{Error, Result},
    postgres::{Clients, DatabaseUrl},
};

pub use checks::DrillChecks;
use compare::RestoredBackup;
pub use ground::DrillGround;
use ground::{Made, Scratch};
use leave::ReportName;
use report::milliseconds;
pub use report::{ComparedData, DrillReport};
pub use scheduled::{DrillPlan, DrillTick, DrillTickOutcome, scheduled_drill};
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
    /// Whether a report is left in the bucket. Credentials that may only read leave none.
    pub leaves_report: bool,
    /// Who started it, as `user@host`.
    pub who: String,
    /// When it was due by the schedule; none if a person started it.
    pub due: Option<Timestamp>,
    /// After which time it is ended; none: whenever it is done.
    pub time_limit: Option<Duration>,
    /// SHA-256 of this program, for the certificate, where it could be read.
    pub agent_sha256: Option<Sha256Digest>,
    /// The longest time between two backups that the schedule allows, for the certificate, where there is one.
    pub recovery_point_target: Option<SignedDuration>,
    /// The time.
    pub clock: Clock,
}

/// A drill that ran to its end.
#[derive(Debug)]
pub struct Drilled {
    /// What was proven.
    pub report: DrillReport,
    /// Why no report is in the bucket, if one was to be left there: [`Error::NotReported`].
    pub unreported: Option<Error>,
}

/// Restores a backup into a database that is made for this, compares it with what was dumped, removes it, and leaves a
/// report in the bucket, also if the drill could not be carried out.
///
/// The archive is read once whole, and its table of contents three times. Not retried. If it is interrupted or fails,
/// the database is removed as well; after a kill the next drill removes it.
///
/// # Errors
/// Why the drill could not be carried out, such as an archive that can't be read or a server that can't be had. That
/// something came back otherwise is no error, but the report's verdict. [`Error::TimeLimit`] if it took longer than it may.
pub async fn drill(
    catalog: &Catalog,
    clients: &Clients,
    record: &Record,
    request: &DrillRequest,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<Drilled> {
    let span = step!(
        "drill",
        database = record.database.as_str(),
        id = record.id.as_str(),
        stored_bytes = record.sealed.as_ref().map(Sealed::bytes),
    );
    // ended by its time limit as by a signal
    let own = interrupt.child();
    let drill = Drill {
        catalog,
        clients,
        record,
        request,
        interrupt: &own,
    };
    traced(span, drill.run(progress, interrupt)).await
}

/// How far a drill has come.
struct SoFar {
    /// When it began.
    began: Timestamp,
    /// The key that seals its report; none if it leaves none.
    maker: Option<Maker>,
    /// The name of its report, once it is taken.
    name: Option<ReportName>,
    /// The report, from the moment when there is a database.
    report: Option<DrillReport>,
    /// Whether there is a database to restore into; none before one is made.
    is_made: Option<bool>,
}

impl SoFar {
    /// Whether a database was to be had, and is none.
    fn is_making(&self) -> bool {
        self.is_made == Some(false)
    }
}

struct Drill<'a> {
    catalog: &'a Catalog,
    clients: &'a Clients,
    record: &'a Record,
    request: &'a DrillRequest,
    interrupt: &'a Interrupt,
}

impl Drill<'_> {
    /// `outer`: the request to stop that comes from outside.
    async fn run(&self, progress: &Progress, outer: &Interrupt) -> Result<Drilled> {
        let mut so_far = outer.or(self.first_steps()).await?;
        let carried_out = self.within_time(self.carried_out(progress, &mut so_far), outer).await;
        match (carried_out, so_far.report.take()) {
            (Ok(()), Some(mut report)) => {
                let unreported = self.leave(so_far.name.as_ref(), &mut report).await.err();
                Ok(Drilled { report, unreported })
            }
            (Ok(()), None) => Err(Error::Internal("a drill without a report".to_owned())),
            (Err(error), report) => {
                so_far.report = report;
                self.leave_what_failed(so_far, &error).await;
                Err(error)
            }
        }
    }

    /// What is known before anything is read. A drill by the schedule takes its name now, as its attempts are counted by
    /// their names. One by hand takes it when it has a database: what can't begin leaves nothing.
    async fn first_steps(&self) -> Result<SoFar> {
        let began = self.request.clock.now();
        let maker = match self.request.leaves_report {
            true => Some(self.catalog.drill_maker(&self.record.database).await?),
            false => None,
        };
        let mut so_far = SoFar {
            began,
            maker,
            name: None,
            report: None,
            is_made: None,
        };
        if self.request.due.is_some() {
            self.take_name(&mut so_far).await?;
        }
        Ok(so_far)
    }

    /// Leaves the report of a drill that failed. One by hand whose database could not be had never began: its settings or
    /// its command are to be mended, and nothing of that is evidence of a backup.
    async fn leave_what_failed(&self, mut so_far: SoFar, error: &Error) {
        let never_began = so_far.is_making() || matches!(error, Error::Interrupted { .. });
        if so_far.name.is_none() && (never_began || self.take_name(&mut so_far).await.is_err()) {
            return;
        }
        if let Some(name) = &so_far.name {
            self.leave_failure(name, &so_far, error).await;
        }
    }

    /// Ends `work` after the time that a drill may take. It is not dropped, but told to stop, so that it removes what
    /// it has made.
    async fn within_time(&self, work: impl Future<Output = Result<()>>, outer: &Interrupt) -> Result<()> {
        let Some(limit) = self.request.time_limit else {
            return work.await;
        };
        let mut work = std::pin::pin!(work);
        tokio::select! {
            result = &mut work => return result,
            () = tokio::time::sleep(limit) => self.interrupt.end(),
        }
        match work.await {
            Err(Error::Interrupted { .. }) if !outer.is_raised() => Err(Error::TimeLimit {
                what: "the drill",
                seconds: limit.as_secs(),
                setting: "PGCOFFER_DRILL_TIMEOUT",
            }),
            result => result,
        }
    }

    async fn carried_out(&self, progress: &Progress, so_far: &mut SoFar) -> Result<()> {
        let started = so_far.began;
        let details = self.interrupt.or(self.catalog.known_details(self.record)).await?;
        let source = SourceDatabase::read(&self.entries().await?, details.as_ref());
        so_far.is_made = Some(false);
        let (scratch, mut made) = Scratch::make(self, &source).await?;
        so_far.is_made = Some(true);
        if so_far.name.is_none() {
            self.take_name(so_far).await?;
        }
        let report = so_far
            .report
            .insert(DrillReport::new(self.record, scratch.server(), started));
        report.times.prepare_ms = milliseconds(started, self.request.clock.now());
        let proven = self.prove(&scratch, &mut made, &source, progress, report).await;
        report.scratch.removed = Some(match &proven {
            Err(Error::Interrupted { .. }) => made.remove_at_once().await,
            _ => {
                let (is_removed, refused_login) = made.remove().await;
                report.remarks.extend(refused_login);
                is_removed
            }
        });
        report.finished = self.request.clock.now();
        proven?;
        report.decide();
        Ok(())
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
            jobs: NonZeroUsize::MIN,
            resume: false,
            roles: MissingRoles::Skip,
            keep_going: true,
            made_for_it: true,
            own_tables_only: scratch.is_reserved,
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

/// Does this work, unless the lock of a reserved database is lost meanwhile.
async fn kept<T>(made: &mut Made, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        lost = made.keep() => Err(lost),
        done = work => done,
    }
}
