//! The work that operators have asked for: what goes on, and how it ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::{backup::Failure, operation::Progress};

/// The most pieces of work that are remembered. Beyond that the oldest that has ended is forgotten.
const JOBS_MAX: usize = 50;

/// The number of a piece of work, from 1 on since `serve` began.
pub(super) type JobNumber = u64;

/// All work since `serve` began, as far as it is remembered. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Jobs(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    last: JobNumber,
    jobs: Vec<Job>,
}

/// A piece of work.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) number: JobNumber,
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
    /// Where what came of it is shown.
    pub(super) path: Option<String>,
}

impl Jobs {
    /// Notes a piece of work that is about to begin.
    pub(super) fn add(&self, title: String, who: &str, now: Timestamp) -> JobNumber {
        let mut state = self.locked();
        state.last += 1;
        let number = state.last;
        while state.jobs.len() >= JOBS_MAX {
            let Some(oldest) = state.jobs.iter().position(|job| job.end.is_some()) else {
                break;
            };
            state.jobs.remove(oldest);
        }
        state.jobs.push(Job {
            number,
            title,
            who: who.to_owned(),
            began: now,
            progress: Progress::default(),
            end: None,
        });
        number
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
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_is_never_forgotten() {
        let (jobs, now) = (Jobs::default(), Timestamp::UNIX_EPOCH);
        let first = jobs.add("back up main".to_owned(), "ada", now);
        for n in 0..200 {
            let number = jobs.add(format!("{n}"), "ada", now);
            let result = Ok(Vec::new());
            jobs.end(
                number,
                JobEnd {
                    at: now,
                    result,
                    path: None,
                },
            );
        }
        assert_eq!(jobs.running().len(), 1);
        assert_eq!(jobs.find(first).unwrap().title, "back up main");
        assert_eq!(jobs.ended().len(), JOBS_MAX - 1);
        assert_eq!(jobs.ended()[0].title, "199");
        jobs.remove(first);
        assert!(jobs.running().is_empty());
    }
}
