//! Commands that people type because other tools call theirs so, and the one that does it here.
//!
//! Where both do the same and nothing can be lost, the other word is an alias of the command (`args.rs`). These are the
//! others: they would do something else than is expected, or nothing here does it.

mod commands;
mod options;

use commands::{COMMANDS, OWN};
use options::{OF_COMMANDS, OPTIONS};

/// What to do instead of an option, as it was typed behind this command; none where it is nobody's.
pub(super) fn option_hint(command: &str, typed: &str) -> Option<&'static str> {
    let name = typed.trim_start_matches('-').split('=').next().unwrap_or_default();
    // of one letter, capitals are options of their own
    let name = match name.len() {
        1 => name.to_owned(),
        _ => name.to_ascii_lowercase().replace('_', "-"),
    };
    let of_command = OF_COMMANDS
        .iter()
        .find(|(commands, names, _)| commands.contains(&command) && names.contains(&name.as_str()));
    if let Some((_, _, hint)) = of_command {
        return Some(hint);
    }
    let found = OPTIONS.iter().find(|(names, _)| names.contains(&name.as_str()));
    found.map(|(_, hint)| *hint)
}

/// What to do instead of that command; none where it is nobody's word.
pub(super) fn hint(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase().replace('_', "-");
    // the Heroku CLI's topics
    let prefixes = ["pg:backups:", "backups:", "pg:"];
    let bare = prefixes
        .iter()
        .find_map(|prefix| word.strip_prefix(prefix))
        .unwrap_or(&word);
    if bare == "backups" {
        return Some("`pgcoffer list` shows the backups");
    }
    if let Some((_, hint)) = OWN.iter().find(|(name, _)| bare != word && *name == bare) {
        return Some(hint);
    }
    let is_it = |one: &&str| *one == word || one.replace('_', "-") == bare;
    let found = COMMANDS.iter().find(|(words, _)| words.iter().any(&is_it));
    found.map(|(_, hint)| *hint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Parser as _, error::ErrorKind};

    use super::*;
    use crate::cli::{args::Cli, parser};

    #[test]
    fn every_command_in_a_hint_can_be_typed() {
        let of_commands = OF_COMMANDS.iter().map(|(_, names, hint)| (*names, *hint));
        let own = OWN.iter().map(|(name, hint)| (std::slice::from_ref(name), *hint));
        let all = COMMANDS.iter().chain(OPTIONS).copied().chain(of_commands).chain(own);
        for (words, hint) in all {
            let code = hint.split('`').skip(1).step_by(2);
            for line in code.filter(|code| code.starts_with("pgcoffer ")) {
                match Cli::try_parse_from(line.split(' ')) {
                    Ok(_) => {}
                    Err(error) => assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{words:?}: {line}: {error}"),
                }
            }
        }
    }

    #[test]
    fn no_slip_is_a_command_or_stands_twice() {
        let mut seen = BTreeSet::new();
        let command = parser::command();
        for word in COMMANDS.iter().flat_map(|(words, _)| *words) {
            assert!(seen.insert(word), "{word} stands twice");
            assert!(command.find_subcommand(word).is_none(), "{word} is a command");
            assert!(Cli::try_parse_from(["pgcoffer", word]).is_err(), "{word}");
            assert!(hint(word).is_some(), "{word}");
        }
        let mut seen = BTreeSet::new();
        for name in OPTIONS.iter().flat_map(|(names, _)| *names) {
            assert!(seen.insert(name), "{name} stands twice");
        }
    }

    #[test]
    fn words_of_the_heroku_cli_are_known_with_their_topic() {
        assert!(hint("pg:backups:capture").unwrap().contains("`pgcoffer backup`"));
        assert!(hint("PG:BACKUPS").unwrap().contains("`pgcoffer list`"));
        assert!(hint("pg:backups:restore").unwrap().contains("`pgcoffer restore latest"));
        assert!(
            hint("pg:backups:schedule")
                .unwrap()
                .contains("`pgcoffer schedule show`")
        );
        assert!(
            hint("pg:backups:schedules")
                .unwrap()
                .contains("`pgcoffer schedule show`")
        );
        assert!(
            hint("pg:backups:unschedule")
                .unwrap()
                .contains("`pgcoffer schedule clear`")
        );
        assert!(hint("pg:backups:delete").unwrap().contains("`pgcoffer delete ID`"));
        assert!(hint("test-notice").unwrap().contains("`pgcoffer check --notify`"));
        assert_eq!(hint("no-such-thing"), None);
    }
}
