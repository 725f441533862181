//! What a restore that goes on makes once more: foreign keys and triggers of tables whose rows are still to come.
//!
//! A restore makes them behind the rows. They are there before, nevertheless, where one went on after rows that failed, or
//! where somebody has emptied a table since. A foreign key would refuse rows of which the others come later, and a trigger
//! would change them, or write others.

use std::collections::BTreeSet;

use super::{
    PreparedRestore,
    label::label,
    plan::RestorePlan,
    statement::{is_on, listed},
};
use crate::{
    archive::Entry,
    error::Result,
    operation::partitions::is_attached,
    postgres::{DatabaseUrl, DropStatements, Session},
};

/// Kinds that act when a row comes, and that the archive makes by statements of their own.
const ACT_ON_ROWS: &[&str] = &["FK CONSTRAINT", "TRIGGER"];

/// The number of objects that a remark names.
const NAMED: usize = 5;

impl RestorePlan {
    /// The ids of those among `there` that would act on rows which are not there yet.
    pub(super) fn in_the_way(&self, there: &BTreeSet<i32>) -> BTreeSet<i32> {
        let tables = self.tables_to_load(there);
        let is_of = |entry: &Entry, table: &Entry| entry.needs.contains(&table.id) && is_on(entry, table);
        self.kept_entries()
            .filter(|entry| ACT_ON_ROWS.contains(&entry.kind.raw()) && there.contains(&entry.id))
            .filter(|entry| tables.iter().any(|at| is_of(entry, &self.entries[*at])))
            .map(|entry| entry.id)
            .collect()
    }

    /// The positions of tables with rows that are not there, and of those that they are partitions of.
    fn tables_to_load(&self, there: &BTreeSet<i32>) -> BTreeSet<usize> {
        let by_id = self.by_id();
        let needed = |entry: &Entry| {
            let needs = entry.needs.iter().filter_map(|id| by_id.get(id).copied());
            needs
                .filter(|at| self.entries[*at].kind == "TABLE")
                .collect::<Vec<usize>>()
        };
        let is_to_come = |entry: &&Entry| {
            let place = (entry.schema.clone(), entry.name.clone());
            entry.kind == "TABLE DATA" && !there.contains(&entry.id) && self.tables_with_rows.contains(&place)
        };
        let rows = self.kept_entries().filter(is_to_come);
        let mut tables: BTreeSet<usize> = rows.flat_map(needed).collect();
        let attached: Vec<(usize, usize)> = self
            .entries
            .iter()
            .filter(|entry| entry.kind == "TABLE ATTACH")
            .filter_map(|attach| {
                let ends = needed(attach).into_iter();
                let (parts, wholes): (Vec<usize>, Vec<usize>) =
                    ends.partition(|at| is_attached(attach, &self.entries[*at]));
                Some((*parts.first()?, *wholes.first()?))
            })
            .collect();
        loop {
            let wholes = attached.iter().filter(|(part, _)| tables.contains(part));
            let more: Vec<usize> = wholes
                .map(|(_, whole)| *whole)
                .filter(|at| !tables.contains(at))
                .collect();
            if more.is_empty() {
                return tables;
            }
            tables.extend(more);
        }
    }
}

impl PreparedRestore<'_> {
    /// Drops what would act on the rows that are still to come, all or nothing.
    pub(super) async fn drop_remade(&self, remade: &BTreeSet<i32>, target: &DatabaseUrl) -> Result<()> {
        if remade.is_empty() {
            return Ok(());
        }
        let entries = self.plan.kept_entries().filter(|entry| remade.contains(&entry.id));
        let drops = DropStatements {
            encoding: self.plan.encoding.clone(),
            statements: entries.flat_map(|entry| entry.drop_statement().to_vec()).collect(),
            named: BTreeSet::new(),
            recreated: BTreeSet::new(),
        };
        let mut session = Session::connect(target).await?;
        session.drop_all(&drops).await?;
        session.close().await;
        Ok(())
    }

    /// What is dropped and made again, in words.
    pub(super) fn remark_on_remade(&self, remade: &BTreeSet<i32>) -> Option<String> {
        let entries = self.plan.kept_entries().filter(|entry| remade.contains(&entry.id));
        let names: Vec<String> = entries.map(label).collect();
        (!names.is_empty()).then(|| {
            format!(
                "these are there already and their tables have no rows yet: they are dropped, and made again behind the rows: \
                 {}",
                listed(names, NAMED)
            )
        })
    }
}
