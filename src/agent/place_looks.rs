//! Looks at the places that hold copies. Somebody waits for them, so one place that is away costs a bounded time, and
//! that once.

use std::{sync::PoisonError, time::Duration};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{Agent, places::AgentPlace};
use crate::{
    backup::{Label, Record},
    catalog::{Catalog, Holdings, ListedCopies},
    error::{Error, Result},
    operation::{self, Health, PlaceHealth},
    store::{self, Kind},
};

/// The time limit of one look at one place.
const LOOK_MAX: Duration = Duration::from_secs(20);
impl Agent {
    /// Looks at a place, which takes [`LOOK_MAX`] at the most. A place that has not answered is not asked again for
    /// a while.
    async fn look_at_place<T>(&self, place: &AgentPlace, look: impl Future<Output = Result<T>>) -> Result<T> {
        if let Some(error) = place.silence.lasting() {
            return Err(error.into());
        }
        let look = timeout(LOOK_MAX, Box::pin(look));
        let done = self.interrupt.or(async { Ok(look.await) }).await?;
        let looked = done.unwrap_or_else(|_| {
            let why = format!("it didn't answer within {} seconds", LOOK_MAX.as_secs());
            Err(store::Error::new(Kind::Unreachable, format!("look at {}", place.location()), why).into())
        });
        match &looked {
            Err(Error::Store(error)) if error.kind == Kind::Unreachable => place.silence.begin(error),
            _ => {}
        }
        looked
    }

    /// Which places hold these backups. A place that can't be looked at is named, and is no error.
    ///
    /// # Errors
    /// [`Error::Interrupted`] alone.
    pub(super) async fn copies_of(&self, source: &Catalog, records: &[&Record]) -> Result<ListedCopies> {
        let mut labels: Vec<Label> = records.iter().map(|record| record.database.clone()).collect();
        labels.sort();
        labels.dedup();
        let looks = self.places().iter().map(async |place| {
            let look = async { operation::held_copies(self.place(place, source).await?, &labels).await };
            (place.name(), self.look_at_place(place, look).await)
        });
        let mut copies = ListedCopies::default();
        for (name, held) in join_all(looks).await {
            let held = match held {
                Ok(held) => held,
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                Err(error) => {
                    copies.unseen.push((name.clone(), error.to_string().into()));
                    continue;
                }
            };
            copies.places.push(name.clone());
            for record in records.iter().filter(|record| holds(&held, record)) {
                let of_one = copies.of_backups.entry(record.id.clone()).or_default();
                of_one.push(name.clone());
            }
        }
        Ok(copies)
    }

    /// How every place stands against the bucket, for one database.
    ///
    /// # Errors
    /// What the bucket refuses, and [`Error::Interrupted`]. What is wrong with a place is in its health.
    pub(super) async fn places_of(&self, source: &Catalog, label: &Label) -> Result<Vec<PlaceHealth>> {
        if self.places().is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let survey = self.interrupt.or(source.survey(label, usize::MAX)).await?;
        let entries = &survey.entries;
        let looks = self.places().iter().map(async |place| {
            let look = async {
                let connected = self.place(place, source).await?;
                operation::place_health(entries, connected, label, now).await
            };
            match self.look_at_place(place, look).await {
                Err(error @ Error::Interrupted { .. }) => Err(error),
                looked => Ok(looked.unwrap_or_else(|error| PlaceHealth::unseen(place.name(), &error))),
            }
        });
        join_all(looks).await.into_iter().collect()
    }

    /// Puts the state of the places into the health of a database.
    pub(super) fn add_places(&self, health: &mut Health, places: Vec<PlaceHealth>) {
        health.places = places;
        health.copies_min = self.copies_min();
    }

    /// Puts what is known of the places, from the last copying in this process, into the health of a database.
    pub(crate) fn add_known_places(&self, health: &mut Health) {
        let known = self.known_places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = known.get(&health.database) {
            health.places.clone_from(places);
            health.copies_min = self.copies_min();
        }
    }

    pub(super) fn remember_places(&self, label: &Label, places: &[PlaceHealth]) {
        let mut known = self.known_places.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(label.clone(), places.to_vec());
    }

    /// How many places have to hold every backup.
    pub(super) fn copies_min(&self) -> usize {
        let all = self.places().len();
        self.config.copies_min.map_or(all, |min| (min as usize).min(all))
    }
}

fn holds(held: &[(Label, Holdings)], record: &Record) -> bool {
    let mut of_its_database = held.iter().filter(|(label, _)| *label == record.database);
    of_its_database.any(|(_, holdings)| holdings.holds(record))
}
