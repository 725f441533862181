//! The audit trail: small sealed objects beside the databases' folders, one for each entry. Each is written once and
//! never changed.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::{Catalog, READS_AT_ONCE, SUFFIX, reading::Expected};
use crate::{
    backup::{AUDIT_VERSION, AuditEntry, AuditEvent, AuditName},
    error::{Error, Result},
    seal::{self, Content, DatabaseIdentity, PayloadCompression, RepositoryId, Secret, Subject},
    store::{Attributes, Object},
    text::Untrusted,
};

/// The folder of the trail. No database is named like that, as a label has no hyphen.
const FOLDER: &str = "audit-trail";
/// The longest object: an entry's bounded texts and a header.
const BYTES_MAX: u64 = 64 << 10;
/// An entry is written before somebody is answered, so it isn't tried for minutes. The store tries again, too.
const WRITE_ATTEMPTS: u32 = 3;

/// The newest entries of the trail.
#[derive(Debug, Default)]
pub struct AuditTrail {
    /// Those that open, the newest first.
    pub entries: Vec<AuditEntry>,
    /// Those whose name is ours, and that are not what was sealed: changed, damaged, or put under another's name. Each
    /// with its object and why.
    pub unreadable: Vec<(String, Untrusted)>,
    /// Whether there are older ones.
    pub has_more: bool,
}

/// What makes and knows names of entries.
struct AuditMaker {
    identity: DatabaseIdentity,
    retired: Option<Timestamp>,
}

impl Catalog {
    /// Seals and stores an entry. `of`: the one with which it was asked for. Atomic, retried; safe to cancel: either
    /// it is stored as a whole or nothing is.
    ///
    /// # Errors
    /// Any error of the bucket; [`Error::Usage`] where no key is in use.
    pub async fn write_audit(&self, event: AuditEvent, of: Option<&AuditName>, now: Timestamp) -> Result<AuditName> {
        let repository = self.begin_repository().await?;
        let secret = self.keys.in_use().into_iter().next().ok_or_else(|| {
            Error::usage(
                "no key is in use that could seal the audit trail",
                "set PGCOFFER_KEY: a key that was retired seals nothing any more",
            )
        })?;
        let mut random = [0; AuditName::RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(|e| Error::Internal(format!("no random bytes: {e}")))?;
        let of = of.cloned();
        // a passphrase takes a tenth of a second, so it needs a blocking thread
        let sealing = spawn_blocking(move || seal_entry(repository, &secret, (event, of), (now, random)));
        let (name, sealed) = sealing.await.map_err(|e| Error::Internal(e.to_string()))??;
        let key = self.audit_key(&name);
        self.put_sealed(&key, sealed, &Attributes::default(), WRITE_ATTEMPTS)
            .await?;
        Ok(name)
    }

    /// The newest `count` entries. One look at the months that there are, a listing for each month until there are
    /// enough, and one object for each entry.
    ///
    /// # Errors
    /// Any error of the bucket that concerns every object. An entry that can't be read is among the unreadable ones.
    pub async fn audit_trail(&self, count: usize) -> Result<AuditTrail> {
        let mut trail = AuditTrail::default();
        let mut names = Vec::new();
        for month in self.audit_months().await?.into_iter().rev() {
            if names.len() > count {
                break;
            }
            let found = self.audit_names(&month).await?;
            names.extend(found.into_iter().rev().map(|(name, _)| name));
        }
        trail.has_more = names.len() > count;
        names.truncate(count);
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
        Ok(trail)
    }

    /// The objects of entries of ours that were written before `end`, by their names and by the bucket's own dates.
    /// Only months that can have such ones are listed.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn audit_before(&self, end: Timestamp) -> Result<Vec<Object>> {
        let last = end.strftime("%Y-%m").to_string();
        let mut old = Vec::new();
        for month in self.audit_months().await?.into_iter().filter(|month| *month <= last) {
            let found = self.audit_names(&month).await?;
            let over = found.into_iter().filter(|(name, object)| {
                let is_old = object.modified.is_some_and(|modified| modified < end);
                is_old && name.time() < end && object.bytes <= BYTES_MAX
            });
            old.extend(over.map(|(_, object)| object));
        }
        Ok(old)
    }

    /// The months of which there are entries, the oldest first.
    async fn audit_months(&self) -> Result<Vec<String>> {
        let folders = self.store.folders(&self.audit_folder("")).await?;
        let is_month = |name: &String| {
            let is_digit = |at: usize, byte: u8| byte.is_ascii_digit() || (at == 4 && byte == b'-');
            name.len() == 7 && name.bytes().enumerate().all(|(at, byte)| is_digit(at, byte))
        };
        Ok(folders.into_iter().filter(is_month).collect())
    }

    /// The entries of a month that one of the keys named, the oldest first. What anybody else has put there is passed
    /// over.
    async fn audit_names(&self, month: &str) -> Result<Vec<(AuditName, Object)>> {
        let folder = self.audit_folder(&format!("{month}/"));
        let objects = self.store.list(&folder).await?;
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let makers = self.audit_makers().await?;
        let made = |name: &AuditName| {
            let in_time = |maker: &AuditMaker| maker.retired.is_none_or(|retired| name.time() < retired);
            let mut makers = makers.iter();
            name.month() == month && makers.any(|maker| in_time(maker) && name.is_by(&maker.identity))
        };
        let names = objects.into_iter().filter_map(|object| {
            let name = object.key.strip_prefix(&folder)?.strip_suffix(SUFFIX)?;
            let name = AuditName::parse(name).ok().filter(made)?;
            Some((name, object))
        });
        let mut names: Vec<(AuditName, Object)> = names.collect();
        names.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(names)
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
            false => Err(super::misplaced(&key, "another entry of the audit trail")),
        }
    }

    async fn audit_makers(&self) -> Result<Vec<AuditMaker>> {
        let (repository, keys) = (self.repository().await?, self.keys.every());
        let stretched = spawn_blocking(move || {
            let maker = |key: super::Key| {
                let identity = key.secret.identity(&repository, "")?;
                let retired = key.retired;
                Ok(AuditMaker { identity, retired })
            };
            keys.into_iter().map(maker).collect()
        });
        let makers: std::result::Result<Vec<_>, _> = stretched.await.map_err(|e| Error::Internal(e.to_string()))?;
        makers.map_err(|e| Error::seal("the key", e))
    }

    fn audit_folder(&self, below: &str) -> String {
        self.store.location().key(&format!("{FOLDER}/{below}"))
    }

    fn audit_key(&self, name: &AuditName) -> String {
        self.audit_folder(&format!("{}/{}{SUFFIX}", name.month(), name.as_str()))
    }
}

/// An entry's name and its sealed object.
fn seal_entry(
    repository: RepositoryId,
    secret: &Secret,
    (event, of): (AuditEvent, Option<AuditName>),
    (now, random): (Timestamp, [u8; AuditName::RANDOM_BYTES]),
) -> Result<(AuditName, Bytes)> {
    let refused = |error| Error::seal("the audit trail", error);
    let identity = secret.identity(&repository, "").map_err(refused)?;
    let entry = AuditEntry {
        version: AUDIT_VERSION,
        repository,
        name: AuditName::new(&identity, now, random),
        of,
        event: event.bounded(),
    };
    let subject = Subject {
        repository: &repository,
        backup: entry.name.as_str(),
        content: Content::Audit,
        compression: PayloadCompression::None,
        // it is about a place and not about one database
        database: "",
    };
    let sealed = seal::seal_bytes(&subject, std::slice::from_ref(secret), &entry.to_json());
    let sealed = sealed.map(Bytes::from).map_err(refused)?;
    Ok((entry.name, sealed))
}
