//! A setting where it stands: in an argument, a variable or a file; its text not yet read.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{blanks::trimmed, table};
use crate::error::Fault;

/// A setting where it stands.
pub(super) struct SettingEntry {
    /// the variable's name
    pub(super) name: String,
    pub(super) value: Result<Value, Fault>,
    pub(super) origin: SettingOrigin,
}

/// What stands there.
pub(super) enum Value {
    Text(Zeroizing<String>),
    InFile(PathBuf),
}

/// Which place a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SettingOrigin {
    Flag(&'static str),
    Variable,
    /// a file, the line, and the key as it stands there
    File {
        path: PathBuf,
        line: usize,
        key: String,
    },
}

impl SettingOrigin {
    /// The line of its file; 0 where it stands in none.
    pub(super) fn line(&self) -> usize {
        match self {
            Self::File { line, .. } => *line,
            Self::Flag(_) | Self::Variable => 0,
        }
    }

    /// How a fault names the setting `variable` that stands here, or in the file that is named here.
    pub(super) fn of(&self, variable: &str, file: Option<&Path>) -> String {
        let file_suffix = if file.is_some() { "_FILE" } else { "" };
        let file = file.map(|path| path.display().to_string());
        match self {
            Self::Flag(flag) => (*flag).to_owned(),
            Self::Variable => match file {
                Some(file) => format!("{variable}{file_suffix} ({file})"),
                None => variable.to_owned(),
            },
            Self::File { path, line, key } => {
                let file = file.map_or_else(String::new, |file| format!(", {file}"));
                let place = path.display();
                format!("{place}:{line}: {key} ({variable}{file_suffix}{file})")
            }
        }
    }
}

/// A value without what surrounds it unseen.
pub(super) fn cut(value: Zeroizing<String>) -> Zeroizing<String> {
    let text = trimmed(&value);
    if text.len() == value.len() {
        return value;
    }
    Zeroizing::new(text.to_owned())
}

/// The setting that `NAME_FILE` means, and the file (relative to `folder`) that holds it; or the setting itself, where
/// it is no such name.
pub(super) fn of_file_or_text(name: String, value: Zeroizing<String>, folder: &Path) -> (String, Value) {
    let is_setting = |name: &str| table::find(name, None).is_some();
    match name.strip_suffix("_FILE") {
        // some settings have names that end so themselves, and an unknown one is told as it was written
        Some(short) if !is_setting(&name) && is_setting(name.trim_end_matches("_FILE")) => {
            let path = folder.join(value.as_str());
            (short.to_owned(), Value::InFile(path))
        }
        _ => (name, Value::Text(value)),
    }
}
