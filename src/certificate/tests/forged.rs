//! Certificates that were forged, and what the key has signed that is none.

use super::scene::{Scene, collation, open};
use crate::certificate::*;

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
    assert_eq!(
        predicate.scratch.as_ref().unwrap().collation,
        Some(collation("153.120"))
    );
    assert_eq!(
        predicate.backup.source.as_ref().unwrap().collation,
        Some(collation("153.14"))
    );
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
    // a key in the file counts for nothing: a file with one is refused, whichever keys are trusted
    let with_key = json.replacen(
        '{',
        &format!("{{\"publicKey\":\"{}\",", scene.key.public().to_line()),
        1,
    );
    for trusted in [&scene, &other] {
        let refused = open(&with_key, &trusted.keys()).unwrap_err();
        assert!(refused.to_string().contains("publicKey stands beside"), "{refused}");
    }
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
