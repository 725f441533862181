//! The names in a database's folders: which are ours, by their MACs, before anything is fetched.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Catalog, Maker, SUFFIX, keys::maker};
use crate::{
    backup::{BackupId, Label, Tier},
    error::Result,
    seal::RepositoryId,
    store::Object,
};

/// The folders of a database that every survey lists.
pub(super) const FOLDERS: [&str; 3] = ["records", "archives", "marks"];

/// All folders that a database may have.
pub(super) const ALL_FOLDERS: [&str; 7] = ["records", "archives", "marks", "details", "turns", "drills", "settings"];

/// What the names show before anything is opened.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) records: BTreeMap<BackupId, Object>,
    pub(super) archives: BTreeMap<(BackupId, Tier), Object>,
    pub(super) marks: BTreeMap<BackupId, Object>,
    pub(super) foreign: usize,
    pub(super) others: usize,
    /// Every key that was listed, ours or not.
    pub(super) keys: BTreeSet<String>,
    /// Records of other repositories under a key that is valid here.
    pub(super) other_repositories: Vec<OtherRepository>,
    /// The repository of each of those records.
    pub(super) of_other_repositories: BTreeMap<BackupId, RepositoryId>,
    /// Records that were made after their key was retired.
    pub(super) too_late: BTreeSet<BackupId>,
    /// The records among the objects that aren't ours.
    pub(super) strangers: BTreeMap<BackupId, Object>,
}

/// Records of another repository in a database's folder, sealed under a key that is valid for this database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OtherRepository {
    /// The repository.
    pub repository: RepositoryId,
    /// The number of records.
    pub records: usize,
    /// The newest of them.
    pub newest: BackupId,
}

impl Catalog {
    /// Lists the folders of this database and no others. The MAC of each name is checked before anything is fetched, so
    /// objects of others cost only a line of a listing.
    pub(super) async fn names(&self, database: &Label, makers: &[Maker]) -> Result<Names> {
        let mut names = Names::default();
        for what in FOLDERS {
            let folder = self.store.location().key(&format!("{database}/{what}/"));
            for object in self.store.list(&folder).await? {
                names.keys.insert(object.key.clone());
                let path = object.key.strip_prefix(&folder);
                let path = path.and_then(|path| path.strip_suffix(SUFFIX));
                let parsed = path.and_then(|path| parse(what, path));
                let made = |(id, _): &(BackupId, _)| maker(makers, id, database).is_some();
                match parsed.clone().filter(made) {
                    Some((id, None)) if what == "records" => {
                        names.records.insert(id, object);
                    }
                    Some((id, None)) => {
                        names.marks.insert(id, object);
                    }
                    Some((id, Some(tier))) => {
                        names.archives.insert((id, tier), object);
                    }
                    None => names.count_stranger(what, parsed, object, makers, database),
                }
            }
        }
        self.sort_strangers(database, &mut names).await?;
        Ok(names)
    }
}

impl Names {
    fn count_stranger(
        &mut self,
        what: &str,
        parsed: Option<(BackupId, Option<Tier>)>,
        object: Object,
        makers: &[Maker],
        database: &Label,
    ) {
        self.foreign += 1;
        let Some((id, _)) = parsed.filter(|_| what == "records") else {
            return;
        };
        if makers.iter().any(|maker| maker.made_too_late(&id, database)) {
            self.too_late.insert(id);
        } else {
            self.others += 1;
            self.strangers.insert(id, object);
        }
    }
}

/// The id in a path of one of these folders, and the tier in that of an archive.
pub(super) fn parse(folder: &str, path: &str) -> Option<(BackupId, Option<Tier>)> {
    if folder != "archives" {
        return Some((BackupId::parse(path).ok()?, None));
    }
    let (tier, id) = path.split_once('/')?;
    Some((BackupId::parse(id).ok()?, Some(tier.parse().ok()?)))
}
