//! Limits of sending a message: time and attempts.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::Error;
use crate::retry::Backoff;

/// The limits of sending a message and of each attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendLimits {
    /// The time for all attempts and the pauses between them.
    pub total: Duration,
    /// The time for one attempt.
    pub attempt: Duration,
    /// The most attempts.
    pub attempts_max: u32,
    /// The pause after the first attempt. Each further pause is twice as long.
    pub first_pause: Duration,
}

impl SendLimits {
    /// The usual limits: half a minute.
    pub const USUAL: Self = Self {
        total: Duration::from_secs(30),
        attempt: Duration::from_secs(10),
        attempts_max: 4,
        first_pause: Duration::from_millis(500),
    };

    /// The limits after a signal: platforms wait 30 s and then kill, and aborting an upload takes some of that.
    pub const SHORT: Self = Self {
        total: Duration::from_secs(6),
        attempt: Duration::from_secs(4),
        attempts_max: 2,
        first_pause: Duration::from_millis(250),
    };

    /// Repeats `attempt` until it succeeds, fails with an error that doesn't pass, or the time is over. `host` is named
    /// in errors.
    pub(super) async fn retry<T, F>(self, host: &str, mut attempt: impl FnMut(u32) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let end = Instant::now() + self.total;
        let pauses = Backoff::new(self.first_pause, self.total);
        let mut last = None;
        for n in 1..=self.attempts_max {
            let until = end.min(Instant::now() + self.attempt);
            let error = match timeout_at(until, attempt(n)).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => error,
                Err(_) => Error::Timeout {
                    host: host.to_owned(),
                    seconds: self.attempt.as_secs(),
                },
            };
            if !error.is_passing() || n == self.attempts_max {
                return Err(error);
            }
            let pause = error.retry_after().unwrap_or_else(|| pauses.jittered(n));
            last = Some(error.to_string());
            if Instant::now() + pause >= end {
                break;
            }
            sleep(pause).await;
        }
        let host = host.to_owned();
        Err(Error::OutOfTime { host, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: SendLimits = SendLimits {
        total: Duration::from_secs(20),
        attempt: Duration::from_millis(50),
        attempts_max: 4,
        first_pause: Duration::from_millis(1),
    };

    fn answered(status: u16, retry_after: Option<Duration>) -> Error {
        Error::Answered {
            host: "h".into(),
            status,
            said: None,
            retry_after,
        }
    }

    async fn attempts(error: Error) -> (u32, Error) {
        let mut made = 0;
        let result = QUICK.retry("h", |n| {
            made = n;
            let error = error.clone();
            async { Err::<(), _>(error) }
        });
        let error = result.await.unwrap_err();
        (made, error)
    }

    #[tokio::test]
    async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
        for (status, made) in [(500, 4), (503, 4), (429, 4), (408, 4), (400, 1), (404, 1), (410, 1)] {
            assert_eq!(attempts(answered(status, None)).await.0, made, "{status}");
        }
    }

    #[tokio::test]
    async fn retry_after_is_heeded_as_long_as_there_is_time() {
        let began = Instant::now();
        let soon = Duration::from_millis(20);
        assert_eq!(attempts(answered(429, Some(soon))).await.0, 4);
        assert!(began.elapsed() >= 3 * soon);
        let (made, error) = attempts(answered(429, Some(QUICK.total))).await;
        assert_eq!(made, 1);
        let told = matches!(&error, Error::OutOfTime { last: Some(_), .. });
        assert!(told, "{error}");
    }

    #[tokio::test]
    async fn one_that_never_answers_is_given_up() {
        let never = std::future::pending::<Result<(), Error>>;
        let error = QUICK.retry("h", |_| never()).await.unwrap_err();
        assert!(matches!(error, Error::Timeout { .. }), "{error}");
    }
}
