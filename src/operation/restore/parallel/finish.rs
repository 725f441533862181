//! What comes when all rows are there: indexes, keys, views' rows, values of sequences, privileges.

use std::{collections::BTreeSet, convert::Infallible, num::NonZeroUsize, time::Duration};

use tokio::{io::AsyncWriteExt as _, time::sleep};

use super::{
    Loaded, ParallelPlan, is_of_session,
    order::{Stage, stages},
};
use crate::{
    archive::Entry,
    error::{Error, Result},
    operation::{
        Interrupt, Progress, RestoreStep, StepKind,
        restore::{
            PreparedRestore,
            load::{FailedLoad, ended},
            steps::Steps,
        },
    },
    postgres::{BuiltObjects, ContentsFile, DatabaseUrl, Load, LoadReport, Session},
};

/// The time between two looks at what is there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The first version whose servers show indexes that are being made.
const SHOWS_INDEXES_SINCE: u32 = 12;

/// How many there are to make, of each kind that takes long.
#[derive(Default)]
struct Wanted {
    indexes: usize,
    foreign_keys: usize,
    views: usize,
}

impl PreparedRestore<'_> {
    /// Makes what comes behind the rows, by several connections where that can be.
    pub(super) async fn make_rest(
        &self,
        parallel: &ParallelPlan,
        target: &DatabaseUrl,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> std::result::Result<Loaded, FailedLoad> {
        let not_sent = |error| FailedLoad { error, all_sent: false };
        if !self.has_more_than_session(&parallel.after) {
            return Ok(Loaded::default());
        }
        let report = match self.makes_rest_one_by_one().is_some() {
            true => {
                let steps = Steps::of(&self.plan);
                let url = interrupt.or(async { Ok(Session::url_for_next(target).await?) });
                let url = url.await.map_err(not_sent)?;
                let load = self.load(&url, parallel.after.clone(), false, steps.watch(progress));
                let unseen = progress.part();
                let rest = self.carry_out(&parallel.after, load.map_err(not_sent)?, &unseen, interrupt, |_| ());
                rest.await?.1
            }
            false => self
                .make_rest_at_once(parallel, target, progress, interrupt)
                .await
                .map_err(not_sent)?,
        };
        Ok(Loaded {
            report,
            ..Loaded::default()
        })
    }

    /// Why indexes and keys are made one after the other, if they are.
    pub(in crate::operation::restore) fn makes_rest_one_by_one(&self) -> Option<String> {
        if self.request.keep_going {
            let why = "--keep-going names what fails, and faults of several connections could not be told apart";
            return Some(why.to_owned());
        }
        let client = self.client;
        client.emits_transaction_timeout_into(self.server_major).then(|| {
            format!(
                "pg_restore {} can make several at once on servers since 17, and the target's is {}",
                client.version, self.server_major
            )
        })
    }

    async fn make_rest_at_once(
        &self,
        parallel: &ParallelPlan,
        target: &DatabaseUrl,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<LoadReport> {
        let file = ContentsFile::new()?;
        if file.is_on_disk() {
            tracing::info!("the backup's table of contents is in a temporary file, as this system has none in memory");
        }
        let mut writer = file.writer()?;
        let nothing = BTreeSet::new();
        let unseen = progress.part();
        let written = parallel.archive.read_into(&nothing, &mut writer, &unseen);
        interrupt.or(written).await?;
        writer.flush().await.map_err(|source| Error::Io {
            doing: "write the table of contents".to_owned(),
            source,
        })?;
        let watched = match parallel.is_watched {
            true => self.begin_watch(target).await,
            false => None,
        };
        let made = async {
            let mut report = LoadReport::default();
            for stage in stages(&self.entries_of(&parallel.after)) {
                let more = self.make_stage(&stage, parallel, (target, &file), interrupt).await?;
                report.warnings.extend(more.warnings);
            }
            Ok(report)
        };
        tokio::select! {
            made = made => made,
            never = self.watch(watched, parallel, progress) => match never {},
        }
    }

    async fn make_stage(
        &self,
        stage: &Stage,
        parallel: &ParallelPlan,
        (target, file): (&DatabaseUrl, &ContentsFile),
        interrupt: &Interrupt,
    ) -> Result<LoadReport> {
        let jobs = match stage.is_parallel {
            true => parallel.jobs,
            false => NonZeroUsize::MIN,
        };
        let options = self.load_options(stage.entries.clone());
        let url = interrupt.or(async { Ok(Session::url_for_next(target).await?) }).await?;
        let mut load = Load::start_without_rows(self.client, &url, &options, file, jobs)?;
        let ending = interrupt.or(async { Ok(load.finish().await?) }).await;
        let loaded = ended(load, ending.map(|report| ((), report))).await;
        loaded.map(|((), report)| report)
    }

    /// These entries, without those of the session, which every pg_restore reads.
    fn entries_of(&self, ids: &[i32]) -> Vec<&Entry> {
        let ids: BTreeSet<i32> = ids.iter().copied().collect();
        let kept = self.plan.kept_entries();
        kept.filter(|entry| ids.contains(&entry.id) && !is_of_session(entry))
            .collect()
    }

    /// A session to look at what is there, and what was there before. Without it nobody is told how far it is.
    async fn begin_watch(&self, target: &DatabaseUrl) -> Option<(Session, BuiltObjects)> {
        let mut session = Session::connect(target).await.ok()?;
        let before = session.built_objects().await.ok()?;
        Some((session, before))
    }

    /// Shows in `progress` how many indexes, keys and views are there.
    async fn watch(
        &self,
        watched: Option<(Session, BuiltObjects)>,
        parallel: &ParallelPlan,
        progress: &Progress,
    ) -> Infallible {
        let Some((mut session, before)) = watched else {
            return std::future::pending().await;
        };
        let wanted = self.wanted(parallel);
        loop {
            sleep(LOOK_EVERY).await;
            let Ok(now) = session.built_objects().await else {
                return std::future::pending().await;
            };
            let tables = match session.server_major() >= SHOWS_INDEXES_SINCE {
                true => session.tables_being_indexed().await.unwrap_or_default(),
                false => Default::default(),
            };
            let made = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
            let steps = [
                (StepKind::Index, made(now.indexes, before.indexes), wanted.indexes),
                (
                    StepKind::Constraint,
                    made(now.foreign_keys, before.foreign_keys),
                    wanted.foreign_keys,
                ),
                (
                    StepKind::View,
                    made(now.filled_views, before.filled_views),
                    wanted.views,
                ),
            ];
            if let Some((kind, made, of)) = steps.into_iter().find(|(_, made, of)| made < of) {
                progress.set_step(RestoreStep {
                    kind,
                    number: made + 1,
                    of,
                    name: tables,
                });
            }
        }
    }

    fn wanted(&self, parallel: &ParallelPlan) -> Wanted {
        let mut wanted = Wanted::default();
        for entry in self.entries_of(&parallel.after) {
            match entry.kind.raw() {
                "INDEX" | "CONSTRAINT" => wanted.indexes += 1,
                "FK CONSTRAINT" => wanted.foreign_keys += 1,
                "MATERIALIZED VIEW DATA" => wanted.views += 1,
                _ => (),
            }
        }
        wanted
    }
}
