//! What is known about a restore before it begins.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    PreparedRestore,
    label::label,
    not_restored::NotRestored,
    reason::{Impact, SkipReason},
    remarks, report, unsuitable,
};
use crate::{
    backup::{FindingReason, Globals},
    error::{Error, Result},
    operation::part::ReadBytes,
    text::Untrusted,
};

/// An entry that will be left out.
pub(in crate::operation) struct LeftOut {
    /// Why, in words.
    pub(in crate::operation) why: Untrusted,
    /// The same without a name.
    pub(in crate::operation) reason: FindingReason,
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
        let own: BTreeMap<i32, FindingReason> = self
            .plan
            .left_out()
            .map(|(entry, reason, _)| (entry.id, reason.without_names()))
            .collect();
        let root = |reason: &SkipReason| match reason {
            SkipReason::Needs(at) => own.get(&self.plan.entries[*at].id).copied().unwrap_or_default(),
            reason => reason.without_names(),
        };
        let left_out = self.plan.left_out().map(|(entry, reason, impact)| {
            let is_of_scratch = matches!(reason, SkipReason::NoRole(_) | SkipReason::NoProvider(_));
            let left_out = LeftOut {
                why: reason.describe(name).into(),
                reason: root(reason),
                counts: impact == Impact::Loss || is_of_scratch,
            };
            (entry.id, left_out)
        });
        left_out.collect()
    }

    /// What else the user should know before the restore.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = remarks::remarks(&self.plan, self.request);
        remarks.extend(self.remarks_on_part());
        remarks.extend(self.settings.warnings());
        remarks.extend(self.warnings_of_backup());
        remarks
    }

    /// Warnings of the run that made the backup.
    pub(super) fn warnings_of_backup(&self) -> Vec<String> {
        report::warnings_of_backup(self.record, self.archive.details.as_ref())
    }

    /// Remarks about a part: what has to do with it and isn't restored, and how much is read for it.
    pub(super) fn remarks_on_part(&self) -> Vec<String> {
        let plan = &self.plan;
        let mut remarks: Vec<String> = self.beside.iter().map(|beside| beside.remark.clone()).collect();
        if self.beside.is_none() {
            remarks.extend(plan.beside_the_part());
            remarks.extend(plan.inherits_from_target());
            remarks.extend(plan.names_large_objects());
        }
        let is_part = !self.request.only.is_empty();
        if let Some(why) = self.archive.whole_reason().filter(|_| is_part) {
            remarks.push(format!("the whole archive is read for this part, as {why}"));
        }
        remarks.extend(self.remarks_on_jobs.iter().cloned());
        remarks
    }

    /// What prevents the restore, which only a preview goes on to tell.
    #[must_use]
    pub fn refusal(&self) -> Option<Error> {
        let problems = &self.plan.problems;
        (!problems.is_empty()).then(|| unsuitable(self.request, problems.clone()))
    }

    /// The roles of the backed-up server, if the backup has them.
    pub(super) fn globals(&self) -> Option<&Globals> {
        self.archive.details.as_ref()?.globals.as_deref()
    }

    /// The entity tag of the archive that is restored, if the place gave one.
    pub(in crate::operation) fn etag(&self) -> Option<Untrusted> {
        self.archive.etag().map(Untrusted::from)
    }

    /// The ids of the entries whose rows are restored.
    pub(super) fn row_ids(&self) -> BTreeSet<i32> {
        match &self.beside {
            Some(beside) => beside.rows.clone(),
            None => self.plan.kept_rows(),
        }
    }

    /// How many tables get rows. Large objects are no table, and the partitions of one table come beside into one.
    pub(super) fn row_tables(&self) -> usize {
        let ids = self.row_ids();
        let rows = self.plan.entries.iter().filter(|entry| ids.contains(&entry.id));
        let tables = rows.filter(|entry| entry.kind == "TABLE DATA").count();
        match self.beside {
            Some(_) => tables.min(1),
            None => tables,
        }
    }

    /// Bytes of the archive in the bucket that are read, and of the whole.
    pub(super) fn read_bytes(&self) -> Result<ReadBytes> {
        match &self.parallel {
            Some(parallel) => Ok(parallel.read_bytes()),
            None => self.archive.read_bytes(&self.row_ids()),
        }
    }
}
