//! Turns: names in the bucket that show that an attempt or a backup was made for a period of the schedule, for
//! write-only credentials.

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

/// How long a turn is kept after the end of its period, as clocks differ.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// The longest turn.
const BYTES_MAX: u64 = 256;

impl Catalog {
    /// Claims a turn atomically. Its name contains a MAC, so that only a holder of the key can claim one, and so
    /// prevent a backup.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn take_turn(&self, identity: &DatabaseIdentity, database: &Label, attempt: &Attempt) -> Result<Claim> {
        let (tier, due, began) = (attempt.served.tier, attempt.served.due, attempt.began);
        let name = TurnName::new(identity, database, tier, due, began);
        let path = format!("{database}/turns/{tier}/{}", name.as_str());
        let body = format!("the {tier} turn of {database} that began at {began} is taken\n");
        let key = self.store.location().key(&path);
        Ok(self.store.claim(&key, Bytes::from(body)).await?)
    }

    /// Our turns whose periods have ended.
    ///
    /// # Errors
    /// Any error of the bucket while it is listed.
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
