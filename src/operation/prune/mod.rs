//! Deletes backups whose retention has ended, and only those that these keys made.
//!
//! The order: survey a database's part of the bucket; plan, without side effects; check what would count against
//! others, read the tags and locks of what would be deleted, and plan again with the results; delete one object with
//! each request, the record first; survey again.

mod deletion;
mod drills;
mod guards;
mod leftovers;
mod named;
mod proof;
mod report;
mod trail;

use jiff::Timestamp;
use tracing::field;

use self::leftovers::Leftover;
pub(super) use self::named::NamedDeletion;
pub use self::{
    report::{BackupLine, DeletionOutcome, LeftoverKind, LeftoverLine, PruneReport},
    trail::{TrailPruned, prune_trail},
};
use super::{
    CLOCKS_APART_MAX, Clock, Interrupt,
    spans::{step, traced},
};
use crate::{
    backup::{AHEAD_MAX, AnnouncedDeletion, Label},
    catalog::{Catalog, Survey},
    error::{Error, Result},
    retention::{self, RetentionOutcome, RetentionPlan, RetentionPolicy, RetentionRun},
    store::Store,
    text::second,
};

/// The options of a prune.
#[derive(Debug, Clone, Copy)]
pub struct PruneRequest {
    /// What is kept beyond the retentions.
    pub policy: RetentionPolicy,
    /// Whether to return the plan and delete nothing.
    pub dry_run: bool,
    /// The clock by which backups expire.
    pub clock: Clock,
    /// The number of good backups that may be deleted only because there are newer ones, if the user has confirmed more
    /// than the schedule explains.
    pub confirmed: Option<usize>,
}

/// The most archives without a record that can come from dead runs, unless there are as many good backups.
const ORPHANS_MAX: usize = 10;

/// The number of newest good backups whose tables are compared before something is deleted.
const MEASURED: usize = 20;

/// The plan for one database's part of the bucket.
struct PlannedPrune {
    survey: Survey,
    plan: RetentionPlan,
    leftovers: Vec<Leftover>,
    versioned: bool,
    /// The announcement that has to stand when a named backup goes.
    announced: Option<AnnouncedDeletion>,
}

/// Plans what may be deleted of one database, and deletes it unless `request` is a dry run, which returns the same
/// plan. What can't be deleted is in the report, and the rest is still deleted.
///
/// # Errors
/// [`Error::Unexplained`] if newer backups would displace far more than the schedule explains; [`Error::NotWhole`] if a
/// record of ours can't be read; [`Error::Clock`] if this machine's clock and the service's differ; any error of the
/// bucket while it is listed. Nothing has been deleted then.
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

/// Does the same with an existing survey, and returns the state afterwards. A tick that may read claims no turns, and
/// leaves existing ones.
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

/// Makes the plan, from everything that can be known without deleting anything.
async fn look(catalog: &Catalog, survey: Survey, request: &PruneRequest, now: Timestamp) -> Result<PlannedPrune> {
    // surveying a large bucket takes long, so both clocks are read at one moment
    if !request.dry_run {
        catalog.store().ask_time().await;
    }
    check_clock(catalog.store(), request.clock.now())?;
    let mut survey = whole(settled(survey)?)?;
    let deletes = retention::plan(&survey.runs(now), &request.policy, now).deleted() > 0;
    if deletes {
        // backups that look wrong count less, and their writer may not have marked them
        catalog.measure_newest(&mut survey, MEASURED).await?;
    }
    if deletes || !survey.orphans.is_empty() {
        catalog.find_details(&mut survey).await?;
    }
    let first = proof::check_what_counts(catalog, &mut survey, &request.policy, now).await?;
    let mut runs = survey.runs(now);
    guards::add_guards(catalog, &survey, &first, &mut runs).await?;
    let plan = retention::plan(&runs, &request.policy, now);
    proof::check_is_explained(&survey, &plan, request, now)?;
    let wanted = why_archives_are_wanted(&survey, &runs, now);
    let unfinished = catalog.find_unfinished(&mut survey).await?;
    let mut leftovers = leftovers::look_for(catalog, &survey, unfinished, wanted, now).await?;
    leftovers.extend(drills::old_drills(catalog, &mut survey, now).await?);
    Ok(PlannedPrune {
        versioned: catalog.store().is_versioned().await == Some(true),
        survey,
        plan,
        leftovers,
        announced: None,
    })
}

/// Why no archive without a record may be deleted; `None` if they may. One can be all that is left of a database whose
/// records were deleted, as it opens without a record; and a user who investigates why the newest run isn't good may
/// need it.
fn why_archives_are_wanted(survey: &Survey, runs: &[RetentionRun], now: Timestamp) -> Option<&'static str> {
    let good = runs.iter().filter(|run| run.outcome == RetentionOutcome::Good).count();
    let lost = survey.orphans.len();
    if lost > ORPHANS_MAX && lost > good {
        return Some("so many have no record: were records deleted?");
    }
    // a run without space says nothing about those before it
    let believed =
        |run: &&RetentionRun| run.started.duration_since(now) <= AHEAD_MAX && run.outcome != RetentionOutcome::NoRoom;
    let newest = runs.iter().filter(believed);
    match newest.max_by_key(|run| (run.started, &run.id)) {
        Some(run) if run.outcome == RetentionOutcome::Good => None,
        Some(_) => Some("the newest run is not good"),
        None => Some("there is no backup beside it"),
    }
}

/// Checks the clock, as one that is ahead would make everything expire.
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

/// Checks that it is clear which backups belong to this repository before one is deleted.
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
