//! Completions in a shell. The scripts ask the program itself, by its hidden command `complete`, so that they know the
//! databases that are set and the ids in the bucket. Whatever fails completes nothing and says nothing.

pub(super) mod shell;
mod values;

use std::ffi::OsString;

use clap_complete::{
    aot,
    engine::{CompletionCandidate, complete as candidates},
};
use pgcoffer::{Result, text::escaped};

use super::{parser, screen};
use shell::Shell;
pub(super) use values::with_values;

/// Prints the script of a shell. Those of elvish and PowerShell know commands and options alone.
pub(super) fn print_script(shell: Shell) -> Result<()> {
    let generated = |shell: aot::Shell| {
        let mut script = Vec::new();
        aot::generate(shell, &mut parser::command(), "pgcoffer", &mut script);
        script
    };
    screen::print_ours(&match shell {
        Shell::Bash => include_bytes!("pgcoffer.bash").to_vec(),
        Shell::Zsh => include_bytes!("_pgcoffer").to_vec(),
        Shell::Fish => include_bytes!("pgcoffer.fish").to_vec(),
        Shell::Elvish => generated(aot::Shell::Elvish),
        Shell::Powershell => generated(aot::Shell::PowerShell),
    })
}

/// Prints what the word with that index may become: a line each, with a tab between a value and what it means.
pub(super) fn complete(index: usize, words: &[OsString]) -> Result<()> {
    // a panic anywhere on the way is no news for somebody who presses a key
    std::panic::set_hook(Box::new(|_| {}));
    let folder = std::env::current_dir().ok();
    let found = candidates(&mut parser::command(), words.to_vec(), index, folder.as_deref()).unwrap_or_default();
    let typed = words.get(index).map(|word| word.to_string_lossy()).unwrap_or_default();
    let lines: String = worth_showing(&found, &typed).map(line).collect();
    screen::print_ours(lines.as_bytes())
}

/// Options stand behind everything else, and before anything is typed only where there is nothing else.
fn worth_showing<'a>(
    found: &'a [CompletionCandidate],
    typed: &str,
) -> impl Iterator<Item = &'a CompletionCandidate> + use<'a> {
    let is_option = |one: &CompletionCandidate| one.get_value().to_string_lossy().starts_with('-');
    let hides_options = typed.is_empty() && found.iter().any(|one| !is_option(one));
    found.iter().filter(move |one| !hides_options || !is_option(one))
}

fn line(candidate: &CompletionCandidate) -> String {
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    let help = escaped(help.lines().next().unwrap_or_default()).into_owned();
    // no value of ours is another; a terminal would obey the name of a file with control characters, and a line can't
    // hold every such name
    let value = candidate.get_value().to_str();
    match value.filter(|value| escaped(value) == *value) {
        Some(value) => format!("{value}\t{help}\n"),
        None => String::new(),
    }
}
