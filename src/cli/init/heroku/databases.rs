//! Which databases of Heroku are backed up: those of an app that the user names.

use pgcoffer::{
    Result,
    backup::Label,
    heroku::HerokuApp,
    postgres::DatabaseUrl,
    setup::{Attachment, HerokuHome, url_variable},
    text::escaped,
};
use zeroize::Zeroizing;

use super::{HerokuLogin, unavailable};
use crate::cli::init::{Draft, journal::Asked, usage};

/// A Heroku Postgres database of an app.
pub(in crate::cli::init) struct HerokuDatabase {
    attachment: Attachment,
    /// The config vars that hold its URL.
    variables: Vec<String>,
    /// Its URL, as the app itself uses it.
    url: Zeroizing<String>,
}

/// An app with its databases.
struct Owner {
    app: HerokuApp,
    databases: Vec<HerokuDatabase>,
}

impl HerokuLogin {
    /// An app and its databases; none: there is no such app.
    fn owner(&self, name: &str) -> Result<Option<Owner>> {
        let account = self.account().clone();
        let look = async {
            let Some(app) = account.app(name).await? else {
                return Ok(None);
            };
            Ok(Some((
                app,
                account.add_ons(name).await?,
                account.config_vars(name).await?,
            )))
        };
        let Some((app, add_ons, vars)) = self.wait(look).map_err(|error| unavailable(&error))? else {
            return Ok(None);
        };
        let databases = add_ons
            .into_iter()
            .filter(|add_on| add_on.service.starts_with("heroku-postgresql"));
        let databases = databases.filter_map(|add_on| {
            let mut variables: Vec<String> = add_on.config_vars;
            variables.retain(|name| name.ends_with("_URL"));
            let url = variables.iter().find_map(|name| vars.get(name))?.clone();
            // an attachment beside the database's own, such as DATABASE_URL, has the same value
            let same = vars.iter().filter(|(_, value)| **value == url);
            variables.extend(same.map(|(name, _)| name.clone()));
            variables.sort();
            variables.dedup();
            Some(HerokuDatabase {
                attachment: Attachment {
                    add_on: add_on.name,
                    owner: add_on.app,
                    plan: add_on.plan,
                },
                variables,
                url,
            })
        });
        Ok(Some(Owner {
            databases: databases.collect(),
            app,
        }))
    }
}

impl Draft {
    /// Takes the database of `--database NAME=heroku:ADD-ON`.
    pub(in crate::cli::init) fn attach_named(&mut self, label: Label, add_on: &str) -> Result<()> {
        let app = self.args.heroku_from.as_ref().or(self.args.heroku.as_ref()).cloned();
        let app = app.ok_or_else(|| usage("a database of Heroku needs its app", "give --heroku APP"))?;
        let hint = "give the app that owns the database as --heroku-from APP";
        let owner = self.owner(&app)?;
        let owner = owner.ok_or_else(|| usage(format!("there is no Heroku app {app}"), hint))?;
        let named = |database: &&HerokuDatabase| {
            let mut variables = database.variables.iter();
            database.attachment.add_on == add_on || variables.any(|name| name == add_on)
        };
        let Some(database) = owner.databases.iter().find(named) else {
            let names: Vec<&str> = owner.databases.iter().map(|d| d.attachment.add_on.as_str()).collect();
            let why = format!("there is no Heroku Postgres database {add_on} in {app}");
            return Err(match names.is_empty() {
                true => usage(why, hint),
                false => usage(why, format!("it has: {}", names.join(", "))),
            });
        };
        self.attach(label, database, &owner.app);
        Ok(())
    }

    fn owner(&self, app: &str) -> Result<Option<Owner>> {
        match &self.heroku {
            Some(heroku) => heroku.login.owner(app),
            None => HerokuLogin::of_the_cli(&tokio::runtime::Handle::current())?.owner(app),
        }
    }

    fn attach(&mut self, label: Label, database: &HerokuDatabase, owner: &HerokuApp) {
        self.setup.set(url_variable(&label), database.url.as_str());
        self.setup.attachments.insert(label, database.attachment.clone());
        // a new app goes where the database is
        self.setup.home = HerokuHome {
            space: owner.space.clone(),
            team: owner.team.clone(),
            region: Some(owner.region.clone()).filter(|region| region != "us"),
        };
    }

    /// Databases of the app that owns them, each only after a yes.
    pub(in crate::cli::init) fn offer_heroku(&mut self) -> Asked<()> {
        if self.args.heroku.is_none() {
            return Ok(());
        }
        let owner = self.ask_owner()?;
        for database in &owner.databases {
            let Ok(url) = DatabaseUrl::parse(&database.url) else {
                continue;
            };
            let Attachment {
                add_on,
                owner: app,
                plan,
            } = &database.attachment;
            self.terminal
                .say(&escaped(&format!("   {add_on} of {app} ({plan}): {url}")));
            if !database.attachment.has_credentials() {
                self.terminal
                    .say("   Its plan has one credential only, the owner's: it works, and may write as well.");
            }
            if self.terminal.confirm("   Back it up?", true)? {
                let label = self.ask_label(&url)?;
                self.note_answer("--database", &format!("{label}=heroku:{add_on}"));
                self.attach(label, database, &owner.app);
            }
        }
        Ok(())
    }

    /// The app that owns the databases. The name is looked up when it is typed.
    fn ask_owner(&mut self) -> Asked<Owner> {
        if let Some(app) = self.args.heroku_from.clone() {
            let hint = "give the app whose database is backed up";
            let owner = self.owner(&app)?;
            return Ok(owner.ok_or_else(|| usage(format!("there is no Heroku app {app}"), hint))?);
        }
        let check = |text: &str| match self.owner(text) {
            Ok(Some(owner)) if owner.databases.is_empty() => {
                Err(format!("   {text} has no Heroku Postgres database of its own"))
            }
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(format!("   there is no Heroku app {text}")),
            Err(error) => Err(format!("   {error}")),
        };
        let question = "   The Heroku app whose database is backed up";
        let app = self.terminal.text(question, None, check)?;
        self.note_answer("--heroku-from", &app);
        self.args.heroku_from = Some(app.clone());
        let owner = self.owner(&app)?;
        Ok(owner.ok_or_else(|| usage(format!("the app {app} is gone"), "give another one"))?)
    }
}
