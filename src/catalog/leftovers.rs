//! What only a prune looks for besides a survey: details, and uploads that were left behind.

use std::collections::BTreeMap;

use super::{
    Catalog, SUFFIX, Survey,
    keys::maker,
    names::{FOLDERS, parse},
};
use crate::{
    backup::{BackupId, Label},
    error::Result,
    store::Unfinished,
};

/// The folder of details, which stand where a record says so.
const DETAILS: &str = "details";

impl Catalog {
    /// Lists the details of a database, which only a prune has to know of: those of each run, those
    /// without one, and what is not ours among them.
    ///
    /// # Errors
    /// What the bucket refuses to list.
    pub async fn find_details(&self, survey: &mut Survey) -> Result<()> {
        let database = survey.database.clone();
        let makers = self.makers(&database).await?;
        let folder = self.store.location().key(&format!("{database}/{DETAILS}/"));
        let mut found = BTreeMap::new();
        for object in self.store.list(&folder).await? {
            survey.keys.insert(object.key.clone());
            let path = object.key.strip_prefix(&folder);
            let path = path.and_then(|path| path.strip_suffix(SUFFIX));
            let id = path.and_then(|path| BackupId::parse(path).ok());
            match id.filter(|id| maker(&makers, id, &database).is_some()) {
                Some(id) => {
                    found.insert(id, object);
                }
                None => survey.foreign += 1,
            }
        }
        for one in &mut survey.entries {
            one.details = found.remove(&one.record.id);
        }
        survey.stray_details = found.into_iter().collect();
        Ok(())
    }

    /// The uploads under way, or left behind, that would become objects of ours: archives, and in a folder also what is
    /// written whole.
    ///
    /// # Errors
    /// What the bucket refuses; one that lists no uploads, or not to us, has none.
    async fn unfinished(&self, database: &Label) -> Result<Vec<Unfinished>> {
        let folder = self.store.location().key(&format!("{database}/"));
        let makers = self.makers(database).await?;
        let mut uploads = self.store.unfinished(&folder).await?.unwrap_or_default();
        uploads.retain(|upload| {
            let path = upload.key.strip_prefix(&folder).and_then(|path| path.split_once('/'));
            let path = path.and_then(|(what, path)| Some((what, path.strip_suffix(SUFFIX)?)));
            let path = path.filter(|(what, _)| FOLDERS.contains(what) || *what == DETAILS);
            let parsed = path.and_then(|(what, path)| parse(what, path));
            parsed.is_some_and(|(id, _)| maker(&makers, &id, database).is_some())
        });
        Ok(uploads)
    }

    /// The uploads under way, or left behind, that would become archives of ours; asked for once a survey.
    ///
    /// # Errors
    /// What the bucket refuses; one that lists no uploads, or not to us, has none.
    pub async fn find_unfinished(&self, survey: &mut Survey) -> Result<Vec<Unfinished>> {
        if let Some(known) = &survey.unfinished {
            return Ok(known.clone());
        }
        let found = self.unfinished(&survey.database).await?;
        survey.unfinished = Some(found.clone());
        Ok(found)
    }
}
