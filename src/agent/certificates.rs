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
    /// The id of a backup, the name of a drill, a part of one, or the number of a certificate; none or `latest` for the
    /// newest.
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

impl StoredCertificate {
    /// Its number in the chain of its database.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.certificate.statement().predicate.chain.number
    }
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
        let labels = self.labels(catalog, selector.database).await?;
        if let Wanted::Number(number) = wanted {
            let found = self.interrupt.or(numbered(catalog, &labels, number)).await?;
            return match found {
                Some(found) => Ok(found),
                None => Err(self.no_certificate(catalog, selector).await),
            };
        }
        let mut newest: Option<StoredCertificate> = None;
        for label in labels {
            let found = self.interrupt.or(newest_of(catalog, &label, &wanted)).await?;
            let began = |stored: &StoredCertificate| stored.report.started;
            newest = match (newest, found) {
                (Some(one), Some(other)) if began(&one) >= began(&other) => Some(one),
                (one, other) => other.or(one),
            };
        }
        match newest {
            Some(found) => Ok(found),
            None => Err(self.no_certificate(catalog, selector).await),
        }
    }

    /// That there is none, with the databases that there are where another one was asked for.
    async fn no_certificate(&self, catalog: &Catalog, selector: CertificateSelector<'_>) -> Error {
        let databases = self.interrupt.or(catalog.databases()).await.unwrap_or_default();
        let is_there = |name: &str| databases.iter().any(|label| label.as_str() == name);
        let hint = match selector.database {
            Some(name) if !is_there(name) && !databases.is_empty() => {
                let names: Vec<&str> = databases.iter().map(Label::as_str).collect();
                Some(format!(
                    "no database of that name has backups here; there are: {}",
                    names.join(", ")
                ))
            }
            _ => None,
        };
        let id = selector.id.filter(|id| *id != "latest");
        let wanted = match (id, selector.database) {
            (Some(id), Some(database)) => format!("{id} of {database}"),
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => String::new(),
        };
        Error::NoSuchCertificate {
            wanted,
            location: catalog.store().location().to_string(),
            hint,
        }
    }

    /// Every certificate of the databases that are meant, in the order of their numbers.
    ///
    /// # Errors
    /// As [`Agent::certificate`].
    pub async fn certificates(&self, database: Option<&str>) -> Result<Vec<StoredCertificate>> {
        let catalog = self.catalog().await?;
        let mut all = Vec::new();
        for label in self.labels(catalog, database).await? {
            let read = async {
                let mut all = all_of(catalog, &label).await?;
                all.sort_by_key(|stored| (stored.number(), stored.report.started));
                Ok::<_, Error>(all)
            };
            all.extend(self.interrupt.or(read).await?);
        }
        if all.is_empty() && database.is_some() {
            let selector = CertificateSelector { id: None, database };
            if let error @ Error::NoSuchCertificate { hint: Some(_), .. } = self.no_certificate(catalog, selector).await
            {
                return Err(error);
            }
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
    /// The number of a certificate.
    Number(u64),
}

impl<'a> Wanted<'a> {
    fn parse(id: Option<&'a str>) -> Result<Self> {
        let Some(text) = id.filter(|id| *id != "latest") else {
            return Ok(Self::Latest);
        };
        // ids begin with a year, of which a part is longer
        if text.len() < PART_CHARS_MIN
            && let Ok(number) = text.parse::<u64>()
        {
            return Ok(Self::Number(number));
        }
        // as it stands in a listing of the bucket
        let name = text.rsplit('/').next().unwrap_or(text);
        let name = name.strip_suffix(".pgc").unwrap_or(name);
        let is_part = name.len() >= PART_CHARS_MIN && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match is_part {
            true => Ok(Self::Part(name)),
            false => Err(usage(
                format!("{text:?} is not the id of a backup or of a drill"),
                "give latest, the number of a certificate, a backup's id, or its beginning or end with 4 characters or more",
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
    // those of a clock that was ahead come last: there is nothing else then, or they are asked for
    let meant: Vec<&DrillObjects> = names.all().filter(is_meant).take(REPORTS_MAX).collect();
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

/// Every certificate of a database, also those whose drills are dated by a clock that was ahead.
async fn all_of(catalog: &Catalog, label: &Label) -> Result<Vec<StoredCertificate>> {
    let makers = catalog.makers(label).await?;
    let names = catalog.drill_names(label).await?.with_ahead();
    let history = catalog
        .read_reports(label, &names, ReportsRead::Newest(REPORTS_MAX))
        .await?;
    for (key, error) in &history.unreadable {
        tracing::warn!("{key} can't be read, and neither can its certificate: {error}");
    }
    let reports = history.reports.into_iter();
    let opened = reports.filter_map(|report| opened(catalog, report, &makers).transpose());
    opened.collect()
}

/// The certificate with this number; no database's where none has it.
async fn numbered(catalog: &Catalog, labels: &[Label], number: u64) -> Result<Option<StoredCertificate>> {
    let mut found: Vec<StoredCertificate> = Vec::new();
    for label in labels {
        let all = all_of(catalog, label).await?;
        found.extend(all.into_iter().filter(|stored| stored.number() == number));
    }
    if let [one, other, ..] = found.as_slice() {
        let (one, other) = (&one.report, &other.report);
        return Err(match one.database == other.database {
            true => usage(
                format!("two certificates of {} have the number {number}", one.database),
                format!("give the name of the drill: {} or {}", one.name, other.name),
            ),
            false => usage(
                format!(
                    "{} and {} both have a certificate {number}",
                    one.database, other.database
                ),
                "add --database NAME",
            ),
        });
    }
    Ok(found.pop())
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
