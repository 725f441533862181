//! How long one backup is kept is changed, longer or shorter than it was made for.
//!
//! A sealed mark beside the record says so, which counts at once where it is longer. Where it is shorter, the tags of
//! the backup's objects have to say the same before a prune believes it (`retention`), so they are written first.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    archive::not_good,
    mark::{check_stands, keys, maker, of_mark, one_line},
};
use crate::{
    backup::{BackupId, Label, Mark, Record, Retained, Retention, Status},
    catalog::Catalog,
    error::{Error, Result},
    store::{self, Kind, Locked, Store},
    text::minute,
};

const RETAIN_TAG: &str = "pgcoffer:retain";
const EXPIRES_TAG: &str = "pgcoffer:expires";

/// How long a backup is kept after the change, and before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retaining {
    /// Its id.
    pub id: BackupId,
    /// Label of its database.
    pub database: Label,
    /// How long it is kept, from its beginning on.
    pub retention: Retention,
    /// When that runs out; none: never.
    pub expires: Option<Timestamp>,
    /// How long it was kept before.
    pub before: Retention,
    /// When that would have run out; none: never, or at no fixed moment.
    pub expires_before: Option<Timestamp>,
    /// Its objects' tags say the same, where the bucket's own rules can see it.
    pub tagged: bool,
    /// Until when Object Lock keeps it.
    pub locked_until: Option<Timestamp>,
    /// Somebody holds it, so that it is kept whatever its retention says.
    pub held: bool,
    /// Whether anything is other than it was.
    pub changed: bool,
}

/// Keeps a backup so long, from its beginning on, in the name of `who`. Two that change it at once: the later one
/// counts.
///
/// Longer: marked first, then tagged, and locked where objects are locked. Shorter: tagged first, so that no mark says
/// what a prune doesn't believe.
///
/// # Errors
/// [`Error::NotGood`] for a run that failed; [`Error::Usage`] for a count, for what would be over already or before a
/// lock ends, and where the bucket has or keeps no tags for a shorter one; [`Error::NoSuchBackup`] where it was deleted
/// meanwhile; and what the bucket refuses.
pub async fn retain(
    catalog: &Catalog,
    record: &Record,
    retention: Retention,
    who: &str,
    now: Timestamp,
) -> Result<Retaining> {
    if matches!(record.status, Status::Failed { .. }) {
        return Err(not_good(catalog, record).await?);
    }
    let mark = catalog.mark(&record.database, &record.id).await?;
    let (before, expires_before) = record.kept(mark.as_ref());
    let expires = retention.expires(record.started);
    let lock = lock_of(catalog, record).await?;
    check(record, retention, expires, lock, now)?;
    let wanted = Retained {
        retention,
        who: one_line(who).into(),
        at: now,
    };
    let is_changed = before != retention || expires_before != expires;
    let is_shorter = is_shorter(expires, before, expires_before);
    let mut tagged = false;
    if is_shorter {
        tagged = tag(catalog, record, &wanted, Strictness::Needed).await?;
    }
    let mark = write_mark(catalog, record, &wanted, is_changed).await?;
    let mut locked_until = lock.until;
    if !is_shorter {
        tagged = tag(catalog, record, &wanted, Strictness::Wished).await?;
        locked_until = lengthen_lock(catalog, record, lock, expires).await;
    }
    agree_with_mark(catalog, record, &wanted).await?;
    check_stands(catalog, record).await?;
    Ok(Retaining {
        id: record.id.clone(),
        database: record.database.clone(),
        retention,
        expires,
        before,
        expires_before,
        tagged,
        locked_until,
        held: mark.hold.is_some(),
        changed: is_changed,
    })
}

fn check(
    record: &Record,
    retention: Retention,
    expires: Option<Timestamp>,
    lock: Locked,
    now: Timestamp,
) -> Result<()> {
    let id = &record.id;
    if matches!(retention, Retention::Newest(_)) {
        return Err(Error::usage(
            format!("{retention} is a count, and one backup is kept for a time"),
            format!("give the unit as well: {retention}d for days, or forever"),
        ));
    }
    let Some(expires) = expires else { return Ok(()) };
    if expires <= now {
        return Err(Error::usage(
            format!(
                "{id} began {}, and {retention} after that was {}: a prune would delete it",
                minute(record.started),
                minute(expires)
            ),
            format!(
                "the time counts from the beginning of the backup: give {} or more, or forever; `pgcoffer delete {id}` \
                 deletes it now",
                least(record.started, now)
            ),
        ));
    }
    match lock.until.filter(|until| *until > expires) {
        Some(until) => Err(Error::usage(
            format!(
                "{id} began {}, and {retention} after that is {}: before its lock ends, {}",
                minute(record.started),
                minute(expires),
                minute(until)
            ),
            "nobody can delete it before its lock ends: give a time that ends later",
        )),
        None => Ok(()),
    }
}

/// The shortest time in whole hours or days that isn't over yet.
fn least(started: Timestamp, now: Timestamp) -> Retention {
    let hours = now.duration_since(started).as_hours() + 1;
    let number = |number: i64| u16::try_from(number).unwrap_or(u16::MAX);
    match hours {
        ..=48 => Retention::Hours(number(hours)),
        _ => Retention::Days(number(hours / 24 + 1)),
    }
}

/// Whether it may end earlier than it would have. Nobody knows when a count ends.
fn is_shorter(expires: Option<Timestamp>, before: Retention, expires_before: Option<Timestamp>) -> bool {
    match (expires, expires_before) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(after), Some(ends)) => after < ends || matches!(before, Retention::Newest(_)),
    }
}

async fn write_mark(catalog: &Catalog, record: &Record, wanted: &Retained, is_changed: bool) -> Result<Mark> {
    let (secret, owner) = maker(catalog, record).await?;
    let attributes = of_mark(record, owner);
    let change = |mark: &mut Mark| {
        if is_changed
            || mark
                .retained
                .as_ref()
                .is_some_and(|other| other.retention != wanted.retention)
        {
            mark.retained = Some(wanted.clone());
        }
    };
    let changed = catalog.change_mark(&record.database, &record.id, &secret, &attributes, change);
    changed.await
}

/// Somebody else may have changed it at the same time: the tags have to say what the mark says.
async fn agree_with_mark(catalog: &Catalog, record: &Record, ours: &Retained) -> Result<()> {
    let mark = catalog.mark(&record.database, &record.id).await?;
    if let Some(other) = mark
        .and_then(|mark| mark.retained)
        .filter(|other| other.retention != ours.retention)
    {
        tracing::warn!(
            "{} was given another retention meanwhile: {}",
            record.id,
            other.retention
        );
        tag(catalog, record, &other, Strictness::Wished).await?;
    }
    Ok(())
}

/// Whether tags are needed for what they say to count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// Without them nothing is to be changed.
    Needed,
    /// The mark counts without them.
    Wished,
}

/// Tags every object of the backup; whether they bear the tags then.
async fn tag(catalog: &Catalog, record: &Record, wanted: &Retained, strictness: Strictness) -> Result<bool> {
    let (_, owner) = maker(catalog, record).await?;
    let tags = tags_of(record, &owner, wanted.retention);
    let mut tagged = true;
    for key in keys(catalog, record) {
        match write_tags(catalog.store(), &key, &tags).await {
            Ok(TagsWritten::Kept | TagsWritten::NoObject) => {}
            Ok(TagsWritten::Unsupported) if strictness == Strictness::Needed => {
                let id = &record.id;
                return Err(Error::usage(
                    format!(
                        "{id} can't be kept for a shorter time: the service has no tags, and whoever has the key could \
                         write the mark alone"
                    ),
                    format!("nothing was changed; `pgcoffer delete {id}` deletes it, now or later"),
                ));
            }
            Ok(TagsWritten::Unsupported) => tagged = false,
            Ok(TagsWritten::Lost) if strictness == Strictness::Needed => {
                let id = &record.id;
                return Err(Error::usage(
                    format!(
                        "{id} can't be kept for a shorter time: the bucket says that it takes tags, and loses them"
                    ),
                    format!("nothing was changed; `pgcoffer delete {id}` deletes it, now or later"),
                ));
            }
            Err(error) if strictness == Strictness::Needed => return Err(error.into()),
            Ok(TagsWritten::Lost) => {
                tracing::warn!("its retention stands in a sealed mark and not in a tag of {key}");
                tagged = false;
            }
            Err(error) => {
                tracing::warn!("its retention stands in a sealed mark and not in a tag: {error}");
                return Ok(false);
            }
        }
    }
    Ok(tagged)
}

/// The tags of a backup that is kept so long, each with its value; none: not there.
fn tags_of(record: &Record, owner: &str, retention: Retention) -> [(&'static str, Option<String>); 5] {
    let expires = retention.expires(record.started);
    [
        ("pgcoffer:owner", Some(owner.to_owned())),
        ("pgcoffer:database", Some(record.database.to_string())),
        ("pgcoffer:tier", Some(record.tier.to_string())),
        (RETAIN_TAG, Some(retention.to_string())),
        (EXPIRES_TAG, expires.map(|time| time.to_string())),
    ]
}

/// What became of tags.
enum TagsWritten {
    Kept,
    Lost,
    Unsupported,
    NoObject,
}

async fn write_tags(
    store: &Store,
    key: &str,
    tags: &[(&'static str, Option<String>)],
) -> std::result::Result<TagsWritten, store::Error> {
    let before = match store.tags(key).await {
        Ok(Some(before)) => before,
        Ok(None) => return Ok(TagsWritten::Unsupported),
        Err(error) if error.kind == Kind::NotFound => return Ok(TagsWritten::NoObject),
        Err(error) => return Err(error),
    };
    let is_ours = |name: &str| tags.iter().any(|(ours, _)| *ours == name);
    let others = before.iter().filter(|(name, _)| !is_ours(name)).cloned();
    let ours = tags.iter();
    let ours = ours.filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?)));
    let after: Vec<(String, String)> = ours.chain(others).collect();
    let says_so = |found: &[(String, String)]| {
        tags.iter().all(|(name, value)| {
            let found = found.iter().find(|(found, _)| found == name);
            found.map(|(_, value)| value) == value.as_ref()
        })
    };
    if says_so(&before) {
        return Ok(TagsWritten::Kept);
    }
    if !store.set_tags(key, &after).await? {
        return Ok(TagsWritten::Unsupported);
    }
    // services have been seen that take tags and lose them
    let kept = store.tags(key).await?.unwrap_or_default();
    Ok(match says_so(&kept) {
        true => TagsWritten::Kept,
        false => TagsWritten::Lost,
    })
}

/// The longest lock of everything that makes the backup.
async fn lock_of(catalog: &Catalog, record: &Record) -> Result<Locked> {
    let mut all = Locked::default();
    for key in keys(catalog, record) {
        let one = match catalog.store().locked(&key).await {
            Err(error) if error.kind == Kind::NotFound => Locked::default(),
            result => result?,
        };
        all.until = all.until.max(one.until);
        all.legal_hold |= one.legal_hold;
    }
    Ok(all)
}

/// Where what is written is locked, a longer retention is a longer lock as well. Until when it is locked then.
async fn lengthen_lock(
    catalog: &Catalog,
    record: &Record,
    lock: Locked,
    expires: Option<Timestamp>,
) -> Option<Timestamp> {
    let store = catalog.store();
    let Some(until) = expires.filter(|until| store.locks() && lock.until < Some(*until)) else {
        return lock.until;
    };
    for key in keys(catalog, record) {
        match store.lock_until(&key, until).await {
            Err(error) if error.kind == Kind::NotFound => {}
            Err(error) => {
                tracing::warn!("it is kept for longer, and its lock isn't lengthened: {error}");
                return lock.until;
            }
            Ok(()) => {}
        }
    }
    Some(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_end_earlier_is_shorter() {
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let (may, june) = (at("2027-05-01T00:00:00Z"), at("2027-06-01T00:00:00Z"));
        let by_age = Retention::Days(1);
        assert!(is_shorter(may, by_age, june));
        assert!(!is_shorter(june, by_age, may));
        assert!(!is_shorter(may, by_age, may));
        assert!(!is_shorter(None, Retention::Forever, june));
        assert!(!is_shorter(None, Retention::Newest(3), None));
        for endless in [Retention::Forever, Retention::Newest(3)] {
            assert!(is_shorter(june, endless, None));
        }
    }
}
