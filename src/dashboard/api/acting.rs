//! What `serve` does when a program asks: it answers with a job, which goes on whoever hangs up.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::{
    PATH,
    access::Actor,
    bodies::{BackUpBody, DeleteBody, DrillBody, HoldBody, NoBody, RetainBody, WaitQuery},
    documents::{JobDocument, answer},
    input::{Asked, Body, OfBackup, OfDatabase},
    problem::{ActRefusals, Problem},
    reading::wait,
};
use crate::{
    backup::{BackupId, Label, parse_interval},
    dashboard::{act::Act, shown::Question, site::Site},
};

/// When a full queue is worth another request.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// The longest reason of a hold, in characters.
const REASON_CHARS_MAX: usize = 1000;

type Answered = Result<Response, Problem>;

/// Backs a database up, and keeps the backup as one that was asked for by hand. With `at_most_every` however many ask at
/// once make one backup, and the job names it.
#[utoipa::path(
    post,
    path = "/databases/{label}/backups",
    operation_id = "back_up",
    tag = "acting",
    params(("label" = Label, Path, description = "The label of the database"), WaitQuery),
    request_body = Option<BackUpBody>,
    responses(
        (status = 200, description = "The job, which has ended", body = JobDocument),
        (status = 202, description = "The job, which goes on: Location says where", body = JobDocument),
        ActRefusals
    )
)]
pub(super) async fn back_up(
    State(site): State<Arc<Site>>,
    actor: Actor,
    OfDatabase(label): OfDatabase,
    Asked(query): Asked<WaitQuery>,
    Body(body): Body<BackUpBody>,
) -> Answered {
    let at_most_every = body.at_most_every.as_deref().map(parse_interval).transpose();
    let at_most_every = at_most_every.map_err(|why| unfit("at_most_every", &why))?;
    exists(&site, Question::Database(label.clone())).await?;
    begin(&site, &actor, &Act::BackUp(label, at_most_every), wait(&query)?).await
}

/// Tests whether a backup comes back: restores it aside, compares everything, and leaves a report.
#[utoipa::path(
    post,
    path = "/databases/{label}/drills",
    operation_id = "drill",
    tag = "acting",
    params(("label" = Label, Path, description = "The label of the database"), WaitQuery),
    request_body = Option<DrillBody>,
    responses(
        (status = 200, description = "The job, which has ended", body = JobDocument),
        (status = 202, description = "The job, which goes on: Location says where", body = JobDocument),
        ActRefusals
    )
)]
pub(super) async fn drill(
    State(site): State<Arc<Site>>,
    actor: Actor,
    OfDatabase(label): OfDatabase,
    Asked(query): Asked<WaitQuery>,
    Body(body): Body<DrillBody>,
) -> Answered {
    let id = body.id.map(|id| BackupId::parse(&id)).transpose();
    let id = id.map_err(|_| Problem::nothing())?;
    let question = match &id {
        Some(id) => Question::Backup(label.clone(), id.clone()),
        None => Question::Database(label.clone()),
    };
    exists(&site, question).await?;
    begin(&site, &actor, &Act::Drill(label, id), wait(&query)?).await
}

/// Reads a backup back as a whole, and checks every MAC.
#[utoipa::path(
    post,
    path = "/databases/{label}/backups/{id}/verify",
    operation_id = "verify",
    tag = "acting",
    params(
        ("label" = Label, Path, description = "The label of the database"),
        ("id" = BackupId, Path, description = "The id of the backup"),
        WaitQuery
    ),
    request_body = Option<NoBody>,
    responses(
        (status = 200, description = "The job, which has ended", body = JobDocument),
        (status = 202, description = "The job, which goes on: Location says where", body = JobDocument),
        ActRefusals
    )
)]
pub(super) async fn verify(
    State(site): State<Arc<Site>>,
    actor: Actor,
    OfBackup(label, id): OfBackup,
    Asked(query): Asked<WaitQuery>,
    Body(NoBody {}): Body<NoBody>,
) -> Answered {
    change(&site, &actor, (label, id), Act::Verify, &query).await
}

/// Keeps a backup whatever its retention says, until it is released.
#[utoipa::path(
    post,
    path = "/databases/{label}/backups/{id}/hold",
    operation_id = "hold",
    tag = "acting",
    params(
        ("label" = Label, Path, description = "The label of the database"),
        ("id" = BackupId, Path, description = "The id of the backup"),
        WaitQuery
    ),
    request_body = HoldBody,
    responses(
        (status = 200, description = "The job, which has ended", body = JobDocument),
        (status = 202, description = "The job, which goes on: Location says where", body = JobDocument),
        ActRefusals
    )
)]
pub(super) async fn hold(
    State(site): State<Arc<Site>>,
    actor: Actor,
    OfBackup(label, id): OfBackup,
    Asked(query): Asked<WaitQuery>,
    Body(body): Body<HoldBody>,
) -> Answered {
    let reason = body.reason.trim().to_owned();
    if reason.is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        let why = format!("a hold needs a reason, of {REASON_CHARS_MAX} characters at the most");
        return Err(unfit("reason", &why));
    }
    change(
        &site,
        &actor,
        (label, id),
        |label, id| Act::Hold(label, id, reason),
        &query,
    )
    .await
}

/// Has the retention of a backup count again.
#[utoipa::path(
    post,
    path = "/databases/{label}/backups/{id}/release",
    operation_id = "release",
    tag = "acting",
    params(
        ("label" = Label, Path, description = "The label of the database"),
        ("id" = BackupId, Path, description = "The id of the backup"),
        WaitQuery
    ),
    request_body = Option<NoBody>,
    responses(
        (status = 200, description = "The job, which has ended", body = JobDocument),
        (status = 202, description = "The job, which goes on: Location says where", body = JobDocument),
        ActRefusals
    )
)]
pub(super) async fn release(
    State(site): State<Arc<Site>>,
    actor: Actor,
    OfBackup(label, id): OfBackup,
    Asked(query): Asked<WaitQuery>,
    Body(NoBody {}): Body<NoBody>,
) -> Answered {
    change(&site, &actor, (label, id), Act::Release, &query).await
}

/// Takes a backup that looks wrong for right.
#[utoipa::path(
    post,
    path = "/databases/{label}/backups/{id}/accept",
    operation_id = "accept",
    tag = "acting",
    params(
        ("label" = Label, Path, description = "The label of the database"),
        ("id" = BackupId, Path, description = "The id of the backup"),
        WaitQuery
    ),
    request_body = Option<NoBody>,
    responses(
        (status = 200, description = "The job, which has ended", body = JobDocument),
        (status = 202, description = "The job, which goes on: Location says where", body = JobDocument),
        ActRefusals
    )
)]
pub(super) async fn accept(
    State(site): State<Arc<Site>>,
    actor: Actor,
    OfBackup(label, id): OfBackup,
    Asked(query): Asked<WaitQuery>,
    Body(NoBody {}): Body<NoBody>,
) -> Answered {
    change(&site, &actor, (label, id), Act::Accept, &query).await
}

/// Changes how long a backup is kept.
#[utoipa::path(
    post,
    path = "/databases/{label}/backups/{id}/retain",
    operation_id = "retain",
    tag = "acting",
    params(
        ("label" = Label, Path, description = "The label of the database"),
        ("id" = BackupId, Path, description = "The id of the backup"),
        WaitQuery
    ),
    request_body = RetainBody,
    responses(
        (status = 200, description = "The job, which has ended", body = JobDocument),
        (status = 202, description = "The job, which goes on: Location says where", body = JobDocument),
        ActRefusals
    )
)]
pub(super) async fn retain(
    State(site): State<Arc<Site>>,
    actor: Actor,
    OfBackup(label, id): OfBackup,
    Asked(query): Asked<WaitQuery>,
    Body(body): Body<RetainBody>,
) -> Answered {
    let act = |label, id| Act::Retain(label, id, body.retention);
    change(&site, &actor, (label, id), act, &query).await
}

/// Deletes a backup. The last good ones are never deleted from here.
#[utoipa::path(
    post,
    path = "/databases/{label}/backups/{id}/delete",
    operation_id = "delete",
    tag = "acting",
    params(
        ("label" = Label, Path, description = "The label of the database"),
        ("id" = BackupId, Path, description = "The id of the backup"),
        WaitQuery
    ),
    request_body = DeleteBody,
    responses(
        (status = 200, description = "The job, which has ended", body = JobDocument),
        (status = 202, description = "The job, which goes on: Location says where", body = JobDocument),
        ActRefusals
    )
)]
pub(super) async fn delete(
    State(site): State<Arc<Site>>,
    actor: Actor,
    OfBackup(label, id): OfBackup,
    Asked(query): Asked<WaitQuery>,
    Body(body): Body<DeleteBody>,
) -> Answered {
    if body.id != id {
        return Err(unfit(
            "id",
            &format!("it is not that of the path, {id}, and nothing was deleted"),
        ));
    }
    change(&site, &actor, (label, id), Act::Delete, &query).await
}

/// Sends a notice over every channel, to see whether it arrives.
#[utoipa::path(
    post,
    path = "/notices/test",
    operation_id = "test_notice",
    tag = "acting",
    params(WaitQuery),
    request_body = Option<NoBody>,
    responses(
        (status = 200, description = "The job, which has ended", body = JobDocument),
        (status = 202, description = "The job, which goes on: Location says where", body = JobDocument),
        ActRefusals
    )
)]
pub(super) async fn test_notice(
    State(site): State<Arc<Site>>,
    actor: Actor,
    Asked(query): Asked<WaitQuery>,
    Body(NoBody {}): Body<NoBody>,
) -> Answered {
    begin(&site, &actor, &Act::TestNotice, wait(&query)?).await
}

/// Does something with a backup that is there.
async fn change(
    site: &Site,
    actor: &Actor,
    (label, id): (Label, BackupId),
    act: impl FnOnce(Label, BackupId) -> Act,
    query: &WaitQuery,
) -> Answered {
    let longest = wait(query)?;
    exists(site, Question::Backup(label.clone(), id.clone())).await?;
    begin(site, actor, &act(label, id), longest).await
}

/// That something is in the bucket, as far as that can be seen: otherwise the job itself says what is wrong.
async fn exists(site: &Site, question: Question) -> Result<(), Problem> {
    let seen = site.looks.ask_patiently(&question).await;
    match seen.failure {
        Some(failed) if failed.is_missing => Err(Problem::nothing()),
        _ => Ok(()),
    }
}

/// Begins a job, or joins one that brings the same.
async fn begin(site: &Site, Actor(asker): &Actor, act: &Act, longest: Duration) -> Answered {
    let jobs = &site.looks.jobs;
    let (number, is_new) = jobs.join_or_add(act, &asker.name, site.clock.now());
    let busy = |why: &str| Problem::new(StatusCode::SERVICE_UNAVAILABLE, why).retry_after(TRY_AGAIN);
    if is_new && let Err(error) = site.looks.work(act.clone(), number, asker.clone()) {
        jobs.remove(number);
        return Err(busy(&error.to_string()));
    }
    // it begins nothing, so nobody waits for its entry
    if !is_new {
        site.looks.note(asker.joins(act));
    }
    let job = jobs.wait(number, longest).await;
    let job = job.ok_or_else(|| busy("the job that was joined could not begin"))?;
    let document = JobDocument::from(&job);
    let status = match document.is_running() {
        true => StatusCode::ACCEPTED,
        false => StatusCode::OK,
    };
    let mut response = answer(status, &document);
    if let Ok(location) = HeaderValue::from_str(&format!("{PATH}/jobs/{number}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// A value in the body that means nothing.
fn unfit(field: &str, why: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{field}: {why}"))
}
