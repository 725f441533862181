//! What only a prune needs in addition to a survey: details, and uploads that were left behind.

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

/// The folder of details, whose names are in the records.
const DETAILS: &str = "details";

impl Catalog {
    /// Lists the details of a database, which only a prune needs: those of each run, those without a run, and the
    /// number that isn't ours.
    ///
    /// # Errors
    /// Any error of the bucket while it is listed.
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

    /// The uploads that are in progress or were left behind and would become objects of ours: archives, and in a folder
    /// also small objects.
    ///
    /// # Errors
    /// Any error of the bucket; a place that doesn't list uploads, or not with these rights, has none.
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

    /// The uploads that are in progress or were left behind and would become archives of ours. Requested once for each
    /// survey.
    ///
    /// # Errors
    /// Any error of the bucket; a place that doesn't list uploads, or not with these rights, has none.
    pub async fn find_unfinished(&self, survey: &mut Survey) -> Result<Vec<Unfinished>> {
        if let Some(known) = &survey.unfinished {
            return Ok(known.clone());
        }
        let found = self.unfinished(&survey.database).await?;
        survey.unfinished = Some(found.clone());
        Ok(found)
    }
}
