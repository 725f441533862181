//! Which keys are valid for which database, and until when.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::Catalog;
use crate::{
    backup::{BackupId, Label},
    error::{Error, Result},
    seal::{self, DatabaseIdentity, HEADER_LEN_MAX, KeySlot, SealedHeader, Secret},
    store::Object,
};

/// The longest duration of a run that began before its key was retired.
const RUN_MAX: SignedDuration = SignedDuration::from_hours(48);

/// A key or passphrase, and until when objects made with it are accepted.
#[derive(Debug, Clone)]
pub struct Key {
    /// The secret that opens and seals.
    pub secret: Secret,
    /// Objects that it made after this moment are not accepted. `None`: it is in use.
    pub retired: Option<Timestamp>,
}

/// The keys of a configuration.
///
/// A database with its own keys is read with those only. All others are read with the common keys.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// The keys of every database without its own.
    pub common: Vec<Key>,
    /// The keys of databases that have their own.
    pub own: BTreeMap<Label, Vec<Key>>,
}

/// A key that makes a database's names in this repository.
#[derive(Debug)]
pub struct Maker {
    /// The identity that makes the names.
    pub identity: DatabaseIdentity,
    /// The secret that opens the objects.
    pub secret: Secret,
    retired: Option<Timestamp>,
}

impl Key {
    /// A key that is in use.
    #[must_use]
    pub fn current(secret: Secret) -> Self {
        Self { secret, retired: None }
    }

    pub(super) fn counts_at(&self, time: Timestamp) -> bool {
        self.retired.is_none_or(|retired| time < retired)
    }
}

impl Keys {
    /// The keys that are valid for this database's objects.
    #[must_use]
    pub fn of(&self, database: &Label) -> &[Key] {
        self.own.get(database).unwrap_or(&self.common)
    }

    /// The keys that open an object of a backup that began at `time`.
    pub(super) fn opening(&self, database: &Label, time: Timestamp) -> Vec<Secret> {
        let counting = self.of(database).iter().filter(|key| key.counts_at(time));
        counting.map(|key| key.secret.clone()).collect()
    }

    /// The keys that open an object of the place as a whole that was made at `time`.
    pub(super) fn opening_of_all(&self, time: Timestamp) -> Vec<Secret> {
        let counting = self.all().filter(|key| key.counts_at(time));
        counting.map(|key| key.secret.clone()).collect()
    }

    /// Every key.
    pub(super) fn every(&self) -> Vec<Key> {
        self.all().cloned().collect()
    }

    /// Every secret, those in use first.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        let mut secrets = self.in_use();
        let retired = self.all().filter(|key| key.retired.is_some());
        secrets.extend(retired.map(|key| key.secret.clone()));
        secrets
    }

    /// Whether no key opens the contents of a backup: there are only catalog keys, or no keys.
    #[must_use]
    pub fn are_catalog_keys(&self) -> bool {
        self.all().all(|key| key.secret.is_catalog_key())
    }

    /// The secrets that are in use.
    pub(super) fn in_use(&self) -> Vec<Secret> {
        let in_use = self.all().filter(|key| key.retired.is_none());
        in_use.map(|key| key.secret.clone()).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        self.common.iter().chain(self.own.values().flatten())
    }
}

impl Maker {
    /// Whether this key made the id, while it was in use.
    #[must_use]
    pub fn made(&self, id: &BackupId, database: &Label) -> bool {
        self.was_in_use_at(id.time()) && id.is_by(&self.identity, database)
    }

    /// When it was retired; none if it is in use.
    #[must_use]
    pub fn retired(&self) -> Option<Timestamp> {
        self.retired
    }

    /// Whether it is in use.
    pub(super) fn is_in_use(&self) -> bool {
        self.retired.is_none()
    }

    /// Whether it was in use at this moment.
    pub(super) fn was_in_use_at(&self, time: Timestamp) -> bool {
        self.retired.is_none_or(|retired| time < retired)
    }

    /// Whether it had been retired for longer than a run takes when this object was stored, by the service's date.
    pub(super) fn was_retired_before(&self, object: &Object) -> bool {
        let (Some(retired), Some(came)) = (self.retired, object.modified) else {
            return false;
        };
        came.duration_since(retired) > RUN_MAX
    }

    /// Whether it made the id after it was retired.
    pub(super) fn made_too_late(&self, id: &BackupId, database: &Label) -> bool {
        self.retired.is_some_and(|retired| id.time() >= retired) && id.is_by(&self.identity, database)
    }
}

/// The maker of an id, if it is one of these.
pub(super) fn maker<'a>(makers: &'a [Maker], id: &BackupId, database: &Label) -> Option<&'a Maker> {
    makers.iter().find(|maker| maker.made(id, database))
}

impl Catalog {
    /// The makers whose backups of this database are accepted here, the keys in use first.
    ///
    /// # Errors
    /// As [`Catalog::repository`]; [`Error::Seal`] if there is no memory to stretch a passphrase.
    pub async fn makers(&self, database: &Label) -> Result<Vec<Maker>> {
        let repository = self.repository().await?;
        let (keys, label) = (self.keys.of(database).to_vec(), database.clone());
        // a passphrase takes a tenth of a second, so it needs a blocking thread
        let stretched = tokio::task::spawn_blocking(move || {
            let maker = |key: Key| {
                let identity = key.secret.identity(&repository, label.as_str())?;
                Ok(Maker {
                    identity,
                    secret: key.secret,
                    retired: key.retired,
                })
            };
            keys.into_iter().map(maker).collect()
        });
        let makers: std::result::Result<Vec<_>, _> = stretched.await.map_err(|e| Error::Internal(e.to_string()))?;
        makers.map_err(|e| Error::seal("the key", e))
    }

    /// Whether one of the keys opens the contents of this backup, its archive and its details. A catalog key opens
    /// neither, so they are not requested then.
    ///
    /// # Errors
    /// As [`Catalog::makers`], if there are catalog keys.
    pub async fn sees_inside(&self, database: &Label, id: &BackupId) -> Result<bool> {
        let opening = self.keys.opening(database, id.time());
        if !opening.iter().any(Secret::is_catalog_key) {
            return Ok(true);
        }
        let mut makers = self.makers(database).await?.into_iter();
        Ok(makers.any(|one| !one.secret.is_catalog_key() && one.made(id, database)))
    }

    /// The error of a record whose name isn't ours: it says to which key or repository the record belongs, or that it
    /// is a copy.
    ///
    /// Makes one request. An object that can't be read says nothing, and is no error here.
    pub(super) async fn whose(&self, database: &Label, object: &Object) -> Result<()> {
        let range = 0..object.bytes.min(HEADER_LEN_MAX as u64);
        let read = self.store.read_range(&object.key, range, None).await;
        let parsed = read.ok().map(|beginning| SealedHeader::parse_whole(&beginning));
        let Some(Ok((header, _))) = parsed else {
            return Ok(());
        };
        let here = self.repository().await?;
        let refused = |source| Err(Error::seal(&object.key, source));
        if header.repository != here {
            return refused(seal::Error::OtherRepository {
                found: header.repository,
                here,
            });
        }
        let held = self.keys.of(database).iter();
        let held: Vec<Secret> = held.map(|key| key.secret.clone()).collect();
        let is_at_hand = |slot: &KeySlot| held.iter().any(|secret| slot.names(secret));
        if header.slots.iter().any(is_at_hand) {
            return Err(super::misplaced(
                &object.key,
                &format!("what belongs to {}", header.backup),
            ));
        }
        refused(seal::Error::WrongKey {
            sealed_for: header.sealed_for(&held),
            held: held.iter().map(Secret::describe).collect(),
        })
    }

    /// The identity of `secret` for this database here, for making names. Creates the repository if there is none.
    ///
    /// # Errors
    /// As [`Catalog::begin_repository`]; [`Error::Seal`] if there is no memory to stretch a passphrase.
    pub async fn identity(&self, database: &Label, secret: &Secret) -> Result<DatabaseIdentity> {
        let repository = self.begin_repository().await?;
        let (secret, label) = (secret.clone(), database.clone());
        let stretched = tokio::task::spawn_blocking(move || secret.identity(&repository, label.as_str()));
        let identity = stretched.await.map_err(|e| Error::Internal(e.to_string()))?;
        identity.map_err(|e| Error::seal("the key", e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::MasterKey;

    #[test]
    fn keys_count_for_their_database_and_until_they_are_retired() {
        let secret = || Secret::Key(MasterKey::generate().unwrap());
        let (common, old, own) = (secret(), secret(), secret());
        let (main, shop) = (Label::parse("main").unwrap(), Label::parse("shop").unwrap());
        let day = |day: &str| -> Timestamp { format!("2026-11-{day}T00:00:00Z").parse().unwrap() };
        let keys = Keys {
            common: vec![
                Key::current(common.clone()),
                Key {
                    secret: old.clone(),
                    retired: Some(day("10")),
                },
            ],
            own: [(shop.clone(), vec![Key::current(own.clone())])].into(),
        };
        let opening = |label: &Label, at| {
            let secrets = keys.opening(label, at);
            secrets.iter().map(Secret::describe).collect::<Vec<_>>()
        };
        let [common, old, own] = [common, old, own].map(|secret| secret.describe());
        assert_eq!(opening(&main, day("09")), [common.clone(), old.clone()]);
        assert_eq!(opening(&main, day("10")), std::slice::from_ref(&common));
        assert_eq!(opening(&shop, day("09")), std::slice::from_ref(&own));
        let all: Vec<String> = keys.secrets().iter().map(Secret::describe).collect();
        assert_eq!(all, [common, own, old]);
    }
}
