//! The records of one database or of all, by their names, and the owners of records that aren't ours.

use futures_util::{StreamExt as _, stream};

use super::{
    Catalog, Maker, READS_AT_ONCE,
    names::{FOLDERS, Names},
};
use crate::{
    backup::{BackupId, Label},
    error::{Error, Result},
};

/// The names in one database's folders, before anything is opened.
pub(super) struct DatabaseNames {
    pub(super) database: Label,
    pub(super) makers: Vec<Maker>,
    pub(super) names: Names,
}

impl DatabaseNames {
    /// The ids of its records, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &BackupId> {
        self.names.records.keys().rev()
    }
}

impl Catalog {
    /// The databases that have records, archives or marks here. Another folder, also one of those inside a database's
    /// own folder, is no database.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn databases(&self) -> Result<Vec<Label>> {
        let looks = self.labelled_folders().await?.into_iter().map(|label| async {
            for what in FOLDERS {
                let folder = self.store.location().key(&format!("{label}/{what}/"));
                if self.store.holds_any(&folder).await? {
                    return Ok(Some(label));
                }
            }
            Ok(None)
        });
        let looks: Vec<Result<Option<Label>>> = stream::iter(looks).buffered(READS_AT_ONCE).collect().await;
        looks.into_iter().filter_map(Result::transpose).collect()
    }

    /// The folders here that are named like a database.
    pub(super) async fn labelled_folders(&self) -> Result<Vec<Label>> {
        let folders = self.store.folders(&self.store.location().key("")).await?;
        // anything else below the prefix belongs to others
        let ours = |name: &String| {
            let label = Label::parse(name).ok()?;
            (label.as_str() == name).then_some(label)
        };
        Ok(folders.iter().filter_map(ours).collect())
    }

    /// The names in one database's folders.
    pub(super) async fn database_names(&self, database: &Label) -> Result<DatabaseNames> {
        let makers = self.makers(database).await?;
        let names = self.names(database, &makers).await?;
        Ok(DatabaseNames {
            database: database.clone(),
            makers,
            names,
        })
    }

    /// The names of one database or of all. Fails if it is unclear which repository belongs here.
    pub(super) async fn settled_names(&self, database: Option<&Label>) -> Result<Vec<DatabaseNames>> {
        let databases = match database {
            Some(database) => vec![database.clone()],
            None => self.labelled_folders().await?,
        };
        let mut all = Vec::new();
        for label in databases {
            let found = self.database_names(&label).await?;
            self.check_settled(&found.names.other_repositories).await?;
            // a folder of others may be named like a database
            if database.is_some() || !found.names.keys.is_empty() {
                all.push(found);
            }
        }
        Ok(all)
    }

    /// The error for a record that a user names and whose name isn't ours: it says whose the record is.
    pub(super) async fn stranger_of(
        &self,
        database: Option<&Label>,
        is_asked_for: impl Fn(&BackupId) -> bool,
    ) -> Option<Error> {
        let databases = match database {
            Some(database) => vec![database.clone()],
            None => self.labelled_folders().await.ok()?,
        };
        for database in databases {
            let names = self.database_names(&database).await.ok()?.names;
            if let Some(id) = names.too_late.iter().rev().find(|id| is_asked_for(id)) {
                let key = self.record_key(&database, id);
                let what = "it was made under a key that had been retired before, and is not believed";
                return Some(Error::differs(key, what));
            }
            let mut of_others = names.of_other_repositories.iter().rev();
            if let Some((id, found)) = of_others.find(|(id, _)| is_asked_for(id)) {
                return self.of_other_repository(self.record_key(&database, id), *found).await;
            }
            if let Some(id) = names.strangers.keys().rev().find(|id| is_asked_for(id)) {
                return self.whose(&database, &names.strangers[id]).await.err();
            }
        }
        None
    }
}
