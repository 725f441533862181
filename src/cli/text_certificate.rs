//! Certificates in words and in JSON.

use std::path::PathBuf;

use pgcoffer::{
    Result,
    agent::{StoredCertificate, VerifyingKey},
    certificate::{
        Certificate, CertificateChain, CertifiedComparison, CertifiedPlace, CertifiedVerdict, DrillPredicate,
        DrillStatement, KindCount, PublicKey,
    },
    text::{counted, day, duration, grouped, second, shell_word},
};
use serde_json::{Value, json};

use super::{
    commands::VerifiedFile,
    output::{Output, print, to_json},
    screen,
    terminal::stdout_columns,
    width::wrapped,
};

/// Columns of a certificate, wherever it is read.
const COLUMNS: usize = 80;

impl Output {
    pub(super) fn certificate(self, stored: &StoredCertificate) -> Result<()> {
        let StoredCertificate {
            report,
            certificate,
            key_retired,
        } = stored;
        if self.json {
            return self.print_json(&json!({
                "drill": report.name,
                "sha256": certificate.digest(),
                "key_id": certificate.signer().id(),
                "key_retired": key_retired,
                "statement": to_json(certificate.statement())?,
            }));
        }
        let mut text = told(certificate);
        text.push_str(&format!("  signed by key {}", certificate.signer().id()));
        match key_retired {
            Some(retired) => text.push_str(&format!(", which was replaced on {}\n", day(*retired))),
            None => text.push('\n'),
        }
        print(wrapped(&text, 4, stdout_columns().map(|columns| columns.min(COLUMNS))))
    }

    /// Where certificates were written, and what to do with them. `verifiable`: not as pages, which are only read.
    pub(super) fn certificates_written(self, files: &[PathBuf], verifiable: bool) -> Result<()> {
        if self.json {
            return self.print_json(&json!({ "files": files }));
        }
        // a name alone leaves open in which folder it is
        let path = |file: &PathBuf| std::path::absolute(file).unwrap_or_else(|_| file.clone());
        print(
            files
                .iter()
                .map(|file| format!("{}\n", path(file).display()))
                .collect::<String>(),
        )?;
        screen::message(&match files {
            [] => "there is no certificate yet: `pgcoffer drill` makes one".to_owned(),
            _ if !verifiable => {
                "a page to read and print; what others verify is what `pgcoffer certificate get` writes \
                                 without --format"
                    .to_owned()
            }
            [file, more @ ..] => {
                let all = if more.is_empty() {
                    ""
                } else {
                    ", and so on with the others"
                };
                format!(
                    "anybody verifies it without bucket and secret: `pgcoffer certificate verify {} --key \
                     certificate-key.pem`{all}; the public key: `pgcoffer certificate key > certificate-key.pem`",
                    shell_word(&file.display().to_string())
                )
            }
        });
        Ok(())
    }

    /// The keys as PEM, one behind the other, so that they can be captured in a file.
    pub(super) fn verifying_keys(self, keys: &[VerifyingKey]) -> Result<()> {
        if self.json {
            let keys = keys.iter().map(|one| {
                json!({
                    "public_key": one.key.to_line(),
                    "pem": one.key.to_pem(),
                    "key_id": one.key.id(),
                    "belongs_to": one.belongs_to,
                    "databases": one.databases,
                    "retired": one.retired,
                })
            });
            return self.print_json(&json!({ "keys": keys.collect::<Vec<_>>() }));
        }
        let several = keys.len() > 1;
        for one in keys {
            // what stands around the block is passed over by whoever reads PEM
            if several {
                let databases: Vec<&str> = one.databases.iter().map(|label| label.as_str()).collect();
                let until = one
                    .retired
                    .map(|at| format!(", replaced on {}", day(at)))
                    .unwrap_or_default();
                print(format!(
                    "# of {}{until}, for {}\n",
                    one.belongs_to,
                    databases.join(", ")
                ))?;
            }
            print(one.key.to_pem())?;
        }
        Ok(())
    }

    pub(super) fn certificates_verified(
        self,
        files: &[VerifiedFile],
        chains: &[CertificateChain],
        keys: &[PublicKey],
    ) -> Result<()> {
        if self.json {
            let files = files.iter().map(verified_json).collect::<Vec<_>>();
            let ids: Vec<String> = keys.iter().map(PublicKey::id).collect();
            let chains = chains.iter().map(chain_json).collect::<Result<Vec<_>>>()?;
            return self.print_json(&json!({ "certificates": files, "chains": chains, "key_ids": ids }));
        }
        let mut text = String::new();
        for one in files {
            match &one.certificate {
                // its error is the command's own
                Err(_) if files.len() == 1 => {}
                Err(error) => text.push_str(&format!("not verified: {error}\n")),
                Ok(certificate) => text.push_str(&verified(one, certificate, files.len() == 1)),
            }
        }
        for chain in chains {
            text.push_str(&chain_words(chain));
        }
        if files.iter().any(|one| one.certificate.is_ok()) {
            text.push_str(
                "Verified by the public key at hand, and by nothing else: that it is the right one, only the place where it \
                 comes from can tell.\n",
            );
        }
        print(wrapped(&text, 4, stdout_columns().map(|columns| columns.min(COLUMNS))))
    }
}

fn verified(one: &VerifiedFile, certificate: &Certificate, in_full: bool) -> String {
    let predicate = &certificate.statement().predicate;
    let mut text = match in_full {
        true => told(certificate),
        false => format!(
            "verified: {}: number {} of {}, {}, drill of {}\n",
            one.file,
            predicate.chain.number,
            predicate.database,
            predicate.verdict.words(),
            second(predicate.drill.started_on),
        ),
    };
    if let Some(left) = without_report(predicate).filter(|_| !in_full) {
        text.push_str(&format!("  {left}\n"));
    }
    text.push_str(&format!("  signed by key {}\n", certificate.signer().id()));
    for fault in &one.faults {
        text.push_str(&format!("  but {fault}\n"));
    }
    text
}

/// What a certificate says.
fn told(certificate: &Certificate) -> String {
    let DrillStatement { subject, predicate, .. } = certificate.statement();
    let DrillPredicate {
        backup, drill, chain, ..
    } = predicate;
    let mut text = format!(
        "{}: {}\n  certificate {} of {}, made {}\n",
        heading(predicate.verdict),
        predicate.meaning(),
        chain.number,
        predicate.database,
        second(drill.finished_on)
    );
    if let Some(failure) = &predicate.failure {
        text.push_str(&format!("  why: {} (status {})\n", failure.cause, failure.exit_status));
    }
    let source = match &backup.source {
        Some(source) => format!("PostgreSQL {}", source.postgres),
        None => "a server whose version is not known".to_owned(),
    };
    text.push_str(&format!(
        "  backup {} of {}, {source}, sealed for {}\n",
        backup.id,
        second(backup.started_on),
        backup.encryption.sealed_for
    ));
    text.push_str(&format!(
        "  drill from {} to {}, started by {}, pgcoffer {}\n",
        second(drill.started_on),
        second(drill.finished_on),
        drill.started_by,
        drill.agent
    ));
    text.push_str(&recovery(predicate));
    if let Some(comparison) = &predicate.comparison {
        text.push_str(&compared(comparison));
    }
    for object in subject {
        text.push_str(&format!(
            "  archive {} with SHA-256 {}\n",
            object.name, object.digest.sha256
        ));
    }
    if let Some(left) = without_report(predicate) {
        text.push_str(&format!("  {left}\n"));
    }
    match chain.previous_sha256 {
        None => text.push_str("  the first of this database\n"),
        Some(previous) => text.push_str(&format!("  follows the certificate {previous}\n")),
    }
    if let Some(stored) = chain.stored_sha256 {
        text.push_str(&format!("  spells out the certificate {stored} with its names\n"));
    }
    text
}

/// That drills before it left no report, where there were any.
fn without_report(predicate: &DrillPredicate) -> Option<String> {
    let count = predicate.chain.drills_without_report;
    let since = match predicate.chain.previous_sha256 {
        Some(_) => "since the certificate before it",
        None => "before it",
    };
    (count > 0).then(|| format!("{} {since} left no report", counted(grouped(count), "drill")))
}

fn heading(verdict: CertifiedVerdict) -> String {
    let mut words = verdict.words().to_owned();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

fn recovery(predicate: &DrillPredicate) -> String {
    let recovery = predicate.recovery;
    let target = match recovery.point_target_ms {
        Some(target) => format!("; the schedule allows {}", duration(target)),
        None => String::new(),
    };
    let age = format!("the backup was {} old{target}", duration(recovery.point_ms));
    match (recovery.restore_ms, &predicate.scratch) {
        (Some(restore_ms), Some(server)) => {
            let place = match server.place == "local" {
                true => "a server of its own".to_owned(),
                false => match server.database {
                    Some(CertifiedPlace::Reserved) => format!("{}, in a database reserved for drills", server.place),
                    _ => server.place.to_string(),
                },
            };
            let (took, version) = (duration(restore_ms), &server.postgres);
            format!("  restored in {took} on {place} (PostgreSQL {version}); {age}\n")
        }
        _ => format!("  not restored; {age}\n"),
    }
}

fn compared(comparison: &CertifiedComparison) -> String {
    let CertifiedComparison {
        expected,
        found,
        checks,
        ..
    } = comparison;
    let mut text = format!(
        "  came back: {} of {}, {} of {}, {} of {}\n",
        grouped(comparison.equal_tables),
        counted(grouped(expected.tables), "table"),
        grouped(found.rows),
        counted(grouped(expected.rows), "row"),
        grouped(found.large_objects),
        counted(grouped(expected.large_objects), "large object"),
    );
    text.push_str(&counts("differs", &comparison.differences));
    text.push_str(&counts("not compared", &comparison.not_compared));
    text.push_str(&counts("left out", &comparison.left_out));
    if checks.passed + checks.failed > 0 {
        let (passed, failed) = (grouped(checks.passed), grouped(checks.failed));
        text.push_str(&format!("  own checks: {passed} passed, {failed} failed\n"));
    }
    text
}

fn counts(what: &str, counts: &[KindCount]) -> String {
    let line = |one: &KindCount| {
        let reason = one
            .reason
            .as_ref()
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        format!("  {what}: {} {}{reason}\n", grouped(one.count), one.kind)
    };
    counts.iter().map(line).collect()
}

fn chain_words(chain: &CertificateChain) -> String {
    let CertificateChain {
        database, first, last, ..
    } = chain;
    let mut text = String::new();
    for fault in &chain.faults {
        text.push_str(&format!("chain of {database}: {fault}\n"));
    }
    if chain.faults.is_empty() && chain.count > 1 {
        text.push_str(&format!(
            "chain of {database}: numbers {first} to {last}, none is missing"
        ));
        let before = if *first > 1 {
            "; the earlier ones are not at hand"
        } else {
            ""
        };
        text.push_str(&format!("{before}; the last is of {}\n", second(chain.last_made)));
    }
    text
}

fn verified_json(one: &VerifiedFile) -> Value {
    match &one.certificate {
        Err(error) => json!({
            "file": one.file,
            "verified": false,
            "error": error.to_string(),
            "hint": error.hint(),
        }),
        Ok(certificate) => {
            let predicate = &certificate.statement().predicate;
            json!({
                "file": one.file,
                "verified": true,
                "faults": one.faults,
                "key_id": certificate.signer().id(),
                "sha256": certificate.digest(),
                "has_names": certificate.has_names(),
                "repository": predicate.repository,
                "database": predicate.database,
                "number": predicate.chain.number,
                "verdict": predicate.verdict,
                "drills_without_report": predicate.chain.drills_without_report,
                "backup": predicate.backup.id,
                "started": predicate.drill.started_on,
                "finished": predicate.drill.finished_on,
            })
        }
    }
}

/// Its faults with the words for them.
fn chain_json(chain: &CertificateChain) -> Result<Value> {
    let mut value = to_json(chain)?;
    let faults = value.get_mut("faults").and_then(Value::as_array_mut);
    for (fault, shown) in faults.into_iter().flatten().zip(&chain.faults) {
        super::output::insert(fault, "text", json!(shown.to_string()));
    }
    Ok(value)
}
