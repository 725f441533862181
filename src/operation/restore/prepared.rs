//! What is known of a restore before it begins.

use super::{
    PreparedRestore,
    report::{self, NotRestored},
};
use crate::text::Untrusted;

impl PreparedRestore<'_> {
    /// What will be restored, in the archive's order, each as a person knows it.
    #[must_use]
    pub fn restored(&self) -> Vec<Untrusted> {
        report::restored(&self.plan)
    }

    /// Whether something will be missing, as far as it is known before.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.left_out().iter().any(|it| it.missing)
    }

    /// What will be left out, as far as it is known before.
    #[must_use]
    pub fn left_out(&self) -> Vec<NotRestored> {
        report::left_out(&self.plan)
    }

    /// What else is to be known before.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = report::remarks(&self.plan, self.request);
        remarks.extend(self.settings.warnings());
        remarks.extend(report::warnings_of_backup(self.record));
        remarks
    }
}
