//! Settings in the form that the place takes where pgcoffer runs. Each form has its own rules of quoting.

use std::{fmt, str::FromStr};

use zeroize::Zeroizing;

use super::{Setup, heroku, kubernetes, toml};
use crate::text::shell_quoted;

/// A form in which settings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A script for a shell that sets up an app by the Heroku CLI.
    Heroku,
    /// A file for `docker run --env-file`: everything behind `=` is the value, quotes too.
    Env,
    /// A `.env` file as Docker Compose, systemd and the dotenv libraries read it: values in quotes.
    Dotenv,
    /// `pgcoffer.toml`.
    Toml,
    /// A Secret and a CronJob.
    Kubernetes,
    /// `export` lines for a POSIX shell.
    Shell,
}

/// Why settings can't be written in a form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} can't be written as {form}: {why}")]
pub struct FormFault {
    /// The variable.
    pub variable: String,
    /// The form.
    pub form: Form,
    /// Why not, in a few words.
    pub why: &'static str,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Heroku,
        Self::Env,
        Self::Dotenv,
        Self::Toml,
        Self::Kubernetes,
        Self::Shell,
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Heroku => "heroku",
            Self::Env => "env",
            Self::Dotenv => "dotenv",
            Self::Toml => "toml",
            Self::Kubernetes => "kubernetes",
            Self::Shell => "shell",
        }
    }

    /// Its use, in a few words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Heroku => "a script that sets up a Heroku app, from the app to the first backup",
            Self::Env => "a file for `docker run --env-file` (no quotes around values)",
            Self::Dotenv => "a .env file for Docker Compose, systemd, dotenv (values in quotes)",
            Self::Toml => "pgcoffer.toml, for a plain machine",
            Self::Kubernetes => "manifests of a Secret and a CronJob",
            Self::Shell => "export lines for a shell, cron or profile",
        }
    }

    /// The name that a file of it usually has.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Heroku => "pgcoffer-heroku.sh",
            // programs that read the one misread the other's quotes: two names
            Self::Env => "pgcoffer.docker.env",
            Self::Dotenv => "pgcoffer.env",
            Self::Toml => "pgcoffer.toml",
            Self::Kubernetes => "pgcoffer.yaml",
            Self::Shell => "pgcoffer.sh",
        }
    }

    /// Writes the settings in this form.
    ///
    /// # Errors
    /// [`FormFault`] where a value can't be written so that every program reads it the same.
    pub fn write(self, setup: &Setup) -> Result<Zeroizing<String>, FormFault> {
        let fault = |(variable, why): (&str, &'static str)| FormFault {
            variable: variable.to_owned(),
            form: self,
            why,
        };
        match self {
            Self::Heroku => Ok(heroku::script(setup)),
            Self::Env => lines(setup.elsewhere(), "", plain).map_err(fault),
            Self::Dotenv => lines(setup.iter(), "", in_quotes).map_err(fault),
            Self::Toml => Ok(toml::document(setup)),
            Self::Kubernetes => Ok(kubernetes::manifests(setup)),
            Self::Shell => lines(setup.iter(), "export ", |value| Ok(shell_quoted(value).into())).map_err(fault),
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|form| form.as_str() == text.to_ascii_lowercase());
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is none of {names}")
        })
    }
}

type Quoted<'a> = Result<std::borrow::Cow<'a, str>, &'static str>;

fn lines<'a>(
    settings: impl Iterator<Item = (&'a str, &'a str)>,
    before: &str,
    quote: fn(&'a str) -> Quoted<'a>,
) -> Result<Zeroizing<String>, (&'a str, &'static str)> {
    let mut text = Zeroizing::new(String::new());
    for (name, value) in settings {
        let value = Zeroizing::new(quote(value).map_err(|why| (name, why))?.into_owned());
        text.push_str(&format!("{before}{name}={}\n", value.as_str()));
    }
    Ok(text)
}

/// Docker takes everything behind `=` as it is, up to the end of the line.
/// <https://docs.docker.com/reference/cli/docker/container/run/#env>
fn plain(value: &str) -> Quoted<'_> {
    if value.contains(['\n', '\r']) {
        return Err("it has more than one line, and such a file has no quotes");
    }
    Ok(value.into())
}

/// Readers of `.env` files agree on single quotes: the text between them is literal. A value that contains a single
/// quote itself they read differently.
/// <https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax>
fn in_quotes(value: &str) -> Quoted<'_> {
    if value.contains(['\n', '\r']) {
        return Err("it has more than one line");
    }
    if !value.contains('\'') && !value.ends_with('\\') {
        return Ok(format!("'{value}'").into());
    }
    if value.contains(['"', '\\', '$', '`']) {
        return Err(
            "programs differ in how they read its quotes and backslashes; choose another form, or put it into a file \
             of its own and name that by its variable with _FILE",
        );
    }
    Ok(format!("\"{value}\"").into())
}
