//! Writes what becomes of a drill: its turn, that it has begun, what it found, and last its report.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use jiff::Timestamp;

use super::{
    Catalog, Maker,
    commit::COMMIT_ATTEMPTS,
    drills::{BEGUN, FINDINGS, FOLDER},
    reading::{DETAILS_LEVEL, sha256_hex},
};
use crate::{
    backup::{DrillFindings, DrillName, DrillRecord, Label, TurnName},
    compress,
    error::{Error, Result},
    seal::{self, Content, PayloadCompression, Secret, Subject},
    store::{Attributes, Claim, Kind},
    text::Untrusted,
};

/// No lifecycle rule of ours selects reports, and who drills needs no right to tag.
const WITHOUT_TAGS: Attributes = Attributes {
    tags: Vec::new(),
    locked_until: None,
};

/// The number of attempts to take a name, of which nothing is lost.
const BEGIN_ATTEMPTS: u32 = 3;

/// Whether a turn could be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillTurn {
    /// It is ours.
    Ours,
    /// Another machine has it.
    Taken,
}

impl Catalog {
    /// The key with which a drill that begins now is reported: the first one in use that also opens archives.
    ///
    /// # Errors
    /// As [`Catalog::makers`]; [`Error::Usage`] if there is none.
    pub async fn drill_maker(&self, database: &Label) -> Result<Maker> {
        let makers = self.makers(database).await?.into_iter();
        let mut in_use = makers.filter(|maker| maker.is_in_use() && !maker.secret.is_catalog_key());
        in_use.next().ok_or_else(|| {
            Error::usage(
                format!("no key in use can seal the report of a drill of {database}"),
                "set PGCOFFER_KEY: a key that was retired seals nothing any more",
            )
        })
    }

    /// Takes the turn of an attempt at the drill that was due at `due`, so that no two machines carry it out. Atomic. A
    /// service that can't do that gives it to everybody.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn take_drill_turn(&self, database: &Label, due: Timestamp, attempt: u32) -> Result<DrillTurn> {
        let maker = self.drill_maker(database).await?;
        let name = TurnName::of_drill(&maker.identity, database, due, attempt);
        let below = format!("{database}/{FOLDER}/{}", name.as_str());
        let key = self.store.location().key(&below);
        let body = format!("the turn of the drill of {database} that was due at {due} is taken\n");
        match self.store.claim(&key, Bytes::from(body)).await {
            Ok(Claim::Taken) => Ok(DrillTurn::Ours),
            Ok(Claim::Held) => Ok(DrillTurn::Taken),
            Err(error) if error.kind == Kind::Unsupported => Ok(DrillTurn::Ours),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the name of a drill before it begins, so that one that is killed is known as well. It also shows whether
    /// the bucket takes reports. Atomic, retried, safe to cancel.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn begin_drill(&self, database: &Label, name: &DrillName) -> Result<()> {
        let key = self.drill_key(database, name, BEGUN);
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|e| Error::Internal(format!("no random bytes: {e}")))?;
        // another drill of the same second writes another text: by the text a lost answer is told from a taken name
        let mark = HEXLOWER.encode(&random);
        let body = format!(
            "a drill of {} of {database} began at {} ({mark})\n",
            name.id(),
            name.began()
        );
        self.put_sealed(&key, Bytes::from(body), &WITHOUT_TAGS, BEGIN_ATTEMPTS)
            .await
    }

    /// Seals and writes the findings and then the report, which may not exist yet, and completes the report with what
    /// it says of its findings. Each write is atomic, retried for minutes and safe to cancel. If the findings can't be
    /// written, the report is written without them.
    ///
    /// # Errors
    /// Any error of the bucket, or [`Error::Seal`] if the system has no random bytes.
    pub async fn commit_drill(&self, report: &mut DrillRecord, findings: &DrillFindings, maker: &Maker) -> Result<()> {
        let payload = self.seal_findings(report, findings, &maker.secret)?;
        let key = self.drill_key(&report.database, &report.name, FINDINGS);
        (report.findings_bytes, report.findings_sha256) = (payload.len() as u64, sha256_hex(&payload).into());
        let written = self.put_sealed(&key, payload, &WITHOUT_TAGS, COMMIT_ATTEMPTS).await;
        if let Err(error) = written {
            tracing::warn!("what the drill found is not in the bucket: {error}");
            (report.findings_bytes, report.findings_sha256) = (0, Untrusted::default());
        }
        let key = self.report_key(&report.database, &report.name);
        let compression = PayloadCompression::None;
        let sealed = sealed(report, (Content::Drill, compression), &maker.secret, &report.to_json());
        let sealed = sealed.map_err(|e| Error::seal(&key, e))?;
        self.put_sealed(&key, sealed, &WITHOUT_TAGS, COMMIT_ATTEMPTS).await
    }

    fn seal_findings(&self, report: &DrillRecord, findings: &DrillFindings, secret: &Secret) -> Result<Bytes> {
        let mut payload = compress::Writer::new(DETAILS_LEVEL);
        findings
            .write_json(report.repository, &report.name, &report.database, &mut payload)
            .map_err(|e| Error::Compress(compress::Error::Compress(e)))?;
        let payload = payload.finish().map_err(Error::Compress)?;
        let compression = PayloadCompression::Zstd;
        sealed(report, (Content::Findings, compression), secret, &payload).map_err(|e| {
            let key = self.drill_key(&report.database, &report.name, FINDINGS);
            Error::seal(key, e)
        })
    }
}

fn sealed(
    report: &DrillRecord,
    (content, compression): (Content, PayloadCompression),
    secret: &Secret,
    payload: &[u8],
) -> std::result::Result<Bytes, seal::Error> {
    let subject = Subject {
        repository: &report.repository,
        backup: report.name.as_str(),
        content,
        compression,
        database: report.database.as_str(),
    };
    seal::seal_bytes(&subject, std::slice::from_ref(secret), payload).map(Bytes::from)
}
