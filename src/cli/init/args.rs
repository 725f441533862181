//! What can be said beforehand.

use std::path::PathBuf;

use clap::Args;
use pgcoffer::setup::Form;

use super::interrupted::Flag;
use crate::cli::global::Global;

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct InitArgs {
    /// A database: its URL, `env:VARIABLE` that holds it, or with --heroku `heroku:ADD-ON`; may be repeated
    #[arg(long = "database", value_name = "NAME=URL")]
    pub(super) databases: Vec<String>,
    /// The bucket's region, for AWS_REGION
    #[arg(long, value_name = "REGION")]
    pub(super) region: Option<String>,
    /// Where the S3 service is, if it isn't AWS, for AWS_ENDPOINT_URL_S3
    #[arg(long, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
    /// That service wants the bucket's name in the path
    #[arg(long)]
    pub(super) path_style: bool,
    /// A place that holds copies: s3://, sftp:// or file://, its further settings from PGCOFFER_COPY_<NAME>_…; may be
    /// repeated
    #[arg(long = "place", value_name = "NAME=URL")]
    pub(super) places: Vec<String>,
    /// The key stands in this file (default: the one that is set, or a new one)
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Option<PathBuf>,
    /// Make a new key; the one that is set goes to PGCOFFER_OLD_KEYS
    #[arg(long, conflicts_with = "key_file")]
    pub(super) new_key: bool,
    /// Where nobody can be asked, or with --yes: the new key, as it stands in --sheet or --output, will be put away
    /// elsewhere at once
    #[arg(long)]
    pub(super) key_stored: bool,
    /// When backups are made and how long they are kept
    #[arg(long, value_name = "SCHEDULE")]
    pub(super) schedule: Option<String>,
    /// Time zone of the schedule, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub(super) timezone: Option<String>,
    /// Do not try database and bucket
    #[arg(long)]
    pub(super) no_check: bool,
    /// Write a recovery sheet to print: a page (.html) or text (.txt); may be repeated
    #[arg(long = "sheet", value_name = "FILE")]
    pub(super) sheets: Vec<PathBuf>,
    /// Print the settings, secrets among them, as: heroku, env (docker --env-file), dotenv, toml, kubernetes, shell
    #[arg(long, value_name = "FORM")]
    pub(super) output: Option<Form>,
    /// Write them into this new file instead, for you alone to read
    #[arg(long, value_name = "FILE", requires = "output")]
    pub(super) write: Option<PathBuf>,
    /// Set up this Heroku app by the Heroku CLI, from the app to the first backup; run again, it goes on where it
    /// stopped. With --output nothing is run
    #[arg(long, value_name = "APP")]
    pub(super) heroku: Option<String>,
    /// The Heroku app whose databases are backed up (default: that of --heroku)
    #[arg(long, value_name = "APP", requires = "heroku")]
    pub(super) heroku_from: Option<String>,
    /// List what init made, with the commands that remove it, and remove nothing; with --heroku on Heroku, else in this
    /// folder
    #[arg(long, conflicts_with_all = ["output", "sheets", "new_key", "key_file", "databases", "places", "yes"])]
    pub(super) undo: bool,
    /// Ask nothing that has an answer by default
    #[arg(short, long)]
    pub(super) yes: bool,
}

impl InitArgs {
    /// The Heroku app that is to be set up, and not only written about.
    pub(super) fn app_to_set_up(&self) -> Option<&str> {
        self.heroku.as_deref().filter(|_| self.output.is_none())
    }

    /// The flags that were given, as they are given again. The URL of a database may hold a password, so a variable
    /// stands for it.
    pub(super) fn given(&self, global: &Global) -> Vec<Flag> {
        let path = |path: &PathBuf| path.display().to_string();
        let texts = [
            ("--config", global.config.as_ref().map(path)),
            ("--heroku", self.heroku.clone()),
            ("--heroku-from", self.heroku_from.clone()),
            ("--bucket", global.bucket.clone()),
            ("--region", self.region.clone()),
            ("--endpoint-url", self.endpoint_url.clone()),
            ("--key-file", self.key_file.as_ref().map(path)),
            ("--schedule", self.schedule.clone()),
            ("--timezone", self.timezone.clone()),
            ("--output", self.output.map(|form| form.as_str().to_owned())),
            ("--write", self.write.as_ref().map(path)),
        ];
        let switches = [
            ("--path-style", self.path_style),
            ("--new-key", self.new_key),
            ("--key-stored", self.key_stored),
            ("--no-check", self.no_check),
            ("--yes", self.yes),
        ];
        let databases = self.databases.iter().map(|given| match given.split_once('=') {
            Some((label, place)) if !place.starts_with("env:") && !place.starts_with("heroku:") => {
                Flag::of_typed_url(label)
            }
            _ => Flag::new("--database", given),
        });
        let places = self.places.iter().map(|given| Flag::new("--place", given));
        let texts = texts
            .into_iter()
            .filter_map(|(name, value)| Some(Flag::new(name, &value?)));
        let sheets = self.sheets.iter().map(|sheet| Flag::new("--sheet", &path(sheet)));
        let switches = switches.into_iter().filter(|(_, is_given)| *is_given);
        let switches = switches.map(|(name, _)| Flag::new(name, ""));
        databases
            .chain(places)
            .chain(texts)
            .chain(sheets)
            .chain(switches)
            .collect()
    }

    fn names_something(&self) -> bool {
        !self.databases.is_empty() || !self.places.is_empty()
    }

    /// Whether more is wanted than to be led through it.
    pub(super) fn wants_something(&self) -> bool {
        let files = self.output.is_some() || !self.sheets.is_empty();
        files || self.heroku.is_some() || self.new_key || self.key_file.is_some() || self.names_something()
    }
}
