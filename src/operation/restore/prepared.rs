//! What is known about a restore before it begins.

use super::{PreparedRestore, not_restored::NotRestored, report};
use crate::text::Untrusted;

impl PreparedRestore<'_> {
    /// The labels of everything that will be restored, in the archive's order.
    #[must_use]
    pub fn restored(&self) -> Vec<Untrusted> {
        report::restored(&self.plan)
    }

    /// Whether everything of the backup will be in the target, as far as is known before the restore.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.left_out().iter().any(|it| it.missing)
    }

    /// What will be left out, as far as is known before the restore.
    #[must_use]
    pub fn left_out(&self) -> Vec<NotRestored> {
        report::left_out(&self.plan)
    }

    /// What else the user should know before the restore.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = report::remarks(&self.plan, self.request);
        remarks.extend(self.settings.warnings());
        remarks.extend(self.warnings_of_backup());
        remarks
    }

    /// Warnings of the run that made the backup.
    pub(super) fn warnings_of_backup(&self) -> Vec<String> {
        report::warnings_of_backup(self.record, self.details.as_ref())
    }
}
