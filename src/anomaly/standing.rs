use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Measure, compare};
use crate::backup::BackupId;

/// How many later good backups must agree with a marked one before it stands without a mark.
pub const AGREEING: usize = 2;

/// A good backup, and what became of its mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// its id
    pub id: BackupId,
    /// when it began
    pub started: Timestamp,
    /// what it measures
    pub measure: Measure,
    /// [`compare`] found it wrong when it was made
    pub marked: bool,
    /// a person has looked and accepted it
    pub accepted: bool,
}

/// Which of the good backups of one database are suspicious: those marked and not accepted, until [`AGREEING`] later good
/// ones, marked or not, agree with them. `history`: all good ones in any order.
///
/// Two agree where neither looks wrong beside the other: what was empty for a day and has come back does not agree with the
/// empty one, which stays marked.
#[must_use]
pub fn standing(history: &[Marked]) -> BTreeSet<&BackupId> {
    let mut newest_first: Vec<&Marked> = history.iter().collect();
    newest_first.sort_unstable_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
    let stands = |(at, one): (usize, &&Marked)| {
        // the next ones first: they are the likeliest to agree
        let later = newest_first[..at].iter().rev();
        let agreeing = later.filter(|later| agree(&one.measure, &later.measure));
        agreeing.take(AGREEING).count() == AGREEING
    };
    let suspicious = newest_first
        .iter()
        .enumerate()
        .filter(|(_, one)| one.marked && !one.accepted)
        .filter(|one| !stands(*one));
    suspicious.map(|(_, one)| &one.id).collect()
}

/// Whether neither of two looks wrong beside the other.
#[must_use]
pub fn agree(one: &Measure, other: &Measure) -> bool {
    let looks_right =
        |new: &Measure, old: &Measure| compare(new, std::slice::from_ref(old)).is_empty();
    looks_right(one, other) && looks_right(other, one)
}
