//! The repository: which place this is. Its id stands in every object and in the MAC of every name, so that what was
//! sealed for one place is a stranger in another.
//!
//! The id is pinned by a setting, or read from `<prefix>/repository.pgc`, which the first run writes. Where that object
//! is gone or can't be read, the id is taken from the objects that a key at hand has sealed: losing it loses no backup.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::FutureExt as _;
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{Catalog, SUFFIX};
use crate::{
    backup::{BackupId, Label},
    error::{Error, Result},
    seal::{self, Content, HEADER_LEN_MAX, Header, RepositoryId, Secret, Slot, Subject},
    store::{Attributes, Claim, Kind, LOOKS},
};

/// The object's name below the prefix, and what its header calls it.
const NAME: &str = "repository";
/// It is a line of JSON behind a header.
const BYTES_MAX: u64 = 64 << 10;
/// Records of one database that are looked at for the repository's id.
const LOOKED_AT: usize = 4;

#[derive(Serialize, Deserialize)]
struct Document {
    version: u32,
    repository: RepositoryId,
}

/// What `repository.pgc` came to.
pub(super) enum Found {
    /// it opens under one of the keys
    Opens {
        id: RepositoryId,
        /// every key in use opens it, and its catalog key too, as far as its slots tell
        for_all: bool,
    },
    /// it is there and can't be believed
    Refused(Error),
    /// there is none
    Missing,
}

impl Catalog {
    /// The repository here, for looking. Where there is nothing at all, an id that nothing bears.
    ///
    /// One request where the id isn't pinned; remembered once it is known. Never writes.
    ///
    /// # Errors
    /// What the bucket refuses; [`Error::Seal`] where no key at hand opens anything here; [`Error::Unsettled`] where
    /// objects of several repositories stand here and nothing says which is meant; [`Error::Usage`] in drop-box mode
    /// without a pinned id.
    pub async fn repository(&self) -> Result<RepositoryId> {
        match self.repository_here().await? {
            Some(id) => Ok(id),
            None => RepositoryId::generate().map_err(|e| Error::seal(NAME, e)),
        }
    }

    /// The repository here, pinned or found; none where nothing has begun yet.
    ///
    /// # Errors
    /// As [`Catalog::repository`].
    pub async fn repository_here(&self) -> Result<Option<RepositoryId>> {
        if let Some(known) = self.known_repository()? {
            return Ok(Some(known));
        }
        // on the heap: every look at the bucket begins with this
        match self.find_repository().boxed().await? {
            Some(id) => Ok(Some(*self.repository.get_or_init(|| async { id }).await)),
            None => Ok(None),
        }
    }

    /// The repository here, where nothing speaks against it: for whoever wants to pin it.
    ///
    /// # Errors
    /// As [`Catalog::repository`]; [`Error::Unsettled`] where records of several repositories stand here, and none is
    /// pinned.
    pub async fn settled_repository(&self) -> Result<Option<RepositoryId>> {
        let Some(id) = self.repository_here().await? else {
            return Ok(None);
        };
        if !self.pinned {
            for database in self.databases().await? {
                let makers = self.makers(&database).await?;
                let names = self.names(&database, &makers).await?;
                self.check_settled(&names.other_repositories).await?;
            }
        }
        Ok(Some(id))
    }

    async fn find_repository(&self) -> Result<Option<RepositoryId>> {
        Ok(match self.read_repository().await? {
            Found::Opens { id, .. } => Some(id),
            Found::Missing => self.adopted(&self.is_gone()).await?,
            Found::Refused(error) => {
                let adopted = self.adopted(&error.to_string()).await?;
                Some(adopted.ok_or(error)?)
            }
        })
    }

    /// The repository here, for writing: it begins where there is none yet. Atomic; of two that begin it at once, one
    /// wins and both go on with that one's id.
    ///
    /// # Errors
    /// As [`Catalog::repository`], and [`Error::Usage`] where the one here isn't the pinned one.
    pub async fn begin_repository(&self) -> Result<RepositoryId> {
        let begun = self.begun.get_or_try_init(|| self.begin().boxed()).await?;
        Ok(*self.repository.get_or_init(|| async { *begun }).await)
    }

    fn known_repository(&self) -> Result<Option<RepositoryId>> {
        match self.repository.get() {
            Some(known) => Ok(Some(*known)),
            None if self.store.writes_only() => Err(Error::usage(
                "PGCOFFER_REPOSITORY is not set, and in drop-box mode it can't be read from the bucket",
                "`pgcoffer repository` prints it on a machine that reads this bucket; for a new place `pgcoffer keygen \
                 --repository` makes one",
            )),
            None => Ok(None),
        }
    }

    /// With a pinned id the object in the bucket is for others who have none: that it can't be had stops no backup,
    /// unless the bucket can't be reached at all.
    async fn begin(&self) -> Result<RepositoryId> {
        let pinned = self.known_repository()?;
        if let Some(id) = pinned.filter(|_| self.store.writes_only()) {
            return pinned_all_the_same(self.claim_repository(&id).await, pinned, &id);
        }
        loop {
            let found = match (self.read_repository().await, pinned) {
                (Err(Error::Store(error)), Some(id)) if !error.kind.is_passing() => {
                    return pinned_all_the_same(Err(error.into()), pinned, &id);
                }
                (found, _) => found?,
            };
            let (id, is_there) = match (found, pinned) {
                (Found::Opens { id, .. }, Some(pinned)) if id != pinned => {
                    return Err(self.is_another(&id, &pinned));
                }
                (Found::Opens { id, for_all: true }, _) => return Ok(id),
                (Found::Opens { id, .. }, _) => (id, true),
                // other people's machines may need what we can't open
                (Found::Refused(error), Some(id)) if is_of_others(&error) => return Ok(id),
                (Found::Refused(error), None) if is_of_others(&error) => {
                    return self.adopted(&error.to_string()).await?.ok_or(error);
                }
                // noise in its place
                (Found::Refused(error), pinned) => (self.new_id(pinned, &error.to_string()).await?, true),
                (Found::Missing, Some(pinned)) if self.store.folder().is_some() => {
                    return Err(self.is_not_mounted(&pinned));
                }
                (Found::Missing, pinned) => (self.new_id(pinned, &self.is_gone()).await?, false),
            };
            match self.write_repository(&id, is_there).await {
                // another run was there first
                Err(Error::Store(error)) if error.kind == Kind::Exists => {}
                // who may not write over it leaves that to others
                Err(Error::Store(error)) if error.kind == Kind::Denied && is_there => {
                    return Ok(id);
                }
                result => return pinned_all_the_same(result, pinned, &id),
            }
        }
    }

    pub(super) fn is_another(&self, found: &RepositoryId, pinned: &RepositoryId) -> Error {
        Error::usage(
            format!(
                "repository {found} is at {}, and PGCOFFER_REPOSITORY says {pinned}",
                self.store.location()
            ),
            format!(
                "where this is the place that was meant, set PGCOFFER_REPOSITORY={found}; where it isn't, correct \
                 PGCOFFER_BUCKET; where the right id is set and the place is right, somebody has put another place's \
                 repository.pgc there: delete it, and the next backup writes it anew"
            ),
        )
    }

    /// A folder on which nothing is mounted is empty: where a setting says which repository is there, none begins.
    fn is_not_mounted(&self, pinned: &RepositoryId) -> Error {
        Error::usage(
            format!(
                "PGCOFFER_REPOSITORY says that repository {pinned} is at {}, and none is there",
                self.store.location()
            ),
            "mount what belongs there, or correct PGCOFFER_BUCKET; to begin a repository in an empty folder, run this \
             once without PGCOFFER_REPOSITORY, and then set it to what `pgcoffer repository` prints",
        )
    }

    /// The pinned id, or that of the backups that are here, or a new one.
    async fn new_id(&self, pinned: Option<RepositoryId>, why: &str) -> Result<RepositoryId> {
        match pinned {
            Some(id) => Ok(id),
            None => match self.adopted(why).await? {
                Some(id) => Ok(id),
                None => RepositoryId::generate().map_err(|e| Error::seal(NAME, e)),
            },
        }
    }

    pub(super) async fn read_repository(&self) -> Result<Found> {
        let key = self.repository_key();
        let mut before = None;
        for _ in 0..LOOKS {
            let sealed = match self.store.read_first(&key, BYTES_MAX).await {
                Ok(sealed) => sealed,
                Err(error) if error.kind == Kind::NotFound => return Ok(Found::Missing),
                Err(error) => return Err(error.into()),
            };
            match self.opened(&key, sealed.clone()).await? {
                // a bit may have been flipped on the way: what the same bytes say twice counts
                Found::Refused(_) if before.as_ref() != Some(&sealed) => before = Some(sealed),
                found => return Ok(found),
            }
        }
        Err(self.store.unsteady(&key, "it").into())
    }

    async fn opened(&self, key: &str, sealed: Bytes) -> Result<Found> {
        let (secrets, in_use) = (self.keys.secrets(), self.keys.in_use());
        let sealed_bytes = sealed.clone();
        let opened = spawn_blocking(move || open(&sealed, &secrets, &in_use)).await;
        let opened = opened.map_err(|e| Error::Internal(e.to_string()))?;
        Ok(match opened {
            Ok((id, for_all)) => Found::Opens { id, for_all },
            Err(seal::Error::WrongKey { sealed_for, held }) => {
                let header = Header::parse_whole(&sealed_bytes).ok();
                Found::Refused(Error::seal(
                    key,
                    seal::Error::RepositoryOfOthers {
                        id: header.map(|(header, _)| header.repository),
                        pinned: self.pinned,
                        sealed_for,
                        held,
                    },
                ))
            }
            Err(error) => Found::Refused(Error::seal(key, error)),
        })
    }

    async fn write_repository(&self, id: &RepositoryId, is_there: bool) -> Result<()> {
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

    /// Whoever may look at nothing writes it where there is none.
    async fn claim_repository(&self, id: &RepositoryId) -> Result<()> {
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
                compression: seal::Compression::None,
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

    fn repository_key(&self) -> String {
        self.store.location().key(&format!("{NAME}{SUFFIX}"))
    }

    fn is_gone(&self) -> String {
        format!("{} is gone", self.repository_key())
    }

    /// The id that the newest records here bear which one of the keys has sealed, where (and `why`) the place's own
    /// object does not tell.
    async fn adopted(&self, why: &str) -> Result<Option<RepositoryId>> {
        let mut found = BTreeSet::new();
        for database in self.databases().await? {
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

/// A repository whose record one of the secrets has sealed.
pub(super) struct Proven(pub(super) RepositoryId);

/// The repository that a record names, where one of the secrets has sealed it and made its id there.
pub(super) fn proven(beginning: &[u8], id: &BackupId, database: &Label, secrets: &[Secret]) -> Option<Proven> {
    let (header, _) = Header::parse_whole(beginning).ok()?;
    let repository = header.repository;
    header.check_is(&repository, id.as_str(), Content::Record).ok()?;
    // the name's MAC first: it costs least, and a stranger's header may ask for much
    let made = |secret: &&Secret| {
        let identity = secret.identity(&repository, database.as_str());
        identity.is_ok_and(|identity| id.is_by(&identity, database))
    };
    let maker = secrets.iter().find(made)?;
    header.unlock(std::slice::from_ref(maker)).ok()?;
    Some(Proven(repository))
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
    // the slot of its catalog key opens under the key as well
    let is_served = |secret: &&Secret| {
        let mut slots = header.slots.iter();
        slots.any(|slot| matches!(slot, Slot::Catalog { .. }) && slot.names(secret))
    };
    let mut keys = in_use.iter().filter(|one| matches!(one, Secret::Key(_)));
    Ok((id, keys.all(|key| is_served(&key))))
}

/// A pinned id counts whether or not it could be written for others.
fn pinned_all_the_same(written: Result<()>, pinned: Option<RepositoryId>, id: &RepositoryId) -> Result<RepositoryId> {
    match written {
        Err(Error::Store(error)) if pinned.is_some() => {
            tracing::debug!("the repository is pinned, and could not be written for others: {error}");
            Ok(*id)
        }
        written => written.map(|()| *id),
    }
}

/// Whether it may be whole, and sealed for keys of others: then it is theirs, and stays.
pub(super) fn is_of_others(error: &Error) -> bool {
    matches!(
        error,
        Error::Seal {
            source: seal::Error::RepositoryOfOthers { .. } | seal::Error::NewerVersion { .. },
            ..
        }
    )
}
