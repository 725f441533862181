//! What is in the bucket now, and what goes on.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};

use super::{
    bodies::{BackupsQuery, WaitQuery},
    documents::{BackupsDocument, DatabasesDocument, JobDocument, JobsDocument, ProgressDocument, answer},
    input::{Asked, OfBackup, OfDatabase},
    problem::{Problem, Refusals},
};
use crate::{
    agent::{BackupDocument, DatabaseDocument, ListedBackup},
    backup::{BackupId, Label},
    catalog::CatalogEntry,
    dashboard::{
        run_filter::RunFilter,
        shown::{Answer, Question},
        site::Site,
    },
    web::ServeHealth,
};

/// Runs on a page, where nothing is said.
const PER_PAGE: u32 = 50;
/// The last page that may be asked for, though there are never so many.
const PAGE_MAX: u32 = 1_000_000;
/// The most runs on a page.
const PER_PAGE_MAX: u32 = 100;
/// How long an answer waits for a job to end: a connection ends some seconds later.
const WAIT_MAX_SECONDS: u32 = 8;
/// When a slow look is worth another question.
const LOOK_AGAIN: Duration = Duration::from_secs(4);

type Answered = Result<Response, Problem>;

/// How `serve` is, and each database as its last round has seen it. Doesn't ask the bucket.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "health",
    tag = "looking",
    responses((status = 200, description = "How it is", body = ServeHealth), Refusals)
)]
pub(super) async fn health(State(site): State<Arc<Site>>) -> Response {
    answer(StatusCode::OK, &ServeHealth::of(&site.monitor))
}

/// Every database: is there a backup, how old is it, does it come back.
#[utoipa::path(
    get,
    path = "/databases",
    operation_id = "databases",
    tag = "looking",
    responses((status = 200, description = "All of them", body = DatabasesDocument), Refusals)
)]
pub(super) async fn databases(State(site): State<Arc<Site>>) -> Answered {
    match &*looked(&site, &Question::Overview).await? {
        Answer::Overview(overview) => Ok(answer(StatusCode::OK, &DatabasesDocument::from(overview))),
        _ => Err(Problem::nothing()),
    }
}

/// One database, as `status --json` shows it.
#[utoipa::path(
    get,
    path = "/databases/{label}",
    operation_id = "database",
    tag = "looking",
    params(("label" = Label, Path, description = "The label of the database")),
    responses((status = 200, description = "How it stands", body = DatabaseDocument), Refusals)
)]
pub(super) async fn database(State(site): State<Arc<Site>>, OfDatabase(label): OfDatabase) -> Answered {
    match &*looked(&site, &Question::Database(label)).await? {
        Answer::Database(known) => Ok(answer(StatusCode::OK, &DatabaseDocument::from(&known.health))),
        _ => Err(Problem::nothing()),
    }
}

/// The runs of a database, newest first, as `list --json` shows them, a page at a time.
#[utoipa::path(
    get,
    path = "/databases/{label}/backups",
    operation_id = "backups",
    tag = "looking",
    params(("label" = Label, Path, description = "The label of the database"), BackupsQuery),
    responses((status = 200, description = "A page of them", body = BackupsDocument), Refusals)
)]
pub(super) async fn backups(
    State(site): State<Arc<Site>>,
    OfDatabase(label): OfDatabase,
    Asked(query): Asked<BackupsQuery>,
) -> Answered {
    let (page, per_page) = (query.page.unwrap_or(1), query.per_page.unwrap_or(PER_PAGE));
    if !(1..=PAGE_MAX).contains(&page) || !(1..=PER_PAGE_MAX).contains(&per_page) {
        let why = format!("page is from 1 to {PAGE_MAX}, and per_page from 1 to {PER_PAGE_MAX}");
        return Err(Problem::new(StatusCode::BAD_REQUEST, why));
    }
    let answered = looked(&site, &Question::Database(label.clone())).await?;
    let Answer::Database(known) = &*answered else {
        return Err(Problem::nothing());
    };
    let (listing, filter) = (
        &known.listing,
        RunFilter {
            state: query.state,
            tier: query.tier,
        },
    );
    let chosen = listing.entries.iter().filter(|one| filter.shows(listing, one));
    let chosen: Vec<&CatalogEntry> = chosen.collect();
    let (page, per_page) = (page as usize, per_page as usize);
    let on_page = chosen.iter().skip((page - 1).saturating_mul(per_page)).take(per_page);
    let document = BackupsDocument {
        database: label,
        at: listing.seen,
        total: chosen.len(),
        page,
        per_page,
        pages: chosen.len().div_ceil(per_page),
        older: listing.more,
        backups: on_page.map(|one| ListedBackup::of(listing, one)).collect(),
    };
    Ok(answer(StatusCode::OK, &document))
}

/// One backup with its tables, places, holds, drills and notices, as `show --json` shows it.
#[utoipa::path(
    get,
    path = "/databases/{label}/backups/{id}",
    operation_id = "backup",
    tag = "looking",
    params(
        ("label" = Label, Path, description = "The label of the database"),
        ("id" = BackupId, Path, description = "The id of the backup")
    ),
    responses((status = 200, description = "All that is known of it", body = BackupDocument), Refusals)
)]
pub(super) async fn backup(State(site): State<Arc<Site>>, OfBackup(label, id): OfBackup) -> Answered {
    match &*looked(&site, &Question::Backup(label, id)).await? {
        Answer::Backup(known) => Ok(answer(StatusCode::OK, &BackupDocument::from(&known.shown))),
        _ => Err(Problem::nothing()),
    }
}

/// What was asked for since `serve` began: what goes on, and how the rest ended.
#[utoipa::path(
    get,
    path = "/jobs",
    operation_id = "jobs",
    tag = "looking",
    responses((status = 200, description = "All that are remembered", body = JobsDocument), Refusals)
)]
pub(super) async fn jobs(State(site): State<Arc<Site>>) -> Response {
    let documents = |jobs: Vec<_>| jobs.iter().map(JobDocument::from).collect();
    let document = JobsDocument {
        round: site.monitor.running_progress().as_ref().map(ProgressDocument::from),
        running: documents(site.looks.jobs.running()),
        ended: documents(site.looks.jobs.ended()),
    };
    answer(StatusCode::OK, &document)
}

/// One job.
#[utoipa::path(
    get,
    path = "/jobs/{job}",
    operation_id = "job",
    tag = "looking",
    params(("job" = u64, Path, description = "Its number"), WaitQuery),
    responses((status = 200, description = "How it stands", body = JobDocument), Refusals)
)]
pub(super) async fn job(
    State(site): State<Arc<Site>>,
    number: Result<Path<u64>, axum::extract::rejection::PathRejection>,
    Asked(query): Asked<WaitQuery>,
) -> Answered {
    let Path(number) = number.map_err(|_| Problem::nothing())?;
    let job = site.looks.jobs.wait(number, wait(&query)?).await;
    match job {
        Some(job) => Ok(answer(StatusCode::OK, &JobDocument::from(&job))),
        None => Err(Problem::nothing()),
    }
}

/// How long an answer may wait for a job to end.
pub(super) fn wait(query: &WaitQuery) -> Result<Duration, Problem> {
    let seconds = query.wait.unwrap_or(0);
    match seconds <= WAIT_MAX_SECONDS {
        true => Ok(Duration::from_secs(seconds.into())),
        false => {
            let why = format!("an answer waits {WAIT_MAX_SECONDS} s at the most");
            Err(Problem::new(StatusCode::BAD_REQUEST, why).hint("ask for the job again until it has ended"))
        }
    }
}

/// What the bucket has now. Programs are told nothing older: a page says how old it is, and is read by a person.
pub(super) async fn looked(site: &Site, question: &Question) -> Result<Arc<Answer>, Problem> {
    let seen = site.looks.ask_patiently(question).await;
    match (seen.answer, seen.failure) {
        (_, Some(failed)) if failed.is_missing => Err(Problem::nothing()),
        (_, Some(failed)) => Err(Problem::of_look(&failed.failure)),
        (Some((answer, _)), None) if !seen.is_looking => Ok(answer),
        _ => {
            let problem = Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "looking into the bucket takes longer than usual, and goes on",
            );
            Err(problem.retry_after(LOOK_AGAIN))
        }
    }
}
