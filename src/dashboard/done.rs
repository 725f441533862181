//! What came of something that was done.

use crate::backup::{BackupId, Label};

/// What came of it.
pub(super) struct Done {
    pub(super) sentences: Vec<String>,
    /// The backup that it was about, or that was made.
    pub(super) backup: Option<BackupId>,
    /// Where it is shown.
    pub(super) path: Option<String>,
}

/// One sentence about a database, or about one backup of it.
pub(super) fn done(label: &Label, id: Option<&BackupId>, sentence: String) -> Done {
    let path = match id {
        Some(id) => format!("/databases/{label}/backups/{id}"),
        None => format!("/databases/{label}"),
    };
    Done {
        sentences: vec![sentence],
        backup: id.cloned(),
        path: Some(path),
    }
}
