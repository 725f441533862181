//! Which entries there are, as far as their names say.

use std::{
    collections::BTreeSet,
    ops::RangeInclusive,
    sync::{MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tokio::task::spawn_blocking;

use super::{BYTES_MAX, FOLDER};
use crate::{
    backup::{AUDIT_KEPT_DAYS, AuditName, KnownAudit, audit_counts},
    catalog::{Catalog, Key, SUFFIX},
    error::{Error, Result},
    seal::DatabaseIdentity,
    store::Object,
};

/// How many months with entries are looked at before one is written: at the turn of a month there are few in the newest.
const MONTHS_LOOKED_AT: usize = 2;

/// How much older an entry may be that is deleted: months of more years than that are anybody's.
const DELETED_DAYS: i64 = 10 * 366;

/// What makes and knows names of entries.
pub(in crate::catalog) struct AuditMaker {
    identity: DatabaseIdentity,
    retired: Option<Timestamp>,
}

impl Catalog {
    /// The objects of entries of ours that were written before `end`, by their names and by the bucket's own dates.
    /// Only months that can have such ones are listed, and none that is ten years older.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn audit_before(&self, end: Timestamp) -> Result<Vec<Object>> {
        let looked_at = months_between(end, -DELETED_DAYS, 0);
        let months = self.audit_months().await?.into_iter();
        let mut old = Vec::new();
        for month in months.filter(|month| looked_at.contains(month)) {
            let found = self.audit_names(&month).await?;
            let over = found.into_iter().filter(|(name, object)| {
                let is_old = object.modified.is_some_and(|modified| modified < end);
                is_old && name.time() < end && object.bytes <= BYTES_MAX
            });
            old.extend(over.map(|(_, object)| object));
        }
        Ok(old)
    }

    /// The entries that the next one is to name, of those that are there: all of the newest two months that have some.
    /// One look at the months that there are, and a listing of each of these; of folders that anybody else has put
    /// there at most those of the time for which entries are kept.
    pub(super) async fn newest_audit(&self, known: &KnownAudit, now: Timestamp) -> Result<BTreeSet<AuditName>> {
        // who may only write can't look, and knows what he has written
        if self.store.writes_only() {
            return Ok(known.names().clone());
        }
        let kept = months_between(now, -AUDIT_KEPT_DAYS, 1);
        let months = self.audit_months().await?.into_iter().rev();
        let (mut there, mut found_in) = (BTreeSet::new(), 0);
        let mut unseen = known.months();
        for month in months.filter(|month| kept.contains(month)) {
            let is_known = unseen.remove(&month);
            if found_in == MONTHS_LOOKED_AT && !is_known {
                continue;
            }
            let names = self.audit_names(&month).await?.into_iter();
            let before = there.len();
            there.extend(names.map(|(name, _)| name).filter(|name| audit_counts(name, now)));
            if there.len() > before && found_in < MONTHS_LOOKED_AT {
                found_in += 1;
            }
        }
        Ok(there)
    }

    /// The months of which there are entries, the oldest first.
    pub(super) async fn audit_months(&self) -> Result<Vec<String>> {
        let folders = self.store.folders(&self.audit_folder("")).await?;
        let is_month = |name: &String| {
            let is_digit = |at: usize, byte: u8| byte.is_ascii_digit() || (at == 4 && byte == b'-');
            name.len() == 7 && name.bytes().enumerate().all(|(at, byte)| is_digit(at, byte))
        };
        Ok(folders.into_iter().filter(is_month).collect())
    }

    /// The entries of a month that one of the keys named, the oldest first. What anybody else has put there is passed
    /// over.
    pub(super) async fn audit_names(&self, month: &str) -> Result<Vec<(AuditName, Object)>> {
        let names = self.audit_listing(month).await?;
        self.audit_ours(names).await
    }

    /// All objects of a month that have the name of an entry, whoever made it, the oldest first.
    pub(super) async fn audit_listing(&self, month: &str) -> Result<Vec<(AuditName, Object)>> {
        let folder = self.audit_folder(&format!("{month}/"));
        let objects = self.store.list(&folder).await?;
        let names = objects.into_iter().filter_map(|object| {
            let name = object.key.strip_prefix(&folder)?.strip_suffix(SUFFIX)?;
            let name = AuditName::parse(name).ok().filter(|name| name.month() == month)?;
            Some((name, object))
        });
        let mut names: Vec<(AuditName, Object)> = names.collect();
        names.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(names)
    }

    /// Those of them that one of the keys named, as long as it counted.
    pub(super) async fn audit_ours(&self, mut names: Vec<(AuditName, Object)>) -> Result<Vec<(AuditName, Object)>> {
        if names.is_empty() {
            return Ok(names);
        }
        let makers = self.audit_makers().await?;
        names.retain(|(name, _)| {
            let in_time = |maker: &AuditMaker| maker.retired.is_none_or(|retired| name.time() < retired);
            makers.iter().any(|maker| in_time(maker) && name.is_by(&maker.identity))
        });
        Ok(names)
    }

    /// What makes and knows names, of every key. Made once, as a passphrase takes a tenth of a second.
    async fn audit_makers(&self) -> Result<&[AuditMaker]> {
        let made = self.audit_makers.get_or_try_init(async || {
            let (repository, keys) = (self.repository().await?, self.keys.every());
            let stretched = spawn_blocking(move || {
                let maker = |key: Key| {
                    let identity = key.secret.identity(&repository, "")?;
                    let retired = key.retired;
                    Ok(AuditMaker { identity, retired })
                };
                keys.into_iter().map(maker).collect()
            });
            let makers: std::result::Result<Vec<_>, _> = stretched.await.map_err(|e| Error::Internal(e.to_string()))?;
            makers.map_err(|e| Error::seal("the key", e))
        });
        made.await.map(Vec::as_slice)
    }

    /// What this program knows of the newest entries.
    pub(super) fn known_audit(&self) -> MutexGuard<'_, KnownAudit> {
        self.known_audit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn audit_folder(&self, below: &str) -> String {
        self.store.location().key(&format!("{FOLDER}/{below}"))
    }

    pub(super) fn audit_key(&self, name: &AuditName) -> String {
        self.audit_folder(&format!("{}/{}{SUFFIX}", name.month(), name.as_str()))
    }
}

/// The names of the months from so many days after `time` to so many days after it, both included.
pub(super) fn months_between(time: Timestamp, first: i64, last: i64) -> RangeInclusive<String> {
    let day = |days: i64| {
        let time_then = time.checked_add(SignedDuration::from_hours(24 * days));
        month_of(time_then.unwrap_or(time))
    };
    day(first)..=day(last)
}

fn month_of(time: Timestamp) -> String {
    time.strftime("%Y-%m").to_string()
}
