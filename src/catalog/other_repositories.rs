//! Records of other repositories among ours, under one of our keys: copied here, or ours if the object that names the
//! repository was replaced by that of another place.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::{
    Catalog,
    names::{Names, OtherRepository},
    repository::{Proven, RepositoryObject, proven},
};
use crate::{
    backup::{BackupId, Label},
    error::{Error, Result},
    seal::{self, HEADER_LEN_MAX, RepositoryId},
    store::{Kind, Object},
};

/// The number of unknown records whose headers are read in each database, if the repository is pinned.
const LOOKED_AT: usize = 3;
/// The number if it isn't pinned. Then only these headers show that `repository.pgc` belongs to another place.
const LOOKED_AT_UNPINNED: usize = 8;

impl Catalog {
    /// Finds the records of other repositories under one of our keys among the unknown records. If the header of one
    /// names its repository, the others are found by their names, without a request.
    pub(super) async fn sort_strangers(&self, database: &Label, names: &mut Names) -> Result<()> {
        for repository in self.others_known() {
            self.sort_out(database, repository, names).await?;
        }
        if names.strangers.is_empty() {
            return Ok(());
        }
        let here = self.repository().await?;
        for (id, object) in sample(&names.strangers, self.looked_at()) {
            if !names.strangers.contains_key(&id) {
                continue;
            }
            if let Some(found) = self.proven_repository(database, &id, &object).await?
                && found != here
            {
                self.remember_other(found);
                self.sort_out(database, found, names).await?;
            }
        }
        Ok(())
    }

    /// Fails if there are records of several repositories under one of our keys and no setting pins one, since the
    /// object that names the repository may have been replaced.
    pub(super) async fn check_settled(&self, others: &[OtherRepository]) -> Result<()> {
        match others.first() {
            Some(other) if !self.pinned => {
                let (here, location) = (self.repository().await?, self.store.location());
                let (id, count, newest) = (other.repository, other.records, &other.newest);
                Err(Error::Unsettled {
                    why: format!(
                        "{location} says that it is repository {here}, and records of repository {id} under the same \
                         key stand there too: {count}, the newest {newest}. Nothing says which one is at home there"
                    ),
                })
            }
            _ => Ok(()),
        }
    }

    /// The error that a record is of another repository, `found`. Where that is the repository of this very place, the
    /// setting that pins another one is at fault, and not the record.
    pub(super) async fn of_other_repository(&self, key: String, found: RepositoryId) -> Option<Error> {
        let here = self.repository().await.ok()?;
        match self.read_repository().await {
            Ok(RepositoryObject::Opens { id, .. }) if self.pinned && id == found => Some(self.is_another(&id, &here)),
            _ => Some(Error::seal(key, seal::Error::OtherRepository { found, here })),
        }
    }

    fn looked_at(&self) -> usize {
        match self.pinned {
            true => LOOKED_AT,
            false => LOOKED_AT_UNPINNED,
        }
    }

    /// The repository that an unknown record names, if one of our keys has sealed the record. `None` if it can't be
    /// read.
    async fn proven_repository(
        &self,
        database: &Label,
        id: &BackupId,
        object: &Object,
    ) -> Result<Option<RepositoryId>> {
        let range = 0..object.bytes.min(HEADER_LEN_MAX as u64);
        let read = self.store.read_range(&object.key, range, None).await;
        let beginning = match read {
            Ok(beginning) => beginning,
            Err(error) if error.kind.is_of_all_objects() && error.kind != Kind::Denied => {
                return Err(error.into());
            }
            Err(_) => return Ok(None),
        };
        let secrets = self.keys.opening(database, id.time());
        let (id, database) = (id.clone(), database.clone());
        let proof = spawn_blocking(move || proven(&beginning, &id, &database, &secrets)).await?;
        Ok(proof.map(|Proven(repository)| repository))
    }

    /// Moves the records with names of that repository out of the unknown ones.
    async fn sort_out(&self, database: &Label, repository: RepositoryId, names: &mut Names) -> Result<()> {
        let (keys, label) = (self.keys.of(database).to_vec(), database.clone());
        let strangers = std::mem::take(&mut names.strangers);
        // a passphrase takes a tenth of a second, so it needs a blocking thread
        let sorted = spawn_blocking(move || {
            let identities: Vec<_> = keys
                .into_iter()
                .filter_map(|key| Some((key.secret.identity(&repository, label.as_str()).ok()?, key)))
                .collect();
            let is_its = |id: &BackupId| {
                let mut identities = identities.iter();
                identities.any(|(identity, key)| key.counts_at(id.time()) && id.is_by(identity, &label))
            };
            let (its, rest): (BTreeMap<_, _>, _) = strangers.into_iter().partition(|(id, _)| is_its(id));
            (its, rest)
        });
        let (its, rest): (BTreeMap<BackupId, Object>, _) = sorted.await?;
        names.strangers = rest;
        names.others -= its.len();
        if let Some((newest, _)) = its.last_key_value() {
            names.other_repositories.push(OtherRepository {
                repository,
                records: its.len(),
                newest: newest.clone(),
            });
        }
        let its = its.into_keys().map(|id| (id, repository));
        names.of_other_repositories.extend(its);
        Ok(())
    }
}

/// A sample of them, evenly spread by the date at which they were stored, with the first and the last. An attacker can
/// add any number of records, but none that was stored before the existing ones.
fn sample(strangers: &BTreeMap<BackupId, Object>, count_max: usize) -> Vec<(BackupId, Object)> {
    let mut all: Vec<_> = strangers.iter().collect();
    all.sort_by_key(|(id, object)| (object.modified.unwrap_or(Timestamp::MAX), *id));
    let last = all.len().saturating_sub(1);
    let places: BTreeSet<usize> = (0..count_max)
        .map(|n| last * n / count_max.saturating_sub(1).max(1))
        .collect();
    let chosen = places.into_iter().filter_map(|at| all.get(at));
    chosen.map(|(id, object)| ((*id).clone(), (*object).clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Thaw;

    fn object(second: i64) -> Object {
        Object {
            key: String::new(),
            bytes: 1,
            etag: None,
            modified: Timestamp::from_second(second).ok(),
            storage_class: None,
            archive_tier: None,
            thaw: Thaw::Warm,
        }
    }

    #[test]
    fn the_first_and_the_last_that_came_are_looked_at_and_some_between() {
        let id = |n: usize| {
            let text = format!("20261120T{:02}{:02}00Z-abcdefghij23", n / 60, n % 60);
            BackupId::parse(&text).unwrap()
        };
        for (count, places) in [
            (0, vec![]),
            (1, vec![0]),
            (2, vec![0, 1]),
            (3, vec![0, 1, 2]),
            (1000, vec![0, 499, 999]),
        ] {
            // the oldest names were stored last
            let strangers = (0..count).map(|n| (id(n), object(2000 - n as i64))).collect();
            let looked_at: Vec<_> = sample(&strangers, 3).into_iter().map(|one| one.0).collect();
            let expected: Vec<_> = places.iter().map(|at| id(count - 1 - at)).collect();
            assert_eq!(looked_at, expected, "{count}");
        }
    }
}
