//! A line that can't be parsed, in the words of every other error: what is wrong, and a hint with the cure.

mod words;

use std::error::Error as _;

use clap::{
    Command,
    error::{ContextKind, ContextValue, ErrorKind},
};
use pgcoffer::redact::without_keys;

use super::examples;
use words::{of_argument, of_command};

/// The most letters in which a word may differ from the one that was meant.
const LETTERS_MAX: usize = 3;

/// What an error of the parser says to people.
pub(super) fn text(error: &clap::Error, command: &Command, words: &[String]) -> String {
    // without any command, the whole help is the answer
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return error.render().to_string().trim_end().to_owned();
    }
    let at = Spot::of(command, words);
    let (what, hint) = match error.kind() {
        ErrorKind::InvalidSubcommand => of_command(error, &at),
        ErrorKind::UnknownArgument => of_argument(error, &at, words),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => of_value(error, &at),
        ErrorKind::MissingRequiredArgument => of_missing(error, &at),
        ErrorKind::ArgumentConflict => of_conflict(error, &at),
        ErrorKind::MissingSubcommand => (
            format!("`{}` wants one of its own commands", at.path),
            format!("{} ({})", names(at.command).join(", "), at.help()),
        ),
        _ => (first_line(error), at.help()),
    };
    without_keys(&format!("error: {what}\nhint: {hint}")).into_owned()
}

/// The command that was being typed.
struct Spot<'a> {
    root: &'a Command,
    command: &'a Command,
    /// Its words, the program's own name first.
    path: String,
}

impl<'a> Spot<'a> {
    fn of(root: &'a Command, words: &[String]) -> Self {
        let (mut command, mut path) = (root, "pgcoffer".to_owned());
        // `help X` asks for X, and is no place to be in
        for word in words.iter().filter(|word| *word != "help") {
            if let Some(below) = command.find_subcommand(word) {
                path = format!("{path} {}", below.get_name());
                command = below;
            } else if !word.starts_with('-') && command.has_subcommands() && path != "pgcoffer" {
                break;
            }
        }
        Self { root, command, path }
    }

    /// The line with its schedule in quotes, where that was typed as several words.
    fn quoted_schedule(&self, words: &[String]) -> Option<String> {
        let takes_schedule = ["pgcoffer schedule set", "pgcoffer schedule preview"].contains(&self.path.as_str());
        let begin = words
            .iter()
            .position(|word| ["set", "preview"].contains(&word.as_str()))?;
        let schedule = words.get(begin + 1..)?;
        let is_plain = schedule
            .iter()
            .all(|word| word.bytes().all(|b| b.is_ascii_alphanumeric() || b":,".contains(&b)));
        (takes_schedule && is_plain && schedule.len() > 1).then(|| format!("{} \"{}\"", self.path, schedule.join(" ")))
    }

    /// How to see what this command takes.
    fn help(&self) -> String {
        format!("`{} --help` shows what it takes", self.path)
    }
}

fn of_value(error: &clap::Error, at: &Spot<'_>) -> (String, String) {
    let argument = string(error, ContextKind::InvalidArg);
    let value = string(error, ContextKind::InvalidValue);
    if value.is_empty() {
        return (format!("{argument} lacks its value"), at.help());
    }
    if let Some(why) = error.source().map(ToString::to_string) {
        let why = match why.as_str() {
            "invalid digit found in string" | "cannot parse integer from empty string" => {
                format!("{value:?} is no whole number")
            }
            _ => why,
        };
        return (format!("{argument}: {why}"), at.help());
    }
    let possible: Vec<String> = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(possible)) => possible.clone(),
        _ => Vec::new(),
    };
    if possible.is_empty() {
        return (first_line(error), at.help());
    }
    let hint = match nearest(&value, &possible) {
        Some(meant) => format!("did you mean {meant}?"),
        None => at.help(),
    };
    (
        format!("{argument}: {value:?} is none of {}", possible.join(", ")),
        hint,
    )
}

fn of_missing(error: &clap::Error, at: &Spot<'_>) -> (String, String) {
    let missing = strings(error, ContextKind::InvalidArg);
    let what = format!("`{}` needs {}", at.path, missing.join(" and "));
    let path = at.path.strip_prefix("pgcoffer ").unwrap_or_default();
    let hint = match examples::first_with(path, &missing) {
        Some(example) => format!("for example `{example}`; {}", at.help()),
        None => at.help(),
    };
    (what, hint)
}

fn of_conflict(error: &clap::Error, at: &Spot<'_>) -> (String, String) {
    let one = string(error, ContextKind::InvalidArg);
    let others = strings(error, ContextKind::PriorArg);
    let what = match others.as_slice() {
        [other] if *other == one => format!("{one} is given twice"),
        [] => first_line(error),
        others => format!("{one} can't be given together with {}", others.join(" and ")),
    };
    (what, format!("leave out one of them; {}", at.help()))
}

/// The parser's own first line, without its beginning.
fn first_line(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let line = rendered.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn string(error: &clap::Error, kind: ContextKind) -> String {
    strings(error, kind).into_iter().next().unwrap_or_default()
}

fn strings(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// The names of a command's own commands, and their other names.
fn names(command: &Command) -> Vec<String> {
    let visible = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let all = visible.flat_map(|sub| sub.get_visible_aliases().chain([sub.get_name()]).map(str::to_owned));
    all.filter(|name| name != "help").collect()
}

/// The word that was probably meant: one that begins so, or that differs by few letters.
fn nearest<'a>(typed: &str, known: &'a [String]) -> Option<&'a str> {
    let typed = typed.split('=').next().unwrap_or(typed).to_ascii_lowercase();
    let distance = |name: &str| match typed.trim_start_matches('-').len() >= 3 && name.starts_with(&typed) {
        true => 1,
        false => strsim::damerau_levenshtein(name, &typed),
    };
    // of four letters one, since two of them make another word
    let letters_max = LETTERS_MAX.min((typed.trim_start_matches('-').len() + 1) / 3);
    let near = known.iter().map(|name| (distance(name), name.as_str()));
    near.filter(|(letters, _)| *letters <= letters_max)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;
    use crate::cli::parser;

    fn said(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let command = parser::command();
        let error = command
            .clone()
            .try_get_matches_from(std::iter::once("pgcoffer".to_owned()).chain(words.clone()));
        text(&error.unwrap_err(), &command, &words)
    }

    #[test]
    fn each_slip_has_its_cure_and_no_tip_of_the_parser() {
        for (line, words) in [
            ("restor", "did you mean `pgcoffer restore`?"),
            ("help restor", "did you mean `pgcoffer restore`?"),
            ("lifecycle shw", "did you mean `pgcoffer lifecycle show`?"),
            (
                "list --datbase x",
                "`pgcoffer list` has no option --datbase\nhint: did you mean --database?",
            ),
            ("prune --keep-daily 7", "PGCOFFER_SCHEDULE"),
            ("restore --target x", "behind --to"),
            ("get --file x", "-o FILE"),
            ("list -n x", "\"x\" is no whole number"),
            ("backup --tier weekl", "\"weekl\" is not a tier"),
            ("completions fsh", "did you mean fish?"),
            (
                "restore latest",
                "needs --to <URL>\nhint: for example `pgcoffer restore",
            ),
            ("restore latest --to", "--to <URL> lacks its value"),
            ("list --good --all", "can't be given together"),
            ("list main shop", "\"shop\" is one word too many"),
            (
                "schedule set daily at 02:30 keep 7d",
                "in quotes as a whole: `pgcoffer schedule set \"daily at 02:30 keep 7d\"`",
            ),
            ("drill --frobnicate", "`pgcoffer drill` has no option --frobnicate"),
            ("--verison", "did you mean --version?"),
            ("--hlep", "did you mean --help?"),
            ("list --hlep", "did you mean --help?"),
            ("help nope", "hint: `pgcoffer help` lists"),
            ("completions tcsh", "hint: `pgcoffer completions --help`"),
            ("nonsense", "`pgcoffer help` lists the commands"),
            (
                "schedule list",
                "`pgcoffer schedule` has no command \"list\"\nhint: `pgcoffer schedule show` is meant?",
            ),
            (
                "dashboard login",
                "`pgcoffer dashboard` has no command \"login\"\nhint: it has password",
            ),
            ("certificate list", "`pgcoffer certificate show` is meant?"),
            ("list --jsno", "did you mean --json?"),
            ("list --bukcet x", "did you mean --bucket?"),
            ("list --quite", "did you mean --quiet?"),
            ("list --confg x", "did you mean --config?"),
            ("list --colour", "did you mean --color?"),
            ("schedule show --no-progres", "did you mean --no-progress?"),
            ("delete 2026 -f", "--yes deletes without asking"),
            ("serve --port 8080", "--listen"),
            ("serve -d", "in the foreground"),
            ("tick --force", "asks nothing"),
            ("prune --force", "asks nothing"),
            ("drill --force", "asks nothing"),
            ("restore latest --to env:X --yes", "--confirm NAME"),
            ("list -o json", "hint: --json"),
            ("list --format json", "hint: --json"),
            ("list --no-color", "--color never"),
            ("restore latest main", "where main is a database, `--database main`"),
            ("show latest main", "`--database main`"),
            (
                "restore latest --before 2026-12-01 01:36 --to env:X",
                "stands in quotes: \"2026-12-01 01:36\"",
            ),
            ("list -n -1", "no number below 0"),
            ("restore latest \u{2013}to env:X", "a long dash: write --to"),
            ("\u{2014}json", "a long dash: write --json"),
            ("list \u{2013}n 3", "\"\u{2013}n\" begins with a long dash"),
        ] {
            let text = said(line);
            assert!(text.contains(words), "{line}: {text}");
            let lines: Vec<&str> = text.lines().collect();
            assert!(
                lines[0].starts_with("error: ") && lines[1].starts_with("hint: "),
                "{line}: {text}"
            );
            assert_eq!(lines.len(), 2, "{line}: {text}");
            assert!(!text.contains("tip:"), "{line}: {text}");
        }
    }
}
