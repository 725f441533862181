//! How long a mark stands.

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::backup::BackupId;

/// Backups of hour 0, 1, 2…: rows of the one table, and whether it was marked.
pub(super) fn history(of: &[(u64, bool)]) -> Vec<Marked<'static>> {
    let start: Timestamp = "2027-03-10T00:00:00Z".parse().unwrap();
    let one = |(hour, &(rows, marked)): (i64, &(u64, bool))| {
        let started = start + SignedDuration::from_hours(hour);
        let id = started.strftime("%Y%m%dT%H%M%SZ-aaaaaaaaaaaa").to_string();
        Marked {
            id: BackupId::parse(&id).unwrap(),
            started,
            measure: Box::leak(Box::new(measure(100 + rows, &[("orders", rows)]))),
            marked,
            accepted: false,
        }
    };
    (0..).zip(of).map(one).collect()
}

/// The hours of those that stand marked.
pub(super) fn suspicious(history: &[Marked<'_>]) -> Vec<usize> {
    let unresolved = unresolved(history);
    let hours = (0..).zip(history).filter(|(_, one)| unresolved.contains(&one.id));
    hours.map(|(hour, _)| hour).collect()
}

#[test]
fn a_mark_stands_until_two_later_ones_agree() {
    let mut all = history(&[(5000, false), (9, true), (9, true), (10, true), (11, false)]);
    assert_eq!(suspicious(&all[..1]), [0_usize; 0]);
    assert_eq!(suspicious(&all[..2]), [1]);
    assert_eq!(suspicious(&all[..3]), [1, 2]);
    assert_eq!(suspicious(&all[..4]), [2, 3]);
    assert_eq!(suspicious(&all), [3]);
    all.reverse();
    assert_eq!(suspicious(&all).len(), 1);
    all.iter_mut().for_each(|one| one.accepted = true);
    assert!(suspicious(&all).is_empty());
}

#[test]
fn one_fall_after_another_agrees_with_none() {
    let falling = history(&[(5000, false), (900, true), (9, true), (8, true), (9, true)]);
    assert_eq!(suspicious(&falling), [1, 3, 4]);
}

#[test]
fn what_was_empty_for_an_hour_stays_marked_when_the_rows_are_back() {
    let back = history(&[(5000, false), (9, true), (5000, false), (5001, false), (5002, false)]);
    assert_eq!(suspicious(&back), [1]);
    let mut accepted = back;
    accepted[1].accepted = true;
    assert!(suspicious(&accepted).is_empty());
    // the two that agree need not follow at once
    let late = history(&[(5000, false), (400, true), (5000, false), (400, true), (401, true)]);
    assert_eq!(suspicious(&late), [3, 4]);
}
