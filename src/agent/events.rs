//! Which events a run gives rise to: a pure rule over what was before and what came.

use crate::{backup::Failure, notify::Kind, operation::Before, text::Untrusted};

/// What came of one database's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came<'a> {
    /// a backup
    Backup {
        /// why it looks wrong, where it does
        suspicious: &'a [Untrusted],
    },
    /// a run that failed
    Failed(&'a Failure),
    /// a run that a signal ended
    Interrupted,
    /// another run is under way
    Busy,
    /// nothing was tried: nothing was due, or it waits after failures
    Nothing,
}

/// What people are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// a run failed
    Failure,
    /// a signal ended it
    Interruption,
    /// a good backup looks wrong
    Suspicious,
    /// there is a good backup again, after failed or missed ones
    Recovery,
    /// backups were missed, and this run has caught up
    CaughtUp,
    /// backups are missed, and none was made
    Missed,
    /// a good backup
    Success,
}

impl What {
    /// The kind of event by which it is told.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Failure | Self::Interruption => Kind::Failure,
            Self::Suspicious => Kind::Suspicious,
            Self::Recovery => Kind::Recovery,
            Self::CaughtUp | Self::Missed => Kind::Missed,
            Self::Success => Kind::Success,
        }
    }
}

/// What people know already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// that backups are missed
    pub missed: bool,
    /// that they look suspicious
    pub suspicious: bool,
}

/// What there is to tell of a turn, the gravest first. `before` is none where nobody may look: then a failure is told
/// and nothing else can be known. What goes on, and is `known`, is not told again.
#[must_use]
pub fn events(before: Option<&Before>, came: Came<'_>, known: Known) -> Vec<What> {
    let failing = before.is_some_and(|before| before.failing.is_some());
    let late = before.is_some_and(is_late);
    match came {
        Came::Failed(_) => vec![What::Failure],
        Came::Interrupted => vec![What::Interruption],
        // its lock may be held by a run that hangs
        Came::Busy if late && !known.missed => vec![What::Missed],
        Came::Busy | Came::Nothing => Vec::new(),
        Came::Backup { suspicious } => {
            let mut events = Vec::new();
            if !suspicious.is_empty() && !known.suspicious {
                events.push(What::Suspicious);
            }
            match (failing || (late && known.missed), late) {
                (true, _) => events.push(What::Recovery),
                (false, true) => events.push(What::CaughtUp),
                (false, false) => {}
            }
            events.push(What::Success);
            events
        }
    }
}

/// Whether something is late that somebody could have made: a database that nobody has backed up yet is new, not late.
fn is_late(before: &Before) -> bool {
    !before.health.late.is_empty() && before.newest_run.is_some()
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::{
        backup::{Label, Tier},
        cause::Cause,
        operation::{Failing, Health, LateTier},
    };

    fn before(failing: Option<usize>, late: bool, newest_run: bool) -> Before {
        let now: Timestamp = "2026-11-20T07:00:00Z".parse().unwrap();
        let since = now - SignedDuration::from_hours(3);
        let late = late.then_some(LateTier {
            tier: Tier::Daily,
            due: since,
            newest: None,
        });
        Before {
            health: Health {
                late: late.into_iter().collect(),
                ..Health::unknown(&Label::parse("main").unwrap())
            },
            failing: failing.map(|runs| Failing { since, runs }),
            newest_run: newest_run.then_some(since),
            good_this_week: 0,
            failed_this_week: 0,
            notices: Vec::new(),
            newest_scheduled: newest_run.then_some(since),
            doubts: Vec::new(),
        }
    }

    fn known(missed: bool) -> Known {
        Known {
            missed,
            suspicious: false,
        }
    }

    const GOOD: Came<'_> = Came::Backup { suspicious: &[] };

    #[test]
    fn a_good_backup_is_told_by_what_was_before() {
        use What::{CaughtUp, Recovery, Success};
        for (failing, late, told, events_wanted) in [
            (None, false, false, vec![Success]),
            (Some(1), false, false, vec![Recovery, Success]),
            (Some(9), true, false, vec![Recovery, Success]),
            (None, true, false, vec![CaughtUp, Success]),
            (None, true, true, vec![Recovery, Success]),
        ] {
            let before = before(failing, late, true);
            assert_eq!(
                events(Some(&before), GOOD, known(told)),
                events_wanted,
                "{failing:?} {late} {told}"
            );
        }
        // the very first one is neither late nor back
        assert_eq!(events(Some(&before(None, true, false)), GOOD, known(false)), [Success]);
        assert_eq!(events(None, GOOD, known(false)), [Success]);
    }

    #[test]
    fn a_suspicious_one_is_told_first() {
        let reasons = ["few rows".into()];
        let came = Came::Backup { suspicious: &reasons };
        assert_eq!(
            events(Some(&before(Some(1), false, true)), came, known(false)),
            [What::Suspicious, What::Recovery, What::Success]
        );
    }

    #[test]
    fn those_after_a_suspicious_one_that_was_told_are_not_told_as_well() {
        let reasons = ["few rows".into()];
        let came = Came::Backup { suspicious: &reasons };
        let known = Known {
            missed: false,
            suspicious: true,
        };
        assert_eq!(events(Some(&before(None, false, true)), came, known), [What::Success]);
    }

    #[test]
    fn every_failure_is_told_and_what_waits_is_not() {
        let failure = Failure {
            error: "e".into(),
            hint: None,
            exit_status: 3,
            cause: Cause::default(),
        };
        for before in [None, Some(before(Some(3), true, true))] {
            let before = before.as_ref();
            assert_eq!(events(before, Came::Failed(&failure), known(true)), [What::Failure]);
            assert_eq!(events(before, Came::Interrupted, known(false)), [What::Interruption]);
            assert_eq!(events(before, Came::Nothing, known(false)), []);
        }
    }

    #[test]
    fn a_run_that_never_ends_is_told_as_missed_once() {
        let late = before(None, true, true);
        assert_eq!(events(Some(&late), Came::Busy, known(false)), [What::Missed]);
        assert_eq!(events(Some(&late), Came::Busy, known(true)), []);
        assert_eq!(events(Some(&before(None, false, true)), Came::Busy, known(false)), []);
    }
}
