//! Which places hold which backups, and since when one is behind.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::CopyPlace;
use crate::{
    backup::{BackupId, Failure, Label, PlaceName, Record},
    catalog::{CatalogEntry, Holdings},
    error::{Error, Result},
    store::Kind,
};

/// How long an upload may stand still before nobody is believed to be at it.
const STANDS_STILL: SignedDuration = SignedDuration::from_mins(10);

/// How one place stands against the bucket, for one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PlaceHealth {
    /// The place.
    pub place: PlaceName,
    /// The number of backups that belong there.
    pub wanted: usize,
    /// The number of those that are there; none if the place could not be looked at.
    pub held: Option<usize>,
    /// The newest good backup in the bucket is there.
    pub holds_newest: bool,
    /// The backups that belong there and are missing, newest first.
    pub behind: Vec<BackupId>,
    /// Since when it is behind: when the oldest missing backup was made.
    pub behind_since: Option<Timestamp>,
    /// When the copying that is in progress there began.
    pub copying_since: Option<Timestamp>,
    /// Why it could not be looked at.
    pub failure: Option<Failure>,
}

impl PlaceHealth {
    /// The health of a place that could not be looked at.
    #[must_use]
    pub fn unseen(place: &PlaceName, error: &Error) -> Self {
        Self {
            place: place.clone(),
            wanted: 0,
            held: None,
            holds_newest: false,
            behind: Vec::new(),
            behind_since: None,
            copying_since: None,
            failure: Some(Failure::from(error)),
        }
    }

    /// Whether everything that belongs there is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failure.is_none() && self.behind.is_empty()
    }

    /// Whether it is late: something is missing, and nobody is copying it.
    #[must_use]
    pub fn is_late(&self) -> bool {
        !self.is_complete() && self.copying_since.is_none()
    }
}

/// How a place stands against the bucket, whose part of this database is in `entries`. Lists the place's part.
///
/// # Errors
/// Any error of the place.
pub async fn place_health(
    entries: &[CatalogEntry],
    place: &CopyPlace,
    database: &Label,
    now: Timestamp,
) -> Result<PlaceHealth> {
    let there = place.catalog.holdings(database).await?;
    let good = entries.iter().filter(|one| one.is_good() && one.archive.is_some());
    let good: Vec<&CatalogEntry> = good.filter(|one| !one.record.is_ahead(now)).collect();
    let newest = good.first().map(|one| one.record.id.clone());
    let wanted: Vec<&&CatalogEntry> = good
        .iter()
        .filter(|one| place.wants(one, newest.as_ref(), now))
        .collect();
    let missing = wanted.iter().filter(|one| !there.holds(&one.record));
    let missing: Vec<_> = missing.map(|one| &one.record).collect();
    let copying_since = match missing.is_empty() {
        true => None,
        false => copying_since(place, database, &missing).await?,
    };
    Ok(PlaceHealth {
        place: place.name.clone(),
        wanted: wanted.len(),
        held: Some(wanted.len() - missing.len()),
        holds_newest: good.first().is_none_or(|one| there.holds(&one.record)),
        behind_since: missing.iter().map(|record| record.finished).min(),
        behind: missing.iter().map(|record| record.id.clone()).collect(),
        copying_since,
        failure: None,
    })
}

/// When something was last written to an upload of one of these archives that is in progress at the place.
async fn copying_since(place: &CopyPlace, database: &Label, missing: &[&Record]) -> Result<Option<Timestamp>> {
    let keys: Vec<String> = missing.iter().map(|record| place.catalog.archive_key(record)).collect();
    let uploads = uploads_in_progress(place, database).await?;
    let of_these = uploads.into_iter().filter(|(key, _)| keys.contains(key));
    Ok(of_these.map(|(_, moved)| moved).max())
}

/// The archives that somebody is writing to the place: their keys, and when something was last written. An upload that
/// has stood still for long was left behind.
pub(super) async fn uploads_in_progress(place: &CopyPlace, database: &Label) -> Result<Vec<(String, Timestamp)>> {
    let store = place.catalog.store();
    let folder = store.location().key(&format!("{database}/archives/"));
    let unfinished = match store.unfinished(&folder).await {
        Err(error) if error.kind == Kind::Denied => None,
        unfinished => unfinished?,
    };
    let now = store.service_time().unwrap_or_else(Timestamp::now);
    let mut uploads = Vec::new();
    for upload in unfinished.unwrap_or_default() {
        let moved = store.newest_part(&upload).await.ok().flatten().max(upload.began);
        uploads.extend(
            moved
                .filter(|at| now.duration_since(*at) < STANDS_STILL)
                .map(|at| (upload.key, at)),
        );
    }
    Ok(uploads)
}

/// What a place holds of these databases.
///
/// # Errors
/// Any error of the place.
pub async fn held_copies(place: &CopyPlace, databases: &[Label]) -> Result<Vec<(Label, Holdings)>> {
    let mut held = Vec::new();
    for database in databases {
        held.push((database.clone(), place.catalog.holdings(database).await?));
    }
    Ok(held)
}
