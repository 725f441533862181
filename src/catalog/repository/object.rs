//! `repository.pgc`: the object that contains the repository's id, sealed for every key in use.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::NAME;
use crate::{
    catalog::{Catalog, SUFFIX},
    error::{Error, Result},
    seal::{self, Content, KeySlot, RepositoryId, SealedHeader, Secret, Subject},
    store::{Attributes, Claim, Kind, READS_MAX},
};

/// The longest object. It is a line of JSON after a header.
const BYTES_MAX: u64 = 64 << 10;

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    repository: RepositoryId,
}

/// The result of reading `repository.pgc`.
pub(in crate::catalog) enum RepositoryObject {
    /// It opens under one of the keys.
    Opens {
        id: RepositoryId,
        /// Whether every key in use opens it, and its catalog key too, as far as its slots show.
        for_all: bool,
    },
    /// It exists and is not accepted.
    Refused(Error),
    /// It doesn't exist.
    Missing,
}

impl Catalog {
    pub(in crate::catalog) async fn read_repository(&self) -> Result<RepositoryObject> {
        let key = self.repository_key();
        let mut before = None;
        for _ in 0..READS_MAX {
            let sealed = match self.store.read_first(&key, BYTES_MAX).await {
                Ok(sealed) => sealed,
                Err(error) if error.kind == Kind::NotFound => return Ok(RepositoryObject::Missing),
                Err(error) => return Err(error.into()),
            };
            match self.opened(&key, sealed.clone()).await? {
                // a bit may have been flipped on the network: the result counts once the same bytes were read twice
                RepositoryObject::Refused(_) if before.as_ref() != Some(&sealed) => before = Some(sealed),
                read => return Ok(read),
            }
        }
        Err(self.store.inconsistent(&key, "it").into())
    }

    async fn opened(&self, key: &str, sealed: Bytes) -> Result<RepositoryObject> {
        let (secrets, in_use) = (self.keys.secrets(), self.keys.in_use());
        let sealed_bytes = sealed.clone();
        let opened = spawn_blocking(move || open(&sealed, &secrets, &in_use)).await;
        let opened = opened.map_err(|e| Error::Internal(e.to_string()))?;
        Ok(match opened {
            Ok((id, for_all)) => RepositoryObject::Opens { id, for_all },
            Err(seal::Error::WrongKey { sealed_for, held }) => {
                let header = SealedHeader::parse_whole(&sealed_bytes).ok();
                RepositoryObject::Refused(Error::seal(
                    key,
                    seal::Error::RepositoryOfOthers {
                        id: header.map(|(header, _)| header.repository),
                        pinned: self.pinned,
                        sealed_for,
                        held,
                    },
                ))
            }
            Err(error) => RepositoryObject::Refused(Error::seal(key, error)),
        })
    }

    pub(in crate::catalog) async fn write_repository(&self, id: &RepositoryId, is_there: bool) -> Result<()> {
        let (key, sealed) = (self.repository_key(), self.seal_repository(id).await?);
        let attributes = Attributes::default();
        let found = match is_there {
            true => self.store.head(&key).await?,
            false => None,
        };
        match found.and_then(|object| object.etag) {
            Some(etag) => self.store.replace(&key, sealed, &attributes, &etag).await?,
            None => {
                self.store.put_new(&key, sealed, &attributes).await?;
            }
        }
        Ok(())
    }

    /// Writes it if there is none, for write-only credentials.
    pub(super) async fn claim_repository(&self, id: &RepositoryId) -> Result<()> {
        let sealed = self.seal_repository(id).await?;
        match self.store.claim(&self.repository_key(), sealed).await? {
            Claim::Taken | Claim::Held => Ok(()),
        }
    }

    /// Seals it for every key in use.
    async fn seal_repository(&self, id: &RepositoryId) -> Result<Bytes> {
        let (id, secrets) = (*id, self.keys.in_use());
        let sealed = spawn_blocking(move || {
            let subject = Subject {
                repository: &id,
                backup: NAME,
                content: Content::Repository,
                compression: seal::PayloadCompression::None,
                database: "",
            };
            let document = Document {
                version: 1,
                repository: id,
            };
            let json = serde_json::to_vec(&document).expect("a number and a text make JSON");
            seal::seal_bytes(&subject, &secrets, &json)
        });
        let sealed = sealed.await.map_err(|e| Error::Internal(e.to_string()))?;
        sealed
            .map(Bytes::from)
            .map_err(|e| Error::seal(self.repository_key(), e))
    }

    pub(in crate::catalog) fn repository_key(&self) -> String {
        self.store.location().key(&format!("{NAME}{SUFFIX}"))
    }

    pub(super) fn is_gone(&self) -> String {
        format!("{} is gone", self.repository_key())
    }
}

fn open(
    sealed: &[u8],
    secrets: &[Secret],
    in_use: &[Secret],
) -> std::result::Result<(RepositoryId, bool), seal::Error> {
    let (header, json) = seal::open_bytes(sealed, secrets)?;
    let id = header.repository;
    header.check_is(&id, NAME, Content::Repository)?;
    let document = serde_json::from_slice::<Document>(&json).ok();
    if document.is_none_or(|document| document.repository != id) {
        return Err(seal::Error::HeaderChanged);
    }
    // the slot of its catalog key also opens under the master key
    let is_served = |secret: &&Secret| {
        let mut slots = header.slots.iter();
        slots.any(|slot| matches!(slot, KeySlot::Catalog { .. }) && slot.names(secret))
    };
    let mut keys = in_use.iter().filter(|one| matches!(one, Secret::Key(_)));
    Ok((id, keys.all(|key| is_served(&key))))
}

/// Whether it may be intact and sealed for keys of others. Then it belongs to them, and is not replaced.
pub(in crate::catalog) fn is_of_others(error: &Error) -> bool {
    matches!(
        error,
        Error::Seal {
            source: seal::Error::RepositoryOfOthers { .. } | seal::Error::NewerVersion { .. },
            ..
        }
    )
}
