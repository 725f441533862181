//! A key in a repository, and the drills that are carried out with it.

use jiff::{SignedDuration, Timestamp};

use crate::{
    archive::{Fingerprint, LargeObjects},
    backup::{
        BackupId, Client, Collation, Compression, Counts, DRILL_VERSION, DrillCheck, DrillFinding, DrillFindings,
        DrillName, DrillOutcome, DrillPlace, DrillRecord, DrillServer, DrillTimes, DrilledLargeObjects, DrilledTable,
        FindingReason, Label, RECORD_VERSION, Record, Retention, Sealed, SealedObject, Server, Source, Status,
        TableRows, Tier,
    },
    cause::Cause,
    certificate::{
        Certificate, CertificateDraft, CertificateFault, CertificateKey, Predecessor, PublicKey, Sha256Digest,
    },
    seal::{DatabaseIdentity, MasterKey, RepositoryId, Secret},
};

/// A name that no certificate without names may hold.
pub(super) const TABLE: &str = "customers_of_the_shop";
pub(super) const SCHEMA: &str = "secret_schema";

/// A key in a repository, and the drills that are carried out with it.
pub(super) struct Scene {
    pub(super) identity: DatabaseIdentity,
    pub(super) key: CertificateKey,
}

impl Scene {
    pub(super) fn new(key: u8, repository: u8) -> Self {
        let secret = Secret::Key(MasterKey::parse(&format!("{key:02x}").repeat(32)).unwrap());
        let repository: RepositoryId = format!("{repository:02x}").repeat(16).parse().unwrap();
        let identity = secret.identity(&repository, "main").unwrap();
        Self {
            key: CertificateKey::of(&identity),
            identity,
        }
    }

    pub(super) fn keys(&self) -> Vec<PublicKey> {
        vec![self.key.public()]
    }

    /// The certificate of a drill on this day of November.
    pub(super) fn certificate(&self, day: u8, previous: Option<&Certificate>) -> Certificate {
        self.certificate_of(day, previous, &findings(), None)
    }

    pub(super) fn certificate_of(
        &self,
        day: u8,
        previous: Option<&Certificate>,
        findings: &DrillFindings,
        failure: Option<u8>,
    ) -> Certificate {
        let (record, report) = self.drill(day, findings, failure);
        let draft = CertificateDraft {
            report: &report,
            backup: &record,
            findings,
            agent_sha256: Some(Sha256Digest::of(b"program")),
            recovery_point_target: Some(SignedDuration::from_hours(24)),
            previous: previous.map(|previous| Predecessor {
                number: previous.statement().predicate.chain.number,
                digest: previous.link_digest(),
            }),
            without_report: 0,
        };
        Certificate::sign(draft.statement().unwrap(), &self.key)
    }

    pub(super) fn drill(&self, day: u8, findings: &DrillFindings, failure: Option<u8>) -> (Record, DrillRecord) {
        let database = Label::parse("main").unwrap();
        let at = |time: &str| -> Timestamp { format!("2026-11-{day:02}T{time}Z").parse().unwrap() };
        let id = BackupId::new(&self.identity, &database, at("02:00:00"));
        let started = at("04:00:00");
        let record = record(&self.identity, &id, &database);
        let checks_failed = findings.checks.iter().filter(|check| !check.passed).count() as u64;
        let outcome = match failure {
            Some(exit_status) => DrillOutcome::NotCarriedOut {
                exit_status,
                cause: Cause::default(),
            },
            None => DrillOutcome::Completed {
                verdict: findings.verdict(),
                differences: findings.differences.len() as u64,
                not_compared: findings.not_compared.len() as u64,
                checks_passed: findings.checks.len() as u64 - checks_failed,
                checks_failed,
            },
        };
        let report = DrillRecord {
            version: DRILL_VERSION,
            repository: *self.identity.repository(),
            name: DrillName::new(&self.identity, &database, &id, started),
            backed_up: record.started,
            id,
            database,
            started,
            finished: at("04:06:10"),
            due: Some(started),
            who: "app@worker-1".into(),
            agent: "0.1.0".into(),
            outcome,
            scratch: failure.is_none().then(|| DrillServer {
                place: "drills@scratch.internal:5432/pgcoffer_drill_ab12".into(),
                version: "16.4".into(),
                major: 16,
                collation: Some(collation("153.120")),
                is_other: Some(true),
                kind: Some(DrillPlace::OwnDatabase),
                removed: Some(true),
            }),
            source_version: "16.4".into(),
            counts: record.counts,
            stored_bytes: 73_400_320,
            dump_bytes: 241_172_480,
            archive_sha256: "ab".repeat(32).into(),
            times: DrillTimes {
                prepare_ms: 900,
                restore_ms: 340_000,
                compare_ms: 19_000,
            },
            findings_bytes: 0,
            findings_sha256: "".into(),
            earlier: Vec::new(),
            known: Vec::new(),
            certificate: None,
        };
        (record, report)
    }
}

fn record(identity: &DatabaseIdentity, id: &BackupId, database: &Label) -> Record {
    Record {
        version: RECORD_VERSION,
        repository: *identity.repository(),
        id: id.clone(),
        database: database.clone(),
        tier: Tier::Daily,
        retention: Retention::Days(7),
        expires: None,
        serves: Vec::new(),
        started: id.time(),
        finished: id.time().checked_add(SignedDuration::from_mins(4)).unwrap(),
        agent: "0.1.0".into(),
        sealed_for: "key fc7f010c9ecc9505".into(),
        status: Status::Succeeded,
        anomalies: Vec::new(),
        compared: 3,
        source: Some(Source {
            server: Server {
                version: "16.4".into(),
                major: 16,
                database: "production_shop".into(),
                table_bytes: 400_000_000,
                standby: false,
                collation: Some(collation("153.14")),
                identity: None,
            },
            client: Client {
                version: "16.6".into(),
                major: 16,
            },
        }),
        counts: Counts {
            tables: 2,
            rows: 1_234_567,
            large_objects: 3,
            definitions: 12,
            ..Counts::default()
        },
        details_bytes: 0,
        details_sha256: "".into(),
        sealed: Some(Sealed {
            objects: vec![SealedObject {
                key: format!("main/archives/daily/{id}.pgc"),
                bytes: 73_400_320,
                sha256: "ab".repeat(32).into(),
                crc64nvme: "".into(),
                etag: None,
                tagged: true,
            }],
            dump_bytes: 241_172_480,
            part_bytes: 8 << 20,
            compression: Compression {
                algorithm: "zstd".into(),
                level: 1,
                chunk_bytes: 512 << 10,
            },
        }),
    }
}

pub(super) fn collation(version: &str) -> Collation {
    Collation {
        locale: "en-US".into(),
        version: Some(version.into()),
    }
}

pub(super) fn rows(rows: u64) -> TableRows {
    TableRows {
        rows,
        bytes: rows * 40,
        fingerprint: format!("{rows:032x}").parse().unwrap(),
    }
}

/// Everything came back.
pub(super) fn findings() -> DrillFindings {
    let table = |name: &str, held| DrilledTable {
        schema: SCHEMA.into(),
        name: name.into(),
        expected: Some(held),
        found: Some(held),
    };
    let objects = LargeObjects {
        count: 3,
        bytes: 900,
        fingerprint: Fingerprint::default(),
    };
    DrillFindings {
        checks: vec![DrillCheck {
            line: 1,
            statement: format!("select count(*) from {TABLE}").into(),
            expected: ">= 1000".into(),
            found: "1234000".into(),
            passed: true,
        }],
        tables: vec![table(TABLE, rows(1_234_000)), table("visits", rows(567))],
        large_objects: DrilledLargeObjects {
            expected: objects,
            found: objects,
        },
        definitions: vec![crate::archive::Definitions {
            kind: "TABLE".into(),
            count: 2,
            fingerprint: Fingerprint::default(),
        }],
        ..DrillFindings::default()
    }
}

pub(super) fn finding(kind: &str, name: &str, why: &str, reason: FindingReason) -> DrillFinding {
    DrillFinding {
        kind: kind.into(),
        schema: SCHEMA.into(),
        name: name.into(),
        why: why.into(),
        reason,
        label: format!("{kind} {name}").into(),
    }
}

pub(super) fn open(certificate: &str, keys: &[PublicKey]) -> Result<Certificate, CertificateFault> {
    Certificate::open(certificate.as_bytes(), keys)
}
