//! When the next round begins: a pure rule without a clock.

use std::time::Duration;

use jiff::Timestamp;

use crate::{operation::Health, retry::Backoff};

/// How often the databases are surveyed.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long it sleeps at a time. Then it checks whether the clock jumped or the machine was suspended.
    pub poll_interval: Duration,
    /// The longest time between two rounds, as other machines may change the bucket too.
    pub longest: Duration,
    /// The shortest time between two rounds, and the first pause of a database that can't be surveyed.
    pub shortest: Duration,
    /// The longest pause of a database that can't be surveyed.
    pub longest_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll_interval: Duration::from_secs(15),
            longest: Duration::from_secs(30 * 60),
            shortest: Duration::from_secs(60),
            longest_pause: Duration::from_secs(15 * 60),
        }
    }
}

impl Pace {
    /// The usual pace with another shortest time between two rounds.
    #[must_use]
    pub fn with_shortest(shortest: Duration) -> Self {
        let usual = Self::default();
        Self {
            poll_interval: usual.poll_interval.min(shortest),
            shortest,
            ..usual
        }
    }

    /// The time from a round to the next one, for one database: until something is due, or its pause after failures
    /// ends. `unseen_rounds` is the number of rounds in a row in which its health was unknown.
    pub(super) fn wait(&self, health: Option<&Health>, unseen_rounds: u32, now: Timestamp) -> Duration {
        let Some(health) = health.filter(|_| unseen_rounds == 0) else {
            return Backoff::new(self.shortest, self.longest_pause).pause(unseen_rounds);
        };
        let due = health.next_due.as_ref().map(|next| next.at);
        let next = due.map(|due| health.paused_until.map_or(due, |until| due.max(until)));
        let next = next.into_iter().chain(health.drills.next_due).min();
        let wait = next.map(|next| next.duration_since(now));
        // a time in the past gives a negative wait
        let wait = wait.map(|wait| Duration::try_from(wait).unwrap_or_default());
        wait.unwrap_or(self.longest).clamp(self.shortest, self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backup::{Label, Tier},
        operation::Next,
    };

    const NOW: &str = "2026-11-20T03:00:00Z";

    fn health(due: &str, paused: Option<&str>) -> Health {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let next_due = Some(Next {
            tier: Tier::Daily,
            at: at(due),
        });
        Health {
            next_due,
            paused_until: paused.map(at),
            ..Health::unknown(&Label::parse("main").unwrap())
        }
    }

    fn minutes(health: Option<&Health>, blind: u32) -> u64 {
        let wait = Pace::default().wait(health, blind, NOW.parse().unwrap());
        wait.as_secs() / 60
    }

    #[test]
    fn it_waits_until_something_is_due_and_no_longer_than_half_an_hour() {
        assert_eq!(minutes(Some(&health("2026-11-20T03:10:00Z", None)), 0), 10);
        assert_eq!(minutes(Some(&health("2026-11-21T03:10:00Z", None)), 0), 30);
        // due, and another run has its lock
        assert_eq!(minutes(Some(&health(NOW, None)), 0), 1);
        // due for a long time, by a clock that jumped
        assert_eq!(minutes(Some(&health("1999-01-01T00:00:00Z", None)), 0), 1);
        assert_eq!(minutes(Some(&health("9999-01-01T00:00:00Z", None)), 0), 30);
    }

    #[test]
    fn a_pause_after_failures_is_waited_for() {
        let paused = health(NOW, Some("2026-11-20T03:20:00Z"));
        assert_eq!(minutes(Some(&paused), 0), 20);
        // due only after the pause has ended
        let later = health("2026-11-20T03:25:00Z", Some("2026-11-20T03:20:00Z"));
        assert_eq!(minutes(Some(&later), 0), 25);
    }

    #[test]
    fn what_cannot_be_seen_is_looked_at_ever_more_seldom() {
        let waits: Vec<u64> = [1, 2, 3, 4, 5, 6, 99].map(|blind| minutes(None, blind)).into();
        assert_eq!(waits, [1, 2, 4, 8, 15, 15, 15]);
        // older health says nothing now
        assert_eq!(minutes(Some(&health("2026-11-21T03:10:00Z", None)), 1), 1);
    }
}
