//! Rows that have to stay away, and what can't be without them.

use std::collections::BTreeSet;

use super::{plan::Plan, reason::Reason};
use crate::{archive::Entry, postgres::TargetFacts};

impl Plan {
    /// Keys whose rows stay away, and rows whose table would be open.
    pub(super) fn look_at_what_rows_need(&mut self) {
        let by_id = self.by_id();
        let place = |entry: &Entry| (entry.schema.clone(), entry.name.clone());
        let of_kind = |kind: &'static str| {
            let left = self
                .left_out()
                .filter(move |(entry, _, _)| entry.kind == kind);
            left.map(|(entry, reason, _)| (place(entry), reason.clone()))
                .collect::<Vec<_>>()
        };
        let open: BTreeSet<_> = of_kind("ROW SECURITY")
            .into_iter()
            .filter(|(_, reason)| *reason == Reason::OthersPlace)
            .map(|(place, _)| place)
            .collect();
        let mut away: BTreeSet<_> = of_kind("TABLE DATA")
            .into_iter()
            .map(|(place, _)| place)
            .collect();
        away.extend(open.iter().cloned());
        away.retain(|place| self.filled.contains(place));
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let refers = |id: &i32| {
                by_id.get(id).is_some_and(|at| {
                    let need = &self.entries[*at];
                    ["TABLE", "CONSTRAINT"].contains(&need.kind.raw())
                        && away.iter().any(|(schema, name)| {
                            let own = need.name.raw().strip_prefix(name.raw());
                            *schema == need.schema
                                && own.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
                        })
                })
            };
            let reason = match entry.kind.raw() {
                "TABLE DATA" if open.contains(&place(entry)) => Reason::OthersPlace,
                "FK CONSTRAINT" if entry.needs.iter().any(refers) => Reason::NoRowsBehind,
                _ => continue,
            };
            if self.reasons[at].is_none() {
                self.reasons[at] = Some(reason);
            }
        }
    }

    /// Rows of tables that an extension makes, of which the archive has no table: into an extension of a superuser's they go only
    /// where the role may insert, and without the extension nowhere.
    pub(super) fn look_at_rows_of_extensions(&mut self, facts: &TargetFacts) {
        let by_id = self.by_id();
        let is_one_missing = self
            .left_out()
            .any(|(entry, reason, _)| entry.kind == "EXTENSION" && *reason != Reason::Present);
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let is_table = |id| {
                by_id
                    .get(id)
                    .is_some_and(|at| self.entries[*at].kind == "TABLE")
            };
            let is_sequence = |id| {
                by_id
                    .get(id)
                    .is_some_and(|at| self.entries[*at].kind == "SEQUENCE")
            };
            let is_orphan = match entry.kind.raw() {
                "TABLE DATA" => !entry.needs.iter().any(is_table),
                "SEQUENCE SET" => !entry.needs.iter().any(is_sequence),
                _ => false,
            };
            if !is_orphan || self.reasons[at].is_some() {
                continue;
            }
            let table = (entry.schema.raw().to_owned(), entry.name.raw().to_owned());
            let takes = match facts.extension_tables.get(&table) {
                Some(may_insert) => *may_insert,
                None => facts.is_superuser && !is_one_missing,
            };
            if !takes {
                self.reasons[at] = Some(Reason::TakesNoRows);
            }
        }
    }
}
