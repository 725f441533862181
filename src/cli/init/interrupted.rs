//! What must not be left half-done, and what is said to who stops in the midst.

use std::sync::{Mutex, PoisonError};

use pgcoffer::{Error, Result, text::shell_word};
use rustix::process::{Pid, Signal, kill_process};

use super::{output, terminal::SavedTerminal};

/// What must not be left half-done.
#[derive(Default)]
pub(super) struct Written {
    /// All files have been written.
    pub(super) done: bool,
    /// The user asked to stop: nothing begins to be written.
    pub(super) stopped: bool,
    /// The child under way: a trial, or a command of the Heroku CLI.
    pub(super) child: Option<Pid>,
    /// The app on Heroku that is being set up, from its first command on.
    pub(super) on_heroku: Option<String>,
    /// The answers so far, as flags.
    answers: Vec<(String, String)>,
}

impl Written {
    fn stop(&mut self) {
        self.stopped = true;
        if let Some(pid) = self.child.take() {
            // it may have ended meanwhile
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// What is said to who stops.
    fn farewell(&self) -> Option<String> {
        if let Some(app) = &self.on_heroku {
            return Some(format!(
                "What was done on Heroku stays. The same command goes on from there: pgcoffer init --heroku {}",
                shell_word(app)
            ));
        }
        if self.done {
            return None;
        }
        let mut text = "no file was written and no setting was changed".to_owned();
        if !self.answers.is_empty() {
            let flags = self.answers.iter().map(|(flag, value)| match value.as_str() {
                "" => flag.clone(),
                value => format!("{flag} {}", shell_word(value)),
            });
            let flags: Vec<String> = flags.collect();
            text.push_str(&format!(
                "\nto begin again with these answers: pgcoffer init {}",
                flags.join(" ")
            ));
        }
        Some(text)
    }
}

/// Ends what is under way and leaves the terminal as it was found.
pub(super) fn settle(written: &Mutex<Written>, found: &SavedTerminal, outcome: &Result<()>) {
    // who writes is not stopped in its midst
    let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
    written.stop();
    found.restore();
    if let (Err(Error::Interrupted { .. }), Some(farewell)) = (outcome, written.farewell()) {
        output::note(&format!("\n{farewell}"));
    }
}

/// Forgets the answers: they are given again.
pub(super) fn begin_anew(written: &Mutex<Written>) {
    written.lock().unwrap_or_else(PoisonError::into_inner).answers.clear();
}

/// Notes an answer as the flag that gives it. No secret is noted.
pub(super) fn note_answer(written: &Mutex<Written>, flag: &str, value: &str) {
    let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
    written
        .answers
        .retain(|(known, _)| known != flag || flag == "--database");
    written.answers.push((flag.to_owned(), value.to_owned()));
}
