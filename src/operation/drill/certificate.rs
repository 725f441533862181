//! The certificate of a drill, which its report holds in the form without names.

use super::Drill;
use crate::{
    backup::{CERTIFICATE_BYTES_MAX, DrillCertificate, DrillFindings, DrillRecord},
    catalog::{Maker, ReportsRead},
    certificate::{Certificate, CertificateDraft, CertificateKey, Predecessor, PublicKey},
    error::Result,
};

/// The reports that are looked through for a certificate, where the newest ones have none.
const ALL_REPORTS: ReportsRead = ReportsRead::Newest(10_000);

impl Drill<'_> {
    /// The certificate for this report, which follows the newest one of the database. `earlier`: the newest reports,
    /// the last drill first. A drill without a certificate is still a drill, so what fails is only warned of.
    pub(super) async fn certificate(
        &self,
        report: &DrillRecord,
        findings: &DrillFindings,
        maker: &Maker,
        earlier: &[DrillRecord],
    ) -> Option<DrillCertificate> {
        let previous = match self.predecessor(report, earlier).await {
            Ok(previous) => previous,
            Err(error) => {
                tracing::warn!("this drill has no certificate, since the one before it can't be read: {error}");
                return None;
            }
        };
        let draft = CertificateDraft {
            report,
            backup: self.record,
            findings,
            agent_sha256: self.request.agent_sha256,
            recovery_point_target: self.request.recovery_point_target,
            previous,
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

    /// The newest certificate of the database.
    async fn predecessor(&self, report: &DrillRecord, earlier: &[DrillRecord]) -> Result<Option<Predecessor>> {
        let makers = self.catalog.makers(&report.database).await?;
        let keys: Vec<PublicKey> = makers
            .iter()
            .map(|maker| CertificateKey::of(&maker.identity).public())
            .collect();
        if let Some(found) = newest(earlier, &keys) {
            return Ok(Some(found));
        }
        let all = self.catalog.drill_history(&report.database, ALL_REPORTS).await?;
        Ok(newest(&all.reports, &keys))
    }
}

/// The newest certificate in these reports that one of these keys has signed.
fn newest(reports: &[DrillRecord], keys: &[PublicKey]) -> Option<Predecessor> {
    let certificates = reports.iter().filter_map(|report| report.certificate.as_ref());
    let mut opened = certificates.filter_map(|one| Certificate::open(&one.envelope, keys).ok());
    opened.next().map(|certificate| Predecessor {
        number: certificate.statement().predicate.chain.number,
        digest: certificate.link_digest(),
    })
}
