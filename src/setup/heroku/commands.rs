//! The commands of the Heroku CLI of which a set-up consists. A script, a run by `init` and the list of how to remove it
//! all take them from here.

use std::fmt;

use super::{Attachment, CREDENTIAL, HerokuHome, STACK};
use crate::{backup::Label, setup::url_variable, text::shell_word};

/// A command and its arguments. It shows itself as a shell takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine(Vec<String>);

impl CommandLine {
    /// A command of the Heroku CLI.
    #[must_use]
    pub fn heroku<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self(["heroku"].into_iter().chain(words).map(str::to_owned).collect())
    }

    /// The program's name.
    #[must_use]
    pub fn program(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Its arguments.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        self.0.get(1..).unwrap_or_default()
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(|word| shell_word(word)).collect();
        f.write_str(&words.join(" "))
    }
}

/// Makes the app.
#[must_use]
pub fn create_app(app: &str, home: &HerokuHome) -> CommandLine {
    let mut words = vec!["apps:create", app, "--stack", STACK, "--no-remote"];
    match home {
        HerokuHome { space: Some(space), .. } => words.extend(["--space", space]),
        HerokuHome { team, region, .. } => {
            words.extend(team.iter().flat_map(|team| ["--team", team]));
            words.extend(region.iter().flat_map(|region| ["--region", region]));
        }
    }
    CommandLine::heroku(words)
}

/// Adds a buildpack behind those that are there.
#[must_use]
pub fn add_buildpack(app: &str, buildpack: &str) -> CommandLine {
    CommandLine::heroku(["buildpacks:add", buildpack, "-a", app])
}

/// Commits the app's source. Name and date are always the same, and so is the commit: pushed again, it changes nothing,
/// and an app with code of its own refuses it.
#[must_use]
pub fn commit() -> String {
    const DATE: &str = "2026-01-01T00:00:00Z";
    let who = "-c user.name=pgcoffer -c user.email=pgcoffer@localhost -c commit.gpgsign=false";
    let message = concat!("pgcoffer ", env!("CARGO_PKG_VERSION"));
    format!(
        "GIT_AUTHOR_DATE={DATE} GIT_COMMITTER_DATE={DATE} git {who} commit --quiet -m {}",
        shell_word(message)
    )
}

/// Pushes the app's source to Heroku, which builds it. The Heroku CLI gives git its login.
#[must_use]
pub fn push(app: &str) -> String {
    format!(
        "git -c credential.https://git.heroku.com.helper='!heroku git:credentials' push --quiet \
    https://git.heroku.com/{}.git HEAD:refs/heads/main",
        shell_word(app)
    )
}

/// Removes a buildpack, from the next build on.
#[must_use]
pub fn remove_buildpack(app: &str, buildpack: &str) -> CommandLine {
    CommandLine::heroku(["buildpacks:remove", buildpack, "-a", app])
}

/// Makes a credential, which begins without any rights, and takes some time to become active.
#[must_use]
pub fn create_credential(database: &Attachment) -> CommandLine {
    of_credential("create", database, &[])
}

/// Prints the credential's URL, with its password. It fails as long as the credential is not active.
#[must_use]
pub fn credential_url(database: &Attachment) -> CommandLine {
    of_credential("url", database, &[])
}

/// Removes the credential. What it owns, which is nothing, goes to the database's owner.
#[must_use]
pub fn destroy_credential(database: &Attachment) -> CommandLine {
    of_credential("destroy", database, &["--confirm", &database.owner])
}

fn of_credential(verb: &str, database: &Attachment, more: &[&str]) -> CommandLine {
    let data = if database.is_advanced() { "data:" } else { "" };
    let command = format!("{data}pg:credentials:{verb}");
    let words = [&command, &database.add_on, "--name", CREDENTIAL, "-a", &database.owner];
    CommandLine::heroku(words.into_iter().chain(more.iter().copied()))
}

/// The name of a database's attachment: its variable without the `_URL` that Heroku puts behind it.
#[must_use]
pub fn attachment_name(label: &Label) -> String {
    let variable = url_variable(label);
    variable.strip_suffix("_URL").unwrap_or(&variable).to_owned()
}

/// Attaches a database to the app, by the credential where its plan has credentials.
#[must_use]
pub fn attach(app: &str, label: &Label, database: &Attachment) -> CommandLine {
    let name = attachment_name(label);
    let command = match database.is_advanced() {
        true => "data:pg:attachments:create",
        false => "addons:attach",
    };
    let mut words = vec![command, &database.add_on];
    if database.has_credentials() {
        words.extend(["--credential", CREDENTIAL]);
    }
    words.extend(["--as", &name, "-a", app]);
    CommandLine::heroku(words)
}

/// Detaches a database from the app, which changes nothing in the database.
#[must_use]
pub fn detach(app: &str, label: &Label) -> CommandLine {
    CommandLine::heroku(["addons:detach", &attachment_name(label), "-a", app])
}

/// Runs pgcoffer in a one-off dyno of the app, and ends with its exit status.
///
/// The command is one word. Of several, the CLI repeats each that equals an argument of its own, such as the app's name:
/// <https://github.com/heroku/cli/blob/main/src/lib/run/helpers.ts>
#[must_use]
pub fn in_dyno(app: &str, command: &str) -> CommandLine {
    CommandLine::heroku(["run", "--exit-code", "--no-tty", "-a", app, "--", command])
}

/// Prints the SQL that lets the credential read everything in a database. The dyno's standard error, which the CLI
/// mixes with its standard output, is left out.
#[must_use]
pub fn print_grants(app: &str, label: &Label) -> CommandLine {
    in_dyno(app, &format!("pgcoffer --quiet check {label} --fix-sql 2>/dev/null"))
}

/// Has the database's owner run a file of SQL.
#[must_use]
pub fn run_sql(database: &Attachment, file: &str) -> CommandLine {
    CommandLine::heroku(["pg:psql", &database.add_on, "-a", &database.owner, "--file", file])
}

/// Adds Heroku Scheduler to the app.
#[must_use]
pub fn add_scheduler(app: &str) -> CommandLine {
    CommandLine::heroku(["addons:create", "scheduler:standard", "-a", app])
}

/// Opens Heroku Scheduler in the browser.
#[must_use]
pub fn open_scheduler(app: &str) -> CommandLine {
    CommandLine::heroku(["addons:open", "scheduler", "-a", app])
}

/// Removes Heroku Scheduler with its jobs.
#[must_use]
pub fn destroy_scheduler(app: &str) -> CommandLine {
    CommandLine::heroku(["addons:destroy", "scheduler", "-a", app, "--confirm", app])
}

/// Unsets config vars.
#[must_use]
pub fn unset_config<'a>(app: &'a str, names: impl IntoIterator<Item = &'a str>) -> CommandLine {
    CommandLine::heroku(["config:unset"].into_iter().chain(names).chain(["-a", app]))
}

/// Removes the app with all its config vars.
#[must_use]
pub fn destroy_app(app: &str) -> CommandLine {
    CommandLine::heroku(["apps:destroy", "-a", app, "--confirm", app])
}
