//! The backup that a command is about.

use clap::Args;
use pgcoffer::agent::Selector;

#[derive(Debug, Args)]
pub(in crate::cli) struct Chosen {
    /// An id, the beginning of one, latest, or latest:TIER
    id: String,
    /// Of this database
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

impl Chosen {
    pub(super) fn selector(&self) -> Selector<'_> {
        Selector {
            id: &self.id,
            database: self.database.as_deref(),
        }
    }
}
