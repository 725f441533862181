//! Drop-box mode: what goes to the other places while a database is dumped, and what people are told of it.

use super::{Agent, event};
use crate::{
    backup::{CopyEvent, Failure, Label, LatePlace, Occurrence, PlaceName, RunError},
    catalog::Catalog,
    error::{Error, Result},
    operation::{CopyPlace, CopyReport},
};

/// The places of a run in drop-box mode.
#[derive(Default)]
pub(crate) struct PlacesBeside {
    /// Those that get what the bucket gets.
    pub(crate) connected: Vec<CopyPlace>,
    /// Those that could not be connected to, and why.
    unconnected: Vec<(PlaceName, Failure)>,
}

impl PlacesBeside {
    /// What became of the copies of one backup: `copied` of those that were connected to, and the others.
    pub(super) fn reports(&self, label: &Label, mut copied: Vec<CopyReport>) -> Vec<CopyReport> {
        let failed = self.unconnected.iter();
        copied.extend(failed.map(|(name, failure)| CopyReport::of_failure(name, label, failure.clone())));
        copied
    }
}

impl Agent {
    /// The places that get each backup while it is dumped. None where the bucket can be read, as copies are made from
    /// there.
    ///
    /// # Errors
    /// [`Error::Interrupted`] alone.
    pub(crate) async fn places_beside(&self, source: &Catalog) -> Result<PlacesBeside> {
        let mut beside = PlacesBeside::default();
        if !source.store().writes_only() {
            return Ok(beside);
        }
        for place in self.places() {
            match self.place(place, source).await {
                Ok(connected) => beside.connected.push(connected.clone()),
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                Err(error) => beside.unconnected.push((place.name().clone(), Failure::from(&error))),
            }
        }
        Ok(beside)
    }

    /// Notifies people of the places that did not get a backup. In drop-box mode earlier notices can't be read, so people
    /// are told each time.
    pub(super) async fn tell_of_streamed(&self, label: &Label, reports: &[CopyReport]) {
        let late = || reports.iter().filter(|report| report.first_failure().is_some());
        let (of, behind) = (reports.len(), late().count());
        if reports.is_empty() || of - behind >= self.copies_min() {
            return;
        }
        let places = late().map(|report| LatePlace {
            name: report.place.clone(),
            missing: report.failure.is_none().then_some(1),
            since: None,
        });
        let failures = late().filter_map(CopyReport::first_failure);
        let mut errors = failures.map(|(id, failure)| RunError::new(failure, id.cloned()));
        let what = CopyEvent::Behind {
            places: places.collect(),
            complete: of - behind,
            of,
            error: errors.next(),
        };
        let newest = event::newest_good(None);
        let event = self.notifications.event(Some(label), newest, Occurrence::Copies(what));
        self.notifications.send(&event, &self.interrupt).await;
    }
}
