//! What something that is done is about.

use crate::backup::{BackupId, Label};

/// What an act is about.
#[derive(Debug, Default)]
pub(super) struct About<'a> {
    pub(super) database: Option<&'a Label>,
    pub(super) backup: Option<&'a BackupId>,
    pub(super) detail: Option<String>,
}

impl<'a> About<'a> {
    pub(super) fn database(label: &'a Label) -> Self {
        Self {
            database: Some(label),
            ..Self::default()
        }
    }

    pub(super) fn backup(label: &'a Label, id: &'a BackupId) -> Self {
        Self {
            backup: Some(id),
            ..Self::database(label)
        }
    }

    pub(super) fn saying(self, detail: String) -> Self {
        Self {
            detail: Some(detail),
            ..self
        }
    }
}
