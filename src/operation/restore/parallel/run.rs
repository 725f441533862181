//! Runs several loads at once, and stops all of them on the first fault.

use std::{collections::BTreeSet, sync::Arc};

use tokio::task::JoinSet;

use super::{Loaded, ParallelPlan, loads::RowLoad};
use crate::{
    error::{Error, Result},
    exit_status::ExitStatus,
    operation::{
        Interrupt, Progress,
        part::RangedArchive,
        restore::{
            PreparedRestore,
            load::{ended, unless_it_fails},
        },
    },
    postgres::{DatabaseUrl, Load, LoadOptions, PgClient, Session},
};

/// Up to so many tables are loaded in one transaction, which keeps a lock on each: a server has room for 64 on average.
const TABLES_IN_TRANSACTION: usize = 32;

/// What every load needs. Clones share the archive.
#[derive(Clone)]
struct Loader {
    archive: Arc<RangedArchive>,
    client: PgClient,
    target: DatabaseUrl,
    options: LoadOptions,
    stop: Interrupt,
}

impl PreparedRestore<'_> {
    /// Loads the rows, as many loads at once as there are jobs, the largest first.
    pub(super) async fn load_rows(
        &self,
        parallel: &ParallelPlan,
        target: &DatabaseUrl,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<Loaded> {
        let loader = Loader {
            archive: Arc::clone(&parallel.archive),
            client: self.client.clone(),
            target: target.clone(),
            options: self.load_options(Vec::new()),
            stop: Interrupt::default(),
        };
        progress.expect(parallel.read.read);
        let mut waiting = parallel.loads.iter();
        let mut running = JoinSet::new();
        let (mut loaded, mut fault) = (Loaded::default(), None);
        loop {
            while fault.is_none() && running.len() < parallel.jobs.get() {
                let Some(load) = waiting.next() else {
                    break;
                };
                running.spawn(loader.clone().load(load.clone(), progress.clone()));
            }
            let ended = tokio::select! {
                ended = running.join_next() => match ended {
                    Some(ended) => ended.map_err(Error::from).flatten(),
                    None => break,
                },
                error = interrupt.raised(), if fault.is_none() => Err(error),
            };
            match ended {
                Ok(more) => loaded.add(more),
                // the first is the cause; the others were stopped for it
                Err(error) => {
                    loader.stop.raise(ExitStatus::Failed);
                    fault.get_or_insert(error);
                }
            }
        }
        match fault {
            None => Ok(loaded),
            Some(fault) => Err(fault),
        }
    }
}

impl Loader {
    /// Loads some tables, and names them in an error.
    async fn load(self, load: RowLoad, progress: Progress) -> Result<Loaded> {
        let mut loaded = Loaded::default();
        for ids in &load.passes {
            let one = self.pass(ids, load.tables, &progress).await;
            loaded.add(one.map_err(|error| Error::Rows {
                tables: load.name.clone(),
                source: Box::new(error),
            })?);
        }
        progress.add_tables(load.tables);
        Ok(loaded)
    }

    async fn pass(&self, entries: &[i32], tables: usize, progress: &Progress) -> Result<Loaded> {
        let options = LoadOptions {
            entries: Some(entries.to_vec()),
            single_transaction: !self.options.keep_going && tables <= TABLES_IN_TRANSACTION,
            ..self.options.clone()
        };
        let target = self
            .stop
            .or(async { Ok(Session::url_for_next(&self.target).await?) })
            .await?;
        let mut load = Load::start(&self.client, &target, &options)?;
        let (ids, part) = (entries.iter().copied().collect::<BTreeSet<i32>>(), progress.part());
        let failure = load.failure();
        let sent = unless_it_fails(failure, self.archive.read_into(&ids, &mut load, &part));
        let ending = match self.stop.or(sent).await {
            Ok(contents) => {
                let finished = self.stop.or(async { Ok(load.finish().await?) }).await;
                finished.map(|report| (contents, report))
            }
            Err(error) => Err(error),
        };
        let (contents, report) = ended(load, ending).await?;
        Ok(Loaded {
            report,
            rows: self.archive.with_rows(&ids),
            tables: contents.tables.len(),
        })
    }
}
