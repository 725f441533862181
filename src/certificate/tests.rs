//! Certificates that are forged, exchanged, missing or doubled, and what may stand in them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    archive::{Fingerprint, LargeObjects},
    backup::{
        BackupId, Client, Compression, Counts, DRILL_VERSION, DrillCheck, DrillFinding, DrillFindings, DrillName,
        DrillOutcome, DrillRecord, DrillServer, DrillTimes, DrilledLargeObjects, DrilledTable, FindingReason, Label,
        RECORD_VERSION, Record, Retention, Sealed, SealedObject, Server, Source, Status, TableRows, Tier,
    },
    cause::Cause,
    seal::{DatabaseIdentity, MasterKey, RepositoryId, Secret},
};

/// A name that no certificate without names may hold.
const TABLE: &str = "customers_of_the_shop";
const SCHEMA: &str = "secret_schema";

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
        };
        Certificate::sign(draft.statement().unwrap(), &self.key)
    }

    fn drill(&self, day: u8, findings: &DrillFindings, failure: Option<u8>) -> (Record, DrillRecord) {
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

fn rows(rows: u64) -> TableRows {
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

fn finding(kind: &str, name: &str, why: &str, reason: FindingReason) -> DrillFinding {
    DrillFinding {
        kind: kind.into(),
        schema: SCHEMA.into(),
        name: name.into(),
        why: why.into(),
        reason,
        label: format!("{kind} {name}").into(),
    }
}

fn open(certificate: &str, keys: &[PublicKey]) -> Result<Certificate, CertificateFault> {
    Certificate::open(certificate.as_bytes(), keys)
}

/// The envelope with another payload, under the same signature.
fn with_payload(certificate: &Certificate, change: impl Fn(&str) -> String) -> String {
    let json = certificate.envelope().to_json();
    let payload = str::from_utf8(certificate.envelope().payload()).unwrap();
    let base64 = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
    let changed = change(payload);
    assert_ne!(changed, payload);
    json.replace(&base64(payload), &base64(&changed))
}

/// A payload that the key itself has signed.
fn signed(scene: &Scene, payload: &str) -> String {
    Envelope::sign(payload.as_bytes().to_vec(), &scene.key).to_json()
}

#[test]
fn a_certificate_is_opened_as_it_was_signed() {
    let scene = Scene::new(1, 1);
    let certificate = scene.certificate(20, None);
    let opened = open(&certificate.envelope().to_json(), &scene.keys()).unwrap();
    assert_eq!(opened, certificate);
    let predicate = &opened.statement().predicate;
    assert_eq!(predicate.verdict, CertifiedVerdict::Proven);
    assert_eq!(opened.statement().subject[0].digest.sha256.to_string(), "ab".repeat(32));
    assert_eq!(predicate.recovery.point_ms, 2 * 3_600_000);
    assert_eq!(predicate.recovery.point_target_ms, Some(24 * 3_600_000));
    let comparison = predicate.comparison.as_ref().unwrap();
    assert_eq!(comparison.expected, comparison.found);
    assert_eq!((comparison.equal_tables, comparison.expected.rows), (2, 1_234_567));
    assert_eq!(predicate.scratch.as_ref().unwrap().place, "scratch.internal:5432");
}

#[test]
fn what_was_changed_or_signed_by_another_key_is_not_opened() {
    let (scene, other, elsewhere) = (Scene::new(1, 1), Scene::new(2, 1), Scene::new(1, 2));
    let certificate = scene.certificate(20, None);
    let json = certificate.envelope().to_json();
    let not_signed = |json: &str| {
        let refused = open(json, &scene.keys()).unwrap_err();
        assert!(matches!(refused, CertificateFault::NotSigned(_)), "{refused}");
        refused.to_string()
    };
    not_signed(&with_payload(&certificate, |payload| {
        payload.replace("\"proven\"", "\"notProven\"")
    }));
    not_signed(&with_payload(&certificate, |payload| {
        payload.replacen("\"tables\":2", "\"tables\":3", 1)
    }));
    // the same statement written otherwise is not what was signed
    not_signed(&with_payload(&certificate, |payload| payload.replacen('{', "{ ", 1)));
    // the signature of another certificate by the same key
    let signature = |json: &str| {
        json.split("\"sig\":\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    let second = scene.certificate(21, Some(&certificate)).envelope().to_json();
    not_signed(&json.replace(&signature(&json), &signature(&second)));
    not_signed(&json.replace(PAYLOAD_TYPE, "application/json"));
    // by another key, and by the same key from another repository; the file names the trusted key all the same
    for stranger in [&other, &elsewhere] {
        let theirs = stranger.certificate(20, None).envelope().to_json();
        let claimed = theirs.replace(&stranger.key.public().id(), &scene.key.public().id());
        let said = not_signed(&claimed);
        assert!(said.contains(&scene.key.public().id()), "{said}");
        not_signed(&theirs);
        assert!(open(&theirs, &stranger.keys()).is_ok());
    }
    // a key in the file counts for nothing
    let with_key = json.replacen(
        '{',
        &format!("{{\"publicKey\":\"{}\",", scene.key.public().to_line()),
        1,
    );
    assert!(matches!(
        open(&with_key, &other.keys()),
        Err(CertificateFault::NotSigned(_))
    ));
    assert!(open(&with_key, &scene.keys()).is_ok());
}

#[test]
fn what_the_key_has_signed_and_is_no_certificate_is_refused_and_named() {
    let scene = Scene::new(1, 1);
    let certificate = scene.certificate(20, None);
    let good = str::from_utf8(certificate.envelope().payload()).unwrap();
    assert!(open(&signed(&scene, good), &scene.keys()).is_ok());
    let refused = |payload: &str| open(&signed(&scene, payload), &scene.keys()).unwrap_err().to_string();
    for (payload, told) in [
        (
            good.replace("certificates.md#v1", "certificates.md#v2"),
            "version 2, and this program knows version 1",
        ),
        (
            good.replace(PREDICATE_TYPE, "https://slsa.dev/provenance/v1"),
            "https://slsa.dev/provenance/v1",
        ),
        (good.replace("Statement/v1", "Statement/v2"), "Statement/v2"),
        (
            good.replacen("\"verdict\"", "\"verdict\":\"proven\",\"verdict\"", 1),
            "one name twice",
        ),
        (good.replacen("\"number\":1", "\"number\":0", 1), "its number"),
        (good.replacen("\"number\":1", "\"number\":2", 1), "its number"),
        (
            good.replacen("\"verdict\":\"proven\"", "\"verdict\":\"notProven\"", 1),
            "the verdict is not that",
        ),
        (
            good.replacen("\"verdict\":\"proven\"", "\"verdict\":\"notCarriedOut\"", 1),
            "doesn't fit the verdict",
        ),
        (
            good.replacen("\"verdict\":\"proven\"", "\"verdict\":\"splendid\"", 1),
            "can't be read",
        ),
        (
            good.replacen("\"controls\"", "\"names\":{},\"controls\"", 1),
            "which one without them",
        ),
        ("{}".to_owned(), "no in-toto statement"),
        ("[]".to_owned(), "no in-toto statement"),
        ("\u{1b}[31m".to_owned(), "no in-toto statement"),
    ] {
        let said = refused(&payload);
        assert!(said.contains(told), "{told}: {said}");
    }
    // a field of a later version of the same shape is passed over
    let later = good.replacen("\"verdict\"", "\"later\":{\"x\":[1]},\"verdict\"", 1);
    assert!(open(&signed(&scene, &later), &scene.keys()).is_ok());
}

#[test]
fn the_form_without_names_holds_no_name_and_stays_small() {
    let scene = Scene::new(1, 1);
    let mut findings = findings();
    let why = format!("it needs extension {TABLE}, which is left out");
    findings.not_compared = vec![finding("VIEW", TABLE, &why, FindingReason::Extension); 3];
    findings.differences = vec![finding("TABLE DATA", TABLE, &why, FindingReason::Changed)];
    findings.left_out = vec![finding("EVENT TRIGGER", TABLE, &why, FindingReason::Platform)];
    findings.remarks = vec![format!("everything belongs to {TABLE}").into()];
    let certificate = scene.certificate_of(20, None, &findings, None);
    let payload = str::from_utf8(certificate.envelope().payload()).unwrap();
    for name in [
        TABLE,
        SCHEMA,
        "production_shop",
        "visits",
        "select",
        "drills@",
        "pgcoffer_drill_",
    ] {
        assert!(!payload.contains(name), "{name}: {payload}");
    }
    let comparison = certificate.statement().predicate.comparison.clone().unwrap();
    let counts = |counts: &[KindCount]| {
        counts
            .iter()
            .map(|one| (one.kind.raw().to_owned(), one.count))
            .collect::<Vec<_>>()
    };
    assert_eq!(counts(&comparison.not_compared), [("VIEW".to_owned(), 3)]);
    assert_eq!(
        comparison.not_compared[0].reason.as_ref().unwrap().raw(),
        FindingReason::Extension.words()
    );
    assert_eq!(certificate.statement().predicate.verdict, CertifiedVerdict::NotProven);

    // whoever names the kinds in a dump's table of contents
    let kinds = (0..5000).map(|n| {
        finding(
            &format!("KIND {n} {}", "x".repeat(5000)),
            "x",
            "x",
            FindingReason::Changed,
        )
    });
    findings.differences = kinds.collect();
    let certificate = scene.certificate_of(20, None, &findings, None);
    let bytes = certificate.envelope().to_json().len();
    assert!(bytes < crate::backup::CERTIFICATE_BYTES_MAX, "{bytes}");
    let comparison = certificate.statement().predicate.comparison.clone().unwrap();
    assert_eq!(comparison.differences.iter().map(|one| one.count).sum::<u64>(), 5000);
}

#[test]
fn the_form_with_names_says_which_one_it_spells_out() {
    let scene = Scene::new(1, 1);
    let stored = scene.certificate(20, None);
    let named = stored.statement().with_names(stored.digest(), findings());
    let named = Certificate::sign(named, &scene.key);
    let opened = open(&named.envelope().to_json(), &scene.keys()).unwrap();
    assert!(opened.has_names() && !stored.has_names());
    assert_eq!(opened.link_digest(), stored.digest());
    assert_ne!(opened.digest(), stored.digest());
    let names = opened.statement().predicate.names.as_ref().unwrap();
    assert_eq!(names.tables[0].name, TABLE);
    assert!(names.checks[0].statement.raw().contains(TABLE));
}

#[test]
fn a_drill_that_could_not_be_carried_out_has_a_certificate() {
    let scene = Scene::new(1, 1);
    let certificate = scene.certificate_of(20, None, &DrillFindings::default(), Some(4));
    let opened = open(&certificate.envelope().to_json(), &scene.keys()).unwrap();
    let predicate = &opened.statement().predicate;
    assert_eq!(predicate.verdict, CertifiedVerdict::NotCarriedOut);
    assert_eq!(predicate.failure.as_ref().unwrap().exit_status, 4);
    assert_eq!(predicate.comparison, None);
    assert_eq!(predicate.recovery.restore_ms, None);
    assert!(opened.to_html().contains("Corrective action"));
    // nothing to state anything of
    let findings = DrillFindings::default();
    let (mut record, report) = scene.drill(20, &findings, Some(4));
    record.sealed = None;
    let draft = CertificateDraft {
        report: &report,
        backup: &record,
        findings: &findings,
        agent_sha256: None,
        recovery_point_target: None,
        previous: None,
    };
    assert_eq!(draft.statement(), None);
}

/// A chain of so many certificates.
fn chain(scene: &Scene, count: u8) -> Vec<Certificate> {
    let mut chain: Vec<Certificate> = Vec::new();
    for day in 1..=count {
        chain.push(scene.certificate(day, chain.last()));
    }
    chain
}

/// What is wrong with these, in words; files are called by letters.
fn faults(certificates: &[&Certificate]) -> Vec<String> {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let chains = check_chains(names.into_iter().zip(certificates.iter().copied()));
    chains
        .iter()
        .flat_map(|chain| chain.faults.iter().map(ToString::to_string))
        .collect()
}

#[test]
fn a_whole_chain_is_whole_in_whatever_order_it_is_given() {
    let scene = Scene::new(1, 1);
    let all = chain(&scene, 5);
    let refs: Vec<&Certificate> = all.iter().collect();
    assert_eq!(faults(&refs), [""; 0]);
    let shuffled = [refs[3], refs[0], refs[4], refs[2], refs[1]];
    assert_eq!(faults(&shuffled), [""; 0]);
    // from the middle on it is whole as well, and says where it begins
    let chains = check_chains([("a", refs[2]), ("b", refs[3])]);
    assert_eq!((chains[0].first, chains[0].last, chains[0].count), (3, 4, 2));
    assert_eq!(chains[0].faults, []);
    // the form with names stands for the one without
    let named = all[1].statement().with_names(all[1].digest(), findings());
    let named = Certificate::sign(named, &scene.key);
    assert_eq!(faults(&[refs[0], &named, refs[2]]), [""; 0]);
    assert_eq!(faults(&[refs[0], &named, refs[1], refs[2]]), [""; 0]);
}

#[test]
fn a_missing_doubled_exchanged_or_backdated_one_is_named() {
    let scene = Scene::new(1, 1);
    let all = chain(&scene, 5);
    let refs: Vec<&Certificate> = all.iter().collect();
    assert_eq!(
        faults(&[refs[0], refs[1], refs[3]]),
        ["number 3 is missing, between b and c"]
    );
    assert_eq!(
        faults(&[refs[0], refs[4]]),
        ["numbers 2 to 4 are missing, between a and b"]
    );
    assert_eq!(
        faults(&[refs[0], refs[1], refs[1]]),
        ["b and c are the same certificate, number 2"]
    );
    // one of the key's own making in place of a number that should not be seen
    let better = scene.certificate(9, Some(&all[1]));
    assert_eq!(
        faults(&[refs[1], &better, refs[3]]),
        ["c follows another certificate than b: one of the two was exchanged"]
    );
    assert_eq!(faults(&[refs[1], refs[2], &better, refs[3]]).len(), 1);
    let early = scene.certificate(1, Some(&all[3]));
    assert_eq!(faults(&[refs[3], &early]), ["b was made before a, which it follows"]);
}

#[test]
fn certificates_of_others_are_chains_of_their_own() {
    let (scene, elsewhere) = (Scene::new(1, 1), Scene::new(1, 2));
    let here = chain(&scene, 2);
    let there = chain(&elsewhere, 1);
    let chains = check_chains([("a", &here[0]), ("b", &there[0]), ("c", &here[1])]);
    let counts: BTreeMap<String, u64> = chains
        .iter()
        .map(|one| (one.repository.to_string(), one.count))
        .collect();
    assert_eq!(counts.values().copied().collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn a_page_obeys_no_name() {
    let scene = Scene::new(1, 1);
    let evil = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'\u{202e}\u{1b}[31m";
    let mut findings = findings();
    findings.tables[0].name = evil.into();
    findings.tables[0].schema = evil.into();
    findings.checks[0].statement = evil.into();
    findings.checks[0].found = evil.into();
    findings.remarks = vec![evil.into()];
    findings.differences = vec![finding(evil, evil, evil, FindingReason::Changed)];
    findings.not_compared = findings.differences.clone();
    findings.left_out = findings.differences.clone();
    let stored = scene.certificate_of(20, None, &findings, None);
    let mut named = stored.statement().with_names(stored.digest(), findings);
    named.subject[0].name = evil.into();
    named.predicate.drill.started_by = evil.into();
    named.predicate.drill.agent = evil.into();
    named.predicate.scratch.as_mut().unwrap().place = evil.into();
    named.predicate.backup.encryption.sealed_for = evil.into();
    named.predicate.controls[0].framework = evil.into();
    named.predicate.names.as_mut().unwrap().error = Some(evil.into());
    let page = Certificate::sign(named, &scene.key).to_html();
    for obeyed in [
        "<script",
        "<img",
        "\u{202e}",
        "\u{1b}",
        "onerror=alert(1)>",
        "http-equiv=\"refresh",
    ] {
        assert!(!page.contains(obeyed), "{obeyed}");
    }
    assert!(page.contains("&lt;script&gt;") && page.contains("default-src 'none'"));
    // every tag that is opened is one of ours
    for tag in page.split('<').skip(1) {
        let name: String = tag
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || "/!".contains(*c))
            .collect();
        let ours = "!doctype html head meta title style body main header p h1 h2 section span div strong b small table \
                    thead tbody tr th td pre a";
        assert!(
            ours.split_whitespace().any(|one| one == name.trim_start_matches('/')),
            "{name}"
        );
    }
}
