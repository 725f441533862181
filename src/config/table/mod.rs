//! The table of settings. Each setting is written down once, in the file of its subject: its name, how it is read,
//! whether it is a secret, what it means, and what counts where it is not set. From this table come the names that are
//! known, the suggestions for names that are not, `pgcoffer --help`, `docs/configuration.md`, and what is masked.

mod of_others;
mod suggest;

pub use self::of_others::{SectionOfOthers, Variable};
pub(super) use self::{
    of_others::{Shape, foreign},
    suggest::nearest,
};
use super::{backups, bucket, databases, dynos, keys, monitoring, notices, reading::Reading, schedules};
use crate::backup::Label;

/// How the name of every setting begins.
pub(super) const PREFIX: &str = "PGCOFFER_";

/// What stands for the label of a database in the name of a setting.
const NAME: &str = "<NAME>";

/// A setting's fault before its variable's name is known: why, and the cure.
pub(super) type Wrong = (String, Option<String>);

/// Whether a setting could be read.
pub(super) type Taken = Result<(), Wrong>;

/// Every setting, by subject, in the order in which people need them.
pub const SECTIONS: [&Section; 8] = [
    &databases::SECTION,
    &keys::SECTION,
    &bucket::SECTION,
    &schedules::SECTION,
    &backups::SECTION,
    &notices::SECTION,
    &monitoring::SECTION,
    &dynos::SECTION,
];

/// Variables that belong to others and mean something here.
pub const SECTIONS_OF_OTHERS: [&SectionOfOthers; 3] = of_others::SECTIONS;

/// Settings of one subject.
#[derive(Debug)]
pub struct Section {
    /// The subject, as a heading.
    pub title: &'static str,
    /// Its settings, the most needed first.
    pub settings: &'static [Setting],
}

/// One setting. All its fields have to be given: one without help or documentation does not compile.
#[derive(Debug)]
pub struct Setting {
    /// The variable's name; `<NAME>` in it stands for the label of a database.
    pub name: &'static str,
    /// Whether its text is for nobody else's eyes.
    pub secret: bool,
    /// What counts where it is not set.
    pub default: DefaultValue,
    /// What it means, as a few words of plain text.
    pub help: &'static str,
    /// What it means, as a sentence or more of Markdown, with the texts that it takes.
    pub doc: &'static str,
    pub(super) characters: Characters,
    pub(super) take: Take,
}

/// What counts where a setting is not set.
#[derive(Debug, Clone, Copy)]
pub enum DefaultValue {
    /// The same as if this text were set.
    Text(&'static str),
    /// What these words of Markdown say.
    Described(&'static str),
    /// Nothing.
    None,
}

/// Which characters that nobody can see the text of a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Characters {
    /// None at all.
    Visible,
    /// A line end, which separates as a blank does.
    List,
    /// A line end, which separates by itself.
    Lines,
    /// Any: it has to open what it once sealed.
    Any,
}

/// How the text of a setting is read.
pub(super) enum Take {
    /// There is one for the whole agent.
    Once(fn(&mut Reading, &str) -> Taken),
    /// There is one for each database.
    PerDatabase {
        read: fn(&mut Reading, Label, &str) -> Taken,
        /// Whether the text shows that another setting is meant, of a database whose label ends with the beginning of
        /// this one's name: `PGCOFFER_DB_MAIN_PING_URL` may be the URL of `main_ping`.
        is_other: fn(&str) -> bool,
    },
}

impl std::fmt::Debug for Take {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Once(_) => "Once",
            Self::PerDatabase { .. } => "PerDatabase",
        })
    }
}

impl Take {
    /// Of each database, by a name that no other setting can have.
    pub(super) const fn per_database(read: fn(&mut Reading, Label, &str) -> Taken) -> Self {
        Self::PerDatabase {
            read,
            is_other: |_| false,
        }
    }
}

impl Setting {
    /// What stands for `<NAME>` in this variable; an empty text for a setting of the whole agent. None where the
    /// variable is another setting.
    fn label_in<'a>(&self, variable: &'a str) -> Option<&'a str> {
        match self.name.split_once(NAME) {
            None => (self.name == variable).then_some(""),
            Some((before, behind)) => {
                let label = variable.strip_prefix(before)?.strip_suffix(behind)?;
                (!label.is_empty()).then_some(label)
            }
        }
    }

    /// Whether `text` shows that this variable is another setting.
    fn is_other(&self, text: &str) -> bool {
        match self.take {
            Take::Once(_) => false,
            Take::PerDatabase { is_other, .. } => is_other(text),
        }
    }

    /// How its names begin where it is one of many of its kind: `PGCOFFER_DB_`.
    fn kind(&self) -> Option<&'static str> {
        self.name.split_once(NAME).map(|(before, _)| before)
    }
}

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

/// The variable of one database, by its name in the table.
pub(super) fn of_database(name: &str, label: &Label) -> String {
    name.replace(NAME, &label.as_str().to_ascii_uppercase())
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
