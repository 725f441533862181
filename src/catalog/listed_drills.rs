//! What drills have shown of the backups in a listing.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{Catalog, DrillObjects, READS_AT_ONCE, ReportsRead};
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
    /// Of each database where some are dated by a clock that was ahead, how many those are and when the last one says
    /// that it began. They are passed over.
    pub ahead: BTreeMap<Label, (usize, Timestamp)>,
    /// The keys of newer reports that can't be read, and why.
    pub unreadable: Vec<(String, Error)>,
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
    /// What drills have shown of these backups: one list for each database, its newest report, and the newest of each
    /// backup that has one. A report that can't be read proves nothing.
    ///
    /// # Errors
    /// Errors that concern more than one object. Credentials that may not look there see no drills.
    pub async fn list_drills(&self, listed: &BTreeMap<Label, Vec<BackupId>>) -> Result<ListedDrills> {
        let mut drills = ListedDrills::default();
        for (label, ids) in listed {
            match self.list_drills_of(&mut drills, label, ids).await {
                Err(Error::Store(error)) if error.kind == Kind::Denied => {}
                result => result?,
            }
        }
        Ok(drills)
    }

    async fn list_drills_of(&self, drills: &mut ListedDrills, label: &Label, ids: &[BackupId]) -> Result<()> {
        let names = self.drill_names(label).await?;
        let history = self.read_reports(label, &names, READ).await?;
        drills.unreadable.extend(history.unreadable);
        if let Some(newest) = names.ahead.first() {
            let ahead = (names.ahead.len(), newest.name.began());
            drills.ahead.insert(label.clone(), ahead);
        }
        if let Some(last) = history.reports.into_iter().next() {
            drills.last.insert(label.clone(), last);
        }
        let newest_of = |id: &BackupId| {
            let mut all = names.drills.iter();
            all.find(|drill| drill.report.is_some() && drill.name.id() == id)
        };
        let wanted: Vec<&DrillObjects> = ids.iter().filter_map(newest_of).collect();
        let opening = wanted.iter().map(|drill| self.open_report(label, drill));
        let opened: Vec<Result<DrillRecord>> = stream::iter(opening).buffered(READS_AT_ONCE).collect().await;
        for report in opened {
            match report {
                Ok(report) => {
                    drills.of_backups.insert(report.id.clone(), report);
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
