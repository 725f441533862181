//! What `--help` says behind the commands and options: every setting, by the table, and every exit status.

use pgcoffer::{
    config::{DefaultValue, SECTIONS, SECTIONS_OF_OTHERS, Setting},
    exit_status::ExitStatus,
};

/// Columns up to the end of the longest name of a setting.
const NAME_COLUMNS: usize = 30;

/// Columns for its meaning, so that no terminal of a usual width breaks a line.
const MEANING_COLUMNS: usize = 100 - NAME_COLUMNS - 4;

/// What `-h` says behind the commands.
pub(super) const SHORT: &str = "\
`pgcoffer help COMMAND` explains one command with examples; `pgcoffer --help` lists every setting and exit status.";

/// The settings and the exit statuses.
pub(super) fn after() -> String {
    format!(
        "Settings (environment; PGCOFFER_X_FILE names a file that holds X; or pgcoffer.toml):\n\n{}\n\nExit \
         status:\n{}",
        settings(),
        exit_statuses()
    )
}

/// Every setting with its meaning, by section.
pub(super) fn settings() -> String {
    let mut text = String::new();
    for section in SECTIONS {
        text.push_str(&format!("\n\n{}:", section.title));
        for setting in section.settings {
            line(&mut text, setting.name, &of(setting));
        }
    }
    text.push_str("\n\nVariables of others:");
    for section in SECTIONS_OF_OTHERS {
        line(&mut text, section.names, section.help);
    }
    text.trim_start().to_owned()
}

/// Every exit status with its meaning.
pub(super) fn exit_statuses() -> String {
    let lines = ExitStatus::ALL.iter();
    let lines = lines.map(|status| format!("  {:>3}  {}", status.number(), status.help()));
    lines.collect::<Vec<_>>().join("\n")
}

fn line(text: &mut String, name: &str, meaning: &str) {
    text.push_str(&format!("\n  {name:<NAME_COLUMNS$}  {meaning}"));
}

/// What a setting means, and where there is room what counts where it is not set.
fn of(setting: &Setting) -> String {
    let with_default = match setting.default {
        DefaultValue::Text(default) => format!("{} (default: {default})", setting.help),
        DefaultValue::Described(_) | DefaultValue::None => return setting.help.to_owned(),
    };
    match with_default.chars().count() <= MEANING_COLUMNS {
        true => with_default,
        false => setting.help.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_setting_fits() {
        for line in after().lines().filter(|line| line.starts_with("  PGCOFFER_")) {
            assert!(line.chars().count() <= 100, "{line}");
            // a name that is longer moves its own meaning
            let name = line.trim_start().split(' ').next().unwrap_or_default();
            let end = NAME_COLUMNS.max(name.len()) + 2;
            assert_eq!(line.as_bytes().get(end..end + 2), Some(&b"  "[..]), "{line}");
        }
    }
}
