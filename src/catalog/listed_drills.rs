//! What drills have shown of the backups in a listing.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};

use super::{Catalog, DrillObjects, Listing, READS_AT_ONCE, ReportsRead};
use crate::{
    backup::{BackupId, DrillRecord, Label, MeasuredDrill},
    error::{Error, Result},
    store::Kind,
};

/// The reports that are read until one tells which backup came back last: usually the newest alone.
const READ: ReportsRead = ReportsRead::UntilProven(12);

/// What drills have shown of the backups in a listing.
#[derive(Debug, Default)]
pub struct ListedDrills {
    /// The last report of each backup that is listed and has one.
    pub of_backups: BTreeMap<BackupId, DrillRecord>,
    /// The last report of each database.
    pub last: BTreeMap<Label, DrillRecord>,
}

impl ListedDrills {
    /// The last drill of a database whose backup came back.
    #[must_use]
    pub fn last_proven(&self, label: &Label) -> Option<MeasuredDrill> {
        let last = self.last.get(label)?;
        last.series().into_iter().find(|one| one.verdict.came_back())
    }
}

impl Catalog {
    /// Adds what drills have shown to a listing: one more list for each database, its newest report, and the newest of
    /// each backup that is listed and has one. A report that can't be read proves nothing, and is listed as unreadable.
    ///
    /// # Errors
    /// Errors that concern more than one object. Credentials that may not look there see no drills.
    pub async fn list_drills(&self, listing: &mut Listing) -> Result<()> {
        let all = listing.entries.iter().chain(&listing.beside);
        let mut labels: Vec<Label> = all.map(|one| one.record.database.clone()).collect();
        labels.sort();
        labels.dedup();
        for label in labels {
            match self.list_drills_of(listing, &label).await {
                Err(Error::Store(error)) if error.kind == Kind::Denied => {}
                result => result?,
            }
        }
        Ok(())
    }

    async fn list_drills_of(&self, listing: &mut Listing, label: &Label) -> Result<()> {
        let names = self.drill_names(label).await?;
        let history = self.read_reports(label, &names, READ).await?;
        listing.unreadable.extend(history.unreadable);
        if let Some(last) = history.reports.into_iter().next() {
            listing.drills.last.insert(label.clone(), last);
        }
        let newest_of = |id: &BackupId| {
            let mut drills = names.drills.iter();
            drills.find(|drill| drill.report.is_some() && drill.name.id() == id)
        };
        let listed = listing.entries.iter().filter(|one| one.record.database == *label);
        let wanted: Vec<&DrillObjects> = listed.filter_map(|one| newest_of(&one.record.id)).collect();
        let opening = wanted.iter().map(|drill| self.open_report(label, drill));
        let opened: Vec<Result<DrillRecord>> = stream::iter(opening).buffered(READS_AT_ONCE).collect().await;
        for report in opened {
            match report {
                Ok(report) => {
                    listing.drills.of_backups.insert(report.id.clone(), report);
                }
                Err(Error::Store(error)) if error.kind != Kind::NotFound && error.kind.is_of_all_objects() => {
                    return Err(error.into());
                }
                // the newest of the database was reported above, and an older one proves nothing
                Err(error) => tracing::debug!("the report of a drill can't be read: {error}"),
            }
        }
        Ok(())
    }
}
