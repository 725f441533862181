//! Which path leads where.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{StatusCode, header},
    middleware,
    response::{IntoResponse as _, Redirect, Response},
    routing::{get, post},
};

use super::{
    access::{Client, Visitor, guard, is_own_form},
    act::{Act, action_of},
    api,
    asker::Asker,
    forms::ActForm,
    pages::{self, HistoryFilter, ICON, Page, SCRIPT, STYLE, message},
    schedule_form::ScheduleForm,
    shown::{Question, Seen},
    sign_in,
    site::Site,
};
use crate::backup::{BackupId, Label};

/// The most bytes of a form.
const FORM_BYTES_MAX: usize = 8 << 10;

pub(super) fn router(site: Arc<Site>) -> Router {
    let assets = Router::new()
        .route(&STYLE.path, get(|| async { asset(&STYLE) }))
        .route(&SCRIPT.path, get(|| async { asset(&SCRIPT) }))
        .route(&ICON.path, get(|| async { asset(&ICON) }));
    Router::new()
        .route("/", get(overview))
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/open", post(sign_in::open))
        .route("/open/{secret}", get(sign_in::show_link))
        .route("/databases/{label}", get(database))
        .route("/databases/{label}/backups/{id}", get(backup))
        .route("/databases/{label}/schedule", get(schedule))
        .route("/act", get(ask).post(act))
        .route("/audit", get(audit))
        .route("/work", get(works))
        .route("/work/{number}", get(work))
        .merge(assets)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(middleware::from_fn_with_state(Arc::clone(&site), guard))
        .nest(api::PATH, api::router(&site))
        .merge(api::top(&site))
        .with_state(site)
}

/// A file of the pages. Its path says which text it has, so a browser may keep it for long.
fn asset(asset: &'static pages::Asset) -> Response {
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.text).into_response()
}

async fn overview(State(site): State<Arc<Site>>, visitor: Visitor) -> Response {
    let seen = site.looks.ask(&Question::Overview).await;
    pages::overview::overview(&site, &visitor, &seen)
}

async fn database(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Path(label): Path<String>,
    Query(filter): Query<HistoryFilter>,
) -> Response {
    let Ok(label) = Label::parse(&label) else {
        return nothing(&site, &visitor);
    };
    let seen = site.looks.ask(&Question::Database(label.clone())).await;
    match is_missing(&seen) {
        true => nothing(&site, &visitor),
        false => pages::database::database(&site, &visitor, &label, (&seen, &filter)),
    }
}

/// What somebody has filled in is looked at for who may store it, as a year of a schedule takes some work.
async fn schedule(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Path(label): Path<String>,
    Query(form): Query<ScheduleForm>,
) -> Response {
    let Ok(label) = Label::parse(&label) else {
        return nothing(&site, &visitor);
    };
    let change = (form.is_filled() && visitor.may_act()).then(|| form.change());
    let seen = site.looks.ask(&Question::Schedule(label.clone(), change)).await;
    match is_missing(&seen) {
        true => nothing(&site, &visitor),
        false => pages::schedule::schedule(&site, &visitor, (&label, &form), &seen),
    }
}

async fn backup(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Path((label, id)): Path<(String, String)>,
) -> Response {
    let (Ok(label), Ok(id)) = (Label::parse(&label), BackupId::parse(&id)) else {
        return nothing(&site, &visitor);
    };
    let seen = site.looks.ask(&Question::Backup(label.clone(), id.clone())).await;
    match is_missing(&seen) {
        true => nothing(&site, &visitor),
        false => pages::backup::backup(&site, &visitor, (&label, &id), &seen),
    }
}

fn is_missing(seen: &Seen) -> bool {
    seen.failure.as_ref().is_some_and(|failure| failure.is_missing)
}

fn nothing(site: &Site, visitor: &Visitor) -> Response {
    let page = Page {
        site,
        visitor: Some(visitor),
        title: "Nothing is here",
        refresh: None,
    };
    let hint = "It may have been deleted, or the address is mistyped.";
    (
        StatusCode::NOT_FOUND,
        message(&page, "There is no such database or backup in the bucket.", Some(hint)),
    )
        .into_response()
}

async fn works(State(site): State<Arc<Site>>, visitor: Visitor) -> Response {
    pages::work::all(&site, &visitor)
}

async fn work(State(site): State<Arc<Site>>, visitor: Visitor, Path(number): Path<String>) -> Response {
    let job = number.parse().ok().and_then(|number| site.looks.jobs.find(number));
    match job {
        Some(job) => pages::work::one(&site, &visitor, &job),
        None => (StatusCode::NOT_FOUND, pages::work::forgotten(&site, &visitor)).into_response(),
    }
}

async fn ask(State(site): State<Arc<Site>>, visitor: Visitor, Query(form): Query<ActForm>) -> Response {
    if !visitor.may_act() {
        return may_only_look(&site, &visitor);
    }
    let seen = about(&site, &form).await;
    if is_missing(&seen) {
        return nothing(&site, &visitor);
    }
    pages::act::ask(&site, &visitor, (&form, &seen), None).unwrap_or_else(|| nothing(&site, &visitor))
}

/// What the bucket has of the backup that a form is about, where the page that asks says something of it.
async fn about(site: &Site, form: &ActForm) -> Seen {
    match (
        form.what.as_str(),
        Label::parse(&form.database),
        BackupId::parse(&form.id),
    ) {
        ("delete" | "retain", Ok(label), Ok(id)) => site.looks.ask(&Question::Backup(label, id)).await,
        _ => Seen::default(),
    }
}

/// The page that asks once more, as the form was not taken.
async fn ask_again(site: &Site, visitor: &Visitor, form: &ActForm, (status, why): (StatusCode, &str)) -> Response {
    let seen = about(site, form).await;
    let page = pages::act::ask(site, visitor, (form, &seen), Some(why));
    (status, page.unwrap_or_else(|| nothing(site, visitor))).into_response()
}

/// The audit trail names people and their addresses, so whoever may only look has no use for it.
async fn audit(State(site): State<Arc<Site>>, visitor: Visitor) -> Response {
    if !visitor.may_act() {
        return may_only_look(&site, &visitor);
    }
    let seen = site.looks.ask(&Question::Audit).await;
    pages::audit::audit(&site, &visitor, &seen)
}

async fn act(
    State(site): State<Arc<Site>>,
    visitor: Visitor,
    Client(client): Client,
    Form(form): Form<ActForm>,
) -> Response {
    let asker = Asker {
        name: visitor.name.clone(),
        role: visitor.role,
        address: client,
    };
    if !visitor.may_act() {
        // another page may have had his browser send it
        let is_own = is_own_form(&visitor, &form.token);
        if let Some(action) = action_of(&form.what).filter(|_| is_own) {
            site.looks.note(asker.refused(action, &form.database, &form.id));
        }
        return may_only_look(&site, &visitor);
    }
    if !is_own_form(&visitor, &form.token) {
        return (StatusCode::FORBIDDEN, "this form is not of your session\n").into_response();
    }
    let act = match Act::read(&form, site.clock.now()) {
        Ok(act) => act,
        Err(why) => return ask_again(&site, &visitor, &form, (StatusCode::UNPROCESSABLE_ENTITY, &why)).await,
    };
    let (job, is_new) = site.looks.jobs.join_same_or_add(&act, &visitor.name, site.clock.now());
    if !is_new {
        site.looks.note(asker.joins(&act));
        return Redirect::to(&format!("/work/{job}")).into_response();
    }
    match site.looks.work(act, job, asker) {
        Ok(()) => Redirect::to(&format!("/work/{job}")).into_response(),
        Err(busy) => {
            site.looks.jobs.remove(job);
            let why = (StatusCode::SERVICE_UNAVAILABLE, &*busy.to_string());
            ask_again(&site, &visitor, &form, why).await
        }
    }
}

fn may_only_look(site: &Site, visitor: &Visitor) -> Response {
    let page = Page {
        site,
        visitor: Some(visitor),
        title: "You may look",
        refresh: None,
    };
    let answer = message(&page, "What you wanted to do takes somebody who is an operator.", None);
    (StatusCode::FORBIDDEN, answer).into_response()
}
