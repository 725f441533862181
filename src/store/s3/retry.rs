//! All retries of requests: which failures pass, how long the pauses are, and which answers count if nothing protects
//! the connection.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Error, Kind, S3, endpoint::Endpoint};
use crate::retry::Backoff;

/// The number of attempts at a request that changes nothing or may be repeated, in addition to the SDK's own three
/// attempts each.
pub(super) const ATTEMPTS: u32 = 4;
/// The number of attempts during an upload, where hours of work may be lost. With the pauses between, they last through
/// an outage of about a minute and a half.
pub(super) const ATTEMPTS_UNDER_WAY: u32 = 7;
/// The number of attempts if a request or its answer arrives damaged. So damage to one in a hundred of them does no
/// harm, and damage to all of them is found within seconds.
const ATTEMPTS_DAMAGED: u32 = 5;
/// The pauses between these attempts.
const DAMAGED: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_millis(1600));
/// After this time without an answer, a user who waits is told so.
const ANNOUNCED_AFTER: Duration = Duration::from_secs(5);
/// The most requests for an answer without a checksum, until two in a row agree.
const ANSWERS_MAX: u32 = 6;

impl S3 {
    /// Repeats a request while its failure is a passing one.
    ///
    /// Over plain HTTP a request can be damaged, and then the service refuses another request than was sent. So a
    /// refusal is repeated once. TLS finds such damage by itself.
    pub(super) async fn retry<T, F>(&self, attempts: u32, request: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (mut attempt, mut damaged, mut doubted) = (1, 1, self.over_tls);
        loop {
            let error = match self.announced(Box::pin(request())).await {
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
                tokio::time::sleep(Backoff::OF_REQUESTS.jittered(attempt)).await;
                attempt += 1;
            } else {
                tokio::time::sleep(DAMAGED.jittered(damaged)).await;
                damaged += 1;
            }
        }
    }

    /// Waits for a request. If somebody waits for the command, says once that no answer has come so far.
    pub(super) async fn announced<T>(&self, mut request: impl Future<Output = T> + Unpin) -> T {
        if !self.options.quick || self.quirks.was_announced.load(Ordering::Relaxed) {
            return request.await;
        }
        match tokio::time::timeout(ANNOUNCED_AFTER, &mut request).await {
            Ok(done) => return done,
            Err(_) if self.quirks.was_announced.swap(true, Ordering::Relaxed) => {}
            Err(_) => {
                let host = self.host().unwrap_or("S3");
                let seconds = ANNOUNCED_AFTER.as_secs();
                tracing::warn!(
                    "{host} has not answered for {seconds} s; still waiting, for about a minute at the most"
                );
            }
        }
        request.await
    }

    /// Whether the service has answered anything yet.
    fn was_heard(&self) -> bool {
        self.service_time().is_some()
    }

    /// The error, with what is known about the place added.
    pub(super) fn explained(&self, error: Error) -> Error {
        let error = self.with_cause(error);
        match (&self.options.own_service, error.hint()) {
            (Some(own), Some(hint)) => error.with_cure(own.named(&hint)),
            _ => error,
        }
    }

    /// The error with the address at which no answer came, and the proxy on the way there.
    fn with_way(&self, mut error: Error) -> Error {
        let proxies = &self.options.variables.proxies;
        match (proxies.of_service(self.over_tls, self.host()), &self.endpoint) {
            (Some(proxy), _) => {
                let cure = proxy.cure(&error.why, self.over_tls, self.host());
                error.why = format!("{} (through the proxy {proxy})", error.why);
                match cure {
                    Some(cure) => error.with_cure(cure),
                    None => error,
                }
            }
            (None, Some(endpoint)) => {
                error.why = format!("{} ({})", error.why, endpoint.address());
                error
            }
            (None, None) => error,
        }
    }

    fn with_cause(&self, mut error: Error) -> Error {
        let variables = &self.options.variables;
        let own = self.options.own_service.as_ref();
        if error.kind == Kind::Unreachable {
            error = self.with_way(error);
        }
        let cure = match (error.kind, own) {
            _ if error.cure.is_some() => None,
            (Kind::NoCredentials, Some(own)) if !error.is_of_source() => Some(own.cure_of_none()),
            (Kind::WrongCredentials, Some(own)) => own.cure_of_refusal(&error.why),
            _ => None,
        };
        let cure = cure.or_else(|| match error.kind {
            _ if error.cure.is_some() => None,
            _ if own.is_some() => None,
            Kind::NoCredentials if !error.is_of_source() => variables.cure_of_none(&error.why),
            Kind::WrongCredentials => variables.cure_of_refusal(&error.why),
            // hyper's words
            Kind::Unreachable if !self.over_tls && error.why.contains("connection closed before message") => Some(
                "the connection was closed before any answer: if the service speaks TLS, write https:// in \
                 AWS_ENDPOINT_URL_S3; otherwise look at the service, and at proxies between"
                    .to_owned(),
            ),
            _ => None,
        });
        if let Some(cure) = cure {
            // the other sources were only asked because of that
            if let (Kind::NoCredentials, None, Some(half)) = (error.kind, own, variables.half()) {
                error.why = half.to_owned();
            }
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

    /// Makes a request whose answer has no checksum: a listing, or metadata. Over plain HTTP nothing finds a flipped
    /// bit in it, which could hide an object or change its length. There the request is repeated until two answers in a
    /// row agree.
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
        for _ in 1..ANSWERS_MAX {
            let after = Box::pin(self.retry(attempts, &request)).await?;
            if after == before {
                return Ok(after);
            }
            before = after;
        }
        let why = format!("{ANSWERS_MAX} answers in a row differ from one another");
        Err(Error::new(Kind::Damaged, doing(), why))
    }
}
