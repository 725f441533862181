//! The work that operators have asked for: what goes on, and how it ended.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::act::Act;
use crate::{
    backup::{BackupId, Failure},
    operation::Progress,
};

/// The most pieces of work that are remembered. Beyond that the oldest that has ended is forgotten.
const JOBS_MAX: usize = 50;

/// The number of a piece of work, which no other one has, also of an earlier `serve`.
pub(super) type JobNumber = u64;

/// All work since `serve` began, as far as it is remembered. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Jobs(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    last: JobNumber,
    jobs: Vec<Job>,
    /// Wakes those who wait for one to end.
    ended: Arc<Notify>,
}

/// A piece of work.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) number: JobNumber,
    /// What is done.
    pub(super) act: Act,
    /// What is done, with its object: `back up main`.
    pub(super) title: String,
    /// Who asked for it.
    pub(super) who: String,
    pub(super) began: Timestamp,
    pub(super) progress: Progress,
    pub(super) end: Option<JobEnd>,
}

/// How a piece of work ended.
#[derive(Debug, Clone)]
pub(super) struct JobEnd {
    pub(super) at: Timestamp,
    /// What came of it, in sentences, or why it failed.
    pub(super) result: Result<Vec<String>, Failure>,
    /// The backup that it was about, or that was made.
    pub(super) backup: Option<BackupId>,
    /// Where what came of it is shown.
    pub(super) path: Option<String>,
}

impl Jobs {
    /// Numbered from the moment of the start on, so that no number of an earlier process is somebody else's work.
    pub(super) fn since(started: Timestamp) -> Self {
        let jobs = Self::default();
        jobs.locked().last = u64::try_from(started.as_millisecond()).unwrap_or(0);
        jobs
    }

    /// Notes a piece of work that is about to begin, unless one goes on that brings what is asked for: then that one, and
    /// nothing is to begin.
    pub(super) fn join_or_add(&self, act: &Act, who: &str, now: Timestamp) -> (JobNumber, bool) {
        let mut state = self.locked();
        let mut running = state.jobs.iter().filter(|job| job.end.is_none());
        let joined = running.find(|job| job.act.serves(act, now.duration_since(job.began)));
        match joined.map(|job| job.number) {
            Some(number) => (number, false),
            None => (state.add(act, who, now), true),
        }
    }

    /// The same for a person, who wants what goes on already and not a second one of the same.
    pub(super) fn join_same_or_add(&self, act: &Act, who: &str, now: Timestamp) -> (JobNumber, bool) {
        let mut state = self.locked();
        let mut running = state.jobs.iter().filter(|job| job.end.is_none());
        match running.find(|job| job.act.is_same_work(act)).map(|job| job.number) {
            Some(number) => (number, false),
            None => (state.add(act, who, now), true),
        }
    }

    /// One of them once it has ended, or as it stands after so long. Safe to cancel.
    pub(super) async fn wait(&self, number: JobNumber, longest: Duration) -> Option<Job> {
        let ended = Arc::clone(&self.locked().ended);
        let waited = async {
            loop {
                // before the look, so that an end in between wakes it
                let notified = ended.notified();
                if self.find(number).is_none_or(|job| job.end.is_some()) {
                    break;
                }
                notified.await;
            }
        };
        let _ = tokio::time::timeout(longest, waited).await;
        self.find(number)
    }

    /// One of them, as it stands now.
    pub(super) fn find(&self, number: JobNumber) -> Option<Job> {
        self.locked().jobs.iter().find(|job| job.number == number).cloned()
    }

    /// Those that go on, the oldest first.
    pub(super) fn running(&self) -> Vec<Job> {
        let state = self.locked();
        state.jobs.iter().filter(|job| job.end.is_none()).cloned().collect()
    }

    /// Those that have ended, the last one first.
    pub(super) fn ended(&self) -> Vec<Job> {
        let state = self.locked();
        state
            .jobs
            .iter()
            .rev()
            .filter(|job| job.end.is_some())
            .cloned()
            .collect()
    }

    /// Takes away one that was not begun.
    pub(super) fn remove(&self, number: JobNumber) {
        self.locked().jobs.retain(|job| job.number != number);
    }

    /// Notes how one ended.
    pub(super) fn end(&self, number: JobNumber, end: JobEnd) {
        let mut state = self.locked();
        if let Some(job) = state.jobs.iter_mut().find(|job| job.number == number) {
            job.end = Some(end);
        }
        state.ended.notify_waiters();
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, act: &Act, who: &str, now: Timestamp) -> JobNumber {
        self.last += 1;
        while self.jobs.len() >= JOBS_MAX {
            let Some(oldest) = self.jobs.iter().position(|job| job.end.is_some()) else {
                break;
            };
            self.jobs.remove(oldest);
        }
        self.jobs.push(Job {
            number: self.last,
            act: act.clone(),
            title: act.title(),
            who: who.to_owned(),
            began: now,
            progress: Progress::default(),
            end: None,
        });
        self.last
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::backup::Label;

    fn back_up(label: &str, interval: Option<SignedDuration>) -> Act {
        Act::BackUp(Label::parse(label).unwrap(), interval)
    }

    fn end(now: Timestamp) -> JobEnd {
        JobEnd {
            at: now,
            result: Ok(Vec::new()),
            backup: None,
            path: None,
        }
    }

    #[test]
    fn what_goes_on_is_never_forgotten() {
        let (jobs, now) = (Jobs::default(), Timestamp::UNIX_EPOCH);
        let first = jobs.locked().add(&back_up("main", None), "ada", now);
        for n in 0..200 {
            let number = jobs.locked().add(&back_up(&format!("db{n}"), None), "ada", now);
            jobs.end(number, end(now));
        }
        assert_eq!(jobs.running().len(), 1);
        assert_eq!(jobs.find(first).unwrap().title, "Back up main");
        assert_eq!(jobs.ended().len(), JOBS_MAX - 1);
        assert_eq!(jobs.ended()[0].title, "Back up db199");
        jobs.remove(first);
        assert!(jobs.running().is_empty());
    }

    #[test]
    fn who_taps_twice_is_led_to_what_goes_on() {
        let (jobs, now) = (Jobs::default(), Timestamp::UNIX_EPOCH);
        let label = || Label::parse("main").unwrap();
        let id = || BackupId::parse("20261120T070000Z-aaaaaaaaaaaa").unwrap();
        for act in [
            back_up("main", None),
            Act::Drill(label(), None),
            Act::Drill(label(), Some(id())),
            Act::Verify(label(), id()),
        ] {
            let (first, is_new) = jobs.join_same_or_add(&act, "ada", now);
            assert!(is_new, "{act:?}");
            assert_eq!(jobs.join_same_or_add(&act, "grace", now), (first, false));
            jobs.end(first, end(now));
            assert!(jobs.join_same_or_add(&act, "ada", now).1);
        }
        // what another one may come to is not the same, and neither is what changes something
        let guarded = back_up("other", Some(SignedDuration::from_mins(10)));
        jobs.locked().add(&guarded, "ci", now);
        assert!(jobs.join_same_or_add(&back_up("other", None), "ada", now).1);
        let hold = |reason: &str| Act::Hold(label(), id(), reason.to_owned());
        jobs.locked().add(&hold("one"), "ada", now);
        assert!(jobs.join_same_or_add(&hold("one"), "ada", now).1);
    }

    #[test]
    fn no_number_is_given_again_after_a_restart() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let (before, after) = (Jobs::since(at(0)), Jobs::since(at(5)));
        let number = |jobs: &Jobs| jobs.join_or_add(&back_up("main", None), "ada", at(6)).0;
        let given: Vec<JobNumber> = (0..100).map(|_| number(&before)).collect();
        assert!(!given.contains(&number(&after)));
        assert!(before.find(number(&after)).is_none());
    }

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_backup() {
        let (jobs, now) = (Jobs::default(), Timestamp::UNIX_EPOCH);
        let guarded = back_up("main", Some(SignedDuration::from_mins(10)));
        let (first, is_new) = jobs.join_or_add(&guarded, "ci", now);
        assert!(is_new);
        for _ in 0..100 {
            assert_eq!(jobs.join_or_add(&guarded, "ci", now), (first, false));
        }
        // who asks for one in any case gets one of his own
        let (own, is_new) = jobs.join_or_add(&back_up("main", None), "ci", now);
        assert!(is_new && own != first);
        jobs.end(own, end(now));
        // whoever waits has the end as soon as it is there
        let waited = jobs.wait(first, Duration::from_secs(60));
        let ends = async {
            tokio::task::yield_now().await;
            jobs.end(first, end(now));
        };
        let (job, ()) = futures_util::future::join(waited, ends).await;
        assert!(job.unwrap().end.is_some());
        // what has ended is looked up in the bucket by the next one
        assert!(jobs.join_or_add(&guarded, "ci", now).1);
        assert!(jobs.wait(4711, Duration::from_secs(60)).await.is_none());
    }
}
