//! Questions, on a terminal that is left as it was found.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use dialoguer::{Input, Password, Select};
use pgcoffer::{Error, Result, exit_status::ExitStatus, text::escaped};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::journal::{Asked, BACK_WORD, Journal, Stop};
use crate::cli::{
    screen::{note, shown},
    width::{columns, wrapped},
};

/// Whether a secret stands on the terminal's other screen, which has no memory of what scrolled by.
static SHOWS_SECRET: AtomicBool = AtomicBool::new(false);

/// The last item of each list.
const GO_BACK: &str = "back to the question before";

const OTHER_SCREEN: &str = "\x1b[?1049h\x1b[2J\x1b[H";
const BACK: &str = "\x1b[2J\x1b[?1049l";
const CURSOR: &str = "\x1b[?25h";

/// How the terminal was found.
pub(super) struct SavedTerminal(Option<Termios>);

impl SavedTerminal {
    pub(super) fn now() -> Self {
        let both = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self(both.then(|| tcgetattr(io::stdin()).ok()).flatten())
    }

    /// Whether somebody can be asked.
    pub(super) fn is_terminal(&self) -> bool {
        self.0.is_some()
    }

    /// Whatever a question was about to do: echo and cursor come back, and no secret stays on the screen. Where that
    /// fails the terminal is gone.
    pub(super) fn restore(&self) {
        let Some(termios) = &self.0 else { return };
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, termios);
        let mut stderr = io::stderr();
        if SHOWS_SECRET.swap(false, Ordering::SeqCst) {
            let _ = stderr.write_all(BACK.as_bytes());
        }
        let _ = stderr.write_all(CURSOR.as_bytes());
        let _ = stderr.flush();
    }
}

/// The user at the terminal, if there is one.
#[derive(Debug, Clone)]
pub(super) struct Terminal {
    /// Whether somebody can be asked.
    pub(super) asks: bool,
    /// Whether the user wants to be asked only what has no default.
    pub(super) yes: bool,
    /// The answers so far.
    pub(super) journal: Journal,
}

impl Terminal {
    /// Says something to a person.
    pub(super) fn say(&self, text: &str) {
        if self.asks && !self.journal.is_repeating() {
            note(&wrapped(text, 0, columns(io::stderr())));
        }
    }

    /// The same for a line that is copied as a whole, which is not wrapped.
    pub(super) fn say_line(&self, line: &str) {
        if self.asks && !self.journal.is_repeating() {
            note(line);
        }
    }

    /// The same terminal for a question that even `--yes` doesn't answer.
    pub(super) fn always_asking(&self) -> Self {
        Self {
            yes: false,
            ..self.clone()
        }
    }

    /// A line of text, for which `check` says what is wrong.
    pub(super) fn text(
        &self,
        question: &str,
        default: Option<&str>,
        check: impl Fn(&str) -> std::result::Result<(), String>,
    ) -> Asked<String> {
        if let (true, Some(default)) = (self.yes, default) {
            return Ok(default.to_owned());
        }
        self.answered(|| {
            let checked = |answer: &String| match answer.trim() {
                BACK_WORD => Ok(()),
                answer => check(answer).map_err(|why| shown(&why)),
            };
            let input = Input::<String>::new().with_prompt(shown(question));
            let input = match default {
                Some(default) if !default.is_empty() => {
                    let is_plain = escaped(default) == default;
                    input.default(default.to_owned()).show_default(is_plain)
                }
                _ => input.allow_empty(default.is_some()),
            };
            let answer = input.validate_with(checked).interact_text().map_err(failed)?;
            Ok(Zeroizing::new(answer.trim().to_owned()))
        })
        .map(|answer| answer.as_str().to_owned())
    }

    /// A line that isn't shown while it is typed.
    pub(super) fn hidden(
        &self,
        question: &str,
        may_be_empty: bool,
        check: impl Fn(&str) -> std::result::Result<(), String>,
    ) -> Asked<Zeroizing<String>> {
        self.answered(|| {
            let checked = |answer: &String| match answer.trim() {
                BACK_WORD => Ok(()),
                "" if may_be_empty => Ok(()),
                answer => check(answer).map_err(|why| shown(&why)),
            };
            let password = Password::new()
                .with_prompt(format!("{} (not shown)", shown(question)))
                .report(false)
                .allow_empty_password(may_be_empty)
                .validate_with(checked);
            let answer = Zeroizing::new(password.interact().map_err(failed)?);
            Ok(Zeroizing::new(answer.trim().to_owned()))
        })
    }

    /// Yes or no.
    pub(super) fn confirm(&self, question: &str, default: bool) -> Asked<bool> {
        if self.yes {
            return Ok(default);
        }
        let choices = if default { "Y/n" } else { "y/N" };
        let answer = self.answered(|| {
            let known = |answer: &String| match yes_or_no(answer, default) {
                None if answer.trim() != BACK_WORD => Err("   y or n, or back for the question before"),
                _ => Ok(()),
            };
            let input = Input::<String>::new().with_prompt(format!("{} [{choices}]", shown(question)));
            let answer = input.allow_empty(true).validate_with(known).interact_text();
            Ok(Zeroizing::new(answer.map_err(failed)?.trim().to_owned()))
        })?;
        Ok(yes_or_no(&answer, default).unwrap_or(default))
    }

    /// The number of the chosen one; the first is the default.
    pub(super) fn choose(&self, question: &str, items: &[&str]) -> Asked<usize> {
        self.choose_from(question, items, 0)
    }

    /// The number of the chosen one; the cursor begins on `default`.
    pub(super) fn choose_from(&self, question: &str, items: &[&str], default: usize) -> Asked<usize> {
        if self.yes {
            return Ok(default);
        }
        let answer = self.answered(|| {
            let shown_items = items.iter().map(|item| shown(item));
            let select = Select::new()
                .with_prompt(shown(question))
                .items(shown_items.chain([GO_BACK.to_owned()]).collect::<Vec<_>>())
                .default(default);
            // Esc goes back too
            let chosen = select.interact_opt().map_err(failed)?;
            let chosen = chosen.filter(|n| *n < items.len());
            Ok(Zeroizing::new(
                chosen.map_or_else(|| BACK_WORD.to_owned(), |n| n.to_string()),
            ))
        })?;
        Ok(answer.parse().unwrap_or(default))
    }

    /// The answer that was given before, or that is given now.
    fn answered(&self, ask: impl Fn() -> Result<Zeroizing<String>>) -> Asked<Zeroizing<String>> {
        if let Some(answer) = self.journal.given_before() {
            return Ok(answer);
        }
        loop {
            let answer = ask()?;
            if answer.as_str() != BACK_WORD {
                self.journal.note(&answer);
                return Ok(answer);
            }
            if self.journal.go_back() {
                return Err(Stop::Back);
            }
            self.say("   This is the first question.");
        }
    }

    /// Shows a secret until Enter is pressed, and leaves no trace of it on the terminal.
    pub(super) fn show(&self, text: &str) -> Result<()> {
        if self.journal.is_repeating() {
            return Ok(());
        }
        SHOWS_SECRET.store(true, Ordering::SeqCst);
        let mut stderr = io::stderr();
        let shown = write!(stderr, "{OTHER_SCREEN}{text}\n\n").and_then(|()| stderr.flush());
        let seen = shown.map_err(dialoguer::Error::IO).and_then(|()| {
            let enter = Password::new().with_prompt("Press Enter when it is stored");
            enter.report(false).allow_empty_password(true).interact()
        });
        if SHOWS_SECRET.swap(false, Ordering::SeqCst) {
            let _ = stderr.write_all(BACK.as_bytes());
        }
        seen.map(drop).map_err(failed)
    }
}

fn yes_or_no(answer: &str, default: bool) -> Option<bool> {
    match answer.trim().to_ascii_lowercase().as_str() {
        "" => Some(default),
        "y" | "yes" => Some(true),
        "n" | "no" => Some(false),
        _ => None,
    }
}

fn failed(error: dialoguer::Error) -> Error {
    let dialoguer::Error::IO(source) = error;
    match source.kind() {
        io::ErrorKind::Interrupted => Error::Interrupted {
            exit_status: ExitStatus::Interrupted,
        },
        _ => Error::Io {
            doing: "ask on the terminal".to_owned(),
            source,
        },
    }
}
