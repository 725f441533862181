//! What runs that died left behind: uploads, archives without a record, marks without a backup. After a day, and ours only.

use jiff::{SignedDuration, Timestamp};

use super::{
    LeftoverKind,
    evidence::{Seen, are_ours, is_held, read, tag},
};
use crate::{
    backup::Label,
    catalog::{Catalog, Orphan, Survey},
    error::Result,
    operation::ordered::done,
    seal::{Content, HEADER_LEN_MAX, Header},
    store::{Kind, Object, Unfinished},
};

/// How long nothing may have moved before something counts as left behind.
const LEFT_BEHIND: SignedDuration = SignedDuration::from_hours(24);

/// Something that is no backup.
#[derive(Debug)]
pub(super) struct Leftover {
    pub(super) what: What,
    pub(super) bytes: u64,
    /// why it is kept; none: it is deleted
    pub(super) kept: Option<String>,
}

#[derive(Debug)]
pub(super) enum What {
    Upload(Unfinished),
    Archive(Object),
    Mark(Object),
}

impl Leftover {
    pub(super) fn kind(&self) -> LeftoverKind {
        match &self.what {
            What::Upload(_) => LeftoverKind::Upload,
            What::Archive(_) => LeftoverKind::Archive,
            What::Mark(_) => LeftoverKind::Mark,
        }
    }

    pub(super) fn key(&self) -> &str {
        match &self.what {
            What::Upload(upload) => &upload.key,
            What::Archive(object) | What::Mark(object) => &object.key,
        }
    }
}

/// Everything of ours that is no backup, and whether it may go. With `blocked`, archives stay: whoever looks into why the
/// newest run is not good may want them.
pub(super) async fn look_for(
    catalog: &Catalog,
    survey: &Survey,
    blocked: bool,
    now: Timestamp,
) -> Result<Vec<Leftover>> {
    let mut found = uploads(catalog, &survey.database, now).await?;
    for orphan in &survey.orphans {
        let kept = match blocked {
            true => Some("the newest run is not good".to_owned()),
            false => reason_to_keep(catalog, survey, orphan, now).await?,
        };
        found.push(Leftover {
            what: What::Archive(orphan.object.clone()),
            bytes: orphan.object.bytes,
            kept,
        });
    }
    for object in &survey.stray_marks {
        found.push(Leftover {
            what: What::Mark(object.clone()),
            bytes: object.bytes,
            kept: young(object.modified, now),
        });
    }
    Ok(found)
}

/// Why something is not left behind yet, where it isn't.
fn young(since: Option<Timestamp>, now: Timestamp) -> Option<String> {
    match since {
        None => Some("nobody knows how old it is".to_owned()),
        Some(since) if now.duration_since(since) <= LEFT_BEHIND => {
            Some("less than a day old".to_owned())
        }
        Some(_) => None,
    }
}

async fn uploads(catalog: &Catalog, database: &Label, now: Timestamp) -> Result<Vec<Leftover>> {
    let store = catalog.store();
    let mut found = Vec::new();
    for upload in catalog.unfinished(database).await? {
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
            what: What::Upload(upload),
            bytes: 0,
            kept,
        });
    }
    Ok(found)
}

/// Why an archive without a record is kept, where it is: everything has to show that it is ours, and that nobody wants it.
async fn reason_to_keep(
    catalog: &Catalog,
    survey: &Survey,
    orphan: &Orphan,
    now: Timestamp,
) -> Result<Option<String>> {
    let (store, object) = (catalog.store(), &orphan.object);
    let newest = object.modified.max(Some(orphan.id.time()));
    if let Some(kept) = young(object.modified.and(newest), now) {
        return Ok(Some(kept));
    }
    if is_held(survey, &orphan.id) {
        return Ok(Some("somebody marked its backup".to_owned()));
    }
    let (database, tier) = (survey.database.as_str(), orphan.tier.as_str());
    match read(store, &object.key).await? {
        Seen::None => {}
        Seen::Empty => return Ok(Some("its tags are missing".to_owned())),
        Seen::Hidden => return Ok(Some("its tags can't be seen".to_owned())),
        Seen::Tags(found) if tag(&found, "hold").is_some() => {
            return Ok(Some("its tags hold it".to_owned()));
        }
        Seen::Tags(found) if are_ours(&found, &orphan.owner, database, tier) => {}
        Seen::Tags(_) => return Ok(Some("its tags are not ours".to_owned())),
    }
    match store.locked(&object.key).await {
        Ok(locked) if locked.legal_hold => return Ok(Some("legal hold".to_owned())),
        Ok(locked) if locked.until.is_some_and(|until| until > now) => {
            return Ok(Some("locked".to_owned()));
        }
        Err(error) if error.kind != Kind::NotFound => return Err(error.into()),
        _ => {}
    }
    authenticate(catalog, orphan).await
}

/// Why an archive's header doesn't prove that it is ours, where it doesn't.
async fn authenticate(catalog: &Catalog, orphan: &Orphan) -> Result<Option<String>> {
    let object = &orphan.object;
    let range = 0..object.bytes.min(HEADER_LEN_MAX as u64);
    let beginning = catalog
        .store()
        .read_range(&object.key, range, object.etag.as_deref());
    let beginning = match beginning.await {
        Ok(beginning) => beginning,
        Err(error) if error.kind == Kind::Cold => {
            return Ok(Some(
                "in cold storage, where its header can't be read".to_owned(),
            ));
        }
        Err(error) => return Ok(Some(format!("its header can't be read: {}", error.why))),
    };
    let (id, secrets) = (orphan.id.clone(), catalog.secrets().to_vec());
    let proof = tokio::task::spawn_blocking(move || {
        let (header, _) = Header::parse_whole(&beginning)?;
        header.check_is(id.as_str(), Content::Archive)?;
        header.unlock(&secrets).map(drop)
    });
    match done(proof).await? {
        Ok(()) => Ok(None),
        Err(error) => Ok(Some(format!("its header does not prove it ours: {error}"))),
    }
}
