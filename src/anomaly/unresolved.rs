use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Measure, compare};
use crate::backup::BackupId;

/// How many later good backups must agree with a marked one before its mark no longer counts.
pub const AGREEING: usize = 2;

/// A good backup, and whether it was marked and accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked<'a> {
    /// Its id.
    pub id: BackupId,
    /// When it began.
    pub started: Timestamp,
    /// Its measures.
    pub measure: &'a Measure,
    /// Whether [`compare`] found it wrong when it was made.
    pub marked: bool,
    /// Whether a user has accepted it.
    pub accepted: bool,
}

/// The suspicious ones among the good backups of one database: those that are marked and not accepted, until
/// [`AGREEING`] later good ones, marked or not, agree with them. `history`: all good ones in any order.
///
/// Two agree if the tables of both are known and neither looks wrong compared with the other. So a database that was
/// empty for a day and was refilled doesn't agree with the empty backup, which stays marked.
#[must_use]
pub fn unresolved<'a>(history: &'a [Marked<'_>]) -> BTreeSet<&'a BackupId> {
    let mut newest_first: Vec<&Marked<'_>> = history.iter().collect();
    newest_first.sort_unstable_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
    let stands = |(at, one): (usize, &&Marked<'_>)| {
        // the next ones first, as they are the most likely to agree
        let later = newest_first[..at].iter().rev();
        let agreeing = later.filter(|later| agree(one.measure, later.measure));
        agreeing.take(AGREEING).count() == AGREEING
    };
    let suspicious = newest_first
        .iter()
        .enumerate()
        .filter(|(_, one)| one.marked && !one.accepted)
        .filter(|one| !stands(*one));
    suspicious.map(|(_, one)| &one.id).collect()
}

/// Whether the tables of both are known, and the two are [`alike`].
#[must_use]
pub fn agree(one: &Measure, other: &Measure) -> bool {
    one.tables.is_some() && other.tables.is_some() && alike(one, other)
}

/// Whether neither of two looks wrong compared with the other, as far as they are known.
#[must_use]
pub fn alike(one: &Measure, other: &Measure) -> bool {
    let looks_right = |new: &Measure, old: &Measure| compare(new, &[old]).is_empty();
    looks_right(one, other) && looks_right(other, one)
}
