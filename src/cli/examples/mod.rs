//! Examples of each command: behind its help and in its manual page. Each can be typed as it stands.

mod daily;
mod recovery;
mod upkeep;

use clap::Command;

/// An example: the line that is typed, and what it is for.
pub(super) type Example = (&'static str, &'static str);

/// A command, by its words, and its examples.
type Of = (&'static str, &'static [Example]);

/// The examples of a command, by its words.
pub(super) fn of(path: &str) -> &'static [Example] {
    let found = all().find(|(command, _)| *command == path);
    found.map_or(&[], |(_, examples)| *examples)
}

fn all() -> impl Iterator<Item = &'static Of> {
    [daily::EXAMPLES, recovery::EXAMPLES, upkeep::EXAMPLES]
        .into_iter()
        .flatten()
}

/// The first example of a command that has these arguments, each as the parser names it: `--to <URL>`, `<FILE>`.
pub(super) fn first_with(path: &str, arguments: &[String]) -> Option<&'static str> {
    let options: Vec<&str> = arguments
        .iter()
        .filter_map(|argument| argument.split_whitespace().next())
        .filter(|word| word.starts_with('-'))
        .collect();
    let has_all = |line: &str| {
        options
            .iter()
            .all(|option| line.split_whitespace().any(|word| word == *option))
    };
    of(path).iter().map(|(line, _)| *line).find(|line| has_all(line))
}

/// Puts the examples behind the help of every command.
pub(super) fn with_examples(command: Command) -> Command {
    command.mut_subcommands(|sub| {
        let path = sub.get_name().to_owned();
        with_own(sub, &path)
    })
}

fn with_own(command: Command, path: &str) -> Command {
    let examples = of(path);
    let text = command
        .get_after_help()
        .map(|text| format!("\n\n{text}"))
        .unwrap_or_default();
    let command = match examples {
        [] => command,
        _ => command.after_help(format!("{}{text}", shown(examples))),
    };
    command.mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        with_own(sub, &path)
    })
}

fn shown(examples: &[Example]) -> String {
    let lines = examples.iter().map(|(line, what)| format!("\n  {line}\n      {what}"));
    format!("Examples:{}", lines.collect::<String>())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{args::Cli, parser};

    /// The words of a line up to what the shell takes for itself.
    fn words(line: &str) -> Vec<String> {
        let line = line.split_once("pgcoffer ").map_or(line, |(_, rest)| rest);
        let mut words = vec![String::from("pgcoffer")];
        for (n, part) in line.split('\'').enumerate() {
            match n % 2 {
                1 => words.push(part.to_owned()),
                _ => words.extend(part.split_whitespace().map(str::to_owned)),
            }
        }
        let end = words.iter().position(|word| ["|", ">", "<"].contains(&word.as_str()));
        words.truncate(end.unwrap_or(words.len()));
        // of `<(pgcoffer completions bash)`
        words.iter().map(|word| word.trim_end_matches(')').to_owned()).collect()
    }

    #[test]
    fn each_example_can_be_typed() {
        for (path, examples) in all() {
            for (line, _) in *examples {
                let words = words(line);
                assert_eq!(words[1..=path.split(' ').count()].join(" "), *path, "{line}");
                let read = Cli::try_parse_from(&words);
                let is_done = read.as_ref().err().is_none_or(|error| !error.use_stderr());
                assert!(is_done, "{line}: {}", read.unwrap_err());
            }
        }
    }

    #[test]
    fn every_command_has_examples_and_shows_them() {
        let mut command = parser::command();
        command.build();
        let mut left: Vec<(String, &Command)> = Vec::new();
        let below = |path: &str, command: &'_ Command| -> Vec<String> {
            let shown = command
                .get_subcommands()
                .filter(|sub| !sub.is_hide_set() && sub.get_name() != "help");
            shown
                .map(|sub| format!("{path} {}", sub.get_name()).trim().to_owned())
                .collect()
        };
        let find = |path: &str| {
            path.split(' ')
                .fold(&command, |one, word| one.find_subcommand(word).unwrap())
        };
        let mut paths = below("", &command);
        while let Some(path) = paths.pop() {
            let sub = find(&path);
            paths.extend(below(&path, sub));
            left.push((path, sub));
        }
        assert!(left.len() > 20);
        for (path, sub) in left {
            assert!(!of(&path).is_empty(), "{path} has no example");
            let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:"), "{path}: {help}");
        }
    }
}
