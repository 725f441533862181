//! What drills have shown of one backup, for `show` and for the preview of a restore.

use jiff::Timestamp;

use super::Agent;
use crate::{
    backup::{DrillFindings, DrillName, DrillRecord, MeasuredDrill, Record},
    catalog::{Catalog, ReportsRead},
    error::{Error, Result},
    seal,
    store::Kind,
};

/// What drills have shown of one backup.
#[derive(Debug, Default)]
pub struct ShownDrills {
    /// Their reports, the last one first.
    pub reports: Vec<DrillRecord>,
    /// When each of those began that have left no report: they go on, or were killed.
    pub without_report: Vec<Timestamp>,
    /// When each of those says that it began which are dated by a clock that was ahead. They are passed over.
    pub ahead: Vec<Timestamp>,
    /// What the last of them found, as far as the keys at hand see it.
    pub findings: Option<DrillFindings>,
    /// The last drills of its database that ran to their end, the last one first.
    pub measured: Vec<MeasuredDrill>,
}

/// The most reports of one backup that are read.
const REPORTS_MAX: usize = 20;

impl Agent {
    /// What drills have shown of a backup. One list, and a request for each report. A report that can't be read proves
    /// nothing, which the log says.
    ///
    /// # Errors
    /// What the bucket refuses for every object. Credentials that may not look there see no drills.
    pub(super) async fn drills_of(&self, catalog: &Catalog, record: &Record) -> Result<ShownDrills> {
        match self.interrupt.or(drills_of(catalog, record)).await {
            Err(Error::Store(error)) if error.kind == Kind::Denied => Ok(ShownDrills::default()),
            result => result,
        }
    }

    /// The last drill of a backup's database that ran to its end: how long a restore takes. None if nobody has drilled
    /// it, or these credentials may not see that.
    ///
    /// # Errors
    /// What the bucket refuses for every object.
    pub async fn measured(&self, record: &Record) -> Result<Option<MeasuredDrill>> {
        let catalog = self.catalog().await?;
        let read = catalog.drill_history(&record.database, ReportsRead::UntilProven(1));
        match self.interrupt.or(read).await {
            Ok(history) => Ok(history
                .reports
                .first()
                .and_then(|last| last.series().into_iter().next())),
            Err(Error::Store(error)) if error.kind == Kind::Denied => Ok(None),
            Err(error) => Err(error),
        }
    }
}

async fn drills_of(catalog: &Catalog, record: &Record) -> Result<ShownDrills> {
    let mut names = catalog.drill_names(&record.database).await?;
    let newest = catalog
        .read_reports(&record.database, &names, ReportsRead::UntilProven(1))
        .await?;
    let measured = newest.reports.first().map(DrillRecord::series).unwrap_or_default();
    names.drills.retain(|drill| drill.name.id() == &record.id);
    names.ahead.retain(|drill| drill.name.id() == &record.id);
    let read = ReportsRead::Newest(REPORTS_MAX);
    let history = catalog.read_reports(&record.database, &names, read).await?;
    for (_, why) in &history.unreadable {
        tracing::warn!("{why}");
    }
    let findings = match history.reports.first() {
        Some(last) => found(catalog, last).await?,
        None => None,
    };
    Ok(ShownDrills {
        without_report: history.without_report.iter().map(DrillName::began).collect(),
        ahead: names.ahead.iter().map(|drill| drill.name.began()).collect(),
        reports: history.reports,
        findings,
        measured,
    })
}

/// What a drill found; none where the keys at hand don't open it, or it is lost.
async fn found(catalog: &Catalog, report: &DrillRecord) -> Result<Option<DrillFindings>> {
    match catalog.drill_findings(report).await {
        Ok(findings) => Ok(Some(findings)),
        // a catalog key can't open them, which is no fault
        Err(Error::Seal {
            source: seal::Error::BeyondCatalogKey { .. },
            ..
        }) => Ok(None),
        Err(Error::Store(error)) if error.kind != Kind::NotFound && error.kind.is_of_all_objects() => Err(error.into()),
        Err(error) => {
            tracing::warn!(
                "what the drill of {} found can't be read, and proves nothing: {error}",
                report.started
            );
            Ok(None)
        }
    }
}
