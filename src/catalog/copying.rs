//! What copying from one place to another needs of both catalogs: sealed objects as they are, and what is there by name.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    Catalog,
    commit::COMMIT_ATTEMPTS,
    drills::DrillObjects,
    reading::{Expected, RECORD_OBJECT_BYTES_MAX},
    repository::RepositoryObject,
};
use crate::{
    backup::{BackupId, Label, Record, Tier},
    error::{Error, Result},
    seal::{Content, RepositoryId},
    store::{Attributes, Kind, Object},
};

/// What is in one database's part of a place, by names alone: only objects whose names one of the keys has made here.
#[derive(Debug, Default)]
pub struct Holdings {
    /// The records.
    pub records: BTreeMap<BackupId, Object>,
    /// The archives.
    pub archives: BTreeMap<(BackupId, Tier), Object>,
    /// The marks.
    pub marks: BTreeMap<BackupId, Object>,
    /// The number of objects whose names aren't ours.
    pub foreign: usize,
}

impl Holdings {
    /// Whether a backup is there, as far as names and lengths show: its record, and its archive with the right length.
    #[must_use]
    pub fn holds(&self, record: &Record) -> bool {
        let archive = self.archives.get(&(record.id.clone(), record.tier));
        let bytes = record.sealed.as_ref().map(crate::backup::Sealed::bytes);
        self.records.contains_key(&record.id) && archive.map(|object| object.bytes) == bytes
    }
}

impl Catalog {
    /// What is here of one database. Three lists, and nothing is opened.
    ///
    /// # Errors
    /// Any error of the place.
    pub async fn holdings(&self, database: &Label) -> Result<Holdings> {
        let names = self.database_names(database).await?.names;
        Ok(Holdings {
            records: names.records,
            archives: names.archives,
            marks: names.marks,
            foreign: names.foreign,
        })
    }

    /// Makes sure that this place belongs to the repository `id`, which is that of the backups that are copied here.
    /// Writes `repository.pgc` where there is none; in a folder only if `may_begin`, since a share that isn't mounted
    /// looks like an empty folder. Atomic; safe to repeat.
    ///
    /// # Errors
    /// [`Error::Usage`] if the place belongs to another repository, or is an empty folder that may not be begun; any
    /// error of the place.
    pub async fn begin_copies(&self, id: &RepositoryId, may_begin: bool) -> Result<()> {
        match self.read_repository().await? {
            RepositoryObject::Opens { id: found, .. } if found == *id => Ok(()),
            RepositoryObject::Opens { id: found, .. } => Err(Error::usage(
                format!(
                    "{} holds backups of repository {found}, and those that are to be copied are of {id}",
                    self.store.location()
                ),
                "give each repository a place of its own. Where the bucket was lost and a new repository was begun in \
                 it, set PGCOFFER_REPOSITORY to the one that the copies are of, and bring them back into an empty \
                 bucket or prefix by `pgcoffer copy --from NAME`",
            )),
            RepositoryObject::Refused(error) => Err(error),
            RepositoryObject::Missing if self.store.folder().is_some() && !may_begin => Err(Error::usage(
                format!("no copies are at {} yet", self.store.location()),
                "mount what belongs there, since a share that isn't mounted looks like an empty folder; a new place \
                 is begun by hand, once: `pgcoffer copy`, or `pgcoffer backup` in drop-box mode",
            )),
            RepositoryObject::Missing => match self.write_repository(id, false).await {
                // another run was first
                Err(Error::Store(error)) if error.kind == Kind::Exists => Ok(()),
                written => written,
            },
        }
    }

    /// The repository that this place belongs to, whatever is pinned; none where nothing was begun.
    ///
    /// # Errors
    /// Any error of the place; [`Error::Seal`] if its `repository.pgc` doesn't open.
    pub async fn repository_of_place(&self) -> Result<Option<RepositoryId>> {
        match self.read_repository().await? {
            RepositoryObject::Opens { id, .. } => Ok(Some(id)),
            RepositoryObject::Refused(error) => Err(error),
            RepositoryObject::Missing => Ok(None),
        }
    }

    /// The sealed entry of a backup as it is stored, after it was opened and found to be this record.
    ///
    /// # Errors
    /// Any error of the place; [`Error::Seal`] and [`Error::Differs`] if it is another one by now.
    pub async fn sealed_record(&self, record: &Record) -> Result<Bytes> {
        let key = self.record_key(&record.database, &record.id);
        let expected = Expected {
            database: Some(&record.database),
            name: record.id.as_str(),
            made: record.id.time(),
            content: Content::Record,
            bytes_max: RECORD_OBJECT_BYTES_MAX,
            sha256: None,
        };
        let (sealed, json) = self.read_sealed_whole(&key, &expected).await?;
        match Record::from_json(&json) {
            Ok(there) if there == *record => Ok(sealed),
            _ => Err(Error::differs(key, "it is another record than the one that was listed")),
        }
    }

    /// The sealed details of a backup as they are stored, after they were opened and found to be those that its record
    /// names. `None` if the run could not write any.
    ///
    /// # Errors
    /// Any error of the place, also if they are gone; [`Error::Seal`] and [`Error::Differs`] if they are damaged.
    pub async fn sealed_details(&self, record: &Record) -> Result<Option<Bytes>> {
        if record.details_bytes == 0 {
            return Ok(None);
        }
        let key = self.details_key(&record.database, &record.id);
        let expected = Expected {
            database: Some(&record.database),
            name: record.id.as_str(),
            made: record.id.time(),
            content: Content::Details,
            bytes_max: record.details_bytes,
            sha256: Some(&record.details_sha256),
        };
        let (sealed, _) = self.read_sealed_whole(&key, &expected).await?;
        Ok(Some(sealed))
    }

    /// Writes a small sealed object that was read from another place. One that is there already and has the same bytes
    /// is not written again; other bytes under a name of ours are replaced, since what is copied was checked. Atomic,
    /// retried for minutes, safe to cancel.
    ///
    /// # Errors
    /// Any error of the place.
    pub async fn put_copy(&self, key: &str, sealed: Bytes, attributes: &Attributes) -> Result<()> {
        let written = self.put_sealed(key, sealed.clone(), attributes, COMMIT_ATTEMPTS).await;
        match written {
            Err(Error::Store(error)) if error.kind == Kind::Exists => {
                let Some(etag) = self.store.head(key).await?.and_then(|object| object.etag) else {
                    return Err(error.into());
                };
                Ok(self.store.replace(key, sealed, attributes, &etag).await?)
            }
            written => written,
        }
    }

    /// Copies the report of a drill and what it found, if the report opens. What is here already is left. Gives whether
    /// anything was copied.
    ///
    /// # Errors
    /// Any error of either place; [`Error::Seal`] and [`Error::Differs`] for what is not the report under its name.
    pub async fn copy_drill(&self, to: &Self, database: &Label, drill: &DrillObjects) -> Result<bool> {
        let Some(object) = &drill.report else {
            return Ok(false);
        };
        let to_key = to.report_key(database, &drill.name);
        if to.store.head(&to_key).await?.is_some() {
            return Ok(false);
        }
        let report = self.open_report(database, drill).await?;
        if let Some(findings) = drill.findings.as_ref().filter(|_| report.findings_bytes > 0) {
            // opened, as what doesn't open is no finding
            self.drill_findings(&report).await?;
            let bytes = self.store.read(&findings.key, report.findings_bytes).await?;
            let is_it = super::reading::sha256_hex(&bytes) == report.findings_sha256.raw();
            let key = to.drill_key(database, &drill.name, super::drills::FINDINGS);
            match is_it {
                true => to.put_copy(&key, bytes, &Attributes::default()).await?,
                false => return Err(self.store.inconsistent(&findings.key, "it").into()),
            }
        }
        let expected = self.expected_report(database, drill);
        let (sealed, _) = self.read_sealed_whole(&object.key, &expected).await?;
        to.put_copy(&to_key, sealed, &Attributes::default()).await?;
        Ok(true)
    }
}
