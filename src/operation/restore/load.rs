//! Streams an archive into pg_restore, and decides in which state a fault leaves the target.

use super::{PreparedRestore, RestoreRequest, replaced::ReplacedObjects, steps::Steps};
use crate::{
    archive::Contents,
    backup::{Details, Record},
    error::{Error, Result, TargetState},
    operation::{
        Interrupt, Progress,
        archive::{compare, open_archive},
    },
    pipeline::SealedArchive,
    postgres::{self, DatabaseUrl, Load, LoadOptions, LoadReport, LoadWatch, Session},
};

impl PreparedRestore<'_> {
    /// Streams the archive into pg_restore, as often as the order of its rows requires.
    pub(super) async fn loaded(
        &mut self,
        target: &DatabaseUrl,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> std::result::Result<(Contents, LoadReport), FailedLoad> {
        let not_sent = |error| FailedLoad { error, all_sent: false };
        if self.request.clean && !self.request.single_transaction {
            let room = interrupt.or(self.drop_replaced(target));
            room.await.map_err(not_sent)?;
        }
        let archive = match self.archive.take() {
            Some(archive) => archive,
            None => self.again(interrupt).await.map_err(not_sent)?,
        };
        let steps = Steps::of(&self.plan);
        let watch = steps.watch(progress);
        let load = self
            .load(target, self.plan.kept(), true, watch.clone())
            .map_err(not_sent)?;
        let first = carry_out(self.expected(), archive, load, &steps, progress, interrupt).await;
        let (contents, mut report) = first?;
        for ids in self.plan.later_passes() {
            let archive = self.again(interrupt).await.map_err(not_sent)?;
            let load = self.load(target, ids, false, watch.clone()).map_err(not_sent)?;
            let unseen = Progress::default();
            let more = carry_out(self.expected(), archive, load, &Steps::default(), &unseen, interrupt).await;
            let (_, more) = more?;
            report.warnings.extend(more.warnings);
            report.failures.add(more.failures);
        }
        Ok((contents, report))
    }

    /// Drops what is replaced, unless the load does that in its own transaction.
    async fn drop_replaced(&self, target: &DatabaseUrl) -> Result<()> {
        let mut session = Session::connect(target).await?;
        let drops = ReplacedObjects::by(&self.plan).all();
        session.drop_all(&drops).await?;
        session.close().await;
        Ok(())
    }

    /// The record and details to compare the archive with.
    fn expected(&self) -> (&Record, Option<&Details>) {
        (self.record, self.details.as_ref())
    }

    async fn again(&self, interrupt: &Interrupt) -> Result<SealedArchive> {
        interrupt.or(open_archive(self.catalog, self.record)).await
    }

    fn load(&self, target: &DatabaseUrl, entries: Vec<i32>, is_first: bool, watch: Option<LoadWatch>) -> Result<Load> {
        let (request, client, server_major) = (self.request, self.client, self.server_major);
        let drops = (request.clean && request.single_transaction && is_first)
            .then(|| ReplacedObjects::by(&self.plan).all().statements);
        let options = LoadOptions {
            first: drops,
            single_transaction: request.single_transaction,
            no_owner: !request.keep_owner,
            no_acl: !request.keep_acl,
            no_comments: request.no_comments,
            no_tablespaces: !self.plan.missing_tablespaces.is_empty(),
            keep_going: request.keep_going,
            entries: Some(entries),
            message_language: self.message_language,
            settings: self.settings.clone(),
            watch,
            ..LoadOptions::new(server_major)
        };
        tracing::info!(id = %self.record.id, pg_restore = %client.version, server_major, "restoring into \
            {}", request.target);
        Ok(Load::start(client, target, &options)?)
    }
}

/// The fault that ended a load, and whether pg_restore had received all of the archive that it reads.
pub(super) struct FailedLoad {
    pub(super) error: Error,
    pub(super) all_sent: bool,
}

/// Streams the archive into pg_restore. Its input ends cleanly only if the whole archive arrived and matches the
/// record. On any fault pg_restore is killed, since a clean end would make a cut archive look complete.
async fn carry_out(
    (record, details): (&Record, Option<&Details>),
    archive: SealedArchive,
    mut load: Load,
    steps: &Steps,
    progress: &Progress,
    interrupt: &Interrupt,
) -> std::result::Result<(Contents, LoadReport), FailedLoad> {
    let name = archive.name();
    let brought = interrupt.or(archive.read_into(&mut load, progress)).await;
    let all_sent = brought.is_ok() || load.has_stopped_reading();
    let ended = match brought.and_then(|got| compare(record, details, &got, &name).map(|()| got)) {
        Ok(contents) => {
            say_what_is_left(&mut load, steps, progress);
            progress.set_all_read();
            let ended = interrupt.or(async { Ok(load.finish().await?) }).await;
            ended.map(|report| (contents, report))
        }
        Err(error) => Err(error),
    };
    match ended {
        Ok(loaded) => Ok(loaded),
        Err(error @ Error::Sink(_)) => {
            // pg_restore failed by itself, and its own error says why
            let error = load.abort().await.map_or(error, Error::from);
            Err(FailedLoad { error, all_sent })
        }
        Err(error) => {
            load.kill().await;
            Err(FailedLoad { error, all_sent })
        }
    }
}

/// Says that everything was read and compared, and what pg_restore is still doing: of a part of the archive it may have
/// ended already.
fn say_what_is_left(load: &mut Load, steps: &Steps, progress: &Progress) {
    let left = steps.left(progress.step().as_ref());
    match left.is_empty() || load.has_ended() {
        true => tracing::info!("the whole archive was read and is what was dumped"),
        false => tracing::info!("the whole archive was read and is what was dumped; pg_restore continues: {left}"),
    }
}

/// The state in which a failed restore leaves its target. pg_restore commits its single transaction when it has read
/// all rows, which may be before the agent sees a fault of its own.
pub(super) fn state_after(error: &Error, all_sent: bool, request: &RestoreRequest) -> TargetState {
    match error {
        _ if !request.single_transaction && request.clean => TargetState::Mixed,
        _ if !request.single_transaction => TargetState::Incomplete,
        Error::Postgres(postgres::Error::LoadFailed(_)) => TargetState::Unchanged,
        _ if !all_sent => TargetState::Unchanged,
        _ => TargetState::AllOrNothing,
    }
}
