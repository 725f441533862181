//! What a new installation consists of, in the forms that people need: settings for the place where it runs, and a
//! recovery sheet for the day on which that place is gone. Nothing here asks, writes or reads.

mod code;
mod forms;
pub mod heroku;
mod html;
mod kubernetes;
mod part;
mod places;
mod quoting;
mod secret;
mod sheet;
mod toml;
mod words;

use std::collections::BTreeMap;

use zeroize::Zeroizing;

pub use self::{
    forms::{Form, FormFault},
    heroku::{Attachment, HerokuHome},
    places::SheetPlace,
    secret::SheetSecret,
    sheet::{Sheet, SheetDatabase},
    words::in_words,
};
use crate::{backup::Label, config::label_of_url};

/// The schedule that `init` proposes, and that `app.json`, `packaging/` and the documentation use.
pub const DEFAULT_SCHEDULE: &str = "daily at 02:30 keep 7d, weekly on sunday keep 5w, monthly on 1 keep 12mo";

/// Everything that has to be set.
#[derive(Clone, Default)]
pub struct Setup {
    /// Variables with their values, `PGCOFFER_…` and `AWS_…`.
    pub variables: BTreeMap<String, Zeroizing<String>>,
    /// Databases whose URL Heroku itself puts into a variable of the app.
    pub attachments: BTreeMap<Label, Attachment>,
    /// The Heroku app that runs pgcoffer.
    pub app: Option<String>,
    /// Where that app is made, if it doesn't exist yet.
    pub home: HerokuHome,
}

impl Setup {
    /// Sets one variable.
    pub fn set(&mut self, variable: impl Into<String>, value: impl Into<String>) {
        let value = Zeroizing::new(value.into());
        self.variables.insert(variable.into(), value);
    }

    /// The value of a variable.
    #[must_use]
    pub fn text(&self, variable: &str) -> Option<&str> {
        self.variables.get(variable).map(|value| value.as_str())
    }

    /// The labels of all databases.
    #[must_use]
    pub fn labels(&self) -> Vec<Label> {
        let names = self.variables.keys();
        names.filter_map(|name| label_of_url(name)).collect()
    }

    /// What has to be set as config vars of a Heroku app. Heroku itself sets the URLs of attached databases.
    pub fn config_vars(&self) -> impl Iterator<Item = (&str, &str)> {
        let attached: Vec<String> = self.attachments.keys().map(url_variable).collect();
        self.elsewhere()
            .filter(move |(name, _)| !attached.iter().any(|url| url == name))
    }

    /// What has to be set on another machine: all but what is true of this machine alone.
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

/// The label of the database that is attached to an app by this name.
#[must_use]
pub fn attached_label(attachment: &str) -> Option<Label> {
    label_of_url(&format!("{attachment}_URL"))
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

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Places that propose a schedule to who has none in mind.
    const PROPOSING: [&str; 9] = [
        "app.json",
        "packaging",
        "docs/commands.md",
        "docs/deploy",
        "docs/django.md",
        "docs/getting-started.md",
        "docs/github-actions.md",
        "docs/heroku.md",
        "docs/phoenix.md",
    ];

    fn files(path: &Path) -> Vec<(String, String)> {
        if path.is_dir() {
            let entries = fs::read_dir(path).unwrap();
            return entries.flat_map(|entry| files(&entry.unwrap().path())).collect();
        }
        let text = fs::read(path).unwrap();
        vec![(path.display().to_string(), String::from_utf8_lossy(&text).into_owned())]
    }

    #[test]
    fn the_same_schedule_is_proposed_everywhere() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut places = 0;
        for (path, text) in PROPOSING.iter().flat_map(|path| files(&root.join(path))) {
            for line in text.lines().filter(|line| line.contains(" keep 7d")) {
                assert_eq!(line.matches(DEFAULT_SCHEDULE).count(), 1, "{path}: {line}");
                let rest = line.replace(DEFAULT_SCHEDULE, "");
                assert!(!rest.contains("keep "), "{path} adds to the default: {line}");
                places += 1;
            }
        }
        assert!(places >= 12, "{places}");
    }

    #[test]
    fn heroku_is_set_up_as_by_its_button() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let app: serde_json::Value = serde_json::from_str(&fs::read_to_string(root.join("app.json")).unwrap()).unwrap();
        assert_eq!(app["stack"], heroku::STACK);
        let buildpacks = app["buildpacks"].as_array().unwrap().iter();
        let buildpacks: Vec<&str> = buildpacks.map(|one| one["url"].as_str().unwrap()).collect();
        assert_eq!(buildpacks, heroku::BUILDPACKS);
    }
}
