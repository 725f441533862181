//! Evaluates a survey: which backups are reliable, and what the rules of schedule and retention need to know.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{CatalogEntry, Doubt, Survey};
use crate::{
    anomaly::{self, Marked, Measure},
    backup::{BackupId, Reason, Record},
    retention::{Protection, RetentionOutcome, RetentionRun},
    schedule::{PastRun, RunEnd},
};

/// The number of good backups before one among which those for comparison are searched.
const LOOKED_BACK: usize = 40;

/// How long the last backup before a drop is kept, whatever its retention, if no user has accepted the drop.
const BEFORE_FALL_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long an archive that can't be opened because it is in cold storage must have been stored before it counts
/// against others.
const COLD_BELIEVED_AFTER: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Survey {
    /// The ids of the good backups that look wrong compared with those before them, and that no user has accepted.
    #[must_use]
    pub fn suspicious(&self) -> BTreeSet<BackupId> {
        suspicious(&self.entries)
    }

    /// The good backups without any doubt, newest first.
    pub fn trusted(&self) -> impl Iterator<Item = &CatalogEntry> {
        let suspicious = self.suspicious();
        let good = self.entries.iter().filter(|one| one.is_good());
        good.filter(move |one| !suspicious.contains(&one.record.id))
    }

    /// The newest good backup, suspicious or not. A damaged one never counts. One whose archive is another object than
    /// was uploaded, or that was dated by a clock which was ahead, counts only if there is no other.
    #[must_use]
    pub fn newest_good(&self, now: Timestamp) -> Option<&Record> {
        let good = || self.entries.iter().filter(|one| one.is_good() && !one.is_damaged());
        let in_time = |one: &&CatalogEntry| !one.record.is_ahead(now);
        let sure = good().find(|one| in_time(one) && one.unsure.is_none());
        let believed = sure.or_else(|| good().find(in_time));
        believed.or_else(|| good().next()).map(|one| &one.record)
    }

    /// The runs for the schedule. A run whose archive is gone has served nothing, and is not a failure of the database
    /// either.
    #[must_use]
    pub fn past(&self) -> Vec<PastRun> {
        let past = |one: &CatalogEntry| {
            let past = PastRun::from(&one.record);
            let ended = match past.ended {
                RunEnd::Good if !one.has_archive() || one.is_damaged() => RunEnd::Interrupted,
                ended => ended,
            };
            PastRun { ended, ..past }
        };
        self.entries.iter().map(past).collect()
    }

    /// The runs for retention. Their tags and locks have not been read yet.
    #[must_use]
    pub fn runs(&self, now: Timestamp) -> Vec<RetentionRun> {
        let suspicious = self.suspicious();
        let before_falls = self.before_falls(&suspicious);
        let run = |one: &CatalogEntry| {
            let held = one.hold().map(|hold| format!("{}: {}", hold.who, hold.reason));
            // the mark may say that it is held
            let unread = one
                .mark_fault
                .as_ref()
                .map(|fault| format!("its mark can't be read: {fault}"));
            let before_fall = before_falls
                .get(&one.record.id)
                .map(|fall| format!("the last one before {fall} fell far below it, which nobody has accepted"));
            RetentionRun {
                id: one.record.id.clone(),
                started: one.record.started,
                arrived: one.object.modified,
                counts: one.counts(now),
                outcome: one.outcome(&suspicious),
                serves: one.serves(),
                retained: one.retained_here(),
                guards: Protection {
                    hold: held.or(unread).or(before_fall),
                    ..Protection::NONE
                },
            }
        };
        self.entries.iter().map(run).collect()
    }

    /// The last good backups before marked ones that only the agreement of later ones has cleared, each with the id of
    /// the marked one. An emptied database agrees with itself within hours, so the last backup of its old contents is
    /// kept for a while.
    fn before_falls(&self, suspicious: &BTreeSet<BackupId>) -> BTreeMap<BackupId, BackupId> {
        let mut found = BTreeMap::new();
        let Some(newest) = self.entries.first() else {
            return found;
        };
        let mut last_plain: Option<&CatalogEntry> = None;
        for one in self.entries.iter().rev().filter(|one| one.is_good()) {
            if one.record.anomalies.is_empty() {
                last_plain = Some(one);
                continue;
            }
            let age = newest.record.started.duration_since(one.record.started);
            let accepted = one.mark.as_ref().is_some_and(|mark| mark.accepted.is_some());
            let cleared = !accepted && !suspicious.contains(&one.record.id);
            if let Some(plain) = last_plain.filter(|_| cleared && age < BEFORE_FALL_KEPT) {
                found.insert(plain.record.id.clone(), one.record.id.clone());
            }
        }
        found
    }
}

/// The ids of backups that look wrong and that neither a user nor enough later backups have cleared.
pub(super) fn suspicious(entries: &[CatalogEntry]) -> BTreeSet<BackupId> {
    if entries.iter().all(|one| one.record.anomalies.is_empty()) {
        return BTreeSet::new();
    }
    let good = entries.iter().filter(|one| one.has_archive());
    let marked: Vec<Marked<'_>> = good.map(marked).collect();
    anomaly::unresolved(&marked).into_iter().cloned().collect()
}

/// Compares every good backup with the last good ones before it, as far as their measures are known, since in drop-box
/// mode nothing is compared when a backup is made, and a compromised agent can claim anything. `entries`: newest first.
pub(super) fn compare_again(entries: &mut [CatalogEntry]) {
    for at in (0..entries.len()).rev() {
        let (newer, before) = entries.split_at_mut(at + 1);
        let Some(one) = newer.last_mut().filter(|one| one.is_good()) else {
            continue;
        };
        if one.record.anomalies.is_empty() {
            let reasons = anomaly::compare(&one.measure, &trusted(before));
            one.record.anomalies = Reason::anomalies(&reasons);
            one.reasons = reasons;
        }
    }
}

/// The last good ones before a backup that are not doubted, or that enough later ones agree with, as far as they are
/// known. `before`: newest first.
fn trusted(before: &[CatalogEntry]) -> Vec<&Measure> {
    let good = before.iter().filter(|one| one.is_good());
    let good: Vec<&CatalogEntry> = good.take(LOOKED_BACK).collect();
    let stands = |at: &usize| {
        let one = good[*at];
        let later = good[..*at].iter().rev();
        let alike = later.filter(|later| anomaly::alike(&one.measure, &later.measure));
        !one.is_marked() || alike.take(anomaly::AGREEING).count() == anomaly::AGREEING
    };
    let entries = (0..good.len()).filter(stands).take(anomaly::COMPARED);
    entries.map(|at| &good[at].measure).collect()
}

impl CatalogEntry {
    /// Whether this is a good backup whose archive exists.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.record.is_good() && self.has_archive()
    }

    /// Whether it looks wrong and no user has accepted it, whether or not later ones agree with it.
    #[must_use]
    pub(super) fn is_marked(&self) -> bool {
        let accepted = self.mark.as_ref().and_then(|mark| mark.accepted.as_ref());
        !self.record.anomalies.is_empty() && accepted.is_none()
    }

    /// Whether a good backup counts against other backups. For that its record must be one that an agent writes; its
    /// key must not have been retired long before it was stored; its archive must be the uploaded object or have been
    /// read completely, and must not have been moved to cold storage so recently that only its writer vouches for it;
    /// and its tables must have been readable if they were needed, as otherwise nothing would show that they are empty.
    #[must_use]
    pub fn counts(&self, now: Timestamp) -> bool {
        let arrived = self.object.modified.unwrap_or(self.record.started);
        let is_proven = !self.unseen || now.duration_since(arrived) > COLD_BELIEVED_AFTER;
        let is_known = !self.details_fault && self.record.implausible().is_none();
        is_known && is_proven && !self.came_late && self.unsure.is_none()
    }

    /// Whether it was read completely, and was not what was sealed. It is still kept as long as its retention says, as
    /// that verdict may be false.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        matches!(self.unsure, Some(Doubt::Damaged(_)))
    }

    /// The hold on it, if there is one.
    #[must_use]
    pub fn hold(&self) -> Option<&crate::backup::Hold> {
        self.mark.as_ref().and_then(|mark| mark.hold.as_ref())
    }

    /// The retention that a user gave it since it was made.
    #[must_use]
    pub fn retained(&self) -> Option<&crate::backup::Retained> {
        self.mark.as_ref().and_then(|mark| mark.retained.as_ref())
    }

    /// Its outcome for retention.
    #[must_use]
    pub fn outcome(&self, suspicious: &BTreeSet<BackupId>) -> RetentionOutcome {
        match (self.record.is_good(), self.has_archive()) {
            (false, _) if self.record.had_no_room() => RetentionOutcome::NoRoom,
            (false, _) => RetentionOutcome::Failed,
            (true, false) => RetentionOutcome::Lost,
            (true, true) if suspicious.contains(&self.record.id) => RetentionOutcome::Suspicious,
            (true, true) => RetentionOutcome::Good,
        }
    }
}

fn marked(one: &CatalogEntry) -> Marked<'_> {
    Marked {
        id: one.record.id.clone(),
        started: one.record.started,
        measure: &one.measure,
        marked: !one.record.anomalies.is_empty(),
        accepted: one.mark.as_ref().is_some_and(|mark| mark.accepted.is_some()),
    }
}
