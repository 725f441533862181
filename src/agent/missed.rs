//! Backups that nobody made, noticed by something that is not the backup: `status --notify` on another machine,
//! `serve`.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    Teller, What,
    facts::{self, Around},
};
use crate::{
    backup::{BackupId, Label, Notice},
    catalog::Catalog,
    error::{Error, Result},
    notify::Kind,
    operation::{Before, Interrupt},
    schedule::Schedule,
    seal::Secret,
    text::Untrusted,
};

/// How long a thing that goes on is not told again.
pub(super) const AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// A database that is watched, whoever backs it up.
#[derive(Debug, Clone)]
pub struct Watched {
    /// its label
    pub label: Label,
    /// its schedule, where it is known; otherwise late is what its newest backups would call late
    pub schedule: Option<Schedule>,
    /// what seals its backups, and the notice that this was told
    pub secret: Secret,
}

/// Tells of every database whose backups are late, once for each missed period and again after a day; the databases
/// that were told of. Safe to call as often as one likes.
///
/// # Errors
/// What the bucket refuses first, which is told as well, once all were looked at; [`Error::Interrupted`] where
/// `interrupt` was raised.
pub async fn missed(
    catalog: &Catalog,
    databases: &[Watched],
    teller: &Teller,
    interrupt: &Interrupt,
) -> Result<Vec<Label>> {
    let (mut told, mut unseen) = (Vec::new(), None);
    for one in databases {
        let now = teller.clock.now();
        let look = Before::look(catalog, &one.label, one.schedule.as_ref(), now);
        let before = match interrupt.or(look).await {
            Ok(before) => before,
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => {
                teller.failed(Some(&one.label), &error, interrupt).await;
                // what can't be seen of one hides nothing of the others
                unseen.get_or_insert(error);
                continue;
            }
        };
        teller.repeats.forget(one.label.as_str());
        if !before.health.late.is_empty() && tell(catalog, one, &before, teller, interrupt).await {
            told.push(one.label.clone());
        }
    }
    unseen.map_or(Ok(told), Err)
}

/// Tells of one database, unless that was done already.
async fn tell(catalog: &Catalog, one: &Watched, before: &Before, teller: &Teller, interrupt: &Interrupt) -> bool {
    let now = teller.clock.now();
    let period = Period::of(catalog, &one.label, &one.secret, before).await;
    let told = match &period {
        Some(period) => period.is_told(catalog, &one.label, now).await,
        None => false,
    };
    if told || !teller.listens_to(Kind::Missed) {
        return false;
    }
    let around = Around {
        before: Some(before),
        ..Around::default()
    };
    let event = facts::event(teller, &one.label, What::Missed, around, now);
    let notice = teller.tell(&event, interrupt).await;
    if let (Some(notice), Some(period)) = (notice, period) {
        period.note(catalog, one, &notice, teller, interrupt).await;
    }
    true
}

/// A period whose backup is late: the id of the moment at which it was due, under which it is noted that people know.
pub(super) struct Period(pub(super) BackupId);

impl Period {
    /// The first period that was missed, where one was.
    pub(super) async fn of(catalog: &Catalog, database: &Label, secret: &Secret, before: &Before) -> Option<Self> {
        let due = before.health.late.iter().map(|late| late.due).min()?;
        // without an identity nothing could be noted or found
        catalog.moment_id(database, secret, due).await.ok().map(Self)
    }

    /// Whether somebody was told of it within a day. What can't be read counts as not told.
    pub(super) async fn is_told(&self, catalog: &Catalog, database: &Label, now: Timestamp) -> bool {
        let mark = catalog.mark(database, &self.0).await.ok().flatten();
        let notices = mark.map(|mark| mark.notices).unwrap_or_default();
        let is_missed = |notice: &&Notice| notice.event == Kind::Missed.as_str();
        is_fresh(notices.iter().filter(is_missed), now)
    }

    async fn note(&self, catalog: &Catalog, one: &Watched, notice: &Notice, teller: &Teller, interrupt: &Interrupt) {
        let place = (&one.label, &self.0, &one.secret);
        teller.note(catalog, place, notice, interrupt).await;
    }
}

/// Whether people were told within a day of all this: by backups that still look suspicious and that nobody has
/// accepted.
pub(super) fn suspicious_told(before: Option<&Before>, reasons: &[Untrusted], now: Timestamp) -> bool {
    let doubts = before.map_or(&[][..], |before| &before.doubts);
    let is_suspicious = |notice: &&Notice| notice.event == Kind::Suspicious.as_str();
    let told = doubts
        .iter()
        .filter(|doubt| is_fresh(doubt.notices.iter().filter(is_suspicious), now));
    let told: BTreeSet<String> = told
        .flat_map(|doubt| doubt.reasons.iter().map(|reason| subject(reason.raw())))
        .collect();
    reasons.iter().all(|reason| told.contains(&subject(reason.raw())))
}

/// What a reason is about, without the figures, which change from one backup to the next.
fn subject(reason: &str) -> String {
    let fall = reason.split(", the last").next().unwrap_or_default();
    match fall.rsplit_once(" has ") {
        Some((what, _)) => what.to_owned(),
        None if fall.starts_with("table ") => fall.to_owned(),
        None => fall.replace(|c: char| c.is_ascii_digit() || c == ',', ""),
    }
}

/// Whether one of these notices reached somebody within a day.
pub(super) fn is_fresh<'a>(mut notices: impl Iterator<Item = &'a Notice>, now: Timestamp) -> bool {
    notices.any(|notice| !notice.told.is_empty() && now.duration_since(notice.at).abs() < AGAIN_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_from_others_and_not_by_its_figures() {
        let same = |one, other| subject(one) == subject(other);
        assert!(same(
            "table public.people has 3 rows, the last 5 backups had 500 or more",
            "table public.people has 1 row, the last backup had 1,500 or more"
        ));
        assert!(same(
            "the dump has 1,000 bytes, the last 5 backups had 9,000 or more",
            "the dump has 999 bytes, the last 4 backups had 9,000 or more"
        ));
        assert!(!same(
            "table public.orders_1 has 3 rows, the last 5 backups had 500 or more",
            "table public.orders_2 has 3 rows, the last 5 backups had 500 or more"
        ));
        assert!(!same(
            "table public.people has 3 rows, the last 5 backups had 500 or more",
            "table public.people is gone, the last 5 backups had 500 rows or more"
        ));
    }
}
