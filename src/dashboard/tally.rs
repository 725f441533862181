//! What is noted in the audit trail without being asked for: who signs in, who tries to, by a password or with a token,
//! who tries what he may not do, and who joins what goes on. Anybody on the Internet can have some of that happen as often
//! as he likes, so it is counted, and becomes a bounded number of entries.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    backup::{AuditAction, AuditEvent, AuditOutcome},
    retry::Backoff,
    text::Untrusted,
};

/// How long what happens again is counted before it is told as one. It doubles as long as it goes on, so that a year of
/// guessing makes some 9,000 entries of each kind.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(3600));
/// The most that are told apart: who signs in, from where; who joins what. Beyond that they are told as one.
const APART_MAX: usize = 64;

/// What happened, as far as it isn't in the trail yet. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<Mutex<HashMap<Key, Counted>>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// The same by the same one from the same address.
    Apart(Box<AuditEvent>),
    /// All others who have done this.
    Others(AuditAction),
    /// All who have failed to.
    Failed(AuditAction),
    /// All who were refused something.
    Refused,
}

#[derive(Debug)]
struct Counted {
    /// The last one since the last entry, which says how many there were.
    pending: Option<AuditEvent>,
    /// How often there was an entry without an hour of rest.
    written: u32,
    /// When the last entry was written.
    last: Instant,
}

impl Tally {
    /// Counts it. Gives the entry that is to be written now, if one is: the first one of a kind at once, and what
    /// happens again soon after as one.
    pub(super) fn count(&self, event: AuditEvent, now: Instant) -> Option<AuditEvent> {
        let mut kinds = self.locked();
        kinds.retain(|_, counted| counted.pending.is_some() || counted.goes_on(now));
        let key = Key::of(&event);
        let key = match key {
            Key::Apart(event) if kinds.len() >= APART_MAX && !kinds.contains_key(&Key::Apart(event.clone())) => {
                Key::Others(event.action)
            }
            key => key,
        };
        let Some(counted) = kinds.get_mut(&key) else {
            let first = Counted {
                pending: None,
                written: 1,
                last: now,
            };
            kinds.insert(key, first);
            return Some(event);
        };
        let (before, from) = match &counted.pending {
            Some(pending) => (pending.count, from_both(&pending.from, &event.from)),
            None => (0, event.from.clone()),
        };
        counted.pending = Some(AuditEvent {
            count: before.saturating_add(event.count),
            from,
            ..event
        });
        None
    }

    /// What is to be written by now.
    pub(super) fn due(&self, now: Instant) -> Vec<AuditEvent> {
        self.taken(|counted| now.duration_since(counted.last) >= counted.pause(), now)
    }

    /// All that isn't written yet.
    pub(super) fn rest(&self) -> Vec<AuditEvent> {
        self.taken(|_| true, Instant::now())
    }

    fn taken(&self, is_due: impl Fn(&Counted) -> bool, now: Instant) -> Vec<AuditEvent> {
        let mut events = Vec::new();
        for counted in self.locked().values_mut().filter(|counted| is_due(counted)) {
            if let Some(event) = counted.pending.take() {
                counted.written = counted.written.saturating_add(1);
                counted.last = now;
                events.push(event);
            }
        }
        events
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Key, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From where those came that are told as one: the first one has not done it all.
fn from_both(before: &Untrusted, now: &Untrusted) -> Untrusted {
    const OTHERS: &str = " and others";
    match before.raw().ends_with(OTHERS) || before == now {
        true => before.clone(),
        false => format!("{}{OTHERS}", before.raw()).into(),
    }
}

impl Key {
    fn of(event: &AuditEvent) -> Self {
        match event.outcome {
            AuditOutcome::Done | AuditOutcome::Asked | AuditOutcome::Joined => {
                let once = event.clone().bounded();
                Self::Apart(Box::new(AuditEvent { count: 0, ..once }))
            }
            AuditOutcome::Failed => Self::Failed(event.action),
            AuditOutcome::Refused => Self::Refused,
        }
    }
}

impl Counted {
    fn pause(&self) -> Duration {
        PAUSES.pause(self.written)
    }

    fn goes_on(&self, now: Instant) -> bool {
        now.duration_since(self.last) < self.pause() * 2
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::dashboard::{
        asker::{Asker, failed_sign_in, wrong_token},
        role::Role,
    };

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn a_year_of_guessing_leaves_a_bounded_number_of_entries_that_count_every_one() {
        let (tally, begin) = (Tally::default(), Instant::now());
        let (mut entries, mut counted) = (0, 0);
        let tries = 365 * 24 * 60;
        for minute in 0..tries {
            let now = begin + Duration::from_secs(60 * minute);
            let event = failed_sign_in(address(u32::try_from(minute).unwrap()), "a password was wrong");
            let written = tally.count(event, now).into_iter().chain(tally.due(now));
            for event in written {
                entries += 1;
                counted += event.count;
            }
        }
        counted += tally.rest().iter().map(|event| event.count).sum::<u64>();
        assert_eq!(counted, tries);
        assert!((8_000..10_000).contains(&entries), "{entries}");
    }

    #[test]
    fn guessing_of_two_kinds_is_counted_apart() {
        let (tally, now) = (Tally::default(), Instant::now());
        for n in 1..=100 {
            let told = [
                failed_sign_in(address(n), "a password was wrong"),
                wrong_token(address(n)),
            ]
            .map(|event| tally.count(event, now).is_some());
            assert_eq!(told, [n == 1; 2]);
        }
        let mut due = tally.due(now + Duration::from_secs(61));
        assert!(due.iter().all(|event| event.from == "0.0.0.2 and others"), "{due:?}");
        due.sort_by_key(|event| event.action.words());
        let due: Vec<(AuditAction, u64)> = due.iter().map(|event| (event.action, event.count)).collect();
        assert_eq!(due, [(AuditAction::SignIn, 99), (AuditAction::UseApi, 99)]);
    }

    #[test]
    fn who_signs_in_from_elsewhere_is_told_at_once_and_many_are_told_as_one() {
        let (tally, now) = (Tally::default(), Instant::now());
        let signs_in = |n: u32| {
            let asker = Asker {
                name: "operator".to_owned(),
                role: Role::Operator,
                address: address(n),
            };
            asker.signs_in("by password")
        };
        assert_eq!(tally.count(signs_in(1), now).unwrap().from, "0.0.0.1");
        assert_eq!(tally.count(signs_in(2), now).unwrap().from, "0.0.0.2");
        assert_eq!(tally.count(signs_in(1), now), None);
        assert!(tally.due(now).is_empty());
        let at_once = (0..1000).filter(|n| tally.count(signs_in(*n), now).is_some()).count();
        assert!(at_once < 70, "{at_once}");
        let later = now + Duration::from_secs(61);
        let told: u64 = tally.due(later).iter().map(|event| event.count).sum();
        assert_eq!(told + at_once as u64, 1001);
        assert!(tally.due(later).is_empty());
        // after a rest it is told at once again
        let rested = later + Duration::from_secs(4 * 3600);
        assert!(tally.count(signs_in(1), rested).is_some());
    }
}
