//! Whether a drill can be carried out here: its statements, where it restores, and room for it.

use super::{Area, CheckRequest, sheet::CheckSheet};
use crate::{
    backup::{Failure, Label, Record},
    catalog::{BackupSelector, Catalog},
    error::{Error, Result},
    operation::{DrillGround, Interrupt},
    postgres::{Clients, DatabaseUrl, ReservedDatabase, ServerPrograms, check_local_room},
    schedule::DrillSchedule,
};

/// The drills that are to be checked.
#[derive(Debug, Clone)]
pub struct CheckDrill {
    /// Where they restore.
    pub ground: DrillGround,
    /// The databases that are drilled by a schedule, each with it.
    pub schedules: Vec<(Label, DrillSchedule)>,
    /// The databases that are backed up, by label: none of them may be the one that drills restore into.
    pub sources: Vec<(String, DatabaseUrl)>,
    /// The databases that have a setting of their own for drills, and that neither the settings nor the bucket have.
    pub unknown: Vec<Label>,
    /// What is wrong with the user's own statements.
    pub bad_statements: Option<Failure>,
}

/// What the newest good backups take.
#[derive(Default)]
struct NeededServer {
    /// The newest major version of a server that was backed up; 0 if none is known.
    major: u32,
    /// The bytes of the largest.
    bytes: u64,
}

/// `catalog`: the bucket, if it can be read.
pub(super) async fn drill(
    sheet: &mut CheckSheet<'_>,
    catalog: Option<&Catalog>,
    clients: &Clients,
    request: &CheckRequest,
    interrupt: &Interrupt,
) -> Result<()> {
    let Some(drill) = &request.drill else {
        return Ok(());
    };
    sheet.turn_to(Area::Drill, "drills");
    for (label, schedule) in &drill.schedules {
        sheet.ok(
            "schedule",
            format!("{label}: {schedule}, for {} at most", length(schedule)),
        );
    }
    if let Some(failure) = &drill.bad_statements {
        let cure = failure.hint.as_ref().map(ToString::to_string);
        sheet.failed("statements", failure.error.to_string(), cure);
    }
    unknown(sheet, catalog, &drill.unknown).await;
    let needed = match catalog {
        Some(catalog) => interrupt.or(needed(catalog, request)).await?,
        None => NeededServer::default(),
    };
    match &drill.ground {
        DrillGround::Local => local(sheet, clients, &needed, interrupt).await,
        DrillGround::Server(url) => server(sheet, url, &drill.sources, interrupt).await,
    }
}

/// Names the settings of drills for databases that neither the settings nor the bucket have: a mistyped name drills
/// nothing.
async fn unknown(sheet: &mut CheckSheet<'_>, catalog: Option<&Catalog>, labels: &[Label]) {
    if labels.is_empty() {
        return;
    }
    // what is wrong with the bucket is said elsewhere
    let Some(catalog) = catalog else {
        return;
    };
    let Ok(there) = catalog.databases().await else {
        return;
    };
    for label in labels.iter().filter(|label| !there.contains(label)) {
        sheet.failed(
            "schedule",
            format!(
                "{label} has a setting for drills, and is neither among the databases that are set nor in the bucket"
            ),
            Some(format!(
                "correct the name in the setting PGCOFFER_DB_…_DRILL of {label}, or remove that setting"
            )),
        );
    }
}

/// What the newest good backup of each database takes; a database without one takes nothing.
async fn needed(catalog: &Catalog, request: &CheckRequest) -> Result<NeededServer> {
    let mut labels: Vec<Label> = request.databases.iter().map(|one| one.label.clone()).collect();
    if labels.is_empty() {
        labels = catalog.databases().await.unwrap_or_default();
    }
    let newest = BackupSelector::Latest {
        tier: None,
        before: None,
    };
    let mut needed = NeededServer::default();
    for label in &labels {
        // what is wrong with the backups is said elsewhere
        let Ok(record) = catalog.find(&newest, Some(label), request.clock.now()).await else {
            continue;
        };
        let Record { source, sealed, .. } = &record;
        let table_bytes = source.as_ref().map_or(0, |source| source.server.table_bytes);
        let dump_bytes = sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes);
        needed.major = needed
            .major
            .max(source.as_ref().map_or(0, |source| source.server.major));
        needed.bytes = needed.bytes.max(table_bytes).max(dump_bytes);
    }
    Ok(needed)
}

async fn local(
    sheet: &mut CheckSheet<'_>,
    clients: &Clients,
    needed: &NeededServer,
    interrupt: &Interrupt,
) -> Result<()> {
    let find = async { Ok(ServerPrograms::find(clients, needed.major).await) };
    match interrupt.or(find).await? {
        Ok(programs) => sheet.ok("server programs", format!("PostgreSQL {}", programs.version)),
        Err(error) => fault(sheet, "server programs", error.into()),
    }
    match check_local_room(needed.bytes) {
        Ok(()) => sheet.ok("room", "enough space for the largest of the newest good backups"),
        Err(error) => fault(sheet, "room", error.into()),
    }
    Ok(())
}

async fn server(
    sheet: &mut CheckSheet<'_>,
    url: &DatabaseUrl,
    sources: &[(String, DatabaseUrl)],
    interrupt: &Interrupt,
) -> Result<()> {
    let ask = async { Ok(ReservedDatabase::examine(url, sources).await) };
    match interrupt.or(ask).await? {
        Ok(false) => sheet.ok("scratch server", format!("{url}: databases may be created there")),
        Ok(true) => sheet.ok(
            "scratch server",
            format!("{url}: no database may be created there, so drills restore into this one, which has to be reserved for them"),
        ),
        Err(error) => fault(sheet, "scratch server", error.into()),
    }
    Ok(())
}

fn fault(sheet: &mut CheckSheet<'_>, what: &'static str, error: Error) {
    sheet.failed(what, error.to_string(), error.hint());
}

fn length(schedule: &DrillSchedule) -> String {
    crate::text::roughly(schedule.time_limit.as_secs())
}
