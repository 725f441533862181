//! The report that a drill leaves in the bucket, also where it could not be carried out.

use std::time::Duration;

use jiff::Timestamp;

use super::{Drill, SoFar, report::DrillReport};
use crate::{
    backup::{
        DRILL_VERSION, DrillFinding, DrillFindings, DrillName, DrillOutcome, DrillRecord, DrillTimes, FindingReason,
        KNOWN_MAX, Sealed,
    },
    catalog::{Maker, ReportsRead},
    error::{Error, Result},
    operation::{mark::one_line, restore::NotRestored},
    store::Kind,
    text::Untrusted,
};

/// How often another name is taken, where one is taken already: names have whole seconds.
const NAMES_MAX: u32 = 5;
/// The reports that are read to name the drills before this one: usually one.
const HISTORY_READ: ReportsRead = ReportsRead::UntilProven(12);
/// How long the report of a drill that ended by a signal may take, and that of one that failed.
const LEFT_WITHIN_AFTER_SIGNAL: Duration = Duration::from_secs(5);
const LEFT_WITHIN: Duration = Duration::from_secs(120);

/// The name under which a drill will leave its report.
pub(super) struct ReportName {
    name: DrillName,
    maker: Maker,
}

impl Drill<'_> {
    /// Takes a name for the report, before anything is restored. Where the bucket refuses, a drill by hand goes on: its
    /// result is shown, and the refusal at the end.
    ///
    /// # Errors
    /// For a scheduled drill what the bucket refuses, since without a report it would be carried out again and again.
    pub(super) async fn take_name(&self, so_far: &mut SoFar) -> Result<()> {
        let Some(maker) = so_far.maker.take() else {
            return Ok(());
        };
        let (database, id) = (&self.record.database, &self.record.id);
        let (mut began, mut attempt) = (so_far.began, 1);
        loop {
            let name = DrillName::new(&maker.identity, database, id, began);
            match self.catalog.begin_drill(database, &name).await {
                Err(Error::Store(error)) if error.kind == Kind::Exists && attempt < NAMES_MAX => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    began = self.request.clock.now();
                    continue;
                }
                Err(error) if self.request.due.is_some() => return Err(error),
                Err(error) => tracing::warn!("the bucket may not take the report of this drill: {error}"),
                Ok(()) => (),
            }
            so_far.name = Some(ReportName { name, maker });
            return Ok(());
        }
    }

    /// Leaves the report of a drill that ran to its end, and names it there. Retried for minutes; after a signal it may
    /// take a few seconds more.
    ///
    /// # Errors
    /// [`Error::NotReported`], with what the bucket refused.
    pub(super) async fn leave(&self, place: Option<&ReportName>, report: &mut DrillReport) -> Result<()> {
        let Some(place) = place else {
            return Ok(());
        };
        let findings = report.findings();
        let outcome = DrillOutcome::Completed {
            verdict: report.verdict,
            differences: count(report.differences.len()),
            not_compared: count(report.not_compared.len()),
            checks_passed: count(report.checks.iter().filter(|check| check.passed).count()),
            checks_failed: count(report.checks.iter().filter(|check| !check.passed).count()),
        };
        let mut record = self.drill_record(place, Some(report), outcome);
        let written = async {
            self.add_earlier(&mut record, &findings, place, true).await;
            self.catalog.commit_drill(&mut record, &findings, &place.maker).await
        };
        let written = self.interrupt.or_after(LEFT_WITHIN_AFTER_SIGNAL, written).await;
        written.map_err(|source| Error::NotReported {
            source: Box::new(source),
        })?;
        report.report = Some(place.name.clone());
        Ok(())
    }

    /// Leaves the report of a drill that could not be carried out. If that fails too, the drill's own error is reported.
    /// Where no database could be had, it has no certificate: that is a fault of settings, and says nothing of a backup.
    pub(super) async fn leave_failure(&self, place: &ReportName, so_far: &SoFar, error: &Error) {
        let findings = DrillFindings {
            error: Some(error.to_string().into()),
            hint: error.hint().map(Untrusted::from),
            ..DrillFindings::default()
        };
        let outcome = DrillOutcome::NotCarriedOut {
            exit_status: error.exit_status().number(),
            cause: error.cause(),
        };
        let mut record = self.drill_record(place, so_far.report.as_ref(), outcome);
        let limit = match error {
            Error::Interrupted { .. } => LEFT_WITHIN_AFTER_SIGNAL,
            _ => LEFT_WITHIN,
        };
        let written = async {
            let is_evidence = !so_far.is_making();
            self.add_earlier(&mut record, &findings, place, is_evidence).await;
            self.catalog.commit_drill(&mut record, &findings, &place.maker).await
        };
        match tokio::time::timeout(limit, written).await {
            Ok(Ok(())) => {}
            Ok(Err(also)) => tracing::warn!("the report of this drill could not be written: {also}"),
            Err(_) => tracing::warn!("the bucket does not answer: this drill left no report"),
        }
    }

    /// What earlier reports say, so that the newest one alone tells it, the names of the drills that are there, and the
    /// certificate, which follows theirs. A report without it is better than none.
    async fn add_earlier(
        &self,
        record: &mut DrillRecord,
        findings: &DrillFindings,
        place: &ReportName,
        is_certified: bool,
    ) {
        let database = record.database.clone();
        let seen = async {
            let names = self.catalog.drill_names(&database).await?;
            let history = self.catalog.read_reports(&database, &names, HISTORY_READ).await?;
            Ok::<_, Error>((names, history))
        };
        match seen.await {
            Ok((names, history)) => {
                record.take_earlier(&history.reports);
                let others = names.all().map(|drill| &drill.name);
                let others = others.filter(|name| **name != record.name);
                record.known = others.take(KNOWN_MAX).cloned().collect();
                if is_certified {
                    record.certificate = self.certificate(record, findings, &place.maker, &names).await;
                }
            }
            Err(error) => {
                tracing::warn!("the report of this drill names none before it, and has no certificate: {error}");
            }
        }
    }

    /// The report, as far as the drill came.
    fn drill_record(&self, place: &ReportName, so_far: Option<&DrillReport>, outcome: DrillOutcome) -> DrillRecord {
        let record = self.record;
        let sealed = record.sealed.as_ref();
        let started: Timestamp = place.name.began();
        let finished = so_far.map_or_else(|| self.request.clock.now(), |report| report.finished);
        DrillRecord {
            version: DRILL_VERSION,
            repository: *place.maker.identity.repository(),
            name: place.name.clone(),
            id: record.id.clone(),
            database: record.database.clone(),
            backed_up: record.started,
            started,
            finished: finished.max(started),
            due: self.request.due,
            who: one_line(&self.request.who).into(),
            agent: env!("CARGO_PKG_VERSION").into(),
            outcome,
            scratch: so_far.map(|report| report.scratch.clone()),
            source_version: record
                .source
                .as_ref()
                .map(|source| source.server.version.clone())
                .unwrap_or_default(),
            counts: record.counts,
            stored_bytes: sealed.map_or(0, Sealed::bytes),
            dump_bytes: sealed.map_or(0, |sealed| sealed.dump_bytes),
            archive_sha256: record.object().map(|object| object.sha256.clone()).unwrap_or_default(),
            times: so_far.map_or_else(DrillTimes::default, |report| report.times),
            findings_bytes: 0,
            findings_sha256: Untrusted::default(),
            earlier: Vec::new(),
            known: Vec::new(),
            certificate: None,
        }
    }
}

impl DrillReport {
    /// What was found, with the names of tables.
    pub(super) fn findings(&self) -> DrillFindings {
        DrillFindings {
            error: None,
            hint: None,
            differences: self.differences.clone(),
            not_compared: self.not_compared.clone(),
            left_out: self.left_out.iter().map(left_out).collect(),
            checks: self.checks.clone(),
            remarks: self.remarks.iter().map(|remark| remark.as_str().into()).collect(),
            tables: self.data.tables.clone(),
            large_objects: self.data.large_objects,
            definitions: self.data.definitions.clone(),
        }
    }
}

fn left_out(one: &NotRestored) -> DrillFinding {
    DrillFinding {
        kind: one.kind.clone(),
        schema: one.schema.clone(),
        name: one.name.clone(),
        why: one.why.clone(),
        reason: FindingReason::Platform,
        label: one.label.clone(),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
