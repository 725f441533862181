//! The repository: the identity of a place. Its id is in every object and in the MAC of every name, so an object that
//! was sealed for one place is not accepted in another.
//!
//! The id is pinned by a setting, or read from `<prefix>/repository.pgc`, which the first run writes. If that object is
//! gone or can't be read, the id is taken from objects that one of the keys has sealed, so losing it loses no backup.

mod adopted;
mod object;

use futures_util::FutureExt as _;

use super::Catalog;
use crate::{
    error::{Error, Result},
    seal::RepositoryId,
    store::Kind,
};

pub(super) use adopted::{Proven, proven};
pub(super) use object::{RepositoryObject, is_of_others};

/// The object's name below the prefix, and in its header.
const NAME: &str = "repository";
impl Catalog {
    /// The repository here, for reading. If there is nothing at all, an id that no object has.
    ///
    /// Makes one request if the id isn't pinned, and caches the result. Never writes.
    ///
    /// # Errors
    /// Any error of the bucket; [`Error::Seal`] if none of the keys opens anything here; [`Error::Unsettled`] if there
    /// are objects of several repositories here and nothing says which one is meant; [`Error::Usage`] in drop-box mode
    /// without a pinned id.
    pub async fn repository(&self) -> Result<RepositoryId> {
        match self.repository_here().await? {
            Some(id) => Ok(id),
            None => RepositoryId::generate().map_err(|e| Error::seal(NAME, e.into())),
        }
    }

    /// The repository here, pinned or found. `None` if nothing was written yet.
    ///
    /// # Errors
    /// As [`Catalog::repository`].
    pub async fn repository_here(&self) -> Result<Option<RepositoryId>> {
        if let Some(known) = self.known_repository()? {
            return Ok(Some(known));
        }
        // boxed, since every survey awaits this large future
        match self.find_repository().boxed().await? {
            Some(id) => Ok(Some(*self.repository.get_or_init(|| async { id }).await)),
            None => Ok(None),
        }
    }

    /// The repository here, if nothing contradicts it: the id that a setting may pin.
    ///
    /// # Errors
    /// As [`Catalog::repository`]; [`Error::Unsettled`] if there are records of several repositories here, and none is
    /// pinned.
    pub async fn settled_repository(&self) -> Result<Option<RepositoryId>> {
        let Some(id) = self.repository_here().await? else {
            return Ok(None);
        };
        if !self.pinned {
            for database in self.labelled_folders().await? {
                let makers = self.makers(&database).await?;
                let names = self.names(&database, &makers).await?;
                self.check_settled(&names.other_repositories).await?;
            }
        }
        Ok(Some(id))
    }

    async fn find_repository(&self) -> Result<Option<RepositoryId>> {
        Ok(match self.read_repository().await? {
            RepositoryObject::Opens { id, .. } => Some(id),
            RepositoryObject::Missing => self.adopted(&self.is_gone()).await?,
            RepositoryObject::Refused(error) => {
                let adopted = self.adopted(&error.to_string()).await?;
                Some(adopted.ok_or(error)?)
            }
        })
    }

    /// The repository here, for writing. Creates it if there is none. Atomic: of two that create it at once, one
    /// succeeds and both use its id.
    ///
    /// # Errors
    /// As [`Catalog::repository`], or [`Error::Usage`] if the one here isn't the pinned one.
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

    /// Creates or reads the object. With a pinned id, it is only for machines that have none: an error of it stops no
    /// backup, unless the bucket can't be reached at all.
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
                (RepositoryObject::Opens { id, .. }, Some(pinned)) if id != pinned => {
                    return Err(self.is_another(&id, &pinned));
                }
                (RepositoryObject::Opens { id, for_all: true }, _) => return Ok(id),
                (RepositoryObject::Opens { id, .. }, _) => (id, true),
                // machines with other keys may need the object that we can't open
                (RepositoryObject::Refused(error), Some(id)) if is_of_others(&error) => return Ok(id),
                (RepositoryObject::Refused(error), None) if is_of_others(&error) => {
                    return self.adopted(&error.to_string()).await?.ok_or(error);
                }
                // unusable bytes
                (RepositoryObject::Refused(error), pinned) => (self.new_id(pinned, &error.to_string()).await?, true),
                (RepositoryObject::Missing, Some(pinned)) if self.store.folder().is_some() => {
                    return Err(self.is_not_mounted(&pinned));
                }
                (RepositoryObject::Missing, pinned) => (self.new_id(pinned, &self.is_gone()).await?, false),
            };
            match self.write_repository(&id, is_there).await {
                // another run was first
                Err(Error::Store(error)) if error.kind == Kind::Exists => {}
                // without the right to replace it, another machine has to
                Err(Error::Store(error)) if error.kind == Kind::Denied && is_there => {
                    return Ok(id);
                }
                result => return pinned_all_the_same(result, pinned, &id),
            }
        }
    }

    pub(super) fn is_another(&self, found: &RepositoryId, pinned: &RepositoryId) -> Error {
        let (location, setting) = (self.store.location(), self.store.setting());
        if self.store.is_beside_bucket() {
            return Error::usage(
                format!("repository {found} is at {location}, and the copies that belong there are of {pinned}"),
                format!(
                    "give each repository a place of its own: correct {setting}; where {found} is the one that was \
                     meant, set PGCOFFER_REPOSITORY={found}; where place and id are right, somebody has put another \
                     place's repository.pgc there: delete it, and the next copy writes it anew"
                ),
            );
        }
        Error::usage(
            format!("repository {found} is at {location}, and PGCOFFER_REPOSITORY says {pinned}"),
            format!(
                "where this is the place that was meant, set PGCOFFER_REPOSITORY={found}; where it isn't, correct \
                 {setting}; where the right id is set and the place is right, somebody has put another place's \
                 repository.pgc there: delete it, and the next backup writes it anew"
            ),
        )
    }

    /// The error of an empty folder with a pinned repository: the share may not be mounted, so no repository is
    /// created.
    fn is_not_mounted(&self, pinned: &RepositoryId) -> Error {
        let (location, setting) = (self.store.location(), self.store.setting());
        Error::usage(
            format!("PGCOFFER_REPOSITORY says that repository {pinned} is at {location}, and none is there"),
            format!(
                "mount what belongs there, or correct {setting}; to begin a repository in an empty folder, run this \
                 once without PGCOFFER_REPOSITORY, and then set it to what `pgcoffer repository` prints"
            ),
        )
    }

    /// The pinned id, or that of the backups that are here, or a new one.
    async fn new_id(&self, pinned: Option<RepositoryId>, why: &str) -> Result<RepositoryId> {
        match pinned {
            Some(id) => Ok(id),
            None => match self.adopted(why).await? {
                Some(id) => Ok(id),
                None => RepositoryId::generate().map_err(|e| Error::seal(NAME, e.into())),
            },
        }
    }
}

/// A pinned id counts even if it could not be written for others.
fn pinned_all_the_same(written: Result<()>, pinned: Option<RepositoryId>, id: &RepositoryId) -> Result<RepositoryId> {
    match written {
        Err(Error::Store(error)) if pinned.is_some() => {
            tracing::debug!("the repository is pinned, and could not be written for others: {error}");
            Ok(*id)
        }
        written => written.map(|()| *id),
    }
}
