//! What stands in a certificate, without names and with them.

use super::scene::{SCHEMA, Scene, TABLE, finding, findings, open};
use crate::{
    backup::{CERTIFICATE_BYTES_MAX, DrillFindings, FindingReason},
    certificate::*,
};

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
    assert!(bytes < CERTIFICATE_BYTES_MAX, "{bytes}");
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
        without_report: 0,
    };
    assert_eq!(draft.statement(), None);
}
