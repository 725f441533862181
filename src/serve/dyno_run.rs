//! One database that is backed up by dynos: its current dyno, and what follows from the dyno's state.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{
    backup::Label,
    cause::Backup,
    heroku::{Dyno, State},
    operation::Health,
    retry::Backoff,
    schedule::Schedule,
    text::shell_word,
};

/// How long after its time to live a dyno may still run: Heroku ends it "soon".
const OVERTIME: SignedDuration = SignedDuration::from_mins(10);
/// The time in which a dyno must have started. It usually takes seconds.
const START_MAX: SignedDuration = SignedDuration::from_mins(10);

/// A database that is backed up by dynos.
#[derive(Debug, Clone)]
pub struct ScheduledDatabase {
    /// Its label.
    pub label: Label,
    /// Its schedule.
    pub schedule: Schedule,
}

/// A database and its current dyno.
#[derive(Debug, Clone)]
pub(super) struct LaunchState {
    pub(super) database: ScheduledDatabase,
    /// The health by the last survey.
    pub(super) health: Option<Health>,
    /// The current dyno.
    pub(super) dyno_run: Option<DynoRun>,
    /// The number of missed runs in a row.
    pub(super) missed: u32,
    /// The end of the pause after missed runs.
    pub(super) not_before: Option<Timestamp>,
}

/// A dyno that backs a database up.
#[derive(Debug, Clone)]
pub(super) struct DynoRun {
    pub(super) dyno: Dyno,
    pub(super) began: Timestamp,
    /// When the newest run before it began. The dyno's run will have another time, whatever clock dates it.
    pub(super) newest_before: Option<Timestamp>,
    /// Whether its end was seen once, as a bucket may list the record a moment later.
    pub(super) ended: bool,
    /// Whether it was reported already.
    pub(super) reported: bool,
}

/// What to do about a database next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// Nothing yet.
    Wait,
    /// Report that a run was missed.
    Report(MissedCause),
}

/// Why a run was missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedCause {
    /// The reason, for the log.
    pub why: String,
    /// What the user can do about it.
    pub hint: Option<String>,
    /// The cause that may be sent over a channel.
    pub cause: Backup,
}

impl LaunchState {
    pub(super) fn new(database: ScheduledDatabase) -> Self {
        Self {
            database,
            health: None,
            dyno_run: None,
            missed: 0,
            not_before: None,
        }
    }

    /// The same by these settings. What was seen by another schedule says nothing of this one.
    pub(super) fn by(self, database: ScheduledDatabase) -> Self {
        let is_same = self.database.schedule == database.schedule;
        Self {
            health: self.health.filter(|_| is_same),
            database,
            ..self
        }
    }

    /// Whether a backup is due and there is no pause.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let Some(health) = &self.health else {
            return false;
        };
        let due = health.next_due.as_ref().is_some_and(|next| next.at <= now);
        let own = self.not_before.is_some_and(|until| now < until);
        due && health.paused_until.is_none() && !own
    }

    /// When the newest run with a record began.
    pub(super) fn newest_run(&self) -> Option<Timestamp> {
        let last = self.health.as_ref()?.figures.last_run?;
        Some(last.started)
    }

    /// The next step for a dyno that has left no record, although the bucket could be read.
    pub(super) fn after(
        &mut self,
        state: Option<State>,
        mut run: DynoRun,
        limit: Duration,
        now: Timestamp,
    ) -> NextStep {
        let name = &run.dyno.name;
        let trouble = match state.filter(|state| state.is_live()) {
            Some(state) => overdue(state, &run, limit, now),
            None if run.ended => {
                let (ended, cause) = if state == Some(State::Crashed) {
                    ("has crashed", Backup::BackupDynoCrashed)
                } else {
                    ("has ended", Backup::BackupDynoEnded)
                };
                let why = format!("the dyno {name} {ended} and left no record");
                let hint = format!("`heroku logs --dyno {}` shows what it said", shell_word(name));
                self.pause(now, None);
                let hint = Some(hint);
                return NextStep::Report(MissedCause { why, hint, cause });
            }
            None => {
                run.ended = true;
                None
            }
        };
        let step = match trouble.filter(|_| !run.reported) {
            Some(cause) => {
                run.reported = true;
                NextStep::Report(cause)
            }
            None => NextStep::Wait,
        };
        self.dyno_run = Some(run);
        step
    }

    /// Begins a pause after a missed run: twice as long after each further one, and not shorter than Heroku asks for.
    pub(super) fn pause(&mut self, now: Timestamp, asked: Option<Duration>) {
        self.missed = self.missed.saturating_add(1);
        let pause = Backoff::OF_RUNS.pause(self.missed);
        self.not_before = now.checked_add(pause.max(asked.unwrap_or_default())).ok();
    }

    /// The database's health, with the pause after missed runs; `None` if it is unknown.
    pub(super) fn shown(&self, looked: bool) -> Option<Health> {
        let mut health = self.health.clone().filter(|_| looked)?;
        health.paused_until = health.paused_until.max(self.not_before);
        Some(health)
    }
}

impl DynoRun {
    pub(super) fn new(dyno: Dyno, began: Timestamp, newest_before: Option<Timestamp>) -> Self {
        Self {
            dyno,
            began,
            newest_before,
            ended: false,
            reported: false,
        }
    }

    /// Whether Heroku should have ended it by now.
    pub(super) fn is_over(&self, limit: Duration, now: Timestamp) -> bool {
        let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
        now.duration_since(self.began) > limit.saturating_add(OVERTIME)
    }
}

/// Why a dyno that still runs has missed its run.
fn overdue(state: State, run: &DynoRun, limit: Duration, now: Timestamp) -> Option<MissedCause> {
    let name = &run.dyno.name;
    if run.is_over(limit, now) {
        let why = format!("the dyno {name} is {state} though its time to live is over");
        let hint = "stop it with `heroku ps:stop`; where backups take that long, raise PGCOFFER_HEROKU_TIME_TO_LIVE";
        return Some(MissedCause {
            why,
            hint: Some(hint.to_owned()),
            cause: Backup::BackupDynoOverdue,
        });
    }
    let stuck = state == State::Starting && now.duration_since(run.began) > START_MAX;
    stuck.then(|| MissedCause {
        why: format!("the dyno {name} doesn't come up"),
        hint: Some("status.heroku.com tells how Heroku is".to_owned()),
        cause: Backup::BackupDynoStuck,
    })
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(minutes: i64) -> Timestamp {
        "2026-11-20T03:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }

    fn launch_state() -> LaunchState {
        LaunchState::new(ScheduledDatabase {
            label: Label::parse("main").unwrap(),
            schedule: Schedule::parse("daily at 03:00 keep 7d", &TimeZone::UTC).unwrap(),
        })
    }

    fn dyno_run() -> DynoRun {
        let dyno = Dyno {
            id: "0".into(),
            name: "run.1".into(),
            command: String::new(),
            state: State::Starting,
        };
        DynoRun::new(dyno, at(0), None)
    }

    /// Checks after so many minutes, each time with this state of the dyno. Returns what is reported.
    fn told(looks: &[(i64, Option<State>)]) -> Vec<Option<String>> {
        let mut state = launch_state();
        state.dyno_run = Some(dyno_run());
        let told = looks.iter().map(|(minutes, dyno)| {
            let run = state.dyno_run.take().expect("it is waited for");
            match state.after(*dyno, run, HOUR, at(*minutes)) {
                NextStep::Wait => None,
                NextStep::Report(missed) => missed.hint.map(|_| missed.why),
            }
        });
        told.collect()
    }

    fn missed(why: &str) -> Option<String> {
        Some(format!("the dyno run.1 {why}"))
    }

    #[test]
    fn an_end_without_a_record_is_told_once_it_was_seen_twice() {
        for (state, why) in [
            (Some(State::Crashed), "has crashed and left no record"),
            (Some(State::Down), "has ended and left no record"),
            (None, "has ended and left no record"),
        ] {
            let looks = [(1, Some(State::Up)), (2, state), (3, state)];
            assert_eq!(told(&looks), [None, None, missed(why)]);
        }
    }

    #[test]
    fn one_that_never_comes_up_or_never_ends_is_told_once_and_waited_for() {
        let starting = Some(State::Starting);
        let never_up = told(&[(9, starting), (11, starting), (12, starting), (13, Some(State::Up))]);
        assert_eq!(never_up, [None, missed("doesn't come up"), None, None]);
        let up = Some(State::Up);
        let never_ends = told(&[(69, up), (71, up), (72, up)]);
        let why = "is up though its time to live is over";
        assert_eq!(never_ends, [None, missed(why), None]);
    }

    #[test]
    fn pauses_grow_and_heed_what_heroku_asks_for() {
        let mut state = launch_state();
        let mut pause = |asked: Option<u64>| {
            state.pause(at(0), asked.map(Duration::from_secs));
            state.not_before.unwrap().duration_since(at(0)).as_mins()
        };
        assert_eq!(
            [pause(None), pause(None), pause(Some(3600)), pause(None)],
            [5, 10, 60, 40]
        );
        for _ in 0..40 {
            pause(None);
        }
        assert_eq!(pause(None), 360);
    }
}
