//! By which moment a page tells ages, and whether what it shows is old.

use jiff::{SignedDuration, Timestamp};

use crate::dashboard::{shown::Seen, site::Site};

/// What is older than this was not seen lately, though no look has failed yet.
const OLD: SignedDuration = SignedDuration::from_hours(1);

/// The look whose answer a page shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Now, by the clock of the answer, which is the bucket's where that is known.
    pub(super) now: Timestamp,
    /// Since when nothing newer could be seen, if that is so: nobody knows then whether all is well.
    pub(super) as_of: Option<Timestamp>,
}

impl Look {
    /// `at`: when the answer was true, by its own clock.
    pub(super) fn of(site: &Site, seen: &Seen, at: Timestamp) -> Self {
        Self::since(seen, at, site.clock.now())
    }

    fn since(seen: &Seen, at: Timestamp, now: Timestamp) -> Self {
        let age = seen.answer.as_ref().map_or(SignedDuration::ZERO, |(_, looked)| {
            now.duration_since(*looked).max(SignedDuration::ZERO)
        });
        Self {
            now: at.saturating_add(age).unwrap_or(at),
            as_of: (seen.failure.is_some() || age > OLD).then_some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        agent::Overview,
        backup::Failure,
        dashboard::shown::{Answer, LookFailure},
        error::Error,
    };

    #[test]
    fn ages_grow_while_nothing_newer_is_seen_and_what_is_old_is_said() {
        let moment = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        // the bucket's clock is half a minute behind
        let (at, looked) = (moment(-30), moment(0));
        let overview = Overview {
            at,
            databases: Vec::new(),
            not_configured: Vec::new(),
            writes_only: false,
        };
        let seen = Seen {
            answer: Some((Arc::new(Answer::Overview(overview)), looked)),
            failure: None,
            is_looking: true,
        };
        let told = |seen: &Seen, now: i64| {
            let look = Look::since(seen, at, moment(now));
            (look.now, look.as_of)
        };
        assert_eq!(told(&seen, 0), (at, None));
        assert_eq!(told(&seen, 600), (moment(570), None));
        assert_eq!(told(&seen, 3601), (moment(3571), Some(at)));
        // this clock was set back
        assert_eq!(told(&seen, -9000), (at, None));
        let failed = Seen {
            failure: Some(LookFailure {
                failure: Failure::from(&Error::Internal("away".to_owned())),
                is_missing: false,
            }),
            ..seen
        };
        assert_eq!(told(&failed, 5), (moment(-25), Some(at)));
    }
}
