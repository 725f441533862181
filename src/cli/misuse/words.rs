//! Words that are no command, no option, or one too many.

use clap::error::ContextKind;
use pgcoffer::backup::Label;

use super::{Spot, names, nearest, string};
use crate::cli::slips;

/// What pages, mails and word processors make of one or two hyphens.
const LONG_DASHES: [char; 6] = ['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2212}'];

pub(super) fn of_command(error: &clap::Error, at: &Spot<'_>) -> (String, String) {
    let word = string(error, ContextKind::InvalidSubcommand);
    if let Some(said) = with_long_dash(&word) {
        return said;
    }
    let names = names(at.command);
    let near = nearest(&word, &names);
    if at.path != "pgcoffer" {
        let what = format!("`{}` has no command {word:?}", at.path);
        let hint = match near {
            Some(name) => format!("did you mean `{} {name}`?", at.path),
            None if is_to_show(&word) && names.iter().any(|name| name == "show") => {
                format!("`{} show` is meant? It has {}", at.path, names.join(", "))
            }
            None => format!("it has {}: `{} --help` tells of them", names.join(", "), at.path),
        };
        return (what, hint);
    }
    let what = format!("there is no command {word:?}");
    if let Some(hint) = slips::hint(&word) {
        return (what, hint.to_owned());
    }
    let hint = match near {
        Some(name) => format!("did you mean `{} {name}`? `pgcoffer help` lists the commands", at.path),
        None => "`pgcoffer help` lists the commands".to_owned(),
    };
    (what, hint)
}

/// Whether other tools call so what is called `show` here.
fn is_to_show(word: &str) -> bool {
    ["list", "ls", "get", "view", "status", "info"].contains(&word)
}

pub(super) fn of_argument(error: &clap::Error, at: &Spot<'_>, words: &[String]) -> (String, String) {
    let typed = string(error, ContextKind::InvalidArg);
    if let Some(said) = with_long_dash(&typed) {
        return said;
    }
    if !typed.starts_with('-') {
        // it may have been taken for a value before it, so that the next word is too many
        if let Some(said) = words.iter().find_map(|word| with_long_dash(word)) {
            return said;
        }
        let what = format!("{typed:?} is one word too many for `{}`", at.path);
        return (what, of_surplus(&typed, at, words));
    }
    let what = format!("`{}` has no option {typed}", at.path);
    if typed.len() > 1 && typed.bytes().skip(1).all(|b| b.is_ascii_digit()) {
        let hint = format!(
            "what begins with a dash is an option, and no number below 0 fits here; {}",
            at.help()
        );
        return (what, hint);
    }
    let of_all = at.root.get_arguments().filter(|arg| arg.is_global_set());
    let options: Vec<String> = at
        .command
        .get_arguments()
        .chain(of_all)
        .filter_map(|arg| Some(format!("--{}", arg.get_long()?)))
        // the parser's own
        .chain(std::iter::once("--help".to_owned()))
        .chain((at.path == "pgcoffer").then(|| "--version".to_owned()))
        .collect();
    let command = at.path.strip_prefix("pgcoffer ").unwrap_or_default();
    let hint = match (slips::option_hint(command, &typed), nearest(&typed, &options)) {
        // one letter is a slip of the finger, whatever else is called so
        (_, Some(option)) if strsim::damerau_levenshtein(option, &typed) == 1 => format!("did you mean {option}?"),
        (Some(hint), _) => hint.to_owned(),
        (None, Some(option)) => format!("did you mean {option}? {}", at.help()),
        (None, None) => at.help(),
    };
    (what, hint)
}

/// What a word was meant to be that has no place.
fn of_surplus(typed: &str, at: &Spot<'_>, words: &[String]) -> String {
    if let Some(quoted) = at.quoted_schedule(words) {
        return format!("a schedule stands in quotes as a whole: `{quoted}`");
    }
    let begin = words.iter().position(|word| word == typed);
    let before = begin.and_then(|begin| words.get(begin.checked_sub(1)?));
    let is_clock = typed.contains(':') && typed.starts_with(|c: char| c.is_ascii_digit());
    if let Some(day) = before.filter(|day| is_clock && day.starts_with(|c: char| c.is_ascii_digit())) {
        return format!("a moment with a blank in it stands in quotes: \"{day} {typed}\"");
    }
    let takes_database = at.command.get_arguments().any(|arg| arg.get_long() == Some("database"));
    let help = at.help();
    match Label::parse(typed) {
        Ok(label) if takes_database => {
            format!("where {label} is a database, `--database {label}` names it; {help}")
        }
        _ => format!("{help}; what has a space in it stands in quotes"),
    }
}

/// An option that was copied from a page with a long dash in the place of its hyphens.
fn with_long_dash(word: &str) -> Option<(String, String)> {
    let name = word.trim_start_matches(LONG_DASHES).trim_start_matches('-');
    let is_option = name.starts_with(|c: char| c.is_ascii_alphabetic());
    if !word.starts_with(LONG_DASHES) || !is_option {
        return None;
    }
    let dashes = if name.split('=').next().unwrap_or_default().len() == 1 {
        "-"
    } else {
        "--"
    };
    Some((
        format!("{word:?} begins with a long dash, as pages and mails write it"),
        format!("no option begins with a long dash: write {dashes}{name}"),
    ))
}
