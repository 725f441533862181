//! A drill by the schedule: on the newest good backup, once in each period, by one machine alone.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{DrillChecks, DrillGround, DrillReport, DrillRequest, Drilled, drill};
use crate::{
    backup::{BackupId, DrillVerdict, Failure, Label, Record},
    catalog::{BackupSelector, Catalog, DrillTurn},
    certificate::Sha256Digest,
    error::{Error, Result},
    exit_status::ExitStatus,
    operation::{Clock, DrillHealth, Interrupt, Progress},
    panics::caught_as_error,
    postgres::{Clients, DatabaseUrl},
    schedule::{DrillDue, DrillSchedule},
    store::{Kind, Thaw},
};

/// How drills by the schedule are carried out.
#[derive(Debug, Clone)]
pub struct DrillPlan {
    /// Where backups are restored.
    pub ground: DrillGround,
    /// The databases that are backed up, by label: none of them is ever restored into.
    pub sources: Vec<(String, DatabaseUrl)>,
    /// SHA-256 of this program, for the certificate, where it could be read.
    pub agent_sha256: Option<Sha256Digest>,
    /// The user's own statements, or what is wrong with them.
    pub checks: std::result::Result<DrillChecks, Failure>,
    /// How long pg_dump may write nothing before it counts as hung.
    pub dump_idle_timeout: Duration,
    /// Who carries them out, as `user@host`.
    pub who: String,
    /// The time.
    pub clock: Clock,
}

/// What became of the scheduled drill of one database.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillTick {
    /// Its label.
    pub database: Label,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: DrillTickOutcome,
}

/// What became of a scheduled drill.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum DrillTickOutcome {
    /// It ran to its end.
    Done {
        /// What was proven.
        #[serde(flatten)]
        report: Box<DrillReport>,
        /// Why no report is in the bucket, if that failed.
        unreported: Option<Failure>,
    },
    /// It could not be carried out.
    Failed {
        /// The backup, if it came so far.
        id: Option<BackupId>,
        /// Why.
        #[serde(flatten)]
        failure: Failure,
    },
    /// It is due, and was not begun, for a reason that is no failure.
    Skipped {
        /// The reason.
        why: String,
    },
    /// It could not be carried out before, and is tried again then.
    Waits {
        /// When.
        until: Timestamp,
    },
    /// Nothing was due.
    NotDue,
}

impl DrillTick {
    /// The exit status for this drill. That a backup did not come back is a problem, as `status` says it.
    #[must_use]
    pub fn exit_status(&self) -> ExitStatus {
        match &self.outcome {
            DrillTickOutcome::Done { report, .. } if report.verdict == DrillVerdict::NotProven => ExitStatus::Problem,
            DrillTickOutcome::Done {
                unreported: Some(_), ..
            } => ExitStatus::NotReported,
            DrillTickOutcome::Failed { failure, .. } => {
                ExitStatus::of_number(failure.exit_status).unwrap_or(ExitStatus::Failed)
            }
            DrillTickOutcome::Done { .. }
            | DrillTickOutcome::Skipped { .. }
            | DrillTickOutcome::Waits { .. }
            | DrillTickOutcome::NotDue => ExitStatus::Done,
        }
    }
}

/// Carries out the drill of one database, if it is due by `health`, what is known of its drills.
///
/// # Errors
/// Only [`Error::Interrupted`]: everything else is an outcome.
pub async fn scheduled_drill(
    catalog: &Catalog,
    clients: &Clients,
    (database, recovery_point_target): (&Label, Option<SignedDuration>),
    (schedule, health): (&DrillSchedule, &DrillHealth),
    plan: &DrillPlan,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<DrillTick> {
    let scheduled = Scheduled {
        catalog,
        clients,
        database,
        schedule,
        recovery_point_target,
        plan,
    };
    let outcome = match schedule.due(&health.past, plan.clock.now()) {
        DrillDue::No | DrillDue::GivenUp { .. } => DrillTickOutcome::NotDue,
        DrillDue::Waits { until } => DrillTickOutcome::Waits { until },
        DrillDue::UnderWay { began } => DrillTickOutcome::Skipped {
            why: format!("a drill that began at {began} goes on, or was killed"),
        },
        DrillDue::Now { due, attempt } => scheduled.carried_out(due, attempt, progress, interrupt).await?,
    };
    Ok(DrillTick {
        database: database.clone(),
        outcome,
    })
}

struct Scheduled<'a> {
    catalog: &'a Catalog,
    clients: &'a Clients,
    database: &'a Label,
    schedule: &'a DrillSchedule,
    recovery_point_target: Option<SignedDuration>,
    plan: &'a DrillPlan,
}

impl Scheduled<'_> {
    async fn carried_out(
        &self,
        due: Timestamp,
        attempt: u32,
        progress: &Progress,
        interrupt: &Interrupt,
    ) -> Result<DrillTickOutcome> {
        let mut id = None;
        let work = async {
            let record = match interrupt.or(self.to_drill()).await? {
                Ok(record) => record,
                Err(why) => return Ok(DrillTickOutcome::Skipped { why }),
            };
            id = Some(record.id.clone());
            let checks = match &self.plan.checks {
                Ok(checks) => checks.clone(),
                Err(failure) => {
                    return Ok(DrillTickOutcome::Failed {
                        id: Some(record.id),
                        failure: failure.clone(),
                    });
                }
            };
            let turn = self.catalog.take_drill_turn(self.database, due, attempt);
            if interrupt.or(turn).await? == DrillTurn::Taken {
                let why = "another machine has begun it".to_owned();
                return Ok(DrillTickOutcome::Skipped { why });
            }
            tracing::info!(database = %self.database, id = %record.id, "a drill is due since {due}");
            let request = self.request(checks, due);
            let work = drill(self.catalog, self.clients, &record, &request, progress, interrupt);
            let Drilled { report, unreported } = Box::pin(work).await?;
            Ok(DrillTickOutcome::Done {
                report: Box::new(report),
                unreported: unreported.as_ref().map(Failure::from),
            })
        };
        match caught_as_error(work).await {
            Err(error @ Error::Interrupted { .. }) => Err(error),
            Err(error) => Ok(DrillTickOutcome::Failed {
                id,
                failure: Failure::from(&error),
            }),
            Ok(outcome) => Ok(outcome),
        }
    }

    /// The newest good backup, if it can be drilled; or why nothing can.
    async fn to_drill(&self) -> Result<std::result::Result<Record, String>> {
        let newest = BackupSelector::Latest {
            tier: None,
            before: None,
        };
        let now = self.plan.clock.now();
        let record = match self.catalog.find(&newest, Some(self.database), now).await {
            Ok(record) => record,
            Err(Error::NoSuchBackup { .. }) => return Ok(Err("there is no good backup".to_owned())),
            Err(error) => return Err(error),
        };
        if !self.catalog.sees_inside(&record.database, &record.id).await? {
            return Ok(Err(
                "a catalog key opens no backup, so another machine has to drill".to_owned()
            ));
        }
        let key = self.catalog.archive_key(&record);
        match self.catalog.store().head(&key).await {
            Ok(Some(object)) if matches!(object.thaw, Thaw::Cold | Thaw::UnderWay) => Ok(Err(format!(
                "{} is in cold storage, and a scheduled drill thaws nothing: `pgcoffer drill {} --thaw` does",
                record.id, record.id
            ))),
            Err(error) if error.kind != Kind::Denied => Err(error.into()),
            _ => Ok(Ok(record)),
        }
    }

    fn request(&self, checks: DrillChecks, due: Timestamp) -> DrillRequest {
        DrillRequest {
            ground: self.plan.ground.clone(),
            sources: self.plan.sources.clone(),
            agent_sha256: self.plan.agent_sha256,
            recovery_point_target: self.recovery_point_target,
            checks,
            dump_idle_timeout: self.plan.dump_idle_timeout,
            leaves_report: true,
            who: self.plan.who.clone(),
            due: Some(due),
            time_limit: Duration::try_from(self.schedule.time_limit).ok(),
            clock: self.plan.clock,
        }
    }
}
