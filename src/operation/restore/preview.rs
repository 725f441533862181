//! What a restore would do, before anything is touched.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    PreparedRestore,
    estimate::{RestoreEstimate, estimate},
    not_restored::NotRestored,
    reason::SkipReason,
};
use crate::{
    backup::{BackupId, Label, TableFingerprint},
    catalog::Catalog,
    error::{Result, TargetProblem},
    text::Untrusted,
};

/// What a restore would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RestorePreview {
    /// The backup's id.
    pub id: BackupId,
    /// The label of the backup's database.
    pub database: Label,
    /// The target as user@host:port/name.
    pub target: String,
    /// Whether everything of the backup, or of the part, would be in the target.
    pub complete: bool,
    /// Tables whose rows would be restored.
    pub tables: u64,
    /// Their rows; none where the details are lost.
    pub rows: Option<u64>,
    /// Bytes of their rows in COPY's text form.
    pub row_bytes: Option<u64>,
    /// The length of pg_dump's archive in bytes.
    pub dump_bytes: u64,
    /// Bytes of the archive in the bucket that would be read, at most.
    pub read_bytes: u64,
    /// Bytes of the archive in the bucket.
    pub stored_bytes: u64,
    /// How long it may take; none where no drill was measured.
    pub estimate: Option<RestoreEstimate>,
    /// The server version that was backed up.
    pub source_version: Option<Untrusted>,
    /// The major version of the target's server.
    pub target_major: u32,
    /// What the target lacks.
    pub lacks: Lacks,
    /// What prevents the restore.
    pub problems: Vec<TargetProblem>,
    /// The labels of everything that would be restored.
    pub restored: Vec<Untrusted>,
    /// What would be left out.
    pub left_out: Vec<NotRestored>,
    /// What else the user should know.
    pub remarks: Vec<String>,
}

/// What of the backup's surroundings a target lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lacks {
    /// Whether its server is of an older major version than the one that was backed up.
    pub major: bool,
    /// Extensions that can't be created, with the server's reason.
    pub extensions: Vec<(Untrusted, Untrusted)>,
    /// Roles that are named and don't exist.
    pub roles: Vec<Untrusted>,
    /// Tablespaces that don't exist or can't be used.
    pub tablespaces: Vec<Untrusted>,
}

impl Lacks {
    /// Whether it lacks nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl PreparedRestore<'_> {
    /// What it would do. How long that may take is asked of the bucket; where it can't be seen, that is no error.
    ///
    /// # Errors
    /// [`crate::Error::Differs`] where the details can't be true.
    pub async fn preview(&self, catalog: &Catalog) -> Result<RestorePreview> {
        let (record, plan) = (self.record, &self.plan);
        let tables = self.tables_with_rows();
        let read = self.read_bytes()?;
        let sum = |figure: fn(&TableFingerprint) -> u64| {
            tables
                .as_ref()
                .map(|tables| tables.iter().map(|it| figure(it)).sum::<u64>())
        };
        let dump_bytes = record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes);
        let row_bytes = sum(|table| table.bytes);
        // all of the archive, or the rows of the part
        let restored_bytes = row_bytes
            .filter(|_| !self.request.only.is_empty())
            .unwrap_or(dump_bytes);
        Ok(RestorePreview {
            id: record.id.clone(),
            database: record.database.clone(),
            target: self.request.target.to_string(),
            complete: self.is_complete() && plan.problems.is_empty(),
            tables: self.row_tables() as u64,
            rows: sum(|table| table.rows),
            row_bytes,
            dump_bytes,
            read_bytes: read.read,
            stored_bytes: read.of,
            estimate: estimate(catalog, &record.database, restored_bytes).await,
            source_version: record.source.as_ref().map(|source| source.server.version.clone()),
            target_major: self.server_major,
            lacks: self.lacks(),
            problems: plan.problems.clone(),
            restored: self.restored(),
            left_out: self.left_out(),
            remarks: self.remarks(),
        })
    }

    /// What the details say of the tables whose rows are restored; none where they are lost.
    fn tables_with_rows(&self) -> Option<Vec<&TableFingerprint>> {
        let details = self.archive.details.as_ref()?;
        let is_kept: Box<dyn Fn(&TableFingerprint) -> bool> = match &self.beside {
            Some(beside) => Box::new(|table| beside.tables.contains(&(table.schema.clone(), table.name.clone()))),
            None => {
                let renamed = &self.plan.renamed;
                let rows = self.plan.kept_entries().filter(|entry| entry.has_data);
                let kept: BTreeSet<(Untrusted, Untrusted)> =
                    rows.map(|entry| (entry.schema.clone(), entry.name.clone())).collect();
                Box::new(move |table| {
                    let place = (table.schema.clone(), table.name.clone());
                    kept.contains(renamed.get(&place).unwrap_or(&place))
                })
            }
        };
        Some(details.tables.iter().filter(|table| is_kept(table)).collect())
    }

    /// Whether the target's server is older than the one that was backed up.
    pub(super) fn is_into_older(&self) -> bool {
        let source = self.record.source.as_ref();
        source.is_some_and(|source| source.server.major > self.server_major)
    }

    fn lacks(&self) -> Lacks {
        let plan = &self.plan;
        let extensions = plan
            .entries
            .iter()
            .zip(&plan.reasons)
            .filter_map(|(entry, reason)| match reason {
                Some(SkipReason::NoExtension(missing)) => Some((entry.name.clone(), missing.why.first_line())),
                _ => None,
            });
        Lacks {
            major: self.is_into_older(),
            extensions: extensions.collect(),
            roles: plan.missing_roles.iter().map(|role| Untrusted::from(&**role)).collect(),
            tablespaces: plan.missing_tablespaces.iter().cloned().collect(),
        }
    }
}
