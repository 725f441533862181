use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Readers;
use crate::{
    metrics::{CLASSIC, DatabaseMetrics, Monitor, OPEN_METRICS},
    operation::{Clock, Health},
    text::escaped_json,
};

/// What requests are answered with.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The state of `serve`.
    pub monitor: Monitor,
    /// Who may read names and numbers.
    pub readers: Readers,
    /// The clock by which ages are reckoned.
    pub clock: Clock,
}

impl Answers {
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(healthz))
            .route("/metrics", get(metrics))
            .fallback(|| async { plain(StatusCode::NOT_FOUND, "there is nothing here\n") })
            .method_not_allowed_fallback(|| async {
                plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered here\n")
            })
            .with_state(Arc::new(self))
    }
}

async fn healthz(State(answers): State<Arc<Answers>>, headers: HeaderMap) -> Response {
    let word = word(&answers.monitor);
    let status = match word {
        "ok" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let body = match answers.readers.include(&headers) {
        true => json!(ServeHealth::of(&answers.monitor)),
        false => json!({ "status": word }),
    };
    let kind = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let body = escaped_json(&body.to_string()).into_owned();
    (status, kind, body + "\n").into_response()
}

/// The state of `serve` and of its databases, as far as its rounds have seen them.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServeHealth {
    /// `ok`, or `stuck` if its clock stands still.
    status: &'static str,
    /// The version of pgcoffer that runs.
    version: &'static str,
    /// Since when it serves.
    serving_since: Option<Timestamp>,
    /// When the last tick ended.
    last_tick: Option<Timestamp>,
    /// When the next one begins.
    next_tick: Option<Timestamp>,
    /// Whether one goes on.
    tick_running: bool,
    /// Its databases.
    databases: Vec<ServedDatabase>,
}

/// A database as the last round of `serve` has seen it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServedDatabase {
    /// Its label.
    database: String,
    /// `ok`, `late`, `problem`, or `unknown` if it was not seen yet.
    state: &'static str,
    /// When the newest good backup began.
    newest_good: Option<Timestamp>,
    /// When the next one is due.
    next_due: Option<Timestamp>,
    /// When it was looked at last.
    last_look: Option<Timestamp>,
    /// Whether that look succeeded.
    last_look_succeeded: bool,
}

impl ServeHealth {
    /// What a monitor knows.
    #[must_use]
    pub fn of(monitor: &Monitor) -> Self {
        let snapshot = monitor.snapshot();
        let rounds = snapshot.rounds.unwrap_or_default();
        Self {
            status: word(monitor),
            version: env!("CARGO_PKG_VERSION"),
            serving_since: rounds.serving_since.map(second),
            last_tick: rounds.last.map(second),
            next_tick: rounds.next.map(second),
            tick_running: rounds.running,
            databases: snapshot.databases.iter().map(ServedDatabase::from).collect(),
        }
    }
}

impl From<&DatabaseMetrics> for ServedDatabase {
    fn from(known: &DatabaseMetrics) -> Self {
        let health = known.health.as_ref();
        Self {
            database: known.database.to_string(),
            state: health.map_or("unknown", state),
            newest_good: health.and_then(|health| Some(second(health.newest_good.as_ref()?.started))),
            next_due: health.and_then(|health| Some(second(health.next_due.as_ref()?.at))),
            last_look: health.map(|health| second(health.figures.looked)),
            last_look_succeeded: known.look_succeeded,
        }
    }
}

fn word(monitor: &Monitor) -> &'static str {
    match monitor.is_alive() {
        true => "ok",
        false => "stuck",
    }
}

/// The second that a moment lies in: nobody who watches needs more of it.
fn second(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// `late` before `problem`: that is what somebody watches for.
fn state(health: &Health) -> &'static str {
    if !health.late.is_empty() {
        "late"
    } else if health.problems().is_empty() {
        "ok"
    } else {
        "problem"
    }
}

async fn metrics(State(answers): State<Arc<Answers>>, headers: HeaderMap) -> Response {
    if !answers.readers.include(&headers) {
        return refusal(&answers.readers);
    }
    let accept = headers.get(header::ACCEPT).map(|value| value.as_bytes());
    let (snapshot, now) = (answers.monitor.snapshot(), answers.clock.now());
    if accept.is_some_and(takes_open_metrics) {
        ([(header::CONTENT_TYPE, OPEN_METRICS)], snapshot.open_metrics(now)).into_response()
    } else {
        ([(header::CONTENT_TYPE, CLASSIC)], snapshot.classic(now)).into_response()
    }
}

fn refusal(readers: &Readers) -> Response {
    match readers {
        Readers::WithToken(_) => {
            let text = "metrics are shown to who sends the bearer token of PGCOFFER_METRICS_TOKEN\n";
            let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
            (challenge, plain(StatusCode::UNAUTHORIZED, text)).into_response()
        }
        Readers::ThisMachine => plain(
            StatusCode::FORBIDDEN,
            "metrics are shown to this machine alone, at its own address or as localhost: set PGCOFFER_METRICS_TOKEN \
             for others\n",
        ),
        Readers::Nobody | Readers::Everybody => plain(
            StatusCode::FORBIDDEN,
            "metrics are not shown to everybody: set PGCOFFER_METRICS_TOKEN, and have the scraper send it as a bearer \
             token\n",
        ),
    }
}

fn takes_open_metrics(accept: &[u8]) -> bool {
    let accept = String::from_utf8_lossy(accept);
    accept.to_ascii_lowercase().contains("application/openmetrics-text")
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}
