//! Finds out the health of a database: its newest good backup compared with its schedule, and what a user should look
//! at.

use jiff::{SignedDuration, Timestamp};

use super::{
    DrillHealth, FailedRun, Health, Held, Lost, Newest, Next, ReadBack, Suspicious, UndeliveredNotice, Unsure,
    figures::{Figures, stored},
};
use crate::{
    backup::{BackupId, Label},
    catalog::{Catalog, CatalogEntry, Orphan, Survey},
    error::{Error, Result},
    schedule::{DrillSchedule, Schedule, late_by_habit},
    store::Kind,
    text::Untrusted,
};

/// How long an archive may exist before its record is written.
const RECORD_COMES_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// What a database is expected to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Schedules<'a> {
    /// When it is backed up; without it, its newest backups say what is late.
    pub backups: Option<&'a Schedule>,
    /// When its backups are drilled, if that is scheduled.
    pub drills: Option<&'a DrillSchedule>,
}

/// Surveys one database's part of the bucket.
///
/// # Errors
/// Any error of the bucket.
pub async fn status(catalog: &Catalog, database: &Label, schedules: Schedules<'_>, now: Timestamp) -> Result<Health> {
    let mut survey = catalog.survey(database, usize::MAX).await?;
    catalog.check_some_archives(&mut survey, now).await?;
    status_of(catalog, &mut survey, schedules, now).await
}

/// The health from an existing survey.
pub(super) async fn status_of(
    catalog: &Catalog,
    survey: &mut Survey,
    schedules: Schedules<'_>,
    now: Timestamp,
) -> Result<Health> {
    let under_way = match catalog.find_unfinished(survey).await {
        Err(Error::Store(error)) if error.kind == Kind::Denied => Vec::new(),
        result => result?,
    };
    let drills = DrillHealth::look(catalog, survey, schedules.drills, now).await?;
    let mut health = Health::of(survey, schedules.backups, now);
    health.drills = drills;
    let service = catalog.store().service_time();
    health.clock_seconds = service.map(|service| now.as_second() - service.as_second());
    health.under_way = under_way.iter().filter_map(|upload| upload.began).collect();
    health.under_way.sort();
    Ok(health)
}

impl Health {
    /// The health of a database about which nothing is known.
    #[cfg(test)]
    pub(crate) fn unknown(database: &Label) -> Self {
        Self {
            database: database.clone(),
            schedule: None,
            newest_good: None,
            last_read_back: None,
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
            unsure: Vec::new(),
            without_record: Vec::new(),
            ahead: Vec::new(),
            implausible: Vec::new(),
            unreadable: Vec::new(),
            clock_seconds: None,
            others: 0,
            other_repositories: Vec::new(),
            unsettled: false,
            too_late: 0,
            came_late: 0,
            foreign: 0,
            undelivered: None,
            drills: DrillHealth::default(),
            places: Vec::new(),
            copies_min: 0,
            figures: Figures::default(),
        }
    }

    pub(super) fn of(survey: &Survey, schedule: Option<&Schedule>, now: Timestamp) -> Self {
        let past = survey.past();
        let newest = survey.newest_good(now);
        // a run dated by a clock that was ahead would otherwise be the newest until that date
        let mut runs = survey.entries.iter();
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
                warnings: warnings_of(survey, &record.id),
            }),
            last_read_back: last_read_back(survey, now),
            age_seconds: newest.map(|record| now.as_second() - record.started.as_second()),
            good: survey
                .entries
                .iter()
                .filter(|one| one.is_good() && one.unsure.is_none())
                .count(),
            bytes: survey.entries.iter().map(stored).fold(0, u64::saturating_add),
            last_failure: newest_run.and_then(failed_run),
            late,
            next_due: schedule
                .and_then(|schedule| schedule.next_due(&past, now))
                .map(|(tier, at)| Next { tier, at }),
            paused_until: schedule.and_then(|schedule| schedule.waits_until(&past, now)),
            under_way: Vec::new(),
            held: survey.entries.iter().filter_map(held).collect(),
            suspicious: suspicious(survey),
            lost: survey.entries.iter().filter_map(|one| lost(one, now)).collect(),
            unsure: survey.entries.iter().filter_map(|one| unsure(one, now)).collect(),
            without_record: without_record(survey, now),
            ahead: survey
                .entries
                .iter()
                .filter(|one| one.is_good() && one.record.is_ahead(now))
                .map(|one| one.record.id.clone())
                .collect(),
            implausible: survey.entries.iter().filter_map(implausible).collect(),
            unreadable: unreadable(survey),
            clock_seconds: None,
            others: survey.others,
            other_repositories: survey.other_repositories.clone(),
            unsettled: survey.unsettled.is_some(),
            too_late: survey.too_late,
            came_late: survey
                .entries
                .iter()
                .filter(|one| one.is_good() && one.came_late)
                .count(),
            foreign: survey.foreign,
            undelivered: undelivered(survey),
            drills: DrillHealth::default(),
            places: Vec::new(),
            copies_min: 0,
            figures: Figures::of(survey, schedule, now),
        }
    }
}

fn last_read_back(survey: &Survey, now: Timestamp) -> Option<ReadBack> {
    let read = |one: &CatalogEntry| Some((one.last_read_back(now)?, one.record.id.clone()));
    let last = survey.entries.iter().filter_map(read).max();
    last.map(|(at, id)| ReadBack { id, at })
}

fn failed_run(one: &CatalogEntry) -> Option<FailedRun> {
    Some(FailedRun {
        id: one.record.id.clone(),
        started: one.record.started,
        failure: one.failure()?,
    })
}

fn warnings_of(survey: &Survey, id: &BackupId) -> Vec<Untrusted> {
    let mut all = survey.entries.iter();
    let found = all.find(|one| one.record.id == *id);
    found.map(|one| one.warnings.clone()).unwrap_or_default()
}

/// The newest notice, if no channel delivered it.
fn undelivered(survey: &Survey) -> Option<UndeliveredNotice> {
    let marks = survey.entries.iter().filter_map(|one| one.mark.as_ref());
    let notices = marks.flat_map(|mark| mark.notices.iter().map(|notice| (&mark.id, notice)));
    let (id, newest) = notices.max_by_key(|(_, notice)| notice.at)?;
    newest.reached_nobody().then(|| UndeliveredNotice {
        id: id.clone(),
        event: newest.event.clone(),
        at: newest.at,
        undelivered: newest.undelivered.clone(),
    })
}

fn held(one: &CatalogEntry) -> Option<Held> {
    one.hold().map(|hold| Held {
        id: one.record.id.clone(),
        hold: hold.clone(),
    })
}

fn suspicious(survey: &Survey) -> Vec<Suspicious> {
    let ids = survey.suspicious();
    let marked = survey.entries.iter().filter(|one| ids.contains(&one.record.id));
    let suspicious = marked.map(|one| Suspicious {
        id: one.record.id.clone(),
        reasons: one.reasons(),
    });
    suspicious.collect()
}

/// A backup that is lost. An expired record without an archive is not a loss: lifecycle rules that delete archives
/// leave their records behind.
fn lost(one: &CatalogEntry, now: Timestamp) -> Option<Lost> {
    let run_out = one.kept().1.is_some_and(|end| end <= now);
    let why = one.doubt.as_ref().filter(|_| !run_out)?.to_string();
    let id = one.record.id.clone();
    Some(Lost { id, why })
}

/// A backup that is uncertain. A lost one is not reported here too.
fn unsure(one: &CatalogEntry, now: Timestamp) -> Option<Unsure> {
    let run_out = one.kept().1.is_some_and(|end| end <= now);
    let doubt = one.unsure.as_ref().filter(|_| !run_out && one.doubt.is_none())?;
    Some(Unsure {
        id: one.record.id.clone(),
        damaged: one.is_damaged(),
        why: doubt.to_string(),
    })
}

fn implausible(one: &CatalogEntry) -> Option<Lost> {
    let why = one.record.implausible()?.to_owned();
    let id = one.record.id.clone();
    Some(Lost { id, why })
}

/// Archives that have existed for too long without a record.
fn without_record(survey: &Survey, now: Timestamp) -> Vec<BackupId> {
    let waits = |one: &&Orphan| {
        let since = one.object.modified.unwrap_or_else(|| one.id.time());
        now.duration_since(since) > RECORD_COMES_WITHIN
    };
    let mut ids: Vec<_> = survey.orphans.iter().filter(waits).map(|one| one.id.clone()).collect();
    ids.sort();
    ids.reverse();
    ids
}

/// Records and marks that can't be read, and why.
fn unreadable(survey: &Survey) -> Vec<Untrusted> {
    let records = survey.unreadable.iter().map(|(_, why)| why.to_string());
    let marks = survey
        .entries
        .iter()
        .filter_map(|one| one.mark_fault.as_ref().map(ToString::to_string));
    records.chain(marks).map(Into::into).collect()
}
