//! The deletion of a good backup by hand is announced in its sealed mark before anything is deleted, so that two of them
//! at once see each other: each announces, then looks, and counts nothing that is announced as left.

use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};

use super::mark::{maker, of_mark};
use crate::{
    backup::{AnnouncedDeletion, Mark, Record},
    catalog::Catalog,
    error::{Error, Result},
    store::{Kind, Store},
};

/// How long an announcement counts, by the service's clock: one whose deletion has died ends by itself.
pub(super) const ANNOUNCED_FOR: SignedDuration = SignedDuration::from_mins(30);

/// How long after its announcement a deletion may still begin. What is left of [`ANNOUNCED_FOR`] is for a request that
/// is under way.
const BEGINS_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Announces that a backup is about to be deleted: one conditional write to its mark. `None` where these credentials
/// may not write marks; then another deletion at the same moment doesn't see this one.
pub(super) async fn announce(catalog: &Catalog, record: &Record) -> Result<Option<AnnouncedDeletion>> {
    let at = time(catalog.store());
    let announced = AnnouncedDeletion {
        at,
        by: random()?.into(),
    };
    let (secret, owner) = maker(catalog, record).await?;
    let change = |mark: &mut Mark| {
        mark.deletions.retain(|one| is_live(one, at));
        mark.deletions.push(announced.clone());
    };
    let attributes = of_mark(record, owner);
    let changed = catalog.change_mark(&record.database, &record.id, &secret, &attributes, change);
    match changed.await {
        Ok(_) => Ok(Some(announced)),
        Err(Error::Store(error)) if matches!(error.kind, Kind::Denied | Kind::Unsupported) => {
            tracing::warn!(
                "the deletion can't be announced in the backup's mark, so another one at the same moment wouldn't see \
                 it: delete one at a time ({error})"
            );
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Takes an announcement back of which nothing came. What can't be taken back ends by itself.
pub(super) async fn withdraw(catalog: &Catalog, record: &Record, announced: &AnnouncedDeletion) {
    if let Err(error) = withdrawn(catalog, record, announced).await {
        let minutes = ANNOUNCED_FOR.as_mins();
        tracing::warn!(
            "{} counts as about to be deleted for {minutes} minutes: {error}",
            record.id
        );
    }
}

async fn withdrawn(catalog: &Catalog, record: &Record, announced: &AnnouncedDeletion) -> Result<()> {
    let (secret, owner) = maker(catalog, record).await?;
    let change = |mark: &mut Mark| mark.deletions.retain(|one| one != announced);
    let attributes = of_mark(record, owner);
    let changed = catalog.change_mark(&record.database, &record.id, &secret, &attributes, change);
    changed.await?;
    catalog.delete_empty_mark(&record.database, &record.id).await
}

/// Whether one of the announcements in a mark counts at this moment.
pub(super) fn is_announced(mark: Option<&Mark>, store: &Store) -> bool {
    let now = time(store);
    mark.is_some_and(|mark| mark.deletions.iter().any(|one| is_live(one, now)))
}

/// Checks right before the deletion that others still see the announcement, however long this process slept. `mark` was
/// read just now.
pub(super) fn check_announced(mark: Option<&Mark>, announced: &AnnouncedDeletion, store: &Store) -> Result<()> {
    let is_late = time(store).duration_since(announced.at).abs() > BEGINS_WITHIN;
    let stands = mark.is_some_and(|mark| mark.deletions.contains(announced));
    match stands && !is_late {
        true => Ok(()),
        false => Err(Error::usage(
            "it was announced that it is about to be deleted, and others don't see that any more: nothing was deleted",
            "run `pgcoffer delete` again",
        )),
    }
}

fn is_live(one: &AnnouncedDeletion, now: Timestamp) -> bool {
    now.duration_since(one.at).abs() <= ANNOUNCED_FOR
}

/// The service's time, as several machines may delete, and their clocks differ.
fn time(store: &Store) -> Timestamp {
    store.service_time().unwrap_or_else(Timestamp::now)
}

fn random() -> Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|e| Error::Internal(format!("no random bytes: {e}")))?;
    Ok(HEXLOWER.encode(&bytes))
}
