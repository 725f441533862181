//! The file that node_exporter reads, written after every verb that may have changed what it says.

use std::{io, path::Path};

use super::Agent;
use crate::{
    backup::Label,
    catalog::Catalog,
    metrics::{DatabaseMetrics, Snapshot, write_textfile},
    operation::{self, Health},
    text::os_words,
};

impl Agent {
    /// Writes `PGCOFFER_METRICS_FILE`, where it is set: every configured database, as `seen` or as it is seen now.
    /// Nothing that fails here fails a backup.
    pub(super) async fn write_metrics(&self, catalog: &Catalog, seen: &[Health]) {
        let Some(file) = &self.config.serving.metrics_file else {
            return;
        };
        if catalog.store().writes_only() {
            tracing::warn!("PGCOFFER_METRICS_FILE: in drop-box mode nothing can be seen that it could tell");
            return;
        }
        let mut databases = Vec::new();
        for database in &self.config.databases {
            let found = seen.iter().find(|health| health.database == database.label);
            let health = match found {
                Some(health) => Some(health.clone()),
                None => self.look(catalog, &database.label).await,
            };
            databases.push(DatabaseMetrics {
                database: database.label.clone(),
                look_succeeded: health.is_some(),
                may_look: true,
                health,
            });
        }
        if databases.iter().all(|known| known.health.is_none()) {
            tracing::warn!("nothing could be seen: {} stays as it was", file.display());
            return;
        }
        let snapshot = Snapshot {
            databases,
            rounds: None,
        };
        write_metrics_file(file, &snapshot);
    }

    /// How one database stands; none where that can't be seen, or nobody waits for it any more.
    async fn look(&self, catalog: &Catalog, label: &Label) -> Option<Health> {
        let expected = self.expected_of(label);
        let look = operation::status(catalog, label, expected.borrowed(), self.clock.now());
        match self.interrupt.or(look).await {
            Ok(mut health) => {
                let places = self.places_of(catalog, label).await.ok()?;
                self.add_places(&mut health, places);
                Some(health)
            }
            Err(error) => {
                tracing::warn!(database = %label, "no metrics of it: {error}");
                None
            }
        }
    }
}

/// Writes a snapshot into the file; a failure stands in the log alone.
pub(crate) fn write_metrics_file(file: &Path, snapshot: &Snapshot) {
    if let Err(error) = write_textfile(file, snapshot) {
        let (hint, why) = (hint_of_writing(error.kind()), os_words(&error));
        tracing::warn!(hint, "PGCOFFER_METRICS_FILE: can't write {}: {why}", file.display());
    }
}

fn hint_of_writing(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space there, or name another folder",
        io::ErrorKind::ReadOnlyFilesystem => "name a folder that can be written to",
        _ => "the folder must exist, and the user who runs pgcoffer must be allowed to write there",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_missing_folder() {
        assert!(hint_of_writing(io::ErrorKind::StorageFull).contains("free some space"));
        assert!(hint_of_writing(io::ErrorKind::NotFound).contains("the folder must exist"));
    }
}
