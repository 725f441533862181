//! The page obeys nothing that stands in it.

use super::scene::{Scene, finding, findings};
use crate::{backup::FindingReason, certificate::*};

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
