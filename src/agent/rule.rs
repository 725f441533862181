//! Which events a run gives rise to: a pure rule over how the database stood before and how the run ended.

use crate::{
    backup::{EventKind, Failure, Reason},
    operation::Baseline,
};

/// How one database's turn ended, as far as people are notified of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunOutcome<'a> {
    /// A backup was made.
    Backup {
        /// Why it looks wrong, where it does.
        reasons: &'a [Reason],
    },
    /// The run failed.
    Failed(&'a Failure),
    /// A signal ended the run.
    Interrupted,
    /// Another run is under way.
    Busy,
    /// Nothing was tried: nothing was due, or it waits after failures.
    Nothing,
}

/// What people may be notified of after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunFinding {
    /// A run failed.
    Failure,
    /// A signal ended a run.
    Interruption,
    /// A good backup looks wrong.
    Suspicious,
    /// There is a good backup again, after failed or missed ones.
    Recovery,
    /// Backups were missed, and this run has caught up.
    CaughtUp,
    /// Backups are missed, and none was made.
    Missed,
    /// A good backup.
    Success,
}

impl RunFinding {
    /// The kind of event that reports it.
    pub(super) fn kind(self) -> EventKind {
        match self {
            Self::Failure | Self::Interruption => EventKind::Failure,
            Self::Suspicious => EventKind::Suspicious,
            Self::Recovery => EventKind::Recovery,
            Self::CaughtUp | Self::Missed => EventKind::Missed,
            Self::Success => EventKind::Success,
        }
    }
}

/// What people know already, since they were notified of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct AlreadyKnown {
    /// That backups are missed.
    pub(super) missed: bool,
    /// That backups look suspicious for the same reasons.
    pub(super) suspicious: bool,
}

/// What there is to report of a run, the gravest first. `before` is none where nobody may look at the bucket: then a
/// failure is reported, and nothing else can be known. What goes on and is `known` is not reported again.
#[must_use]
pub(super) fn findings(before: Option<&Baseline>, outcome: RunOutcome<'_>, known: AlreadyKnown) -> Vec<RunFinding> {
    let failing = before.is_some_and(|before| before.failing.is_some());
    let late = before.is_some_and(is_late);
    match outcome {
        RunOutcome::Failed(_) => vec![RunFinding::Failure],
        RunOutcome::Interrupted => vec![RunFinding::Interruption],
        // its lock may be held by a run that hangs
        RunOutcome::Busy if late && !known.missed => vec![RunFinding::Missed],
        RunOutcome::Busy | RunOutcome::Nothing => Vec::new(),
        RunOutcome::Backup { reasons } => {
            let mut findings = Vec::new();
            if !reasons.is_empty() && !known.suspicious {
                findings.push(RunFinding::Suspicious);
            }
            match (failing || (late && known.missed), late) {
                (true, _) => findings.push(RunFinding::Recovery),
                (false, true) => findings.push(RunFinding::CaughtUp),
                (false, false) => {}
            }
            findings.push(RunFinding::Success);
            findings
        }
    }
}

/// Whether a backup is late that somebody could have made: a database that nobody has backed up yet is new, not late.
fn is_late(before: &Baseline) -> bool {
    !before.health.late.is_empty() && before.newest_run.is_some()
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::{
        backup::{Label, LateTier, Tier},
        cause::Cause,
        operation::{Failing, Health},
    };

    fn before(failing: Option<usize>, late: bool, newest_run: bool) -> Baseline {
        let now: Timestamp = "2026-11-20T07:00:00Z".parse().unwrap();
        let since = now - SignedDuration::from_hours(3);
        let late = late.then_some(LateTier {
            tier: Tier::Daily,
            due: since,
            newest: None,
        });
        Baseline {
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

    fn known(missed: bool) -> AlreadyKnown {
        AlreadyKnown {
            missed,
            suspicious: false,
        }
    }

    const GOOD: RunOutcome<'_> = RunOutcome::Backup { reasons: &[] };

    #[test]
    fn a_good_backup_is_told_by_what_was_before() {
        use RunFinding::{CaughtUp, Recovery, Success};
        for (failing, late, told, wanted) in [
            (None, false, false, vec![Success]),
            (Some(1), false, false, vec![Recovery, Success]),
            (Some(9), true, false, vec![Recovery, Success]),
            (None, true, false, vec![CaughtUp, Success]),
            (None, true, true, vec![Recovery, Success]),
        ] {
            let before = before(failing, late, true);
            assert_eq!(
                findings(Some(&before), GOOD, known(told)),
                wanted,
                "{failing:?} {late} {told}"
            );
        }
        // the very first one is neither late nor back
        assert_eq!(
            findings(Some(&before(None, true, false)), GOOD, known(false)),
            [Success]
        );
        assert_eq!(findings(None, GOOD, known(false)), [Success]);
    }

    #[test]
    fn a_suspicious_one_is_told_first() {
        let reasons = [Reason::MoreLosses { tables: 1 }];
        let outcome = RunOutcome::Backup { reasons: &reasons };
        assert_eq!(
            findings(Some(&before(Some(1), false, true)), outcome, known(false)),
            [RunFinding::Suspicious, RunFinding::Recovery, RunFinding::Success]
        );
    }

    #[test]
    fn those_after_a_suspicious_one_that_was_told_are_not_told_as_well() {
        let reasons = [Reason::MoreLosses { tables: 1 }];
        let outcome = RunOutcome::Backup { reasons: &reasons };
        let known = AlreadyKnown {
            missed: false,
            suspicious: true,
        };
        assert_eq!(
            findings(Some(&before(None, false, true)), outcome, known),
            [RunFinding::Success]
        );
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
            assert_eq!(
                findings(before, RunOutcome::Failed(&failure), known(true)),
                [RunFinding::Failure]
            );
            assert_eq!(
                findings(before, RunOutcome::Interrupted, known(false)),
                [RunFinding::Interruption]
            );
            assert_eq!(findings(before, RunOutcome::Nothing, known(false)), []);
        }
    }

    #[test]
    fn a_run_that_never_ends_is_told_as_missed_once() {
        let late = before(None, true, true);
        assert_eq!(
            findings(Some(&late), RunOutcome::Busy, known(false)),
            [RunFinding::Missed]
        );
        assert_eq!(findings(Some(&late), RunOutcome::Busy, known(true)), []);
        assert_eq!(
            findings(Some(&before(None, false, true)), RunOutcome::Busy, known(false)),
            []
        );
    }
}
