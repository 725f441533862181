//! `serve`: rounds by the settings, and an HTTP server beside them.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::try_join3;
use tokio::net::TcpListener;

use super::{Pace, Round, log::announce, rounds, turns::Turns};
use crate::{
    agent::{Agent, Undelivered, log_unready, write_metrics_file},
    backup::Label,
    catalog::Catalog,
    config::{self, DatabaseSettings},
    dashboard,
    error::{Error, Result},
    metrics::Monitor,
    operation::{Clock, Progress},
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

    pub(super) async fn report(&self, database: Option<&Label>, error: &Error) {
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
        let config = self.agent.config();
        let turns = Turns::of(self.agent, databases.iter().copied());
        let only_drills = turns.unready.is_empty() && config.drills.is_set();
        if turns.ready.is_empty() && !only_drills && self.to_come().next().is_none() {
            log_unready(turns.unready.iter().skip(1));
            return turns.unready.into_iter().next().map_or(Ok(()), |(_, e)| Err(e));
        }
        log_unready(turns.unready.iter());
        match &config.serving.dynos {
            Some(dynos) => self.back_up_by_dynos(catalog, dynos, turns, (pace, monitor)).await,
            None => self.back_up_here(catalog, turns, pace, (progress, monitor)).await,
        }
    }

    /// Makes these rounds until a signal. After each the metrics file is written.
    pub(super) async fn rounds(&self, mut round: impl Round, pace: Pace, monitor: &Monitor) {
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
