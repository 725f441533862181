//! `list`: the backups in the bucket.

use pgcoffer::Result;

use super::context::Context;

impl Context<'_> {
    pub(super) async fn list(&self, database: Option<&str>, limit: usize) -> Result<()> {
        let listing = self.agent.list(database, limit).await?;
        let (label, expected) = self.agent.expected(database)?;
        let location = self.agent.location()?;
        self.output.list(&listing, &expected, label.as_ref(), location)?;
        let none_opens = listing.entries.is_empty() && listing.beside.is_empty();
        let unreadable = listing.unreadable.into_iter().map(|(_, error)| error);
        match unreadable.chain(listing.stranger).next() {
            Some(error) if none_opens => Err(error),
            _ => Ok(()),
        }
    }
}
