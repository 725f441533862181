//! Notices about a run are stored in its mark; those about a missed backup in the mark of the moment at which it was
//! due.

use jiff::Timestamp;

use super::Catalog;
use crate::{
    backup::{BackupId, Label, Mark, Notice},
    error::{Error, Result},
    seal::Secret,
    store::{Attributes, Kind},
};

impl Catalog {
    /// Adds a notice to the mark of `id`, which `secret` has made. Write-only credentials can't see whether there is a
    /// mark, so they create one if there is none.
    ///
    /// # Errors
    /// Any error of the bucket, or [`Error::Seal`].
    pub async fn note(&self, database: &Label, id: &BackupId, secret: &Secret, notice: &Notice) -> Result<()> {
        let owner = self.identity(database, secret).await?.owner();
        let attributes = Attributes {
            tags: vec![
                ("pgcoffer:owner".to_owned(), owner),
                ("pgcoffer:database".to_owned(), database.to_string()),
            ],
            locked_until: None,
        };
        let change = |mark: &mut Mark| mark.add_notice(notice.clone());
        let changed = self.change_mark(database, id, secret, &attributes, change);
        match changed.await {
            Err(Error::Store(error)) if error.kind == Kind::Denied => {
                let mut mark = Mark::new(database, id);
                change(&mut mark);
                self.put_mark(&mark, secret, &attributes).await
            }
            result => result.map(drop),
        }
    }

    /// The id that represents a moment at which something was due. No run has it, except one that began in that second.
    ///
    /// # Errors
    /// [`Error::Seal`] if there is no memory to stretch a passphrase.
    pub async fn moment_id(&self, database: &Label, secret: &Secret, moment: Timestamp) -> Result<BackupId> {
        let identity = self.identity(database, secret).await?;
        Ok(BackupId::new(&identity, database, moment))
    }
}
