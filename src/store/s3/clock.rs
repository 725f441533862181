//! The service's time, from the `Date` headers of its answers.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use aws_sdk_s3::config::{
    ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextRef,
};
use aws_smithy_runtime_api::box_error::BoxError;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use super::S3;

/// The largest difference between a date and the one that the previous date predicts.
const APART_MAX: SignedDuration = SignedDuration::from_secs(60);

/// The dates of the answers, with the moments at which they arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct ServiceClock(Arc<Mutex<Readings>>);

#[derive(Debug, Default)]
struct Readings {
    /// The reading that counts.
    believed: Option<Reading>,
    /// A reading that contradicts it. It counts once another one agrees with it, as a date can be damaged over plain
    /// HTTP.
    doubted: Option<Reading>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    time: Timestamp,
    at: Instant,
}

impl Reading {
    fn now(self) -> Option<Timestamp> {
        let passed = SignedDuration::try_from(self.at.elapsed()).ok()?;
        self.time.checked_add(passed).ok()
    }

    fn agrees_with(self, time: Timestamp) -> bool {
        let now = self.now();
        now.is_some_and(|now| now.duration_since(time).abs() <= APART_MAX)
    }
}

impl ServiceClock {
    fn hear(&self, date: &str) {
        // RFC 9110 writes dates as RFC 2822 does, with GMT for the zone
        let Ok(time) = rfc2822::DateTimeParser::new().parse_timestamp(date) else {
            return;
        };
        let new = Reading {
            time,
            at: Instant::now(),
        };
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let agrees = |reading: Option<Reading>| reading.is_some_and(|one| one.agrees_with(time));
        if heard.believed.is_none() || agrees(heard.believed) || agrees(heard.doubted) {
            *heard = Readings {
                believed: Some(new),
                doubted: None,
            };
        } else {
            heard.doubted = Some(new);
        }
    }

    fn now(&self) -> Option<Timestamp> {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.believed?.now()
    }
}

impl Intercept for ServiceClock {
    fn name(&self) -> &'static str {
        "ServiceClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.hear(date);
        }
        Ok(())
    }
}

impl S3 {
    /// The service's time, to the second. `None` before its first answer, or if its answers have no date.
    #[must_use]
    pub fn service_time(&self) -> Option<Timestamp> {
        self.clock.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_heard_and_goes_on() {
        let clock = ServiceClock::default();
        assert_eq!(clock.now(), None);
        clock.hear("yesterday");
        assert_eq!(clock.now(), None);
        clock.hear("Fri, 20 Nov 2026 07:00:00 GMT");
        let heard: Timestamp = "2026-11-20T07:00:00Z".parse().unwrap();
        let passed = clock.now().unwrap().duration_since(heard);
        assert!(passed >= SignedDuration::ZERO && passed < SignedDuration::from_secs(60));
    }

    #[test]
    fn a_date_that_contradicts_counts_once_it_is_said_twice() {
        let clock = ServiceClock::default();
        let hour = || clock.now().unwrap().strftime("%H").to_string();
        clock.hear("Fri, 20 Nov 2026 07:00:00 GMT");
        clock.hear("Fri, 20 Nov 2026 17:00:00 GMT");
        assert_eq!(hour(), "07");
        clock.hear("Fri, 20 Nov 2026 07:00:01 GMT");
        clock.hear("Fri, 20 Nov 2026 17:00:02 GMT");
        assert_eq!(hour(), "07");
        clock.hear("Fri, 20 Nov 2026 17:00:03 GMT");
        assert_eq!(hour(), "17");
    }
}
