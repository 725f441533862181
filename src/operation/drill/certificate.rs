//! The certificate of a drill, which its report holds in the form without names.

use jiff::Timestamp;

use super::Drill;
use crate::{
    backup::{CERTIFICATE_BYTES_MAX, DrillCertificate, DrillFindings, DrillRecord},
    catalog::{DrillNames, DrillObjects, Maker, ReportsRead},
    certificate::{Certificate, CertificateDraft, CertificateKey, Predecessor, PublicKey},
    error::{Error, Result},
};

/// The reports that are looked through for a certificate, where the newest ones have none.
const ALL_REPORTS: ReportsRead = ReportsRead::Newest(10_000);

/// The reports of drills that are dated ahead which are looked through.
const AHEAD_READ_MAX: usize = 20;

impl Drill<'_> {
    /// The certificate for this report, which follows the one with the highest number of the database. `names`: the
    /// drills that are there. A drill without a certificate is still a drill, so what fails is only warned of.
    pub(super) async fn certificate(
        &self,
        report: &DrillRecord,
        findings: &DrillFindings,
        maker: &Maker,
        names: &DrillNames,
    ) -> Option<DrillCertificate> {
        let found = match self.predecessor(report, names).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!("this drill has no certificate, since the one before it can't be read: {error}");
                return None;
            }
        };
        let (previous, since) = found.unzip();
        let is_between = |drill: &&DrillObjects| {
            drill.report.is_none() && drill.name != report.name && since.is_none_or(|since| drill.name.began() >= since)
        };
        let draft = CertificateDraft {
            report,
            backup: self.record,
            findings,
            agent_sha256: self.request.agent_sha256,
            recovery_point_target: self.request.recovery_point_target,
            previous,
            without_report: names.all().filter(is_between).count(),
        };
        let statement = draft.statement()?;
        let certificate = Certificate::sign(statement, &CertificateKey::of(&maker.identity));
        let envelope = certificate.envelope().to_json().into_bytes();
        if envelope.len() > CERTIFICATE_BYTES_MAX {
            tracing::warn!("this drill has no certificate: it would have {} bytes", envelope.len());
            return None;
        }
        Some(DrillCertificate { envelope })
    }

    /// The certificate with the highest number, and when its drill began. The newest report has it, unless a clock was
    /// ahead or behind: then it is in the one that was stored last, or in one that is dated ahead.
    async fn predecessor(&self, report: &DrillRecord, names: &DrillNames) -> Result<Option<(Predecessor, Timestamp)>> {
        let database = &report.database;
        let makers = self.catalog.makers(database).await?;
        let keys: Vec<PublicKey> = makers
            .iter()
            .map(|maker| CertificateKey::of(&maker.identity).public())
            .collect();
        let has_report = |drill: &&DrillObjects| drill.report.is_some();
        let newest = names.drills.iter().find(has_report);
        let stored_last = names.all().filter(has_report).max_by_key(|drill| drill.stored());
        let ahead = names.ahead.iter().filter(has_report).take(AHEAD_READ_MAX);
        let mut found = None;
        for drill in newest.into_iter().chain(stored_last).chain(ahead) {
            match self.catalog.open_report(database, drill).await {
                Ok(report) => found = highest(found, certified(&report, &keys)),
                Err(Error::Store(error)) if error.kind.is_of_all_objects() => return Err(error.into()),
                // those before it are looked through
                Err(error) => tracing::warn!("the report of an earlier drill can't be read: {error}"),
            }
        }
        if found.is_none() {
            let all = names.clone().with_ahead();
            let all = self.catalog.read_reports(database, &all, ALL_REPORTS).await?;
            let certificates = all.reports.iter().map(|report| certified(report, &keys));
            found = certificates.fold(None, highest);
        }
        Ok(found)
    }
}

/// The certificate in this report, if one of these keys has signed it, and when its drill began.
fn certified(report: &DrillRecord, keys: &[PublicKey]) -> Option<(Predecessor, Timestamp)> {
    let certificate = Certificate::open(&report.certificate.as_ref()?.envelope, keys).ok()?;
    let predecessor = Predecessor {
        number: certificate.statement().predicate.chain.number,
        digest: certificate.link_digest(),
    };
    Some((predecessor, report.started))
}

/// Of two the one with the higher number.
fn highest(
    one: Option<(Predecessor, Timestamp)>,
    other: Option<(Predecessor, Timestamp)>,
) -> Option<(Predecessor, Timestamp)> {
    let number = |certificate: &Option<(Predecessor, Timestamp)>| certificate.as_ref().map(|(one, _)| one.number);
    match number(&other) > number(&one) {
        true => other,
        false => one,
    }
}
