//! Backups that nobody made, noticed by something that is not the backup: `status --notify` on another machine,
//! `serve`.

use jiff::{SignedDuration, Timestamp};

use super::{
    Notifications,
    event::{self, RunFacts, earliest},
    rule::RunFinding,
};
use crate::{
    backup::{BackupId, EventKind, Label, Notice, Reason},
    catalog::Catalog,
    error::{Error, Result},
    operation::{Baseline, Interrupt},
    schedule::Schedule,
    seal::Secret,
};

/// How long people are not notified again of something that goes on.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// A database that is watched, whoever backs it up.
#[derive(Debug, Clone)]
pub struct WatchedDatabase {
    /// Its label.
    pub label: Label,
    /// Its schedule, where it is known; without one, its newest backups say what is late.
    pub schedule: Option<Schedule>,
    /// The secret that seals its backups, and the note that people were notified.
    pub secret: Secret,
}

/// Reports every database whose backups are late, once for each missed period and again after a day. Gives the
/// databases that were reported now. Safe to call as often as one likes.
///
/// # Errors
/// The first refusal of the bucket, which is reported as well, once all databases were looked at;
/// [`Error::Interrupted`] where `interrupt` was raised.
pub(super) async fn report_missed(
    catalog: &Catalog,
    databases: &[WatchedDatabase],
    notifications: &Notifications,
    interrupt: &Interrupt,
) -> Result<Vec<Label>> {
    let (mut reported, mut unseen) = (Vec::new(), None);
    for one in databases {
        let look = Baseline::look(catalog, &one.label, one.schedule.as_ref(), notifications.now());
        let before = match interrupt.or(look).await {
            Ok(before) => before,
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => {
                notifications.failed(Some(&one.label), &error, interrupt).await;
                // a database that can't be seen hides none of the others
                unseen.get_or_insert(error);
                continue;
            }
        };
        notifications.seen(&one.label);
        if !before.health.late.is_empty() && report(catalog, one, &before, notifications, interrupt).await {
            reported.push(one.label.clone());
        }
    }
    unseen.map_or(Ok(reported), Err)
}

/// Reports one database, unless that was done already.
async fn report(
    catalog: &Catalog,
    one: &WatchedDatabase,
    before: &Baseline,
    notifications: &Notifications,
    interrupt: &Interrupt,
) -> bool {
    let period = MissedPeriod::of(catalog, &one.label, &one.secret, before).await;
    let known = match &period {
        Some(period) => period.is_known(catalog, &one.label, notifications.now()).await,
        None => false,
    };
    if known || !notifications.wants(EventKind::Missed) {
        return false;
    }
    let facts = RunFacts {
        before: Some(before),
        ..RunFacts::default()
    };
    let Some(event) = event::event(notifications, &one.label, RunFinding::Missed, facts) else {
        return false;
    };
    let notice = notifications.send(&event, interrupt).await;
    if let (Some(notice), Some(period)) = (notice, period) {
        let place = (&one.label, &period.0, &one.secret);
        notifications.note(catalog, place, &notice, interrupt).await;
    }
    true
}

/// A period whose backup is late, by the id of the moment at which it was due: under that it is noted that people know.
pub(super) struct MissedPeriod(pub(super) BackupId);

impl MissedPeriod {
    /// The first period that was missed, where one was.
    pub(super) async fn of(catalog: &Catalog, database: &Label, secret: &Secret, before: &Baseline) -> Option<Self> {
        let due = earliest(&before.health.late)?;
        // without an identity nothing could be noted or found
        catalog.moment_id(database, secret, due).await.ok().map(Self)
    }

    /// Whether somebody was notified of it within a day. A mark that can't be read counts as none.
    pub(super) async fn is_known(&self, catalog: &Catalog, database: &Label, now: Timestamp) -> bool {
        let mark = catalog.mark(database, &self.0).await.ok().flatten();
        let notices = mark.map(|mark| mark.notices).unwrap_or_default();
        let missed = notices.iter().filter(|notice| notice.is_of(EventKind::Missed));
        is_fresh(missed, now)
    }
}

/// Whether people were notified within a day of all these reasons, by backups that still look suspicious and that
/// nobody has accepted. The numbers may have changed since.
pub(super) fn reasons_known(before: Option<&Baseline>, reasons: &[Reason], now: Timestamp) -> bool {
    let doubts = before.map_or(&[][..], |before| &before.doubts);
    let reported = doubts.iter().filter(|doubt| {
        let notices = doubt.notices.iter();
        is_fresh(notices.filter(|notice| notice.is_of(EventKind::Suspicious)), now)
    });
    let known: Vec<&Reason> = reported.flat_map(|doubt| &doubt.reasons).collect();
    reasons
        .iter()
        .all(|reason| known.iter().any(|known| known.is_about_the_same(reason)))
}

/// Whether one of these notices reached somebody within a day.
pub(super) fn is_fresh<'a>(mut notices: impl Iterator<Item = &'a Notice>, now: Timestamp) -> bool {
    notices.any(|notice| !notice.delivered.is_empty() && now.duration_since(notice.at).abs() < AGAIN_AFTER)
}
