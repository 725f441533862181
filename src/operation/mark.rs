//! Changes the mark of a backup: holds it, releases it, or accepts it although it looks wrong.

use jiff::Timestamp;
use serde::Serialize;

use super::archive::not_good;
use crate::{
    backup::{Acceptance, BackupId, Hold, Label, Mark, Record, Release, Status},
    catalog::Catalog,
    error::{Error, Result},
    seal::Secret,
    store::{Attributes, Kind, Store},
    text::day,
};

/// The longest value of a tag. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>
const TAG_VALUE_CHARS_MAX: usize = 256;
const HOLD_TAG: &str = "pgcoffer:hold";

/// A change that a user makes to the mark of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkChange {
    /// Keep it whatever its retention says, for this reason.
    Hold(String),
    /// End the hold.
    Release,
    /// Accept what looked wrong with it.
    Accept,
}

/// The mark after the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedMark {
    /// Its id.
    pub id: BackupId,
    /// The label of its database.
    pub database: Label,
    /// The hold, if there is one.
    pub hold: Option<Hold>,
    /// The acceptance, if there is one.
    pub accepted: Option<Acceptance>,
    /// Whether the hold is also in a tag of the archive, which lifecycle rules can select.
    pub tagged: bool,
    /// Whether the hold is also a legal hold.
    pub legal_hold: bool,
    /// Whether anything was changed: a backup that isn't held can't be released, and an accepted one stays accepted.
    pub changed: bool,
}

/// Makes a change in the name of `who`: in a sealed mark, and for a hold also in a tag and, if objects are locked, in a
/// legal hold, as far as the service supports them.
///
/// A hold changes the mark first and the tag second, a release the other way round, so the backup is held in between.
///
/// # Errors
/// [`Error::NotGood`] for a failed run, [`Error::Usage`] if there is nothing to accept, [`Error::NoSuchBackup`] if it
/// was pruned before it could be held, or any error of the bucket.
pub async fn change_mark(
    catalog: &Catalog,
    record: &Record,
    change: &MarkChange,
    who: &str,
    now: Timestamp,
) -> Result<ChangedMark> {
    if matches!(record.status, Status::Failed { .. }) {
        return Err(not_good(catalog, record).await?);
    }
    check(record, change)?;
    let (mut tagged, mut legal_hold, mut changed) = (false, false, false);
    let before = catalog.mark(&record.database, &record.id).await?;
    if *change == MarkChange::Release {
        changed |= lift_hold(catalog, record).await?;
    }
    let mark = mark(catalog, record, change, who, now).await?;
    changed |= before.unwrap_or_else(|| Mark::new(&record.database, &record.id)) != mark;
    if let (MarkChange::Hold(_), Some(hold)) = (change, &mark.hold) {
        (tagged, legal_hold) = protect_held(catalog, record, hold).await?;
        check_stands(catalog, record).await?;
    }
    Ok(ChangedMark {
        id: mark.id,
        database: mark.database,
        hold: mark.hold,
        accepted: mark.accepted,
        tagged,
        legal_hold,
        changed,
    })
}

fn check(record: &Record, change: &MarkChange) -> Result<()> {
    match change {
        MarkChange::Accept if record.anomalies.is_empty() => Err(Error::usage(
            format!("{} is not marked as suspicious", record.id),
            "`pgcoffer status` shows what is",
        )),
        MarkChange::Hold(reason) if one_line(reason).is_empty() => Err(Error::usage(
            "a hold needs a reason",
            "say why: --reason \"before the migration of May\"",
        )),
        _ => Ok(()),
    }
}

/// Checks that the record still exists, as a prune may have been faster. A prune looks for a mark right before it
/// deletes, and a hold looks for the record right after it has written the mark, so they miss each other only within
/// the time of one request.
pub(super) async fn check_stands(catalog: &Catalog, record: &Record) -> Result<()> {
    let store = catalog.store();
    let key = catalog.record_key(&record.database, &record.id);
    match store.head(&key).await? {
        Some(_) => Ok(()),
        None => Err(Error::no_such_backup(record.id.as_str(), store.location())),
    }
}

async fn mark(catalog: &Catalog, record: &Record, change: &MarkChange, who: &str, now: Timestamp) -> Result<Mark> {
    let (secret, owner) = maker(catalog, record).await?;
    let attributes = of_mark(record, owner);
    let change = |mark: &mut Mark| match change {
        MarkChange::Hold(reason) => {
            mark.hold = Some(Hold {
                reason: one_line(reason).into(),
                who: one_line(who).into(),
                since: now,
            });
            mark.released = None;
        }
        MarkChange::Release if mark.hold.is_none() => {}
        MarkChange::Release => {
            mark.hold = None;
            mark.released = Some(Release {
                who: one_line(who).into(),
                at: now,
            });
        }
        MarkChange::Accept => {
            mark.accepted.get_or_insert_with(|| Acceptance {
                who: one_line(who).into(),
                at: now,
            });
        }
    };
    catalog
        .change_mark(&record.database, &record.id, &secret, &attributes, change)
        .await
}

/// Sets what else keeps a held backup, beside its mark: the tag, and if objects are locked the legal hold, as far as the
/// service supports them. Gives whether each of them is there.
pub(super) async fn protect_held(catalog: &Catalog, record: &Record, hold: &Hold) -> Result<(bool, bool)> {
    let tagged = tag_hold(catalog, record, Some(hold)).await?.holds;
    Ok((tagged, put_legal_hold_on(catalog, record).await?))
}

/// Removes the tag and the legal hold of a backup that is released. Says whether there was any.
pub(super) async fn lift_hold(catalog: &Catalog, record: &Record) -> Result<bool> {
    let tag = tag_hold(catalog, record, None).await?.changed;
    Ok(take_legal_hold_off(catalog, record).await? || tag)
}

/// The attributes of this backup's mark.
pub(super) fn of_mark(record: &Record, owner: String) -> Attributes {
    Attributes {
        tags: vec![
            ("pgcoffer:owner".to_owned(), owner),
            ("pgcoffer:database".to_owned(), record.database.to_string()),
        ],
        locked_until: None,
    }
}

/// The text of a user in a form that is safe on any terminal: without line breaks and control characters.
pub(super) fn one_line(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.collect::<String>().trim().to_owned()
}

/// The secret that made this backup, and its owner's tag. Its mark must open with the same secret.
pub(super) async fn maker(catalog: &Catalog, record: &Record) -> Result<(Secret, String)> {
    let makers = catalog.makers(&record.database).await?;
    let mut made = makers.into_iter();
    made.find(|maker| maker.made(&record.id, &record.database))
        .map(|maker| (maker.secret, maker.identity.owner()))
        .ok_or_else(|| {
            let what = "its id was made with another key than the one that opens it";
            Error::differs(record.id.as_str(), what)
        })
}

/// The state of a hold's tag.
#[derive(Clone, Copy, Default)]
struct HoldTag {
    /// Whether the tag exists.
    holds: bool,
    /// Whether it was written or removed.
    changed: bool,
}

/// Sets or removes the tag of a hold on the archive, if tags are supported and may be set.
async fn tag_hold(catalog: &Catalog, record: &Record, hold: Option<&Hold>) -> Result<HoldTag> {
    let (store, key) = (catalog.store(), catalog.archive_key(record));
    match change_tags(store, &key, hold).await {
        Ok(tagged) => Ok(tagged),
        // a hold is valid by its mark even if it can't be tagged (an object can't have more than ten tags); but a tag
        // that can't be removed still holds
        Err(error) if hold.is_some() && matches!(error.kind, Kind::Denied | Kind::Other) => {
            tracing::warn!("the hold stands in a sealed mark and not in a tag: {error}");
            Ok(HoldTag::default())
        }
        Err(error) if error.kind == Kind::NotFound => Ok(HoldTag::default()),
        Err(error) => Err(error.into()),
    }
}

async fn change_tags(
    store: &Store,
    key: &str,
    hold: Option<&Hold>,
) -> std::result::Result<HoldTag, crate::store::Error> {
    let before = match store.tags(key).await {
        Err(error) if error.kind == Kind::Denied && hold.is_none() => {
            tracing::warn!("a tag that holds would go on doing so: {error}");
            return Ok(HoldTag::default());
        }
        result => result?,
    };
    let Some(before) = before else {
        return Ok(HoldTag::default());
    };
    let others = before.iter().filter(|(name, _)| name != HOLD_TAG).cloned();
    let held = hold.map(|hold| (HOLD_TAG.to_owned(), tag_value(hold)));
    let after: Vec<_> = others.chain(held).collect();
    if after == before {
        return Ok(HoldTag {
            holds: hold.is_some(),
            changed: false,
        });
    }
    if !store.set_tags(key, &after).await? {
        return Ok(HoldTag::default());
    }
    // some services accept tags and lose them
    let kept = store.tags(key).await?.unwrap_or_default();
    Ok(HoldTag {
        holds: kept.iter().any(|(name, _)| name == HOLD_TAG),
        changed: true,
    })
}

/// Since when, who and why, in characters that every service accepts in a tag.
fn tag_value(hold: &Hold) -> String {
    let since = day(hold.since);
    let text = format!("{since} {}: {}", hold.who, hold.reason);
    let taken = |c: char| c.is_ascii_alphanumeric() || " _.:/=+-@".contains(c);
    let safe = text.chars().map(|c| if taken(c) { c } else { '_' });
    let safe: String = safe.take(TAG_VALUE_CHARS_MAX).collect();
    safe.trim().to_owned()
}

/// Sets a legal hold, if objects are locked.
async fn put_legal_hold_on(catalog: &Catalog, record: &Record) -> Result<bool> {
    let store = catalog.store();
    if !store.locks() {
        return Ok(false);
    }
    for key in keys(catalog, record) {
        match store.set_legal_hold(&key, true).await {
            Err(error) if error.kind == Kind::NotFound && key == catalog.details_key(&record.database, &record.id) => {}
            result => result?,
        }
    }
    Ok(true)
}

/// Removes legal holds, also if the settings of this machine don't lock objects, as another machine's may have. Returns
/// whether there was one.
async fn take_legal_hold_off(catalog: &Catalog, record: &Record) -> Result<bool> {
    let store = catalog.store();
    let mut was_held = false;
    for key in keys(catalog, record) {
        let held = match store.locked(&key).await {
            Err(error) if error.kind == Kind::NotFound => false,
            result => result?.legal_hold,
        };
        if held {
            store.set_legal_hold(&key, false).await?;
            was_held = true;
        }
    }
    Ok(was_held)
}

/// The keys of the objects of a backup.
pub(super) fn keys(catalog: &Catalog, record: &Record) -> [String; 3] {
    [
        catalog.archive_key(record),
        catalog.details_key(&record.database, &record.id),
        catalog.record_key(&record.database, &record.id),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_what_it_can_of_a_hold() {
        let hold = Hold {
            reason: "audit, \"2027\" (§12)".into(),
            who: "joe@example.org".into(),
            since: "2026-11-20T07:00:00Z".parse().unwrap(),
        };
        assert_eq!(tag_value(&hold), "2026-11-20 joe@example.org: audit_ _2027_ __12_");
        let long = Hold {
            reason: "x".repeat(999).into(),
            ..hold
        };
        assert_eq!(tag_value(&long).chars().count(), TAG_VALUE_CHARS_MAX);
    }
}
