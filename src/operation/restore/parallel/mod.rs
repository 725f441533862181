//! Restores by several jobs at once, without a disk: what has to be there before the rows first, then the rows of several
//! tables at once, each through a pipe from ranges of its own, then indexes, keys and the rest by `pg_restore --jobs`,
//! from a file in memory that holds the archive's own table of contents.

mod finish;
mod loads;
mod order;
mod run;

use std::{collections::BTreeSet, num::NonZeroUsize, sync::Arc};

use super::{PreparedRestore, load::FailedLoad, plan::RestorePlan, resume::RestoredBefore, rules::SESSION_KINDS};
use crate::{
    archive::{Contents, Entry, EntrySection},
    error::{Error, Result},
    operation::{
        Interrupt, Progress,
        archive::compare,
        part::{OpenedArchive, RangedArchive, ReadBytes, Road},
    },
    postgres::{ConnectionRoom, DatabaseUrl, LoadReport},
    text::counted,
};

pub(super) use loads::copied_table;
use loads::{RowLoad, cost, is_row_entry, loads};

/// Privileges may take from the restoring role what it needs to load rows and to make keys, so they come last, as in
/// every pg_restore.
const PRIVILEGES: &[&str] = &["ACL", "DEFAULT ACL"];

/// How a restore is divided among several jobs.
pub(super) struct ParallelPlan {
    archive: Arc<RangedArchive>,
    /// How many pg_restore load at once, each with one connection.
    jobs: NonZeroUsize,
    /// The ids of what is restored before any row.
    before: Vec<i32>,
    /// What is loaded, the largest first.
    loads: Vec<RowLoad>,
    /// The ids of what is restored when all rows are there.
    after: Vec<i32>,
    read: ReadBytes,
    /// Whether one connection more looks at how far they are.
    is_watched: bool,
    /// What an interrupted restore has left.
    there: RestoredBefore,
}

/// How many jobs there are, and why there are fewer than were asked for.
pub(super) struct Jobs {
    count: NonZeroUsize,
    fewer: Option<String>,
    /// Whether one connection more can look at how far they are.
    are_watched: bool,
}

impl Jobs {
    /// One job, as nobody asked for more.
    pub(super) fn one() -> Self {
        Self {
            count: NonZeroUsize::MIN,
            fewer: None,
            are_watched: false,
        }
    }

    /// As many as were asked for, and no more than the target has connections for. One is left for the agent's own, and
    /// one for the server processes that are about to end when their successors begin.
    pub(super) fn within(wanted: NonZeroUsize, room: &ConnectionRoom) -> Self {
        let free = usize::try_from(room.free).unwrap_or(usize::MAX);
        let count = NonZeroUsize::new(free.saturating_sub(1).min(wanted.get())).unwrap_or(NonZeroUsize::MIN);
        let fewer = (count < wanted).then(|| {
            format!(
                "{} in place of {wanted}, as the target has {} free ({})",
                counted(count.get(), "job"),
                counted(room.free, "connection"),
                room.limit
            )
        });
        let are_watched = free > count.get();
        Self {
            count,
            fewer,
            are_watched,
        }
    }
}

impl ParallelPlan {
    /// None where the archive can't be read by ranges.
    ///
    /// # Errors
    /// [`Error::Differs`] where the details can't be true.
    pub(super) fn new(
        plan: &RestorePlan,
        archive: &OpenedArchive,
        jobs: &Jobs,
        there: RestoredBefore,
    ) -> Result<Option<Self>> {
        let Road::Ranges(archive) = &archive.road else {
            return Ok(None);
        };
        let loads = loads(plan, archive, jobs.count, &there.ids)?;
        let ids = |is_wanted: &dyn Fn(&Entry) -> bool| -> Vec<i32> {
            let missing = plan.kept_entries().filter(|entry| !there.ids.contains(&entry.id));
            let kept = missing.filter(|entry| is_wanted(entry));
            kept.map(|entry| entry.id).collect()
        };
        let read = ReadBytes {
            read: archive
                .cut
                .beginning_cost(2 + loads.iter().map(|load| load.passes.len()).sum::<usize>())?
                + cost(archive, &loads)?,
            of: archive.cut.sealed_bytes(),
        };
        Ok(Some(Self {
            archive: Arc::clone(archive),
            jobs: jobs.count,
            is_watched: jobs.are_watched,
            before: ids(&|entry| is_before_rows(entry) || is_of_session(entry)),
            loads,
            after: ids(&|entry| !(is_before_rows(entry) || is_row_entry(entry)) || is_of_session(entry)),
            read,
            there,
        }))
    }

    /// Bytes of the archive in the bucket that are read, and of the whole.
    pub(super) fn read_bytes(&self) -> ReadBytes {
        self.read
    }

    fn tables(&self) -> usize {
        self.loads.iter().map(|load| load.tables).sum()
    }
}

fn is_before_rows(entry: &Entry) -> bool {
    entry.section == EntrySection::BeforeData && !PRIVILEGES.contains(&entry.kind.raw()) && !is_row_entry(entry)
}

fn is_of_session(entry: &Entry) -> bool {
    SESSION_KINDS.contains(&entry.kind.raw())
}

/// What came of some steps.
#[derive(Default)]
struct Loaded {
    report: LoadReport,
    /// The ids of entries whose rows came and were compared.
    rows: BTreeSet<i32>,
    tables: usize,
}

impl Loaded {
    fn add(&mut self, more: Self) {
        self.report.warnings.extend(more.report.warnings);
        self.report.failures.add(more.report.failures);
        self.rows.extend(more.rows);
        self.tables += more.tables;
    }
}

impl PreparedRestore<'_> {
    /// What the user should know about the jobs.
    pub(super) fn remarks_on(&self, jobs: &Jobs) -> Vec<String> {
        let mut remarks: Vec<String> = jobs.fewer.iter().cloned().collect();
        if let Some(parallel) = self.parallel.as_ref().filter(|_| self.request.resume) {
            let (there, of) = parallel.there.tables;
            remarks.push(format!(
                "the rows of {there} of {} were there already, and are those of the backup",
                counted(of, "table")
            ));
            remarks.extend(self.remark_on_remade(&parallel.there.remade));
        }
        match (&self.parallel, self.archive.whole_reason()) {
            (Some(_), _) => {
                let why = self.makes_rest_one_by_one();
                remarks.extend(why.map(|why| format!("indexes and keys are made one after the other, as {why}")));
            }
            (None, Some(why)) if self.request.jobs.get() > 1 => {
                remarks.push(format!("one job restores everything, as {why}"));
            }
            _ => (),
        }
        remarks
    }

    /// Restores by several jobs. On the first fault all of them are stopped: none of their inputs ends cleanly, so no
    /// table holds a part of its rows.
    pub(super) async fn loaded_by_jobs(
        &self,
        parallel: &ParallelPlan,
        target: &DatabaseUrl,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> std::result::Result<(Contents, LoadReport), FailedLoad> {
        progress.expect_tables(parallel.tables());
        let failed = |error| FailedLoad { error, all_sent: false };
        let mut loaded = Loaded::default();
        let before = self.make_definitions(parallel, target, progress, interrupt);
        loaded.add(Box::pin(before).await?);
        let dropped = interrupt.or(self.drop_remade(&parallel.there.remade, target));
        Box::pin(dropped).await.map_err(failed)?;
        let rows = self.load_rows(parallel, target, progress, interrupt);
        loaded.add(Box::pin(rows).await.map_err(failed)?);
        let contents = self.check_all_came(parallel, &loaded).map_err(failed)?;
        progress.set_all_read();
        tracing::info!("all rows are loaded and are what was dumped; indexes, keys and the rest are next");
        let after = self.make_rest(parallel, target, progress, interrupt);
        loaded.add(Box::pin(after).await?);
        Ok((contents, loaded.report))
    }

    async fn make_definitions(
        &self,
        parallel: &ParallelPlan,
        target: &DatabaseUrl,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> std::result::Result<Loaded, FailedLoad> {
        if !self.has_more_than_session(&parallel.before) {
            return Ok(Loaded::default());
        }
        let not_sent = |error| FailedLoad { error, all_sent: false };
        let load = self
            .load(target, parallel.before.clone(), false, None)
            .map_err(not_sent)?;
        let unseen = progress.part();
        let (_, report) = self
            .carry_out(&parallel.before, load, &unseen, interrupt, |_| ())
            .await?;
        Ok(Loaded {
            report,
            ..Loaded::default()
        })
    }

    fn has_more_than_session(&self, ids: &[i32]) -> bool {
        let ids: BTreeSet<i32> = ids.iter().copied().collect();
        self.plan
            .kept_entries()
            .any(|entry| ids.contains(&entry.id) && !is_of_session(entry))
    }

    /// Every table that is restored was read to its end and compared with what was dumped, and where that is all that the
    /// backup holds, it is also compared with the record.
    fn check_all_came(&self, parallel: &ParallelPlan, loaded: &Loaded) -> Result<Contents> {
        let wanted = self.plan.kept_rows();
        let contents = parallel.archive.contents_of(&wanted);
        let missing: BTreeSet<i32> = wanted.difference(&parallel.there.ids).copied().collect();
        let tables = parallel.archive.tables(&missing).len();
        if loaded.rows != missing || loaded.tables != tables {
            let what = format!("of {tables} tables that were wanted, {} came", loaded.tables);
            return Err(Error::differs(parallel.archive.cut.name(), what));
        }
        let rows = self.plan.entries.iter().filter(|entry| entry.has_data);
        if rows.count() == wanted.len() {
            let details = self.archive.details.as_ref();
            compare(self.record, details, &contents, &parallel.archive.cut.name())?;
        }
        Ok(contents)
    }
}
