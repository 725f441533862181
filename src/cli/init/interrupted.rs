//! What must not be left half-done, and what is said to who stops in the midst.

use std::sync::{Mutex, PoisonError};

use pgcoffer::{
    Error, Result,
    text::{counted, shell_word},
};
use rustix::process::{Pid, Signal, kill_process};

use super::{output, terminal::SavedTerminal};

/// Flags that may be given more than once.
const REPEATABLE: [&str; 3] = ["--database", "--place", "--sheet"];

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
    /// The id of the new key that was shown.
    shown_key: Option<String>,
    /// The command line's own flags.
    given: Vec<Flag>,
    /// The answers so far, as flags.
    answers: Vec<Flag>,
}

/// A flag and its value, which is empty for one without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    name: String,
    value: String,
    /// The variable that has to hold what isn't repeated here: a database's URL, which has a password in it.
    variable: Option<String>,
}

impl Flag {
    pub(super) fn new(name: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            variable: None,
        }
    }

    /// Whether another flag says the same thing otherwise: of one that may be repeated, for the same name.
    fn takes_the_place_of(&self, other: &Self) -> bool {
        let named = |flag: &Self| flag.value.split_once('=').map(|(name, _)| name.to_owned());
        let is_same = match REPEATABLE.contains(&self.name.as_str()) {
            true => named(self).is_some() && named(self) == named(other),
            false => true,
        };
        self.name == other.name && is_same
    }

    /// `--database` for a URL that was typed.
    pub(super) fn of_typed_url(label: &str) -> Self {
        let variable = format!("{}_URL", label.to_ascii_uppercase());
        Self {
            name: "--database".to_owned(),
            value: format!("{label}=env:{variable}"),
            variable: Some(variable),
        }
    }

    fn text(&self) -> String {
        match self.value.as_str() {
            "" => self.name.clone(),
            value => format!("{} {}", self.name, shell_word(value)),
        }
    }
}

impl Written {
    fn stop(&mut self) {
        self.stopped = true;
        if let Some(pid) = self.child.take() {
            // it may have ended meanwhile
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// What is said to who stops, or whom an error stops.
    fn farewell(&self) -> Option<String> {
        if let Some(app) = &self.on_heroku {
            let key = self
                .shown_key
                .iter()
                .map(|id| format!(" Keep the key that was shown (its id is {id}): the app may have it already."));
            return Some(format!(
                "What was done on Heroku stays.{} The same command goes on from there: pgcoffer init --heroku {}",
                key.collect::<String>(),
                shell_word(app)
            ));
        }
        if self.done {
            return None;
        }
        let mut text = "no file was written and no setting was changed".to_owned();
        if let Some(id) = &self.shown_key {
            text.push_str(&format!(
                "\nthe key that was shown (its id is {id}) is nowhere in use: delete your copy of it, since the next \
                 run makes another one; or keep it and choose \"take one that I have\" then"
            ));
        }
        text.push_str(&self.how_to_begin_again());
        Some(text)
    }

    fn how_to_begin_again(&self) -> String {
        let is_answered = |flag: &&Flag| self.answers.iter().any(|answer| answer.takes_the_place_of(flag));
        let mut flags: Vec<&Flag> = self.given.iter().filter(|flag| !is_answered(flag)).collect();
        for answer in &self.answers {
            if !flags.contains(&answer) {
                flags.push(answer);
            }
        }
        if flags.is_empty() {
            return String::new();
        }
        let variables: Vec<&str> = flags.iter().filter_map(|flag| flag.variable.as_deref()).collect();
        let typed = variables
            .iter()
            .map(|name| format!("\n  read -rs {name} && export {name}"));
        let typed: String = typed.collect();
        let about = match variables.len() {
            0 => String::new(),
            1 => format!(", where {} holds the URL that you typed", variables[0]),
            n => format!(
                ", where {} hold the {} that you typed",
                variables.join(", "),
                counted(n, "URL")
            ),
        };
        let flags: Vec<String> = flags.iter().map(|flag| flag.text()).collect();
        format!(
            "\nto begin again with these answers{about}:{typed}\n  pgcoffer init {}",
            flags.join(" ")
        )
    }
}

/// Ends what is under way and leaves the terminal as it was found.
pub(super) fn settle(written: &Mutex<Written>, found: &SavedTerminal, outcome: &Result<()>) {
    // who writes is not stopped in its midst
    let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
    written.stop();
    found.restore();
    let tells = match outcome {
        Ok(()) => false,
        Err(Error::Interrupted { .. }) => true,
        // the error says the rest
        Err(_) => written.shown_key.is_some() || !written.answers.is_empty(),
    };
    if let (true, Some(farewell)) = (tells, written.farewell()) {
        output::note(&format!("\n{farewell}"));
    }
}

/// Notes the flags of the command line.
pub(super) fn note_given(written: &Mutex<Written>, flags: Vec<Flag>) {
    written.lock().unwrap_or_else(PoisonError::into_inner).given = flags;
}

/// Notes that the user was shown this new key.
pub(super) fn note_shown_key(written: &Mutex<Written>, id: &str) {
    written.lock().unwrap_or_else(PoisonError::into_inner).shown_key = Some(id.to_owned());
}

/// Forgets the answers: they are given again.
pub(super) fn begin_anew(written: &Mutex<Written>) {
    written.lock().unwrap_or_else(PoisonError::into_inner).answers.clear();
}

/// Notes an answer as the flag that gives it. No secret is noted.
pub(super) fn note_answer(written: &Mutex<Written>, flag: Flag) {
    let mut written = written.lock().unwrap_or_else(PoisonError::into_inner);
    written.answers.retain(|known| !flag.takes_the_place_of(known));
    written.answers.push(flag);
}
