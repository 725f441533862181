use jiff::Timestamp;
use serde::Serialize;

use crate::{
    backup::{BackupId, Failure, Label, Record, Sealed, Tier},
    cause::Cause,
};

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunError {
    /// Why, in words of our own, which alone may leave the machine.
    pub cause: Cause,
    /// The exit status.
    pub exit_status: u8,
    /// The run that failed, whose details say more; or the backup that is concerned.
    pub run: Option<BackupId>,
}

/// Which agent saw an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The machine, dyno or container.
    pub host: String,
    /// The bucket, where it is known: `s3://bucket/prefix`.
    pub location: Option<String>,
    /// Where its commands are run.
    pub runs_on: RunsOn,
}

/// Where an agent's commands are run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RunsOn {
    /// On a machine that people log in to.
    #[default]
    Machine,
    /// On Heroku, in one-off dynos of its app.
    Heroku {
        /// The app's name, where it is known: Heroku tells it only with its feature runtime-dyno-metadata.
        app: Option<String>,
    },
}

/// A backup that was made, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupSummary {
    /// Its id.
    pub id: BackupId,
    /// The tiers that it serves.
    pub tiers: Vec<Tier>,
    /// Bytes stored.
    pub bytes: u64,
}

/// A tier whose backup is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LateTier {
    /// The tier.
    pub tier: Tier,
    /// When the first period that was missed was due: it stays the same until a backup is made.
    pub due: Timestamp,
    /// When the newest good run that serves this tier began; none where there is no such run.
    pub newest: Option<Timestamp>,
}

/// The newest good backup of a database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NewestGood {
    /// Nobody could look.
    #[default]
    Unknown,
    /// There is none.
    None,
    /// This one.
    Is {
        /// Its id.
        id: BackupId,
        /// When it began.
        started: Timestamp,
    },
}

/// How one database stands, for the weekly digest. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DigestLine {
    /// Its label.
    pub database: Label,
    /// The newest good backup.
    pub newest_good: Option<BackupId>,
    /// When that began.
    pub newest_started: Option<Timestamp>,
    /// Good backups that began within the last seven days.
    pub good_this_week: usize,
    /// Runs that failed within the last seven days.
    pub failed_this_week: usize,
    /// Good backups that are kept.
    pub good: usize,
    /// Bytes of everything that is kept.
    pub bytes: u64,
    /// Backups that are held.
    pub held: usize,
    /// Good backups that look suspicious and that nobody has accepted.
    pub suspicious: usize,
    /// What is wrong, in our own words; empty where nothing is.
    pub problems: Vec<String>,
}

impl RunError {
    /// A failure, and the run whose record it stands in.
    #[must_use]
    pub fn new(failure: &Failure, run: Option<BackupId>) -> Self {
        Self {
            cause: failure.cause.clone(),
            exit_status: failure.exit_status,
            run,
        }
    }
}

impl From<&Record> for BackupSummary {
    fn from(record: &Record) -> Self {
        Self {
            id: record.id.clone(),
            tiers: record.serves().iter().map(|served| served.tier).collect(),
            bytes: record.sealed.as_ref().map_or(0, Sealed::bytes),
        }
    }
}
