//! What an operator can have done.

mod doing;

use jiff::{SignedDuration, Timestamp};

use doing::{back_up, change, delete, drill, selector, test_notice, verify};

use super::{
    about::About,
    done::{Done, done},
    forms::ActForm,
    store_schedule::{change_to, store_schedule},
};
use crate::{
    agent::{Agent, ScheduleChange},
    backup::{AuditAction, BackupId, Label, Retention},
    error::Result,
    operation::{MarkChange, Progress},
    text::minute,
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

/// Whether a form has a backup kept to an end that is over already, so that the next prune deletes it.
pub(super) fn ends_before(form: &ActForm, now: Timestamp) -> bool {
    let (Ok(id), Ok(retention)) = (BackupId::parse(&form.id), form.retention.trim().parse::<Retention>()) else {
        return false;
    };
    retention.expires(id.time()).is_some_and(|end| end <= now)
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
    pub(super) fn read(form: &ActForm, now: Timestamp) -> std::result::Result<Self, String> {
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
            "retain" if ends_before(form, now) && form.typed.trim() != label.as_str() => Err(format!(
                "that end is over already, and the next prune deletes it: type {label}, the name of the database, if you \
                 mean that"
            )),
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

#[cfg(test)]
mod tests;
