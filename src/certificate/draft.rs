//! Makes the statement of a drill out of its report and what it found.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use sha2::{Digest as _, Sha256};

use super::{
    Sha256Digest,
    controls::controls,
    names::NamedFindings,
    predicate::{
        CertifiedBackup, CertifiedChecks, CertifiedComparison, CertifiedData, CertifiedDrill, CertifiedEncryption,
        CertifiedFailure, CertifiedPlace, CertifiedRecovery, CertifiedScratch, CertifiedSource, CertifiedVerdict,
        ChainLink, DrillPredicate, KindCount,
    },
    statement::{DrillStatement, StatementSubject, SubjectDigest},
};
use crate::{
    archive::{Fingerprint, LargeObjects},
    backup::{
        DrillFinding, DrillFindings, DrillOutcome, DrillRecord, DrillVerdict, DrilledTable, Record, Source, TableRows,
    },
    text::Untrusted,
};

/// The format and the algorithms of every sealed object; `docs/format.md`.
const FORMAT: &str = "pgcoffer/1";
const ALGORITHMS: &str = "AES-256-CBC, HMAC-SHA-256";

/// The most kinds that a list names. PostgreSQL has some sixty.
const KINDS_MAX: usize = 100;
/// The characters of a text in the form without names.
const TEXT_CHARS_MAX: usize = 200;

/// What a certificate is made of.
#[derive(Debug)]
pub struct CertificateDraft<'a> {
    /// The report of the drill.
    pub report: &'a DrillRecord,
    /// The record of the backup that was drilled.
    pub backup: &'a Record,
    /// What the drill found.
    pub findings: &'a DrillFindings,
    /// The digest of the program that carried it out, where it could be read.
    pub agent_sha256: Option<Sha256Digest>,
    /// The longest time between two backups that the schedule allows, where it is known.
    pub recovery_point_target: Option<SignedDuration>,
    /// The certificate before it, in the form without names; none for the first one of a database.
    pub previous: Option<Predecessor>,
    /// The drills since that one, or since ever, that had begun and left no report when this one was reported.
    pub without_report: usize,
}

/// The certificate that stands before another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predecessor {
    /// Its number.
    pub number: u64,
    /// The digest of its statement.
    pub digest: Sha256Digest,
}

impl CertificateDraft<'_> {
    /// The statement in the form without names. None if the record of the backup names no archive by its digest: there
    /// is nothing then that it could be about.
    #[must_use]
    pub fn statement(&self) -> Option<DrillStatement> {
        let subject = self.subject()?;
        let (report, findings) = (self.report, self.findings);
        let (verdict, failure) = outcome(&report.outcome);
        let was_restored = verdict != CertifiedVerdict::NotCarriedOut;
        let age = report.started.duration_since(report.backed_up);
        let predicate = DrillPredicate {
            repository: report.repository,
            database: report.database.clone(),
            verdict,
            failure,
            backup: self.backup(),
            drill: self.drill(),
            scratch: report.scratch.as_ref().map(|server| CertifiedScratch {
                place: place(&server.place),
                postgres: cut(&server.version),
                other_than_source: server.is_other,
                database: server.kind.map(CertifiedPlace::from),
                removed: server.removed,
                collation: server.collation.clone(),
            }),
            recovery: CertifiedRecovery {
                restore_ms: was_restored.then_some(report.times.restore_ms),
                prepare_ms: was_restored.then_some(report.times.prepare_ms),
                compare_ms: was_restored.then_some(report.times.compare_ms),
                point_ms: milliseconds(age),
                point_target_ms: self.recovery_point_target.map(milliseconds),
            },
            comparison: was_restored.then(|| comparison(findings)),
            chain: ChainLink {
                number: self.previous.map_or(1, |previous| previous.number.saturating_add(1)),
                previous_sha256: self.previous.map(|previous| previous.digest),
                stored_sha256: None,
                drills_without_report: count(self.without_report),
            },
            controls: controls(),
            names: None,
        };
        Some(DrillStatement::new(subject, predicate))
    }

    fn subject(&self) -> Option<Vec<StatementSubject>> {
        let objects = &self.backup.sealed.as_ref()?.objects;
        let subject = objects.iter().map(|object| {
            Some(StatementSubject {
                name: object.key.as_str().into(),
                digest: SubjectDigest {
                    sha256: object.sha256.raw().parse().ok()?,
                },
            })
        });
        let subject: Vec<_> = subject.collect::<Option<_>>()?;
        (!subject.is_empty()).then_some(subject)
    }

    fn backup(&self) -> CertifiedBackup {
        let record = self.backup;
        CertifiedBackup {
            id: record.id.clone(),
            tier: record.tier,
            started_on: record.started,
            finished_on: record.finished,
            agent: cut(&record.agent),
            source: record.source.as_ref().map(source),
            encryption: CertifiedEncryption {
                format: FORMAT.into(),
                algorithms: ALGORITHMS.into(),
                sealed_for: cut(&record.sealed_for),
            },
            stored_bytes: self.report.stored_bytes,
            dump_bytes: self.report.dump_bytes,
            definitions: record.counts.definitions,
        }
    }

    fn drill(&self) -> CertifiedDrill {
        let report = self.report;
        CertifiedDrill {
            started_on: report.started,
            finished_on: report.finished,
            due_on: report.due,
            started_by: cut(&report.who),
            agent: cut(&report.agent),
            agent_sha256: self.agent_sha256,
        }
    }
}

impl DrillStatement {
    /// The same statement with what the drill found by name. `stored`: the digest of this one.
    #[must_use]
    pub fn with_names(&self, stored: Sha256Digest, findings: DrillFindings) -> Self {
        let mut named = self.clone();
        named.predicate.chain.stored_sha256 = Some(stored);
        named.predicate.names = Some(NamedFindings::from(findings));
        named
    }
}

fn outcome(outcome: &DrillOutcome) -> (CertifiedVerdict, Option<CertifiedFailure>) {
    match outcome {
        DrillOutcome::Completed { verdict, .. } => {
            let verdict = match verdict {
                DrillVerdict::Proven => CertifiedVerdict::Proven,
                DrillVerdict::PartlyProven => CertifiedVerdict::PartlyProven,
                DrillVerdict::NotProven => CertifiedVerdict::NotProven,
            };
            (verdict, None)
        }
        DrillOutcome::NotCarriedOut { exit_status, cause } => {
            let failure = CertifiedFailure {
                exit_status: *exit_status,
                cause: cause.to_string().into(),
            };
            (CertifiedVerdict::NotCarriedOut, Some(failure))
        }
    }
}

fn source(source: &Source) -> CertifiedSource {
    CertifiedSource {
        postgres: cut(&source.server.version),
        pg_dump: cut(&source.client.version),
        standby: source.server.standby,
        collation: source.server.collation.clone(),
    }
}

/// Host and port of an address like `user@host:port/name`: who logs in, and the database that is made for the drill,
/// are nobody else's affair.
fn place(address: &Untrusted) -> Untrusted {
    let address = address.raw();
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    let host = host.split_once('/').map_or(host, |(host, _)| host);
    Untrusted::from(host).cut(TEXT_CHARS_MAX)
}

fn comparison(findings: &DrillFindings) -> CertifiedComparison {
    let passed = findings.checks.iter().filter(|check| check.passed).count();
    let tables = findings.tables.iter();
    CertifiedComparison {
        expected: data(
            findings,
            |table| table.expected.as_ref(),
            findings.large_objects.expected,
        ),
        found: data(findings, |table| table.found.as_ref(), findings.large_objects.found),
        equal_tables: count(tables.filter(|table| table.is_equal()).count()),
        definitions: counted(findings.definitions.iter().map(|one| ((&one.kind, None), one.count))),
        differences: by_reason(&findings.differences),
        not_compared: by_reason(&findings.not_compared),
        left_out: counted(findings.left_out.iter().map(|one| ((&one.kind, None), 1))),
        checks: CertifiedChecks {
            passed: count(passed),
            failed: count(findings.checks.len() - passed),
        },
    }
}

/// The numbers and digests of one side of the comparison.
fn data(
    findings: &DrillFindings,
    side: impl Fn(&DrilledTable) -> Option<&TableRows>,
    objects: LargeObjects,
) -> CertifiedData {
    let mut tables: Vec<_> = findings
        .tables
        .iter()
        .filter_map(|table| Some((table, side(table)?)))
        .collect();
    tables.sort_by(|(one, _), (other, _)| (&one.schema, &one.name).cmp(&(&other.schema, &other.name)));
    let rows = tables
        .iter()
        .fold(0_u64, |sum, (_, rows)| sum.saturating_add(rows.rows));
    let mut list = Sha256::new();
    let mut texts = Vec::with_capacity(tables.len() + 1);
    for (table, held) in &tables {
        let (schema, name) = (table.schema.raw(), table.name.raw());
        let TableRows { rows, fingerprint, .. } = held;
        list.update(format!("{schema}\0{name}\0{rows}\0{fingerprint}\n"));
        texts.push(format!("{schema}\0{name}\0{fingerprint}"));
    }
    texts.push(format!("\0\0{}", objects.fingerprint));
    CertifiedData {
        tables: count(tables.len()),
        rows,
        large_objects: objects.count,
        fingerprint: Fingerprint::of_rows(texts.into_iter()),
        list_sha256: Sha256Digest::finished(list),
    }
}

fn by_reason(findings: &[DrillFinding]) -> Vec<KindCount> {
    counted(findings.iter().map(|one| ((&one.kind, Some(one.reason.words())), 1)))
}

/// How many there are of each kind and reason; of more kinds than there can be, the rest as one.
fn counted<'a>(all: impl Iterator<Item = ((&'a Untrusted, Option<&'static str>), u64)>) -> Vec<KindCount> {
    let mut counts: BTreeMap<(&Untrusted, Option<&'static str>), u64> = BTreeMap::new();
    for (key, number) in all {
        let sum = counts.entry(key).or_default();
        *sum = sum.saturating_add(number);
    }
    let mut kinds: Vec<KindCount> = counts
        .into_iter()
        .map(|((kind, reason), count)| KindCount {
            kind: kind.cut(TEXT_CHARS_MAX),
            reason: reason.map(Untrusted::from),
            count,
        })
        .collect();
    if kinds.len() > KINDS_MAX {
        let rest = kinds
            .split_off(KINDS_MAX)
            .iter()
            .fold(0_u64, |sum, one| sum.saturating_add(one.count));
        kinds.push(KindCount {
            kind: "OTHERS".into(),
            reason: None,
            count: rest,
        });
    }
    kinds
}

fn cut(text: &Untrusted) -> Untrusted {
    text.cut(TEXT_CHARS_MAX)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn milliseconds(length: SignedDuration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}
