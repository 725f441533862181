//! The answers so far, and the way back.
//!
//! Whoever goes back goes back by one answer: it is forgotten, and the set-up begins anew with the others, which are
//! given again without a word. So no step has to know how to undo itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pgcoffer::Error;
use zeroize::Zeroizing;

/// Typed at any question, this goes back to the question before.
pub(super) const BACK_WORD: &str = "back";

/// Why asking ended before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The user went back.
    Back,
    /// Something failed.
    Failed(Error),
}

/// The result of a step that may ask.
pub(super) type Asked<T> = Result<T, Stop>;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// All answers of the user, in order. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal(Arc<Mutex<Answers>>);

#[derive(Default)]
struct Answers {
    given: Vec<Zeroizing<String>>,
    /// How many of them have been given again.
    at: usize,
}

impl std::fmt::Debug for Answers {
    /// Counts alone: answers may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} answers", self.at, self.given.len())
    }
}

impl Journal {
    /// The answer that was given to the next question before.
    pub(super) fn given_before(&self) -> Option<Zeroizing<String>> {
        let mut answers = self.lock();
        let answer = answers.given.get(answers.at).cloned()?;
        answers.at += 1;
        Some(answer)
    }

    /// Whether the next question was answered before, so that nothing is to be shown.
    pub(super) fn is_repeating(&self) -> bool {
        let answers = self.lock();
        answers.at < answers.given.len()
    }

    /// Notes an answer that was just typed.
    pub(super) fn note(&self, answer: &str) {
        let mut answers = self.lock();
        answers.given.push(Zeroizing::new(answer.to_owned()));
        answers.at = answers.given.len();
    }

    /// Forgets the newest answer, where it was not taken and is asked for again.
    pub(super) fn forget_newest(&self) {
        let mut answers = self.lock();
        answers.given.pop();
        answers.at = answers.given.len();
    }

    /// Forgets the newest answer and begins anew; false if there is none.
    pub(super) fn go_back(&self) -> bool {
        let mut answers = self.lock();
        answers.at = 0;
        answers.given.pop().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
