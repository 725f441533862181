//! `serve`: rounds by the settings, and an HTTP server beside them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::{join, try_join3};
use tokio::{net::TcpListener, sync::Notify};

use super::{
    LaunchEvent, Launcher, Pace, Round, ScheduledDatabase,
    log::{announce, log_tick},
    rounds,
};
use crate::{
    agent::{self, Agent, MissingRun, Undelivered, WatchedDatabase, log_unready, write_metrics_file},
    backup::Label,
    catalog::Catalog,
    config::{self, DatabaseSettings, Dynos, ScheduleOrigin},
    dashboard,
    error::{Error, Result},
    heroku::Heroku,
    metrics::{Monitor, Observation},
    operation::{Clock, Health, Progress, TickDatabase, TickRequest},
    panics::caught_as_error,
    web::{self, Answers},
};

/// The options of `serve`.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The address to listen on, as the user wrote it; `None` for that of the settings.
    pub listen: Option<String>,
    /// The number of databases that are backed up at once.
    pub parallel: u8,
    /// Whether expired backups are deleted.
    pub prune: bool,
    /// The shortest time between two rounds.
    pub shortest_wait: Duration,
}

/// A `serve` by the settings of an agent.
pub struct Daemon<'a, U> {
    /// The agent.
    pub agent: &'a Agent,
    /// The options.
    pub options: ServeOptions,
    /// Called after each round with the notices that could not be delivered.
    pub on_undelivered: U,
}

/// The work of the rounds.
enum Work<'a> {
    /// Back up these databases.
    BackUp(Vec<&'a DatabaseSettings>),
    /// Watch these databases, which other machines back up.
    Watch(Vec<Label>),
}

impl<U: Fn(&[Undelivered])> Daemon<'_, U> {
    /// Runs until a signal, which is a normal end. An error that prevents the beginning, and any bug, is reported.
    ///
    /// # Errors
    /// The error that prevents the beginning.
    pub async fn run(&self) -> Result<()> {
        let served = caught_as_error(self.serve()).await;
        if let Err(error) = &served {
            self.report(None, error).await;
        }
        served
    }

    async fn report(&self, database: Option<&Label>, error: &Error) {
        let (notifications, interrupt) = (self.agent.notifications(), self.agent.interrupt());
        notifications.failed(database, error, interrupt).await;
    }

    async fn serve(&self) -> Result<()> {
        let (config, pace) = (self.agent.config(), Pace::with_shortest(self.options.shortest_wait));
        let only_watches = self.only_watches();
        let scheduled = if only_watches { Vec::new() } else { self.scheduled()? };
        let listener = bind(match &self.options.listen {
            Some(text) => listen(text)?,
            None => config.serving.address()?,
        });
        let listener = listener.await?;
        let catalog = self.agent.catalog().await?;
        if catalog.store().writes_only() && config.serving.dynos.is_some() {
            return Err(Error::usage(
                "PGCOFFER_LAUNCH=heroku reads from the bucket what a dyno did, and in drop-box mode nobody may",
                "unset PGCOFFER_LAUNCH, or have Heroku Scheduler run `pgcoffer tick`",
            ));
        }
        let work = match only_watches {
            true => Work::Watch(self.to_watch(catalog).await?),
            false => Work::BackUp(scheduled),
        };
        let progress = Progress::default();
        let monitor = Monitor::new(
            &work.labels(),
            progress.clone(),
            pace.poll_interval,
            config.dump_idle_timeout,
        );
        let monitor = match catalog.store().writes_only() {
            true => monitor.write_only(),
            false => monitor,
        };
        let address = local_address(&listener)?;
        let (pages, runner) = dashboard::dashboard(self.agent, &monitor, address)?.unzip();
        let answers = Answers {
            monitor: monitor.clone(),
            readers: config.serving.readers(address),
            clock: Clock::system(),
        };
        announce(address, &answers.readers);
        let stopped = self.agent.interrupt().clone();
        let web = tokio::spawn(web::serve(listener, answers, pages, async move {
            stopped.raised().await;
        }));
        // it ends at the same signal; if it ends by a bug, backups go on
        let web = async {
            if let Err(error) = web.await {
                self.report(None, &error.into()).await;
            }
            Ok(())
        };
        let rounds = async {
            match &work {
                Work::Watch(labels) => self.watch(catalog, labels, pace, &monitor).await,
                Work::BackUp(databases) => self.back_up(catalog, databases, pace, (&progress, &monitor)).await,
            }
        };
        let runner = async {
            if let Some(runner) = runner {
                runner.run(self.options.prune).await;
            }
            Ok(())
        };
        try_join3(rounds, web, runner).await?;
        Ok(())
    }

    /// Makes rounds until a signal: ticks here, or dynos.
    async fn back_up(
        &self,
        catalog: &Catalog,
        databases: &[&DatabaseSettings],
        pace: Pace,
        (progress, monitor): (&Progress, &Monitor),
    ) -> Result<()> {
        let agent = self.agent;
        let (ready, unready) = agent.readied(databases.iter().copied());
        let only_drills = unready.is_empty() && agent.config().drills.is_set();
        if ready.is_empty() && !only_drills && self.to_come().next().is_none() {
            log_unready(unready.iter().skip(1));
            return unready.into_iter().next().map_or(Ok(()), |(_, e)| Err(e));
        }
        log_unready(unready.iter());
        if let Some(dynos) = &agent.config().serving.dynos {
            for (label, error) in &unready {
                self.report(Some(label), error).await;
            }
            let heroku = heroku(dynos)?;
            let round = self.launcher(&heroku, dynos, catalog, ready);
            self.rounds(round, pace, monitor).await;
            return Ok(());
        }
        let clients = agent.clients().await?;
        let scheduled = ready.iter().map(|one| one.label.clone());
        let labels: Vec<Label> = scheduled.chain(self.to_come().cloned()).collect();
        let wake = Notify::new();
        let request = agent.tick_request(Vec::new(), self.options.parallel, self.options.prune);
        let (notifications, interrupt) = (agent.notifications(), agent.interrupt());
        let mut turns = (agent.current(), ready, unready);
        let round = async || {
            agent.refresh_schedules().await?;
            let current = agent.current();
            if !Arc::ptr_eq(&current, &turns.0) {
                let (ready, unready) = agent.readied(current.databases.iter().filter(|one| !one.unscheduled));
                log_unready(unready.iter());
                turns = (current, ready, unready);
            }
            let (_, ready, unready) = &turns;
            // connected to once, as soon as they can be reached
            let beside = agent.places_beside(catalog).await?;
            let request = TickRequest {
                beside: beside.connected.clone(),
                databases: ready.clone(),
                ..request.clone()
            };
            let tick = agent::tick(catalog, clients, &request, unready, notifications, progress, interrupt);
            let mut report = tick.await?;
            for turn in &mut report.databases {
                agent.streamed(turn, &beside).await;
            }
            agent
                .drill_what_is_due(catalog, clients, None, &mut report, progress)
                .await?;
            for health in report.databases.iter_mut().filter_map(|one| one.health.as_mut()) {
                agent.add_known_places(health);
            }
            wake.notify_one();
            report.databases.iter().for_each(log_tick);
            Ok(report.databases.into_iter().map(Observation::from).collect())
        };
        join(self.rounds(round, pace, monitor), self.copies(catalog, &labels, &wake)).await;
        Ok(())
    }

    /// Copies what is missing in other places after each round, beside the rounds: a slow place keeps no backup waiting.
    async fn copies(&self, catalog: &Catalog, labels: &[Label], wake: &Notify) {
        let agent = self.agent;
        if !agent.has_places() || catalog.store().writes_only() {
            return;
        }
        loop {
            tokio::select! {
                () = wake.notified() => {}
                _ = agent.interrupt().raised() => return,
            }
            for label in labels {
                let progress = Progress::default();
                let copying = async {
                    if self.options.prune {
                        agent.prune_copies(catalog, label).await?;
                    }
                    agent.copy_after_backup(catalog, label, None, &progress).await
                };
                match caught_as_error(copying).await {
                    Ok(_) => {}
                    Err(Error::Interrupted { .. }) => return,
                    Err(error) => self.report(Some(label), &error).await,
                }
            }
        }
    }

    async fn rounds(&self, mut round: impl Round, pace: Pace, monitor: &Monitor) {
        let reported = async || {
            let seen = caught_as_error(round.run()).await;
            if let Err(error @ Error::Internal(_)) = &seen {
                self.report(None, error).await;
            }
            seen
        };
        let after = |monitor: &Monitor| {
            (self.on_undelivered)(&self.agent.notifications().take_undelivered());
            if let Some(file) = &self.agent.config().serving.metrics_file {
                write_metrics_file(file, &monitor.snapshot());
            }
        };
        rounds(reported, monitor, pace, Clock::system(), self.agent.interrupt(), after).await;
    }

    /// Makes the rounds that start dynos. A dyno reports its run itself; the launcher reports runs that are missing.
    fn launcher<'b>(
        &'b self,
        heroku: &'b Heroku,
        dynos: &Dynos,
        catalog: &'b Catalog,
        ready: Vec<TickDatabase>,
    ) -> impl Round + 'b {
        let scheduled = ready.into_iter().map(|database| ScheduledDatabase {
            label: database.label,
            schedule: database.schedule,
        });
        let dyno = (dynos.size.clone(), dynos.time_to_live);
        let (notifications, interrupt) = (self.agent.notifications(), self.agent.interrupt());
        let on_event = async move |event: &LaunchEvent| match event {
            LaunchEvent::Seen(database) => notifications.seen(database),
            LaunchEvent::Unseen(database, error) => notifications.unseen(database, error, interrupt).await,
            LaunchEvent::Missed(missed) => {
                let error = Error::NotTaken {
                    why: missed.cause.why.clone(),
                    hint: missed.cause.hint.clone(),
                    cause: missed.cause.cause.into(),
                };
                let run = MissingRun {
                    database: &missed.database,
                    error: &error,
                    health: missed.health.as_ref(),
                    retry_at: missed.retry_at,
                };
                notifications.missing_run(run, interrupt).await;
            }
        };
        Launcher::new((heroku, catalog), scheduled.collect(), dyno, interrupt, on_event)
    }

    /// The databases without a schedule to which somebody may give one on a page.
    fn to_come(&self) -> impl Iterator<Item = &Label> {
        let config = self.agent.config();
        let has_pages = config.dashboard.is_some() && config.serving.dynos.is_none();
        let lacks = |one: &&DatabaseSettings| one.schedule.is_none() && one.origin != ScheduleOrigin::Settings;
        let databases = config.databases.iter().filter(lacks);
        databases.filter(move |_| has_pages).map(|one| &one.label)
    }

    fn scheduled(&self) -> Result<Vec<&DatabaseSettings>> {
        let config = self.agent.config();
        let scheduled = config.databases.iter().filter(|one| !one.unscheduled);
        let scheduled: Vec<&DatabaseSettings> = scheduled.collect();
        if !scheduled.is_empty() || config.drills.is_set() || self.to_come().next().is_some() {
            return Ok(scheduled);
        }
        if config.databases.is_empty() {
            // this error says what is missing
            config.database(None)?;
        }
        Err(Error::usage(
            "every database's schedule is off",
            "set a PGCOFFER_DB_<NAME>_SCHEDULE, or do without `serve`",
        ))
    }

    /// Whether no database is set that could be backed up, and there is a catalog key for watching.
    fn only_watches(&self) -> bool {
        let config = self.agent.config();
        let keys = config.keys();
        config.databases.is_empty() && !keys.secrets().is_empty() && keys.are_catalog_keys()
    }

    /// The databases that have backups in the bucket now.
    async fn to_watch(&self, catalog: &Catalog) -> Result<Vec<Label>> {
        if catalog.store().writes_only() {
            return Err(Error::usage(
                "a catalog key is set to watch with, and in drop-box mode nothing may be looked at",
                "unset PGCOFFER_MODE, and give credentials that may read",
            ));
        }
        let labels = self.agent.interrupt().or(catalog.databases()).await?;
        if labels.is_empty() {
            return Err(catalog.no_backup_at_all("backup to watch").await);
        }
        let names: Vec<&str> = labels.iter().map(Label::as_str).collect();
        let names = names.join(", ");
        tracing::info!("a catalog key alone is set: watching {names}, and backing up nothing");
        Ok(labels)
    }

    /// Surveys each of them until a signal, and reports backups that are late.
    async fn watch(&self, catalog: &Catalog, labels: &[Label], pace: Pace, monitor: &Monitor) -> Result<()> {
        let watched = labels.iter().map(|label| self.agent.watched(label));
        let watched: Vec<WatchedDatabase> = watched.collect::<Result<_>>()?;
        let round = async || {
            if !self.agent.notifications().is_silent() {
                let reported = self.agent.report_missed(catalog, &watched).await;
                // any other error was reported already; show what is known
                if let Err(error @ Error::Interrupted { .. }) = reported {
                    return Err(error);
                }
            }
            let mut seen = Vec::new();
            for label in labels {
                seen.push(self.observed(catalog, label).await?);
            }
            let found: Vec<Health> = seen.iter().filter_map(|one| one.health.clone()).collect();
            self.agent.report_overdue_drills(catalog, &found).await?;
            Ok(seen)
        };
        self.rounds(round, pace, monitor).await;
        Ok(())
    }

    async fn observed(&self, catalog: &Catalog, label: &Label) -> Result<Observation> {
        let health = match self.agent.health(catalog, label).await {
            Ok(health) => Some(health),
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => {
                let hint = error.hint();
                tracing::error!(database = %label, hint, "how it stands can't be seen: {error}");
                None
            }
        };
        for problem in health.iter().flat_map(Health::problems) {
            tracing::warn!(database = %label, "{problem}");
        }
        Ok(Observation {
            database: label.clone(),
            failed: health.is_none(),
            health,
        })
    }
}

impl Work<'_> {
    fn labels(&self) -> Vec<Label> {
        match self {
            Self::BackUp(databases) => databases.iter().map(|one| one.label.clone()).collect(),
            Self::Watch(labels) => labels.clone(),
        }
    }
}

fn listen(text: &str) -> Result<SocketAddr> {
    let address = config::listen(text);
    address.map_err(|(why, hint)| Error::usage(format!("--listen: {why}"), hint.unwrap_or_default()))
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|source| Error::Io {
        doing: format!("listen on {address}"),
        source,
    })
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|source| Error::Io {
        doing: "tell which address is listened on".to_owned(),
        source,
    })
}

fn heroku(dynos: &Dynos) -> Result<Heroku> {
    let heroku = Heroku::new(&dynos.api, &dynos.app, dynos.key.clone());
    heroku.map_err(|error| Error::usage(error.to_string(), error.hint().unwrap_or_default()))
}
