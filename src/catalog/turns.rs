//! Turns: names in the bucket that say that a period of the schedule has had its attempt or its backup, for credentials
//! that may not look.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::Catalog;
use crate::{
    backup::{Label, Tier, TurnName},
    error::Result,
    schedule::{Attempt, attempt_open_max},
    seal::DatabaseIdentity,
    store::{Claim, Object},
};

/// How long a turn stays after its period is over: clocks differ.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// No turn of ours is longer.
const BYTES_MAX: u64 = 256;

impl Catalog {
    /// Takes a turn, atomically. Its name bears a MAC, so that nobody without the key can take one to keep a backup
    /// from being made.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn take_turn(&self, identity: &DatabaseIdentity, database: &Label, attempt: &Attempt) -> Result<Claim> {
        let (tier, due, began) = (attempt.served.tier, attempt.served.due, attempt.began);
        let name = TurnName::new(identity, database, tier, due, began);
        let path = format!("{database}/turns/{tier}/{}", name.as_str());
        let body = format!("the {tier} turn of {database} that began at {began} is taken\n");
        let key = self.store.location().key(&path);
        Ok(self.store.claim(&key, Bytes::from(body)).await?)
    }

    /// Our turns whose periods are over.
    ///
    /// # Errors
    /// What the bucket refuses to list.
    pub async fn turns_past(&self, database: &Label, now: Timestamp) -> Result<Vec<Object>> {
        let folder = self.store.location().key(&format!("{database}/turns/"));
        let mut objects = self.store.list(&folder).await?;
        if objects.is_empty() {
            return Ok(objects);
        }
        let makers = self.makers(database).await?;
        let began = |path: &str| {
            let (tier, name) = path.split_once('/')?;
            let tier: Tier = tier.parse().ok()?;
            let mut began = makers
                .iter()
                .filter_map(|maker| TurnName::began(name, &maker.identity, database, tier));
            began.next().map(|began| (tier, began))
        };
        objects.retain(|object| {
            let turn = object.key.strip_prefix(&folder).and_then(began);
            turn.is_some_and(|(tier, began)| {
                let open_max = attempt_open_max(tier) + KEPT;
                object.bytes <= BYTES_MAX && now.duration_since(began) > open_max
            })
        });
        Ok(objects)
    }
}
