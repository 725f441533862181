//! What the table of settings says of each: its name, how it is read, and what it means.

use super::{names::NAME, reading::Reading, wrong::Taken};
use crate::backup::{Label, PlaceName};

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
    /// The variable's name; `<NAME>` in it stands for the label of a database, or for the name of a place.
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
    /// There is one for each place that holds copies.
    PerPlace {
        read: fn(&mut Reading, PlaceName, &str) -> Taken,
        /// Whether the text shows that another setting is meant, of a place whose name ends with the beginning of this
        /// one's name.
        is_other: fn(&str) -> bool,
    },
}

impl std::fmt::Debug for Take {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Once(_) => "Once",
            Self::PerDatabase { .. } => "PerDatabase",
            Self::PerPlace { .. } => "PerPlace",
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

    /// Of each place, by a name that no other setting can have.
    pub(super) const fn per_place(read: fn(&mut Reading, PlaceName, &str) -> Taken) -> Self {
        Self::PerPlace {
            read,
            is_other: |_| false,
        }
    }
}

impl Setting {
    /// What stands for `<NAME>` in this variable; an empty text for a setting of the whole agent. None where the
    /// variable is another setting.
    pub(super) fn label_in<'a>(&self, variable: &'a str) -> Option<&'a str> {
        match self.name.split_once(NAME) {
            None => (self.name == variable).then_some(""),
            Some((before, behind)) => {
                let label = variable.strip_prefix(before)?.strip_suffix(behind)?;
                (!label.is_empty()).then_some(label)
            }
        }
    }

    /// Whether `text` shows that this variable is another setting.
    pub(super) fn is_other(&self, text: &str) -> bool {
        match self.take {
            Take::Once(_) => false,
            Take::PerDatabase { is_other, .. } | Take::PerPlace { is_other, .. } => is_other(text),
        }
    }

    /// How its names begin where it is one of many of its kind: `PGCOFFER_DB_`.
    pub(super) fn kind(&self) -> Option<&'static str> {
        self.name.split_once(NAME).map(|(before, _)| before)
    }
}
