//! The database that a command is about.

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct ChosenDatabase {
    /// The database's label (default: all of them)
    #[arg(value_name = "DB")]
    label: Option<String>,
    /// The same, as other commands take it
    #[arg(long = "database", value_name = "NAME", conflicts_with = "label")]
    database: Option<String>,
}

impl ChosenDatabase {
    pub(super) fn label(&self) -> Option<&str> {
        self.label.as_deref().or(self.database.as_deref())
    }
}
