//! Records by name, of one database or of all, and whose those are that are not ours.

use std::collections::BTreeMap;

use super::{Catalog, Listing, Maker, keys::maker, names::Names};
use crate::{
    backup::{BackupId, Label, Record, Tier},
    error::{Error, Result},
    seal,
    store::Object,
};

/// A record as its name shows it, unopened, and what stands under the same id.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) database: Label,
    pub(super) id: BackupId,
    /// the key that made the name
    pub(super) key: String,
    pub(super) bytes: u64,
    archives: Vec<(Tier, Object)>,
    pub(super) mark: Option<Object>,
}

impl Entry {
    /// Where the archive of this record stands.
    pub(super) fn archive(&self, record: &Record) -> Option<&Object> {
        let archives = self.archives.iter();
        let mut its = archives.filter(|(tier, _)| *tier == record.tier);
        its.next().map(|(_, object)| object)
    }
}

impl Catalog {
    /// The databases that have records here.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn databases(&self) -> Result<Vec<Label>> {
        let folders = self.store.folders(&self.store.location().key("")).await?;
        // anything else below the prefix is somebody else's
        let ours = |name: &String| {
            let label = Label::parse(name).ok()?;
            (label.as_str() == name).then_some(label)
        };
        Ok(folders.iter().filter_map(ours).collect())
    }

    /// Records by name, newest first; what else stands there is counted in `listing`.
    pub(super) async fn entries(
        &self,
        database: Option<&Label>,
        mut listing: Option<&mut Listing>,
    ) -> Result<Vec<Entry>> {
        let databases = match database {
            Some(database) => vec![database.clone()],
            None => self.databases().await?,
        };
        let mut entries = Vec::new();
        for database in databases {
            let makers = self.makers(&database).await?;
            let names = self.names(&database, &makers).await?;
            self.check_settled(&names.other_repositories).await?;
            if let Some(listing) = listing.as_deref_mut() {
                self.count_others(listing, &database, &names).await;
            }
            entries.extend(entries_of(&database, names, &makers));
        }
        entries.sort_by(|a, b| b.id.cmp(&a.id).then_with(|| a.database.cmp(&b.database)));
        Ok(entries)
    }

    async fn count_others(&self, listing: &mut Listing, database: &Label, names: &Names) {
        let others = names.others + names.too_late.len();
        if others > 0 {
            listing.others.insert(database.clone(), others);
        }
        if let Some(other) = names.other_repositories.first() {
            if listing.stranger.is_none()
                && let Ok(here) = self.repository().await
            {
                let key = self.record_key(database, &other.newest);
                let found = other.repository;
                let source = seal::Error::OtherRepository { found, here };
                listing.stranger = Some(Error::seal(key, source));
            }
            let others = names.other_repositories.clone();
            listing.other_repositories.insert(database.clone(), others);
        }
        if let (None, Some((_, object))) = (&listing.stranger, names.strangers.last_key_value()) {
            listing.stranger = self.whose(database, object).await.err();
        }
    }

    /// Whose a record is that a person asks for by name, and that bears no name of ours: the error that says so.
    pub(super) async fn stranger_of(
        &self,
        database: Option<&Label>,
        beginning: &str,
    ) -> Option<Error> {
        let databases = match database {
            Some(database) => vec![database.clone()],
            None => self.databases().await.ok()?,
        };
        for database in databases {
            let makers = self.makers(&database).await.ok()?;
            let names = self.names(&database, &makers).await.ok()?;
            let asked_for = |id: &&BackupId| id.as_str().starts_with(beginning);
            if let Some(id) = names.too_late.iter().rev().find(asked_for) {
                let key = self.record_key(&database, id);
                let what =
                    "it was made under a key that had been retired before, and is not believed";
                return Some(Error::differs(key, what));
            }
            let mut of_others = names.of_other_repositories.iter().rev();
            if let Some((id, found)) = of_others.find(|(id, _)| asked_for(id)) {
                let (found, here) = (*found, self.repository().await.ok()?);
                let source = seal::Error::OtherRepository { found, here };
                return Some(Error::seal(self.record_key(&database, id), source));
            }
            if let Some(id) = names.strangers.keys().rev().find(asked_for) {
                return self.whose(&database, &names.strangers[id]).await.err();
            }
        }
        None
    }
}

fn entries_of(database: &Label, names: Names, makers: &[Maker]) -> Vec<Entry> {
    let mut archives: BTreeMap<BackupId, Vec<(Tier, Object)>> = BTreeMap::new();
    for ((id, tier), object) in names.archives {
        archives.entry(id).or_default().push((tier, object));
    }
    let mut marks = names.marks;
    let entry = |(id, object): (BackupId, Object)| Entry {
        database: database.clone(),
        key: maker(makers, &id, database).map_or_else(String::new, |maker| maker.secret.describe()),
        bytes: object.bytes,
        archives: archives.remove(&id).unwrap_or_default(),
        mark: marks.remove(&id),
        id,
    };
    names.records.into_iter().map(entry).collect()
}
