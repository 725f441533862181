//! A backup that somebody asks for, and what people are told of it.

use futures_util::future::join;

use super::{
    Came, Known, Teller, What, events,
    facts::{self, Around},
    missed::suspicious_told,
};
use crate::{
    backup::{BackupId, Failure, Record, Sealed},
    catalog::Catalog,
    error::{Error, Result},
    exit_status::ExitStatus,
    notify::{BackupFacts, Kind, Signal},
    operation::{self, BackupRequest, BackupTaken, Before, Interrupt, Progress},
    panics::{caught, caught_as_error},
    postgres::{self, Clients},
};

/// Takes one backup as [`operation::backup`] does, and tells people what came of it.
///
/// `alone`: no other database is backed up here. Where there are others, a good backup of one says nothing of them, and
/// turns no check green that is for all.
///
/// # Errors
/// Those of [`operation::backup`]; none is caused by telling.
pub async fn backup(
    catalog: &Catalog,
    clients: &Clients,
    request: &BackupRequest,
    alone: bool,
    teller: &Teller,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<BackupTaken> {
    if teller.is_silent() {
        let work = operation::backup(catalog, clients, request, progress, interrupt);
        return caught_as_error(work).await;
    }
    let run = Run {
        catalog,
        request,
        alone,
        teller,
        interrupt,
    };
    let before = caught(run.look()).await.ok().flatten();
    let started = async {
        let own = teller.start(Some(&request.database), interrupt);
        // what is begun would have to be ended, and only a failure could end it
        let all = async {
            if alone {
                teller.start(None, interrupt).await;
            }
        };
        join(own, all).await;
    };
    // the first signal must not keep the backup waiting
    let work = operation::backup(catalog, clients, request, progress, interrupt);
    let label = Some(&request.database);
    let (result, ()) = join(caught_as_error(work), teller.guarded(label, started)).await;
    let telling = run.tell(before.as_ref(), &result);
    teller.guarded(label, telling).await;
    result
}

struct Run<'a> {
    catalog: &'a Catalog,
    request: &'a BackupRequest,
    alone: bool,
    teller: &'a Teller,
    interrupt: &'a Interrupt,
}

impl Run<'_> {
    /// How the database stands; none where that can't be seen, which the run itself will tell if it matters.
    async fn look(&self) -> Option<Before> {
        let now = self.request.clock.now();
        let look = Before::look(self.catalog, &self.request.database, None, now);
        let mut before = self.interrupt.or(look).await.ok()?;
        // whoever asks for a backup by hand serves no period of the schedule by it
        before.health.late.clear();
        Some(before)
    }

    async fn tell(&self, before: Option<&Before>, result: &Result<BackupTaken>) {
        let label = &self.request.database;
        let failure = result.as_ref().err().map(Failure::from);
        let came = match (result, &failure) {
            (Ok(taken), _) => Came::Backup {
                suspicious: &taken.details.suspicious,
            },
            (Err(Error::Interrupted { .. }), _) => Came::Interrupted,
            // a person sees it, and the other run tells of itself
            (Err(Error::Postgres(postgres::Error::Locked { .. })), _) | (_, None) => Came::Nothing,
            (Err(_), Some(failure)) => Came::Failed(failure),
        };
        let (signal, text) = match result {
            Ok(taken) => backed_up(taken),
            Err(error) if came == Came::Nothing => (Signal::Log, format!("{label}: {}\n", error.cause())),
            Err(error) => {
                let event = facts::of_error(self.teller, Some(label), error, self.teller.clock.now());
                (Signal::Exit(error.exit_status().number()), facts::short(&event))
            }
        };
        let own = self.teller.signal(Some(label), signal, &text, self.interrupt);
        let for_all = match signal {
            Signal::Success if !self.alone => Signal::Log,
            signal => signal,
        };
        let all = self.teller.signal(None, for_all, &text, self.interrupt);
        let told = self.tell_events(before, came, result.as_ref().ok(), failure.as_ref());
        join(told, join(own, all)).await;
    }

    async fn tell_events(
        &self,
        before: Option<&Before>,
        came: Came<'_>,
        taken: Option<&BackupTaken>,
        failure: Option<&Failure>,
    ) {
        let after = match (came, self.interrupt.is_raised()) {
            (Came::Failed(_), false) => self.look().await,
            _ => None,
        };
        let record = taken.map(|taken| &taken.record);
        let backup = record.map(backup_facts);
        let around = Around {
            before,
            after: after.as_ref().map(|after| &after.health),
            failure,
            backup: backup.as_ref(),
            suspicious: taken.map_or(&[], |taken| &taken.details.suspicious),
        };
        let known = Known {
            missed: false,
            suspicious: suspicious_told(before, around.suspicious, self.teller.clock.now()),
        };
        if let Some(what) = self.teller.gravest(events(before, came, known)) {
            let now = self.teller.clock.now();
            let event = facts::event(self.teller, &self.request.database, what, around, now);
            let Some(notice) = self.teller.tell(&event, self.interrupt).await else {
                return;
            };
            let was_unheard = before.is_some_and(|before| before.health.untold.is_some());
            let plain = event.kind == Kind::Success && notice.untold.is_empty() && !was_unheard;
            if let (Some(id), false) = (self.id(what, record, after.as_ref()), plain) {
                let place = (&self.request.database, &id, &self.request.secret);
                self.teller.note(self.catalog, place, &notice, self.interrupt).await;
            }
        }
    }

    /// The run in whose mark it is noted.
    fn id(&self, what: What, record: Option<&Record>, after: Option<&Before>) -> Option<BackupId> {
        match (record, what) {
            (Some(record), _) => Some(record.id.clone()),
            (None, What::Failure) => Some(after?.health.last_failure.as_ref()?.id.clone()),
            _ => None,
        }
    }
}

/// What a check is told of a backup: green is one that nobody has to look at.
fn backed_up(taken: &BackupTaken) -> (Signal, String) {
    let (record, suspicious) = (&taken.record, &taken.details.suspicious);
    let mut text = format!("{}: backed up as {}\n", record.database, record.id);
    for reason in suspicious {
        text.push_str(&format!("{}: it looks suspicious: {reason}\n", record.database));
    }
    let signal = match suspicious.is_empty() {
        true => Signal::Success,
        false => Signal::Exit(ExitStatus::Problem.number()),
    };
    (signal, text)
}

fn backup_facts(record: &Record) -> BackupFacts {
    BackupFacts {
        id: record.id.to_string(),
        tiers: record.serves().iter().map(|served| served.tier.to_string()).collect(),
        bytes: record.sealed.as_ref().map_or(0, Sealed::bytes),
    }
}
