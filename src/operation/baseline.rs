//! How a database stood before something was done: what the next run is compared with when people are told of it.

use jiff::{SignedDuration, Timestamp};

use super::Health;
use crate::{
    backup::{Label, Notice, Reason, Tier},
    catalog::{Catalog, Standing, Survey},
    error::Result,
    schedule::Schedule,
};

/// What a week is to a digest.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How a database stood at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// its newest good backup, what is late, what is wrong
    pub health: Health,
    /// the newest run failed: since when, and how many in a row
    pub failing: Option<Failing>,
    /// when the newest run began
    pub newest_run: Option<Timestamp>,
    /// good backups that began within the week before
    pub good_this_week: usize,
    /// runs that failed within the week before
    pub failed_this_week: usize,
    /// what people were told of its runs
    pub notices: Vec<Notice>,
    /// when the newest run of the schedule began: what somebody asked for by hand is none
    pub newest_scheduled: Option<Timestamp>,
    /// the backups that look suspicious, and that nobody has accepted
    pub doubts: Vec<Suspicion>,
}

/// A backup that looks suspicious.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// why
    pub reasons: Vec<Reason>,
    /// what people were told of it
    pub notices: Vec<Notice>,
}

/// Runs that failed in a row, up to the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// when the first of them began
    pub since: Timestamp,
    /// how many there are
    pub runs: usize,
}

impl Baseline {
    /// Looks at one database's part of the bucket.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn look(
        catalog: &Catalog,
        database: &Label,
        schedule: Option<&Schedule>,
        now: Timestamp,
    ) -> Result<Self> {
        let survey = catalog.survey(database, usize::MAX).await?;
        Ok(Self::of(&survey, schedule, now))
    }

    /// The same of a database that has been looked through already.
    pub(super) fn of(survey: &Survey, schedule: Option<&Schedule>, now: Timestamp) -> Self {
        // what is dated by a clock ahead is no news
        let runs = || survey.standing.iter().filter(|one| !one.record.is_ahead(now));
        let this_week = |one: &&Standing| now.duration_since(one.record.started) <= WEEK;
        let is_failed = |one: &&Standing| !one.record.is_good();
        let failed: Vec<Timestamp> = runs().take_while(is_failed).map(|one| one.record.started).collect();
        let marks = survey.standing.iter().filter_map(|one| one.mark.as_ref());
        let health = Health::of(survey, schedule, now);
        let doubts = doubts(survey, &health);
        let by_schedule = |one: &&Standing| one.record.serves().iter().any(|served| served.tier != Tier::Manual);
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

    /// Its label.
    #[must_use]
    pub fn database(&self) -> &Label {
        &self.health.database
    }
}

fn doubts(survey: &Survey, health: &Health) -> Vec<Suspicion> {
    let doubt = |suspicious: &super::Suspicious| {
        let mut standing = survey.standing.iter();
        let one = standing.find(|one| one.record.id == suspicious.id);
        let mark = one.and_then(|one| one.mark.as_ref());
        Suspicion {
            reasons: suspicious.reasons.clone(),
            notices: mark.map(|mark| mark.notices.clone()).unwrap_or_default(),
        }
    };
    health.suspicious.iter().map(doubt).collect()
}
