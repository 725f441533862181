//! The table of settings. Each setting is written down once, in the file of its subject: its name, how it is read,
//! whether it is a secret, what it means, and what counts where it is not set. From this table come the names that are
//! known, the suggestions for names that are not, `pgcoffer --help`, `docs/configuration.md`, and what is masked.

pub(super) mod backups;
pub(super) mod bucket;
mod dashboard;
pub(super) mod databases;
mod drills;
mod dynos;
pub(super) mod keys;
mod monitoring;
pub(super) mod notices;
mod of_others;
mod places;
mod schedules;
mod suggest;

pub use self::of_others::{SectionOfOthers, Variable};
pub(super) use self::{
    of_others::{Shape, foreign},
    suggest::nearest,
};
use super::{
    names::PREFIX,
    setting::{Section, Setting},
};
use crate::backup::{Label, PlaceName};

/// Every setting, by subject, in the order in which people need them.
pub const SECTIONS: [&Section; 11] = [
    &databases::SECTION,
    &keys::SECTION,
    &bucket::SECTION,
    &places::SECTION,
    &schedules::SECTION,
    &backups::SECTION,
    &drills::SECTION,
    &notices::SECTION,
    &monitoring::SECTION,
    &dashboard::SECTION,
    &dynos::SECTION,
];

/// Variables that belong to others and mean something here.
pub const SECTIONS_OF_OTHERS: [&SectionOfOthers; 3] = of_others::SECTIONS;

/// Every setting.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().flat_map(|section| section.settings)
}

/// The setting that this variable is, and what stands for `<NAME>` in it. Of several that it may be, the one with the
/// shortest label counts, unless `text` shows that another one is meant.
pub(super) fn find<'a>(variable: &'a str, text: Option<&str>) -> Option<(&'static Setting, &'a str)> {
    let possible = all().filter_map(|setting| Some((setting, setting.label_in(variable)?)));
    let meant = possible.filter(|(setting, _)| !text.is_some_and(|text| setting.is_other(text)));
    meant.min_by_key(|(_, label)| label.len())
}

/// The label of the database whose URL this variable holds.
#[must_use]
pub fn label_of_url(variable: &str) -> Option<Label> {
    let (setting, label) = find(variable, None)?;
    let is_url = setting.name == databases::URL;
    Label::parse(label).ok().filter(|_| is_url)
}

/// The place that a variable is a setting of, and which one: `_URL`, `_HOST_KEY`.
#[must_use]
pub fn place_of_setting(variable: &str, text: &str) -> Option<(PlaceName, &'static str)> {
    let (setting, name) = find(variable, Some(text))?;
    let (_, what) = setting.name.strip_prefix("PGCOFFER_COPY_")?.split_once('>')?;
    Some((PlaceName::parse(name).ok()?, what))
}

/// The names of all settings that a database has, as a sentence lists them.
pub(super) fn names_of_kind(kind: &str) -> Option<String> {
    let names: Vec<&str> = all()
        .filter(|setting| setting.kind() == Some(kind))
        .map(|setting| setting.name)
        .collect();
    let (last, others) = names.split_last()?;
    Some(format!("{} and {last}", others.join(", ")))
}

/// Whether there is such a setting, of ours or of others.
pub(super) fn is_known(variable: &str) -> bool {
    find(variable, None).is_some() || foreign(variable).is_some()
}

/// Whether the text of this variable is for nobody else's eyes. A setting that is not known is taken for a secret.
#[must_use]
pub fn is_secret(variable: &str) -> bool {
    match (find(variable, None), foreign(variable)) {
        (Some((setting, _)), _) => setting.secret,
        (None, Some(variable)) => variable.secret,
        (None, None) => variable.starts_with(PREFIX),
    }
}

#[cfg(test)]
mod tests;
