//! Holds, releases and acceptances, and whose they are.

use pgcoffer::{
    Result,
    operation::{self, Clock, MarkChange},
};

use super::Context;
use crate::cli::args::Chosen;

impl Context<'_> {
    pub(super) async fn decide(&self, chosen: &Chosen, decision: &MarkChange, by: Option<&str>) -> Result<()> {
        let catalog = self.catalog().await?;
        let record = self.find(&catalog, &chosen.id, chosen.database.as_deref()).await?;
        let who = by.map_or_else(whoever_runs_this, str::to_owned);
        let now = Clock::system().now();
        // not to be broken off between the mark and the tag
        let decided = operation::change_mark(&catalog, &record, decision, &who, now).await?;
        self.output.decided(&decided, decision)
    }
}

/// The user's name, or on a platform without users what it calls the process.
fn whoever_runs_this() -> String {
    let named = ["USER", "LOGNAME", "DYNO", "HOSTNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    named.unwrap_or_else(|| "somebody".to_owned())
}
