//! Partitions whose rows a dump sends by way of the partitioned table.
//!
//! pg_dump does so where the partitions are made by the hash of a value that another server hashes in another way, such
//! as one of an enum: `COPY root`, and each row goes where it belongs there. So with such a partition alone the rows would
//! go into the root of the target, which is not part of what is restored.
//! <https://www.postgresql.org/docs/current/app-pgdump.html> (`--load-via-partition-root`)

use super::{label::label, parallel::copied_table, plan::RestorePlan};
use crate::{
    archive::Entry,
    error::TargetProblem,
    operation::{TableName, table_name::full_name},
};

impl RestorePlan {
    /// The problem that rows of the part would go into a table that is no part of it.
    pub(super) fn check_routed_rows(&mut self) {
        if self.own.is_empty() {
            return;
        }
        let kept = self.own.iter().filter(|at| self.reasons[**at].is_none());
        let routed = kept.map(|at| &self.entries[*at]).find_map(|rows| {
            let root = rows_root(rows, &self.entries)?;
            (!self.own.contains(&root)).then(|| (label(rows), full_name(&self.entries[root])))
        });
        if let Some((rows, root)) = routed {
            self.problems.push(TargetProblem {
                what: format!(
                    "{rows} can't be restored without {root}: in the dump they go into {root}, which sends each row to \
                     its partition"
                ),
                cure: format!(
                    "restore {root} by --table, with all of its partitions; or give --as NAME, which restores the rows \
                     of this partition as a table of that name"
                ),
            });
        }
    }
}

/// The partitioned table by way of which these rows come, by its place among the entries; none where they go into their
/// own table.
pub(in crate::operation) fn rows_root(rows: &Entry, entries: &[Entry]) -> Option<usize> {
    let copied: TableName = copied_table(rows)?.parse().ok()?;
    let is_copied = |entry: &Entry| {
        let schema = copied.schema.as_deref();
        copied.name == entry.name.raw() && schema.is_none_or(|schema| schema == entry.schema.raw())
    };
    match is_copied(rows) {
        true => None,
        false => entries
            .iter()
            .position(|entry| entry.kind == "TABLE" && is_copied(entry)),
    }
}
