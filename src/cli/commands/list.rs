//! `list`: the backups in the bucket.

use pgcoffer::Result;

use super::context::Context;

impl Context<'_> {
    pub(super) async fn list(&self, database: Option<&str>, limit: usize) -> Result<()> {
        let listing = self.agent.list(database, limit).await?;
        let (label, expected) = self.agent.expected(database)?;
        let location = self.agent.location()?;
        let none_opens = listing.entries.is_empty() && listing.beside.is_empty();
        let is_refused = none_opens && (listing.stranger.is_some() || !listing.unreadable.is_empty());
        // where no key at hand opens anything, the error says it all: not one warning for each record beside it
        if !is_refused || self.output.json {
            self.output.list(&listing, &expected, label.as_ref(), location)?;
        }
        let unreadable = listing.unreadable.into_iter().map(|(_, error)| error);
        match unreadable.chain(listing.stranger).next() {
            Some(error) if is_refused => Err(error),
            _ => Ok(()),
        }
    }
}
