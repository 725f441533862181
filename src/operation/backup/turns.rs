//! Finds what is due with write-only credentials: by turns, which are object names that only one run can claim.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::{
    Occasion,
    run::{Run, serve},
};
use crate::{
    error::{Error, Result},
    schedule::{Attempt, one_a_tier},
    store::Claim,
};

/// The number of requests at once.
const AT_ONCE: usize = 8;
/// The time limit of closing turns. The backup is complete by then, so it must not wait long for what prevents a second
/// one.
const CLOSE_MAX: Duration = Duration::from_secs(60);

impl Run<'_> {
    /// Claims the open turn of each tier, and leaves out the tiers whose turn is taken.
    ///
    /// # Errors
    /// [`Error::NotDue`] if all of them are taken, or any error of the bucket.
    pub(super) async fn take_turns(&mut self) -> Result<()> {
        let Occasion::Due { schedule, due } = &self.request.occasion else {
            return Ok(());
        };
        if !self.catalog.store().writes_only() {
            return Ok(());
        }
        let mut open = schedule.attempts(self.record.started);
        open.retain(|turn| due.iter().any(|served| served.tier == turn.served.tier));
        for turn in open {
            let taken = self.catalog.take_turn(&self.identity, &self.request.database, &turn);
            if taken.await? == Claim::Taken {
                self.turns.push(turn);
            }
        }
        if self.turns.is_empty() {
            let database = self.request.database.to_string();
            return Err(Error::NotDue { database, recent: None });
        }
        let served = self.turns.iter().map(|turn| turn.served);
        let served = one_a_tier(served, self.record.started);
        serve(&mut self.record, served);
        Ok(())
    }

    /// Claims all later turns of the periods that this backup serves, so that no other run serves them again.
    pub(super) async fn close_turns(&self) {
        let later: Vec<Attempt> = self.turns.iter().flat_map(Attempt::later).collect();
        let takes = stream::iter(&later).map(|turn| {
            let database = &self.request.database;
            self.catalog.take_turn(&self.identity, database, turn)
        });
        let all = takes.buffer_unordered(AT_ONCE).collect::<Vec<_>>();
        let failed = match tokio::time::timeout(CLOSE_MAX, all).await {
            Ok(taken) => taken.into_iter().find_map(Result::err).map(|e| e.to_string()),
            Err(_) => Some("the bucket does not answer".to_owned()),
        };
        if let Some(why) = failed {
            tracing::warn!(
                database = %self.request.database,
                "this backup is good, and a later tick may make it once more: its period could not be closed: {why}"
            );
        }
    }
}
