//! Tries everything that a backup, a prune and a restore need, and reports each result with its cure.
//!
//! It goes on after a failure, and skips only what depends on it. It writes a probe object below the prefix,
//! which it takes away again, and the texts that explain the place, where they are missing.

mod bucket;
mod contents;
mod database;
mod drill;
mod finding;
mod folder;
mod key;
mod outcome;
mod places;
mod readme;
mod schedule;
mod settings;
mod sheet;
mod trials;
mod versions;

use std::num::NonZeroU32;

pub use self::drill::CheckDrill;
pub use self::finding::{Area, CheckReport, Finding, Verdict};
pub use self::places::{CheckPlace, check_places};
use self::{
    bucket::BucketFound,
    sheet::{CheckSheet, Tell},
};
use super::{Clock, Interrupt};
use crate::{
    backup::Label,
    catalog::Catalog,
    error::Result,
    postgres::{Clients, DatabaseUrl},
    rights::AccessMode,
    schedule::Schedule,
    seal::Secret,
};

/// What is to be checked.
#[derive(Debug, Clone)]
pub struct CheckRequest {
    /// The databases; empty if only the bucket is checked.
    pub databases: Vec<CheckDatabase>,
    /// What opens backups if no database is configured; `None` if there is no key.
    pub secret: Option<Secret>,
    /// What the bucket's credentials are for; `None` if the check finds that out.
    pub mode: Option<AccessMode>,
    /// The number of good backups of each database that no retention deletes.
    pub keep_last: NonZeroU32,
    /// Databases that the environment names besides the configured ones, such as `DATABASE_URL`: they show whether an
    /// upgrade has left the configured one behind.
    pub others: Vec<(String, DatabaseUrl)>,
    /// What to do if no database is configured, by what the environment names.
    pub cure_of_none: String,
    /// The drills, if any are set up here.
    pub drill: Option<CheckDrill>,
    /// The clock that times are compared with.
    pub clock: Clock,
}

/// One database to be checked.
#[derive(Debug, Clone)]
pub struct CheckDatabase {
    /// Its label.
    pub label: Label,
    /// Where it is.
    pub url: DatabaseUrl,
    /// What seals its backups; `None` if there is no key.
    pub secret: Option<Secret>,
    /// When it is backed up.
    pub schedule: Option<Schedule>,
    /// Whether its schedule is `off`, so that only people back it up.
    pub unscheduled: bool,
}

/// Tries everything. Each finding is reported when it is made, and all of them are in the report.
///
/// Without a `catalog` there is one finding about the bucket, that none is configured. The catalog's store must not be
/// a write-only one: the check tries what is denied as well.
///
/// # Errors
/// Only [`crate::Error::Interrupted`]: everything else that goes wrong is a finding.
pub async fn check(
    catalog: Option<&Catalog>,
    clients: &Clients,
    request: &CheckRequest,
    interrupt: &Interrupt,
    tell: &(dyn Fn(&Finding) + Send + Sync),
) -> Result<CheckReport> {
    let mut sheet = CheckSheet::new(tell as Tell<'_>);
    if !request.databases.is_empty() {
        versions::clients(&mut sheet, clients);
    }
    for one in &request.databases {
        database::database(&mut sheet, clients, request, one, interrupt).await?;
    }
    let found = place(&mut sheet, catalog, request, interrupt).await?;
    let sealed_for = key::sealed_for(catalog.zip(found.as_ref()), request, interrupt).await?;
    if request.databases.is_empty() {
        let found = found.as_ref().map(|found| found.mode);
        no_database(&mut sheet, request, found.or(request.mode));
        sheet.turn_to(Area::Key, "every database");
        key::strength(&mut sheet, request.secret.as_ref(), &sealed_for);
    }
    if let (Some(catalog), Some(found)) = (catalog, &found) {
        readme::readme(&mut sheet, catalog, found, interrupt).await?;
        key::repository(&mut sheet, catalog, (found, &sealed_for), interrupt).await?;
    }
    for one in &request.databases {
        let catalog = catalog.zip(found.as_ref());
        key::key(&mut sheet, catalog, request, (one, &sealed_for), interrupt).await?;
    }
    for one in &request.databases {
        schedule::schedule(&mut sheet, request, one);
    }
    let readable = catalog.filter(|_| found.as_ref().is_some_and(|found| found.readable));
    drill::drill(&mut sheet, readable, clients, request, interrupt).await?;
    Ok(sheet.into_report())
}

/// Reports that no database is configured. Only modes that prune or restore need none.
fn no_database(sheet: &mut CheckSheet<'_>, request: &CheckRequest, mode: Option<AccessMode>) {
    sheet.turn_to(Area::Database, "database");
    if let Some(mode @ (AccessMode::Prune | AccessMode::Restore | AccessMode::Drill)) = mode {
        let detail = format!("none is configured, and {mode} mode needs none");
        return sheet.ok("configured", detail);
    }
    if request.secret.as_ref().is_some_and(Secret::is_catalog_key) {
        let detail = "none is configured, and with a catalog key, which seals no backup, none is needed";
        return sheet.ok("configured", detail);
    }
    let detail = "none is configured, so nothing is backed up";
    sheet.failed("configured", detail, Some(request.cure_of_none.clone()));
}

/// Checks the bucket: whether it answers, the rights in it, and its settings.
async fn place(
    sheet: &mut CheckSheet<'_>,
    catalog: Option<&Catalog>,
    request: &CheckRequest,
    interrupt: &Interrupt,
) -> Result<Option<BucketFound>> {
    let Some(catalog) = catalog else {
        sheet.turn_to(Area::Bucket, "bucket");
        let cure = "set PGCOFFER_BUCKET=s3://bucket/prefix, or to a folder, file:///path/to/folder";
        sheet.failed("reachable", "no bucket is configured", Some(cure.to_owned()));
        return Ok(None);
    };
    let Some(s3) = catalog.store().s3() else {
        return folder::folder(sheet, catalog, request, interrupt).await.map(Some);
    };
    let found = bucket::bucket(sheet, s3, request, interrupt).await?;
    if found.answers {
        let labels: Vec<Label> = request.databases.iter().map(|one| one.label.clone()).collect();
        let databases = (labels.as_slice(), request.keep_last);
        settings::settings(sheet, s3, found.mode, databases, interrupt).await?;
    }
    Ok(Some(found))
}
