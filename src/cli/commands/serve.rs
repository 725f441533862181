//! The long-running one: a clock, and who is asked how it goes.

use std::{net::SocketAddr, time::Duration};

use futures_util::future::try_join;
use pgcoffer::{
    Error, Result,
    agent::{self, NotTaken, Teller},
    backup::Label,
    catalog::Catalog,
    config::{self, Database, Dynos},
    heroku::Heroku,
    operation::{BackupOutcome, Clock, DatabaseTick, Progress, PruneOutcome, TickDatabase},
    panics::caught_as_error,
    serve::{Elsewhere, Launcher, News, Pace, Pulse, Round, Seen, rounds},
    web::{self, Answers, Readers},
};
use tokio::net::TcpListener;

use super::{Context, monitoring::write_metrics, schedule::say_all, usage};
use crate::cli::args::ServeArgs;

impl Context<'_> {
    /// Ticks until a signal comes, which is a good end: exit status 0.
    pub(super) async fn serve(&self, args: &ServeArgs) -> Result<()> {
        let teller = self.teller();
        let served = caught_as_error(self.serve_telling(args, &teller)).await;
        let served = self.or_tell(&teller, None, served).await;
        self.say_unheard(&teller);
        served?;
        tracing::info!("stopped");
        Ok(())
    }

    async fn serve_telling(&self, args: &ServeArgs, teller: &Teller) -> Result<()> {
        let only_watches = self.only_watches();
        let databases = match only_watches {
            true => Vec::new(),
            false => self.scheduled()?,
        };
        let listener = bind(self.address(args)?).await?;
        let catalog = self.catalog().await?;
        if catalog.store().writes_only() && self.config.serving.dynos.is_some() {
            return Err(usage(
                "PGCOFFER_LAUNCH=heroku reads from the bucket what a dyno did, and in drop-box mode nobody may"
                    .to_owned(),
                "unset PGCOFFER_LAUNCH, or have Heroku Scheduler run `pgcoffer tick`",
            ));
        }
        let (pace, progress) = (pace(args), Progress::default());
        let labels: Vec<Label> = match only_watches {
            true => self.to_watch(&catalog).await?,
            false => databases.iter().map(|one| one.label.clone()).collect(),
        };
        let pulse = Pulse::new(&labels, progress.clone(), &pace, self.config.silence_max);
        let pulse = if catalog.store().writes_only() {
            pulse.without_looks()
        } else {
            pulse
        };
        let answers = Answers {
            pulse: pulse.clone(),
            readers: self.config.serving.readers(local_address(&listener)?),
            clock: Clock::system(),
        };
        announce(local_address(&listener)?, &answers.readers);
        let stopped = self.interrupt.clone();
        let web = tokio::spawn(web::serve(listener, answers, async move {
            stopped.raised().await;
        }));
        // it ends by the same signal; backups go on where it ends by a bug
        let web = async {
            if let Err(error) = web.await {
                teller.failed(None, &error.into(), self.interrupt).await;
            }
            Ok(())
        };
        let place = (&catalog, teller);
        let rounds = async {
            match only_watches {
                true => self.watch_rounds(args, &labels, place, &pulse).await,
                false => self.serve_rounds(args, &databases, place, &progress, &pulse).await,
            }
        };
        try_join(rounds, web).await?;
        Ok(())
    }

    /// Rounds until a signal comes: ticks of its own, or dynos.
    async fn serve_rounds(
        &self,
        args: &ServeArgs,
        databases: &[&Database],
        (catalog, teller): (&Catalog, &Teller),
        progress: &Progress,
        pulse: &Pulse,
    ) -> Result<()> {
        let turns = databases.iter().copied();
        let (turns, unready) = self.readied(turns, |database| self.turn_of(database));
        if turns.is_empty() {
            say_all(unready.iter().skip(1));
            return unready.into_iter().next().map_or(Ok(()), |(_, e)| Err(e));
        }
        say_all(unready.iter());
        if let Some(dynos) = &self.config.serving.dynos {
            for (label, error) in &unready {
                teller.failed(Some(label), error, self.interrupt).await;
            }
            let heroku = heroku(dynos)?;
            let round = self.launcher(&heroku, dynos, (catalog, teller), turns);
            self.go(args, round, teller, pulse).await;
        } else {
            let clients = self.clients().await?;
            let request = self.tick_request(turns, args.parallel, !args.no_prune);
            let round = async || {
                let (unready, interrupt) = (&unready[..], self.interrupt);
                let tick = agent::tick(catalog, &clients, &request, unready, teller, progress, interrupt);
                let report = tick.await?;
                report.databases.iter().for_each(log);
                Ok(report.databases.into_iter().map(Seen::from).collect())
            };
            self.go(args, round, teller, pulse).await;
        }
        Ok(())
    }

    pub(super) async fn go(&self, args: &ServeArgs, mut round: impl Round, teller: &Teller, pulse: &Pulse) {
        let told = async || {
            let seen = caught_as_error(round.go()).await;
            if let Err(error @ Error::Internal(_)) = &seen {
                teller.failed(None, error, self.interrupt).await;
            }
            seen
        };
        let after = |pulse: &Pulse| {
            self.say_unheard(teller);
            if let Some(file) = &self.config.serving.metrics_file {
                write_metrics(file, &pulse.snapshot());
            }
        };
        rounds(told, pulse, pace(args), Clock::system(), self.interrupt, after).await;
    }

    /// Rounds that start dynos. A dyno tells of its run itself; of one that never came, or left nothing, this tells.
    fn launcher<'a>(
        &'a self,
        heroku: &'a Heroku,
        dynos: &Dynos,
        (catalog, teller): (&'a Catalog, &'a Teller),
        turns: Vec<TickDatabase>,
    ) -> impl Round + 'a {
        let elsewhere = turns.into_iter().map(|turn| Elsewhere {
            label: turn.label,
            schedule: turn.schedule,
        });
        let dyno = (dynos.size.clone(), dynos.time_to_live);
        let tell = async |news: &News| match news {
            News::Seen(database) => teller.sees(database),
            News::Blind(database, error) => teller.blind(database, error, self.interrupt).await,
            News::Missed(missed) => {
                let error = Error::NotTaken {
                    why: missed.why.clone(),
                    hint: missed.hint.clone(),
                    cause: missed.cause.into(),
                };
                let run = NotTaken {
                    database: &missed.database,
                    error: &error,
                    health: missed.health.as_ref(),
                    retry_at: missed.retry_at,
                };
                teller.not_taken(run, self.interrupt).await;
            }
        };
        Launcher::new((heroku, catalog), elsewhere.collect(), dyno, self.interrupt, tell)
    }

    fn scheduled(&self) -> Result<Vec<&Database>> {
        let all = self.config.databases.iter();
        let scheduled: Vec<&Database> = all.filter(|one| !one.unscheduled).collect();
        if !scheduled.is_empty() {
            return Ok(scheduled);
        }
        // says what is missing where none is configured
        let _ = self
            .config
            .databases
            .first()
            .map_or_else(|| self.config.database(None), Ok)?;
        Err(usage(
            "every database's schedule is off".to_owned(),
            "set a PGCOFFER_DB_<NAME>_SCHEDULE, or do without `serve`",
        ))
    }

    fn address(&self, args: &ServeArgs) -> Result<SocketAddr> {
        match &args.listen {
            Some(text) => {
                config::listen(text).map_err(|(why, hint)| usage(format!("--listen: {why}"), hint.unwrap_or_default()))
            }
            None => self.config.serving.address(),
        }
    }
}

fn announce(address: SocketAddr, readers: &Readers) {
    tracing::info!(
        listen = %address,
        "serving: /healthz and /metrics on http://{address}"
    );
    match readers {
        Readers::Nobody => tracing::info!(
            "other machines reach this address: /metrics is refused, and /healthz tells no names, until \
             PGCOFFER_METRICS_TOKEN is set"
        ),
        Readers::Everybody => tracing::warn!(
            "PGCOFFER_METRICS_OPEN: whoever reaches this address reads names and sizes of the backups without a token"
        ),
        Readers::WithToken(_) | Readers::ThisMachine => {}
    }
}

/// What became of one database, for who reads the log of a long run: what was done, and what is wrong.
fn log(tick: &DatabaseTick) {
    let database = &tick.database;
    match &tick.backup {
        BackupOutcome::Done { id, bytes, .. } => {
            tracing::info!(%database, %id, stored_bytes = bytes, "backed up");
        }
        BackupOutcome::Busy { why } => tracing::info!(%database, "left to another run: {why}"),
        BackupOutcome::Paused { until } => {
            tracing::warn!(%database, %until, "due, and waits after failures");
        }
        BackupOutcome::Elsewhere { .. } => {
            tracing::info!(%database, "due, and for another machine to make: a catalog key alone is set here");
        }
        // the tick itself has told it
        BackupOutcome::NotDue | BackupOutcome::Failed(_) => {}
    }
    if let PruneOutcome::Done(report) = &tick.prune
        && report.deleted() > 0
    {
        tracing::info!(%database, deleted = report.deleted(), "pruned");
    }
    if let PruneOutcome::Done(report) = &tick.prune
        && let Some(why) = report.why_nothing(tick.had_no_room())
    {
        tracing::warn!(%database, "{why}");
    }
    match &tick.health {
        Some(health) => {
            for problem in health.problems() {
                tracing::warn!(%database, "{problem}");
            }
        }
        None if tick.blind => {}
        None => tracing::warn!(%database, "how it stands can't be seen"),
    }
}

fn pace(args: &ServeArgs) -> Pace {
    Pace::with_shortest(Duration::from_secs(args.shortest_wait.into()))
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
    heroku.map_err(|error| usage(error.to_string(), error.hint().unwrap_or_default()))
}
