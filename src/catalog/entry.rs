//! One run in the bucket: its opened entry, and the objects beside it.

use jiff::Timestamp;

use super::{Doubt, doubt};
use crate::{
    anomaly::Measure,
    backup::{Details, Failure, Mark, Reason, Record, Retention, Served},
    error::Error,
    store::Object,
    text::Untrusted,
};

/// One run in the bucket.
#[derive(Debug)]
pub struct CatalogEntry {
    /// Its entry.
    pub record: Record,
    /// Its measures, with its tables if these were compared.
    pub measure: Measure,
    /// Why it looks wrong, if its details were read.
    pub reasons: Vec<Reason>,
    /// The warnings of the run, if its details were read for them.
    pub warnings: Vec<Untrusted>,
    /// Why the run failed, if its details were read.
    pub(super) failure: Option<Failure>,
    /// The record's object.
    pub object: Object,
    /// The archive at the key that the record says.
    pub archive: Option<Object>,
    /// The object of its details, once it was looked for.
    pub details: Option<Object>,
    /// Whether its details were needed and can't be read.
    pub(super) details_fault: bool,
    /// Why the archive of a good record is not reliable, as far as it was looked at.
    pub doubt: Option<Doubt>,
    /// Why the archive is not reliable although its header and last frame are right.
    pub unsure: Option<Doubt>,
    /// Whether the archive's header and last frame were looked at.
    pub archive_checked: bool,
    /// Whether it could not be looked at because it is in cold storage.
    pub unseen: bool,
    /// What people decided about it.
    pub mark: Option<Mark>,
    /// The mark's object.
    pub mark_object: Option<Object>,
    /// Why its mark can't be read, if there is one. Then it is unknown whether the backup is held.
    pub mark_fault: Option<Error>,
    /// The tag of the owner whose key made its id.
    pub owner: String,
    /// The key that made it, in words: `key 0123456789abcdef` or `a passphrase`.
    pub key: String,
    /// Whether the key had been retired for some time when the record was stored: then the record was copied here, or a
    /// holder of the key dated it back.
    pub came_late: bool,
    /// How long backups are kept in this place, in the place of their own retention.
    pub(super) place_retention: Option<Retention>,
}

impl CatalogEntry {
    /// Whether the archive exists with the right key and length, and everything that was looked at is right.
    #[must_use]
    pub fn has_archive(&self) -> bool {
        self.record.sealed.is_some() && self.archive.is_some() && self.doubt.is_none()
    }

    /// Why it failed, if it did: from its details if these were read, else from its entry.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        let known = self.failure.clone();
        known.or_else(|| Details::default().failure(&self.record))
    }

    /// Why it looks wrong: with numbers and names, or only by kind if its details were not read.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        match self.reasons.is_empty() {
            true => self.record.anomalies.iter().copied().map(Reason::KindOnly).collect(),
            false => self.reasons.clone(),
        }
    }

    /// Why the archive of a good record is not reliable, as far as it was looked at.
    #[must_use]
    pub fn why_doubted(&self) -> Option<&Doubt> {
        let doubt = self.doubt.as_ref().or(self.unsure.as_ref());
        doubt.filter(|_| self.record.is_good())
    }

    /// How long it is kept, and when that runs out, where at a fixed moment: as a user decided since it was made, or as
    /// its record says, or as this place keeps backups.
    #[must_use]
    pub fn kept(&self) -> (Retention, Option<Timestamp>) {
        self.kept_in(self.place_retention)
    }

    /// The same in a place with this retention of its own: what a user decided about one backup lengthens that, and never
    /// shortens it.
    #[must_use]
    pub fn kept_in(&self, place: Option<Retention>) -> (Retention, Option<Timestamp>) {
        let Some(retention) = place.filter(|_| self.record.is_good()) else {
            return self.record.kept(self.mark.as_ref());
        };
        let started = self.record.started;
        let retained = self.retained().map(|retained| retained.retention);
        let longest = Retention::longest(retained.into_iter().chain([retention]), started).unwrap_or(retention);
        (longest, longest.expires(started))
    }

    /// The tiers that it serves, each with how long it is kept for that in this place.
    pub(super) fn serves(&self) -> Vec<Served> {
        let mut serves = self.record.serves();
        if let Some(retention) = self.place_retention.filter(|_| self.record.is_good()) {
            serves.iter_mut().for_each(|served| served.retention = retention);
        }
        serves
    }

    /// The retention that a user gave it since it was made, where that counts in this place.
    pub(super) fn retained_here(&self) -> Option<Retention> {
        let retained = self.retained()?.retention;
        let counts = self.place_retention.is_none() || self.kept().0 == retained;
        counts.then_some(retained)
    }

    /// Whether it is a good backup whose archive exists and is the one that was uploaded.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        self.record.is_good() && self.why_doubted().is_none()
    }

    /// Whether it is a good backup, or may be one as far as it was looked at.
    pub(super) fn may_be_good(&self) -> bool {
        self.record.is_good() && self.why_doubted().is_none_or(Doubt::may_be_intact)
    }

    /// When its archive was last read back as a whole and was good, as `verify` and drills note it; none if nobody did, or
    /// if it is doubted. What is good doesn't depend on it.
    #[must_use]
    pub fn last_read_back(&self, now: Timestamp) -> Option<Timestamp> {
        let archive = self.archive.as_ref().filter(|_| self.is_sure());
        doubt::read_back(&self.record, archive, self.mark.as_ref(), now)
    }

    /// The storage class of its archive, if the service reports it.
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        self.archive.as_ref()?.storage_class.as_deref()
    }
}
