//! What the API answers, beside the documents that commands print as well.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use crate::{
    agent::{DatabaseDocument, ListedBackup, Overview},
    backup::{BackupId, Failure, Label},
    dashboard::jobs::Job,
    operation::Progress,
    text::escaped_json,
};

/// Every database.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DatabasesDocument {
    /// When they were looked at.
    at: Timestamp,
    /// The databases that are configured; where none is, those in the bucket.
    databases: Vec<SeenDatabase>,
    /// Databases with backups in the bucket that are not configured here.
    not_configured: Vec<NotConfigured>,
    /// Whether nothing can be seen, as the credentials may only write.
    writes_only: bool,
}

/// One database.
#[derive(Debug, Serialize, ToSchema)]
struct SeenDatabase {
    /// Its label.
    database: Label,
    /// How it stands, as `status --json` says it; null if that could not be seen.
    health: Option<DatabaseDocument>,
    /// Why it could not be seen.
    failure: Option<Failure>,
}

/// A database that nobody here backs up.
#[derive(Debug, Serialize, ToSchema)]
struct NotConfigured {
    /// Its label.
    database: Label,
    /// Its newest backup.
    newest: BackupId,
}

/// Runs of one database, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BackupsDocument {
    /// The label of the database.
    pub(super) database: Label,
    /// When they were looked at.
    pub(super) at: Timestamp,
    /// How many runs there are that were asked for.
    pub(super) total: usize,
    /// The page.
    pub(super) page: usize,
    /// How many there are on a page.
    pub(super) per_page: usize,
    /// How many pages there are.
    pub(super) pages: usize,
    /// How many older runs were not looked at, of which `pgcoffer list` shows more.
    pub(super) older: usize,
    /// Those on this page.
    pub(super) backups: Vec<ListedBackup>,
}

/// All jobs since `serve` began, as far as they are remembered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobsDocument {
    /// What the schedule has `serve` do now; null between its rounds.
    pub(super) round: Option<ProgressDocument>,
    /// Those that go on, the oldest first.
    pub(super) running: Vec<JobDocument>,
    /// Those that have ended, the last one first.
    pub(super) ended: Vec<JobDocument>,
}

/// Work that somebody has asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobDocument {
    /// Its number since `serve` began.
    job: u64,
    /// What is done.
    #[schema(example = "back_up")]
    what: &'static str,
    /// The same in words.
    title: String,
    /// The database that it is about.
    database: Option<Label>,
    /// Who asked for it: the name of a token, or of who has signed in.
    who: String,
    /// How it stands.
    state: JobState,
    /// When it began.
    began: Timestamp,
    /// When it ended; null while it goes on.
    ended: Option<Timestamp>,
    /// How far it has come.
    progress: ProgressDocument,
    /// The backup that was made or that it was about; null until that is known.
    backup: Option<BackupId>,
    /// What came of it, in sentences.
    sentences: Vec<String>,
    /// Why it failed, and what cures that.
    failure: Option<Failure>,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum JobState {
    /// It goes on, or waits for others.
    Running,
    /// It is done.
    Done,
    /// It failed.
    Failed,
}

/// How far something has come, in bytes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProgressDocument {
    /// Read of the dump or of the archive.
    done_bytes: u64,
    /// What that is expected to become; 0 while nobody knows.
    expected_bytes: u64,
    /// Sent to the bucket, or read from it.
    moved_bytes: u64,
}

impl From<&Overview> for DatabasesDocument {
    fn from(overview: &Overview) -> Self {
        let seen = overview.databases.iter().map(|one| SeenDatabase {
            database: one.label.clone(),
            health: one.health.as_ref().ok().map(DatabaseDocument::from),
            failure: one.health.as_ref().err().cloned(),
        });
        let beside = overview.not_configured.iter().map(|(database, newest)| NotConfigured {
            database: database.clone(),
            newest: newest.clone(),
        });
        Self {
            at: overview.at,
            databases: seen.collect(),
            not_configured: beside.collect(),
            writes_only: overview.writes_only,
        }
    }
}

impl JobDocument {
    pub(super) fn is_running(&self) -> bool {
        self.ended.is_none()
    }
}

impl From<&Job> for JobDocument {
    fn from(job: &Job) -> Self {
        let end = job.end.as_ref();
        let result = end.map(|end| &end.result);
        Self {
            job: job.number,
            what: job.act.name(),
            title: job.title.clone(),
            database: job.act.database().cloned(),
            who: job.who.clone(),
            state: match result {
                None => JobState::Running,
                Some(Ok(_)) => JobState::Done,
                Some(Err(_)) => JobState::Failed,
            },
            began: job.began,
            ended: end.map(|end| end.at),
            progress: ProgressDocument::from(&job.progress),
            backup: end.and_then(|end| end.backup.clone()),
            sentences: result.and_then(|result| result.clone().ok()).unwrap_or_default(),
            failure: result.and_then(|result| result.clone().err()),
        }
    }
}

impl From<&Progress> for ProgressDocument {
    fn from(progress: &Progress) -> Self {
        Self {
            done_bytes: progress.done_bytes(),
            expected_bytes: progress.expected_bytes(),
            moved_bytes: progress.moved_bytes(),
        }
    }
}

/// A document as an answer. A terminal that shows it obeys nothing in it.
pub(super) fn answer(status: StatusCode, document: &impl Serialize) -> Response {
    match serde_json::to_string(document) {
        Ok(text) => {
            let body = escaped_json(&text).into_owned() + "\n";
            (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(error) => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
