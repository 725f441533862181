//! A backup that somebody asks for, and what people are notified of.

use futures_util::future::join;

use super::{
    Notifications,
    event::{self, RunFacts},
    missed::reasons_known,
    rule::{AlreadyKnown, RunFinding, RunOutcome, findings},
};
use crate::{
    backup::{BackupId, BackupSummary, EventKind, Failure, RecentBackup, Record},
    catalog::Catalog,
    error::{Error, Result},
    exit_status::ExitStatus,
    notify::Signal,
    operation::{self, BackupRequest, BackupTaken, Baseline, Interrupt, Progress},
    panics::{caught, caught_as_error},
    postgres::{self, Clients},
};

/// What became of a backup that somebody asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum AskedBackup {
    /// It was made.
    Made(Box<BackupTaken>),
    /// It was not, as this good one was made within the interval that the request allows.
    Recent(RecentBackup),
}

/// Takes one backup as [`operation::backup`] does, and notifies people of how it ended. Of one that is not made, as
/// another was made just now, nobody is notified.
///
/// `alone`: no other database is backed up here. Where there are others, a good backup of one says nothing about them,
/// and turns no check green that is for all.
///
/// # Errors
/// Those of [`operation::backup`]; a notification that fails causes none.
pub async fn backup(
    catalog: &Catalog,
    clients: &Clients,
    request: &BackupRequest,
    alone: bool,
    notifications: &Notifications,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<AskedBackup> {
    // what prevents this look, the run itself finds and reports
    let look = interrupt.or(operation::recent_backup(catalog, request));
    if let Ok(Some(recent)) = caught_as_error(look).await {
        return Ok(AskedBackup::Recent(recent));
    }
    if notifications.is_silent() {
        let work = operation::backup(catalog, clients, request, progress, interrupt);
        return asked(caught_as_error(work).await);
    }
    let run = NotifiedRun {
        catalog,
        request,
        alone,
        notifications,
        interrupt,
    };
    let before = caught(run.look()).await.ok().flatten();
    let started = async {
        let own = notifications.heartbeat_start(Some(&request.database), interrupt);
        // what is begun would have to be ended, and only a failure could end it
        let all = async {
            if alone {
                notifications.heartbeat_start(None, interrupt).await;
            }
        };
        join(own, all).await;
    };
    // the first heartbeat must not keep the backup waiting
    let work = operation::backup(catalog, clients, request, progress, interrupt);
    let label = Some(&request.database);
    let (result, ()) = join(caught_as_error(work), notifications.guarded(label, started)).await;
    let reporting = run.report(before.as_ref(), &result);
    notifications.guarded(label, reporting).await;
    asked(result)
}

fn asked(result: Result<BackupTaken>) -> Result<AskedBackup> {
    match result {
        Ok(taken) => Ok(AskedBackup::Made(Box::new(taken))),
        Err(Error::NotDue {
            recent: Some(recent), ..
        }) => Ok(AskedBackup::Recent(*recent)),
        Err(error) => Err(error),
    }
}

struct NotifiedRun<'a> {
    catalog: &'a Catalog,
    request: &'a BackupRequest,
    alone: bool,
    notifications: &'a Notifications,
    interrupt: &'a Interrupt,
}

impl NotifiedRun<'_> {
    /// How the database stands; none where that can't be seen, which the run itself will report if it matters.
    async fn look(&self) -> Option<Baseline> {
        let now = self.request.clock.now();
        let look = Baseline::look(self.catalog, &self.request.database, None, now);
        let mut before = self.interrupt.or(look).await.ok()?;
        // a backup that is asked for by hand serves no period of the schedule
        before.health.late.clear();
        Some(before)
    }

    async fn report(&self, before: Option<&Baseline>, result: &Result<BackupTaken>) {
        let (label, notifications) = (&self.request.database, self.notifications);
        let failure = result.as_ref().err().map(Failure::from);
        let outcome = match (result, &failure) {
            (Ok(taken), _) => RunOutcome::Backup {
                reasons: &taken.details.suspicious,
            },
            (Err(Error::Interrupted { .. }), _) => RunOutcome::Interrupted,
            // a person sees it, and the other run reports itself
            (Err(Error::Postgres(postgres::Error::Locked { .. }) | Error::NotDue { .. }), _) | (_, None) => {
                RunOutcome::Nothing
            }
            (Err(_), Some(failure)) => RunOutcome::Failed(failure),
        };
        let (signal, text) = match result {
            Ok(taken) => backed_up(taken),
            Err(error) if outcome == RunOutcome::Nothing => (Signal::Log, format!("{label}: {}\n", error.cause())),
            Err(error) => {
                let event = event::of_error(notifications, Some(label), error);
                (Signal::Exit(error.exit_status().number()), event::log_line(&event))
            }
        };
        let own = notifications.heartbeat(Some(label), signal, &text, self.interrupt);
        let for_all = match signal {
            Signal::Success if !self.alone => Signal::Log,
            signal => signal,
        };
        let all = notifications.heartbeat(None, for_all, &text, self.interrupt);
        let sent = self.send(before, outcome, result.as_ref().ok(), failure.as_ref());
        join(sent, join(own, all)).await;
    }

    async fn send(
        &self,
        before: Option<&Baseline>,
        outcome: RunOutcome<'_>,
        taken: Option<&BackupTaken>,
        failure: Option<&Failure>,
    ) {
        let notifications = self.notifications;
        let after = match (outcome, self.interrupt.is_raised()) {
            (RunOutcome::Failed(_), false) => self.look().await,
            _ => None,
        };
        let record = taken.map(|taken| &taken.record);
        let backup = record.map(BackupSummary::from);
        let facts = RunFacts {
            before,
            after: after.as_ref().map(|after| &after.health),
            failure,
            backup: backup.as_ref(),
            reasons: event::reasons(outcome),
            retry_at: None,
        };
        let known = AlreadyKnown {
            missed: false,
            suspicious: reasons_known(before, facts.reasons, notifications.now()),
        };
        let Some(finding) = notifications.gravest(findings(before, outcome, known)) else {
            return;
        };
        let Some(event) = event::event(notifications, &self.request.database, finding, facts) else {
            return;
        };
        let Some(notice) = notifications.send(&event, self.interrupt).await else {
            return;
        };
        let was_undelivered = before.is_some_and(|before| before.health.undelivered.is_some());
        let is_plain = event.kind() == EventKind::Success && notice.undelivered.is_empty() && !was_undelivered;
        if let (Some(id), false) = (noted_under(finding, record, after.as_ref()), is_plain) {
            let place = (&self.request.database, &id, &self.request.secret);
            notifications.note(self.catalog, place, &notice, self.interrupt).await;
        }
    }
}

/// The run in whose mark a notice is noted.
fn noted_under(finding: RunFinding, record: Option<&Record>, after: Option<&Baseline>) -> Option<BackupId> {
    match (record, finding) {
        (Some(record), _) => Some(record.id.clone()),
        (None, RunFinding::Failure) => Some(after?.health.last_failure.as_ref()?.id.clone()),
        _ => None,
    }
}

/// What a check is told of a backup: it turns green by one that nobody has to look at.
fn backed_up(taken: &BackupTaken) -> (Signal, String) {
    let (record, reasons) = (&taken.record, &taken.details.suspicious);
    let mut text = format!("{}: backed up as {}\n", record.database, record.id);
    for reason in reasons {
        text.push_str(&format!("{}: it looks suspicious: {reason}\n", record.database));
    }
    let signal = match reasons.is_empty() {
        true => Signal::Success,
        false => Signal::Exit(ExitStatus::Problem.number()),
    };
    (signal, text)
}
