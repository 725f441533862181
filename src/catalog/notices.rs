//! What people were told of a run stands in its mark; of a backup that was never made, in the mark of the moment it was
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
    /// Adds a notice to the mark of `id`, which `secret` has made. Credentials that may only write can't look
    /// whether there is a mark, and make one where there is none.
    ///
    /// # Errors
    /// What the bucket refuses, and [`Error::Seal`].
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

    /// The id that stands for a moment at which something was due: no run has it, but one that began in that very
    /// second.
    ///
    /// # Errors
    /// [`Error::Seal`], with a passphrase and no memory to stretch it in.
    pub async fn moment_id(&self, database: &Label, secret: &Secret, moment: Timestamp) -> Result<BackupId> {
        let identity = self.identity(database, secret).await?;
        Ok(BackupId::new(&identity, database, moment))
    }
}
