//! Rounds that start one-off dynos for what is due, and read the results from the bucket.
//!
//! A round never waits for a dyno: it checks the current ones and goes on. What a dyno did is in the bucket, or was not
//! done; the dyno's state only shows when to stop waiting. A restarted `serve` finds the dynos of the previous one by
//! their command, so there are never two for one database.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    Round,
    dyno_run::{DynoRun, LaunchState, MissedCause, NextStep, ScheduledDatabase},
};
use crate::{
    backup::Label,
    catalog::Catalog,
    cause::Backup,
    error::{Error, Result},
    heroku::{self, Dyno, Heroku, OneOff},
    metrics::Observation,
    operation::{Clock, Health, Interrupt, Schedules, status},
    panics::caught_as_error,
};

/// How often the bucket is surveyed for a run whose dyno is still up.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// A run that was due, and has left no record.
#[derive(Debug, Clone)]
pub struct MissedRun {
    /// The database.
    pub database: Label,
    /// Why there is no record.
    pub cause: MissedCause,
    /// The database's health; `None` if it is unknown.
    pub health: Option<Health>,
    /// When the next attempt begins.
    pub retry_at: Timestamp,
}

/// An event of one database.
#[derive(Debug)]
pub enum LaunchEvent {
    /// The bucket can't be read.
    Unseen(Label, Error),
    /// The bucket could be read.
    Seen(Label),
    /// A run was missed.
    Missed(Box<MissedRun>),
}

/// Rounds that start dynos. `M` is called with the result of every survey, and with every missed run.
pub struct Launcher<'a, M> {
    /// The app.
    pub heroku: &'a Heroku,
    /// The bucket with the records.
    pub catalog: &'a Catalog,
    /// The size of the dynos; `None` for the app's default.
    pub size: Option<String>,
    /// How long a dyno may live.
    pub time_to_live: Duration,
    /// The clock by which backups become due.
    pub clock: Clock,
    /// The request to stop. Running dynos go on.
    pub interrupt: &'a Interrupt,
    /// Called with each event.
    pub on_event: M,
    /// The databases and their dynos.
    states: Vec<LaunchState>,
}

impl<'a, M: AsyncFnMut(&LaunchEvent)> Launcher<'a, M> {
    /// Rounds over these databases.
    pub fn new(
        (heroku, catalog): (&'a Heroku, &'a Catalog),
        databases: Vec<ScheduledDatabase>,
        (size, time_to_live): (Option<String>, Duration),
        interrupt: &'a Interrupt,
        on_event: M,
    ) -> Self {
        Self {
            heroku,
            catalog,
            size,
            time_to_live,
            clock: Clock::system(),
            interrupt,
            on_event,
            states: databases.into_iter().map(LaunchState::new).collect(),
        }
    }

    /// These are the databases from now on. One that was there already keeps its dyno, and is looked at anew where its
    /// schedule is another one.
    pub fn set_databases(&mut self, databases: Vec<ScheduledDatabase>) {
        let mut before = std::mem::take(&mut self.states);
        let states = databases.into_iter().map(|database| {
            let known = before.iter().position(|state| state.database.label == database.label);
            match known.map(|at| before.swap_remove(at)) {
                Some(state) => state.by(database),
                None => LaunchState::new(database),
            }
        });
        self.states = states.collect();
    }

    async fn run_one(&mut self, mut state: LaunchState) -> (LaunchState, Observation) {
        let looked = match self.look(&mut state).await {
            Ok(fresh) => {
                if fresh {
                    let database = state.database.label.clone();
                    (self.on_event)(&LaunchEvent::Seen(database)).await;
                }
                true
            }
            Err(error) => {
                let (database, hint) = (state.database.label.clone(), error.hint());
                tracing::error!(%database, hint, "the bucket can't be looked at: {error}");
                (self.on_event)(&LaunchEvent::Unseen(database, error)).await;
                false
            }
        };
        let step = match state.dyno_run.take() {
            Some(run) => self.watch(&mut state, run, looked).await,
            None if looked => self.launch(&mut state).await,
            None => NextStep::Wait,
        };
        let missed = matches!(step, NextStep::Report(_));
        if let NextStep::Report(cause) = step {
            self.report(&state, cause).await;
        }
        let seen = Observation {
            database: state.database.label.clone(),
            health: state.shown(looked),
            failed: missed || !looked,
        };
        (state, seen)
    }

    /// Surveys the bucket, but only now and then while a dyno is up. Returns whether it did.
    async fn look(&self, state: &mut LaunchState) -> Result<bool> {
        let now = self.clock.now();
        let waits = state.dyno_run.as_ref().is_some_and(|run| !run.ended);
        if let Some(health) = state.health.as_ref().filter(|_| waits)
            && now.duration_since(health.figures.looked) < LOOK_EVERY
        {
            return Ok(false);
        }
        let database = &state.database;
        let schedules = Schedules {
            backups: Some(&database.schedule),
            drills: None,
        };
        let look = status(self.catalog, &database.label, schedules, now);
        state.health = Some(look.await?);
        Ok(true)
    }

    /// Starts a dyno if something is due.
    async fn launch(&self, state: &mut LaunchState) -> NextStep {
        let now = self.clock.now();
        if !state.is_due(now) {
            return NextStep::Wait;
        }
        match self.dyno_for(&state.database.label).await {
            Ok(dyno) => {
                state.dyno_run = Some(DynoRun::new(dyno, now, state.newest_run()));
                NextStep::Wait
            }
            Err(error) => {
                state.pause(now, error.retry_after);
                let why = format!("no dyno could be started: {error}");
                missed(why, &error)
            }
        }
    }

    /// The dyno that backs this database up: one that already runs, or a new one.
    async fn dyno_for(&self, database: &Label) -> heroku::Result<Dyno> {
        let command = format!("pgcoffer tick --database {database}");
        let running = self.heroku.dynos().await?;
        let is_ours = |dyno: &&Dyno| dyno.command == command && dyno.state.is_live();
        if let Some(dyno) = running.iter().find(is_ours) {
            tracing::info!(%database, dyno = dyno.name, "a dyno is at it already");
            return Ok(dyno.clone());
        }
        let one_off = OneOff {
            command,
            size: self.size.clone(),
            time_to_live: self.time_to_live.as_secs(),
        };
        let dyno = self.heroku.start(&one_off).await?;
        tracing::info!(%database, dyno = dyno.name, "due: a dyno was started");
        Ok(dyno)
    }

    /// Checks a running dyno.
    async fn watch(&self, state: &mut LaunchState, run: DynoRun, looked: bool) -> NextStep {
        let (label, name) = (&state.database.label, &run.dyno.name);
        if !looked {
            // only the bucket shows what the dyno did
            state.dyno_run = Some(run);
            return NextStep::Wait;
        }
        if state.newest_run() != run.newest_before {
            // its record says whether it succeeded, which the schedule evaluates
            tracing::info!(database = %label, dyno = name, "the dyno's run has left its record");
            (state.missed, state.not_before) = (0, None);
            return NextStep::Wait;
        }
        let (limit, now) = (self.time_to_live, self.clock.now());
        match self.heroku.dyno(&run.dyno.id).await {
            Ok(dyno) => state.after(dyno.map(|dyno| dyno.state), run, limit, now),
            Err(error) if run.is_over(limit, now) => {
                let why = format!("the dyno {name} left no record, and nobody can tell how it is: {error}");
                state.pause(now, error.retry_after);
                missed(why, &error)
            }
            // the bucket will show the result, or its time to live will end
            Err(error) => {
                tracing::warn!(database = %label, dyno = name, "{error}");
                state.dyno_run = Some(run);
                NextStep::Wait
            }
        }
    }

    async fn report(&mut self, state: &LaunchState, cause: MissedCause) {
        let MissedCause { why, hint, .. } = &cause;
        let database = state.database.label.clone();
        let retry_at = state.not_before.unwrap_or_else(|| self.clock.now());
        tracing::error!(%database, hint, %retry_at, "the backup that is due was not taken: {why}");
        let missed = MissedRun {
            database,
            cause,
            health: state.health.clone(),
            retry_at,
        };
        (self.on_event)(&LaunchEvent::Missed(Box::new(missed))).await;
    }
}

/// The step for a run that an error of Heroku's API prevented.
fn missed(why: String, error: &heroku::Error) -> NextStep {
    NextStep::Report(MissedCause {
        why,
        hint: error.hint(),
        cause: cause_of(error),
    })
}

fn cause_of(error: &heroku::Error) -> Backup {
    use heroku::ErrorKind as K;
    match error.kind {
        K::Key | K::Payment | K::Forbidden | K::NotFound | K::Refused | K::TooMany => Backup::BackupDynoRefused,
        K::Down | K::Unreachable | K::Other => Backup::BackupDynoApi,
    }
}

impl<M: AsyncFnMut(&LaunchEvent)> Round for Launcher<'_, M> {
    async fn run(&mut self) -> Result<Vec<Observation>> {
        let (mut seen, mut bug, interrupt) = (Vec::new(), None, self.interrupt);
        for at in 0..self.states.len() {
            // keep its old state until it is done, so that a bug loses no database and doesn't affect others
            let state = self.states[at].clone();
            let work = caught_as_error(async { Ok::<_, Error>(self.run_one(state).await) });
            match interrupt.or(work).await {
                Ok((state, one)) => {
                    self.states[at] = state;
                    seen.push(one);
                }
                Err(error @ Error::Internal(_)) => bug = bug.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        bug.map_or(Ok(seen), Err)
    }
}
