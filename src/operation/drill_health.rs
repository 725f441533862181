//! What drills have shown of a database's backups: whether they come back, and how long that took.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Problem;
use crate::{
    backup::{BackupId, DRILLS_KEPT, DrillName, DrillOutcome, DrillRecord, DrillVerdict, Label, MeasuredDrill},
    catalog::{Catalog, DrillNames, ReportsRead, Survey},
    cause::Cause,
    error::Result,
    schedule::{DrillDue, DrillEnd, DrillSchedule, PastDrill},
    text::{Untrusted, counted, minute},
};

/// The reports that are read until one tells which backup came back last: usually the newest alone.
const READ: ReportsRead = ReportsRead::UntilProven(12);

/// What drills have shown of a database's backups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DrillHealth {
    /// When its drills are carried out, if they are scheduled here.
    pub schedule: Option<String>,
    /// The last drill that left a report.
    pub last: Option<LastDrill>,
    /// The last drill whose backup came back.
    pub last_proven: Option<MeasuredDrill>,
    /// The last drills that ran to their end, the last one first: measured recovery times.
    pub measured: Vec<MeasuredDrill>,
    /// When a later drill began that has left no report: it goes on, or was killed.
    pub without_report: Option<Timestamp>,
    /// When the next drill is due, if drills are scheduled here.
    pub next_due: Option<Timestamp>,
    /// When a drill was due that is overdue.
    pub overdue_since: Option<Timestamp>,
    /// Reports of ours that can't be read, and why. They prove nothing.
    pub unreadable: Vec<Untrusted>,
    /// Drills that are dated by a clock that was ahead, the last one first. They are passed over.
    pub ahead: Vec<DrillName>,
    /// Whether one of them is dated in the future.
    #[serde(skip)]
    pub is_ahead: bool,
    /// Drills that the newest report names and that are gone, although they aren't old enough: somebody has removed
    /// them.
    pub gone: Vec<DrillName>,
    /// Every drill that has begun, for the schedule.
    #[serde(skip)]
    pub past: Vec<PastDrill>,
    /// Since when there is a good backup, if that is known.
    #[serde(skip)]
    pub good_since: Option<Timestamp>,
}

/// The last drill that left a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LastDrill {
    /// The name of its report.
    pub report: DrillName,
    /// The backup.
    pub id: BackupId,
    /// When the drill began.
    pub began: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// When it was due by the schedule; none if a person started it.
    pub due: Option<Timestamp>,
    /// Who started it.
    pub who: Untrusted,
    /// What was proven; none if it could not be carried out.
    pub verdict: Option<DrillVerdict>,
    /// The number of parts that came back otherwise, or did not come back.
    pub differences: u64,
    /// The number of parts that could not be compared.
    pub not_compared: u64,
    /// The user's own statements whose answer was as expected.
    pub checks_passed: u64,
    /// The user's own statements whose answer was another one.
    pub checks_failed: u64,
    /// Why it could not be carried out, in words of our own.
    pub why: Option<String>,
    /// The same, as a fact.
    #[serde(skip)]
    pub cause: Option<Cause>,
    /// The exit status of one that could not be carried out.
    pub exit_status: Option<u8>,
}

impl DrillHealth {
    /// Finds it out: lists the drills, unless that was done for this survey, and usually reads one report.
    ///
    /// # Errors
    /// Any error of the bucket that concerns more than one object.
    pub(super) async fn look(
        catalog: &Catalog,
        survey: &mut Survey,
        schedule: Option<&DrillSchedule>,
        now: Timestamp,
    ) -> Result<Self> {
        let database = survey.database.clone();
        let good = survey.entries.iter().filter(|one| one.is_good());
        let good_since = good.map(|one| one.record.started).min();
        let names = catalog.find_drills(survey).await?;
        Self::of(catalog, &database, names, (schedule, good_since), now).await
    }

    /// The same of a database that was not surveyed. `good_since`: since when there is a good backup, if that is known.
    ///
    /// # Errors
    /// As [`DrillHealth::look`].
    pub(crate) async fn look_alone(
        catalog: &Catalog,
        database: &Label,
        expected: (Option<&DrillSchedule>, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<Self> {
        let names = catalog.drill_names(database).await?;
        Self::of(catalog, database, &names, expected, now).await
    }

    async fn of(
        catalog: &Catalog,
        database: &Label,
        names: &DrillNames,
        (schedule, good_since): (Option<&DrillSchedule>, Option<Timestamp>),
        now: Timestamp,
    ) -> Result<Self> {
        let history = catalog.read_reports(database, names, READ).await?;
        let past = past(names, &history.reports);
        let measured = series(&history.reports);
        let last = history.reports.first();
        let last_began = last.map(|last| last.started);
        let without_report = history.without_report.first().map(DrillName::began);
        Ok(Self {
            schedule: schedule.map(ToString::to_string),
            last_proven: measured.iter().find(|one| one.verdict.came_back()).cloned(),
            without_report: without_report.filter(|began| Some(*began) > last_began),
            next_due: schedule.and_then(|schedule| next_due(schedule, &past, now)),
            overdue_since: schedule.and_then(|schedule| schedule.overdue(&past, good_since, now)),
            unreadable: history
                .unreadable
                .iter()
                .map(|(_, why)| why.to_string().into())
                .collect(),
            is_ahead: names.ahead.iter().any(|drill| drill.name.began() > now),
            ahead: names.ahead.iter().map(|drill| drill.name.clone()).collect(),
            gone: last.map(|last| gone(last, names, now)).unwrap_or_default(),
            last: last.map(LastDrill::from),
            measured,
            past,
            good_since,
        })
    }

    /// Its problems, most urgent first.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let not_proven = |last: &&LastDrill| last.verdict == Some(DrillVerdict::NotProven);
        // a later one that could not be carried out proves nothing else
        let measured = self.measured.first().map(|one| (one.verdict, one.began, &one.id));
        match (self.last.as_ref().filter(not_proven), measured) {
            (Some(last), _) if last.differences == 0 => problems.push(Problem::new(format!(
                "{}, and {} in the drill of {} ({}); `pgcoffer show {}` names which",
                came_back_words(last.not_compared),
                last.what_differs(),
                last.id,
                minute(last.began),
                last.id
            ))),
            (Some(last), _) => problems.push(Problem::new(format!(
                "NOT proven: {} of {} ({}); `pgcoffer show {}` names what",
                last.what_differs(),
                last.id,
                minute(last.began),
                last.id
            ))),
            (None, Some((DrillVerdict::NotProven, began, id))) => problems.push(Problem::new(format!(
                "NOT proven: the drill of {id} ({}) found differences, or own statements that failed, and no drill has \
                 proven more since; `pgcoffer show {id}` names what",
                minute(began)
            ))),
            _ => {}
        }
        if let Some(due) = self.overdue_since {
            let why = self
                .last
                .as_ref()
                .filter(|last| last.began >= due)
                .and_then(|last| last.why.as_deref());
            let why = why.map_or_else(String::new, |why| {
                format!("; the last one could not be carried out: {why}")
            });
            problems.push(Problem::new(format!(
                "the drill that was due {} is overdue{why}",
                minute(due)
            )));
        }
        if let Some(first) = self.unreadable.first() {
            let what = format!(
                "{} of drills can't be read, and {} nothing",
                counted(self.unreadable.len(), "report"),
                if self.unreadable.len() == 1 { "proves" } else { "prove" }
            );
            problems.push(Problem::new(what).because(first.clone()));
        }
        if let Some(words) = self.passed_over().filter(|_| self.is_ahead) {
            problems.push(Problem::new(words));
        }
        if let Some(first) = self.gone.first() {
            problems.push(Problem::new(format!(
                "{} that the last report names {} no longer in the bucket, and nothing of ours deletes them so early: {first}",
                counted(self.gone.len(), "drill"),
                if self.gone.len() == 1 { "is" } else { "are" }
            )));
        }
        problems
    }

    /// That some drills are passed over, where there are any.
    #[must_use]
    pub fn passed_over(&self) -> Option<String> {
        let newest = self.ahead.first()?;
        Some(passed_over(self.ahead.len(), newest.began()))
    }
}

/// That so many drills are passed over, of which the last one is dated so.
#[must_use]
pub fn passed_over(count: usize, newest: Timestamp) -> String {
    let (drills, is) = match count {
        1 => ("1 drill".to_owned(), "is"),
        _ => (counted(count, "drill"), "are"),
    };
    format!(
        "{drills} dated by a clock that was ahead (the last one {}) {is} passed over",
        minute(newest)
    )
}

/// The drills that this report names, of which nothing is left, although nothing of ours deletes them so early.
fn gone(report: &DrillRecord, names: &DrillNames, now: Timestamp) -> Vec<DrillName> {
    let there: BTreeSet<&str> = names.all().map(|drill| drill.name.as_str()).collect();
    // a day for clocks and for a `prune` that another machine runs
    let kept = DRILLS_KEPT - SignedDuration::from_hours(24);
    let known = report.known.iter();
    let is_gone = |name: &&DrillName| !there.contains(name.as_str()) && now.duration_since(name.began()) < kept;
    known.filter(is_gone).cloned().collect()
}

/// That all data came back, as far as it could be compared.
#[must_use]
pub fn came_back_words(not_compared: u64) -> &'static str {
    match not_compared {
        0 => "all data came back",
        _ => "all data that could be compared came back",
    }
}

impl LastDrill {
    /// Whether all data came back, and only statements of the user's own failed.
    #[must_use]
    pub fn failed_checks_alone(&self) -> bool {
        self.verdict == Some(DrillVerdict::NotProven) && self.differences == 0
    }

    /// How many parts came back otherwise, in words: `2 parts came back otherwise`.
    #[must_use]
    pub fn what_differs(&self) -> String {
        let all = self.checks_passed.saturating_add(self.checks_failed);
        let checks = format!("{} of {} failed", self.checks_failed, counted(all, "own statement"));
        match (self.differences, self.checks_failed) {
            (0, _) => checks,
            (differences, 0) => format!("{} came back otherwise", counted(differences, "part")),
            (differences, _) => format!("{} came back otherwise, {checks}", counted(differences, "part")),
        }
    }
}

impl From<&DrillRecord> for LastDrill {
    fn from(report: &DrillRecord) -> Self {
        let mut last = Self {
            report: report.name.clone(),
            id: report.id.clone(),
            began: report.started,
            finished: report.finished,
            due: report.due,
            who: report.who.clone(),
            verdict: report.verdict(),
            differences: 0,
            not_compared: 0,
            checks_passed: 0,
            checks_failed: 0,
            why: None,
            cause: None,
            exit_status: None,
        };
        match &report.outcome {
            DrillOutcome::Completed {
                differences,
                not_compared,
                checks_passed,
                checks_failed,
                ..
            } => {
                (last.differences, last.not_compared) = (*differences, *not_compared);
                (last.checks_passed, last.checks_failed) = (*checks_passed, *checks_failed);
            }
            DrillOutcome::NotCarriedOut { cause, exit_status } => {
                last.why = Some(cause.to_string());
                (last.cause, last.exit_status) = (Some(cause.clone()), Some(*exit_status));
            }
        }
        last
    }
}

/// The drills that ran to their end, as the reports that were read name them, the last one first.
fn series(reports: &[DrillRecord]) -> Vec<MeasuredDrill> {
    let mut all: Vec<MeasuredDrill> = reports.iter().flat_map(DrillRecord::series).collect();
    all.sort_by(|a, b| (b.began, &b.id).cmp(&(a.began, &a.id)));
    all.dedup_by(|a, b| (a.began, &a.id) == (b.began, &b.id));
    all
}

/// Every drill that has begun. One whose report was not read is named by a later one if it ran to its end.
fn past(names: &DrillNames, reports: &[DrillRecord]) -> Vec<PastDrill> {
    let completed = series(reports);
    let end = |name: &DrillName, has_report: bool| {
        let is_completed =
            |one: &MeasuredDrill| one.began.as_second() == name.began().as_second() && one.id == *name.id();
        match has_report {
            false => DrillEnd::Unknown,
            true if completed.iter().any(is_completed) => DrillEnd::Completed,
            true => DrillEnd::Failed,
        }
    };
    let drills = names.drills.iter();
    let mut past: Vec<PastDrill> = drills
        .map(|drill| PastDrill {
            began: drill.name.began(),
            end: end(&drill.name, drill.report.is_some()),
        })
        .collect();
    // those whose reports were deleted since
    past.extend(completed.iter().map(|one| PastDrill {
        began: one.began,
        end: DrillEnd::Completed,
    }));
    past
}

fn next_due(schedule: &DrillSchedule, past: &[PastDrill], now: Timestamp) -> Option<Timestamp> {
    match schedule.due(past, now) {
        DrillDue::Now { .. } => Some(now),
        DrillDue::Waits { until } => Some(until),
        DrillDue::No | DrillDue::UnderWay { .. } | DrillDue::GivenUp { .. } => schedule.next(now),
    }
}
