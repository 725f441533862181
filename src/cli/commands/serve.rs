//! The long-running one: a clock, and who is asked how it goes.

use std::net::SocketAddr;

use pgcoffer::{
    Error, Result,
    backup::Label,
    catalog::Catalog,
    config::{self, Database, Dynos},
    heroku::Heroku,
    operation::{self, BackupOutcome, Clock, DatabaseTick, Progress, PruneOutcome, TickRequest},
    postgres::Clients,
    serve::{Elsewhere, Launcher, Missed, Pace, Pulse, Round, Seen, rounds},
    web::{self, Answers},
};
use tokio::net::TcpListener;

use super::{Context, monitoring::write_metrics, schedule::partitioned, usage};
use crate::cli::args::ServeArgs;

impl Context<'_> {
    /// Ticks until a signal comes, which is a good end: exit status 0.
    pub(super) async fn serve(&self, args: &ServeArgs) -> Result<()> {
        let databases = self.scheduled()?;
        let (address, public) = self.address(args)?;
        let listener = bind(address).await?;
        let catalog = self.catalog().await?;
        let (pace, progress) = (Pace::default(), Progress::default());
        let labels: Vec<Label> = databases.iter().map(|one| one.label.clone()).collect();
        let pulse = Pulse::new(&labels, progress.clone(), &pace, self.config.silence_max);
        let answers = Answers {
            pulse: pulse.clone(),
            token: self.config.serving.token.clone(),
            public,
            clock: Clock::system(),
        };
        self.announce(&listener, &answers);
        let stopped = self.interrupt.clone();
        let web = tokio::spawn(web::serve(listener, answers, async move {
            stopped.raised().await;
        }));
        match &self.config.serving.dynos {
            Some(dynos) => {
                let heroku = heroku(dynos)?;
                let round = self.launcher(&heroku, dynos, &catalog, &databases)?;
                self.go(round, &pulse, pace).await;
            }
            None => {
                let request = self.rounds_of(args, &databases)?;
                let clients = self.clients().await;
                let round = self.ticks(&catalog, &clients, &request, &progress);
                self.go(round, &pulse, pace).await;
            }
        }
        // it ends by the same signal
        let _ = web.await;
        tracing::info!("stopped");
        Ok(())
    }

    async fn go(&self, round: impl Round, pulse: &Pulse, pace: Pace) {
        let after = |pulse: &Pulse| {
            if let Some(file) = &self.config.serving.metrics_file {
                write_metrics(file, &pulse.snapshot());
            }
        };
        rounds(round, pulse, pace, Clock::system(), self.interrupt, after).await;
    }

    /// Rounds that are ticks.
    fn ticks<'a>(
        &'a self,
        catalog: &'a Catalog,
        clients: &'a Clients,
        request: &'a TickRequest,
        progress: &'a Progress,
    ) -> impl Round + 'a {
        async move || {
            let tick = operation::tick(catalog, clients, request, progress, self.interrupt);
            let report = tick.await?;
            report.databases.iter().for_each(log);
            Ok(report.databases.into_iter().map(Seen::from).collect())
        }
    }

    /// Rounds that start dynos.
    fn launcher<'a>(
        &'a self,
        heroku: &'a Heroku,
        dynos: &Dynos,
        catalog: &'a Catalog,
        databases: &[&Database],
    ) -> Result<impl Round + 'a> {
        let elsewhere = databases.iter().map(|database| {
            let turn = self.turn_of(database)?;
            Ok(Elsewhere {
                label: turn.label,
                schedule: turn.schedule,
            })
        });
        let (elsewhere, unready) = partitioned(elsewhere);
        if let Some(error) = unready.filter(|_| elsewhere.is_empty()) {
            return Err(error);
        }
        let dyno = (dynos.size.clone(), dynos.time_to_live);
        Ok(Launcher::new(
            (heroku, catalog),
            elsewhere,
            dyno,
            self.interrupt,
            async |_: &Missed| {},
        ))
    }

    /// What each round is to do. A database that lacks something keeps no other from its turn: it is told once, and shows in
    /// the metrics as one that was never looked at.
    fn rounds_of(&self, args: &ServeArgs, databases: &[&Database]) -> Result<TickRequest> {
        let turns = databases.iter().map(|database| self.turn_of(database));
        let (databases, unready) = partitioned(turns);
        if let Some(error) = unready.filter(|_| databases.is_empty()) {
            return Err(error);
        }
        Ok(TickRequest {
            databases,
            parallel: args.parallel.into(),
            prune: !args.no_prune,
            level: self.config.level,
            silence_max: self.config.silence_max,
            policy: self.policy(),
            clock: Clock::system(),
            steps: None,
        })
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

    fn address(&self, args: &ServeArgs) -> Result<(SocketAddr, bool)> {
        match &args.listen {
            Some(text) => match config::listen(text) {
                Ok(address) => Ok((address, false)),
                Err((why, hint)) => {
                    Err(usage(format!("--listen: {why}"), hint.unwrap_or_default()))
                }
            },
            None => self.config.serving.address(),
        }
    }

    fn announce(&self, listener: &TcpListener, answers: &Answers) {
        let address = listener
            .local_addr()
            .map_or_else(|_| String::new(), |address| address.to_string());
        tracing::info!(
            listen = address,
            "serving: /healthz and /metrics on http://{address}"
        );
        if answers.public && answers.token.is_none() {
            tracing::info!(
                "the platform passes the Internet on to this port: /metrics is refused until PGCOFFER_METRICS_TOKEN is set"
            );
        }
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
        // the tick itself has told it
        BackupOutcome::NotDue | BackupOutcome::Failed(_) => {}
    }
    if let PruneOutcome::Done(report) = &tick.prune
        && report.deleted() > 0
    {
        tracing::info!(%database, deleted = report.deleted(), "pruned");
    }
    match &tick.health {
        Some(health) => {
            for problem in health.problems() {
                tracing::warn!(%database, "{problem}");
            }
        }
        None => tracing::warn!(%database, "how it stands can't be seen"),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Error::Io {
            doing: format!("listen on {address}"),
            source,
        })
}

fn heroku(dynos: &Dynos) -> Result<Heroku> {
    let heroku = Heroku::new(&dynos.api, &dynos.app, dynos.key.clone());
    heroku.map_err(|error| usage(error.to_string(), error.hint().unwrap_or_default()))
}
