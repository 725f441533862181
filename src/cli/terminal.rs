//! What the reader's side can show: colours, characters beyond ASCII, so many columns.

use std::{
    env,
    io::{self, IsTerminal as _},
    os::fd::AsFd,
    sync::OnceLock,
};

use clap::ColorChoice;

/// What `--color` says, once the arguments were read.
static CHOICE: OnceLock<ColorChoice> = OnceLock::new();

/// Keeps what `--color` says for everything that is written from now on.
pub(super) fn choose_color(choice: ColorChoice) {
    // the first one counts: there is one command a process
    let _ = CHOICE.set(choice);
}

/// Whether what is written to standard output has colours.
pub(super) fn stdout_has_color() -> bool {
    has_color(io::stdout().is_terminal())
}

/// Whether what is written to standard error has colours.
pub(super) fn stderr_has_color() -> bool {
    has_color(io::stderr().is_terminal())
}

fn has_color(is_terminal: bool) -> bool {
    let choice = CHOICE.get().copied().unwrap_or(ColorChoice::Auto);
    decide(choice, is_terminal, |name| env::var(name).ok())
}

/// The flag before the variables; of these `NO_COLOR` before `CLICOLOR_FORCE`, and both before what the terminal is.
///
/// <https://no-color.org>, <https://bixense.com/clicolors/>
fn decide(choice: ColorChoice, is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let is_zero = |name: &str| variable(name).is_some_and(|value| value == "0");
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if is_set("NO_COLOR") => false,
        ColorChoice::Auto if is_set("CLICOLOR_FORCE") && !is_zero("CLICOLOR_FORCE") => true,
        ColorChoice::Auto => is_terminal && !is_zero("CLICOLOR") && !is_dumb(&variable),
    }
}

fn is_dumb(variable: &impl Fn(&str) -> Option<String>) -> bool {
    variable("TERM").is_some_and(|term| term == "dumb")
}

/// Whether something can be drawn on standard error and drawn over later.
pub(super) fn stderr_can_redraw() -> bool {
    io::stderr().is_terminal() && !is_dumb(&|name: &str| env::var(name).ok())
}

/// Whether the locale's encoding is UTF-8: only then are characters beyond ASCII used where others will do.
pub(super) fn is_utf8() -> bool {
    is_utf8_by(|name| env::var(name).ok())
}

/// The first of these variables that is set says it, as for every program: `setlocale(3)`.
fn is_utf8_by(variable: impl Fn(&str) -> Option<String>) -> bool {
    let mut set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    let locale = set
        .find(|value| !value.is_empty())
        .unwrap_or_default()
        .to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// The width of a terminal; none where it is no terminal, or one that doesn't say.
pub(super) fn columns(of: impl AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(of).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// The columns of a terminal that doesn't say how many it has.
const USUAL_COLUMNS: usize = 80;

/// The width of the terminal that shows standard output; none where it goes elsewhere.
pub(super) fn stdout_columns() -> Option<usize> {
    let is_terminal = io::stdout().is_terminal();
    is_terminal.then(|| columns(io::stdout()).unwrap_or(USUAL_COLUMNS))
}

/// The width of the terminal that shows standard error.
pub(super) fn stderr_columns() -> usize {
    columns(io::stderr()).unwrap_or(USUAL_COLUMNS)
}

/// The same, and none where standard error goes elsewhere: into a log or a file, where a message is one line.
pub(super) fn stderr_message_columns() -> Option<usize> {
    io::stderr().is_terminal().then(stderr_columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(set: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| {
            let found = set.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn colour_is_shown_where_a_terminal_wants_it() {
        let auto = |is_terminal, set: &[(&str, &str)]| decide(ColorChoice::Auto, is_terminal, of(set));
        assert!(auto(true, &[("TERM", "xterm")]));
        assert!(!auto(false, &[("TERM", "xterm")]));
        assert!(!auto(true, &[("TERM", "dumb")]));
        assert!(!auto(true, &[("NO_COLOR", "1")]));
        assert!(auto(true, &[("NO_COLOR", "")]), "an empty one is none");
        assert!(!auto(true, &[("CLICOLOR", "0")]));
        assert!(auto(false, &[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")]));
        assert!(!auto(false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!auto(true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(decide(ColorChoice::Always, false, of(&[("NO_COLOR", "1")])));
        assert!(!decide(ColorChoice::Never, true, of(&[("CLICOLOR_FORCE", "1")])));
    }

    #[test]
    fn the_locale_says_which_characters_there_are() {
        assert!(is_utf8_by(of(&[("LANG", "de_DE.UTF-8")])));
        assert!(is_utf8_by(of(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")])));
        assert!(!is_utf8_by(of(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")])));
        assert!(!is_utf8_by(of(&[])));
    }
}
