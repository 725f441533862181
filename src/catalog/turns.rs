//! Turns: names that say, to who may look at nothing, that a period of the schedule has had its attempt or its backup.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::Catalog;
use crate::{
    backup::{BackupId, Label, Tier},
    error::Result,
    schedule::turn_open_max,
    seal::Identity,
    store::{Claim, Object},
};

const SUFFIX: &str = ".turn";

/// How long after it can no longer be open a turn stays: clocks differ.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// No turn of ours is longer.
const BYTES_MAX: u64 = 256;

impl Catalog {
    /// Takes a turn, atomically. Its name bears a MAC, so that nobody without the key can take one to keep a backup from
    /// being made.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn take_turn(
        &self,
        identity: &Identity,
        database: &Label,
        tier: Tier,
        began: Timestamp,
    ) -> Result<Claim> {
        let id = BackupId::new(identity, database, began);
        let path = format!("{database}/turns/{tier}/{id}{SUFFIX}");
        let body = format!("the {tier} turn of {database} that began at {began} is taken\n");
        let key = self.store.location().key(&path);
        Ok(self.store.claim(&key, Bytes::from(body)).await?)
    }

    /// The turns of ours that nobody will ask for again.
    ///
    /// # Errors
    /// What the bucket refuses to list.
    pub async fn turns_past(&self, database: &Label, now: Timestamp) -> Result<Vec<Object>> {
        let folder = self.store.location().key(&format!("{database}/turns/"));
        let mut objects = self.store.list(&folder).await?;
        if objects.is_empty() {
            return Ok(objects);
        }
        let identities = self.identities(database).await?;
        objects.retain(|object| {
            let turn = object.key.strip_prefix(&folder).and_then(parse);
            turn.is_some_and(|(tier, id)| {
                let ours = identities
                    .iter()
                    .any(|identity| id.is_by(identity, database));
                let open_max = turn_open_max(tier) + KEPT;
                ours && object.bytes <= BYTES_MAX && now.duration_since(id.time()) > open_max
            })
        });
        Ok(objects)
    }
}

fn parse(path: &str) -> Option<(Tier, BackupId)> {
    let (tier, id) = path.strip_suffix(SUFFIX)?.split_once('/')?;
    Some((tier.parse().ok()?, BackupId::parse(id).ok()?))
}
