//! What is known about a restore before it begins.

use std::collections::BTreeMap;

use super::{
    PreparedRestore,
    label::label,
    not_restored::NotRestored,
    reason::{Impact, SkipReason},
    report,
};
use crate::text::Untrusted;

/// An entry that will be left out.
pub(in crate::operation) struct LeftOut {
    /// Why, in words.
    pub(in crate::operation) why: Untrusted,
    /// Whether a drill can't prove it then. A platform's own objects are no part of the backup's worth.
    pub(in crate::operation) counts: bool,
}

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

    /// What will be left out, by the id of its entry.
    pub(in crate::operation) fn left_out_by_id(&self) -> BTreeMap<i32, LeftOut> {
        let name = |at: usize| label(&self.plan.entries[at]);
        let left_out = self.plan.left_out().map(|(entry, reason, impact)| {
            let is_of_scratch = matches!(reason, SkipReason::NoRole(_) | SkipReason::NoProvider(_));
            let left_out = LeftOut {
                why: reason.describe(name).into(),
                counts: impact == Impact::Loss || is_of_scratch,
            };
            (entry.id, left_out)
        });
        left_out.collect()
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
