//! Reads the tags and locks of what would be deleted. They can only add reasons to keep.

use std::iter;

use futures_util::{StreamExt as _, stream};

use crate::{
    backup::{Record, Retention},
    catalog::{Catalog, CatalogEntry, Survey},
    error::Result,
    retention::{Protection, RetentionPlan, RetentionRun, TagState},
    store::{Kind, Locked, Store},
};

/// The number of objects that are read at once.
const LOOKS_AT_ONCE: usize = 8;

/// Reads the tags and locks of every backup that `plan` would delete, and adds them to its run.
pub(super) async fn add_guards(
    catalog: &Catalog,
    survey: &Survey,
    plan: &RetentionPlan,
    runs: &mut [RetentionRun],
) -> Result<()> {
    let candidates = plan
        .deletions()
        .filter_map(|line| survey.entries.iter().find(|one| one.record.id == line.id))
        .collect();
    add_guards_of(catalog, candidates, runs).await
}

/// Looks at these backups, and adds what was found to their runs.
pub(super) async fn add_guards_of(
    catalog: &Catalog,
    candidates: Vec<&CatalogEntry>,
    runs: &mut [RetentionRun],
) -> Result<()> {
    let store = catalog.store();
    let mut looks = stream::iter(candidates)
        .map(|one| async move { (&one.record.id, look(store, one).await) })
        .buffer_unordered(LOOKS_AT_ONCE);
    while let Some((id, seen)) = looks.next().await {
        let seen = seen?;
        if let Some(run) = runs.iter_mut().find(|run| run.id == *id) {
            add(&mut run.guards, seen);
        }
    }
    Ok(())
}

fn add(guards: &mut Protection, seen: Protection) {
    guards.tags = seen.tags;
    guards.locked_until = guards.locked_until.max(seen.locked_until);
    guards.legal_hold |= seen.legal_hold;
}

async fn look(store: &Store, one: &CatalogEntry) -> Result<Protection> {
    let (mut until, mut legal_hold, mut tags) = (None, false, TagState::NotLooked);
    let mut add_lock = |lock: Locked| {
        until = until.max(lock.until);
        legal_hold |= lock.legal_hold;
    };
    for object in iter::once(&one.object).chain(&one.details) {
        add_lock(locked(store, &object.key).await?);
        let of_object = match read(store, &object.key).await? {
            SeenTags::Unsupported => TagState::Unsupported,
            // the seals of these prove them, so missing tags mean nothing
            SeenTags::Gone | SeenTags::Empty | SeenTags::Hidden => TagState::None,
            SeenTags::Tags(found) => tags_of(&one.record, &found, &one.owner, false),
        };
        tags = stricter(tags, of_object);
    }
    if let Some(archive) = &one.archive {
        add_lock(locked(store, &archive.key).await?);
        let tagged = one.record.object().is_none_or(|object| object.tagged);
        let of_archive = match read(store, &archive.key).await? {
            SeenTags::Unsupported => TagState::Unsupported,
            SeenTags::Gone => TagState::None,
            SeenTags::Empty if !tagged => TagState::None,
            SeenTags::Empty => TagState::Missing("pgcoffer:owner".to_owned()),
            SeenTags::Hidden => TagState::Unreadable("pgcoffer:owner".to_owned()),
            SeenTags::Tags(found) => tags_of(&one.record, &found, &one.owner, tagged),
        };
        tags = stricter(tags, of_archive);
    }
    Ok(Protection {
        hold: None,
        locked_until: until,
        legal_hold,
        tags,
    })
}

/// The locks of an object; none if it is gone.
async fn locked(store: &Store, key: &str) -> Result<Locked> {
    match store.locked(key).await {
        Err(error) if error.kind == Kind::NotFound => Ok(Locked::default()),
        result => Ok(result?),
    }
}

/// The tags that were read.
pub(super) enum SeenTags {
    /// The service has no tags.
    Unsupported,
    /// The object is gone.
    Gone,
    /// These credentials may not see them.
    Hidden,
    /// This object has none.
    Empty,
    /// The object's tags.
    Tags(Vec<(String, String)>),
}

pub(super) async fn read(store: &Store, key: &str) -> Result<SeenTags> {
    match store.tags(key).await {
        Ok(None) => Ok(SeenTags::Unsupported),
        Ok(Some(tags)) if tags.is_empty() => Ok(SeenTags::Empty),
        Ok(Some(tags)) => Ok(SeenTags::Tags(tags)),
        Err(error) if error.kind == Kind::Denied => Ok(SeenTags::Hidden),
        Err(error) if error.kind == Kind::NotFound => Ok(SeenTags::Gone),
        Err(error) => Err(error.into()),
    }
}

/// What the tags of a backup mean. If they were written once, a missing one was removed.
fn tags_of(record: &Record, found: &[(String, String)], owner: &str, complete: bool) -> TagState {
    let name = |what: &str| format!("pgcoffer:{what}");
    let value = |what: &str| tag(found, what);
    let tier = record.tier.as_str();
    for (what, ours) in [("owner", owner), ("database", record.database.as_str()), ("tier", tier)] {
        match value(what) {
            Some(theirs) if theirs != ours => return TagState::Foreign(name(what)),
            None if complete => return TagState::Missing(name(what)),
            _ => {}
        }
    }
    let retain = match value("retain").map(str::parse::<Retention>) {
        Some(Ok(retain)) => retain,
        Some(Err(_)) => return TagState::Unreadable(name("retain")),
        None if complete => return TagState::Missing(name("retain")),
        None => record.retention,
    };
    let expires = match value("expires").map(str::parse) {
        Some(Ok(time)) => Some(time),
        Some(Err(_)) => return TagState::Unreadable(name("expires")),
        // what is retained forever since it was made has no end any more
        None if complete && record.expires.is_some() && retain != Retention::Forever => {
            return TagState::Missing(name("expires"));
        }
        None => None,
    };
    TagState::Read {
        retain,
        expires,
        hold: value("hold").map(str::to_owned),
    }
}

/// The value of one of our tags.
pub(super) fn tag<'a>(found: &'a [(String, String)], what: &str) -> Option<&'a str> {
    let ours = |key: &str| key.strip_prefix("pgcoffer:") == Some(what);
    let found = found.iter().find(|(key, _)| ours(key));
    found.map(|(_, value)| value.as_str())
}

/// The stricter of two tag states: reasons to keep come before any date, then holds, then the later date.
fn stricter(a: TagState, b: TagState) -> TagState {
    match (a, b) {
        (TagState::NotLooked, other) | (other, TagState::NotLooked) => other,
        (TagState::Unsupported, other) | (other, TagState::Unsupported) => other,
        (TagState::None, other) | (other, TagState::None) => other,
        (
            TagState::Read { retain, expires, hold },
            TagState::Read {
                retain: other_retain,
                expires: other_expires,
                hold: other_hold,
            },
        ) => TagState::Read {
            // their order is the same on every day
            retain: Retention::longest([retain, other_retain], jiff::Timestamp::UNIX_EPOCH).unwrap_or(retain),
            expires: expires.max(other_expires),
            hold: hold.or(other_hold),
        },
        (TagState::Read { .. }, keeps) | (keeps, _) => keeps,
    }
}

/// Whether the tags of an archive without a record are those that this id's maker would have written.
pub(super) fn are_ours(found: &[(String, String)], owner: &str, database: &str, tier: &str) -> bool {
    [("owner", owner), ("database", database), ("tier", tier)]
        .iter()
        .all(|(what, ours)| tag(found, what) == Some(ours))
}
