//! The state of `serve` and of the databases, shared with its HTTP server.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::{DatabaseMetrics, Rounds, Snapshot};
use crate::{
    backup::Label,
    operation::{BackupOutcome, DatabaseTick, Health, Progress, PruneOutcome},
};

/// How many heartbeats the main loop may miss before it counts as stuck.
const HEARTBEATS_MISSED_MAX: u32 = 12;
/// How much longer than a silent pg_dump a round may make no progress, as a survey of the bucket makes none either.
const SURVEY_ALLOWANCE: Duration = Duration::from_secs(30 * 60);

/// The state of `serve`. Reading it never makes a request. Clones share one state.
#[derive(Debug, Clone)]
pub struct Monitor {
    state: Arc<Mutex<State>>,
    /// Somebody wants a round at once.
    wanted: Arc<Notify>,
}

/// What a round found out about one database.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The database.
    pub database: Label,
    /// Its health; `None` if that is unknown.
    pub health: Option<Health>,
    /// Whether something failed.
    pub failed: bool,
}

#[derive(Debug)]
struct State {
    databases: Vec<MonitoredDatabase>,
    rounds: Rounds,
    progress: Progress,
    /// When the main loop last showed a heartbeat.
    heartbeat: Instant,
    /// The progress of the current round, and when it last changed.
    motion: (u64, Instant),
    /// The progress when the current round began.
    round_motion: u64,
    heartbeat_max: Duration,
    idle_max: Duration,
}

#[derive(Debug)]
struct MonitoredDatabase {
    metrics: DatabaseMetrics,
    /// The number of rounds in a row in which its health was unknown.
    unseen_rounds: u32,
}

impl From<DatabaseTick> for Observation {
    fn from(tick: DatabaseTick) -> Self {
        let failed = matches!(tick.backup, BackupOutcome::Failed(_)) || matches!(tick.prune, PruneOutcome::Failed(_));
        Self {
            database: tick.database,
            // write-only credentials see nothing, and that is no failure
            failed: failed || (tick.health.is_none() && !tick.write_only),
            health: tick.health,
        }
    }
}

impl Monitor {
    /// The state of a `serve` that is about to begin. `progress` is that of its rounds; `heartbeat_every` is the time
    /// between two heartbeats of its main loop; `dump_idle_timeout` is the time after which a pg_dump that writes
    /// nothing counts as hung.
    #[must_use]
    pub fn new(
        databases: &[Label],
        progress: Progress,
        heartbeat_every: Duration,
        dump_idle_timeout: Duration,
    ) -> Self {
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
        let state = State {
            databases: databases.iter().map(monitored).collect(),
            rounds: Rounds::default(),
            motion: (progress.motion(), now),
            round_motion: progress.motion(),
            progress,
            heartbeat: now,
            heartbeat_max: heartbeat_every * HEARTBEATS_MISSED_MAX,
            idle_max: dump_idle_timeout + SURVEY_ALLOWANCE,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            wanted: Arc::default(),
        }
    }

    /// The state with write-only credentials.
    #[must_use]
    pub fn write_only(self) -> Self {
        for monitored in &mut self.state().databases {
            monitored.metrics.may_look = false;
        }
        self
    }

    /// Whether the main loop is alive: it shows heartbeats, and the current round makes progress.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let state = self.state();
        let stands = state.rounds.running && state.motion.1.elapsed() > state.idle_max;
        state.heartbeat.elapsed() <= state.heartbeat_max && !stands
    }

    /// All current values.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let state = self.state();
        let databases = state.databases.iter().map(|one| one.metrics.clone());
        Snapshot {
            databases: databases.collect(),
            rounds: Some(state.rounds),
        }
    }

    /// The progress of the round that goes on; none between two rounds, and while a round only looks.
    #[must_use]
    pub fn running_progress(&self) -> Option<Progress> {
        let state = self.state();
        let works = state.rounds.running && state.progress.motion() != state.round_motion;
        works.then(|| state.progress.clone())
    }

    /// Has the next round begin at once, or right after the one that goes on.
    pub(crate) fn want_round(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody wants a round. Safe to cancel.
    pub(crate) async fn round_wanted(&self) {
        self.wanted.notified().await;
    }

    /// Shows that the main loop is alive. To be called again and again.
    pub(crate) fn heartbeat(&self) {
        let mut state = self.state();
        let (now, motion) = (Instant::now(), state.progress.motion());
        state.heartbeat = now;
        if state.motion.0 != motion || !state.rounds.running {
            state.motion = (motion, now);
        }
    }

    /// Records that `serve` has begun.
    pub(crate) fn serving(&self, since: Timestamp) {
        self.state().rounds.serving_since = Some(since);
    }

    /// Records that a round has begun.
    pub(crate) fn round_begins(&self) {
        self.heartbeat();
        let mut state = self.state();
        state.rounds.running = true;
        state.round_motion = state.progress.motion();
    }

    /// Records the result of a round; `None` if it failed as a whole. Returns the time until the next round: the
    /// shortest of what `wait` returns for each database, by its health and by the number of rounds in a row in which
    /// that was unknown; `longest` if there is no database.
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
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MonitoredDatabase {
    /// Records the result for one database. After a failed survey the older values are kept.
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
