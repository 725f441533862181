//! What an operator can have done.

use jiff::SignedDuration;

use super::{
    about::About,
    done::{Done, done},
    forms::ActForm,
    store_schedule::{change_to, store_schedule},
};
use crate::{
    agent::{Agent, AskedBackup, BackupOptions, DrillOptions, ScheduleChange, Selector},
    backup::{AuditAction, BackupId, DrillVerdict, Label, Retention, Tier},
    error::{Error, Result},
    operation::{MarkChange, Progress, ThawRequest},
    text::{counted, grouped, minute, size},
};

/// What an operator can have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Now, or where an interval is given only if no good one was made so short a time ago.
    BackUp(Label, Option<SignedDuration>),
    /// Of one backup, or of the newest good one.
    Drill(Label, Option<BackupId>),
    Verify(Label, BackupId),
    Hold(Label, BackupId, String),
    Release(Label, BackupId),
    Accept(Label, BackupId),
    Retain(Label, BackupId, Retention),
    Delete(Label, BackupId),
    TestNotice,
    Schedule(Label, ScheduleChange),
}

/// The action that a form names.
pub(super) fn action_of(what: &str) -> Option<AuditAction> {
    match what {
        "back-up" => Some(AuditAction::BackUp),
        "drill" => Some(AuditAction::Drill),
        "verify" => Some(AuditAction::Verify),
        "hold" => Some(AuditAction::Hold),
        "release" => Some(AuditAction::Release),
        "accept" => Some(AuditAction::Accept),
        "retain" => Some(AuditAction::Retain),
        "delete" => Some(AuditAction::Delete),
        "test-notice" => Some(AuditAction::TestNotice),
        "schedule" => Some(AuditAction::Schedule),
        _ => None,
    }
}

impl Act {
    /// Reads a form. What was typed to confirm is compared here.
    ///
    /// # Errors
    /// Says what is missing.
    pub(super) fn read(form: &ActForm) -> std::result::Result<Self, String> {
        if form.what == "test-notice" {
            return Ok(Self::TestNotice);
        }
        let label = Label::parse(&form.database).map_err(|_| "there is no such database".to_owned())?;
        let id = BackupId::parse(&form.id).ok();
        let with_id = |act: fn(Label, BackupId) -> Self| {
            let id = id.clone().ok_or_else(|| "there is no such backup".to_owned())?;
            Ok(act(label.clone(), id))
        };
        match form.what.as_str() {
            "back-up" => Ok(Self::BackUp(label, None)),
            "drill" => Ok(Self::Drill(label, id)),
            "schedule" => match form.schedule.trim() {
                "" => Err("no schedule is chosen".to_owned()),
                text => Ok(Self::Schedule(label, change_to(text, &form.timezone))),
            },
            "verify" => with_id(Self::Verify),
            "release" => with_id(Self::Release),
            "accept" => with_id(Self::Accept),
            "hold" => match (id, form.reason.trim()) {
                (_, "") => Err("a hold needs a reason".to_owned()),
                (Some(id), reason) => Ok(Self::Hold(label, id, reason.to_owned())),
                (None, _) => Err("there is no such backup".to_owned()),
            },
            "retain" => match (id, form.retention.trim().parse()) {
                (Some(id), Ok(retention)) => Ok(Self::Retain(label, id, retention)),
                (_, Err(error)) => Err(error.to_string()),
                (None, _) => Err("there is no such backup".to_owned()),
            },
            "delete" => match (id, form.typed.trim() == label.as_str()) {
                (_, false) => Err(format!(
                    "type {label}, the name of the database, to delete a backup of it"
                )),
                (Some(id), true) => Ok(Self::Delete(label, id)),
                (None, true) => Err("there is no such backup".to_owned()),
            },
            _ => Err("there is nothing of this name to do".to_owned()),
        }
    }

    /// What it is called while it goes on.
    pub(super) fn title(&self) -> String {
        match self {
            Self::BackUp(label, _) => format!("Back up {label}"),
            Self::Drill(label, None) => format!("Test a restore of {label}"),
            Self::Drill(label, Some(id)) => format!("Test a restore of {label}, {}", minute(id.time())),
            Self::Verify(label, id) => format!("Read back {label}, {}", minute(id.time())),
            Self::Hold(label, id, _) => format!("Hold {label}, {}", minute(id.time())),
            Self::Release(label, id) => format!("Release {label}, {}", minute(id.time())),
            Self::Accept(label, id) => format!("Accept {label}, {}", minute(id.time())),
            Self::Retain(label, id, retention) => format!("Keep {label}, {}, {retention}", minute(id.time())),
            Self::Delete(label, id) => format!("Delete {label}, {}", minute(id.time())),
            Self::TestNotice => "Send a test notice".to_owned(),
            Self::Schedule(label, _) => format!("Change the schedule of {label}"),
        }
    }

    /// What it is in the audit trail, and what it is about.
    pub(super) fn subject(&self) -> (AuditAction, About<'_>) {
        match self {
            Self::BackUp(label, _) => (AuditAction::BackUp, About::database(label)),
            Self::Drill(label, None) => (AuditAction::Drill, About::database(label)),
            Self::Drill(label, Some(id)) => (AuditAction::Drill, About::backup(label, id)),
            Self::Verify(label, id) => (AuditAction::Verify, About::backup(label, id)),
            Self::Hold(label, id, reason) => (AuditAction::Hold, About::backup(label, id).saying(reason.clone())),
            Self::Release(label, id) => (AuditAction::Release, About::backup(label, id)),
            Self::Accept(label, id) => (AuditAction::Accept, About::backup(label, id)),
            Self::Retain(label, id, retention) => (
                AuditAction::Retain,
                About::backup(label, id).saying(retention.to_string()),
            ),
            Self::Delete(label, id) => (AuditAction::Delete, About::backup(label, id)),
            Self::TestNotice => (AuditAction::TestNotice, About::default()),
            Self::Schedule(label, change) => {
                let texts = [&change.schedule, &change.timezone];
                let texts: Vec<&str> = texts.into_iter().flatten().map(String::as_str).collect();
                (AuditAction::Schedule, About::database(label).saying(texts.join(", ")))
            }
        }
    }

    /// Its name for programs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::BackUp(..) => "back_up",
            Self::Drill(..) => "drill",
            Self::Verify(..) => "verify",
            Self::Hold(..) => "hold",
            Self::Release(..) => "release",
            Self::Accept(..) => "accept",
            Self::Retain(..) => "retain",
            Self::Delete(..) => "delete",
            Self::TestNotice => "test_notice",
            Self::Schedule(..) => "schedule",
        }
    }

    /// The database that it is about.
    pub(super) fn database(&self) -> Option<&Label> {
        match self {
            Self::BackUp(label, _)
            | Self::Schedule(label, _)
            | Self::Drill(label, _)
            | Self::Verify(label, _)
            | Self::Hold(label, ..)
            | Self::Release(label, _)
            | Self::Accept(label, _)
            | Self::Retain(label, ..)
            | Self::Delete(label, _) => Some(label),
            Self::TestNotice => None,
        }
    }

    /// Whether this, which began so long ago and goes on, will bring what `other` is asked for: a backup that is no
    /// older then than `other` accepts.
    pub(super) fn serves(&self, other: &Self, age: SignedDuration) -> bool {
        let (Self::BackUp(own, interval), Self::BackUp(label, Some(accepted))) = (self, other) else {
            return false;
        };
        own == label && age < *accepted && interval.is_none_or(|interval| interval <= *accepted)
    }

    /// Whether this, which goes on, is the very work that `other` asks for, so that a second one would only be in its way.
    pub(super) fn is_same_work(&self, other: &Self) -> bool {
        let is_shared = matches!(self, Self::BackUp(_, None) | Self::Drill(..) | Self::Verify(..));
        is_shared && self == other
    }

    /// Where its object is shown.
    pub(super) fn path(&self) -> Option<String> {
        let (_, about) = self.subject();
        let label = about.database?;
        Some(match about.backup {
            Some(id) => format!("/databases/{label}/backups/{id}"),
            None => format!("/databases/{label}"),
        })
    }

    /// Does it in the name of `who`.
    ///
    /// # Errors
    /// Those of the agent's verb.
    pub(super) async fn carry_out(&self, agent: &Agent, who: &str, progress: &Progress) -> Result<Done> {
        match self {
            Self::BackUp(label, at_most_every) => back_up(agent, (label, *at_most_every), progress).await,
            Self::Drill(label, id) => drill(agent, (label, id.as_ref()), who, progress).await,
            Self::Verify(label, id) => verify(agent, label, id, progress).await,
            Self::Hold(label, id, reason) => {
                let hold = MarkChange::Hold(reason.clone());
                change(
                    agent,
                    (label, id),
                    &hold,
                    who,
                    "It is kept whatever its retention says.",
                )
                .await
            }
            Self::Release(label, id) => {
                change(
                    agent,
                    (label, id),
                    &MarkChange::Release,
                    who,
                    "Its retention counts again.",
                )
                .await
            }
            Self::Accept(label, id) => {
                change(
                    agent,
                    (label, id),
                    &MarkChange::Accept,
                    who,
                    "It counts as right from now on.",
                )
                .await
            }
            Self::Retain(label, id, retention) => {
                let retained = agent.retain(selector(label, id), *retention, who).await?;
                let until = retained
                    .expires
                    .map_or_else(|| "with no fixed end".to_owned(), |at| format!("until {}", minute(at)));
                Ok(done(
                    label,
                    Some(id),
                    format!("It is kept {}, {until}.", retained.retention),
                ))
            }
            Self::Delete(label, id) => delete(agent, label, id).await,
            Self::TestNotice => test_notice(agent).await,
            Self::Schedule(label, change) => store_schedule(agent, label, change, who).await,
        }
    }
}

fn selector<'a>(label: &'a Label, id: &'a BackupId) -> Selector<'a> {
    Selector {
        id: Some(id.as_str()),
        before: None,
        database: Some(label.as_str()),
    }
}

async fn back_up(
    agent: &Agent,
    (label, at_most_every): (&Label, Option<SignedDuration>),
    progress: &Progress,
) -> Result<Done> {
    let options = BackupOptions {
        database: Some(label.to_string()),
        tier: Tier::Manual,
        retention: None,
        compression: None,
        at_most_every,
        part_bytes: None,
    };
    match agent.backup(&options, progress).await?.asked {
        AskedBackup::Made(taken) => {
            let (record, counts) = (&taken.record, taken.record.counts);
            let bytes = record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes);
            let mut done = done(
                label,
                Some(&record.id),
                format!(
                    "{}, {} and {} are in the bucket.",
                    counted(grouped(counts.tables), "table"),
                    counted(grouped(counts.rows), "row"),
                    size(bytes)
                ),
            );
            let reasons = taken
                .details
                .suspicious
                .iter()
                .map(|reason| format!("It looks wrong: {reason}."));
            done.sentences.extend(reasons);
            Ok(done)
        }
        AskedBackup::Recent(recent) => {
            let sentence = format!("One was made at {} already.", minute(recent.started));
            Ok(done(label, Some(&recent.id), sentence))
        }
    }
}

async fn drill(
    agent: &Agent,
    (label, id): (&Label, Option<&BackupId>),
    who: &str,
    progress: &Progress,
) -> Result<Done> {
    let selector = Selector {
        id: id.map(BackupId::as_str),
        before: None,
        database: Some(label.as_str()),
    };
    let records = agent.find_to_drill(selector).await?;
    let record = records
        .first()
        .ok_or_else(|| Error::Internal("no backup to drill".to_owned()))?;
    agent.thaw(record, &thaw()).await?;
    let options = DrillOptions {
        who: who.to_owned(),
        leaves_report: true,
    };
    let drilled = agent.drill(record, &options, progress).await?;
    if let Some(error) = drilled.unreported {
        return Err(error);
    }
    let sentence = match drilled.report.verdict {
        DrillVerdict::Proven => "It is proven: all of it came back as it was dumped.",
        DrillVerdict::PartlyProven => "It is partly proven: what was compared came back as it was dumped.",
        DrillVerdict::NotProven => {
            "It is NOT proven: it did not come back as it was dumped. The page of the backup names what differs."
        }
    };
    Ok(done(label, Some(&record.id), sentence.to_owned()))
}

/// What lies in cold storage is not brought back from here: that takes hours, and costs.
fn thaw() -> ThawRequest {
    ThawRequest {
        speed: None,
        days: 1,
        wait: false,
    }
}

async fn verify(agent: &Agent, label: &Label, id: &BackupId, progress: &Progress) -> Result<Done> {
    let record = agent.find_to("verify", selector(label, id)).await?;
    agent.thaw(&record, &thaw()).await?;
    let verified = agent.verify(&record, false, progress).await?;
    let sentence = format!(
        "All {} were read, and every MAC is right: {} and {}.",
        size(verified.sealed_bytes),
        counted(grouped(verified.tables), "table"),
        counted(grouped(verified.rows), "row")
    );
    Ok(done(label, Some(id), sentence))
}

async fn change(
    agent: &Agent,
    (label, id): (&Label, &BackupId),
    change: &MarkChange,
    who: &str,
    sentence: &str,
) -> Result<Done> {
    let changed = agent.change_mark(selector(label, id), change, who).await?;
    let sentence = if changed.changed {
        sentence
    } else {
        "Nothing has changed: it was so already."
    };
    Ok(done(label, Some(id), sentence.to_owned()))
}

async fn delete(agent: &Agent, label: &Label, id: &BackupId) -> Result<Done> {
    let request = agent.deletion(selector(label, id), false).await?;
    let planned = agent.plan_deletion(&request).await?;
    let report = agent.delete(planned, &request).await?;
    let mut done = Done {
        backup: Some(id.clone()),
        ..done(label, None, "It is deleted.".to_owned())
    };
    done.sentences.extend(report.troubles.iter().cloned());
    Ok(done)
}

async fn test_notice(agent: &Agent) -> Result<Done> {
    let deliveries = agent.notifications().test().await;
    let mut sentences: Vec<String> = Vec::new();
    for delivery in &deliveries {
        sentences.push(match &delivery.result {
            Ok(()) => format!("{} took it.", delivery.channel),
            Err(error) => format!("{} did NOT take it: {error}", delivery.channel),
        });
    }
    if sentences.is_empty() {
        return Err(Error::usage(
            "nobody is set who could be told",
            "set PGCOFFER_SLACK_WEBHOOK_URL, PGCOFFER_WEBHOOK_URL, or PGCOFFER_SMTP_URL with PGCOFFER_EMAIL_FROM and \
             PGCOFFER_EMAIL_TO",
        ));
    }
    Ok(Done {
        sentences,
        backup: None,
        path: None,
    })
}

#[cfg(test)]
mod tests;
