//! Entries that need rights to a table that the target has and another role owns.

use super::{label::label, plan::RestorePlan, reason::SkipReason, statement::has_keywords};
use crate::postgres::{ExistingObject, TargetFacts};

impl RestorePlan {
    /// Leaves out partitions and children of such tables, foreign keys to them, and their entries in publications.
    /// PostgreSQL would refuse each of them.
    pub(super) fn check_unowned_tables(&mut self, facts: &TargetFacts) {
        for at in 0..self.entries.len() {
            if self.reasons[at].is_some() {
                continue;
            }
            let entry = &self.entries[at];
            let others = self.unowned_tables(at, facts);
            let refused = others.iter().find(|(_, table)| match entry.kind.raw() {
                "TABLE ATTACH" | "INDEX ATTACH" | "PUBLICATION TABLE" | "SEQUENCE OWNED BY" => !table.is_own,
                "TABLE" => !table.is_own && has_keywords(&["inherits"], entry.definition.raw()),
                "FK CONSTRAINT" => !table.is_own && !table.may_refer,
                _ => false,
            });
            if let Some((table, _)) = refused {
                let name = label(&self.entries[*table]);
                self.reasons[at] = Some(match entry.kind.raw() {
                    "FK CONSTRAINT" => SkipReason::NoReference(name),
                    _ => SkipReason::NotOwner(name),
                });
            }
        }
    }

    /// Leaves out rows of tables that the target has, of other roles and of extensions.
    pub(super) fn leave_out_rows_of_others(&mut self, facts: &TargetFacts) {
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let kind = match entry.kind.raw() {
                "TABLE DATA" => "TABLE",
                "SEQUENCE SET" => "SEQUENCE",
                _ => continue,
            };
            let (schema, name) = (entry.schema.raw().to_owned(), entry.name.raw().to_owned());
            let of_extension = facts.extension_tables.get(&(schema.clone(), name.clone()));
            let is_of_extension = of_extension.is_some_and(|table| facts.extensions.contains_key(&table.extension));
            let there = facts.present.get(&(kind.to_owned(), schema, name));
            if self.reasons[at].is_none() && (is_of_extension || there.is_some_and(|table| !table.is_own)) {
                self.reasons[at] = Some(SkipReason::OwnedByOther);
            }
        }
    }

    /// Tables of the target that an entry needs, directly or by an index or a constraint.
    fn unowned_tables<'a>(&self, at: usize, facts: &'a TargetFacts) -> Vec<(usize, &'a ExistingObject)> {
        let by_id = self.by_id();
        let needs = |at: usize| {
            let ids = self.entries[at].needs.iter();
            ids.filter_map(|id| by_id.get(id).copied()).collect::<Vec<usize>>()
        };
        let mut tables = needs(at);
        let of_indexes = tables
            .iter()
            .filter(|need| ["INDEX", "CONSTRAINT"].contains(&self.entries[**need].kind.raw()));
        let of_indexes: Vec<usize> = of_indexes.flat_map(|need| needs(*need)).collect();
        tables.extend(of_indexes);
        tables
            .into_iter()
            .filter(|table| self.entries[*table].kind == "TABLE")
            .filter(|table| self.reasons[*table] == Some(SkipReason::Present))
            .filter_map(|table| {
                let entry = &self.entries[table];
                let place = (entry.schema.raw().to_owned(), entry.name.raw().to_owned());
                let key = (entry.kind.raw().to_owned(), place.0, place.1);
                Some((table, facts.present.get(&key)?))
            })
            .collect()
    }

    /// Partitions that are attached to tables which are not replaced, as `pg_describe_object` words them.
    pub(super) fn attached(&self) -> Vec<String> {
        let by_id = self.by_id();
        let attached = self.kept_entries().filter(|entry| entry.kind == "TABLE ATTACH");
        attached
            .flat_map(|entry| {
                let needs = entry.needs.iter().filter_map(|id| by_id.get(id));
                let parents = needs.map(|at| &self.entries[*at]);
                parents
                    .filter(|parent| parent.kind == "TABLE")
                    .map(|parent| {
                        format!(
                            "table {}.{} among the children of table {}.{}",
                            entry.schema.raw(),
                            entry.name.raw(),
                            parent.schema.raw(),
                            parent.name.raw()
                        )
                    })
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}
