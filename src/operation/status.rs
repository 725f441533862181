//! How a database stands: its newest good backup against its schedule, and what a person should look at.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{
    CLOCKS_APART_MAX, Problem,
    figures::{Figures, stored},
};
use crate::{
    backup::{BackupId, Failure, Label, Notice, Status, Tier},
    catalog::{Catalog, Orphan, Standing, Survey},
    error::{Error, Result},
    schedule::{Schedule, late_by_habit},
    store::Kind,
    text::Untrusted,
};

/// How one database stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// its label
    pub database: Label,
    /// its schedule, where it has one
    pub schedule: Option<String>,
    /// the newest good backup
    pub newest_good: Option<Newest>,
    /// how old that is
    pub age_seconds: Option<i64>,
    /// good backups
    pub good: usize,
    /// bytes of everything kept
    pub bytes: u64,
    /// why the newest run failed, if it did
    pub last_failure: Option<FailedRun>,
    /// tiers whose backup is late
    pub late: Vec<LateTier>,
    /// what is due next, and when
    pub next_due: Option<Next>,
    /// until when the next attempt waits after failures
    pub paused_until: Option<Timestamp>,
    /// runs under way, or uploads that they left behind: when each began
    pub under_way: Vec<Timestamp>,
    /// backups that are held
    pub held: Vec<Held>,
    /// good backups that look wrong and that nobody has accepted
    pub suspicious: Vec<Suspicious>,
    /// good backups whose archive can't be counted on, though their retention has not run out
    pub lost: Vec<Lost>,
    /// archives under an id of ours without a record: their run died, or somebody deleted the record
    pub without_record: Vec<BackupId>,
    /// backups dated by a clock that was ahead: they are passed over
    pub ahead: Vec<BackupId>,
    /// records that no agent writes, and why: they count for nothing
    pub implausible: Vec<Lost>,
    /// records or marks of ours that can't be read, and why
    pub unreadable: Vec<Untrusted>,
    /// how far this machine's clock is ahead of the bucket's; negative: behind
    pub clock_seconds: Option<i64>,
    /// records in its folder that bear ids of another key or of another repository
    pub others: usize,
    /// records under a key that was retired before they were made
    pub too_late: usize,
    /// objects in its folders that bear no name of ours
    pub foreign: usize,
    /// what nobody could be told of last, with nothing told since
    pub untold: Option<UntoldNotice>,
    /// the same in numbers, for monitoring
    #[serde(skip)]
    pub figures: Figures,
}

/// A backup that can't be counted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// its id
    pub id: BackupId,
    /// what is wrong with it
    pub why: String,
}

/// How long an archive may stand before its record comes.
const RECORD_COMES_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// Something that nobody could be told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UntoldNotice {
    /// id of the run
    pub id: BackupId,
    /// what kind of event
    pub event: Untrusted,
    /// when it was tried
    pub at: Timestamp,
    /// each channel, and why it did not take it
    pub untold: Vec<crate::backup::Untold>,
}

/// The newest good backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Newest {
    /// its id
    pub id: BackupId,
    /// the tier that it carries
    pub tier: Tier,
    /// when it began
    pub started: Timestamp,
}

/// The newest run, which failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedRun {
    /// its id
    pub id: BackupId,
    /// when it began
    pub started: Timestamp,
    /// why
    #[serde(flatten)]
    pub failure: Failure,
}

/// A tier whose backup is late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LateTier {
    /// the tier
    pub tier: Tier,
    /// when it was due
    pub due: Timestamp,
    /// its newest good backup
    pub newest: Option<Timestamp>,
}

/// What is due next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Next {
    /// the highest tier of it
    pub tier: Tier,
    /// when
    pub at: Timestamp,
}

/// A backup that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// its id
    pub id: BackupId,
    /// who, why and since when
    #[serde(flatten)]
    pub hold: crate::backup::Hold,
}

/// A backup that looks wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suspicious {
    /// its id
    pub id: BackupId,
    /// why
    pub reasons: Vec<Untrusted>,
}

/// Looks at one database's part of the bucket.
///
/// # Errors
/// What the bucket refuses.
pub async fn status(
    catalog: &Catalog,
    database: &Label,
    schedule: Option<&Schedule>,
    now: Timestamp,
) -> Result<Health> {
    let mut survey = catalog.survey(database, usize::MAX).await?;
    catalog.look_in_turn(&mut survey, now).await?;
    status_of(catalog, &survey, schedule, now).await
}

/// The same of a database that has been looked through already.
pub(super) async fn status_of(
    catalog: &Catalog,
    survey: &Survey,
    schedule: Option<&Schedule>,
    now: Timestamp,
) -> Result<Health> {
    let under_way = match catalog.unfinished(&survey.database).await {
        Err(Error::Store(error)) if error.kind == Kind::Denied => Vec::new(),
        result => result?,
    };
    let mut health = Health::of(survey, schedule, now);
    let service = catalog.store().service_time();
    health.clock_seconds = service.map(|service| now.as_second() - service.as_second());
    health.under_way = under_way.iter().filter_map(|upload| upload.began).collect();
    health.under_way.sort();
    Ok(health)
}

impl Health {
    /// Of a database of which nothing is known.
    #[cfg(test)]
    pub(crate) fn unknown(database: &Label) -> Self {
        Self {
            database: database.clone(),
            schedule: None,
            newest_good: None,
            age_seconds: None,
            good: 0,
            bytes: 0,
            last_failure: None,
            late: Vec::new(),
            next_due: None,
            paused_until: None,
            under_way: Vec::new(),
            held: Vec::new(),
            suspicious: Vec::new(),
            lost: Vec::new(),
            without_record: Vec::new(),
            ahead: Vec::new(),
            implausible: Vec::new(),
            unreadable: Vec::new(),
            clock_seconds: None,
            others: 0,
            too_late: 0,
            foreign: 0,
            untold: None,
            figures: Figures::default(),
        }
    }

    pub(super) fn of(survey: &Survey, schedule: Option<&Schedule>, now: Timestamp) -> Self {
        let past = survey.past();
        let newest = survey.newest_good(now);
        // what a clock ahead has dated would otherwise be the newest run until that day
        let mut runs = survey.standing.iter();
        let newest_run = runs.find(|one| !one.record.is_ahead(now));
        let late = match schedule {
            Some(schedule) => schedule.late(&past, now),
            None => late_by_habit(&past, now).into_iter().collect(),
        };
        Self {
            database: survey.database.clone(),
            schedule: schedule.map(ToString::to_string),
            newest_good: newest.map(|record| Newest {
                id: record.id.clone(),
                tier: record.tier,
                started: record.started,
            }),
            age_seconds: newest.map(|record| now.as_second() - record.started.as_second()),
            good: survey.standing.iter().filter(|one| one.is_good()).count(),
            bytes: survey.standing.iter().map(stored).sum(),
            last_failure: newest_run.and_then(failed_run),
            late: late.into_iter().map(LateTier::from).collect(),
            next_due: schedule
                .and_then(|schedule| schedule.next_due(&past, now))
                .map(|(tier, at)| Next { tier, at }),
            paused_until: schedule.and_then(|schedule| schedule.not_before(&past, now)),
            under_way: Vec::new(),
            held: survey.standing.iter().filter_map(held).collect(),
            suspicious: suspicious(survey),
            lost: survey
                .standing
                .iter()
                .filter_map(|one| lost(one, now))
                .collect(),
            without_record: without_record(survey, now),
            ahead: survey
                .standing
                .iter()
                .filter(|one| one.is_good() && one.record.is_ahead(now))
                .map(|one| one.record.id.clone())
                .collect(),
            implausible: survey.standing.iter().filter_map(implausible).collect(),
            unreadable: unreadable(survey),
            clock_seconds: None,
            others: survey.others,
            too_late: survey.too_late,
            foreign: survey.foreign,
            untold: untold(survey),
            figures: Figures::of(survey, schedule, now),
        }
    }

    /// What is wrong, most pressing first; empty where all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        match (&self.newest_good, self.others) {
            (Some(_), _) => {}
            (None, 0) => problems.push(Problem::new("there is no good backup")),
            (None, others) => problems.push(Problem::new(format!(
                "there is no good backup under this key (records under another: {others}): is it the right one?"
            ))),
        }
        // where there is none at all, that says it
        for late in self.late.iter().filter(|_| self.newest_good.is_some()) {
            let due = late.due.strftime("%Y-%m-%d %H:%M UTC");
            problems.push(Problem::new(format!(
                "the {} backup that was due {due} is late",
                late.tier
            )));
        }
        let apart = self.clock_seconds.unwrap_or(0);
        if apart.abs() > CLOCKS_APART_MAX.as_secs() {
            let (way, minutes) = (
                if apart > 0 { "ahead of" } else { "behind" },
                apart.abs() / 60,
            );
            problems.push(Problem::new(format!(
                "this machine's clock is {minutes} minutes {way} the bucket's: nobody can tell by it what is late"
            )));
        }
        let newest = self.newest_good.as_ref().map(|newest| &newest.id);
        for one in self.suspicious.iter().filter(|one| Some(&one.id) == newest) {
            // names of tables are no rows of theirs
            let first = one.reasons.first().cloned().unwrap_or_default();
            problems.push(Problem::new(format!(
                "the newest backup looks suspicious: {first}"
            )));
        }
        for Lost { id, why } in &self.lost {
            let what = format!("{id} is no backup any more");
            problems.push(Problem::new(what).because(why.clone()));
        }
        let mut several = |what: &str, all: &[BackupId]| {
            if let Some(newest) = all.first() {
                let count = all.len();
                problems.push(Problem::new(format!(
                    "{what}: {count}, the newest {newest}"
                )));
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
        if let Some(untold) = &self.untold {
            let at = untold.at.strftime("%Y-%m-%d %H:%M UTC");
            let first = untold.untold.first();
            let why = first.map_or_else(String::new, |one| format!("{}: {}", one.channel, one.why));
            let (what, id) = (Notice::words(untold.event.raw()), &untold.id);
            let told = Problem::new(format!("nobody could be told of {what} of {id} at {at}"));
            problems.push(told.because(why));
        }
        problems
    }
}

impl From<crate::schedule::Late> for LateTier {
    fn from(late: crate::schedule::Late) -> Self {
        Self {
            tier: late.tier,
            due: late.due,
            newest: late.newest,
        }
    }
}

fn failed_run(one: &Standing) -> Option<FailedRun> {
    match &one.record.status {
        Status::Failed(failure) => Some(FailedRun {
            id: one.record.id.clone(),
            started: one.record.started,
            failure: failure.clone(),
        }),
        Status::Succeeded => None,
    }
}

/// The newest notice, where it reached nobody.
fn untold(survey: &Survey) -> Option<UntoldNotice> {
    let marks = survey.standing.iter().filter_map(|one| one.mark.as_ref());
    let notices = marks.flat_map(|mark| mark.notices.iter().map(|notice| (&mark.id, notice)));
    let (id, newest) = notices.max_by_key(|(_, notice)| notice.at)?;
    newest.reached_nobody().then(|| UntoldNotice {
        id: id.clone(),
        event: newest.event.clone(),
        at: newest.at,
        untold: newest.untold.clone(),
    })
}

fn held(one: &Standing) -> Option<Held> {
    one.hold().map(|hold| Held {
        id: one.record.id.clone(),
        hold: hold.clone(),
    })
}

fn suspicious(survey: &Survey) -> Vec<Suspicious> {
    let ids = survey.suspicious();
    let marked = survey
        .standing
        .iter()
        .filter(|one| ids.contains(&one.record.id));
    let suspicious = marked.map(|one| Suspicious {
        id: one.record.id.clone(),
        reasons: one.record.suspicious.clone(),
    });
    suspicious.collect()
}

/// A lifecycle rule that expires archives leaves their records behind: those have run out and are no loss.
fn lost(one: &Standing, now: Timestamp) -> Option<Lost> {
    let run_out = one.record.expires.is_some_and(|end| end <= now);
    let why = one.doubt.as_ref().filter(|_| !run_out)?.to_string();
    let id = one.record.id.clone();
    Some(Lost { id, why })
}

fn implausible(one: &Standing) -> Option<Lost> {
    let why = one.record.implausible()?.to_owned();
    let id = one.record.id.clone();
    Some(Lost { id, why })
}

/// Archives that have waited for their record too long.
fn without_record(survey: &Survey, now: Timestamp) -> Vec<BackupId> {
    let waits = |one: &&Orphan| {
        let since = one.object.modified.unwrap_or_else(|| one.id.time());
        now.duration_since(since) > RECORD_COMES_WITHIN
    };
    let mut ids: Vec<_> = survey
        .orphans
        .iter()
        .filter(waits)
        .map(|one| one.id.clone())
        .collect();
    ids.sort();
    ids.reverse();
    ids
}

/// Records and marks that can't be read, and why.
fn unreadable(survey: &Survey) -> Vec<Untrusted> {
    let records = survey.unreadable.iter().map(|(_, why)| why.to_string());
    let marks = survey
        .standing
        .iter()
        .filter_map(|one| one.mark_fault.clone());
    records.chain(marks).map(Into::into).collect()
}
