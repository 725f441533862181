//! Which databases, and by which login.

use std::collections::BTreeSet;

use pgcoffer::{Error, Result, backup::Label, postgres::DatabaseUrl, setup::url_variable};
use zeroize::Zeroizing;

use super::{
    Draft,
    interrupted::{self, Flag},
    journal::Asked,
    usage,
};

const LOGIN: &str = "   If this is the application's own login, it may write as well. It works; one that\n   \
    may only read is safer: `pgcoffer check --fix-sql` prints the SQL for such a role.";

impl Draft {
    pub(super) fn databases(&mut self) -> Asked<()> {
        self.step(1, "Databases");
        for given in std::mem::take(&mut self.args.databases) {
            self.take_database(&given)?;
        }
        for label in self.labels() {
            let url = self.setup.text(&url_variable(&label)).unwrap_or_default();
            if let Ok(url) = DatabaseUrl::parse(url) {
                self.terminal.say(&format!("   {label}: {url}"));
            }
        }
        if self.labels().is_empty() && self.terminal.asks {
            self.offer_heroku()?;
            self.offer_found()?;
        }
        while self.wants_another() && self.ask_for_one()? {}
        if self.labels().is_empty() {
            let found: Vec<String> = self.candidates().into_iter().map(|(name, _)| name).collect();
            let hint = match found.first() {
                Some(name) => format!("give --database main=env:{name}, if that is the one"),
                None => {
                    "give --database main=env:VARIABLE, where VARIABLE holds postgres://user:password@host:5432/name"
                        .to_owned()
                }
            };
            return Err(usage("no database is named", hint).into());
        }
        Ok(())
    }

    fn wants_another(&self) -> bool {
        let more = !self.terminal.yes && !self.carries_out();
        self.terminal.asks && (self.labels().is_empty() || more)
    }

    /// `NAME=URL`, `NAME=env:VARIABLE`, `NAME=heroku:ADD-ON`.
    fn take_database(&mut self, given: &str) -> Result<()> {
        let form = "--database wants NAME=URL, NAME=env:VARIABLE or NAME=heroku:ADD-ON";
        let (name, place) = given
            .split_once('=')
            .ok_or_else(|| usage(form, "for example: --database main=env:DATABASE_URL"))?;
        let label = Label::parse(name).map_err(|e| {
            let hint = Label::fitting(name).map(|fitting| match place.contains("://") {
                // may hold a password
                true => format!("call it {fitting}: --database {fitting}=URL"),
                false => format!("call it {fitting}: --database {fitting}={place}"),
            });
            usage(e.to_string(), hint.unwrap_or_else(|| form.to_owned()))
        })?;
        if let Some(add_on) = place.strip_prefix("heroku:") {
            return self.attach_named(label, add_on);
        }
        if !place.contains(':') && self.vars.contains_key(place) {
            let why = format!("--database names the variable {place} without env: before it");
            return Err(usage(why, format!("give --database {label}=env:{place}")));
        }
        let url = match place.strip_prefix("env:") {
            None => place.to_owned(),
            Some(variable) => self.vars.get(variable).cloned().ok_or_else(|| {
                let why = format!("--database names the variable {variable}, which is not set");
                usage(why, format!("set {variable} to the database's URL"))
            })?,
        };
        DatabaseUrl::parse(&url).map_err(|e| usage(format!("the URL of {label} can't be used: {e}"), e.hint()))?;
        self.setup.set(url_variable(&label), url);
        Ok(())
    }

    /// URLs in the environment, each of them only after a yes.
    fn offer_found(&mut self) -> Asked<()> {
        if !self.labels().is_empty() || self.carries_out() {
            return Ok(());
        }
        for (name, text) in self.candidates() {
            let Ok(url) = DatabaseUrl::parse(&text) else {
                continue;
            };
            self.terminal.say(&format!("   found {name}: {url}\n{LOGIN}"));
            // not even by --yes: nobody's database is taken because it happens to be there
            let asked = self.terminal.always_asking();
            if asked.confirm("   Back it up?", self.labels().is_empty())? {
                if !self.try_database_url(&text)? {
                    continue;
                }
                let label = self.ask_label(&url)?;
                self.setup.set(url_variable(&label), text.as_str());
                self.note_answer("--database", &format!("{label}=env:{name}"));
            }
        }
        Ok(())
    }

    /// Variables that hold a database's URL, and what libpq's own variables say.
    fn candidates(&self) -> Vec<(String, Zeroizing<String>)> {
        let mut seen = BTreeSet::new();
        let urls = self.vars.iter().filter(|(name, value)| {
            name.ends_with("_URL") && !name.starts_with("PGCOFFER_") && DatabaseUrl::parse(value).is_ok()
        });
        let mut found: Vec<_> = urls
            .filter(|(_, value)| seen.insert(value.as_str()))
            .map(|(name, value)| (name.clone(), Zeroizing::new(value.clone())))
            .collect();
        // the usual one first
        found.sort_by_key(|(name, _)| name != "DATABASE_URL");
        found.extend(self.of_libpq().map(|url| ("PGHOST and PGUSER".to_owned(), url)));
        found
    }

    fn of_libpq(&self) -> Option<Zeroizing<String>> {
        let part = |name: &str| {
            let value = self.vars.get(name).filter(|value| !value.is_empty())?;
            Some(percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string())
        };
        let (host, user) = (part("PGHOST")?, part("PGUSER")?);
        let password = part("PGPASSWORD").map_or_else(String::new, |password| format!(":{password}"));
        let port = part("PGPORT").unwrap_or_else(|| "5432".to_owned());
        let database = part("PGDATABASE").unwrap_or_else(|| user.clone());
        let mode = part("PGSSLMODE").map_or_else(String::new, |mode| format!("?sslmode={}", mode.replace("%2D", "-")));
        Some(Zeroizing::new(format!(
            "postgres://{user}{password}@{host}:{port}/{database}{mode}"
        )))
    }

    /// One more database, by its URL; false: no more.
    fn ask_for_one(&mut self) -> Asked<bool> {
        let none = self.labels().is_empty();
        let question = if none {
            "   URL of the database: postgres://user:password@host:5432/name"
        } else {
            "   URL of another database; Enter for none"
        };
        let check = |text: &str| match DatabaseUrl::parse(text) {
            Ok(_) => match self.label_of(text) {
                Some(label) => Err(format!(
                    "   this is {label} already, and would be backed up twice: give the URL of another database"
                )),
                None => Ok(()),
            },
            Err(error) => Err(format!("   {error}: {}", error.hint())),
        };
        let text = self.terminal.hidden(question, !none, check)?;
        if text.is_empty() {
            return Ok(false);
        }
        let url = DatabaseUrl::parse(&text).map_err(|error| Error::from(pgcoffer::postgres::Error::from(error)))?;
        self.terminal.say(&format!("   {url}"));
        if !self.try_database_url(&text)? {
            return Ok(true);
        }
        let label = self.ask_label(&url)?;
        self.setup.set(url_variable(&label), text.as_str());
        interrupted::note_answer(&self.written, Flag::of_typed_url(label.as_str()));
        Ok(true)
    }

    /// The label of the database that this very URL stands for already.
    fn label_of(&self, url: &str) -> Option<Label> {
        let mut labels = self.labels().into_iter();
        labels.find(|label| self.setup.text(&url_variable(label)) == Some(url))
    }

    pub(super) fn ask_label(&self, url: &DatabaseUrl) -> Asked<Label> {
        let taken = self.labels();
        let check = |text: &str| match Label::parse(text) {
            Ok(label) if taken.contains(&label) => Err(format!("{label} is another one")),
            Ok(_) => Ok(()),
            Err(error) => Err(match Label::fitting(text) {
                Some(fitting) => format!("   {error}, such as {fitting}"),
                None => format!("   {error}, such as main"),
            }),
        };
        let default = if taken.is_empty() {
            "main".to_owned()
        } else {
            free_label(url, &taken)
        };
        let text = self.terminal.text("   Its name in the bucket", Some(&default), check)?;
        Ok(Label::parse(&text).map_err(|e| usage(e.to_string(), "choose another"))?)
    }
}

/// The URLs that arguments name by themselves or by a variable, as settings; what is wrong with them is told later.
pub(super) fn named(arguments: &[String]) -> Vec<(String, Zeroizing<String>)> {
    let one = |given: &String| {
        let (name, place) = given.split_once('=')?;
        let label = Label::parse(name).ok()?;
        let url = match place.strip_prefix("env:") {
            None => place.to_owned(),
            Some(variable) => std::env::var(variable).ok()?,
        };
        DatabaseUrl::parse(&url).ok()?;
        Some((url_variable(&label), Zeroizing::new(url)))
    };
    arguments.iter().filter_map(one).collect()
}

/// A label like the database's own name.
fn free_label(url: &DatabaseUrl, taken: &[Label]) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let name: String = url.database().chars().map(plain).take(50).collect();
    let numbered = (2..).map(|n| format!("{name}_{n}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    let is_free = |name: &String| !taken.iter().any(|label| label.as_str() == name);
    names.find(is_free).unwrap_or(name)
}
