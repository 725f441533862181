//! What dead runs left behind: uploads, archives without a record, marks without a backup. Only ours, and only after a
//! day.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    LeftoverKind,
    guards::{SeenTags, are_ours, read, tag},
};
use crate::{
    backup::{BackupId, Label},
    catalog::{Catalog, Orphan, Survey},
    error::Result,
    pipeline::joined,
    seal::{Content, HEADER_LEN_MAX, SealedHeader},
    store::{Kind, Object, Unfinished},
};

/// The time without any progress after which something counts as left behind.
const LEFT_BEHIND: SignedDuration = SignedDuration::from_hours(24);

/// The lowest speed of a dump: 256 KiB/s.
const SLOWEST_BYTES_PER_SECOND: u64 = 256 << 10;

/// Something that is not a backup.
#[derive(Debug)]
pub(super) struct Leftover {
    pub(super) object: LeftoverObject,
    pub(super) bytes: u64,
    /// Why it is kept; `None` if it is deleted.
    pub(super) kept: Option<String>,
}

#[derive(Debug)]
pub(super) enum LeftoverObject {
    Upload(Unfinished),
    Archive(BackupId, Object),
    Details(BackupId, Object),
    Mark(Object),
    Turn(Object),
    Drill(Object),
}

/// Marks without a record that hold the rest of their backup, and why.
type Holding = BTreeMap<BackupId, String>;

impl Leftover {
    pub(super) fn kind(&self) -> LeftoverKind {
        match &self.object {
            LeftoverObject::Upload(_) => LeftoverKind::Upload,
            LeftoverObject::Archive(..) => LeftoverKind::Archive,
            LeftoverObject::Details(..) => LeftoverKind::Details,
            LeftoverObject::Mark(_) => LeftoverKind::Mark,
            LeftoverObject::Turn(_) => LeftoverKind::Turn,
            LeftoverObject::Drill(_) => LeftoverKind::Drill,
        }
    }

    pub(super) fn key(&self) -> &str {
        match &self.object {
            LeftoverObject::Upload(upload) => &upload.key,
            LeftoverObject::Archive(_, object)
            | LeftoverObject::Details(_, object)
            | LeftoverObject::Mark(object)
            | LeftoverObject::Turn(object)
            | LeftoverObject::Drill(object) => &object.key,
        }
    }
}

/// Everything of ours that is not a backup, and whether it may be deleted. Archives that a user may need are kept, with
/// the reason.
pub(super) async fn look_for(
    catalog: &Catalog,
    survey: &Survey,
    unfinished: Vec<Unfinished>,
    wanted: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Leftover>> {
    let mut found = uploads(catalog, unfinished, now).await?;
    let holding = holding(catalog, survey).await;
    for orphan in &survey.orphans {
        let kept = match wanted {
            Some(why) => Some(why.to_owned()),
            None => reason_to_keep(catalog, survey, &holding, orphan, now).await?,
        };
        found.push(Leftover {
            object: LeftoverObject::Archive(orphan.id.clone(), orphan.object.clone()),
            bytes: orphan.object.bytes,
            kept,
        });
    }
    for (id, object) in &survey.stray_details {
        let kept = wanted.map(str::to_owned);
        let kept = kept.or_else(|| holding.get(id).cloned());
        let with_archive = survey.orphans.iter().any(|orphan| orphan.id == *id);
        let beside = || with_archive.then(|| "its archive stands still".to_owned());
        found.push(Leftover {
            object: LeftoverObject::Details(id.clone(), object.clone()),
            bytes: object.bytes,
            kept: kept.or_else(beside).or_else(|| young(object.modified, now)),
        });
    }
    for (id, object) in &survey.stray_marks {
        let kept = holding.get(id).cloned();
        found.push(Leftover {
            object: LeftoverObject::Mark(object.clone()),
            bytes: object.bytes,
            kept: kept.or_else(|| young(object.modified, now)),
        });
    }
    Ok(found)
}

/// Turns of drop-box mode whose periods have ended.
pub(super) async fn turns(catalog: &Catalog, database: &Label, now: Timestamp) -> Result<Vec<Leftover>> {
    let past = catalog.turns_past(database, now).await?.into_iter();
    let past = past.map(|object| Leftover {
        bytes: object.bytes,
        object: LeftoverObject::Turn(object),
        kept: None,
    });
    Ok(past.collect())
}

/// Reads the marks without a record, since deleting a record must not end a hold.
async fn holding(catalog: &Catalog, survey: &Survey) -> Holding {
    let mut holding = Holding::new();
    for (id, _) in &survey.stray_marks {
        let why = match catalog.mark(&survey.database, id).await {
            Ok(mark) => mark.and_then(|mark| mark.hold).map(|hold| format!("held {hold}")),
            Err(error) => Some(format!("its mark can't be read: {error}")),
        };
        holding.extend(why.map(|why| (id.clone(), why)));
    }
    holding
}

/// Why something doesn't count as left behind yet; `None` if it does.
pub(super) fn young(since: Option<Timestamp>, now: Timestamp) -> Option<String> {
    match since {
        None => Some("nobody knows how old it is".to_owned()),
        Some(since) if now.duration_since(since) <= LEFT_BEHIND => Some("less than a day old".to_owned()),
        Some(_) => None,
    }
}

async fn uploads(catalog: &Catalog, unfinished: Vec<Unfinished>, now: Timestamp) -> Result<Vec<Leftover>> {
    let store = catalog.store();
    let mut found = Vec::new();
    for upload in unfinished {
        let kept = match young(upload.began, now) {
            Some(kept) => Some(kept),
            // a dump of many terabytes takes more than a day
            None => match store.newest_part(&upload).await {
                Ok(None) => None,
                Ok(newest) => young(newest, now).map(|_| "parts arrive still".to_owned()),
                Err(error) if error.kind == Kind::NotFound => continue,
                Err(error) => Some(format!("its parts can't be looked at: {}", error.why)),
            },
        };
        found.push(Leftover {
            object: LeftoverObject::Upload(upload),
            bytes: 0,
            kept,
        });
    }
    Ok(found)
}

/// Whether the run that left an archive has ended. Runs wait for one another, so it has if a good one began after it,
/// or if its dump would have been slower than any. Dates alone don't show it: S3 dates an object by the beginning of
/// its upload, so between its completion and its record, the archive of a dump that took more than a day is older than
/// that. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html>
fn has_ended(survey: &Survey, orphan: &Orphan, now: Timestamp) -> bool {
    let mut good = survey.entries.iter().filter(|one| one.is_good());
    let age = now.duration_since(orphan.id.time());
    good.any(|one| one.record.id > orphan.id) || age > LEFT_BEHIND + longest(orphan.object.bytes)
}

/// The longest time that a dump of so many bytes takes.
fn longest(bytes: u64) -> SignedDuration {
    let seconds = bytes / SLOWEST_BYTES_PER_SECOND;
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX).min(i64::MAX / 2))
}

/// Why an archive without a record is kept; `None` if everything shows that it is ours and that no user needs it.
async fn reason_to_keep(
    catalog: &Catalog,
    survey: &Survey,
    holding: &Holding,
    orphan: &Orphan,
    now: Timestamp,
) -> Result<Option<String>> {
    let (store, object) = (catalog.store(), &orphan.object);
    let newest = object.modified.max(Some(orphan.id.time()));
    if let Some(kept) = young(object.modified.and(newest), now) {
        return Ok(Some(kept));
    }
    if !has_ended(survey, orphan, now) {
        return Ok(Some("its run may not have ended".to_owned()));
    }
    if let Some(why) = holding.get(&orphan.id) {
        return Ok(Some(why.clone()));
    }
    let (database, tier) = (survey.database.as_str(), orphan.tier.as_str());
    match read(store, &object.key).await? {
        SeenTags::Unsupported | SeenTags::Gone => {}
        SeenTags::Empty => return Ok(Some("its tags are missing".to_owned())),
        SeenTags::Hidden => return Ok(Some("its tags can't be seen".to_owned())),
        SeenTags::Tags(found) if tag(&found, "hold").is_some() => {
            return Ok(Some("its tags hold it".to_owned()));
        }
        SeenTags::Tags(found) if are_ours(&found, &orphan.owner, database, tier) => {}
        SeenTags::Tags(_) => return Ok(Some("its tags are not ours".to_owned())),
    }
    match store.locked(&object.key).await {
        Ok(locked) if locked.legal_hold => return Ok(Some("legal hold".to_owned())),
        Ok(locked) if locked.until.is_some_and(|until| until > now) => {
            return Ok(Some("locked".to_owned()));
        }
        Err(error) if error.kind != Kind::NotFound => return Err(error.into()),
        _ => {}
    }
    authenticate(catalog, &survey.database, orphan).await
}

/// Why an archive's header doesn't prove that it is ours; `None` if it does.
async fn authenticate(catalog: &Catalog, database: &Label, orphan: &Orphan) -> Result<Option<String>> {
    let object = &orphan.object;
    if !catalog.sees_inside(database, &orphan.id).await? {
        let why = "only its key itself, not the catalog key, can prove it ours";
        return Ok(Some(why.to_owned()));
    }
    let range = 0..object.bytes.min(HEADER_LEN_MAX as u64);
    let beginning = catalog.store().read_range(&object.key, range, object.etag.as_deref());
    let beginning = match beginning.await {
        Ok(beginning) => beginning,
        Err(error) if error.kind == Kind::Cold => {
            return Ok(Some("in cold storage, where its header can't be read".to_owned()));
        }
        Err(error) => return Ok(Some(format!("its header can't be read: {}", error.why))),
    };
    let repository = catalog.repository().await?;
    let secrets = catalog.secrets_of(database, &orphan.id);
    let id = orphan.id.clone();
    let proof = tokio::task::spawn_blocking(move || {
        let (header, _) = SealedHeader::parse_whole(&beginning)?;
        header.check_is(&repository, id.as_str(), Content::Archive)?;
        header.unlock(&secrets).map(drop)
    });
    match joined(proof).await? {
        Ok(()) => Ok(None),
        Err(error) => Ok(Some(format!("its header does not prove it ours: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_dump_may_take_days_and_a_small_one_may_not() {
        assert_eq!(longest(10 << 20), SignedDuration::from_secs(40));
        assert!(longest(100 << 30) > SignedDuration::from_hours(4 * 24));
        assert!(longest(u64::MAX).is_positive());
    }
}
