//! The parser of the command line: the arguments that stand with each command, and what is added to all of them alike:
//! examples, and what their values may be.

use clap::{ColorChoice, Command, CommandFactory as _, FromArgMatches as _, ValueEnum as _};

use super::{args::Cli, completion::with_values, examples::with_examples, help};

/// The command line with everything that belongs to it.
pub(super) fn command() -> Command {
    with_examples(with_values(Cli::command()))
}

/// Reads the arguments of this process.
///
/// # Errors
/// What clap finds wrong with them; also help and version, which it knows where to print.
pub(super) fn parse() -> Result<Cli, clap::Error> {
    let args: Vec<_> = std::env::args_os().collect();
    // help has colours too, and is printed before anything is known
    let words: Vec<&str> = args.iter().filter_map(|word| word.to_str()).collect();
    let behind = words.windows(2).find(|pair| pair[0] == "--color").map(|pair| pair[1]);
    let with = words.iter().find_map(|word| word.strip_prefix("--color="));
    let color = with.or(behind).and_then(|when| ColorChoice::from_str(when, true).ok());
    let mut command = command().color(color.unwrap_or_default());
    // where the commands are what is looked for, the settings would push them off the screen
    if words.contains(&"--help") {
        command = command.after_help(help::after());
    }
    let matches = command.try_get_matches_from(args)?;
    Cli::from_arg_matches(&matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    /// What belongs to every command stands under its own heading, not among the options of one.
    #[test]
    fn options_of_every_command_have_a_heading_of_their_own() {
        let mut command = command();
        command.build();
        let globals: Vec<String> = command
            .get_arguments()
            .filter(|arg| arg.is_global_set())
            .map(|arg| arg.get_id().to_string())
            .collect();
        assert!(globals.len() > 6, "{globals:?}");
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            for arg in sub.get_arguments() {
                let is_global = globals.contains(&arg.get_id().to_string());
                let heading = arg.get_help_heading();
                assert_eq!(
                    is_global,
                    heading == Some("Options of every command"),
                    "{} {}: {heading:?}",
                    sub.get_name(),
                    arg.get_id()
                );
            }
        }
    }
}
