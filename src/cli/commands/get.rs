//! `get`: downloads a backup, or the rows of one table.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use pgcoffer::{
    Result,
    operation::{Progress, RowFormat, TableName},
};

use super::{chosen::Chosen, context::Context, thaw::ThawArgs};
use crate::cli::screen;

/// Which rows are got, and in which form.
#[derive(Debug, Args)]
pub(in crate::cli) struct RowsArgs {
    /// Only the rows of this table; of the backup no more is read than that takes
    #[arg(long, value_name = "SCHEMA.TABLE")]
    pub(super) table: Option<TableName>,
    /// Their form: as COPY writes them, or CSV with a line of names
    #[arg(long, value_name = "FORMAT", default_value = "copy", requires = "table")]
    pub(super) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    Copy,
    Csv,
}

impl Context<'_> {
    pub(super) async fn get(&self, chosen: &Chosen, file: Option<PathBuf>, sealed: bool, thaw: ThawArgs) -> Result<()> {
        let record = self.agent.find_to("get", chosen.selector(self.agent.config())?).await?;
        let extension = if sealed { "pgc" } else { "dump" };
        let default = PathBuf::from(format!("{}-{}.{extension}", record.database, record.id));
        let is_default = file.is_none();
        let target = self.target(file.unwrap_or(default))?;
        target.check()?;
        self.agent.thaw(&record, &thaw.request()).await?;
        let progress = Progress::default();
        let work = self.agent.get(&record, &target, sealed, &progress);
        let fetched = self.watched("get", &progress, work).await?;
        self.warn_of_redirection(is_default, fetched.file.as_deref());
        self.output.fetched(&fetched)
    }

    /// Warns where standard output goes into a file, as of programs that write a dump there, and the dump doesn't.
    fn warn_of_redirection(&self, is_default: bool, file: Option<&Path>) {
        let Some(file) = file.filter(|_| is_default && !self.output.json) else {
            return;
        };
        if screen::output_is_file() {
            screen::message(&format!(
                "warning: it was written into {}, and not to standard output, which gets one line of text: -o - writes \
                 it there",
                file.display()
            ));
        }
    }

    pub(super) async fn get_table(
        &self,
        chosen: &Chosen,
        (table, format): (&TableName, Format),
        file: Option<PathBuf>,
        thaw: ThawArgs,
    ) -> Result<()> {
        let record = self.agent.find_to("get", chosen.selector(self.agent.config())?).await?;
        let (extension, format) = match format {
            Format::Copy => ("copy", RowFormat::Copy),
            Format::Csv => ("csv", RowFormat::Csv),
        };
        let default = PathBuf::from(format!("{}-{}.{extension}", table.file_name(), record.id));
        let is_default = file.is_none();
        let target = self.rows_target(file.unwrap_or(default))?;
        self.agent.thaw(&record, &thaw.request()).await?;
        let progress = Progress::default();
        let work = self.agent.get_table(&record, table, format, &target, &progress);
        let fetched = self.watched("get", &progress, work).await?;
        self.warn_of_redirection(is_default, fetched.file.as_deref());
        self.output.fetched_table(&fetched)
    }
}
