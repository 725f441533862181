//! What `serve` knows of itself and of the databases, shared with those who ask over HTTP.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{DatabaseMetrics, Rounds, Snapshot};
use crate::{
    backup::Label,
    operation::{BackupOutcome, DatabaseTick, Health, Progress, PruneOutcome},
};

/// How many heartbeats the clock may miss before it counts as stuck.
const HEARTBEATS_MISSED_MAX: u32 = 12;
/// How much longer than a silent pg_dump may take a round may stand still: a look at the bucket moves nothing either.
const BESIDE_SILENCE: Duration = Duration::from_secs(30 * 60);

/// The state of `serve`. A question reads it and never causes a call. Clones share one state.
#[derive(Debug, Clone)]
pub struct Monitor(Arc<Mutex<State>>);

/// What a round saw of one database.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The database.
    pub database: Label,
    /// How it stands; none where that can't be seen.
    pub health: Option<Health>,
    /// Whether something failed that was tried.
    pub failed: bool,
}

#[derive(Debug)]
struct State {
    databases: Vec<MonitoredDatabase>,
    rounds: Rounds,
    progress: Progress,
    /// When the clock was last seen going.
    heartbeat: Instant,
    /// When the round under way was last seen coming further.
    motion: (u64, Instant),
    heartbeat_max: Duration,
    stand_max: Duration,
}

#[derive(Debug)]
struct MonitoredDatabase {
    metrics: DatabaseMetrics,
    /// Rounds in a row that could not see it.
    unseen_rounds: u32,
}

impl From<DatabaseTick> for Observation {
    fn from(tick: DatabaseTick) -> Self {
        let failed = matches!(tick.backup, BackupOutcome::Failed(_)) || matches!(tick.prune, PruneOutcome::Failed(_));
        Self {
            database: tick.database,
            // who may only write sees nothing, and that is no failure
            failed: failed || (tick.health.is_none() && !tick.blind),
            health: tick.health,
        }
    }
}

impl Monitor {
    /// The state of a `serve` that is about to begin. `progress` is that of its rounds; `heartbeat_every` is how often
    /// its clock shows that it goes; `silence_max` is how long pg_dump may write nothing before it counts as hung.
    #[must_use]
    pub fn new(databases: &[Label], progress: Progress, heartbeat_every: Duration, silence_max: Duration) -> Self {
        let monitored = |database: &Label| MonitoredDatabase {
            metrics: DatabaseMetrics {
                database: database.clone(),
                health: None,
                look_succeeded: false,
                may_look: true,
            },
            unseen_rounds: 0,
        };
        let now = Instant::now();
        Self(Arc::new(Mutex::new(State {
            databases: databases.iter().map(monitored).collect(),
            rounds: Rounds::default(),
            motion: (progress.motion(), now),
            progress,
            heartbeat: now,
            heartbeat_max: heartbeat_every * HEARTBEATS_MISSED_MAX,
            stand_max: silence_max + BESIDE_SILENCE,
        })))
    }

    /// The same where nobody may look at the bucket.
    #[must_use]
    pub fn without_looks(self) -> Self {
        for monitored in &mut self.state().databases {
            monitored.metrics.may_look = false;
        }
        self
    }

    /// Whether the clock goes: it shows heartbeats, and the round under way comes further.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let state = self.state();
        let stands = state.rounds.running && state.motion.1.elapsed() > state.stand_max;
        state.heartbeat.elapsed() <= state.heartbeat_max && !stands
    }

    /// Everything that is known at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let databases = state.databases.iter().map(|one| one.metrics.clone());
        Snapshot {
            databases: databases.collect(),
            rounds: Some(state.rounds),
        }
    }

    /// Shows that the clock goes: to be called again and again.
    pub(crate) fn heartbeat(&self) {
        let mut state = self.state();
        let (now, motion) = (Instant::now(), state.progress.motion());
        state.heartbeat = now;
        if state.motion.0 != motion || !state.rounds.running {
            state.motion = (motion, now);
        }
    }

    /// `serve` begins.
    pub(crate) fn serving(&self, since: Timestamp) {
        self.state().rounds.serving_since = Some(since);
    }

    /// A round begins.
    pub(crate) fn round_begins(&self) {
        self.heartbeat();
        self.state().rounds.running = true;
    }

    /// Takes in what a round saw, none where it failed as a whole. Gives the time until the next round: the shortest of
    /// what `wait` says of each database, by its health and by how many rounds in a row could not see it; `longest`
    /// where there is no database.
    pub(crate) fn round_ended(
        &self,
        seen: Option<Vec<Observation>>,
        now: Timestamp,
        longest: Duration,
        wait: impl Fn(Option<&Health>, u32) -> Duration,
    ) -> Duration {
        let mut state = self.state();
        let failed = seen.as_ref().is_none_or(|seen| seen.iter().any(|one| one.failed));
        let seen = seen.unwrap_or_default();
        for monitored in &mut state.databases {
            monitored.take(seen.iter().find(|one| one.database == monitored.metrics.database));
        }
        let waits = state.databases.iter();
        let waits = waits.map(|one| wait(one.metrics.health.as_ref(), one.unseen_rounds));
        let wait = waits.min().unwrap_or(longest);
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

impl MonitoredDatabase {
    /// After a look that failed the older values stand.
    fn take(&mut self, seen: Option<&Observation>) {
        match seen.and_then(|seen| seen.health.clone()) {
            Some(health) => {
                self.unseen_rounds = 0;
                self.metrics.look_succeeded = true;
                self.metrics.health = Some(health);
            }
            None => {
                self.unseen_rounds = self.unseen_rounds.saturating_add(1);
                self.metrics.look_succeeded = false;
            }
        }
    }
}
