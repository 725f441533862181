//! The road of an archive's bytes into pg_restore, and what a fault on it leaves.

use super::{PreparedRestore, RestoreRequest, replace::Replaced};
use crate::{
    archive::Contents,
    backup::{Details, Record},
    error::{Error, Result, TargetState},
    operation::{
        Interrupt, Progress,
        archive::{compare, open_archive},
    },
    pipeline::SealedArchive,
    postgres::{self, DatabaseUrl, Load, LoadOptions, LoadReport, Session},
};

impl PreparedRestore<'_> {
    /// Brings the archive to pg_restore, as often as the order of its rows takes.
    pub(super) async fn loaded(
        &mut self,
        target: &DatabaseUrl,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> std::result::Result<(Contents, LoadReport), Broken> {
        let none_given = |error| Broken {
            error,
            all_given: false,
        };
        if self.request.clean && !self.request.single_transaction {
            let room = interrupt.or(self.make_room(target));
            room.await.map_err(none_given)?;
        }
        let archive = match self.archive.take() {
            Some(archive) => archive,
            None => self.again(interrupt).await.map_err(none_given)?,
        };
        let load = self.load(target, self.plan.kept(), true).map_err(none_given)?;
        let first = carry_out(self.expected(), archive, load, progress, interrupt).await;
        let (contents, mut report) = first?;
        for ids in self.plan.later_passes() {
            let archive = self.again(interrupt).await.map_err(none_given)?;
            let load = self.load(target, ids, false).map_err(none_given)?;
            let progress = Progress::default();
            let more = carry_out(self.expected(), archive, load, &progress, interrupt).await;
            let (_, more) = more?;
            report.warnings.extend(more.warnings);
            report.failures.add(more.failures);
        }
        Ok((contents, report))
    }

    /// Drops what is replaced, where the load doesn't do it in its own transaction.
    async fn make_room(&self, target: &DatabaseUrl) -> Result<()> {
        let mut session = Session::connect(target).await?;
        let drops = Replaced::by(&self.plan).all();
        session.drop_all(&drops).await?;
        session.close().await;
        Ok(())
    }

    /// What was dumped.
    fn expected(&self) -> (&Record, Option<&Details>) {
        (self.record, self.details.as_ref())
    }

    async fn again(&self, interrupt: &Interrupt) -> Result<SealedArchive> {
        interrupt.or(open_archive(self.catalog, self.record)).await
    }

    fn load(&self, target: &DatabaseUrl, entries: Vec<i32>, is_first: bool) -> Result<Load> {
        let (request, client, server_major) = (self.request, self.client, self.server_major);
        let drops = (request.clean && request.single_transaction && is_first)
            .then(|| Replaced::by(&self.plan).all().statements);
        let options = LoadOptions {
            first: drops,
            single_transaction: request.single_transaction,
            no_owner: !request.keep_owner,
            no_acl: !request.keep_acl,
            no_comments: request.no_comments,
            no_tablespaces: !self.plan.missing_tablespaces.is_empty(),
            keep_going: request.keep_going,
            entries: Some(entries),
            speech: self.speech,
            settings: self.settings.clone(),
            ..LoadOptions::new(server_major)
        };
        tracing::info!(id = %self.record.id, pg_restore = %client.version, server_major, "restoring into \
            {}", request.target);
        Ok(Load::start(client, target, &options)?)
    }
}

/// A restore that broke off, and whether pg_restore had been given all of the archive.
pub(super) struct Broken {
    pub(super) error: Error,
    pub(super) all_given: bool,
}

/// Brings the archive to pg_restore. Its input ends cleanly only if all of it came and is what was dumped: on any fault
/// it is killed, since a clean end would make a cut archive look whole.
async fn carry_out(
    (record, details): (&Record, Option<&Details>),
    archive: SealedArchive,
    mut load: Load,
    progress: &Progress,
    interrupt: &Interrupt,
) -> std::result::Result<(Contents, LoadReport), Broken> {
    let name = archive.name();
    let brought = interrupt.or(archive.read_into(&mut load, progress)).await;
    let all_given = brought.is_ok();
    let ended = match brought.and_then(|got| compare(record, details, &got, &name).map(|()| got)) {
        Ok(contents) => {
            tracing::info!("the whole archive was read; pg_restore goes on with indexes and constraints");
            let ended = interrupt.or(async { Ok(load.finish().await?) }).await;
            ended.map(|report| (contents, report))
        }
        Err(error) => Err(error),
    };
    match ended {
        Ok(loaded) => Ok(loaded),
        Err(error @ Error::Sink(_)) => {
            // pg_restore had failed by itself, and says why
            let error = load.abort().await.map_or(error, Error::from);
            Err(Broken { error, all_given })
        }
        Err(error) => {
            load.kill().await;
            Err(Broken { error, all_given })
        }
    }
}

/// In what state a failed restore leaves its target. pg_restore commits its one transaction when it has read all rows,
/// which may be before we see a fault of our own.
pub(super) fn state_after(error: &Error, all_given: bool, request: &RestoreRequest) -> TargetState {
    match error {
        _ if !request.single_transaction && request.clean => TargetState::Mixed,
        _ if !request.single_transaction => TargetState::Incomplete,
        Error::Postgres(postgres::Error::LoadFailed(_)) => TargetState::Unchanged,
        _ if !all_given => TargetState::Unchanged,
        _ => TargetState::AllOrNothing,
    }
}
