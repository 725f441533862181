//! Deleting what its retention says, and only what this key made.
//!
//! The order: look through the whole of a database's part of the bucket; plan, purely; open what would count against
//! others, and look closely at what would be deleted, and plan again with what was seen; delete one object a request,
//! the record first; look again.

mod deletion;
mod guards;
mod leftovers;
mod named;
mod proof;
mod report;

use jiff::Timestamp;
use tracing::field;

use self::leftovers::Leftover;
pub(super) use self::named::NamedDeletion;
pub use self::report::{BackupLine, DeletionOutcome, LeftoverKind, LeftoverLine, PruneReport};
use super::{
    CLOCKS_APART_MAX, Clock, Interrupt,
    spans::{step, traced},
};
use crate::{
    backup::{AHEAD_MAX, Label},
    catalog::{Catalog, Survey},
    error::{Error, Result},
    retention::{self, RetentionOutcome, RetentionPlan, RetentionPolicy, RetentionRun},
    store::Store,
    text::second,
};

/// How backups are pruned.
#[derive(Debug, Clone, Copy)]
pub struct PruneRequest {
    /// What no retention deletes.
    pub policy: RetentionPolicy,
    /// Show the plan and delete nothing.
    pub dry_run: bool,
    /// By which clock they expire.
    pub clock: Clock,
    /// So many good backups may go for no other reason than that newer ones came, where that is more than the schedule
    /// explains.
    pub confirmed: Option<usize>,
}

/// More archives without a record than this don't come from runs that died, unless there are as many good backups.
const ORPHANS_MAX: usize = 10;

/// The newest good backups whose tables are compared before something is deleted.
const MEASURED: usize = 20;

/// What is to become of one database's part of the bucket.
struct PlannedPrune {
    survey: Survey,
    plan: RetentionPlan,
    leftovers: Vec<Leftover>,
    versioned: bool,
}

/// Plans what may be deleted of one database, and deletes it unless `request` asks for the plan alone: the plan is the
/// same. What can't be deleted is told in the report, and the rest goes on.
///
/// # Errors
/// [`Error::Unexplained`] where newer backups would push out far more than the schedule explains;
/// [`Error::NotWhole`] where a record of ours can't be read, [`Error::Clock`] where this machine's clock and the
/// service's are apart, and what the bucket refuses to list. Nothing was deleted then.
pub async fn prune(
    catalog: &Catalog,
    database: &Label,
    request: &PruneRequest,
    interrupt: &Interrupt,
) -> Result<PruneReport> {
    let survey = interrupt.or(catalog.survey(database, usize::MAX)).await?;
    let turns = leftovers::turns(catalog, database, request.clock.now());
    let turns = interrupt.or(turns).await?;
    prune_with(catalog, survey, turns, request, interrupt)
        .await
        .map(|(report, _)| report)
}

/// The same of a database that has just been looked through; gives how it stands then. A tick that may look takes no
/// turns, and leaves those that there are.
pub(super) async fn prune_of(
    catalog: &Catalog,
    survey: Survey,
    request: &PruneRequest,
    interrupt: &Interrupt,
) -> Result<(PruneReport, Survey)> {
    prune_with(catalog, survey, Vec::new(), request, interrupt).await
}

async fn prune_with(
    catalog: &Catalog,
    survey: Survey,
    turns: Vec<Leftover>,
    request: &PruneRequest,
    interrupt: &Interrupt,
) -> Result<(PruneReport, Survey)> {
    let span = step!("prune", database = survey.database.as_str(), planned = field::Empty,);
    let work = pruned(catalog, survey, turns, request, interrupt);
    let result = traced(span.clone(), work).await;
    if let Ok((report, _)) = &result {
        span.record("planned", report.planned());
    }
    result
}

async fn pruned(
    catalog: &Catalog,
    survey: Survey,
    turns: Vec<Leftover>,
    request: &PruneRequest,
    interrupt: &Interrupt,
) -> Result<(PruneReport, Survey)> {
    let now = request.clock.now();
    let mut planned = interrupt.or(look(catalog, survey, request, now)).await?;
    planned.leftovers.extend(turns);
    let mut report = PruneReport::of(&planned, request.dry_run);
    if !request.dry_run {
        deletion::delete_planned(catalog, &planned, &mut report, interrupt).await?;
        if let Some(after) = deletion::check_deleted(catalog, &planned, &mut report).await? {
            planned.survey = after;
        }
    }
    Ok((report, planned.survey))
}

/// The plan, from everything that can be known without deleting anything.
async fn look(catalog: &Catalog, survey: Survey, request: &PruneRequest, now: Timestamp) -> Result<PlannedPrune> {
    // a look through a large bucket takes its time: the two clocks are compared at one moment
    if !request.dry_run {
        catalog.store().ask_time().await;
    }
    check_clock(catalog.store(), request.clock.now())?;
    let mut survey = whole(settled(survey)?)?;
    let deletes = retention::plan(&survey.runs(now), &request.policy, now).deleted() > 0;
    if deletes {
        // what looks wrong counts for less, and its writer may not have said so
        catalog.measure_newest(&mut survey, MEASURED).await?;
    }
    if deletes || !survey.orphans.is_empty() {
        catalog.find_details(&mut survey).await?;
    }
    let first = proof::look_at_what_counts(catalog, &mut survey, &request.policy, now).await?;
    let mut runs = survey.runs(now);
    guards::add_guards(catalog, &survey, &first, &mut runs).await?;
    let plan = retention::plan(&runs, &request.policy, now);
    proof::check_is_explained(&survey, &plan, request, now)?;
    let wanted = why_archives_are_wanted(&survey, &runs, now);
    let unfinished = catalog.find_unfinished(&mut survey).await?;
    let leftovers = leftovers::look_for(catalog, &survey, unfinished, wanted, now).await?;
    Ok(PlannedPrune {
        versioned: catalog.store().is_versioned().await == Some(true),
        survey,
        plan,
        leftovers,
    })
}

/// Why no archive without a record may go, where none may: it may be all there is of a database whose records somebody
/// deleted, and opens without one; and who looks into why the newest run isn't good may want it.
fn why_archives_are_wanted(survey: &Survey, runs: &[RetentionRun], now: Timestamp) -> Option<&'static str> {
    let good = runs.iter().filter(|run| run.outcome == RetentionOutcome::Good).count();
    let lost = survey.orphans.len();
    if lost > ORPHANS_MAX && lost > good {
        return Some("so many have no record: were records deleted?");
    }
    // one for which there was no room says nothing of those before it
    let believed =
        |run: &&RetentionRun| run.started.duration_since(now) <= AHEAD_MAX && run.outcome != RetentionOutcome::NoRoom;
    let newest = runs.iter().filter(believed);
    match newest.max_by_key(|run| (run.started, &run.id)) {
        Some(run) if run.outcome == RetentionOutcome::Good => None,
        Some(_) => Some("the newest run is not good"),
        None => Some("there is no backup beside it"),
    }
}

/// A clock that is ahead would have everything expire.
fn check_clock(store: &Store, now: Timestamp) -> Result<()> {
    let Some(service) = store.service_time() else {
        return Err(Error::Clock {
            why: "the service's answers bear no date to compare it with".to_owned(),
            told: false,
        });
    };
    if service.duration_since(now).abs() <= CLOCKS_APART_MAX {
        return Ok(());
    }
    Err(Error::Clock {
        why: format!(
            "here it is {}, for the service {}: more than 15 minutes apart",
            second(now),
            second(service)
        ),
        told: true,
    })
}

/// Which backups are this repository's has to be sure before one is deleted.
fn settled(mut survey: Survey) -> Result<Survey> {
    survey.unsettled.take().map_or(Ok(survey), Err)
}

fn whole(mut survey: Survey) -> Result<Survey> {
    let count = survey.unreadable.len();
    match survey.unreadable.pop() {
        None => Ok(survey),
        Some((_, first)) => Err(Error::NotWhole {
            database: survey.database.to_string(),
            count,
            first: Box::new(first),
        }),
    }
}
