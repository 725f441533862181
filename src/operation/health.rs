//! The health of a database's backups, and its problems.

use jiff::Timestamp;
use serde::Serialize;

use super::{CLOCKS_APART_MAX, DrillHealth, PlaceHealth, Problem, figures::Figures};
use crate::{
    backup::{BackupId, Failure, Label, LateTier, Notice, Reason, Tier, with_text},
    catalog::OtherRepository,
    text::{Untrusted, counted, minute, roughly},
};

/// The health of one database's backups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// Its label.
    pub database: Label,
    /// Its schedule, if it has one.
    pub schedule: Option<String>,
    /// The newest good backup.
    pub newest_good: Option<Newest>,
    /// The good backup that was read back as a whole last.
    pub last_read_back: Option<ReadBack>,
    /// The age of the newest good backup.
    pub age_seconds: Option<i64>,
    /// The number of good backups.
    pub good: usize,
    /// The bytes of everything that is kept.
    pub bytes: u64,
    /// Why the newest run failed, if it did.
    pub last_failure: Option<FailedRun>,
    /// The tiers whose backup is late.
    pub late: Vec<LateTier>,
    /// What is due next, and when.
    pub next_due: Option<Next>,
    /// The end of the pause after failures.
    pub paused_until: Option<Timestamp>,
    /// When each upload that is in progress or was left behind began.
    pub under_way: Vec<Timestamp>,
    /// The backups that are held.
    pub held: Vec<Held>,
    /// The good backups that look wrong and that no user has accepted.
    pub suspicious: Vec<Suspicious>,
    /// The good backups whose archive is not reliable, although their retention has not ended.
    pub lost: Vec<Lost>,
    /// The good backups whose header and last frame are right, and whose rest is uncertain.
    pub unsure: Vec<Unsure>,
    /// The archives with an id of ours and without a record: their run died, or the record was deleted.
    pub without_record: Vec<BackupId>,
    /// The backups dated by a clock that was ahead. They are ignored.
    pub ahead: Vec<BackupId>,
    /// The records that no agent would write, and why. They don't count.
    pub implausible: Vec<Lost>,
    /// The records or marks of ours that can't be read, and why.
    pub unreadable: Vec<Untrusted>,
    /// How far this machine's clock is ahead of the bucket's, in seconds. Negative if it is behind.
    pub clock_seconds: Option<i64>,
    /// The number of records in its folder that none of the keys has made.
    pub others: usize,
    /// The records of other repositories there, sealed under one of the keys.
    pub other_repositories: Vec<OtherRepository>,
    /// Whether there are such records, and no setting pins a repository.
    pub unsettled: bool,
    /// The number of records that were made after their key was retired.
    pub too_late: usize,
    /// The number of good backups that were stored long after their key was retired.
    pub came_late: usize,
    /// The number of objects in its folders whose names aren't ours.
    pub foreign: usize,
    /// The newest notice, if no channel delivered it.
    pub undelivered: Option<UndeliveredNotice>,
    /// What drills have shown: whether its backups come back.
    pub drills: DrillHealth,
    /// How the places beside the bucket stand, if there are any and they were looked at.
    pub places: Vec<PlaceHealth>,
    /// How many of those places have to hold every backup.
    pub copies_min: usize,
    /// The numbers for monitoring.
    #[serde(skip)]
    pub figures: Figures,
}

/// A backup that was read back as a whole, and was good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReadBack {
    /// Its id.
    pub id: BackupId,
    /// When.
    pub at: Timestamp,
}

/// A backup that is not reliable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Lost {
    /// Its id.
    pub id: BackupId,
    /// What is wrong with it.
    pub why: String,
}

/// A backup that has to be read completely before it is reliable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Unsure {
    /// Its id.
    pub id: BackupId,
    /// Whether it was read and is damaged. Otherwise its archive is another object than was uploaded, which may be a
    /// copy of it.
    pub damaged: bool,
    /// Why it is uncertain, in words.
    pub why: String,
}

/// A notice that no channel delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct UndeliveredNotice {
    /// Id of the run.
    pub id: BackupId,
    /// The kind of the event.
    pub event: Untrusted,
    /// When it was sent.
    pub at: Timestamp,
    /// Each channel, and why it did not accept the message.
    pub undelivered: Vec<crate::backup::FailedDelivery>,
}

/// The newest good backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Newest {
    /// Its id.
    pub id: BackupId,
    /// Its tier.
    pub tier: Tier,
    /// When it began.
    pub started: Timestamp,
    /// The warnings of its run.
    pub warnings: Vec<Untrusted>,
}

/// The newest run, which failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FailedRun {
    /// Its id.
    pub id: BackupId,
    /// When it began.
    pub started: Timestamp,
    /// Why.
    #[serde(flatten)]
    pub failure: Failure,
}

/// What is due next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Next {
    /// The highest tier that is due then.
    pub tier: Tier,
    /// When.
    pub at: Timestamp,
}

/// A backup that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Held {
    /// Its id.
    pub id: BackupId,
    /// Who, why and since when.
    #[serde(flatten)]
    pub hold: crate::backup::Hold,
}

/// A backup that looks wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Suspicious {
    /// Its id.
    pub id: BackupId,
    /// Why.
    #[serde(serialize_with = "with_text")]
    #[schema(value_type = Vec<Object>)]
    pub reasons: Vec<Reason>,
}

impl Health {
    /// The problems, most urgent first; empty if all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        problems.extend(self.other_repositories.iter().map(|other| self.beside(other)));
        match (&self.newest_good, self.others) {
            (Some(_), _) => {}
            (None, 0) => problems.push(Problem::new("there is no good backup")),
            (None, others) => problems.push(Problem::new(format!(
                "there is no good backup under this key or passphrase (records under another: {others}): is it the \
                 right one?"
            ))),
        }
        // if there is no good backup at all, that problem covers this one
        for late in self.late.iter().filter(|_| self.newest_good.is_some()) {
            let due = minute(late.due);
            problems.push(Problem::new(format!(
                "the {} backup that was due {due} is late",
                late.tier
            )));
        }
        let apart = self.clock_seconds.unwrap_or(0);
        if apart.abs() > CLOCKS_APART_MAX.as_secs() {
            let (way, apart) = (if apart > 0 { "ahead of" } else { "behind" }, roughly(apart.abs()));
            problems.push(Problem::new(format!(
                "this machine's clock is {apart} {way} the bucket's: nobody can tell by it what is late"
            )));
        }
        let newest = self.newest_good.as_ref().map(|newest| &newest.id);
        for one in self.suspicious.iter().filter(|one| Some(&one.id) == newest) {
            // the words are from its record, whose writer may have chosen them
            let first = one.reasons.first().map(ToString::to_string).unwrap_or_default();
            problems.push(Problem::new("the newest backup looks suspicious").because(first));
        }
        problems.extend(self.drills.problems());
        problems.extend(self.copies_behind());
        for Lost { id, why } in &self.lost {
            let what = format!("{id} is no backup any more");
            problems.push(Problem::new(what).because(why.clone()));
        }
        for Unsure { id, why, .. } in self.unsure.iter().filter(|one| one.damaged) {
            problems.push(Problem::new(format!("do not count on {id}: {why}")));
        }
        let others: Vec<&Unsure> = self.unsure.iter().filter(|one| !one.damaged).collect();
        if let Some(Unsure { id, .. }) = others.first() {
            let count = others.len();
            problems.push(Problem::new(format!(
                "archives that are other objects than were uploaded, copied or overwritten: {count}, the newest {id}; \
                 `pgcoffer verify {id}` reads the whole of it, and it counts again where it is good"
            )));
        }
        let mut several = |what: &str, all: &[BackupId]| {
            if let Some(newest) = all.first() {
                let count = all.len();
                problems.push(Problem::new(format!("{what}: {count}, the newest {newest}")));
            }
        };
        several(
            "archives without their record, whose run died or whose record was deleted",
            &self.without_record,
        );
        several(
            "backups dated by a clock that was ahead, which are passed over",
            &self.ahead,
        );
        if let Some(Lost { id, why }) = self.implausible.first() {
            let count = self.implausible.len();
            problems.push(Problem::new(format!(
                "records that no agent writes, which count for nothing: {count}, the newest {id}: {why}"
            )));
        }
        if self.too_late > 0 {
            let count = self.too_late;
            problems.push(Problem::new(format!(
                "backups under a key that was retired before they were made, which are not believed: {count}"
            )));
        }
        if let Some(why) = self.unreadable.first() {
            let what = match self.unreadable.len() {
                1 => "1 record or mark".to_owned(),
                count => format!("{count} records or marks"),
            };
            problems.push(Problem::new(format!("{what} can't be read")).because(why.clone()));
        }
        if let Some(undelivered) = &self.undelivered {
            let at = minute(undelivered.at);
            let first = undelivered.undelivered.first();
            let why = first.map_or_else(String::new, |one| format!("{}: {}", one.channel, one.why));
            let (what, id) = (Notice::noun(&undelivered.event), &undelivered.id);
            let told = Problem::new(format!("nobody could be told of {what} of {id} at {at}"));
            problems.push(told.because(why));
        }
        problems
    }

    /// The number of places beside the bucket that hold everything that belongs there.
    #[must_use]
    pub fn complete_places(&self) -> usize {
        self.places.iter().filter(|place| place.is_complete()).count()
    }

    /// The places that are late, if fewer than required hold everything or are being brought up to date.
    pub fn late_places(&self) -> impl Iterator<Item = &PlaceHealth> {
        let in_time = self.places.iter().filter(|place| !place.is_late()).count();
        let is_short = in_time < self.copies_min;
        self.places.iter().filter(move |place| is_short && place.is_late())
    }

    fn copies_behind(&self) -> Vec<Problem> {
        let complete = format!(
            "{} of {} complete",
            self.complete_places(),
            counted(self.places.len(), "place")
        );
        let problem = |place: &PlaceHealth| {
            let name = &place.place;
            match (&place.failure, place.behind_since) {
                (Some(failure), _) => Problem::new(format!("the place {name} can't be looked at ({complete})"))
                    .because(failure.error.clone()),
                (None, since) => {
                    let since = since.map_or_else(String::new, |since| format!(" since {}", minute(since)));
                    Problem::new(format!(
                        "the place {name} is behind{since}: {} missing there ({complete})",
                        counted(place.behind.len(), "backup")
                    ))
                }
            }
        };
        self.late_places().map(problem).collect()
    }

    fn beside(&self, other: &OtherRepository) -> Problem {
        let (id, count, newest) = (other.repository, other.records, &other.newest);
        let what = format!("records of another repository, {id}, under the same key: {count}, the newest {newest}");
        Problem::new(match self.unsettled {
            true => format!(
                "{what}; what says which repository is at home there may have been replaced: set PGCOFFER_REPOSITORY \
                 to the right one"
            ),
            false => format!(
                "{what}; they are passed over as PGCOFFER_REPOSITORY names another one: if it has a typing error, \
                 correct it; otherwise find out who copied them there, before anything is deleted"
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_says_of_itself_leaves_by_no_channel() {
        let id = BackupId::parse("20261120T070000Z-rkropyeppww6").unwrap();
        let reason = "the words of whoever wrote it";
        let mut health = Health::unknown(&Label::parse("main").unwrap());
        health.newest_good = Some(Newest {
            id: id.clone(),
            tier: Tier::Daily,
            started: id.time(),
            warnings: Vec::new(),
        });
        health.suspicious = vec![Suspicious {
            id,
            reasons: vec![Reason::Unknown { kind: reason.into() }],
        }];
        let problems = health.problems();
        assert!(problems.iter().any(|one| one.to_string().contains(reason)));
        assert!(problems.iter().all(|one| !one.public().contains(reason)));
    }
}
