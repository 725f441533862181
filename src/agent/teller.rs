//! Who is told, and what became of it.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::join;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{Pings, What, facts, repeats::Repeats};
use crate::{
    backup::{BackupId, Label, Notice, Untold},
    catalog::Catalog,
    error::Error,
    notify::{Event, Kind, Notifier, Origin, Patience, Signal, Telling},
    operation::{Clock, Interrupt},
    panics::caught,
    schedule::When,
    seal::Secret,
};

/// How long a notice may take to be written into the bucket, usually and after a signal.
const NOTE: Duration = Duration::from_secs(15);
const NOTE_AFTER_SIGNAL: Duration = Duration::from_secs(2);
/// How long all telling of a run may take after a signal: giving up its upload takes the rest of what platforms wait.
const AFTER_SIGNAL: Duration = Duration::from_secs(15);
/// The ping of a beginning is soon of no use to anybody.
const START: Patience = Patience {
    total: Duration::from_secs(5),
    ..Patience::SHORT
};

/// When the weekly digest is due.
#[derive(Debug, Clone)]
pub struct Weekly {
    /// day and time
    pub when: When,
    /// by whose clock
    pub zone: TimeZone,
}

/// Something that a channel did not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unheard {
    /// the channel: its kind and host
    pub channel: String,
    /// what kind of event; `ping` for one of those
    pub event: String,
    /// label of the database, where it was about one
    pub database: Option<String>,
    /// why
    pub why: String,
    /// what cures it
    pub hint: Option<String>,
}

/// Everybody who is told, what was told without leaving a trace in the bucket, and what could not be told.
#[derive(Debug)]
pub struct Teller {
    notifier: Notifier,
    pub(super) pings: Pings,
    pub(super) digest: Option<Weekly>,
    pub(super) origin: Origin,
    pub(super) clock: Clock,
    pub(super) repeats: Repeats,
    unheard: Mutex<Vec<Unheard>>,
    /// until when there is time to tell anything, once a signal has come
    until: OnceLock<Instant>,
}

impl Teller {
    /// Tells by these channels and checks, from this origin, dated by this clock.
    #[must_use]
    pub fn new(notifier: Notifier, pings: Pings, digest: Option<Weekly>, origin: Origin, clock: Clock) -> Self {
        Self {
            notifier,
            pings,
            digest,
            origin,
            clock,
            repeats: Repeats::default(),
            unheard: Mutex::default(),
            until: OnceLock::new(),
        }
    }

    /// Whether there is nobody to tell anything.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.notifier.channels.is_empty() && self.pings.is_empty()
    }

    /// What could not be told since this was asked last.
    #[must_use]
    pub fn take_unheard(&self) -> Vec<Unheard> {
        let mut unheard = self.unheard.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *unheard)
    }

    /// Tells that something failed before it could leave a record: settings, the key, the bucket. In a process that
    /// lives on, the same subject is told again with growing pauses only.
    pub async fn failed(&self, database: Option<&Label>, error: &Error, interrupt: &Interrupt) {
        self.guarded(database, self.tell_failed(database, error, interrupt))
            .await;
    }

    /// Carries out some telling. A bug in it keeps nobody from anything else; it counts as what could not be told.
    pub(super) async fn guarded(&self, database: Option<&Label>, telling: impl Future<Output = ()>) {
        if let Err(panic) = caught(telling).await {
            let error = Error::from(panic);
            self.keep(Unheard {
                channel: "every channel".to_owned(),
                event: Kind::Failure.to_string(),
                database: database.map(ToString::to_string),
                why: error.to_string(),
                hint: error.hint(),
            });
        }
    }

    async fn tell_failed(&self, database: Option<&Label>, error: &Error, interrupt: &Interrupt) {
        let now = self.clock.now();
        let event = facts::of_error(self, database, error, now);
        let subject = database.map_or("", Label::as_str);
        let telling = async {
            if self.repeats.allows(subject, now) {
                self.tell(&event, interrupt).await;
            }
        };
        let text = facts::short(&event);
        let signal = Signal::Exit(error.exit_status().number());
        join(telling, self.signal(database, signal, &text, interrupt)).await;
    }

    /// Sends a test over every channel, and a line for the log of every check; gives what became of each.
    pub async fn test(&self) -> Vec<Telling> {
        let event = Event::new(Kind::Test, self.clock.now(), self.origin.clone());
        let mut tellings = self.notifier.tell(&event, Patience::USUAL).await;
        let own = self.pings.own.iter().map(|(label, ping)| (Some(label), ping));
        for (label, ping) in self.pings.all.iter().map(|ping| (None, ping)).chain(own) {
            let text = "a test by `pgcoffer check --notify`";
            let result = ping.send(Signal::Log, None, text, Patience::USUAL).await;
            let setting = ping_setting(label);
            let of = label.map_or_else(String::new, |label| format!(" of {label}"));
            tellings.push(Telling {
                channel: format!("ping{of} ({})", ping.host()),
                setting,
                result,
            });
        }
        tellings
    }

    /// The gravest of what there is to tell of one run, as far as anybody wants to know: "looks suspicious" and "is
    /// good" in one breath would be a riddle.
    pub(super) fn gravest(&self, all: Vec<What>) -> Option<What> {
        all.into_iter().find(|what| self.listens_to(what.kind()))
    }

    /// Whether anybody wants to know of this kind.
    pub(super) fn listens_to(&self, kind: Kind) -> bool {
        self.notifier.listens_to(kind)
    }

    /// Tells an event, and keeps what could not be told. After a signal there is little time.
    pub(super) async fn tell(&self, event: &Event, interrupt: &Interrupt) -> Option<Notice> {
        if !self.listens_to(event.kind) {
            return None;
        }
        let attempt = |patience| self.notifier.tell(event, patience);
        let tellings = self.in_time(interrupt, attempt).await;
        let mut notice = Notice {
            event: event.kind.as_str().into(),
            about: event.what.into(),
            at: event.at,
            told: Vec::new(),
            untold: Vec::new(),
        };
        for telling in tellings {
            match &telling.result {
                Ok(()) => notice.told.push(telling.channel.into()),
                Err(error) => {
                    notice.untold.push(Untold {
                        channel: telling.channel.as_str().into(),
                        why: error.to_string().into(),
                    });
                    self.keep(Unheard {
                        hint: telling.hint(),
                        why: error.to_string(),
                        channel: telling.channel,
                        event: event.kind.to_string(),
                        database: event.database.clone(),
                    });
                }
            }
        }
        Some(notice)
    }

    /// What comes of an attempt: with all patience, unless a signal has come or comes meanwhile.
    async fn in_time<T, F: Future<Output = T>>(&self, interrupt: &Interrupt, attempt: impl Fn(Patience) -> F) -> T {
        if !interrupt.is_raised() {
            let done = tokio::select! {
                done = attempt(Patience::USUAL) => Some(done),
                _ = interrupt.raised() => None,
            };
            if let Some(done) = done {
                return done;
            }
        }
        // begun anew where a signal came in between: told twice is better than not at all
        let end = *self.until.get_or_init(|| Instant::now() + AFTER_SIGNAL);
        let left = end.saturating_duration_since(Instant::now());
        let total = Patience::SHORT.total.min(left);
        attempt(Patience {
            total,
            ..Patience::SHORT
        })
        .await
    }

    /// Writes what was told into the mark of `id`. Where that fails, it is told in the log: the next look knows nothing
    /// of it.
    pub(super) async fn note(
        &self,
        catalog: &Catalog,
        (database, id, secret): (&Label, &BackupId, &Secret),
        notice: &Notice,
        interrupt: &Interrupt,
    ) {
        let limit = if interrupt.is_raised() { NOTE_AFTER_SIGNAL } else { NOTE };
        let noted = tokio::time::timeout(limit, catalog.note(database, id, secret, notice));
        let why = match noted.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the bucket did not answer in time".to_owned(),
        };
        tracing::warn!(database = %database, "what was told of {id} could not be noted in the bucket: {why}");
    }

    /// Signals the end of something to the check of a database, or to the one for everything.
    pub(super) async fn signal(&self, database: Option<&Label>, signal: Signal, text: &str, interrupt: &Interrupt) {
        let attempt = |patience| self.pings.end(database, signal, text, patience);
        let sent = self.in_time(interrupt, attempt).await;
        self.keep_ping(database, sent);
    }

    /// Signals the beginning of something, unless a signal comes: what ends then tells so.
    pub(super) async fn start(&self, database: Option<&Label>, interrupt: &Interrupt) {
        tokio::select! {
            sent = self.pings.start(database, START) => self.keep_ping(database, sent),
            _ = interrupt.raised() => {}
        }
    }

    fn keep_ping(&self, database: Option<&Label>, sent: Result<(), (String, crate::notify::Error)>) {
        if let Err((host, error)) = sent {
            self.keep(Unheard {
                channel: format!("ping ({host})"),
                event: "ping".to_owned(),
                database: database.map(ToString::to_string),
                why: error.to_string(),
                hint: error.hint().map(|hint| format!("{hint} ({})", ping_setting(database))),
            });
        }
    }

    fn keep(&self, unheard: Unheard) {
        let mut all = self.unheard.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(unheard);
    }

    /// The last moment at which a digest was due.
    pub(super) fn digest_due(&self, now: Timestamp) -> Option<Timestamp> {
        let weekly = self.digest.as_ref()?;
        weekly.when.latest(&weekly.zone, now)
    }
}

fn ping_setting(database: Option<&Label>) -> &'static str {
    match database {
        None => "PGCOFFER_PING_URL",
        Some(_) => "PGCOFFER_DB_<NAME>_PING_URL",
    }
}
