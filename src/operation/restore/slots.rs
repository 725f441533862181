//! Subscriptions that were restored name the slot of the source's own, which goes on without them.
//!
//! Whoever enables such a copy takes changes away that the source waits for, and whoever drops it drops the slot.
//! pg_dump has them come without a connection, so that nothing happens before the slot is taken from them.
//!
//! <https://www.postgresql.org/docs/current/logical-replication-subscription.html#LOGICAL-REPLICATION-SUBSCRIPTION-SLOT>

use super::{plan::Plan, report::NotRestored};
use crate::{
    archive::Entry,
    postgres::{self, DatabaseUrl, Session, statement_without_slot},
    text::Untrusted,
};

/// `undefined_object`: it was not restored, or not kept.
const NOT_THERE: &str = "42704";

/// Takes the slot from every subscription that was restored, whatever came of the rest. Those that still have it.
pub(super) async fn take_away(target: &DatabaseUrl, plan: &Plan) -> Vec<NotRestored> {
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
        match session.take_slot_away(name.raw()).await {
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
        definition: statement_without_slot(name.raw()).into(),
        name,
        ..Entry::default()
    };
    let why = format!("it still names the slot of the source, which it would take over or drop: {error}");
    NotRestored::new(&entry, why, true)
}
