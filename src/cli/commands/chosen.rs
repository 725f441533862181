//! The backup that a command is about: one group of arguments for every command that takes one.

use clap::Args;
use jiff::tz::TimeZone;
use pgcoffer::{Result, agent::Selector, config::Config, text::parse_moment};

use super::{context::usage, from_place::FromPlace};

/// Of a command that reads: the newest good backup is meant where none is named.
#[derive(Debug, Args)]
pub(in crate::cli) struct Chosen {
    /// An id, its beginning or its end (4 characters or more), latest, or latest:TIER [default: latest]
    id: Option<String>,
    #[command(flatten)]
    narrowed: Narrowed,
    #[command(flatten)]
    from: FromPlace,
}

/// Of a command that changes what becomes of a backup, which has to be named.
#[derive(Debug, Args)]
pub(in crate::cli) struct Named {
    /// An id, its beginning or its end (4 characters or more), latest, or latest:TIER
    id: String,
    #[command(flatten)]
    narrowed: Narrowed,
}

#[derive(Debug, Args)]
struct Narrowed {
    /// The newest good one that began before this moment: 2026-11-29, "2026-11-29 02:30" (in the time zone of
    /// PGCOFFER_TIMEZONE, else of this machine), or RFC 3339
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    /// Of this database
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

impl Chosen {
    /// The place that is read, where it is not the bucket.
    pub(in crate::cli) fn place_to_read(&self) -> Option<&str> {
        self.from.name()
    }

    pub(super) fn selector(&self, config: &Config) -> Result<Selector<'_>> {
        self.narrowed.selector(self.id.as_deref(), config)
    }
}

impl Named {
    /// Whether another backup is meant as soon as a newer one is made.
    pub(super) fn is_latest(&self) -> bool {
        self.narrowed.before.is_some() || self.id.starts_with("latest")
    }

    /// What was typed.
    pub(super) fn text(&self) -> &str {
        &self.id
    }

    pub(super) fn selector(&self, config: &Config) -> Result<Selector<'_>> {
        self.narrowed.selector(Some(&self.id), config)
    }
}

impl Narrowed {
    fn selector<'a>(&'a self, id: Option<&'a str>, config: &Config) -> Result<Selector<'a>> {
        // the zone in which people read moments
        let zone = || config.timezone.clone().unwrap_or_else(TimeZone::system);
        let before = self.before.as_ref().map(|text| parse_moment(text, &zone()));
        let before = before.transpose();
        Ok(Selector {
            id,
            before: before.map_err(|e| usage(format!("--before: {e}"), e.hint()))?,
            database: self.database.as_deref(),
        })
    }
}
