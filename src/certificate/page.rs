//! The certificate as a page of HTML that a person reads or prints. It needs nothing beside itself and asks for nothing.

use data_encoding::BASE64;
use jiff::Timestamp;

use super::{
    Certificate,
    page_html::Page,
    predicate::{
        CertifiedComparison, CertifiedData, CertifiedPlace, CertifiedRecovery, CertifiedScratch, CertifiedVerdict,
        DrillPredicate, KindCount,
    },
    statement::DrillStatement,
};
use crate::{
    backup::Collation,
    text::{duration, grouped, html_escaped, second, size},
};

/// The longest certificate that the page holds as a file to save, in bytes.
const EMBEDDED_MAX: usize = 1 << 20;

/// The requirements that are shown: what is signed may name any number.
const CONTROLS_MAX: usize = 100;

impl Certificate {
    /// The certificate as a page of HTML. Everything in it is escaped, and no script runs in it.
    #[must_use]
    pub fn to_html(&self) -> String {
        let DrillStatement { predicate, .. } = self.statement();
        let mut page = Page::begin(predicate);
        page.verdict(predicate);
        page.figures(predicate);
        page.explanation(predicate);
        page.facts(predicate);
        if let Some(comparison) = &predicate.comparison {
            page.comparison(comparison);
            page.counts("What came back otherwise", &comparison.differences);
            page.counts("What could not be compared", &comparison.not_compared);
            page.counts("What was left out without a loss", &comparison.left_out);
            page.definitions(&comparison.definitions);
        }
        if let Some(names) = &predicate.names {
            page.names(names);
        }
        page.controls(predicate);
        page.room_for_people(predicate.verdict);
        page.signature(self);
        page.end()
    }
}

impl Page {
    fn verdict(&mut self, predicate: &DrillPredicate) {
        let (class, sign) = match predicate.verdict {
            CertifiedVerdict::Proven => ("good", "✓"),
            CertifiedVerdict::PartlyProven => ("part", "◐"),
            CertifiedVerdict::NotProven | CertifiedVerdict::NotCarriedOut => ("bad", "✗"),
        };
        let words = capitalised(predicate.verdict.words());
        self.push(&format!(
            "<section class=\"verdict {class}\"><span class=\"sign\" aria-hidden=\"true\">{sign}</span>\
             <div><strong>{words}</strong><p>{}.</p></div></section>\n",
            capitalised(predicate.meaning()),
        ));
        if let Some(failure) = &predicate.failure {
            let status = failure.exit_status;
            self.paragraph(&format!("Why: {} (exit status {status}).", failure.cause));
        }
    }

    /// The few numbers that are looked for first.
    fn figures(&mut self, predicate: &DrillPredicate) {
        self.push("<section class=\"figures\">\n");
        let CertifiedRecovery {
            restore_ms,
            point_ms,
            point_target_ms,
            ..
        } = predicate.recovery;
        if let Some(restore_ms) = restore_ms {
            self.figure("Recovery time", &duration(restore_ms), "measured");
        }
        let target = match point_target_ms {
            Some(target) => format!("schedule: {}", duration(target)),
            None => "when the drill began".to_owned(),
        };
        self.figure("Age of the backup", &duration(point_ms), &target);
        if let Some(comparison) = &predicate.comparison {
            let tables = format!(
                "{} of {}",
                grouped(comparison.equal_tables),
                grouped(comparison.expected.tables)
            );
            self.figure("Tables equal", &tables, "rows and fingerprint");
            self.figure("Rows", &grouped(comparison.found.rows), "came back");
            let checks = comparison.checks;
            if checks.passed + checks.failed > 0 {
                let passed = format!(
                    "{} of {}",
                    grouped(checks.passed),
                    grouped(checks.passed + checks.failed)
                );
                self.figure("Own checks", &passed, "passed");
            }
        }
        self.push("</section>\n");
    }

    fn figure(&mut self, name: &str, value: &str, note: &str) {
        self.push(&format!(
            "<div><span>{}</span><b>{}</b><small>{}</small></div>\n",
            html_escaped(name),
            html_escaped(value),
            html_escaped(note)
        ));
    }

    fn explanation(&mut self, predicate: &DrillPredicate) {
        let Some(place) = predicate.scratch.as_ref().map(CertifiedScratch::words) else {
            return;
        };
        // one that was broken off has compared nothing
        if predicate.comparison.is_none() {
            self.paragraph(&format!("The sealed archive below was to be restored {place}."));
            return;
        }
        self.paragraph(&format!(
            "The sealed archive below was read from the bucket, decrypted and restored {place}. What came back was dumped \
             again and held against the archive: every table by the number of its rows and their fingerprint, large objects, \
             sequences, and the text of every definition."
        ));
    }

    fn facts(&mut self, predicate: &DrillPredicate) {
        let DrillPredicate { backup, drill, .. } = predicate;
        self.heading("The backup");
        self.push("<table class=\"facts\">\n");
        self.fact("Id", &backup.id.to_string());
        self.fact("Tier", &backup.tier.to_string());
        self.fact("Made", &period(backup.started_on, backup.finished_on));
        if let Some(source) = &backup.source {
            let standby = if source.standby { ", a standby" } else { "" };
            self.fact(
                "Source",
                &format!("PostgreSQL {}{standby}, pg_dump {}", source.postgres, source.pg_dump),
            );
        }
        self.collation(backup.source.as_ref().and_then(|source| source.collation.as_ref()));
        let sizes = format!(
            "{} stored, {} dumped",
            size(backup.stored_bytes),
            size(backup.dump_bytes)
        );
        self.fact("Size", &sizes);
        let encryption = &backup.encryption;
        let sealed = format!(
            "{} ({}), sealed for {}",
            encryption.algorithms, encryption.format, encryption.sealed_for
        );
        self.fact("Encryption", &sealed);
        self.fact("Repository", &predicate.repository.to_string());
        self.push("</table>\n");

        self.heading("The drill");
        self.push("<table class=\"facts\">\n");
        self.fact("Carried out", &period(drill.started_on, drill.finished_on));
        if let Some(due) = drill.due_on {
            self.fact("Scheduled for", &second(due));
        }
        self.fact("Started by", &drill.started_by.to_string());
        if let Some(server) = &predicate.scratch {
            let place = match server.place == "local" {
                true => "a server of its own, by a Unix socket".to_owned(),
                false => server.place.to_string(),
            };
            let place = match server.database {
                Some(CertifiedPlace::Reserved) => format!("{place}, a database that is reserved for drills"),
                _ => place,
            };
            let other = match server.other_than_source {
                Some(true) => ", another server than the source",
                Some(false) => ", the same server as the source",
                None => "",
            };
            self.fact(
                "Restored on",
                &format!("PostgreSQL {}, {place}{other}", server.postgres),
            );
        }
        self.collation(predicate.scratch.as_ref().and_then(|server| server.collation.as_ref()));
        self.fact("Times", &times(&predicate.recovery));
        self.fact("Program", &format!("pgcoffer {}", drill.agent));
        if let Some(digest) = drill.agent_sha256 {
            self.fact("Its SHA-256", &digest.to_string());
        }
        self.push("</table>\n");
    }

    fn collation(&mut self, collation: Option<&Collation>) {
        if let Some(Collation { locale, version }) = collation {
            let version = version
                .as_ref()
                .map(|version| format!(", version {version}"))
                .unwrap_or_default();
            self.fact("Collation", &format!("{locale}{version}"));
        }
    }

    fn comparison(&mut self, comparison: &CertifiedComparison) {
        self.heading("The comparison");
        self.push(
            "<table class=\"compared\"><thead><tr><th></th><th>Dumped</th><th>Came back</th></tr></thead>\n<tbody>\n",
        );
        let CertifiedComparison { expected, found, .. } = comparison;
        let number = |of: fn(&CertifiedData) -> u64| (grouped(of(expected)), grouped(of(found)));
        self.two("Tables with data", &number(|data| data.tables));
        self.two("Rows", &number(|data| data.rows));
        self.two("Large objects", &number(|data| data.large_objects));
        let fingerprints = (expected.fingerprint.to_string(), found.fingerprint.to_string());
        self.two("Fingerprint of all data", &fingerprints);
        let lists = (expected.list_sha256.to_string(), found.list_sha256.to_string());
        self.two("SHA-256 of the list of tables", &lists);
        self.push("</tbody></table>\n");
    }

    fn counts(&mut self, heading: &str, counts: &[KindCount]) {
        if counts.is_empty() {
            return;
        }
        self.heading(heading);
        self.push("<table class=\"list\">\n");
        for KindCount { kind, reason, count } in counts {
            let reason = reason.as_ref().map(ToString::to_string).unwrap_or_default();
            self.row(&[&grouped(*count), &kind.to_string(), &reason]);
        }
        self.push("</table>\n");
    }

    fn definitions(&mut self, kinds: &[KindCount]) {
        if kinds.is_empty() {
            return;
        }
        self.heading("Definitions in the dump, by kind");
        let all = kinds.iter().map(|one| format!("{} {}", grouped(one.count), one.kind));
        self.paragraph(&all.collect::<Vec<_>>().join(" · "));
    }

    fn controls(&mut self, predicate: &DrillPredicate) {
        if predicate.controls.is_empty() {
            return;
        }
        self.heading("Evidence for");
        let all = predicate.controls.iter().take(CONTROLS_MAX);
        let all: Vec<String> = all.map(|one| format!("{} {}", one.framework, one.control)).collect();
        self.paragraph(&all.join(" · "));
    }

    /// Room for what people add by hand.
    fn room_for_people(&mut self, verdict: CertifiedVerdict) {
        self.push("<section class=\"hand\">\n");
        if verdict != CertifiedVerdict::Proven {
            self.push("<p>Corrective action</p><p class=\"line\"></p><p class=\"line\"></p>\n");
        }
        self.push("<p class=\"signed\"><span>Reviewed by</span><span>Date</span></p>\n</section>\n");
    }

    fn signature(&mut self, certificate: &Certificate) {
        let DrillStatement { subject, predicate, .. } = certificate.statement();
        self.heading("What is signed");
        self.push("<table class=\"facts\">\n");
        for object in subject {
            self.fact("Sealed archive", &object.name.to_string());
            self.fact("Its SHA-256", &object.digest.sha256.to_string());
        }
        self.fact("This statement", &certificate.digest().to_string());
        let before = match predicate.chain.previous_sha256 {
            Some(digest) => digest.to_string(),
            None => "none: it is the first of this database".to_owned(),
        };
        self.fact("The one before it", &before);
        if predicate.chain.drills_without_report > 0 {
            let count = grouped(predicate.chain.drills_without_report);
            self.fact("Drills since it that left no report", &count);
        }
        if let Some(stored) = predicate.chain.stored_sha256 {
            self.fact("Without names", &stored.to_string());
        }
        self.fact("Signed by key", &certificate.signer().id());
        self.push("</table>\n");
        self.paragraph(
            "This page is a reading of the signed certificate and is itself not signed. Verify the certificate with the public \
             key that stands on the recovery sheet, never with one that came with it:",
        );
        self.push("<pre>pgcoffer certificate verify FILE --key certificate-key.pem</pre>\n");
        self.embedded(certificate);
    }

    /// The certificate as a file to save, where it is small.
    fn embedded(&mut self, certificate: &Certificate) {
        let json = certificate.envelope().to_json();
        if json.len() > EMBEDDED_MAX {
            return;
        }
        let number = certificate.statement().predicate.chain.number;
        let database = html_escaped(certificate.statement().predicate.database.as_str());
        self.push(&format!(
            "<p class=\"save\"><a download=\"{database}-{number}.certificate.json\" href=\"data:application/json;base64,{}\">Save \
             the signed certificate</a></p>\n",
            BASE64.encode(json.as_bytes())
        ));
    }
}

fn times(recovery: &CertifiedRecovery) -> String {
    let parts = [
        ("prepared in", recovery.prepare_ms),
        ("restored in", recovery.restore_ms),
        ("compared in", recovery.compare_ms),
    ];
    let parts = parts
        .iter()
        .filter_map(|(what, ms)| Some(format!("{what} {}", duration((*ms)?))));
    match parts.collect::<Vec<_>>() {
        none if none.is_empty() => "it was not restored".to_owned(),
        parts => parts.join(", "),
    }
}

fn period(from: Timestamp, to: Timestamp) -> String {
    format!("{} to {}", second(from), second(to))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}
