//! Dependencies that pg_dump doesn't write into the table of contents.

use std::collections::{BTreeSet, HashMap};

use super::{plan::RestorePlan, statement::name_after};
use crate::{archive::Entry, operation::partitions::is_attached, postgres::TargetFacts};

/// Whether the entry holds rows of a table that the archive doesn't define: a table of an extension.
pub(super) fn is_extension_row(entry: &Entry, ids: &BTreeSet<i32>) -> bool {
    ["TABLE DATA", "SEQUENCE SET"].contains(&entry.kind.raw()) && !entry.needs.iter().any(|id| ids.contains(id))
}

impl RestorePlan {
    /// Adds to each user mapping the dependency on its server.
    pub(super) fn add_mapping_dependencies(&mut self) {
        let servers: HashMap<String, i32> = self
            .entries
            .iter()
            .filter(|entry| entry.kind == "SERVER")
            .map(|entry| (entry.name.raw().to_owned(), entry.id))
            .collect();
        for entry in self.entries.iter_mut().filter(|entry| entry.kind == "USER MAPPING") {
            let server = name_after("server", entry.definition.raw());
            entry.needs.extend(server.and_then(|name| servers.get(&name)));
        }
    }

    /// Takes from partitions, and from their indexes, the dependency on what they are attached to: they are made without
    /// it, and attached by entries of their own.
    pub(super) fn remove_partition_dependencies(&mut self) {
        let by_id = self.by_id();
        let mut removed: Vec<(usize, i32)> = Vec::new();
        for attach in &self.entries {
            if !["TABLE ATTACH", "INDEX ATTACH"].contains(&attach.kind.raw()) {
                continue;
            }
            let ends: Vec<usize> = attach.needs.iter().filter_map(|id| by_id.get(id).copied()).collect();
            let is_table = |at: usize| self.entries[at].kind == "TABLE";
            for part in ends.iter().filter(|at| is_attached(attach, &self.entries[**at])) {
                let others = ends
                    .iter()
                    .filter(|at| *at != part && is_table(**at) == is_table(*part));
                removed.extend(others.map(|at| (*part, self.entries[*at].id)));
            }
        }
        for (part, id) in removed {
            self.entries[part].needs.retain(|need| *need != id);
        }
    }

    /// Adds to rows of a table that an extension creates the dependency on that extension.
    pub(super) fn add_row_dependencies(&mut self, facts: &TargetFacts) {
        let ids: BTreeSet<i32> = self.entries.iter().map(|entry| entry.id).collect();
        let extensions = self.entries.iter().filter(|it| it.kind == "EXTENSION");
        let extensions: HashMap<String, i32> = extensions
            .map(|entry| (entry.name.raw().to_owned(), entry.id))
            .collect();
        for entry in &mut self.entries {
            if !is_extension_row(entry, &ids) {
                continue;
            }
            self.extension_rows.insert(entry.id);
            let key = (entry.schema.raw().to_owned(), entry.name.raw().to_owned());
            let table = facts.extension_tables.get(&key);
            let extension = table.and_then(|table| extensions.get(&table.extension));
            entry.needs.extend(extension);
        }
    }
}
