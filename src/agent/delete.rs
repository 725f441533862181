//! `delete`: one backup.

use super::{Agent, Selector, connect::parse_label};
use crate::{
    backup::{BackupId, Label},
    catalog::{BackupSelector, Catalog},
    error::Result,
    operation::{self, DeleteRequest, DeletionReport, PlannedDeletion},
};

impl Agent {
    /// Finds what is to be deleted. `force`: although nothing good, or too little, is left.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchBackup`], and what the bucket refuses.
    pub async fn deletion(&self, selector: Selector<'_>, force: bool) -> Result<DeleteRequest> {
        let catalog = self.catalog().await?;
        let (database, id) = self.locate(catalog, selector).await?;
        Ok(DeleteRequest {
            database,
            id,
            policy: self.retention_policy(),
            clock: self.clock,
            force,
        })
    }

    async fn locate(&self, catalog: &Catalog, selector: Selector<'_>) -> Result<(Label, BackupId)> {
        match BackupSelector::parse(selector.id, selector.before)? {
            // also what a run that died has left, which is no backup
            BackupSelector::Part(part) => {
                let database = parse_label(selector.database)?;
                self.interrupt.or(catalog.locate(&part, database.as_ref())).await
            }
            BackupSelector::Latest { .. } => {
                let record = self.find(catalog, selector).await?;
                Ok((record.database, record.id))
            }
        }
    }

    /// Finds out whether it may be deleted, and what is lost with it. Deletes nothing.
    ///
    /// # Errors
    /// Those of [`operation::plan_deletion`].
    pub async fn plan_deletion(&self, request: &DeleteRequest) -> Result<PlannedDeletion> {
        operation::plan_deletion(self.catalog().await?, request, &self.interrupt).await
    }

    /// Deletes it, and writes the metrics file.
    ///
    /// # Errors
    /// Those of [`operation::delete`].
    pub async fn delete(&self, planned: PlannedDeletion, request: &DeleteRequest) -> Result<DeletionReport> {
        let catalog = self.catalog().await?;
        let report = operation::delete(catalog, planned, request, &self.interrupt).await?;
        self.write_metrics(catalog, &[]).await;
        Ok(report)
    }
}
