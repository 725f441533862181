//! The verbs of certificates, as far as they take the bucket: those of its drills, and the keys that verify them.

use jiff::Timestamp;

use super::{Agent, connect::no_certificate_key, usage};
use crate::{
    backup::{DrillName, DrillRecord, Label},
    catalog::{Catalog, DrillObjects, Maker, ReportsRead},
    certificate::{Certificate, CertificateKey, ENVELOPE_BYTES_MAX, PublicKey},
    error::{Error, Result},
};

/// The most reports whose certificates are read.
const REPORTS_MAX: usize = 10_000;

/// The fewest characters that tell a drill.
const PART_CHARS_MIN: usize = 4;

/// Which certificate is meant.
#[derive(Debug, Clone, Copy)]
pub struct CertificateSelector<'a> {
    /// The id of a backup, the name of a drill, or a part of one; none or `latest` for the newest.
    pub id: Option<&'a str>,
    /// The label of its database; none for any.
    pub database: Option<&'a str>,
}

/// A certificate out of the bucket, whose signature was verified.
#[derive(Debug, Clone)]
pub struct StoredCertificate {
    /// The report that holds it.
    pub report: DrillRecord,
    /// The certificate, in the form without names.
    pub certificate: Certificate,
    /// Whether the key that signed it is still in use.
    pub key_retired: Option<Timestamp>,
}

/// A key that verifies certificates.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    /// The public key.
    pub key: PublicKey,
    /// The secret that it belongs to, in words that don't reveal it.
    pub belongs_to: String,
    /// The databases whose certificates it verifies.
    pub databases: Vec<Label>,
    /// When that secret was retired; none if it is in use.
    pub retired: Option<Timestamp>,
}

impl Agent {
    /// Finds a certificate and verifies it by the key that was in use when it was made.
    ///
    /// # Errors
    /// [`Error::NoSuchCertificate`], [`Error::Certificate`] if none of the keys at hand has signed it, and what the
    /// bucket refuses.
    pub async fn certificate(&self, selector: CertificateSelector<'_>) -> Result<StoredCertificate> {
        let wanted = Wanted::parse(selector.id)?;
        let catalog = self.catalog().await?;
        let mut newest: Option<StoredCertificate> = None;
        for label in self.labels(catalog, selector.database).await? {
            let found = self.interrupt.or(newest_of(catalog, &label, &wanted)).await?;
            let began = |stored: &StoredCertificate| stored.report.started;
            newest = match (newest, found) {
                (Some(one), Some(other)) if began(&one) >= began(&other) => Some(one),
                (one, other) => other.or(one),
            };
        }
        newest.ok_or_else(|| Error::NoSuchCertificate {
            wanted: selector.id.filter(|id| *id != "latest").unwrap_or_default().to_owned(),
            location: catalog.store().location().to_string(),
        })
    }

    /// Every certificate of the databases that are meant, the oldest of each first.
    ///
    /// # Errors
    /// As [`Agent::certificate`].
    pub async fn certificates(&self, database: Option<&str>) -> Result<Vec<StoredCertificate>> {
        let catalog = self.catalog().await?;
        let mut all = Vec::new();
        for label in self.labels(catalog, database).await? {
            let read = async {
                let makers = catalog.makers(&label).await?;
                let history = catalog.drill_history(&label, ReportsRead::Newest(REPORTS_MAX)).await?;
                for (key, error) in &history.unreadable {
                    tracing::warn!("{key} can't be read, and neither can its certificate: {error}");
                }
                let reports = history.reports.into_iter().rev();
                let opened = reports.filter_map(|report| opened(catalog, report, &makers).transpose());
                opened.collect::<Result<Vec<_>>>()
            };
            all.extend(self.interrupt.or(read).await?);
        }
        Ok(all)
    }

    /// The same certificate with what the drill found by name, signed by the same key.
    ///
    /// # Errors
    /// [`Error::Usage`] where only catalog keys are set, and what the bucket refuses; [`Error::Differs`] if the
    /// findings are lost.
    pub async fn with_names(&self, stored: &StoredCertificate) -> Result<Certificate> {
        self.check_key("name what a drill found")?;
        let catalog = self.catalog().await?;
        let findings = self.interrupt.or(catalog.drill_findings(&stored.report)).await?;
        let makers = self.interrupt.or(catalog.makers(&stored.report.database)).await?;
        let mut keys = makers.iter().map(|maker| CertificateKey::of(&maker.identity));
        let key = keys.find(|key| key.public() == stored.certificate.signer());
        let key = key.ok_or_else(|| Error::Internal("the key that verified a certificate is gone".to_owned()))?;
        let statement = stored.certificate.statement();
        let named = Certificate::sign(statement.with_names(stored.certificate.digest(), findings), &key);
        match named.envelope().to_json().len() <= ENVELOPE_BYTES_MAX {
            true => Ok(named),
            false => Err(usage(
                "with its names this certificate is longer than what is read anywhere",
                "get it without --names; `pgcoffer show --json` has the tables of the backup",
            )),
        }
    }

    /// The keys that verify certificates here: of each secret at hand one, those in use first.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no repository here yet, and what the bucket refuses.
    pub async fn verifying_keys(&self, database: Option<&str>) -> Result<Vec<VerifyingKey>> {
        let catalog = self.catalog().await?;
        if self.interrupt.or(catalog.repository_here()).await?.is_none() {
            return Err(no_certificate_key());
        }
        let mut labels = self.labels(catalog, database).await?;
        // a key verifies the certificates of databases that are still to come
        if labels.is_empty() {
            labels.extend(Label::parse("main").ok());
        }
        let mut keys: Vec<VerifyingKey> = Vec::new();
        for label in labels {
            for maker in self.interrupt.or(catalog.makers(&label)).await? {
                let key = CertificateKey::of(&maker.identity).public();
                match keys.iter_mut().find(|known| known.key == key) {
                    Some(known) => known.databases.push(label.clone()),
                    None => keys.push(VerifyingKey {
                        key,
                        belongs_to: maker.secret.describe(),
                        databases: vec![label.clone()],
                        retired: maker.retired(),
                    }),
                }
            }
        }
        keys.sort_by_key(|key| key.retired.is_some());
        Ok(keys)
    }
}

/// Which drill is meant.
enum Wanted<'a> {
    Latest,
    Part(&'a str),
}

impl<'a> Wanted<'a> {
    fn parse(id: Option<&'a str>) -> Result<Self> {
        let Some(text) = id.filter(|id| *id != "latest") else {
            return Ok(Self::Latest);
        };
        // as it stands in a listing of the bucket
        let name = text.rsplit('/').next().unwrap_or(text);
        let name = name.strip_suffix(".pgc").unwrap_or(name);
        let is_part = name.len() >= PART_CHARS_MIN && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match is_part {
            true => Ok(Self::Part(name)),
            false => Err(usage(
                format!("{text:?} is not the id of a backup or of a drill"),
                "give latest, a backup's id, or its beginning or end with 4 characters or more",
            )),
        }
    }

    /// Whether this drill is meant: by a part of its own name, or of the id of its backup.
    fn is(&self, name: &DrillName) -> bool {
        let Self::Part(part) = self else {
            return true;
        };
        let part = part.to_ascii_lowercase();
        let backup = name.id().as_str().to_ascii_lowercase();
        let own = name.as_str().to_ascii_lowercase();
        [backup, own]
            .iter()
            .any(|text| text.starts_with(&part) || text.ends_with(&part))
    }
}

/// The newest certificate of a database among the drills that are meant.
async fn newest_of(catalog: &Catalog, label: &Label, wanted: &Wanted<'_>) -> Result<Option<StoredCertificate>> {
    let names = catalog.drill_names(label).await?;
    let is_meant = |drill: &&DrillObjects| drill.report.is_some() && wanted.is(&drill.name);
    let meant: Vec<&DrillObjects> = names.drills.iter().filter(is_meant).take(REPORTS_MAX).collect();
    if let Wanted::Part(part) = wanted {
        check_one_backup(part, &meant)?;
    }
    if meant.is_empty() {
        return Ok(None);
    }
    let makers = catalog.makers(label).await?;
    for drill in meant {
        let report = catalog.open_report(label, drill).await?;
        if let Some(found) = opened(catalog, report, &makers)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Several drills of one backup are no doubt: the newest counts.
fn check_one_backup(part: &str, drills: &[&DrillObjects]) -> Result<()> {
    let Some(first) = drills.first() else {
        return Ok(());
    };
    match drills.iter().find(|drill| drill.name.id() != first.name.id()) {
        None => Ok(()),
        Some(other) => Err(usage(
            format!(
                "{part} may mean the drills of {} or of {}",
                first.name.id(),
                other.name.id()
            ),
            "give more of the id",
        )),
    }
}

/// The certificate in a report; none if it has none.
fn opened(catalog: &Catalog, report: DrillRecord, makers: &[Maker]) -> Result<Option<StoredCertificate>> {
    let Some(stored) = &report.certificate else {
        return Ok(None);
    };
    let keys: Vec<PublicKey> = makers
        .iter()
        .map(|maker| CertificateKey::of(&maker.identity).public())
        .collect();
    let certificate = Certificate::open(&stored.envelope, &keys).map_err(|source| Error::Certificate {
        object: catalog.report_key(&report.database, &report.name),
        source,
    })?;
    let signer = keys.iter().position(|key| *key == certificate.signer());
    Ok(Some(StoredCertificate {
        key_retired: signer.and_then(|at| makers[at].retired()),
        report,
        certificate,
    }))
}
