//! What people are told of copies: once that places are behind, again after a day, and once that they are complete.

use super::{Agent, missed::is_fresh};
use crate::{
    backup::{CopyEvent, EventKind, Label, LatePlace, NewestGood, Notice, Occurrence, RunError, Topic},
    catalog::Catalog,
    operation::{Baseline, CopyReport, PlaceHealth},
};

/// How the places of one database stand, and how many of them have to hold everything.
pub(super) struct CopiesHealth {
    pub(super) places: Vec<PlaceHealth>,
    pub(super) copies_min: usize,
}

impl CopiesHealth {
    fn complete(&self) -> usize {
        self.places.iter().filter(|place| place.is_complete()).count()
    }

    /// Whether fewer places than required hold everything, or are being brought up to date.
    fn is_short(&self) -> bool {
        self.places.iter().filter(|place| !place.is_late()).count() < self.copies_min
    }

    fn event(&self, reports: &[CopyReport]) -> CopyEvent {
        let of = self.places.len();
        if !self.is_short() {
            return CopyEvent::CaughtUp {
                complete: self.complete(),
                of,
            };
        }
        let late = self.places.iter().filter(|place| place.is_late());
        let late = late.map(|place| LatePlace {
            name: place.place.clone(),
            missing: place.failure.is_none().then_some(place.behind.len()),
            since: place.behind_since,
        });
        let failures = reports.iter().filter_map(CopyReport::first_failure);
        let unseen = self.places.iter().filter_map(|place| place.failure.as_ref());
        let errors = failures
            .map(|(id, failure)| RunError::new(failure, id.cloned()))
            .chain(unseen.map(|failure| RunError::new(failure, None)));
        CopyEvent::Behind {
            places: late.collect(),
            complete: self.complete(),
            of,
            error: errors.into_iter().next(),
        }
    }
}

impl Agent {
    /// Notifies people where that is due.
    pub(super) async fn tell_of_copies(
        &self,
        catalog: &Catalog,
        label: &Label,
        newest_good: NewestGood,
        health: &mut CopiesHealth,
        reports: &[CopyReport],
    ) {
        let notifications = &self.notifications;
        let what = health.event(reports);
        let kind = what.kind();
        if !notifications.wants(kind) && !notifications.wants(EventKind::Failure) {
            return;
        }
        let now = notifications.now();
        let look = Baseline::look(catalog, label, None, now);
        let Ok(before) = self.interrupt.or(look).await else {
            return;
        };
        let about = || before.notices.iter().filter(|notice| notice.is_about(Topic::Copies));
        let is_due = match kind {
            EventKind::Failure => !is_fresh(&mut failures_since_recovery(about()).into_iter(), now),
            _ => !failures_since_recovery(about()).is_empty(),
        };
        if !is_due {
            return;
        }
        let newest_good = match (newest_good, &before.health.newest_good) {
            (NewestGood::Unknown, Some(newest)) => NewestGood::Is {
                id: newest.id.clone(),
                started: newest.started,
            },
            (known, _) => known,
        };
        let newest = before.health.newest_good.as_ref().map(|newest| newest.id.clone());
        let event = notifications.event(Some(label), newest_good, Occurrence::Copies(what));
        self.send_and_note(catalog, label, &event, newest.as_ref()).await;
    }
}

/// The notices of places that are behind, since they were last said to be complete.
fn failures_since_recovery<'a>(notices: impl Iterator<Item = &'a Notice>) -> Vec<&'a Notice> {
    let mut notices: Vec<&Notice> = notices.collect();
    notices.sort_by_key(|notice| notice.at);
    let recovered = notices.iter().rposition(|notice| notice.is_of(EventKind::Recovery));
    notices.split_off(recovered.map_or(0, |at| at + 1))
}
