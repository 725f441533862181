//! Settings that are stored in the bucket, as small sealed objects: each change is a new one, and the newest counts.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::{Catalog, Maker, SUFFIX, commit::COMMIT_ATTEMPTS, reading::Expected};
use crate::{
    backup::{AHEAD_MAX, Label, STORED_SETTINGS_VERSION, SettingsName, StoredSettings},
    error::{Error, Result},
    seal::{self, Content, PayloadCompression, Subject},
    store::Attributes,
    text::Untrusted,
};

/// The folder of a database's settings.
const FOLDER: &str = "settings";
/// The longest object: three texts and a header.
const BYTES_MAX: u64 = 64 << 10;
/// How many of the newest are opened until one of them can be.
const OPENED_MAX: usize = 5;

/// What is to be stored for a database. It replaces what was stored before as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsToStore {
    /// The text of the schedule.
    pub schedule: Option<String>,
    /// The text of the schedule of drills.
    pub drill: Option<String>,
    /// The time zone of both.
    pub timezone: Option<String>,
}

impl Catalog {
    /// The settings of this database that count at `now`: the newest that open. One listing, and one object where
    /// there are any. Newer ones that don't open are logged, as are those that are dated ahead.
    ///
    /// # Errors
    /// Any error of the bucket; [`Error::Seal`] where a catalog key alone is set and there are settings; the error of
    /// the newest where none can be opened.
    pub async fn stored_settings(&self, database: &Label, now: Timestamp) -> Result<Option<StoredSettings>> {
        let mut refused = None;
        for name in self.settings_names(database).await?.into_iter().rev().take(OPENED_MAX) {
            if name.time().duration_since(now) > AHEAD_MAX {
                tracing::warn!(%database, "settings in the bucket are dated {}, which is ahead: not used", name.time());
                continue;
            }
            match self.open_settings(database, &name).await {
                Ok(stored) => return Ok(Some(stored)),
                Err(Error::Store(error)) if error.kind.is_of_all_objects() => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%database, "settings that are stored in the bucket can't be read: {error}");
                    refused = refused.or(Some(error));
                }
            }
        }
        refused.map_or(Ok(None), Err)
    }

    /// Every change of this database's settings that is in the bucket and opens, the last one first, and at most
    /// `count`.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn settings_history(&self, database: &Label, count: usize) -> Result<Vec<StoredSettings>> {
        let mut history = Vec::new();
        for name in self.settings_names(database).await?.into_iter().rev().take(count) {
            match self.open_settings(database, &name).await {
                Ok(stored) => history.push(stored),
                Err(Error::Store(error)) if error.kind.is_of_all_objects() => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%database, "settings that are stored in the bucket can't be read: {error}")
                }
            }
        }
        Ok(history)
    }

    /// Seals and stores settings of this database, which count from now on for every machine whose environment doesn't
    /// set them. Atomic, retried for minutes; safe to cancel: either they are stored as a whole or nothing is. Of two
    /// changes within one second, the second one is refused.
    ///
    /// # Errors
    /// Any error of the bucket; [`Error::Usage`] where no key in use can seal them.
    pub async fn store_settings(
        &self,
        database: &Label,
        settings: SettingsToStore,
        by: &str,
        now: Timestamp,
    ) -> Result<StoredSettings> {
        let maker = self.settings_maker(database).await?;
        let newest = self.settings_names(database).await?.pop();
        // a clock that is behind must not make a change that doesn't count
        let after_newest = newest.and_then(|name| name.time().checked_add(SignedDuration::from_secs(1)).ok());
        let time = after_newest.map_or(now, |after| now.max(after));
        let text = |text: String| Untrusted::from(text);
        let stored = StoredSettings {
            version: STORED_SETTINGS_VERSION,
            repository: self.begin_repository().await?,
            name: SettingsName::new(&maker.identity, database, time),
            database: database.clone(),
            by: by.to_owned().into(),
            schedule: settings.schedule.map(text),
            drill: settings.drill.map(text),
            timezone: settings.timezone.map(text),
        };
        let key = self.settings_key(database, &stored.name);
        let subject = Subject {
            repository: &stored.repository,
            backup: stored.name.as_str(),
            content: Content::Settings,
            compression: PayloadCompression::None,
            database: database.as_str(),
        };
        let sealed = seal::seal_bytes(&subject, std::slice::from_ref(&maker.secret), &stored.to_json());
        let sealed = sealed.map(Bytes::from).map_err(|e| Error::seal(&key, e))?;
        let attributes = Attributes {
            tags: Vec::new(),
            locked_until: None,
        };
        self.put_sealed(&key, sealed, &attributes, COMMIT_ATTEMPTS).await?;
        Ok(stored)
    }

    /// The names of this database's settings that one of the keys made, the oldest first.
    async fn settings_names(&self, database: &Label) -> Result<Vec<SettingsName>> {
        let folder = self.store.location().key(&format!("{database}/{FOLDER}/"));
        let objects = self.store.list(&folder).await?;
        if objects.is_empty() {
            return Ok(Vec::new());
        }
        let makers = self.makers(database).await?;
        let made = |name: &SettingsName| {
            let mut makers = makers.iter();
            makers.any(|maker| maker.was_in_use_at(name.time()) && name.is_by(&maker.identity, database))
        };
        let names = objects.iter().filter_map(|object| {
            let name = object.key.strip_prefix(&folder)?.strip_suffix(SUFFIX)?;
            SettingsName::parse(name).ok().filter(made)
        });
        let mut names: Vec<SettingsName> = names.collect();
        names.sort();
        Ok(names)
    }

    async fn open_settings(&self, database: &Label, name: &SettingsName) -> Result<StoredSettings> {
        let key = self.settings_key(database, name);
        let expected = Expected {
            database: Some(database),
            name: name.as_str(),
            made: name.time(),
            content: Content::Settings,
            bytes_max: BYTES_MAX,
            sha256: None,
        };
        let json = self.read_sealed(&key, &expected).await?;
        let stored = StoredSettings::from_json(&json).map_err(|why| Error::differs(&key, why.to_string()))?;
        match stored.name == *name && stored.database == *database {
            true => Ok(stored),
            false => Err(super::misplaced(&key, &format!("the settings of {}", stored.database))),
        }
    }

    /// The key that seals settings: the first one in use that also opens archives.
    async fn settings_maker(&self, database: &Label) -> Result<Maker> {
        self.begin_repository().await?;
        let makers = self.makers(database).await?.into_iter();
        let mut in_use = makers.filter(|maker| maker.is_in_use() && !maker.secret.is_catalog_key());
        in_use.next().ok_or_else(|| {
            Error::usage(
                format!("no key in use can seal settings of {database}"),
                "set PGCOFFER_KEY: a catalog key opens no settings, and a key that was retired seals nothing any more",
            )
        })
    }

    fn settings_key(&self, database: &Label, name: &SettingsName) -> String {
        let below = format!("{database}/{FOLDER}/{}{SUFFIX}", name.as_str());
        self.store.location().key(&below)
    }
}
