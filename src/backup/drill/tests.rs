use super::*;
use crate::seal::{MasterKey, Secret};

fn report() -> DrillRecord {
    let repository: RepositoryId = "c0ffee00112233445566778899aabbcc".parse().unwrap();
    let database = Label::parse("main").unwrap();
    let secret = Secret::Key(MasterKey::generate().unwrap());
    let identity = secret.identity(&repository, "main").unwrap();
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let id = BackupId::new(&identity, &database, at("2026-11-20T07:00:00Z"));
    let started = at("2026-11-21T04:00:00.25Z");
    DrillRecord {
        version: DRILL_VERSION,
        repository,
        name: DrillName::new(&identity, &database, &id, started),
        backed_up: id.time(),
        id,
        database,
        started,
        finished: at("2026-11-21T04:06:00Z"),
        due: Some(at("2026-11-21T04:00:00Z")),
        who: "app@worker-1".into(),
        agent: "0.1.0".into(),
        outcome: DrillOutcome::Completed {
            verdict: DrillVerdict::Proven,
            differences: 0,
            not_compared: 0,
            checks_passed: 2,
            checks_failed: 0,
        },
        scratch: Some(DrillServer {
            place: "local".into(),
            version: "16.4".into(),
            major: 16,
            collation: None,
            is_other: Some(true),
            kind: Some(DrillPlace::OwnDatabase),
            removed: Some(true),
        }),
        source_version: "16.4".into(),
        counts: Counts::default(),
        stored_bytes: 1 << 20,
        dump_bytes: 3 << 20,
        archive_sha256: "ab".repeat(32).into(),
        times: DrillTimes {
            prepare_ms: 900,
            restore_ms: 340_000,
            compare_ms: 19_000,
        },
        findings_bytes: 700,
        findings_sha256: "cd".repeat(32).into(),
        earlier: Vec::new(),
        known: Vec::new(),
        certificate: None,
    }
}

fn read(report: &DrillRecord) -> Result<DrillRecord, UnreadableDrill> {
    DrillRecord::from_json(&report.to_json(), &report.name, &report.database)
}

#[test]
fn a_report_is_read_as_it_was_written_with_its_certificate() {
    let mut report = report();
    assert_eq!(read(&report), Ok(report.clone()));
    report.certificate = Some(DrillCertificate {
        envelope: (0..=255).collect(),
    });
    assert_eq!(read(&report), Ok(report.clone()));
    report.outcome = DrillOutcome::NotCarriedOut {
        exit_status: 4,
        cause: Cause::default(),
    };
    report.certificate = None;
    assert_eq!(read(&report), Ok(report));
}

#[test]
fn a_report_without_a_certificate_is_small_whatever_its_texts() {
    let mut report = report();
    report.who = "x".repeat(100_000).into();
    report.source_version = "y".repeat(100_000).into();
    assert!(report.to_json().len() < 4096, "{}", report.to_json().len());
}

#[test]
fn the_newest_report_names_the_drills_before_it_and_the_last_that_came_back() {
    let now = report();
    let hours_ago = |hours: i64, verdict| {
        let mut one = report();
        one.started = now.started - SignedDuration::from_hours(hours);
        one.outcome = DrillOutcome::Completed {
            verdict,
            differences: 1,
            not_compared: 0,
            checks_passed: 0,
            checks_failed: 0,
        };
        one
    };
    let mut newest = now.clone();
    let mut last = hours_ago(400, DrillVerdict::Proven);
    for hours in (1..=20).rev() {
        let mut one = hours_ago(hours * 10, DrillVerdict::NotProven);
        one.take_earlier([&last]);
        last = one;
    }
    newest.take_earlier([&last, &hours_ago(-3, DrillVerdict::Proven)]);
    assert_eq!(newest.earlier.len(), MEASURED_MAX);
    assert_eq!(newest.earlier[0].began, last.started);
    let came_back = newest.earlier.iter().filter(|one| one.verdict.came_back());
    let hours: Vec<i64> = came_back
        .map(|one| now.started.duration_since(one.began).as_hours())
        .collect();
    assert_eq!(hours, [400]);
    assert!(newest.to_json().len() < 8192, "{}", newest.to_json().len());
    // one that could not be carried out hands on what is known
    newest.outcome = DrillOutcome::NotCarriedOut {
        exit_status: 4,
        cause: Cause::default(),
    };
    assert_eq!(newest.series(), newest.earlier);
}

#[test]
fn what_no_drill_writes_is_not_believed() {
    let completed = |verdict, differences, not_compared, checks_failed| DrillOutcome::Completed {
        verdict,
        differences,
        not_compared,
        checks_passed: 0,
        checks_failed,
    };
    for outcome in [
        completed(DrillVerdict::Proven, 1, 0, 0),
        completed(DrillVerdict::Proven, 0, 1, 0),
        completed(DrillVerdict::Proven, 0, 0, 1),
        completed(DrillVerdict::PartlyProven, 1, 1, 0),
    ] {
        let forged = DrillRecord { outcome, ..report() };
        assert!(
            matches!(read(&forged), Err(UnreadableDrill::Implausible(_))),
            "{forged:?}"
        );
    }
    let mut backwards = report();
    backwards.finished = "2026-11-21T03:00:00Z".parse().unwrap();
    assert!(matches!(read(&backwards), Err(UnreadableDrill::Implausible(_))));
    let mut dated = report();
    dated.started = "2026-12-21T04:00:00Z".parse().unwrap();
    dated.finished = "2026-12-21T05:00:00Z".parse().unwrap();
    assert!(matches!(read(&dated), Err(UnreadableDrill::Implausible(_))));
}

#[test]
fn a_report_under_another_name_is_not_believed() {
    let (one, other) = (report(), report());
    let shop = Label::parse("shop").unwrap();
    for (name, database) in [(&other.name, &one.database), (&one.name, &shop)] {
        let read = DrillRecord::from_json(&one.to_json(), name, database);
        assert!(matches!(read, Err(UnreadableDrill::Misplaced(..))), "{read:?}");
    }
}

#[test]
fn a_later_version_is_named_before_anything_else() {
    let report = report();
    let later = r#"{"version":2,"all":"other"}"#;
    let read = DrillRecord::from_json(later.as_bytes(), &report.name, &report.database);
    assert_eq!(read, Err(UnreadableDrill::Newer(2, DRILL_VERSION)));
    let read = DrillFindings::read(|| later.as_bytes(), &report.name, &report.database);
    assert!(read.is_err());
}

#[test]
fn findings_are_bounded_and_belong_to_one_drill() {
    let (one, other) = (report(), report());
    let finding = DrillFinding {
        kind: "TABLE DATA".into(),
        schema: "public".into(),
        name: "orders".into(),
        why: "w".repeat(100_000).into(),
        reason: FindingReason::Changed,
        label: "table public.orders".into(),
    };
    let findings = DrillFindings {
        differences: vec![finding],
        remarks: vec!["a".into(); 30_000],
        ..DrillFindings::default()
    };
    let mut json = Vec::new();
    findings
        .write_json(one.repository, &one.name, &one.database, &mut json)
        .unwrap();
    let read = DrillFindings::read(|| json.as_slice(), &one.name, &one.database).unwrap();
    assert_eq!(read.remarks.len(), 20_000);
    assert!(read.differences[0].why.raw().len() < 3_000);
    assert_eq!(read.verdict(), DrillVerdict::NotProven);
    let misplaced = DrillFindings::read(|| json.as_slice(), &other.name, &one.database);
    assert!(matches!(misplaced, Err(UnreadableDrill::Misplaced(..))));
}
