//! Manual pages: one for the program and one for each command, as `man pgcoffer-restore` finds it.

use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use clap::Command;
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};
use pgcoffer::{Error, Result};

use super::{examples, help, parser, screen};

/// Prints a page, or writes all of them.
pub(super) fn run(words: &[String], folder: Option<&Path>) -> Result<()> {
    let mut command = parser::command().disable_help_subcommand(true);
    command.build();
    if let Some(folder) = folder {
        let failed = |doing: String| move |source| Error::Io { doing, source };
        fs::create_dir_all(folder).map_err(failed(format!("make the folder {}", folder.display())))?;
        for (path, command) in all("", &command) {
            let file = folder.join(format!("{}.1", name(&path)));
            let page = page(&path, command).map_err(failed("render a manual page".to_owned()))?;
            put(&file, &page).map_err(failed(format!("write {}", file.display())))?;
        }
        return Ok(());
    }
    let mut found = (String::new(), &command);
    for word in words {
        let Some(sub) = found.1.find_subcommand(word).filter(|sub| !sub.is_hide_set()) else {
            return Err(Error::Usage {
                why: format!("there is no command {word:?}"),
                hint: "`pgcoffer help` lists the commands".to_owned(),
            });
        };
        found = (format!("{} {}", found.0, sub.get_name()).trim().to_owned(), sub);
    }
    let page = page(&found.0, found.1).map_err(|source| Error::Io {
        doing: "render a manual page".to_owned(),
        source,
    })?;
    screen::print_ours(&page)
}

/// Makes the file, or one in its place. What a symbolic link of that name leads to stays as it is.
fn put(file: &Path, page: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    // for everybody to read, as far as the umask lets them
    let mut new = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    new.write_all(page)?;
    new.persist(file)?;
    Ok(())
}

/// A command and all below it that are shown, each with its words.
fn all<'a>(path: &str, command: &'a Command) -> Vec<(String, &'a Command)> {
    let mut found = vec![(path.to_owned(), command)];
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        found.extend(all(format!("{path} {}", sub.get_name()).trim(), sub));
    }
    found
}

/// The name of a page, such as `pgcoffer-lifecycle-plan`.
fn name(path: &str) -> String {
    format!("pgcoffer {path}").trim().replace(' ', "-")
}

fn page(path: &str, command: &Command) -> io::Result<Vec<u8>> {
    let version = env!("CARGO_PKG_VERSION");
    // in full the synopsis would list every option, in no order
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    let man = Man::new(command.clone().override_usage(usage))
        .title(name(path))
        .source(format!("pgcoffer {version}"))
        .manual("pgcoffer");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().any(|arg| !arg.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut rest = Roff::default();
    examples_section(&mut rest, examples::of(path));
    if path.is_empty() {
        as_it_stands(&mut rest, "ENVIRONMENT", &help::settings());
        as_it_stands(&mut rest, "EXIT STATUS", &help::exit_statuses());
    }
    see_also(&mut rest, path, command);
    rest.to_writer(&mut page)?;
    Ok(page)
}

fn examples_section(roff: &mut Roff, examples: &[examples::Example]) {
    if examples.is_empty() {
        return;
    }
    roff.control("SH", ["EXAMPLES"]);
    for (line, what) in examples {
        roff.control("TP", []);
        roff.text([bold(*line)]);
        roff.text([roman(*what)]);
    }
}

/// Lines that are not to be joined.
fn as_it_stands(roff: &mut Roff, heading: &str, text: &str) {
    roff.control("SH", [heading]);
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

fn see_also(roff: &mut Roff, path: &str, command: &Command) {
    let above = path.rsplit_once(' ').map_or("", |(above, _)| above);
    let mut names: Vec<String> = command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .map(|sub| name(format!("{path} {}", sub.get_name()).trim()))
        .collect();
    if !path.is_empty() {
        names.insert(0, name(above));
    }
    let names: Vec<String> = names.iter().map(|name| format!("{name}(1)")).collect();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(names.join(", "))]);
}
