//! Streams an archive into pg_restore, and decides in which state a fault leaves the target.

use std::{collections::BTreeSet, io::ErrorKind};

use tokio::io::AsyncWriteExt as _;

use super::{PreparedRestore, replaced::ReplacedObjects, steps::Steps};
use crate::{
    archive::Contents,
    error::{Error, Result, TargetState},
    exit_status::ExitStatus,
    operation::{Interrupt, Progress, block_filter::BlockFilter},
    postgres::{self, ChildFault, DatabaseUrl, FailureCause, Load, LoadOptions, LoadReport, LoadWatch, Session},
};

impl PreparedRestore<'_> {
    /// Streams the archive into pg_restore, as often as the order of its rows requires.
    pub(super) async fn loaded(
        &self,
        target: &DatabaseUrl,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> std::result::Result<(Contents, LoadReport), FailedLoad> {
        let loaded = self.loaded_whole(target, progress, interrupt).await;
        loaded.map_err(|failed| FailedLoad {
            error: self.of_older_server(failed.error),
            ..failed
        })
    }

    /// The error, with the age of the target's server as its cause where no other is known.
    fn of_older_server(&self, error: Error) -> Error {
        match error {
            Error::Postgres(postgres::Error::LoadFailed(fault))
                if fault.cause == FailureCause::Unknown && self.is_into_older() =>
            {
                let cause = FailureCause::OlderServer;
                postgres::Error::LoadFailed(ChildFault { cause, ..fault }).into()
            }
            other => other,
        }
    }

    async fn loaded_whole(
        &self,
        target: &DatabaseUrl,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> std::result::Result<(Contents, LoadReport), FailedLoad> {
        let not_sent = |error| FailedLoad { error, all_sent: false };
        if self.request.clean && !self.request.single_transaction {
            let room = interrupt.or(self.drop_replaced(target));
            room.await.map_err(not_sent)?;
        }
        if let Some(parallel) = &self.parallel {
            return self.loaded_by_jobs(parallel, target, progress, interrupt).await;
        }
        let steps = Steps::of(&self.plan);
        let watch = steps.watch(progress);
        let ids = self.plan.kept();
        let load = self.load(target, ids.clone(), true, watch.clone()).map_err(not_sent)?;
        let when_read = |load: &mut Load| {
            let read = match self.archive.is_part() {
                true => "the part",
                false => "the whole archive",
            };
            say_what_is_left(load, &steps, progress, read);
            progress.set_all_read();
        };
        let first = self.carry_out(&ids, load, progress, interrupt, when_read);
        let (contents, mut report) = first.await?;
        for ids in self.plan.later_passes() {
            let load = self.load(target, ids.clone(), false, watch.clone()).map_err(not_sent)?;
            let unseen = Progress::default();
            let (_, more) = self.carry_out(&ids, load, &unseen, interrupt, |_| ()).await?;
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

    /// Starts a load of these entries.
    pub(super) fn load(
        &self,
        target: &DatabaseUrl,
        entries: Vec<i32>,
        is_first: bool,
        watch: Option<LoadWatch>,
    ) -> Result<Load> {
        let (request, client, server_major) = (self.request, self.client, self.server_major);
        let drops = (request.clean && request.single_transaction && is_first)
            .then(|| ReplacedObjects::by(&self.plan).all().statements);
        // only the rows of a part have keys that wait, and a part drops nothing
        let keys = self.plan.key_statements().filter(|_| request.single_transaction);
        let (waits, checked) = keys.unzip();
        let options = LoadOptions {
            first: drops.or(waits.map(String::into_bytes)),
            last: checked.map(String::into_bytes),
            watch,
            ..self.load_options(entries)
        };
        tracing::info!(id = %self.record.id, pg_restore = %client.version, server_major, "restoring into \
            {}", request.target);
        Ok(Load::start(client, target, &options)?)
    }

    /// The options of every load of these entries.
    pub(super) fn load_options(&self, entries: Vec<i32>) -> LoadOptions {
        let request = self.request;
        LoadOptions {
            single_transaction: request.single_transaction,
            no_owner: !request.keep_owner,
            no_acl: !request.keep_acl,
            no_comments: request.no_comments,
            no_tablespaces: !self.plan.missing_tablespaces.is_empty(),
            keep_going: request.keep_going,
            entries: Some(entries),
            message_language: self.message_language,
            settings: self.settings.clone(),
            ..LoadOptions::new(self.server_major)
        }
    }
}

/// The fault that ended a load, and whether pg_restore had received all of the archive that it reads.
pub(super) struct FailedLoad {
    pub(super) error: Error,
    pub(super) all_sent: bool,
}

impl PreparedRestore<'_> {
    /// Streams the archive, or what these entries need of it, into pg_restore. Its input ends cleanly only if all of that
    /// arrived and matches the record. On any fault pg_restore is killed, since a clean end would make a cut archive look
    /// complete.
    pub(super) async fn carry_out(
        &self,
        ids: &[i32],
        mut load: Load,
        progress: &Progress,
        interrupt: &Interrupt,
        when_read: impl FnOnce(&mut Load),
    ) -> std::result::Result<(Contents, LoadReport), FailedLoad> {
        let failure = load.failure();
        let sent = unless_it_fails(failure, self.send(ids, &mut load, progress));
        let brought = interrupt.or(sent).await;
        let all_sent = brought.is_ok() || load.has_stopped_reading();
        let ending = match brought {
            Ok(contents) => {
                when_read(&mut load);
                let finished = interrupt.or(async { Ok(load.finish().await?) }).await;
                finished.map(|report| (contents, report))
            }
            Err(error) => Err(error),
        };
        let loaded = ended(load, ending).await;
        loaded.map_err(|error| FailedLoad { error, all_sent })
    }

    /// Sends the archive, or what these entries need of it, and compares it with what was dumped.
    async fn send(&self, ids: &[i32], load: &mut Load, progress: &Progress) -> Result<Contents> {
        let ids: BTreeSet<i32> = ids.iter().copied().collect();
        let Some(beside) = &self.beside else {
            return self.archive.read_into(self.record, &ids, load, progress).await;
        };
        let (layout, rows) = (self.archive.layout, beside.rows.clone());
        let mut filter = BlockFilter::archive(load, layout, rows.clone(), beside.contents(layout));
        let contents = self
            .archive
            .read_into(self.record, &rows, &mut filter, progress)
            .await?;
        filter.flush().await.map_err(Error::Sink)?;
        Ok(contents)
    }
}

/// The result of what is sent to a load. Where its programs fail meanwhile, that ends it, however long the next bytes of
/// the archive take.
pub(super) async fn unless_it_fails<T>(
    failure: impl Future<Output = ()>,
    sent: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        sent = sent => sent,
        () = failure => Err(Error::Sink(ErrorKind::BrokenPipe.into())),
    }
}

/// Ends the programs of a load that failed, and finds out what the cause was.
pub(super) async fn ended<T>(load: Load, ending: Result<(T, LoadReport)>) -> Result<(T, LoadReport)> {
    match ending {
        Ok(loaded) => Ok(loaded),
        // pg_restore failed by itself, and its own error says why
        Err(error @ Error::Sink(_)) => Err(load.abort().await.map_or(error, Error::from)),
        Err(error) => {
            load.kill().await;
            Err(error)
        }
    }
}

/// Says that everything was read and compared, and what pg_restore is still doing: of a part of the archive it may have
/// ended already.
fn say_what_is_left(load: &mut Load, steps: &Steps, progress: &Progress, read: &str) {
    let left = steps.left(progress.step().as_ref());
    match left.is_empty() || load.has_ended() {
        true => tracing::info!("{read} was read and is what was dumped"),
        false => tracing::info!("{read} was read and is what was dumped; pg_restore continues: {left}"),
    }
}

impl PreparedRestore<'_> {
    /// The state in which a failed restore leaves its target. pg_restore commits its single transaction when it has read
    /// all rows, which may be before the agent sees a fault of its own.
    pub(super) fn state_after(&self, error: &Error, all_sent: bool) -> TargetState {
        let request = self.request;
        match error {
            _ if !request.single_transaction && request.clean => TargetState::Mixed,
            _ if !request.single_transaction && !request.only.is_empty() => TargetState::PartAdded,
            _ if !request.single_transaction && self.may_be_resumed(error) => TargetState::Resumable,
            _ if !request.single_transaction => TargetState::Incomplete,
            Error::Postgres(postgres::Error::LoadFailed(_)) => TargetState::Unchanged,
            _ if !all_sent => TargetState::Unchanged,
            _ => TargetState::AllOrNothing,
        }
    }

    /// Whether another try could go on where this one ended: not with a backup that is damaged, or whose details are lost,
    /// nor where somebody else than the user has the target made and dropped.
    fn may_be_resumed(&self, error: &Error) -> bool {
        let has_details = self.parallel.is_some() || self.archive.details.is_some();
        has_details && !self.request.made_for_it && error.exit_status() != ExitStatus::Integrity
    }
}
