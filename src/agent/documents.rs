//! Backups and databases as programs read them: the same in `list`, `show` and `status` with `--json`, and in the
//! dashboard's API, whose document describes them.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::ShownBackup;
use crate::{
    backup::{
        Acceptance, DrillDocument, DrillFindings, Hold, MeasuredDrill, Notice, PlaceName, Record, RecordDocument,
        RetainedDocument,
    },
    catalog::{CatalogEntry, Listing},
    operation::Health,
};

/// A run in a list, and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedBackup {
    /// Its record.
    #[serde(flatten)]
    pub record: Record,
    /// Whether it is a good backup, and its archive the one that was uploaded.
    pub good: bool,
    /// Whether it looks wrong beside those before it, and nobody has accepted it.
    pub looks_suspicious: bool,
    /// Why it is kept whatever its retention says; null where it isn't.
    pub hold: Option<Hold>,
    /// How long somebody decided to keep it; null where nobody did.
    pub retained: Option<RetainedDocument>,
    /// The storage class of its archive, where the service names one.
    pub storage_class: Option<String>,
    /// Why its archive is not reliable, as far as it was looked at.
    pub doubt: Option<String>,
    /// Its last drill.
    pub drill: Option<DrillDocument>,
    /// When it was last read back as a whole and was good.
    pub last_read_back: Option<Timestamp>,
    /// The places beside the bucket that hold it.
    pub places: Vec<PlaceName>,
}

/// One backup with everything that is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct BackupDocument {
    /// Its record, and what is inside.
    #[serde(flatten)]
    pub record: RecordDocument,
    /// When it was last read back as a whole and was good.
    pub last_read_back: Option<Timestamp>,
    /// Why it is kept whatever its retention says; null where it isn't.
    pub hold: Option<Hold>,
    /// How long somebody decided to keep it; null where nobody did.
    pub retained: Option<RetainedDocument>,
    /// Who took it for right although it looked wrong.
    pub accepted: Option<Acceptance>,
    /// The notices about it, oldest first.
    pub notices: Vec<Notice>,
    /// Its drills, the last one first.
    pub drills: Vec<DrillDocument>,
    /// What the last of them found; null where the keys at hand don't open it.
    pub drill_findings: Option<DrillFindings>,
    /// The last drills of its database that ran to their end: measured recovery times.
    pub measured: Vec<MeasuredDrill>,
    /// The places beside the bucket that hold it.
    pub places: Vec<PlaceName>,
    /// The places that could not be looked at.
    pub places_unseen: Vec<PlaceName>,
}

/// How one database stands: is there a backup, how old is it, does it come back.
#[derive(Debug, Serialize, ToSchema)]
pub struct DatabaseDocument {
    /// Its health.
    #[serde(flatten)]
    pub health: Health,
    /// What is wrong, most urgent first; empty if all is well.
    pub problems: Vec<String>,
}

impl ListedBackup {
    /// One of the runs of a listing.
    #[must_use]
    pub fn of(listing: &Listing, one: &CatalogEntry) -> Self {
        let record = &one.record;
        Self {
            good: one.is_sure(),
            looks_suspicious: listing.is_suspicious(record),
            hold: one.hold().cloned(),
            retained: RetainedDocument::of(record, one.mark.as_ref()),
            storage_class: one.class().map(str::to_owned),
            doubt: one.why_doubted().map(ToString::to_string),
            drill: listing.drills.of_backups.get(&record.id).map(DrillDocument::from),
            last_read_back: one.last_read_back(listing.seen),
            places: listing.copies.of(&record.id).to_vec(),
            record: Record {
                // by the key that made its name, whatever the record says
                sealed_for: one.key.as_str().into(),
                ..record.clone()
            },
        }
    }
}

impl From<&ShownBackup> for BackupDocument {
    fn from(shown: &ShownBackup) -> Self {
        let (record, mark) = (&shown.record, shown.mark.as_ref());
        Self {
            record: RecordDocument::new(record, shown.details.as_ref()),
            last_read_back: shown.last_read_back,
            hold: mark.and_then(|mark| mark.hold.clone()),
            retained: RetainedDocument::of(record, mark),
            accepted: mark.and_then(|mark| mark.accepted.clone()),
            notices: mark.map(|mark| mark.notices.clone()).unwrap_or_default(),
            drills: shown.drills.reports.iter().map(DrillDocument::from).collect(),
            drill_findings: shown.drills.findings.clone(),
            measured: shown.drills.measured.clone(),
            places: shown.copies.of(&record.id).to_vec(),
            places_unseen: shown.copies.unseen.iter().map(|(place, _)| place.clone()).collect(),
        }
    }
}

impl From<&Health> for DatabaseDocument {
    fn from(health: &Health) -> Self {
        Self {
            problems: health.problems().iter().map(ToString::to_string).collect(),
            health: health.clone(),
        }
    }
}
