//! The audit trail: small sealed objects beside the databases' folders, one for each entry. Each is written once and
//! never changed, and names those before it, so that one that was taken away is missed.

mod names;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{Catalog, READS_AT_ONCE, misplaced, reading::Expected};
use crate::{
    backup::{AuditEntry, AuditName, audit_counts},
    error::{Error, Result},
    seal::Content,
    text::Untrusted,
};

pub(super) use names::AuditMaker;
use names::months_between;

/// The folder of the trail. No database is named like that, as a label has no hyphen.
const FOLDER: &str = "audit-trail";
/// How far back entries are looked for, which is longer than they are kept: where nobody has deleted them, they are shown.
const SHOWN_DAYS: i64 = 3 * 366;
/// The longest object: an entry's bounded texts, the names of others, and a header.
const BYTES_MAX: u64 = 64 << 10;

/// The newest entries of the trail.
#[derive(Debug, Default)]
pub struct AuditTrail {
    /// Those that open, the newest first.
    pub entries: Vec<AuditEntry>,
    /// Those whose name is ours, and that are not what was sealed: changed, damaged, or put under another's name. Each
    /// with its object and why.
    pub unreadable: Vec<(String, Untrusted)>,
    /// Those that are gone before their time, the newest first.
    pub missing: Vec<MissingAudit>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// How many folders have the name of a month in which no entry of ours is looked for: long ago, or yet to come.
    pub months_passed_over: usize,
}

/// An entry that was there once, and is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingAudit {
    /// Its name, which says when it was written.
    pub name: AuditName,
    /// The newest entry that names it. None where this program alone has seen it.
    pub named_by: Option<AuditName>,
}

/// What is in the bucket by this name, month by month.
#[derive(Default)]
struct Listed {
    /// All names, whoever made them.
    names: BTreeSet<AuditName>,
    months: BTreeSet<String>,
}

impl Catalog {
    /// The newest `count` entries. One look at the months that there are, a listing for each month of the last three
    /// years until there are enough and for those of which entries are named, and one object for each entry.
    ///
    /// # Errors
    /// Any error of the bucket that concerns every object. An entry that can't be read is among the unreadable ones.
    pub async fn audit_trail(&self, count: usize, now: Timestamp) -> Result<AuditTrail> {
        // before the look: what another task writes meanwhile is not missing
        let known = self.known_audit().clone();
        let (mut trail, mut listed) = (AuditTrail::default(), Listed::default());
        let mut names = Vec::new();
        let all = self.audit_months().await?;
        let shown = months_between(now, -SHOWN_DAYS, 1);
        let months: Vec<&String> = all.iter().filter(|month| shown.contains(*month)).collect();
        // whoever may write there can make folders of a thousand years, and each would be a listing
        trail.months_passed_over = all.len() - months.len();
        for month in months.iter().rev() {
            if names.len() > count {
                break;
            }
            let found = self.audit_listing(month).await?;
            listed.take(month, found.iter().map(|(name, _)| name.clone()));
            let ours = self.audit_ours(found).await?;
            names.extend(ours.into_iter().rev().map(|(name, _)| name));
        }
        let newest = names.iter().filter(|name| audit_counts(name, now));
        self.known_audit().learn(newest.cloned());
        trail.has_more = names.len() > count;
        names.truncate(count);
        self.open_all(&names, &mut trail).await?;
        let mut missed: BTreeMap<&AuditName, Option<&AuditName>> = BTreeMap::new();
        missed.extend(known.names().iter().map(|name| (name, None)));
        for entry in trail.entries.iter().rev() {
            missed.extend(entry.after.iter().map(|name| (name, Some(&entry.name))));
        }
        missed.retain(|name, _| audit_counts(name, now));
        let of_months: BTreeSet<String> = missed.keys().map(|name| name.month()).collect();
        for month in months.into_iter().filter(|month| of_months.contains(*month)) {
            if !listed.months.contains(month) {
                let found = self.audit_listing(month).await?;
                listed.take(month, found.into_iter().map(|(name, _)| name));
            }
        }
        let gone = missed
            .into_iter()
            .rev()
            .filter(|(name, _)| !listed.names.contains(name));
        let missing = gone.map(|(name, named_by)| MissingAudit {
            name: name.clone(),
            named_by: named_by.cloned(),
        });
        trail.missing = missing.collect();
        Ok(trail)
    }

    async fn open_all(&self, names: &[AuditName], trail: &mut AuditTrail) -> Result<()> {
        let reads = names.iter().map(|name| async move {
            let opened = self.open_audit(name).await;
            (name, opened)
        });
        let mut reads = stream::iter(reads).buffered(READS_AT_ONCE);
        while let Some((name, opened)) = reads.next().await {
            match opened {
                Ok(entry) => trail.entries.push(entry),
                Err(Error::Store(error)) if error.kind.is_of_all_objects() => return Err(error.into()),
                Err(error) => {
                    let why = Untrusted::from(error.to_string());
                    trail.unreadable.push((name.as_str().to_owned(), why));
                }
            }
        }
        Ok(())
    }

    async fn open_audit(&self, name: &AuditName) -> Result<AuditEntry> {
        let key = self.audit_key(name);
        let expected = Expected {
            database: None,
            name: name.as_str(),
            made: name.time(),
            content: Content::Audit,
            bytes_max: BYTES_MAX,
            sha256: None,
        };
        let json = self.read_sealed(&key, &expected).await?;
        let entry = AuditEntry::from_json(&json).map_err(|why| Error::differs(&key, why.to_string()))?;
        match entry.name == *name {
            true => Ok(entry),
            false => Err(misplaced(&key, "another entry of the audit trail")),
        }
    }
}

impl Listed {
    fn take(&mut self, month: &str, names: impl Iterator<Item = AuditName>) {
        self.months.insert(month.to_owned());
        self.names.extend(names);
    }
}
