//! Rows that can't be restored, and what depends on them.

use std::collections::BTreeSet;

use super::{
    plan::{PlanOptions, RestorePlan},
    reason::{RowRefusal, SkipReason},
    replaced::place,
};
use crate::{
    archive::Entry,
    postgres::{ExtensionTable, ObjectIdentity, TargetFacts},
};

impl RestorePlan {
    /// Leaves out foreign keys to rows that are not restored, and rows of tables that would lack row level security.
    pub(super) fn check_row_dependencies(&mut self) {
        let by_id = self.by_id();
        let place = |entry: &Entry| (entry.schema.clone(), entry.name.clone());
        let of_kind = |kind: &'static str| {
            let left = self.left_out().filter(move |(entry, _, _)| entry.kind == kind);
            left.map(|(entry, reason, _)| (place(entry), reason.clone()))
                .collect::<Vec<_>>()
        };
        let open: BTreeSet<_> = of_kind("ROW SECURITY")
            .into_iter()
            .filter(|(_, reason)| *reason == SkipReason::OwnedByOther)
            .map(|(place, _)| place)
            .collect();
        let mut away: BTreeSet<_> = of_kind("TABLE DATA").into_iter().map(|(place, _)| place).collect();
        away.extend(open.iter().cloned());
        away.retain(|place| self.tables_with_rows.contains(place));
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let refers = |id: &i32| {
                by_id.get(id).is_some_and(|at| {
                    let need = &self.entries[*at];
                    ["TABLE", "CONSTRAINT"].contains(&need.kind.raw())
                        && away.iter().any(|(schema, name)| {
                            let own = need.name.raw().strip_prefix(name.raw());
                            *schema == need.schema && own.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
                        })
                })
            };
            let reason = match entry.kind.raw() {
                "TABLE DATA" if open.contains(&place(entry)) => SkipReason::OwnedByOther,
                "FK CONSTRAINT" if entry.needs.iter().any(refers) => SkipReason::NoReferencedRows,
                _ => continue,
            };
            if self.reasons[at].is_none() {
                self.reasons[at] = Some(reason);
            }
        }
    }

    /// Decides about rows of tables that an extension creates, of which the archive has no definition. They are
    /// restored as into a new extension: beside the rows that its script inserts, and instead of rows that were added
    /// since.
    pub(super) fn check_extension_rows(&mut self, facts: &TargetFacts, options: &PlanOptions<'_>) {
        let dropped: BTreeSet<ObjectIdentity> = self.kept_entries().filter_map(place).collect();
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            if !self.extension_rows.contains(&entry.id) || self.reasons[at].is_some() {
                continue;
            }
            let key = (entry.schema.raw().to_owned(), entry.name.raw().to_owned());
            let reason = match facts.extension_tables.get(&key) {
                Some(table) => rows_of(table, facts, options, &dropped),
                // one of the unknown extensions may create it
                None if !facts.unknown_extensions.is_empty() => None,
                None => Some(SkipReason::TakesNoRows(RowRefusal::NoTable)),
            };
            let replaced = facts.extension_tables.get(&key);
            if let Some(table) = replaced.filter(|table| reason.is_none() && table.has_rows) {
                self.row_deletes.push(table.emptied(&key.0, &key.1));
                self.replaced_row_tables.push(super::label::label(entry));
            }
            self.reasons[at] = reason;
        }
    }
}

/// Why a table or sequence of an extension can't take the backup's rows.
fn rows_of(
    table: &ExtensionTable,
    facts: &TargetFacts,
    options: &PlanOptions<'_>,
    dropped: &BTreeSet<ObjectIdentity>,
) -> Option<SkipReason> {
    if !table.may_insert {
        return Some(SkipReason::TakesNoRows(RowRefusal::NoInsert));
    }
    if !table.is_there {
        return None;
    }
    // tables of one extension refer to each other and share sequences: replace all of them, or none
    let own = || {
        let tables = facts.extension_tables.values();
        tables.filter(|other| other.extension == table.extension && other.has_rows)
    };
    let may_empty = |table: &ExtensionTable| {
        let referring = table.referred_to_by.iter().map(|(schema, name)| ObjectIdentity {
            kind: "relation".to_owned(),
            schema: schema.clone(),
            name: name.clone(),
        });
        let mut referring = referring.into_iter();
        table.may_delete && table.condition.is_ascii() && referring.all(|place| dropped.contains(&place))
    };
    let is_replaced = options.clean && own().all(may_empty);
    let is_in_the_way = !is_replaced && own().next().is_some();
    is_in_the_way.then_some(SkipReason::HasRows)
}
