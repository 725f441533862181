//! A place in which nothing is ours: it is empty, or belongs to other keys, or to another repository than the pinned
//! one.

use std::sync::atomic::Ordering;

use super::{
    Catalog,
    names::Names,
    repository::{RepositoryObject, is_of_others},
};
use crate::error::{Error, Result};

impl Catalog {
    /// Why nothing here can be ours, if `repository.pgc` says that this place belongs to others. `None` if nothing
    /// contradicts that it is ours, or if it can't be read.
    ///
    /// Makes one request. In drop-box mode it makes none, and returns `None`.
    ///
    /// # Errors
    /// As [`Catalog::repository`], if the repository isn't pinned.
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

    /// Logs once that this place belongs to others, if a database's folders contain nothing of ours. Otherwise it would
    /// look empty. With a pinned repository this is no error, as a machine with its own key may begin here.
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
