//! What a new installation consists of, in the forms that people need it in: settings for the place where it runs, and
//! a recovery sheet for the day on which that place is gone. Pure: nothing here asks, writes or reads.

mod code;
mod forms;
mod heroku;
mod html;
mod kubernetes;
mod part;
mod quoting;
mod secret;
mod sheet;
mod toml;
mod words;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

pub use self::{
    forms::{Form, FormFault},
    heroku::Attachment,
    secret::SheetSecret,
    sheet::{Sheet, SheetDatabase},
    words::in_words,
};
use crate::backup::Label;

/// A schedule for who has none in mind: what pgcoffer's own documentation recommends.
pub const DEFAULT_SCHEDULE: &str =
    "hourly keep 24h, daily at 02:30 keep 7d, weekly on sunday keep 5w, monthly on 1 keep 12mo, yearly keep 7y";

/// Everything that is to be set.
#[derive(Default)]
pub struct Setup {
    /// variables with their values, `PGCOFFER_…` and `AWS_…`
    pub variables: BTreeMap<String, Zeroizing<String>>,
    /// databases that Heroku itself can put into the variables of an app
    pub attachments: BTreeMap<Label, Attachment>,
    /// the Heroku app in which pgcoffer is to run
    pub app: Option<String>,
}

impl Setup {
    /// Sets one variable.
    pub fn set(&mut self, variable: impl Into<String>, value: impl Into<String>) {
        let value = Zeroizing::new(value.into());
        self.variables.insert(variable.into(), value);
    }

    /// What is set for a variable.
    #[must_use]
    pub fn text(&self, variable: &str) -> Option<&str> {
        self.variables.get(variable).map(|value| value.as_str())
    }

    /// What is to be set elsewhere: all but what is true of this machine alone.
    fn elsewhere(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(|(name, _)| *name != "PGCOFFER_PG_BIN")
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = self.variables.iter();
        variables.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl std::fmt::Debug for Setup {
    /// Names alone: values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// The variable that holds a database's URL.
#[must_use]
pub fn url_variable(label: &Label) -> String {
    of_database(label, "URL")
}

/// The variable that holds a database's own key.
#[must_use]
pub fn key_variable(label: &Label) -> String {
    of_database(label, "KEY")
}

/// The variable that holds a database's own earlier keys.
#[must_use]
pub fn old_keys_variable(label: &Label) -> String {
    of_database(label, "OLD_KEYS")
}

fn of_database(label: &Label, what: &str) -> String {
    format!("PGCOFFER_DB_{}_{what}", label.as_str().to_ascii_uppercase())
}
