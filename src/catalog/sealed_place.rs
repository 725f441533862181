//! What a place says of its keys to somebody who has none of them.

use super::{Catalog, repository::RepositoryObject};
use crate::{
    error::Result,
    seal::{HEADER_LEN_MAX, RepositoryId, SealedHeader},
    store::Kind,
};

/// What the header of a sealed object says. No key has checked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPlace {
    /// The repository.
    pub repository: RepositoryId,
    /// What it is sealed for, such as `key 0123456789abcdef`.
    pub sealed_for: Vec<String>,
}

impl Catalog {
    /// What the object that names the repository is sealed for; where it is missing, the newest record. `None` if there
    /// is neither. Needs no key.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn sealed_place(&self) -> Result<Option<SealedPlace>> {
        let key = self.repository_key();
        if let Some(found) = self.header_of(&key).await? {
            return Ok(Some(found));
        }
        for database in self.labelled_folders().await? {
            let folder = self.store.location().key(&format!("{database}/records/"));
            let objects = self.store.list(&folder).await?;
            // ids begin with the time
            if let Some(newest) = objects.last()
                && let Some(found) = self.header_of(&newest.key).await?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Whether one of the keys at hand opens the object that names the repository, or a record here.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn opens_here(&self) -> Result<bool> {
        Ok(match self.read_repository().await? {
            RepositoryObject::Opens { .. } => true,
            RepositoryObject::Missing => self.adopted("").await?.is_some(),
            RepositoryObject::Refused(error) => self.adopted(&error.to_string()).await?.is_some(),
        })
    }

    async fn header_of(&self, key: &str) -> Result<Option<SealedPlace>> {
        let beginning = match self.store.head(key).await {
            Ok(Some(object)) => {
                let range = 0..object.bytes.min(HEADER_LEN_MAX as u64);
                self.store.read_range(key, range, None).await
            }
            Ok(None) => return Ok(None),
            Err(error) => Err(error),
        };
        let beginning = match beginning {
            Ok(beginning) => beginning,
            Err(error) if error.kind == Kind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let header = SealedHeader::parse_whole(&beginning).ok();
        Ok(header.map(|(header, _)| SealedPlace {
            repository: header.repository,
            sealed_for: header.sealed_for(&[]),
        }))
    }
}
