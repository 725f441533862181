//! What `--help` says behind the commands and options: every setting, by the table, and every exit status.

use pgcoffer::config::{DefaultValue, SECTIONS, SECTIONS_OF_OTHERS, Setting};

/// Columns up to the end of the longest name of a setting.
const NAME_COLUMNS: usize = 30;

/// The settings and the exit statuses.
pub(super) fn after() -> String {
    let mut text = "Settings (environment; PGCOFFER_X_FILE names a file that holds X; or pgcoffer.toml):".to_owned();
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
    text + EXIT_STATUSES
}

fn line(text: &mut String, name: &str, meaning: &str) {
    text.push_str(&format!("\n  {name:<NAME_COLUMNS$}  {meaning}"));
}

fn of(setting: &Setting) -> String {
    match setting.default {
        DefaultValue::Text(default) => format!("{} (default: {default})", setting.help),
        DefaultValue::Described(_) | DefaultValue::None => setting.help.to_owned(),
    }
}

const EXIT_STATUSES: &str = "

Exit status:
  0 done    1 failed    2 usage or configuration    3 the database side    4 the bucket side
  5 integrity or key    6 another run holds the database's lock    7 no such backup
  8 check, status or tick found a problem    9 restored, all but what is named    70 a bug in pgcoffer    75 the \
      archive is being thawed: the same command goes on later
  129, 130, 143 interrupted";

#[cfg(test)]
mod tests {
    use super::*;

    /// No terminal of a usual width breaks a line.
    #[test]
    fn every_line_of_a_setting_fits() {
        for line in after().lines().filter(|line| line.starts_with("  PGCOFFER_")) {
            assert!(line.chars().count() <= 100, "{line}");
            assert_eq!(
                line.as_bytes().get(NAME_COLUMNS + 2..NAME_COLUMNS + 4),
                Some(&b"  "[..]),
                "{line}"
            );
        }
    }
}
