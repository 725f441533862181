//! Files that hold settings: `pgcoffer.toml`, and those that variables `…_FILE` name.

use std::{
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};
use zeroize::Zeroizing;

use super::{
    entry::{SettingEntry, SettingOrigin, Value, cut, of_file_or_text},
    table::{is_known, is_secret},
    trust::{self, Owners, Refused, Trusted},
};
use crate::{
    error::Fault,
    text::{os_words, shell_word},
};

/// More than any secret, and little enough to read whatever file was named by mistake.
const SECRET_BYTES_MAX: u64 = 64 << 10;
/// The same for a file of settings.
const SETTINGS_BYTES_MAX: u64 = 1 << 20;

/// Which file of settings is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ConfigFile {
    /// none
    #[default]
    None,
    /// this one, if it's there
    IfThere(PathBuf),
    /// this one, which must be there, named by a flag or variable
    Named {
        /// the file
        path: PathBuf,
        /// `--config` or `PGCOFFER_CONFIG`
        by: &'static str,
    },
}

/// Reads what the setting `name` is in, without what surrounds it unseen, and a warning where others may read it too;
/// or says what is wrong, and the cure.
pub(super) fn secret(path: &Path, name: &str) -> Result<(Zeroizing<String>, Option<String>), (String, String)> {
    let (text, found) = read(path, SECRET_BYTES_MAX, Owners::Anybody)?;
    let value = cut(text);
    if value.is_empty() {
        let hint = "write the setting's value into it, or unset the variable";
        return Err(("the file is empty".to_owned(), hint.to_owned()));
    }
    let warning = (found.is_readable_by_all && is_secret(name)).then(|| {
        let place = path.display();
        let word = shell_word(&path.to_string_lossy());
        format!(
            "{place} holds {name}, and everybody on this machine may read it: chmod 600 {word}, or mount it with \
            mode 0400"
        )
    });
    Ok((value, warning))
}

/// A file's text, where nobody else could have written it, and the file.
fn read(path: &Path, bytes_max: u64, owners: Owners) -> Result<(Zeroizing<String>, Trusted), (String, String)> {
    let no = |error: io::Error| (format!("can't read it: {}", plain(&error)), hint(&error));
    let mut found = trust::open(path, owners).map_err(|error| match error {
        Refused::Io(error) => no(error),
        Refused::OfOthers { why, hint } => (why, hint),
    })?;
    // of this size from the beginning: a buffer that grows leaves copies of a secret behind
    let room = found.bytes.map_or(bytes_max, |bytes| bytes.min(bytes_max));
    let room = usize::try_from(room + 1).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let file = &mut found.file;
    let read = file.take(bytes_max + 1).read_to_end(&mut bytes);
    if read.map_err(no)? as u64 > bytes_max {
        let why = format!("it has more than {} KiB", bytes_max >> 10);
        return Err((why, "name the right file".to_owned()));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = line_of(&bytes, error.valid_up_to());
        let why = format!("it is not valid UTF-8 (line {line})");
        (
            why,
            "save it as UTF-8; a key is written as text, not as bytes".to_owned(),
        )
    })?;
    // some editors begin a file with a mark of its encoding
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok((Zeroizing::new(text.to_owned()), found))
}

fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => os_words(error),
    }
}

fn hint(error: &io::Error) -> String {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => "let the user that runs pgcoffer read it, and its folders",
        _ => "name a file that is there and can be read",
    };
    hint.to_owned()
}

/// The file of settings and what stands in it; faults that belong to no setting, and warnings, beside it.
pub(super) fn entries(
    file: &ConfigFile,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<String>,
) -> Option<(PathBuf, Vec<SettingEntry>)> {
    let (path, by) = match file {
        ConfigFile::None => return None,
        ConfigFile::IfThere(path) if std::fs::symlink_metadata(path).is_err() => return None,
        ConfigFile::IfThere(path) => (path, None),
        ConfigFile::Named { path, by } => (path, Some(*by)),
    };
    let place = path.display();
    let (text, found) = match read(path, SETTINGS_BYTES_MAX, Owners::UserOrRoot) {
        Ok(read) => read,
        Err((why, hint)) => {
            let variable = by.map_or_else(|| place.to_string(), |by| format!("{by} ({place})"));
            let hint = Some(hint);
            faults.push(Fault { variable, why, hint });
            return None;
        }
    };
    let entries = parse(path, &text, faults);
    // a name that is none is told as such
    let secrets = entries
        .iter()
        .filter(|entry| is_secret(&entry.name) && is_known(&entry.name));
    let secrets = secrets.filter(|entry| matches!(entry.value, Ok(Value::Text(_))));
    if let (Some(first), true) = (secrets.map(|e| &e.name).next(), found.is_readable_by_all) {
        warnings.push(format!(
            "{place} holds secrets ({first} and maybe more), and everybody on this machine may read it: chmod 600 {}",
            shell_word(&path.to_string_lossy())
        ));
    }
    Some((found.path, entries))
}

fn parse(path: &Path, text: &str, faults: &mut Vec<Fault>) -> Vec<SettingEntry> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if let Some(error) = errors.first() {
        // never the line itself: it may hold a secret
        let at = error.span().map_or(0, |span| span.start);
        faults.push(Fault {
            variable: format!("{}:{}", path.display(), line_of(text.as_bytes(), at)),
            why: format!("this is not TOML: {}", error.message()),
            hint: Some("a setting is written like bucket = \"s3://bucket/prefix\", text in quotes".to_owned()),
        });
        return Vec::new();
    }
    let mut reading = Reading {
        path,
        text,
        faults,
        entries: Vec::new(),
    };
    reading.table("", table.get_ref());
    reading.entries
}

struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    faults: &'a mut Vec<Fault>,
    entries: Vec<SettingEntry>,
}

impl Reading<'_> {
    /// Tables may be nested as one likes: what counts is the path, whose parts make up the variable's name.
    fn table(&mut self, above: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let dot = if above.is_empty() { "" } else { "." };
            let key = format!("{above}{dot}{}", name.get_ref());
            let line = line_of(self.text.as_bytes(), name.span().start);
            match value.get_ref() {
                DeValue::Table(table) => self.table(&key, table),
                value => self.value(key, line, value),
            }
        }
    }

    fn value(&mut self, key: String, line: usize, value: &DeValue<'_>) {
        if let Some((why, hint)) = misplaced(&key) {
            return self.fault(&key, line, why, hint);
        }
        match text_of(value) {
            Some(text) if text.is_empty() => {}
            Some(text) => self.take(key, line, text),
            None => self.fault(
                &key,
                line,
                "this can't be a setting's value".to_owned(),
                "give text, a number, true or false, or a list of these; tables have one pair of brackets, as in \
                 [db.main]"
                    .to_owned(),
            ),
        }
    }

    fn take(&mut self, key: String, line: usize, text: Zeroizing<String>) {
        let name = format!("PGCOFFER_{}", key.replace('.', "_").to_ascii_uppercase());
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let (name, value) = of_file_or_text(name, text, folder);
        let path = self.path.to_owned();
        self.entries.push(SettingEntry {
            name,
            value: Ok(value),
            origin: SettingOrigin::File { path, line, key },
        });
    }

    fn fault(&mut self, key: &str, line: usize, why: String, hint: String) {
        self.faults.push(Fault {
            variable: format!("{}:{line}: {key}", self.path.display()),
            why,
            hint: Some(hint),
        });
    }
}

/// What people write here that doesn't belong here, and the cure.
fn misplaced(key: &str) -> Option<(String, String)> {
    let flat = key.replace('.', "_").to_ascii_lowercase();
    if let Some(rest) = flat.strip_prefix("pgcoffer_") {
        let why = "names stand here without PGCOFFER_".to_owned();
        return Some((why, format!("call it {rest}")));
    }
    if key.bytes().any(|b| b.is_ascii_uppercase()) {
        let why = "names stand here in lower case".to_owned();
        return Some((why, format!("call it {}", key.to_ascii_lowercase())));
    }
    let of_aws = ["aws_", "s3_access", "s3_secret", "s3_region", "s3_endpoint"];
    let alone = [
        "region",
        "endpoint",
        "endpoint_url",
        "profile",
        "access_key_id",
        "secret_access_key",
        "session_token",
    ];
    if of_aws.iter().any(|start| flat.starts_with(start)) || alone.contains(&flat.as_str()) {
        return Some((
            "credentials, region and endpoint of the bucket are not read from this file, but where every AWS SDK finds \
             them"
                .to_owned(),
            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL_S3 in the environment, or \
             write them into ~/.aws"
                .to_owned(),
        ));
    }
    None
}

/// A value as a variable would hold it; a list with commas. Tables in lists, and lists in lists, are none.
fn text_of(value: &DeValue<'_>) -> Option<Zeroizing<String>> {
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.as_str().replace('_', ""),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(moment) => moment.to_string(),
        DeValue::Array(list) => {
            let items = list.iter().map(Spanned::get_ref);
            let flat = items.map(|item| match item {
                DeValue::Array(_) => None,
                item => text_of(item),
            });
            let flat: Vec<_> = flat.collect::<Option<_>>()?;
            flat.iter().map(|item| item.as_str()).collect::<Vec<_>>().join(", ")
        }
        DeValue::Table(_) => return None,
    };
    Some(cut(Zeroizing::new(text)))
}

/// The line, counted from 1, of this byte.
fn line_of(text: &[u8], at: usize) -> usize {
    let before = &text[..at.min(text.len())];
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}
