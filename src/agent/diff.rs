//! `diff`: what changed from one backup to another.

use super::{Agent, Selector, usage};
use crate::{
    backup::{Changes, Details, Record, Status},
    error::{Error, Result},
    operation,
};

/// Two backups, and what changed from the first to the second.
#[derive(Debug)]
pub struct BackupDiff {
    /// The entry of the first one.
    pub from: Record,
    /// The entry of the second one.
    pub to: Record,
    /// What changed.
    pub changes: Changes,
}

impl Agent {
    /// Compares two backups by their details alone: two small objects are read, and no archive. With `definitions` those
    /// that differ are named as well: for that the table of contents of each archive is read.
    ///
    /// # Errors
    /// [`crate::Error::NoSuchBackup`]; [`crate::Error::Usage`] where only a catalog key is set, or where one of them is
    /// a run that failed; what the bucket refuses, and what is wrong with the details of one;
    /// [`crate::Error::Cold`] where definitions are to be named and an archive is in cold storage.
    pub async fn diff(&self, from: Selector<'_>, to: Selector<'_>, definitions: bool) -> Result<BackupDiff> {
        let (from, to) = self.find_both(from, to).await?;
        if (&from.id, &from.database) == (&to.id, &to.database) {
            return Err(usage(
                format!("both are the same backup, {}", from.id),
                "give an earlier one first: `pgcoffer list` shows them",
            ));
        }
        for record in [&from, &to] {
            check_complete(record)?;
        }
        let mut changes = Changes::between(&self.inside(&from).await?, &self.inside(&to).await?);
        if definitions && !changes.definitions.is_empty() {
            let catalog = self.catalog().await?;
            let entries = async |record| self.interrupt.or(operation::archive_entries(catalog, record)).await;
            changes.name_definitions(&entries(&from).await?, &entries(&to).await?);
        }
        Ok(BackupDiff { from, to, changes })
    }

    /// Both backups: the newest one is meant of the database of the other, where that is named by its id.
    async fn find_both(&self, from: Selector<'_>, to: Selector<'_>) -> Result<(Record, Record)> {
        if is_of_any(&from) && !is_of_any(&to) {
            let to = self.find_to("compare", to).await?;
            let database = Some(to.database.as_str());
            let from = self.find_to("compare", Selector { database, ..from }).await?;
            return Ok((from, to));
        }
        let found = self.find_to("compare", from).await?;
        let database = match is_of_any(&to) {
            true => Some(found.database.as_str()),
            false => to.database,
        };
        let to = self.find_to("compare", Selector { database, ..to }).await?;
        Ok((found, to))
    }

    /// What is inside a backup.
    async fn inside(&self, record: &Record) -> Result<Details> {
        let catalog = self.catalog().await?;
        let details = self.interrupt.or(catalog.known_details(record)).await?;
        details.ok_or_else(|| {
            let lost = "its details are lost or damaged, and only they say what is inside; it can be restored all the \
                        same";
            Error::differs(record.id.as_str(), lost)
        })
    }
}

/// Whether it is the newest one, of a database that is not named.
fn is_of_any(selector: &Selector<'_>) -> bool {
    let is_latest = |id: &str| id == "latest" || id.starts_with("latest:");
    selector.database.is_none() && selector.id.is_none_or(is_latest)
}

/// What a failed run had read of its dump is no state of a database.
fn check_complete(record: &Record) -> Result<()> {
    match record.status {
        Status::Succeeded => Ok(()),
        Status::Failed { .. } => Err(usage(
            format!("{} is a run that failed, so it holds nothing to compare", record.id),
            "`pgcoffer list` shows the good backups; `pgcoffer show` says why this one failed",
        )),
    }
}
