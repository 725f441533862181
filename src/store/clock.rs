//! The service's own time, as the `Date` of its answers tells it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use aws_sdk_s3::config::{
    ConfigBag, Intercept, RuntimeComponents,
    interceptors::BeforeDeserializationInterceptorContextRef,
};
use aws_smithy_runtime_api::box_error::BoxError;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

use super::Store;

/// What the newest answer's `Date` said, and when it was heard.
#[derive(Debug, Clone, Default)]
pub(super) struct ServiceClock(Arc<Mutex<Option<(Timestamp, Instant)>>>);

impl ServiceClock {
    fn hear(&self, date: &str) {
        // RFC 9110 writes dates as RFC 2822 does, with GMT for the zone
        if let Ok(time) = rfc2822::DateTimeParser::new().parse_timestamp(date) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((time, Instant::now()));
        }
    }

    fn now(&self) -> Option<Timestamp> {
        let heard = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (time, at) = heard?;
        time.checked_add(SignedDuration::try_from(at.elapsed()).ok()?)
            .ok()
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

impl Store {
    /// What time it is for the service, to the second; `None` before its first answer, or where its answers bear no date.
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
}
