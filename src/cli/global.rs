//! Options of every command.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, ColorChoice, ValueEnum};

#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Global {
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// How to write the log on stderr [default: text]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(super) log_format: Option<LogFormat>,
    /// Log more; twice for all
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Log warnings only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Show no progress
    #[arg(long, global = true)]
    pub(super) no_progress: bool,
    /// Use colours: auto is where a terminal shows the text, and by NO_COLOR, CLICOLOR_FORCE and TERM
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto, hide_default_value = true)]
    pub(super) color: ColorChoice,
    /// Settings from this file, over PGCOFFER_CONFIG (default: pgcoffer.toml in this folder, if it is there)
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The bucket, over PGCOFFER_BUCKET
    #[arg(long, global = true, value_name = "s3://BUCKET/PREFIX")]
    pub(super) bucket: Option<String>,
}

/// Where settings come from, beside the environment.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) config: Option<PathBuf>,
    pub(super) bucket: Option<String>,
}

impl Global {
    pub(super) fn place(&self) -> Place {
        Place {
            config: self.config.clone(),
            bucket: self.bucket.clone(),
        }
    }
}

impl Place {
    /// The same of a line that is still being typed.
    pub(super) fn of(words: &[OsString]) -> Self {
        Self {
            config: value_of("--config", words).map(PathBuf::from),
            bucket: value_of("--bucket", words),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

/// What stands behind an option on the line.
pub(super) fn value_of(option: &str, words: &[OsString]) -> Option<String> {
    let joined = format!("{option}=");
    let behind = words
        .windows(2)
        .find(|pair| pair[0] == option)
        .map(|pair| pair[1].clone());
    let with = words
        .iter()
        .filter_map(|word| Some(word.to_str()?.strip_prefix(&joined)?.to_owned()))
        .next();
    with.or_else(|| behind?.into_string().ok())
}
