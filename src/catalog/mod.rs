//! The bucket as a catalog: where objects are stored, which exist, and the commit that turns an archive into a backup.
//!
//! ```text
//! <prefix>/repository.pgc                        which place this is, sealed
//! <prefix>/<database>/archives/<tier>/<id>.pgc   the sealed archive
//! <prefix>/<database>/details/<id>.pgc           what is inside: tables, fingerprints, definitions, warnings, sealed
//! <prefix>/<database>/records/<id>.pgc           the sealed entry, written last
//! <prefix>/<database>/marks/<id>.pgc             what people decided about it afterwards, sealed: hold, acceptance
//! <prefix>/<database>/drills/<drill>.pgc         what a drill has proven of a backup, sealed; beside it what it found
//! <prefix>/<database>/settings/<name>.pgc        settings that somebody stored for every machine, sealed
//! <prefix>/audit-trail/<month>/<name>.pgc          who had what done, sealed
//! <prefix>/<database>/turns/<tier>/<name>.turn   in drop-box mode: a period's attempt or backup
//! ```
//!
//! An archive without a record is not a backup and is never listed as one.

mod archive_check;
mod audit;
mod commit;
mod comparison;
mod copying;
mod databases;
mod doubt;
mod drill_commit;
mod drills;
mod empty_place;
mod entry;
mod keys;
mod known;
mod leftovers;
mod listed_copies;
mod listed_drills;
mod listed_runs;
mod listing;
mod marks;
mod names;
mod nearby_places;
mod notices;
mod opening;
mod other_repositories;
mod reading;
mod repository;
mod sealed_place;
mod select;
mod stored_settings;
mod survey;
mod trust;
mod turns;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
};

use tokio::sync::OnceCell;

use self::{audit::AuditMaker, known::EntryCache};
use crate::{
    backup::{BackupId, DrillRecord, KnownAudit, Label, Mark, Record, Retention, Tier},
    error::Error,
    seal::{RepositoryId, Secret},
    store::Store,
};

pub use archive_check::ArchiveCheck;
pub use audit::{AuditTrail, MissingAudit};
pub use commit::SealedEntry;
pub use copying::Holdings;
pub use doubt::Doubt;
pub use drill_commit::DrillTurn;
pub use drills::{DrillHistory, DrillNames, DrillObjects, ReportsRead};
pub use entry::CatalogEntry;
pub use keys::{Key, Keys, Maker};
pub use listed_copies::ListedCopies;
pub use listed_drills::ListedDrills;
pub use listed_runs::ListedRuns;
pub use listing::Listing;
pub use names::OtherRepository;
pub use nearby_places::NearbyPlace;
pub use sealed_place::SealedPlace;
pub use select::BackupSelector;
pub use stored_settings::SettingsToStore;
pub use survey::{Orphan, Survey};

/// The number of entries that are read at once. They are small.
const READS_AT_ONCE: usize = 32;
const SUFFIX: &str = ".pgc";

/// The backups in one place, and the keys that are valid for them.
#[derive(Clone)]
pub struct Catalog {
    store: Store,
    keys: Arc<Keys>,
    /// The repository here, once it is known.
    repository: Arc<OnceCell<RepositoryId>>,
    /// The repository here, once its object is known to be in the bucket.
    begun: Arc<OnceCell<RepositoryId>>,
    /// Whether a setting pins the repository.
    pinned: bool,
    /// How long backups are kept in this place, in the place of their own retention.
    retention: Option<Retention>,
    /// Other repositories whose records under one of our keys were found here.
    others_met: Arc<Mutex<BTreeSet<RepositoryId>>>,
    /// Whether the check that this place belongs to others was made.
    warned: Arc<AtomicBool>,
    /// The cache of opened entries.
    known_records: Arc<EntryCache<Record>>,
    /// The cache of opened marks.
    known_marks: Arc<EntryCache<Mark>>,
    /// The cache of opened reports of drills.
    known_drills: Arc<EntryCache<DrillRecord>>,
    /// The newest entries of the audit trail that were seen here or written.
    known_audit: Arc<Mutex<KnownAudit>>,
    /// What makes and knows names of entries of the audit trail, once they were needed.
    audit_makers: Arc<OnceCell<Vec<AuditMaker>>>,
}

impl Catalog {
    /// The catalog in `store`, read with these keys. `pinned`: the only repository that counts.
    #[must_use]
    pub fn new(store: Store, keys: Keys, pinned: Option<RepositoryId>) -> Self {
        Self {
            store,
            keys: Arc::new(keys),
            repository: Arc::new(OnceCell::new_with(pinned)),
            begun: Arc::new(OnceCell::new()),
            pinned: pinned.is_some(),
            retention: None,
            others_met: Arc::default(),
            warned: Arc::default(),
            known_records: Arc::default(),
            known_marks: Arc::default(),
            known_drills: Arc::default(),
            known_audit: Arc::default(),
            audit_makers: Arc::default(),
        }
    }

    /// The same catalog of a place that keeps backups for a time of its own, whatever their records say.
    #[must_use]
    pub fn keeping(self, retention: Option<Retention>) -> Self {
        Self { retention, ..self }
    }

    /// Whether a setting pins the repository.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.pinned
    }

    fn others_known(&self) -> BTreeSet<RepositoryId> {
        let met = self.others_met.lock();
        met.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember_other(&self, repository: RepositoryId) {
        let met = self.others_met.lock();
        met.unwrap_or_else(PoisonError::into_inner).insert(repository);
    }

    /// The bucket.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The secrets that may open the objects of this backup.
    #[must_use]
    pub fn secrets_of(&self, database: &Label, id: &BackupId) -> Vec<Secret> {
        self.keys.opening(database, id.time())
    }

    /// The path of an archive below the prefix.
    #[must_use]
    pub fn archive_path(database: &Label, tier: Tier, id: &BackupId) -> String {
        format!("{database}/archives/{tier}/{id}{SUFFIX}")
    }

    /// The key of a record's archive, from the bucket's root.
    #[must_use]
    pub fn archive_key(&self, record: &Record) -> String {
        self.store
            .location()
            .key(&Self::archive_path(&record.database, record.tier, &record.id))
    }

    /// The key of a backup's details, from the bucket's root.
    #[must_use]
    pub fn details_key(&self, database: &Label, id: &BackupId) -> String {
        let below = format!("{database}/details/{id}{SUFFIX}");
        self.store.location().key(&below)
    }

    /// The key of a record, from the bucket's root.
    #[must_use]
    pub fn record_key(&self, database: &Label, id: &BackupId) -> String {
        self.store.location().key(&format!("{database}/records/{id}{SUFFIX}"))
    }
}

fn misplaced(key: &str, what: &str) -> Error {
    let what = format!("it holds {what}: it was put under another's name");
    Error::differs(key, what)
}
