//! What the Heroku CLI tells of an app's databases, where it is installed and logged in.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
};

use pgcoffer::{Error, Result, setup::Attachment};
use serde_json::Value;

use super::usage;

/// A Heroku Postgres database of an app.
pub(super) struct HerokuDatabase {
    pub(super) attachment: Attachment,
    /// The config vars that hold its URL.
    pub(super) variables: Vec<String>,
    /// Its URL, as the app itself uses it.
    pub(super) url: String,
}

/// The databases of an app.
///
/// `heroku addons --json` and `heroku config --json`: <https://devcenter.heroku.com/articles/heroku-cli-commands>
pub(super) fn databases(app: &str) -> Result<Vec<HerokuDatabase>> {
    let add_ons = ask(&["addons", "--json", "--app", app])?;
    let vars: BTreeMap<String, String> = parse(ask(&["config", "--json", "--app", app])?)?;
    let add_ons: Vec<Value> = parse(add_ons)?;
    let databases = add_ons.iter().filter(|add_on| {
        let service = add_on["addon_service"]["name"].as_str().unwrap_or_default();
        service.starts_with("heroku-postgresql")
    });
    Ok(databases.filter_map(|add_on| one(add_on, app, &vars)).collect())
}

fn one(add_on: &Value, app: &str, vars: &BTreeMap<String, String>) -> Option<HerokuDatabase> {
    let names = add_on["config_vars"].as_array()?;
    let mut variables: Vec<String> = names
        .iter()
        .filter_map(|name| Some(name.as_str()?.to_owned()))
        .filter(|name| name.ends_with("_URL"))
        .collect();
    let url = variables.iter().find_map(|name| vars.get(name))?.clone();
    // an attachment beside the database's own, such as DATABASE_URL, has the same value
    variables.extend(
        vars.iter()
            .filter(|(_, value)| **value == url)
            .map(|(name, _)| name.clone()),
    );
    variables.sort();
    variables.dedup();
    Some(HerokuDatabase {
        attachment: Attachment {
            add_on: add_on["name"].as_str()?.to_owned(),
            owner: add_on["app"]["name"].as_str().unwrap_or(app).to_owned(),
            plan: add_on["plan"]["name"].as_str().unwrap_or_default().to_owned(),
        },
        variables,
        url,
    })
}

/// Whether there is a Heroku CLI.
pub(super) fn is_there() -> bool {
    let mut command = Command::new("heroku");
    let version = command.arg("--version").stdin(Stdio::null());
    version.output().is_ok_and(|output| output.status.success())
}

fn ask(arguments: &[&str]) -> Result<Vec<u8>> {
    let shown = format!("heroku {}", arguments.join(" "));
    let hint = "install the Heroku CLI and log in (heroku login), or give --database NAME=env:VARIABLE";
    // without a terminal it can't stop to ask for a login
    let output = Command::new("heroku").args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| usage(format!("can't run `{shown}`: {error}"), hint))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it says nothing");
    Err(usage(format!("`{shown}` failed: {}", said.trim()), hint))
}

fn parse<T: serde::de::DeserializeOwned>(output: Vec<u8>) -> Result<T> {
    serde_json::from_slice(&output).map_err(|_| Error::Usage {
        why: "the Heroku CLI's answer is not the JSON that is expected".to_owned(),
        hint: "update it (heroku update), or give --database NAME=env:VARIABLE".to_owned(),
    })
}
