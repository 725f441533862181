//! The state of a database before a run, with which the next state is compared to decide about notifications.

use jiff::{SignedDuration, Timestamp};

use super::Health;
use crate::{
    backup::{Label, Notice, Reason, Tier},
    catalog::{Catalog, CatalogEntry, Survey},
    error::Result,
    schedule::Schedule,
};

/// The length of a digest's week.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The state of a database at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// Its health: the newest good backup, what is late, what is wrong.
    pub health: Health,
    /// The failed runs up to the newest, if that failed.
    pub failing: Option<Failing>,
    /// When the newest run began.
    pub newest_run: Option<Timestamp>,
    /// Good backups that began within the week before.
    pub good_this_week: usize,
    /// Runs that failed within the week before.
    pub failed_this_week: usize,
    /// The notices about its runs.
    pub notices: Vec<Notice>,
    /// When the newest scheduled run began. Runs by hand don't count.
    pub newest_scheduled: Option<Timestamp>,
    /// The suspicious backups that no user has accepted.
    pub doubts: Vec<Suspicion>,
}

/// A suspicious backup, and what was reported about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// Why it is suspicious.
    pub reasons: Vec<Reason>,
    /// The notices about it.
    pub notices: Vec<Notice>,
}

/// The failed runs in a row, up to the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// When the first of them began.
    pub since: Timestamp,
    /// Their number.
    pub runs: usize,
}

impl Baseline {
    /// Surveys one database's part of the bucket.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn look(
        catalog: &Catalog,
        database: &Label,
        schedule: Option<&Schedule>,
        now: Timestamp,
    ) -> Result<Self> {
        let survey = catalog.survey(database, usize::MAX).await?;
        Ok(Self::of(&survey, schedule, now))
    }

    /// The state from an existing survey.
    pub(super) fn of(survey: &Survey, schedule: Option<&Schedule>, now: Timestamp) -> Self {
        // a run dated by a clock that was ahead is not the newest
        let runs = || survey.entries.iter().filter(|one| !one.record.is_ahead(now));
        let this_week = |one: &&CatalogEntry| now.duration_since(one.record.started) <= WEEK;
        let is_failed = |one: &&CatalogEntry| !one.record.is_good();
        let failed: Vec<Timestamp> = runs().take_while(is_failed).map(|one| one.record.started).collect();
        let marks = survey.entries.iter().filter_map(|one| one.mark.as_ref());
        let health = Health::of(survey, schedule, now);
        let doubts = doubts(survey, &health);
        let by_schedule = |one: &&CatalogEntry| one.record.serves().iter().any(|served| served.tier != Tier::Manual);
        Self {
            health,
            newest_scheduled: runs().find(by_schedule).map(|one| one.record.started),
            doubts,
            failing: failed.last().map(|&since| Failing {
                since,
                runs: failed.len(),
            }),
            newest_run: runs().next().map(|one| one.record.started),
            good_this_week: runs().filter(this_week).filter(|one| one.is_good()).count(),
            failed_this_week: runs().filter(this_week).filter(is_failed).count(),
            notices: marks.flat_map(|mark| mark.notices.clone()).collect(),
        }
    }

    /// The database's label.
    #[must_use]
    pub fn database(&self) -> &Label {
        &self.health.database
    }
}

fn doubts(survey: &Survey, health: &Health) -> Vec<Suspicion> {
    let doubt = |suspicious: &super::Suspicious| {
        let mut standing = survey.entries.iter();
        let one = standing.find(|one| one.record.id == suspicious.id);
        let mark = one.and_then(|one| one.mark.as_ref());
        Suspicion {
            reasons: suspicious.reasons.clone(),
            notices: mark.map(|mark| mark.notices.clone()).unwrap_or_default(),
        }
    };
    health.suspicious.iter().map(doubt).collect()
}
