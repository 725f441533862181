//! Rounds that start one-off dynos for what is due, and read from the bucket what became of it.
//!
//! A round never waits for a dyno: it looks at those under way and goes on. What a dyno did stands in the bucket or was not
//! done; its own state only says that no more is to be waited for. A clock that is started again finds the dynos of the one
//! before by their command, so that there are never two for a database.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Round, Seen};
use crate::{
    backup::Label,
    catalog::Catalog,
    error::{Error, Result},
    heroku::{self, Dyno, Heroku, OneOff, State},
    operation::{Clock, Health, Interrupt, status},
    schedule::Schedule,
};

/// How often the bucket is looked at for a run whose dyno is still up.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(5);
/// After its time to live Heroku ends a dyno "soon".
const OVERTIME: SignedDuration = SignedDuration::from_mins(10);
/// A dyno is up within seconds; one that isn't by then may never be.
const START_MAX: SignedDuration = SignedDuration::from_mins(10);
/// Pause after a dyno that left no record, twice as long after each further one: as the schedule's own after failures.
const FIRST_PAUSE: Duration = Duration::from_secs(5 * 60);
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// A database that is backed up by dynos.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// its label
    pub label: Label,
    /// when it is backed up
    pub schedule: Schedule,
}

/// A run that was due and of which no record came.
#[derive(Debug, Clone)]
pub struct Missed {
    /// label of the database
    pub database: Label,
    /// why there is none
    pub why: String,
    /// what cures it
    pub hint: Option<String>,
    /// how the database stands; none where that can't be seen
    pub health: Option<Health>,
    /// when it is tried again
    pub retry_at: Timestamp,
}

/// Rounds that start dynos. `M` is told of every run that was missed.
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
    pub on_missed: M,
    /// the databases, and what is under way
    turns: Vec<Turn>,
}

#[derive(Debug)]
struct Turn {
    database: Elsewhere,
    /// what the last look saw
    health: Option<Health>,
    flight: Option<Flight>,
    /// runs missed in a row
    missed: u32,
    not_before: Option<Timestamp>,
}

/// A dyno under way.
#[derive(Debug)]
struct Flight {
    dyno: Dyno,
    began: Timestamp,
    /// the newest run that there was before: by whatever clock dynos date theirs, it will be another
    before: Option<Timestamp>,
    /// its end was seen once: a bucket may take a moment to list the record
    ended: bool,
    /// nobody needs to be told twice
    told: bool,
}

/// What to do about a database next.
enum Step {
    Wait,
    Miss(String, Option<String>),
}

impl<'a, M: AsyncFnMut(&Missed)> Launcher<'a, M> {
    /// Rounds over these databases.
    pub fn new(
        (heroku, catalog): (&'a Heroku, &'a Catalog),
        databases: Vec<Elsewhere>,
        (size, time_to_live): (Option<String>, Duration),
        interrupt: &'a Interrupt,
        on_missed: M,
    ) -> Self {
        let turn = |database| Turn {
            database,
            health: None,
            flight: None,
            missed: 0,
            not_before: None,
        };
        Self {
            heroku,
            catalog,
            size,
            time_to_live,
            clock: Clock::system(),
            interrupt,
            on_missed,
            turns: databases.into_iter().map(turn).collect(),
        }
    }

    async fn turn(&mut self, mut turn: Turn) -> (Turn, Seen) {
        let looked = self.look(&mut turn).await;
        let step = match turn.flight.take() {
            Some(flight) => self.watch(&mut turn, flight, looked).await,
            None if looked => self.launch(&mut turn).await,
            None => Step::Wait,
        };
        let missed = matches!(step, Step::Miss(..));
        if let Step::Miss(why, hint) = step {
            self.tell(&turn, why, hint).await;
        }
        let seen = Seen {
            database: turn.database.label.clone(),
            health: turn.shown(looked),
            failed: missed || !looked,
        };
        (turn, seen)
    }

    /// Looks at the bucket, now and then only while a dyno is up; whether what is known is fresh enough.
    async fn look(&self, turn: &mut Turn) -> bool {
        let now = self.clock.now();
        let waits = turn.flight.as_ref().is_some_and(|flight| !flight.ended);
        if let Some(health) = turn.health.as_ref().filter(|_| waits)
            && now.duration_since(health.figures.looked) < LOOK_EVERY
        {
            return true;
        }
        let database = &turn.database;
        match status(self.catalog, &database.label, Some(&database.schedule), now).await {
            Ok(health) => {
                turn.health = Some(health);
                true
            }
            Err(error) => {
                let hint = error.hint();
                tracing::error!(database = %database.label, hint, "the bucket can't be looked at: {error}");
                false
            }
        }
    }

    /// Starts a dyno where something is due.
    async fn launch(&self, turn: &mut Turn) -> Step {
        let now = self.clock.now();
        if !turn.is_due(now) {
            return Step::Wait;
        }
        match self.dyno_for(&turn.database.label).await {
            Ok(dyno) => {
                turn.flight = Some(Flight {
                    dyno,
                    began: now,
                    before: turn.newest_run(),
                    ended: false,
                    told: false,
                });
                Step::Wait
            }
            Err(error) => {
                turn.pause(now, error.retry_after);
                let why = format!("no dyno could be started: {error}");
                Step::Miss(why, error.hint())
            }
        }
    }

    /// The dyno that backs this database up: one that runs already, or a new one.
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

    /// Looks what became of a dyno under way.
    async fn watch(&self, turn: &mut Turn, flight: Flight, looked: bool) -> Step {
        if looked && turn.newest_run() != flight.before {
            // whether well or not stands in its record, and the schedule goes by that
            tracing::info!(database = %turn.database.label, dyno = flight.dyno.name, "the dyno's run has left its record");
            (turn.missed, turn.not_before) = (0, None);
            return Step::Wait;
        }
        let now = self.clock.now();
        let life = now.duration_since(flight.began);
        let limit = SignedDuration::try_from(self.time_to_live).unwrap_or(SignedDuration::MAX);
        let is_over = life > limit.saturating_add(OVERTIME);
        match self.heroku.dyno(&flight.dyno.id).await {
            Ok(dyno) => {
                let state = dyno.map(|dyno| dyno.state);
                turn.after(state, flight, is_over, now)
            }
            // nobody can tell how it is: the bucket will, or its time to live
            Err(error) if !is_over => {
                tracing::warn!(database = %turn.database.label, dyno = flight.dyno.name, "{error}");
                turn.flight = Some(flight);
                Step::Wait
            }
            Err(error) => {
                turn.pause(now, error.retry_after);
                let why = format!(
                    "the dyno {} has left no record, and how it is can't be told: {error}",
                    flight.dyno.name
                );
                Step::Miss(why, error.hint())
            }
        }
    }

    async fn tell(&mut self, turn: &Turn, why: String, hint: Option<String>) {
        let database = turn.database.label.clone();
        let retry_at = turn.not_before.unwrap_or_else(|| self.clock.now());
        tracing::error!(%database, hint, %retry_at, "the backup that is due was not taken: {why}");
        let missed = Missed {
            database,
            why,
            hint,
            health: turn.health.clone(),
            retry_at,
        };
        (self.on_missed)(&missed).await;
    }
}

impl Turn {
    /// Whether a backup is due, and no pause keeps it.
    fn is_due(&self, now: Timestamp) -> bool {
        let Some(health) = &self.health else {
            return false;
        };
        let due = health.next_due.as_ref().is_some_and(|next| next.at <= now);
        let own = self.not_before.is_some_and(|until| now < until);
        due && health.paused_until.is_none() && !own
    }

    /// When the newest run of which there is a record began.
    fn newest_run(&self) -> Option<Timestamp> {
        let last = self.health.as_ref()?.figures.last_run?;
        Some(last.started)
    }

    /// What a dyno's state says, where no record came of it yet.
    fn after(
        &mut self,
        state: Option<State>,
        mut flight: Flight,
        is_over: bool,
        now: Timestamp,
    ) -> Step {
        let name = flight.dyno.name.clone();
        let late = now.duration_since(flight.began) > START_MAX;
        let (why, hint) = match state {
            Some(State::Starting) if late && !flight.told => (
                format!("the dyno {name} doesn't come up"),
                "status.heroku.com tells how Heroku is",
            ),
            Some(state) if is_over && state.is_live() && !flight.told => (
                format!("the dyno {name} is {state} though its time to live is over"),
                "stop it with `heroku ps:stop`; where backups take that long, raise PGCOFFER_HEROKU_TIME_TO_LIVE",
            ),
            Some(state) if state.is_live() => {
                self.flight = Some(flight);
                return Step::Wait;
            }
            _ if !flight.ended => {
                flight.ended = true;
                self.flight = Some(flight);
                return Step::Wait;
            }
            state => {
                let ended = match state {
                    Some(State::Crashed) => "has crashed",
                    _ => "has ended",
                };
                self.pause(now, None);
                let hint = format!("`heroku logs --dyno {name}` shows what it said");
                return Step::Miss(
                    format!("the dyno {name} {ended} and left no record"),
                    Some(hint),
                );
            }
        };
        flight.told = true;
        self.flight = Some(flight);
        Step::Miss(why, Some(hint.to_owned()))
    }

    fn pause(&mut self, now: Timestamp, asked: Option<Duration>) {
        let pause = (FIRST_PAUSE * (1 << self.missed.min(16))).min(LONGEST_PAUSE);
        self.missed = self.missed.saturating_add(1);
        self.not_before = now.checked_add(pause.max(asked.unwrap_or_default())).ok();
    }

    /// How it stands, its own pause included; none where that could not be seen.
    fn shown(&self, looked: bool) -> Option<Health> {
        let mut health = self.health.clone().filter(|_| looked)?;
        health.paused_until = health.paused_until.max(self.not_before);
        Some(health)
    }
}

impl<M: AsyncFnMut(&Missed)> Round for Launcher<'_, M> {
    async fn go(&mut self) -> Result<Vec<Seen>> {
        let mut seen = Vec::new();
        let interrupt = self.interrupt;
        for turn in std::mem::take(&mut self.turns) {
            let work = async { Ok::<_, Error>(self.turn(turn).await) };
            let (turn, one) = interrupt.or(work).await?;
            self.turns.push(turn);
            seen.push(one);
        }
        Ok(seen)
    }
}
