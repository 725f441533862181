//! What a probe or a scrape is told of the clock.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{Pace, Seen};
use crate::{
    backup::Label,
    metrics::{Known, Rounds, Snapshot},
    operation::Progress,
};

/// How many naps the clock may oversleep before it counts as stuck.
const NAPS_MISSED: u32 = 12;
/// How much longer than a silent pg_dump may take a round may stand still: a look at the bucket moves nothing either.
const BESIDE_SILENCE: Duration = Duration::from_secs(30 * 60);

/// The state of the clock, shared with who asks for it. Clones show the same.
#[derive(Debug, Clone)]
pub struct Pulse(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    databases: Vec<Watched>,
    rounds: Rounds,
    progress: Progress,
    /// when the clock was last seen going
    beat: Instant,
    /// when the round under way was last seen coming further
    motion: (u64, Instant),
    beat_max: Duration,
    stand_max: Duration,
}

#[derive(Debug)]
struct Watched {
    known: Known,
    /// rounds in a row that could not see it
    blind: u32,
}

impl Pulse {
    /// Of a clock that is about to begin. `progress` is that of its rounds; `silence_max` is how long pg_dump may write
    /// nothing before it counts as hung.
    #[must_use]
    pub fn new(databases: &[Label], progress: Progress, pace: &Pace, silence_max: Duration) -> Self {
        let watched = |database: &Label| Watched {
            known: Known {
                database: database.clone(),
                health: None,
                look_succeeded: false,
                may_look: true,
            },
            blind: 0,
        };
        let now = Instant::now();
        Self(Arc::new(Mutex::new(State {
            databases: databases.iter().map(watched).collect(),
            rounds: Rounds::default(),
            motion: (progress.motion(), now),
            progress,
            beat: now,
            beat_max: pace.nap * NAPS_MISSED,
            stand_max: silence_max + BESIDE_SILENCE,
        })))
    }

    /// The same where nobody may look at the bucket.
    #[must_use]
    pub fn without_looks(self) -> Self {
        for watched in &mut self.state().databases {
            watched.known.may_look = false;
        }
        self
    }

    /// Whether the clock goes: it beats, and the round under way comes further.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let state = self.state();
        let stands = state.rounds.running && state.motion.1.elapsed() > state.stand_max;
        state.beat.elapsed() <= state.beat_max && !stands
    }

    /// Everything that there is to tell.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let databases = state.databases.iter().map(|one| one.known.clone());
        Snapshot {
            databases: databases.collect(),
            rounds: Some(state.rounds),
        }
    }

    /// To be called again and again while the clock goes.
    pub(super) fn beat(&self) {
        let mut state = self.state();
        let (now, motion) = (Instant::now(), state.progress.motion());
        state.beat = now;
        if state.motion.0 != motion || !state.rounds.running {
            state.motion = (motion, now);
        }
    }

    pub(super) fn serving(&self, since: Timestamp) {
        self.state().rounds.serving_since = Some(since);
    }

    pub(super) fn round_begins(&self) {
        self.beat();
        self.state().rounds.running = true;
    }

    /// Takes in what a round saw, none where it failed as a whole; when the next one is to be.
    pub(super) fn round_ended(&self, seen: Option<Vec<Seen>>, now: Timestamp, pace: &Pace) -> Duration {
        let mut state = self.state();
        let failed = seen.as_ref().is_none_or(|seen| seen.iter().any(|one| one.failed));
        let seen = seen.unwrap_or_default();
        for watched in &mut state.databases {
            watched.take(seen.iter().find(|one| one.database == watched.known.database));
        }
        let wait = |one: &Watched| pace.wait(one.known.health.as_ref(), one.blind, now);
        let wait = state.databases.iter().map(wait).min().unwrap_or(pace.longest);
        state.rounds = Rounds {
            ended: state.rounds.ended + 1,
            failed: state.rounds.failed + u64::from(failed),
            last: Some(now),
            next: now.checked_add(wait).ok(),
            running: false,
            ..state.rounds
        };
        wait
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// After a look that failed the older values stand.
    fn take(&mut self, seen: Option<&Seen>) {
        match seen.and_then(|seen| seen.health.clone()) {
            Some(health) => {
                self.blind = 0;
                self.known.look_succeeded = true;
                self.known.health = Some(health);
            }
            None => {
                self.blind = self.blind.saturating_add(1);
                self.known.look_succeeded = false;
            }
        }
    }
}
