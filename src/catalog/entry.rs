//! One run as it stands in the bucket: its entry opened, and what stands beside it.

use jiff::Timestamp;

use super::Doubt;
use crate::{
    anomaly::Measure,
    backup::{Details, Failure, Mark, Reason, Record, Retention},
    error::Error,
    store::Object,
    text::Untrusted,
};

/// One run as it stands in the bucket.
#[derive(Debug)]
pub struct CatalogEntry {
    /// Its entry.
    pub record: Record,
    /// What it measures: with its tables where these were compared.
    pub measure: Measure,
    /// Why it looks wrong, where its details were read.
    pub reasons: Vec<Reason>,
    /// Warnings of the run, where its details were read for them.
    pub warnings: Vec<Untrusted>,
    /// The details of a failed run, where they were read.
    pub(super) failure: Option<Failure>,
    /// The record's object.
    pub object: Object,
    /// The archive where the record says it is.
    pub archive: Option<Object>,
    /// Its details, once they were looked for.
    pub details: Option<Object>,
    /// Its details were asked for and can't be read.
    pub(super) details_fault: bool,
    /// Why the archive of a good record can't be counted on, as far as it was looked at.
    pub doubt: Option<Doubt>,
    /// Why the whole of it can't be counted on, where nothing is wrong with header and last frame.
    pub unsure: Option<Doubt>,
    /// Header and last frame of the archive have been looked at.
    pub looked_at: bool,
    /// It was to be looked at, and lies in cold storage.
    pub unseen: bool,
    /// What people decided about it.
    pub mark: Option<Mark>,
    /// The mark's object.
    pub mark_object: Option<Object>,
    /// Why its mark can't be read, where there is one: nobody knows then whether it is held.
    pub mark_fault: Option<Error>,
    /// Tag of the owner by whose key its id was made.
    pub owner: String,
    /// The key that made it: `key 0123456789abcdef` or `a passphrase`.
    pub key: String,
    /// That key had been retired for a while when the record came to the bucket: it was copied there, or dated back by
    /// a holder of the key.
    pub came_late: bool,
}

impl CatalogEntry {
    /// Whether the archive stands where the record says, as long as it says, and nothing that was looked at is wrong
    /// with it.
    #[must_use]
    pub fn has_archive(&self) -> bool {
        self.record.sealed.is_some() && self.archive.is_some() && self.doubt.is_none()
    }

    /// Why it failed, where it did: in the words of its details where these were read, else in those of its entry.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        let known = self.failure.clone();
        known.or_else(|| Details::default().failure(&self.record))
    }

    /// Why it looks wrong: with numbers and names, or by kind alone where its details were not read.
    #[must_use]
    pub fn reasons(&self) -> Vec<Reason> {
        match self.reasons.is_empty() {
            true => self.record.anomalies.iter().copied().map(Reason::KindOnly).collect(),
            false => self.reasons.clone(),
        }
    }

    /// Why the archive of a good record can't be counted on, as far as it was looked at.
    #[must_use]
    pub fn why_doubted(&self) -> Option<&Doubt> {
        let doubt = self.doubt.as_ref().or(self.unsure.as_ref());
        doubt.filter(|_| self.record.is_good())
    }

    /// How long it is kept, and when that runs out, where at a fixed moment: as somebody decided since it was made, or
    /// as its record says.
    #[must_use]
    pub fn kept(&self) -> (Retention, Option<Timestamp>) {
        self.record.kept(self.mark.as_ref())
    }

    /// Whether it is a good backup whose archive stands where it should, and is what was uploaded.
    #[must_use]
    pub fn is_sure(&self) -> bool {
        self.record.is_good() && self.why_doubted().is_none()
    }

    /// Whether it is a good backup, or may be one as far as it was looked at.
    pub(super) fn may_be_good(&self) -> bool {
        self.record.is_good() && self.why_doubted().is_none_or(Doubt::is_open)
    }

    /// The storage class of its archive, where the service told it.
    #[must_use]
    pub fn class(&self) -> Option<&str> {
        self.archive.as_ref()?.storage_class.as_deref()
    }
}
