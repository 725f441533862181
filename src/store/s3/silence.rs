//! A service that doesn't answer: one time budget for all requests of a command, and what counts as progress.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_s3::config::{
    ConfigBag, Intercept, RuntimeComponents,
    interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
};
use aws_smithy_runtime_api::{box_error::BoxError, client::orchestrator::Metadata};

/// How long a service may not answer at all, if little work can be lost.
const BUDGET: Duration = Duration::from_secs(58);
/// The largest budget, if hours of work can be lost.
const BUDGET_MAX: Duration = Duration::from_secs(300);
/// The budget is this fraction of the time for which bytes have been moving.
const BUDGET_SHARE: u32 = 10;
/// After a pause of this length, moving bytes count as a new piece of work.
const BREAK: Duration = Duration::from_secs(120);
/// After this time, a request that has neither ended nor been answered counts as cancelled.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// For this time after the budget is used up, requests are refused at once; then the service is tried again. Longer
/// than the longest pause between two attempts.
const REST: Duration = Duration::from_secs(45);

/// What all requests of a store share: when the service last answered, and when bytes last moved.
#[derive(Debug, Clone, Default)]
pub(super) struct Silence(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Waiting for answers of any kind, without the bodies of objects.
    answers: Waiting,
    /// Waiting for the bodies of objects, which can stall although the service answers.
    bodies: Waiting,
    work: Work,
}

/// The state of waiting for one kind of answer.
#[derive(Debug, Default)]
struct Waiting {
    /// The first request since the last complete answer.
    asked: Option<Instant>,
    /// When the last attempt without an answer ended.
    ended: Option<Instant>,
    /// When the budget was used up.
    given_up: Option<Instant>,
}

/// For how long bytes have been moving.
#[derive(Debug, Default)]
struct Work {
    began: Option<Instant>,
    moved: Option<Instant>,
    /// When bytes of a backup were last sent or acknowledged.
    sent: Option<Instant>,
}

/// Why a request is refused: the service hasn't answered for too long.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service has not answered for {seconds} s")]
pub(super) struct Silent {
    seconds: u64,
}

impl Silence {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that bytes of a backup were sent.
    pub(super) fn sent(&self) {
        let mut state = self.state();
        state.work.sent = Some(Instant::now());
        state.work.go_on(Instant::now());
    }

    /// Records that bytes of an object arrived.
    pub(super) fn received(&self) {
        self.state().work.go_on(Instant::now());
    }

    /// Records that an object arrived completely.
    pub(super) fn came_whole(&self) {
        self.state().bodies.hear();
    }

    /// Records that the bytes of an object stopped arriving.
    pub(super) fn stalled(&self) {
        self.state().bodies.end(Instant::now());
    }

    /// For how long nothing has been sent, counted from `began` at the earliest.
    pub(super) fn unsent_since(&self, began: Instant) -> Duration {
        let sent = self.state().work.sent;
        sent.map_or(began, |sent| sent.max(began)).elapsed()
    }

    /// How long the service may currently not answer.
    pub(super) fn budget(&self) -> Duration {
        self.state().work.budget()
    }
}

impl Work {
    fn go_on(&mut self, now: Instant) {
        let is_pause = |moved: Instant| now.duration_since(moved) > BREAK;
        if self.moved.is_none_or(is_pause) {
            self.began = Some(now);
        }
        self.moved = Some(now);
    }

    fn budget(&self) -> Duration {
        let span = self.began.zip(self.moved);
        let worked = span.map_or(Duration::ZERO, |(began, moved)| moved - began);
        (worked / BUDGET_SHARE).clamp(BUDGET, BUDGET_MAX)
    }
}

impl Waiting {
    fn hear(&mut self) {
        *self = Self::default();
    }

    fn end(&mut self, now: Instant) {
        if self.given_up.is_none() {
            self.ended = Some(now);
        }
    }

    /// Refuses a request if the wait has been too long. `moved` is when bytes moved, if that counts as progress.
    fn ask(&mut self, now: Instant, moved: Option<Instant>, budget: Duration) -> Result<(), Silent> {
        let rested = |at: Option<Instant>| at.is_some_and(|at| now.duration_since(at) >= REST);
        if rested(self.given_up.or(self.ended)) {
            *self = Self::default();
        }
        let asked = *self.asked.get_or_insert(now);
        let since = moved.map_or(asked, |moved| moved.max(asked));
        let silent = now.duration_since(since);
        if silent < budget {
            return Ok(());
        }
        if silent > FORGOTTEN {
            // the request was cancelled, and there was none since
            *self = Self {
                asked: Some(now),
                ..Self::default()
            };
            return Ok(());
        }
        self.given_up.get_or_insert(now);
        Err(Silent {
            seconds: silent.as_secs(),
        })
    }
}

impl State {
    fn ask(&mut self, now: Instant, is_object: bool) -> Result<(), Silent> {
        let budget = self.work.budget();
        // while a slow upload sends bytes, no answer is due
        self.answers.ask(now, self.work.sent, budget)?;
        if !is_object {
            return Ok(());
        }
        // moving bytes are no progress if they stop before the end each time
        let moved = self.work.moved.filter(|_| self.bodies.ended.is_none());
        self.bodies.ask(now, moved, budget)
    }
}

impl Intercept for Silence {
    fn name(&self) -> &'static str {
        "Silence"
    }

    /// Runs before each attempt, including the SDK's own retries, after credentials were found.
    fn read_before_signing(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let name = config.load::<Metadata>().map(Metadata::name);
        Ok(self.state().ask(Instant::now(), name == Some("GetObject"))?)
    }

    /// A complete answer counts, whatever it says.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let now = Instant::now();
        let came = context.response().is_some()
            && context
                .output_or_error()
                .is_some_and(|output| output.err().is_none_or(|error| error.is_operation_error()));
        let mut state = self.state();
        if !came {
            state.answers.end(now);
            return Ok(());
        }
        state.answers.hear();
        if config.load::<Metadata>().map(Metadata::name) == Some("UploadPart") {
            state.work.sent = Some(now);
            state.work.go_on(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn one_budget_is_used_up_by_all_requests_together_and_comes_back_after_a_rest() {
        let start = Instant::now();
        let mut state = State::default();
        assert_eq!(state.ask(start, false), Ok(()));
        state.answers.end(at(start, 60));
        let refused = Err(Silent { seconds: 60 });
        assert_eq!(state.ask(at(start, 60), false), refused);
        // the next request of the same command, of any kind
        assert!(state.ask(at(start, 61), true).is_err());
        assert_eq!(state.ask(at(start, 106), false), Ok(()));
    }

    #[test]
    fn an_answer_gives_the_whole_budget_back() {
        let start = Instant::now();
        let mut state = State::default();
        assert_eq!(state.ask(start, false), Ok(()));
        state.answers.hear();
        assert_eq!(state.ask(at(start, 59), false), Ok(()));
        assert_eq!(state.ask(at(start, 100), false), Ok(()));
        assert!(state.ask(at(start, 120), false).is_err());
    }

    #[test]
    fn whatever_moves_slowly_is_not_silent() {
        let start = Instant::now();
        let mut state = State::default();
        assert_eq!(state.ask(start, false), Ok(()));
        for minute in 1..60 {
            state.work.sent = Some(at(start, minute * 60));
            assert_eq!(state.ask(at(start, minute * 60 + 57), false), Ok(()));
        }
    }

    /// Each attempt gets the head of an answer and some bytes.
    #[test]
    fn bodies_that_stall_each_time_use_the_budget_up_though_answers_come() {
        let start = Instant::now();
        let mut state = State::default();
        for attempt in 0..3 {
            let now = at(start, attempt * 21);
            assert_eq!(state.ask(now, true), Ok(()), "{attempt}");
            state.answers.hear();
            state.work.go_on(now);
            state.bodies.end(at(start, attempt * 21 + 20));
        }
        assert!(state.ask(at(start, 63), true).is_err());
        // the next object of the same command, while listings go on
        assert_eq!(state.ask(at(start, 64), false), Ok(()));
        assert!(state.ask(at(start, 64), true).is_err());
        state.bodies.hear();
        assert_eq!(state.ask(at(start, 65), true), Ok(()));
    }

    #[test]
    fn the_budget_grows_with_the_work_that_lies_behind() {
        let start = Instant::now();
        let mut work = Work::default();
        assert_eq!(work.budget(), BUDGET);
        for minute in 0..=20 {
            work.go_on(at(start, minute * 60));
        }
        assert_eq!(work.budget(), Duration::from_secs(120));
        for minute in 20..=300 {
            work.go_on(at(start, minute * 60));
        }
        assert_eq!(work.budget(), BUDGET_MAX);
        work.go_on(at(start, 100_000));
        assert_eq!(work.budget(), BUDGET);
    }

    /// An endpoint that refused connections an hour ago has not been unresponsive since.
    #[test]
    fn a_failure_of_long_ago_counts_no_more() {
        let start = Instant::now();
        let mut state = State::default();
        assert_eq!(state.ask(start, false), Ok(()));
        state.answers.end(at(start, 10));
        assert_eq!(state.ask(at(start, 3600), false), Ok(()));
    }

    /// A cancelled request neither ends nor is answered.
    #[test]
    fn a_request_that_nobody_waits_for_counts_no_more() {
        let start = Instant::now();
        let mut state = State::default();
        assert_eq!(state.ask(start, true), Ok(()));
        assert_eq!(state.ask(at(start, 3600), true), Ok(()));
        assert_eq!(state.ask(at(start, 3650), true), Ok(()));
        assert!(state.ask(at(start, 3660), true).is_err());
    }
}
