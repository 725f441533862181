//! A place where nothing is ours: whether it is empty, or of other keys, or of another repository than the pinned one.

use std::sync::atomic::Ordering;

use super::{
    Catalog,
    names::Names,
    repository::{RepositoryObject, is_of_others},
};
use crate::error::{Error, Result};

impl Catalog {
    /// Why nothing here can be ours, where `repository.pgc` says that this place is of others. None where nothing
    /// speaks against it; what can't be read tells nothing.
    ///
    /// One request. In drop-box mode none, and nothing is known.
    ///
    /// # Errors
    /// As [`Catalog::repository`], where the repository isn't pinned.
    pub async fn of_others(&self) -> Result<Option<Error>> {
        let here = self.repository_here().await?;
        let (Some(pinned), true) = (here, self.pinned && !self.store.writes_only()) else {
            return Ok(None);
        };
        Ok(match self.read_repository().await {
            Ok(RepositoryObject::Opens { id, .. }) if id != pinned => Some(self.is_another(&id, &pinned)),
            Ok(RepositoryObject::Refused(error)) if is_of_others(&error) => Some(error),
            _ => None,
        })
    }

    /// Logs that this place is of others, once, where nothing of ours stands in a database's folders: without that it
    /// would look like an empty one. With a pinned repository it is no error: a machine with a key of its own may begin
    /// here.
    pub(super) async fn warn_of_others(&self, names: &Names) -> Result<()> {
        let is_empty = names.records.is_empty() && names.others == 0;
        let is_known = self.repository.initialized() && !self.pinned;
        if !is_empty || is_known || self.warned.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(error) = self.of_others().await? {
            tracing::warn!(hint = error.hint(), "{error}");
        }
        Ok(())
    }
}
