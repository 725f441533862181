//! Removes the replication slot from restored subscriptions, as it belongs to the source's subscriptions.
//!
//! If such a copy is enabled, it consumes changes that the source waits for; if it is dropped, the slot is dropped.
//! pg_dump writes subscriptions without a connection, so nothing happens before the slot is removed.
//!
//! <https://www.postgresql.org/docs/current/logical-replication-subscription.html#LOGICAL-REPLICATION-SUBSCRIPTION-SLOT>

use super::{not_restored::NotRestored, plan::RestorePlan};
use crate::{
    archive::Entry,
    postgres::{self, DatabaseUrl, Session, slot_removal},
    text::Untrusted,
};

/// `undefined_object`: the subscription was not restored, or was rolled back.
const NOT_THERE: &str = "42704";

/// Removes the slot from every restored subscription, also if the restore failed. Returns those that still name it. Not
/// retried.
pub(super) async fn remove_slots(target: &DatabaseUrl, plan: &RestorePlan) -> Vec<NotRestored> {
    let subscriptions = plan.subscriptions();
    if subscriptions.is_empty() {
        return Vec::new();
    }
    let mut session = match Session::connect(target).await {
        Ok(session) => session,
        Err(error) => {
            let left = subscriptions.into_iter();
            return left.map(|name| left_with_slot(name, &error)).collect();
        }
    };
    let mut left = Vec::new();
    for name in subscriptions {
        match session.remove_slot(name.raw()).await {
            Err(postgres::Error::Query { code, .. }) if code == NOT_THERE => (),
            Err(error) => left.push(left_with_slot(name, &error)),
            Ok(()) => (),
        }
    }
    session.close().await;
    left
}

fn left_with_slot(name: Untrusted, error: &postgres::Error) -> NotRestored {
    tracing::warn!("the subscription {name} still names the slot of the source: {error}");
    let entry = Entry {
        kind: "SUBSCRIPTION".into(),
        definition: slot_removal(name.raw()).into(),
        name,
        ..Entry::default()
    };
    let why = format!("it still names the slot of the source, which it would use or drop: {error}");
    NotRestored::new(&entry, why, true)
}
