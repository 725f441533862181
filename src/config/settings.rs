//! Settings as they were found: flags over variables over `pgcoffer.toml`, each with the place that it came from.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    characters,
    entry::{SettingEntry, SettingOrigin, Value, cut},
    file::{self, ConfigFile},
    seen::SeenDatabases,
    table::place_of_setting,
    variables,
    wrong::Wrong,
};
use crate::{backup::PlaceName, error::Fault, store::CredentialVariables};

/// Where settings are looked for.
#[derive(Clone, Default)]
pub struct Sources {
    /// flags that stand for a variable: flag, variable, value
    pub flags: Vec<(&'static str, &'static str, String)>,
    /// the environment
    pub vars: Vec<(OsString, OsString)>,
    /// `pgcoffer.toml`
    pub file: ConfigFile,
}

impl std::fmt::Debug for Sources {
    /// Names alone: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources")
            .field("vars", &self.vars.len())
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// Every setting by its variable's name, whichever place it came from; its text not yet read.
#[derive(Default)]
pub struct Settings {
    found: BTreeMap<String, Found>,
    /// the file of settings, where there is one
    file: Option<PathBuf>,
    /// what could not be had, by the variable's name
    broken: BTreeMap<String, Fault>,
    faults: Vec<Fault>,
    warnings: Vec<String>,
    seen: SeenDatabases,
    credential_variables: CredentialVariables,
}

struct Found {
    value: Zeroizing<String>,
    origin: SettingOrigin,
    /// the file that held it, where it is named by `…_FILE`
    file: Option<PathBuf>,
}

impl Settings {
    /// Gathers settings from all places. What is wrong with one of them is told when they are read.
    #[must_use]
    pub fn gather(sources: Sources) -> Self {
        let mut settings = Self {
            seen: SeenDatabases::in_environment(&sources.vars),
            credential_variables: CredentialVariables::of(&sources.vars),
            ..Self::default()
        };
        let mut merged: BTreeMap<String, SettingEntry> = BTreeMap::new();
        let written = file::entries(&sources.file, &mut settings.faults, &mut settings.warnings);
        if let Some((path, entries)) = written {
            settings.file = Some(path);
            merged.extend(by_name(entries));
        }
        merged.extend(by_name(variables::entries(sources.vars)));
        let flags = sources.flags.into_iter().map(|(flag, name, value)| SettingEntry {
            name: name.to_owned(),
            value: Ok(Value::Text(cut(Zeroizing::new(value)))),
            origin: SettingOrigin::Flag(flag),
        });
        merged.extend(by_name(flags.collect()));
        // only now, so that a file which something else overrides needn't be there
        for (name, entry) in merged {
            settings.settle(name, entry);
        }
        settings
    }

    fn settle(&mut self, name: String, entry: SettingEntry) {
        let SettingEntry { value, origin, .. } = entry;
        let read = value.and_then(|value| match value {
            Value::Text(text) => Ok((text, None)),
            Value::InFile(path) => match file::secret(&path, &name) {
                Ok((text, warning)) => {
                    self.warnings.extend(warning);
                    Ok((text, Some(path)))
                }
                Err((why, hint)) => Err(Fault {
                    variable: origin.of(&name, Some(&path)),
                    why,
                    hint: Some(hint),
                }),
            },
        });
        let sound = read.and_then(|(value, file)| match sound(&name, value) {
            Ok(value) => Ok((value, file)),
            Err((why, hint)) => Err(Fault {
                variable: origin.of(&name, file.as_deref()),
                why,
                hint,
            }),
        });
        match sound {
            Ok((value, file)) => {
                let found = Found { value, origin, file };
                self.found.insert(name, found);
            }
            Err(fault) => {
                self.broken.insert(name, fault);
            }
        }
    }

    /// Each setting's variable and text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Zeroizing<String>)> {
        let settings = self.found.iter();
        settings.map(|(name, found)| (name.as_str(), &found.value))
    }

    /// Takes a setting from an argument, where it stands nowhere else.
    pub fn take_argument(&mut self, name: &str, value: &str, argument: &'static str) {
        self.found.entry(name.to_owned()).or_insert_with(|| Found {
            value: Zeroizing::new(value.to_owned()),
            origin: SettingOrigin::Flag(argument),
            file: None,
        });
    }

    /// Takes out the settings of one place, which are not read then; each with its variable's name.
    pub fn take_place(&mut self, place: &PlaceName) -> Vec<(String, Zeroizing<String>)> {
        let is_its = |name: &String, text: &str| place_of_setting(name, text).is_some_and(|(one, _)| one == *place);
        let taken = self.found.extract_if(.., |name, found| is_its(name, &found.value));
        taken.map(|(name, found)| (name, found.value)).collect()
    }

    /// The text of one setting.
    #[must_use]
    pub fn text(&self, variable: &str) -> Option<&Zeroizing<String>> {
        self.found.get(variable).map(|found| &found.value)
    }

    /// Where a setting came from, in words.
    #[must_use]
    pub fn origin(&self, variable: &str) -> Option<String> {
        let found = self.found.get(variable)?;
        Some(found.origin.of(variable, found.file.as_deref()))
    }

    /// The file of settings that was read, by its path from the root; none where there is none.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What a person should know, although it works.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Databases that variables of others name.
    pub(super) fn seen(&self) -> &SeenDatabases {
        &self.seen
    }

    /// Which variables of the environment hold credentials of the bucket.
    pub(super) fn credential_variables(&self) -> &CredentialVariables {
        &self.credential_variables
    }

    /// Variables whose value could not be had.
    pub(super) fn broken(&self) -> impl Iterator<Item = &str> {
        self.broken.keys().map(String::as_str)
    }

    /// All faults: those of `read`, named by the places that their settings came from, and our own.
    pub(super) fn faults(&self, mut read: Vec<Fault>) -> Vec<Fault> {
        read.sort_by_key(|fault| self.found.get(&fault.variable).map(|f| f.origin.line()));
        let named = read.into_iter().map(|fault| {
            let quotes = self.text(&fault.variable).filter(|text| is_in_quotes(text));
            let origin = self.origin(&fault.variable);
            Fault {
                variable: origin.unwrap_or(fault.variable),
                why: match quotes {
                    Some(_) => "quotes stand around it, and are a part of the value here".to_owned(),
                    None => fault.why,
                },
                hint: quotes.map(|_| QUOTES.to_owned()).or(fault.hint),
            }
        });
        let own = self.faults.iter().chain(self.broken.values()).cloned();
        own.chain(named).collect()
    }
}

impl std::fmt::Debug for Settings {
    /// Names alone: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.found.keys()).finish()
    }
}

/// `docker run --env-file` and GUIs take quotes for a part of the value.
const QUOTES: &str = "write the value without them";

fn is_in_quotes(text: &str) -> bool {
    let pairs = [
        ('"', '"'),
        ('\'', '\''),
        ('`', '`'),
        ('\u{201c}', '\u{201d}'),
        ('\u{201e}', '\u{201c}'),
    ];
    let in_quotes = |(open, close): (char, char)| {
        let inside = text.strip_prefix(open).and_then(|text| text.strip_suffix(close));
        inside.is_some()
    };
    pairs.into_iter().any(in_quotes)
}

/// The text of a setting, unless it holds what nobody can see.
fn sound(name: &str, value: Zeroizing<String>) -> Result<Zeroizing<String>, Wrong> {
    let text = match characters::of_ours(name, &value)? {
        Cow::Owned(text) => Some(Zeroizing::new(text)),
        Cow::Borrowed(_) => None,
    };
    Ok(text.unwrap_or(value))
}

/// One entry for each name; a name that has two has a fault instead.
fn by_name(entries: Vec<SettingEntry>) -> BTreeMap<String, SettingEntry> {
    let mut map: BTreeMap<String, SettingEntry> = BTreeMap::new();
    for entry in entries {
        let name = entry.name.clone();
        let entry = match map.remove(&name) {
            Some(other) => twice(other, entry),
            None => entry,
        };
        map.insert(name, entry);
    }
    map
}

fn twice(one: SettingEntry, other: SettingEntry) -> SettingEntry {
    let place = |entry: &SettingEntry| {
        let path = match &entry.value {
            Ok(Value::InFile(path)) => Some(path.as_path()),
            _ => None,
        };
        entry.origin.of(&entry.name, path)
    };
    let fault = Fault {
        variable: place(&one),
        why: format!("{} says the same setting as well", place(&other)),
        hint: Some("keep one of them".to_owned()),
    };
    SettingEntry {
        value: Err(fault),
        ..one
    }
}
