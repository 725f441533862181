//! Rounds that start one-off dynos for what is due, and read from the bucket what became of it.
//!
//! A round never waits for a dyno: it looks at those under way and goes on. What a dyno did stands in the bucket or was
//! not done; its own state only says that no more is to be waited for. A clock that is started again finds the dynos of
//! the one before by their command, so that there are never two for a database.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    Round, Seen,
    flight::{Elsewhere, Flight, Step, Turn},
};
use crate::{
    backup::Label,
    catalog::Catalog,
    cause::Backup,
    error::{Error, Result},
    heroku::{self, Dyno, Heroku, OneOff},
    operation::{Clock, Health, Interrupt, status},
    panics::caught_as_error,
};

/// How often the bucket is looked at for a run whose dyno is still up.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// A run that was due and of which no record came.
#[derive(Debug, Clone)]
pub struct Missed {
    /// label of the database
    pub database: Label,
    /// why there is none
    pub why: String,
    /// what cures it
    pub hint: Option<String>,
    /// what may leave the machine of it
    pub cause: Backup,
    /// how the database stands; none where that can't be seen
    pub health: Option<Health>,
    /// when it is tried again
    pub retry_at: Timestamp,
}

/// What there is to tell of a database.
#[derive(Debug)]
pub enum News {
    /// the bucket can't be looked at
    Blind(Label, Error),
    /// it could be looked at
    Seen(Label),
    /// a run was missed
    Missed(Box<Missed>),
}

/// Rounds that start dynos. `M` is told of every look, and of every run that was missed.
pub struct Launcher<'a, M> {
    /// the app
    pub heroku: &'a Heroku,
    /// where the records are
    pub catalog: &'a Catalog,
    /// size of the dynos; none: the app's default
    pub size: Option<String>,
    /// how long a dyno may live
    pub time_to_live: Duration,
    /// by which clock things fall due
    pub clock: Clock,
    /// asks to stop: dynos under way go on
    pub interrupt: &'a Interrupt,
    /// whom to tell
    pub on_news: M,
    /// the databases, and what is under way
    turns: Vec<Turn>,
}

impl<'a, M: AsyncFnMut(&News)> Launcher<'a, M> {
    /// Rounds over these databases.
    pub fn new(
        (heroku, catalog): (&'a Heroku, &'a Catalog),
        databases: Vec<Elsewhere>,
        (size, time_to_live): (Option<String>, Duration),
        interrupt: &'a Interrupt,
        on_news: M,
    ) -> Self {
        Self {
            heroku,
            catalog,
            size,
            time_to_live,
            clock: Clock::system(),
            interrupt,
            on_news,
            turns: databases.into_iter().map(Turn::new).collect(),
        }
    }

    async fn turn(&mut self, mut turn: Turn) -> (Turn, Seen) {
        let looked = match self.look(&mut turn).await {
            Ok(fresh) => {
                if fresh {
                    let database = turn.database.label.clone();
                    (self.on_news)(&News::Seen(database)).await;
                }
                true
            }
            Err(error) => {
                let (database, hint) = (turn.database.label.clone(), error.hint());
                tracing::error!(%database, hint, "the bucket can't be looked at: {error}");
                (self.on_news)(&News::Blind(database, error)).await;
                false
            }
        };
        let step = match turn.flight.take() {
            Some(flight) => self.watch(&mut turn, flight, looked).await,
            None if looked => self.launch(&mut turn).await,
            None => Step::Wait,
        };
        let missed = matches!(step, Step::Miss(..));
        if let Step::Miss(why, hint, cause) = step {
            self.tell(&turn, (why, hint, cause)).await;
        }
        let seen = Seen {
            database: turn.database.label.clone(),
            health: turn.shown(looked),
            failed: missed || !looked,
        };
        (turn, seen)
    }

    /// Looks at the bucket, now and then only while a dyno is up; whether it was looked at now.
    async fn look(&self, turn: &mut Turn) -> Result<bool> {
        let now = self.clock.now();
        let waits = turn.flight.as_ref().is_some_and(|flight| !flight.ended);
        if let Some(health) = turn.health.as_ref().filter(|_| waits)
            && now.duration_since(health.figures.looked) < LOOK_EVERY
        {
            return Ok(false);
        }
        let database = &turn.database;
        let look = status(self.catalog, &database.label, Some(&database.schedule), now);
        turn.health = Some(look.await?);
        Ok(true)
    }

    /// Starts a dyno where something is due.
    async fn launch(&self, turn: &mut Turn) -> Step {
        let now = self.clock.now();
        if !turn.is_due(now) {
            return Step::Wait;
        }
        match self.dyno_for(&turn.database.label).await {
            Ok(dyno) => {
                turn.flight = Some(Flight::new(dyno, now, turn.newest_run()));
                Step::Wait
            }
            Err(error) => {
                turn.pause(now, error.retry_after);
                let why = format!("no dyno could be started: {error}");
                Step::Miss(why, error.hint(), cause_of(&error))
            }
        }
    }

    /// The dyno that backs this database up: one that runs already, or a new one.
    async fn dyno_for(&self, database: &Label) -> heroku::HerokuResult<Dyno> {
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

    /// Looks what became of a dyno under way.
    async fn watch(&self, turn: &mut Turn, flight: Flight, looked: bool) -> Step {
        let (label, name) = (&turn.database.label, &flight.dyno.name);
        if !looked {
            // whatever the dyno did, only the bucket can tell
            turn.flight = Some(flight);
            return Step::Wait;
        }
        if turn.newest_run() != flight.before {
            // whether well or not stands in its record, and the schedule goes by that
            tracing::info!(database = %label, dyno = name, "the dyno's run has left its record");
            (turn.missed, turn.not_before) = (0, None);
            return Step::Wait;
        }
        let (limit, now) = (self.time_to_live, self.clock.now());
        match self.heroku.dyno(&flight.dyno.id).await {
            Ok(dyno) => turn.after(dyno.map(|dyno| dyno.state), flight, limit, now),
            Err(error) if flight.is_over(limit, now) => {
                let why = format!("the dyno {name} left no record, and nobody can tell how it is: {error}");
                turn.pause(now, error.retry_after);
                Step::Miss(why, error.hint(), cause_of(&error))
            }
            // the bucket will tell, or its time to live
            Err(error) => {
                tracing::warn!(database = %label, dyno = name, "{error}");
                turn.flight = Some(flight);
                Step::Wait
            }
        }
    }

    async fn tell(&mut self, turn: &Turn, miss: (String, Option<String>, Backup)) {
        let (why, hint, cause) = miss;
        let database = turn.database.label.clone();
        let retry_at = turn.not_before.unwrap_or_else(|| self.clock.now());
        tracing::error!(%database, hint, %retry_at, "the backup that is due was not taken: {why}");
        let missed = Missed {
            database,
            why,
            hint,
            cause,
            health: turn.health.clone(),
            retry_at,
        };
        (self.on_news)(&News::Missed(Box::new(missed))).await;
    }
}

fn cause_of(error: &heroku::HerokuError) -> Backup {
    use heroku::HerokuErrorKind as K;
    match error.kind {
        K::Key | K::Payment | K::Forbidden | K::NotFound | K::Refused | K::TooMany => Backup::BackupDynoRefused,
        K::Down | K::Unreachable | K::Other => Backup::BackupDynoApi,
    }
}

impl<M: AsyncFnMut(&News)> Round for Launcher<'_, M> {
    async fn go(&mut self) -> Result<Vec<Seen>> {
        let (mut seen, mut bug, interrupt) = (Vec::new(), None, self.interrupt);
        for at in 0..self.turns.len() {
            // it stays as it was until its turn is over: a bug loses no database, and keeps no other waiting
            let turn = self.turns[at].clone();
            let work = caught_as_error(async { Ok::<_, Error>(self.turn(turn).await) });
            match interrupt.or(work).await {
                Ok((turn, one)) => {
                    self.turns[at] = turn;
                    seen.push(one);
                }
                Err(error @ Error::Internal(_)) => bug = bug.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        bug.map_or(Ok(seen), Err)
    }
}
