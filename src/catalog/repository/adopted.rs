//! Takes the repository's id from the backups that open, if the place's own object doesn't have it.

use std::collections::BTreeSet;

use tokio::task::spawn_blocking;

use crate::{
    backup::{BackupId, Label},
    catalog::{Catalog, SUFFIX},
    error::{Error, Result},
    seal::{Content, HEADER_LEN_MAX, RepositoryId, SealedHeader, Secret},
    store::Kind,
};

/// The number of records of one database in which the repository's id is searched.
const LOOKED_AT: usize = 4;

impl Catalog {
    /// The id in the newest records here that one of the keys has sealed, if the place's own object doesn't have it;
    /// `why` says why not.
    pub(in crate::catalog) async fn adopted(&self, why: &str) -> Result<Option<RepositoryId>> {
        let mut found = BTreeSet::new();
        for database in self.labelled_folders().await? {
            found.extend(self.repositories_of(&database).await?);
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some(id), None) => {
                tracing::warn!("{why}; the repository's id is taken from the backups that open");
                Ok(Some(id))
            }
            (Some(one), Some(other)) => Err(Error::Unsettled {
                why: format!(
                    "backups of more than one repository stand at {}, {one} and {other}, and nothing says which one is \
                     at home there",
                    self.store.location()
                ),
            }),
        }
    }

    async fn repositories_of(&self, database: &Label) -> Result<Vec<RepositoryId>> {
        let folder = self.store.location().key(&format!("{database}/records/"));
        let objects = self.store.list(&folder).await?;
        let id = |key: &str| {
            let name = key.strip_prefix(&folder)?.strip_suffix(SUFFIX)?;
            BackupId::parse(name).ok()
        };
        let mut named: Vec<_> = objects
            .iter()
            .filter_map(|object| Some((id(&object.key)?, object)))
            .collect();
        named.sort_by(|a, b| b.0.cmp(&a.0));
        let mut found = Vec::new();
        for (id, object) in named.into_iter().take(LOOKED_AT) {
            let range = 0..object.bytes.min(HEADER_LEN_MAX as u64);
            let beginning = self.store.read_range(&object.key, range, None);
            let beginning = match beginning.await {
                Ok(beginning) => beginning,
                Err(error) if error.kind.is_passing() || error.kind == Kind::Denied => {
                    return Err(error.into());
                }
                Err(_) => continue,
            };
            let (secrets, label) = (self.keys.opening(database, id.time()), database.clone());
            let proof = spawn_blocking(move || proven(&beginning, &id, &label, &secrets)).await;
            let proof = proof.map_err(|e| Error::Internal(e.to_string()))?;
            found.extend(proof.map(|Proven(repository)| repository));
        }
        Ok(found)
    }
}

/// A repository of which one of the secrets has sealed a record.
pub(in crate::catalog) struct Proven(pub(in crate::catalog) RepositoryId);

/// The repository that a record names, if one of the secrets has sealed the record and made its id there.
pub(in crate::catalog) fn proven(
    beginning: &[u8],
    id: &BackupId,
    database: &Label,
    secrets: &[Secret],
) -> Option<Proven> {
    let (header, _) = SealedHeader::parse_whole(beginning).ok()?;
    let repository = header.repository;
    header.check_is(&repository, id.as_str(), Content::Record).ok()?;
    // check the MAC of the name first: it is cheap, and a header of an unknown writer may demand much work
    let made = |secret: &&Secret| {
        let identity = secret.identity(&repository, database.as_str());
        identity.is_ok_and(|identity| id.is_by(&identity, database))
    };
    let maker = secrets.iter().find(made)?;
    header.unlock(std::slice::from_ref(maker)).ok()?;
    Some(Proven(repository))
}
