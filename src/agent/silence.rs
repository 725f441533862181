//! Whether a place has not answered lately: whoever waits for a page or a list waits for it once.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::store::Error;

/// For so long, a place that didn't answer a look isn't asked again.
const SILENT_FOR: Duration = Duration::from_secs(60);

/// When a place last didn't answer a look, and what was said of it then.
#[derive(Debug, Default)]
pub(super) struct Silence(Mutex<Option<(Instant, Error)>>);

impl Silence {
    /// What the last look came to, where that was not long ago.
    pub(super) fn lasting(&self) -> Option<Error> {
        let silence = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lasting = silence.as_ref().filter(|(since, _)| since.elapsed() < SILENT_FOR);
        lasting.map(|(_, error)| error.clone())
    }

    /// Notes that it didn't answer.
    pub(super) fn begin(&self, error: &Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), error.clone()));
    }

    /// Has the next look ask again, as the place has answered something else.
    pub(super) fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;

    #[test]
    fn a_silence_ends_when_the_place_has_answered() {
        let silence = Silence::default();
        assert!(silence.lasting().is_none());
        silence.begin(&Error::new(Kind::Unreachable, "look at it", "it is away"));
        assert_eq!(silence.lasting().map(|error| error.why).as_deref(), Some("it is away"));
        silence.end();
        assert!(silence.lasting().is_none());
    }
}
