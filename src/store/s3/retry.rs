//! Trying again, in one place: which failures pass, how long is waited, and what is believed of a wire that nothing
//! guards.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use super::{Error, Kind, S3, endpoint::Endpoint};

/// How often a request is made again that changes nothing or may be repeated, beyond the SDK's own three attempts each.
pub(super) const ATTEMPTS: u32 = 4;
/// The same where hours of work may lie behind: with the pauses between, an outage of about a minute and a half is
/// outlived.
pub(super) const ATTEMPTS_UNDER_WAY: u32 = 7;
/// How often a request is made whose bytes, or whose answer's, arrive damaged. What damages one in a hundred of them is
/// outlived, and what damages all of them is found within seconds.
const ATTEMPTS_DAMAGED: u32 = 5;
/// How often an answer without a checksum is asked for until two in a row agree.
const LOOKS: u32 = 6;

impl S3 {
    /// Makes a request again while its failure is a passing one.
    ///
    /// Over plain HTTP a request can be damaged on its way, and the service then refuses another one than was sent: a
    /// refusal is doubted once. TLS finds such damage by itself.
    pub(super) async fn retry<T, F>(&self, attempts: u32, request: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (mut attempt, mut damaged, mut doubted) = (1, 1, self.over_tls);
        loop {
            let error = match Box::pin(request()).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let again = match error.kind {
                Kind::Damaged => damaged < ATTEMPTS_DAMAGED,
                Kind::Unreachable if self.options.quick && !self.was_heard() => false,
                kind if kind.is_passing() => attempt < attempts,
                kind => kind.is_doubtful() && !std::mem::replace(&mut doubted, true),
            };
            if !again {
                return Err(self.explained(error));
            }
            if attempt == 1 && damaged == 1 && error.kind.is_passing() {
                tracing::warn!("{error}; trying again");
            }
            if error.kind.is_passing() && error.kind != Kind::Damaged {
                tokio::time::sleep(pause(attempt)).await;
                attempt += 1;
            } else {
                tokio::time::sleep(jittered(Duration::from_millis(100 << damaged.min(4)))).await;
                damaged += 1;
            }
        }
    }

    /// Whether the service has answered anything yet.
    fn was_heard(&self) -> bool {
        self.service_time().is_some()
    }

    /// An error with what the place itself tells of it.
    pub(super) fn explained(&self, error: Error) -> Error {
        let variables = &self.options.variables;
        let cure = match error.kind {
            _ if error.cure.is_some() => None,
            Kind::NoCredentials if !error.is_of_source() => variables.cure_of_none(&error.why),
            Kind::WrongCredentials => variables.cure_of_refusal(&error.why),
            _ => None,
        };
        if let Some(cure) = cure {
            return error.with_cure(cure);
        }
        let is_of_place = matches!(
            error.kind,
            Kind::Endpoint | Kind::NoBucket | Kind::Unreachable | Kind::Certificate | Kind::WrongRegion | Kind::Denied
        );
        let holds = |endpoint: &Arc<Endpoint>| endpoint.holds(&self.location);
        if is_of_place && self.endpoint.as_ref().is_some_and(holds) {
            let bucket = &self.location.bucket;
            return error.with_cure(format!(
                "the endpoint seems to hold the bucket's name, {bucket}, which belongs into PGCOFFER_BUCKET alone: \
                 write AWS_ENDPOINT_URL_S3 without it"
            ));
        }
        error
    }

    /// Asks for an answer that bears no checksum: a listing, or an answer's head. Over plain HTTP a bit that was
    /// flipped on the way is not found by anything, and would be an object that isn't there or a length that is wrong;
    /// there the question is asked until two answers in a row agree.
    pub(super) async fn ask<T: PartialEq, F>(
        &self,
        attempts: u32,
        request: impl Fn() -> F,
        doing: impl Fn() -> String,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut before = Box::pin(self.retry(attempts, &request)).await?;
        if self.over_tls {
            return Ok(before);
        }
        for _ in 1..LOOKS {
            let after = Box::pin(self.retry(attempts, &request)).await?;
            if after == before {
                return Ok(after);
            }
            before = after;
        }
        let why = format!("{LOOKS} answers in a row differ from one another");
        Err(Error::new(Kind::Damaged, doing(), why))
    }
}

/// The pause after a failed attempt: 1, 2, 4, 8, 16, 30, 30 … seconds, each a quarter more or less, so that agents
/// which failed at once don't come back at once.
pub(crate) fn pause(attempt: u32) -> Duration {
    jittered(Duration::from_secs((1 << attempt.saturating_sub(1).min(5)).min(30)))
}

fn jittered(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 512;
    pause * (768 + u32::try_from(random).unwrap_or(0)) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let between = |attempt, low: f64, high: f64| {
            let seconds = pause(attempt).as_secs_f64();
            assert!(seconds >= low && seconds <= high, "{attempt}: {seconds}");
        };
        between(1, 0.75, 1.25);
        between(4, 6.0, 10.0);
        between(6, 22.5, 37.5);
        between(u32::MAX, 22.5, 37.5);
    }
}
