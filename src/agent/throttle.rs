//! Failures that left no record, in a process that lives on: the bucket can't say that people know of them, so the
//! process keeps repetitions back itself.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::retry::Backoff;

/// When people were last notified of each subject, and how often.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<BTreeMap<String, (Timestamp, u32)>>);

impl Throttle {
    /// Whether people are notified now of a failure of this subject: with growing pauses, as the schedule makes them.
    pub(super) fn allows(&self, subject: &str, now: Timestamp) -> bool {
        let mut notified = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((last, times)) = notified.get_mut(subject) else {
            notified.insert(subject.to_owned(), (now, 1));
            return true;
        };
        let pause = SignedDuration::try_from(Backoff::OF_RUNS.pause(*times)).unwrap_or(SignedDuration::MAX);
        let waited = now.duration_since(*last);
        // a clock that was put back waits for nothing
        if waited < pause && !waited.is_negative() {
            return false;
        }
        (*last, *times) = (now, *times + 1);
        true
    }

    /// The failure is over: the next one is allowed at once.
    pub(super) fn forget(&self, subject: &str) {
        let mut notified = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notified.remove(subject);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_told_with_growing_pauses_and_anew_once_it_was_over() {
        let throttle = Throttle::default();
        let start: Timestamp = "2026-11-20T07:00:00Z".parse().unwrap();
        let minutes = (0..24 * 60).map(i64::from);
        let told = minutes.filter(|minute| throttle.allows("main", start + SignedDuration::from_mins(*minute)));
        assert_eq!(told.collect::<Vec<_>>(), [0, 5, 15, 35, 75, 155, 315, 635, 995, 1355]);
        assert!(throttle.allows("other", start));
        throttle.forget("main");
        assert!(throttle.allows("main", start + SignedDuration::from_hours(24)));
    }
}
