//! `list`: the backups in the bucket.

use clap::Args;
use pgcoffer::{Result, catalog::ListedRuns};

use super::{chosen_database::ChosenDatabase, context::Context, from_place::FromPlace};
use crate::cli::{list::ListView, zone::Zone};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    database: ChosenDatabase,
    /// Show the newest N
    #[arg(short = 'n', long, value_name = "N", default_value_t = 30)]
    limit: usize,
    /// Show good backups only
    #[arg(long, conflicts_with = "all")]
    good: bool,
    /// Show each run that failed, also where several failed one after the other
    #[arg(long)]
    all: bool,
    /// Show every column and whole ids, however long the lines are
    #[arg(long)]
    wide: bool,
    #[command(flatten)]
    pub(in crate::cli) from: FromPlace,
}

impl ListArgs {
    /// A program that reads the result counts for itself.
    fn runs(&self, is_json: bool) -> ListedRuns {
        match (self.good, self.all || is_json) {
            (true, _) => ListedRuns::Good,
            (false, true) => ListedRuns::All,
            (false, false) => ListedRuns::Folded,
        }
    }
}

impl Context<'_> {
    pub(super) async fn list(&self, args: &ListArgs) -> Result<()> {
        let (database, runs) = (args.database.label(), args.runs(self.global.json));
        let listing = self.agent.list(database, runs, args.limit).await?;
        let (label, expected) = self.agent.expected(database)?;
        let view = ListView {
            runs,
            is_wide: args.wide,
            expected: &expected,
            only: label.as_ref(),
            location: self.agent.location()?,
            zone: &Zone::of(self.agent.config()),
        };
        let none_opens = listing.entries.is_empty() && listing.beside.is_empty();
        let is_refused = none_opens && (listing.stranger.is_some() || !listing.unreadable.is_empty());
        // where no key at hand opens anything, the error says it all: not one warning for each record beside it
        if !is_refused || self.output.json {
            self.output.list(&listing, &view)?;
        }
        let unreadable = listing.unreadable.into_iter().map(|(_, error)| error);
        match unreadable.chain(listing.stranger).next() {
            Some(error) if is_refused => Err(error),
            _ => Ok(()),
        }
    }
}
