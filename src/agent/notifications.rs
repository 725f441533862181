//! Who is notified, and what became of it.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Serialize, Serializer};

use super::{Heartbeats, rule::RunFinding, throttle::Throttle};
use crate::{
    backup::{BackupId, Event, EventKind, FailedDelivery, Label, NewestGood, Notice, Occurrence, Origin},
    catalog::Catalog,
    error::Error,
    notify::{Delivery, Notifier, SendLimits, Signal},
    operation::{Clock, Interrupt},
    panics::caught,
    schedule::Recurrence,
    seal::Secret,
};

/// How long the note of a notice may take to be written into the bucket.
const NOTE: Duration = Duration::from_secs(15);
/// The same after a signal.
const NOTE_AFTER_SIGNAL: Duration = Duration::from_secs(2);
/// How long all notifications of a run may take after a signal: giving up its upload takes the rest of the time for
/// which platforms wait.
const AFTER_SIGNAL: Duration = Duration::from_secs(15);
/// The heartbeat of a beginning is soon of no use to anybody.
const START: SendLimits = SendLimits {
    total: Duration::from_secs(5),
    ..SendLimits::SHORT
};

/// When the weekly digest is due.
#[derive(Debug, Clone)]
pub struct Weekly {
    /// The day and the time.
    pub when: Recurrence,
    /// The time zone.
    pub zone: TimeZone,
}

/// A message or a heartbeat that a channel did not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undelivered {
    /// The channel: its kind and host.
    pub channel: String,
    /// The kind of the event; none for a heartbeat.
    #[serde(serialize_with = "kind_or_ping")]
    pub event: Option<EventKind>,
    /// The database, where it was about one.
    pub database: Option<Label>,
    /// Why the channel did not take it.
    pub why: String,
    /// What cures it.
    pub hint: Option<String>,
}

fn kind_or_ping<S: Serializer>(kind: &Option<EventKind>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.map_or("ping", EventKind::as_str))
}

/// Everybody who is notified; the failures of which people know though the bucket does not say so; and what could not
/// be delivered.
#[derive(Debug)]
pub struct Notifications {
    notifier: Notifier,
    pub(super) heartbeats: Heartbeats,
    digest: Option<Weekly>,
    origin: Origin,
    clock: Clock,
    pub(super) throttle: Throttle,
    undelivered: Mutex<Vec<Undelivered>>,
    /// Until when there is time to notify anybody, once a signal has come.
    until: OnceLock<Instant>,
}

impl Notifications {
    /// Notifications over these channels and to these checks, from this origin, dated by this clock.
    #[must_use]
    pub fn new(
        notifier: Notifier,
        heartbeats: Heartbeats,
        digest: Option<Weekly>,
        origin: Origin,
        clock: Clock,
    ) -> Self {
        Self {
            notifier,
            heartbeats,
            digest,
            origin,
            clock,
            throttle: Throttle::default(),
            undelivered: Mutex::default(),
            until: OnceLock::new(),
        }
    }

    /// Whether nobody is configured to be notified.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.notifier.channels.is_empty() && self.heartbeats.is_empty()
    }

    /// What could not be delivered since this was called last.
    #[must_use]
    pub fn take_undelivered(&self) -> Vec<Undelivered> {
        let mut undelivered = self.undelivered.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *undelivered)
    }

    /// Sends something. A bug on the way keeps nobody from anything else; it counts as what could not be delivered.
    pub(super) async fn guarded(&self, database: Option<&Label>, sending: impl Future<Output = ()>) {
        if let Err(panic) = caught(sending).await {
            let error = Error::from(panic);
            self.keep(Undelivered {
                channel: "every channel".to_owned(),
                event: Some(EventKind::Failure),
                database: database.cloned(),
                why: error.to_string(),
                hint: error.hint(),
            });
        }
    }

    /// Sends a test over every channel, and a line for the log of every check; says what became of each.
    pub async fn test(&self) -> Vec<Delivery> {
        let event = self.event(None, NewestGood::Unknown, Occurrence::Test);
        let mut deliveries = self.notifier.send(&event, SendLimits::USUAL).await;
        let own = self.heartbeats.own.iter().map(|(label, ping)| (Some(label), ping));
        for (label, ping) in self.heartbeats.all.iter().map(|ping| (None, ping)).chain(own) {
            let text = "a test by `pgcoffer check --notify`";
            let result = ping.send(Signal::Log, None, text, SendLimits::USUAL).await;
            let of = label.map_or_else(String::new, |label| format!(" of {label}"));
            deliveries.push(Delivery {
                channel: format!("ping{of} ({})", ping.host()),
                setting: ping_setting(label),
                result,
            });
        }
        deliveries
    }

    /// The time by the clock of the agent.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An event that happens now.
    pub(super) fn event(&self, database: Option<&Label>, newest_good: NewestGood, what: Occurrence) -> Event {
        Event {
            at: self.now(),
            origin: self.origin.clone(),
            database: database.cloned(),
            newest_good,
            what,
        }
    }

    /// The gravest finding about one run, as far as anybody wants to know: two messages, "looks suspicious" and "is
    /// good", would confuse.
    pub(super) fn gravest(&self, all: Vec<RunFinding>) -> Option<RunFinding> {
        all.into_iter().find(|finding| self.wants(finding.kind()))
    }

    /// Whether anybody wants to know of events of this kind.
    pub(super) fn wants(&self, kind: EventKind) -> bool {
        self.notifier.sends(kind)
    }

    /// Sends an event, and keeps what could not be delivered. After a signal there is little time. Gives the notice
    /// that is to be noted in the bucket; none where nobody wants to know.
    pub(super) async fn send(&self, event: &Event, interrupt: &Interrupt) -> Option<Notice> {
        let kind = event.kind();
        if !self.wants(kind) {
            return None;
        }
        let attempt = |limits| self.notifier.send(event, limits);
        let deliveries = self.in_time(interrupt, attempt).await;
        let mut notice = Notice {
            event: kind.as_str().into(),
            about: event.topic().as_str().into(),
            at: event.at,
            delivered: Vec::new(),
            undelivered: Vec::new(),
        };
        for delivery in deliveries {
            match &delivery.result {
                Ok(()) => notice.delivered.push(delivery.channel.into()),
                Err(error) => {
                    notice.undelivered.push(FailedDelivery {
                        channel: delivery.channel.as_str().into(),
                        why: error.to_string().into(),
                    });
                    self.keep(Undelivered {
                        hint: delivery.hint(),
                        why: error.to_string(),
                        channel: delivery.channel,
                        event: Some(kind),
                        database: event.database.clone(),
                    });
                }
            }
        }
        Some(notice)
    }

    /// The result of an attempt within the usual limits, unless a signal has come or comes meanwhile.
    async fn in_time<T, F: Future<Output = T>>(&self, interrupt: &Interrupt, attempt: impl Fn(SendLimits) -> F) -> T {
        if !interrupt.is_raised() {
            let done = tokio::select! {
                done = attempt(SendLimits::USUAL) => Some(done),
                _ = interrupt.raised() => None,
            };
            if let Some(done) = done {
                return done;
            }
        }
        // begun again where a signal came in between: a message that arrives twice is better than none
        let end = *self.until.get_or_init(|| Instant::now() + AFTER_SIGNAL);
        let left = end.saturating_duration_since(Instant::now());
        let total = SendLimits::SHORT.total.min(left);
        attempt(SendLimits {
            total,
            ..SendLimits::SHORT
        })
        .await
    }

    /// Writes a notice into the mark of `id`. Where that fails, the log says so: the next look can't know of it.
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

    /// Signals the end of something to the check of a database, or to the one for everything. `text` is kept in the
    /// check's log.
    pub(super) async fn heartbeat(
        &self,
        database: Option<&Label>,
        signal: Signal,
        text: impl AsRef<str>,
        interrupt: &Interrupt,
    ) {
        let attempt = |limits| self.heartbeats.end(database, signal, text.as_ref(), limits);
        let sent = self.in_time(interrupt, attempt).await;
        self.keep_heartbeat(database, sent);
    }

    /// Signals the beginning of something, unless a signal comes: the heartbeat of its end says so then.
    pub(super) async fn heartbeat_start(&self, database: Option<&Label>, interrupt: &Interrupt) {
        tokio::select! {
            sent = self.heartbeats.start(database, START) => self.keep_heartbeat(database, sent),
            _ = interrupt.raised() => {}
        }
    }

    fn keep_heartbeat(&self, database: Option<&Label>, sent: Result<(), (String, crate::notify::Error)>) {
        if let Err((host, error)) = sent {
            self.keep(Undelivered {
                channel: format!("ping ({host})"),
                event: None,
                database: database.cloned(),
                why: error.to_string(),
                hint: error.hint().map(|hint| format!("{hint} ({})", ping_setting(database))),
            });
        }
    }

    fn keep(&self, one: Undelivered) {
        let mut undelivered = self.undelivered.lock().unwrap_or_else(PoisonError::into_inner);
        undelivered.push(one);
    }

    /// The last moment at which a digest was due.
    pub(super) fn digest_due(&self) -> Option<Timestamp> {
        let weekly = self.digest.as_ref()?;
        weekly.when.latest(&weekly.zone, self.now())
    }
}

fn ping_setting(database: Option<&Label>) -> &'static str {
    match database {
        None => "PGCOFFER_PING_URL",
        Some(_) => "PGCOFFER_DB_<NAME>_PING_URL",
    }
}
