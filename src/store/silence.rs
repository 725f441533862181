//! A service that says nothing: one budget of time for all requests of a command, and signs of life for what is slow.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_s3::config::{
    ConfigBag, Intercept, RuntimeComponents,
    interceptors::{
        BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
        FinalizerInterceptorContextRef,
    },
};
use aws_smithy_runtime_api::{box_error::BoxError, client::orchestrator::Metadata};

/// How long a service may say nothing at all. The first attempt of a request takes that long by itself.
const BUDGET: Duration = Duration::from_secs(58);
/// The same while the bytes of a backup are under way: hours of work may lie behind.
const BUDGET_UNDER_WAY: Duration = Duration::from_secs(300);
/// After the budget is used up, whoever asks is refused at once; after this time the service is asked anew. Longer than the
/// longest pause between two attempts.
const REST: Duration = Duration::from_secs(45);

/// What every request of a store knows of the others: when the service was last heard, and when anything last moved.
#[derive(Debug, Clone, Default)]
pub(super) struct Silence(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The first request since the service was last heard.
    asked: Option<Instant>,
    /// The end of the last attempt that got no answer.
    ended: Option<Instant>,
    /// When the budget was found to be used up.
    given_up: Option<Instant>,
    moved: Option<Instant>,
}

/// Why a request is not made any more.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service has not answered for {seconds} s")]
pub(super) struct Silent {
    seconds: u64,
}

impl Silence {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes left this machine.
    pub(super) fn moved(&self) {
        self.state().moved = Some(Instant::now());
    }

    /// For how long nothing has moved in either direction, since `began` at most.
    pub(super) fn still_since(&self, began: Instant) -> Duration {
        let moved = self.state().moved;
        moved.map_or(began, |moved| moved.max(began)).elapsed()
    }
}

impl State {
    /// The service answered, whatever it said.
    fn hear(&mut self, now: Instant) {
        *self = Self {
            moved: Some(now),
            ..Self::default()
        };
    }

    fn ask(&mut self, now: Instant, budget: Duration) -> Result<(), Silent> {
        let rested = |at: Option<Instant>| at.is_some_and(|at| now.duration_since(at) >= REST);
        if rested(self.given_up.or(self.ended)) {
            (self.asked, self.ended, self.given_up) = (None, None, None);
        }
        let asked = *self.asked.get_or_insert(now);
        // while the bytes of a slow upload go, an answer isn't due
        let since = self.moved.map_or(asked, |moved| moved.max(asked));
        let silent = now.duration_since(since);
        if silent < budget {
            return Ok(());
        }
        self.given_up.get_or_insert(now);
        Err(Silent {
            seconds: silent.as_secs(),
        })
    }
}

impl Intercept for Silence {
    fn name(&self) -> &'static str {
        "Silence"
    }

    /// Before each attempt, the SDK's own repetitions too.
    fn read_before_signing(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let name = config.load::<Metadata>().map(Metadata::name);
        let budget = match name {
            Some("UploadPart" | "CompleteMultipartUpload" | "GetObject") => BUDGET_UNDER_WAY,
            _ => BUDGET,
        };
        Ok(self.state().ask(Instant::now(), budget)?)
    }

    fn read_before_deserialization(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.state().hear(Instant::now());
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut state = self.state();
        if context.response().is_none() && state.given_up.is_none() {
            state.ended = Some(Instant::now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_budget_is_used_up_by_all_requests_together_and_comes_back_after_a_rest() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::default();
        assert_eq!(state.ask(at(0), BUDGET), Ok(()));
        state.ended = Some(at(60));
        assert_eq!(state.ask(at(60), BUDGET), Err(Silent { seconds: 60 }));
        // the next look of the same command, and one that may take longer
        assert!(state.ask(at(61), BUDGET).is_err());
        assert_eq!(state.ask(at(61), BUDGET_UNDER_WAY), Ok(()));
        assert_eq!(state.ask(at(106), BUDGET), Ok(()));
    }

    #[test]
    fn an_answer_gives_the_whole_budget_back() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::default();
        assert_eq!(state.ask(at(0), BUDGET), Ok(()));
        state.hear(at(57));
        assert_eq!(state.ask(at(59), BUDGET), Ok(()));
        assert_eq!(state.ask(at(100), BUDGET), Ok(()));
        assert!(state.ask(at(120), BUDGET).is_err());
    }

    #[test]
    fn whatever_moves_slowly_is_not_silent() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::default();
        assert_eq!(state.ask(at(0), BUDGET_UNDER_WAY), Ok(()));
        for minute in 1..60 {
            state.moved = Some(at(minute * 60));
            assert_eq!(state.ask(at(minute * 60 + 59), BUDGET_UNDER_WAY), Ok(()));
        }
    }

    /// An endpoint that refused connections an hour ago has not been silent since.
    #[test]
    fn a_failure_of_long_ago_counts_no_more() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::default();
        assert_eq!(state.ask(at(0), BUDGET), Ok(()));
        state.ended = Some(at(10));
        assert_eq!(state.ask(at(3600), BUDGET), Ok(()));
    }
}
