//! Answers that several readers share: however often a page is loaded, the bucket is asked once in some seconds.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::{
    act::Act,
    asker::Asker,
    jobs::{JobNumber, Jobs},
    shown::{Answer, LookFailure, Question, Seen},
    tally::Tally,
};
use crate::backup::{AuditEvent, Label};

/// How long an answer counts as new.
const FRESH: Duration = Duration::from_secs(15);
/// How long a page waits for the bucket; the connection ends a few seconds later.
const WAIT: Duration = Duration::from_secs(9);
/// How long it waits where it has an answer to show that is not old: it says how old, and loads itself again.
const WAIT_KNOWN: Duration = Duration::from_millis(150);
/// How old that answer may be.
const KNOWN_AGE_MAX: Duration = Duration::from_secs(600);
/// The most answers that are kept. Beyond that, the one that was looked for longest ago is forgotten.
const ANSWERS_MAX: usize = 48;
/// The most requests that wait for the runner.
const WAITING_MAX: usize = 64;

/// The side of the pages: asks, and shares what was found.
#[derive(Clone)]
pub(super) struct Looks {
    known: KnownAnswers,
    runner: mpsc::Sender<Asked>,
    looks: mpsc::Sender<AskedLook>,
    /// The databases of the settings, which are looked at whatever the bucket has of them.
    configured: BTreeSet<Label>,
    pub(super) jobs: Jobs,
    tally: Tally,
    /// How long a page waits.
    wait: Duration,
}

/// The side of the runner.
pub(super) struct AskedOfRunner {
    pub(super) requests: mpsc::Receiver<Asked>,
    pub(super) looks: mpsc::Receiver<AskedLook>,
    pub(super) known: KnownAnswers,
    pub(super) jobs: Jobs,
    pub(super) tally: Tally,
}

/// What a look brings.
pub(super) type Looked = Result<Answer, LookFailure>;
/// A look at the bucket, and who waits for it.
pub(super) type AskedLook = (Question, oneshot::Sender<Looked>);

/// What the runner is asked to do.
pub(super) enum Asked {
    /// Work that an operator asks for.
    Work(Box<Act>, JobNumber, Asker),
    /// An entry of the audit trail for which nobody waits.
    Note(Box<AuditEvent>),
}

/// The answers that are kept. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownAnswers(Arc<Mutex<HashMap<Question, Known>>>);

#[derive(Debug, Default)]
struct Known {
    seen: Seen,
    /// When the last look ended.
    looked: Option<Instant>,
    /// Those who wait for the look that goes on.
    waiting: Vec<oneshot::Sender<()>>,
    goes_on: bool,
}

/// Both sides, for the databases of the settings. Looks and work wait apart, so that neither holds up the other.
pub(super) fn channel(configured: BTreeSet<Label>) -> (Looks, AskedOfRunner) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let (looks, asked_looks) = mpsc::channel(WAITING_MAX);
    let (jobs, known, tally) = (Jobs::since(Timestamp::now()), KnownAnswers::default(), Tally::default());
    let looks = Looks {
        known: known.clone(),
        runner: sender,
        looks,
        configured,
        jobs: jobs.clone(),
        tally: tally.clone(),
        wait: WAIT,
    };
    let asked = AskedOfRunner {
        requests: receiver,
        looks: asked_looks,
        known,
        jobs,
        tally,
    };
    (looks, asked)
}

impl Looks {
    /// What a page shows of a question: an answer that is new, or the one that a look brings, which takes as long as a
    /// page waits at the most. Who has an answer of the last minutes waits hardly at all. A look that takes longer goes
    /// on, and the next page has what it brought. Never asks the bucket twice at once for the same. Safe to cancel.
    pub(super) async fn ask(&self, question: &Question) -> Seen {
        self.seen(question, |known| match known.may_be_shown() {
            true => WAIT_KNOWN.min(self.wait),
            false => self.wait,
        })
        .await
    }

    /// The same for who wants nothing older than what is there now, and rather waits.
    pub(super) async fn ask_patiently(&self, question: &Question) -> Seen {
        self.seen(question, |_| self.wait).await
    }

    async fn seen(&self, question: &Question, wait: impl FnOnce(&Known) -> Duration) -> Seen {
        if let Some(label) = question.label()
            && let Some(seen) = self.unknown(label).await
        {
            return seen;
        }
        self.looked_at(question, wait).await
    }

    /// What is seen of a database that neither the settings nor the bucket have; none for any other. However many such
    /// names somebody makes up, they cost one look.
    async fn unknown(&self, label: &Label) -> Option<Seen> {
        let is_among = |seen: &Seen| match seen.answer.as_ref().map(|(answer, _)| &**answer) {
            Some(Answer::Labels(there)) => there.as_ref().is_none_or(|there| there.contains(label)),
            _ => false,
        };
        let before = self
            .known
            .locked()
            .get(&Question::Labels)
            .map(|known| known.seen.clone());
        if self.configured.contains(label) || before.as_ref().is_some_and(is_among) {
            return None;
        }
        let seen = self.looked_at(&Question::Labels, |_| self.wait).await;
        if is_among(&seen) {
            return None;
        }
        let is_told = seen.answer.is_some() && seen.failure.is_none() && !seen.is_looking;
        let failure = is_told.then(|| LookFailure::missing(label)).or(seen.failure);
        Some(Seen {
            answer: None,
            failure,
            is_looking: seen.is_looking,
        })
    }

    async fn looked_at(&self, question: &Question, wait: impl FnOnce(&Known) -> Duration) -> Seen {
        let (waited, wait) = {
            let mut known = self.known.locked();
            let entry = known.entry(question.clone()).or_default();
            if !entry.goes_on && entry.looked.is_some_and(|looked| looked.elapsed() < FRESH) {
                return entry.seen.clone();
            }
            let wait = wait(entry);
            let (sender, receiver) = oneshot::channel();
            entry.waiting.push(sender);
            if !entry.goes_on {
                entry.goes_on = true;
                self.look(question.clone());
            }
            (receiver, wait)
        };
        let is_looking = tokio::time::timeout(wait, waited).await.is_err();
        let known = self.known.locked();
        let seen = known.get(question).map(|known| known.seen.clone()).unwrap_or_default();
        Seen { is_looking, ..seen }
    }

    /// Hands work to the runner.
    ///
    /// # Errors
    /// Where too much of it waits already.
    pub(super) fn work(&self, act: Act, job: JobNumber, asker: Asker) -> Result<(), Busy> {
        let asked = Asked::Work(Box::new(act), job, asker);
        self.runner.try_send(asked).map_err(|_| Busy)
    }

    /// Notes in the audit trail what has happened already, or counts it with others of its kind. Nobody waits for it.
    pub(super) fn note(&self, event: AuditEvent) {
        let Some(event) = self.tally.count(event, Instant::now()) else {
            return;
        };
        if self.runner.try_send(Asked::Note(Box::new(event))).is_err() {
            tracing::warn!(
                "too much waits to be done: who has signed in, tried to, or joined a job is in this log alone"
            );
        }
    }

    /// Has the runner look, and takes over what it brings.
    fn look(&self, question: Question) {
        let looks = self.clone();
        tokio::spawn(async move {
            let (sender, receiver) = oneshot::channel();
            let found = match looks.looks.send((question.clone(), sender)).await {
                Ok(()) => receiver.await.ok(),
                Err(_) => None,
            };
            looks.take(&question, found);
        });
    }

    /// `found`: none if the runner has ended before it looked.
    fn take(&self, question: &Question, found: Option<Result<Answer, LookFailure>>) {
        let mut known = self.known.locked();
        let entry = known.entry(question.clone()).or_default();
        match found {
            Some(Ok(answer)) => {
                entry.seen.answer = Some((Arc::new(answer), Timestamp::now()));
                entry.seen.failure = None;
            }
            Some(Err(failure)) => {
                // what is gone is not shown as if it were there
                if failure.is_missing {
                    entry.seen.answer = None;
                }
                entry.seen.failure = Some(failure);
            }
            None => {}
        }
        entry.goes_on = false;
        entry.looked = Some(Instant::now());
        for waiting in entry.waiting.drain(..) {
            // whoever waited may have gone
            let _ = waiting.send(());
        }
        while known.len() > ANSWERS_MAX {
            let ended = known.iter().filter(|(_, known)| !known.goes_on);
            let oldest = ended
                .min_by_key(|(_, known)| known.looked)
                .map(|(question, _)| question.clone());
            let Some(oldest) = oldest else {
                break;
            };
            known.remove(&oldest);
        }
    }
}

impl Known {
    /// Whether the answer is not old, and nothing was changed since.
    fn may_be_shown(&self) -> bool {
        let is_recent = self.looked.is_some_and(|looked| looked.elapsed() < KNOWN_AGE_MAX);
        is_recent && self.seen.answer.is_some() && self.seen.failure.is_none()
    }
}

impl KnownAnswers {
    /// Has the next reader look anew, after something was changed. What is known is shown until then.
    pub(super) fn expire(&self) {
        for known in self.locked().values_mut() {
            known.looked = None;
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Question, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Too much work waits already.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("too much waits to be done already")]
pub(super) struct Busy;

#[cfg(test)]
mod tests;
