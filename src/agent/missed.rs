//! Backups that nobody made, noticed by something that is not the backup: `status --notify` on another machine, `serve`.

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

/// Tells of every database whose backups are late, once for each missed period and again after a day; the databases that were
/// told of. Safe to call as often as one likes.
///
/// # Errors
/// What the bucket refuses, which is told as well; [`Error::Interrupted`] where `interrupt` was raised.
pub async fn missed(
    catalog: &Catalog,
    databases: &[Watched],
    teller: &Teller,
    interrupt: &Interrupt,
) -> Result<Vec<Label>> {
    let mut told = Vec::new();
    for one in databases {
        let now = teller.clock.now();
        let look = Before::look(catalog, &one.label, one.schedule.as_ref(), now);
        let before = match interrupt.or(look).await {
            Ok(before) => before,
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => {
                teller.failed(Some(&one.label), &error, interrupt).await;
                return Err(error);
            }
        };
        teller.repeats.forget(one.label.as_str());
        if !before.health.late.is_empty() && tell(catalog, one, &before, teller, interrupt).await {
            told.push(one.label.clone());
        }
    }
    Ok(told)
}

/// Tells of one database, unless that was done already.
async fn tell(
    catalog: &Catalog,
    one: &Watched,
    before: &Before,
    teller: &Teller,
    interrupt: &Interrupt,
) -> bool {
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
    pub(super) async fn of(
        catalog: &Catalog,
        database: &Label,
        secret: &Secret,
        before: &Before,
    ) -> Option<Self> {
        let due = before.health.late.iter().map(|late| late.due).min()?;
        // without an identity nothing could be noted or found
        catalog
            .moment_id(database, secret, due)
            .await
            .ok()
            .map(Self)
    }

    /// Whether somebody was told of it within a day. What can't be read counts as not told.
    pub(super) async fn is_told(
        &self,
        catalog: &Catalog,
        database: &Label,
        now: Timestamp,
    ) -> bool {
        let mark = catalog.mark(database, &self.0).await.ok().flatten();
        let notices = mark.map(|mark| mark.notices).unwrap_or_default();
        let is_missed = |notice: &&Notice| notice.event == Kind::Missed.as_str();
        is_fresh(notices.iter().filter(is_missed), now)
    }

    async fn note(
        &self,
        catalog: &Catalog,
        one: &Watched,
        notice: &Notice,
        teller: &Teller,
        interrupt: &Interrupt,
    ) {
        let place = (&one.label, &self.0, &one.secret);
        teller.note(catalog, place, notice, interrupt).await;
    }
}

/// Whether people were told within a day that backups look suspicious.
pub(super) fn suspicious_told(before: Option<&Before>, now: Timestamp) -> bool {
    let notices = before.map_or(&[][..], |before| &before.notices);
    let is_suspicious = |notice: &&Notice| notice.event == Kind::Suspicious.as_str();
    is_fresh(notices.iter().filter(is_suspicious), now)
}

/// Whether one of these notices reached somebody within a day.
pub(super) fn is_fresh<'a>(mut notices: impl Iterator<Item = &'a Notice>, now: Timestamp) -> bool {
    notices
        .any(|notice| !notice.told.is_empty() && now.duration_since(notice.at).abs() < AGAIN_AFTER)
}
