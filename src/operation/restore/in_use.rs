//! A part that is restored into a database which is in use: nothing that is there is overwritten or changed.

use std::collections::BTreeSet;

use super::{
    label::label,
    plan::{PlanOptions, RestorePlan},
    reason::{RowRefusal, SkipReason},
    rules::{TargetRules, rows_refusal},
    selection::{PART_KINDS, is_part},
    statement::{columns_of_type, has_keywords, listed, name_after},
};
use crate::{
    archive::Entry,
    error::TargetProblem,
    postgres::{ExistingObject, TargetFacts},
    text::Untrusted,
};

/// The number of names that an error shows.
const NAMED: usize = 5;

/// Kinds whose names have to be unique among all of these in a schema.
const RELATIONS: &[&str] = &[
    "TABLE",
    "FOREIGN TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
    "SEQUENCE",
    "INDEX",
];

/// Kinds of relations that are types as well, so that no other type in the schema can have their names.
const ROW_TYPES: &[&str] = &["TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW"];

/// Kinds of types that are no relation's.
const TYPES: &[&str] = &["TYPE", "DOMAIN"];

/// Kinds that are parts of a table and have no name that could be in use, or share that of the table.
const NAMELESS: &[&str] = &[
    "TABLE DATA",
    "SEQUENCE SET",
    "SEQUENCE OWNED BY",
    "DEFAULT",
    "ROW SECURITY",
    "MATERIALIZED VIEW DATA",
    "STATISTICS DATA",
    "TABLE ATTACH",
    "INDEX ATTACH",
    "COMMENT",
    "ACL",
    "SECURITY LABEL",
    "TRIGGER",
    "POLICY",
    "RULE",
    "FK CONSTRAINT",
    "CHECK CONSTRAINT",
];

impl RestorePlan {
    /// The problem that something of the part exists in the target, or with `--data-only` that its tables can't take
    /// the rows.
    pub(super) fn check_names_in_use(&mut self, facts: &TargetFacts, options: &PlanOptions<'_>) {
        if self.own.is_empty() || options.clean {
            return;
        }
        let problems = match options.data_only {
            true => self.tables_that_take_no_rows(facts),
            false => Vec::from_iter(self.names_in_use(facts, options)),
        };
        self.problems.extend(problems);
    }

    fn names_in_use(&self, facts: &TargetFacts, options: &PlanOptions<'_>) -> Option<TargetProblem> {
        let rules = TargetRules {
            facts,
            clean: false,
            keep_acl: options.keep_acl,
        };
        let kept = self.own.iter().filter(|at| self.reasons[**at].is_none());
        // tables come first
        let (mut names, mut is_table) = (BTreeSet::new(), false);
        for entry in kept.map(|at| &self.entries[*at]) {
            if let Some(name) = name_in_use(entry, facts, &rules) {
                let is_one = ["TABLE", "FOREIGN TABLE"].contains(&entry.kind.raw());
                names.insert((!is_one, name));
                is_table |= is_one;
            }
        }
        if names.is_empty() {
            return None;
        }
        let rows = "--as NAME restores the rows of one table beside it, as a table of that name";
        Some(TargetProblem {
            what: format!(
                "the target already has {}, and nothing is overwritten",
                listed(names.into_iter().map(|(_, name)| name).collect(), NAMED)
            ),
            cure: match is_table {
                _ if options.is_beside => "choose another name for --as".to_owned().to_owned(),
                true => format!(
                    "{rows}; --data-only loads them into the target's own table, if that is empty; or rename what is \
                     there, with its indexes and sequences, which keep their names when a table is renamed"
                ),
                false => format!(
                    "{rows}; or rename what is there: when a table is renamed, its indexes and sequences keep their names"
                ),
            },
        })
    }

    /// The problems of tables and sequences that can't take the rows of the backup.
    fn tables_that_take_no_rows(&self, facts: &TargetFacts) -> Vec<TargetProblem> {
        let kept = self.own.iter().filter(|at| self.reasons[**at].is_none());
        let mut problems = Vec::new();
        for entry in kept.map(|at| &self.entries[*at]) {
            let find = |kind: &str| present(facts, kind, entry);
            let refusal = match (entry.kind.raw(), find("TABLE"), find("SEQUENCE")) {
                ("TABLE DATA", None, _) | ("SEQUENCE SET", _, None) => Some("the target has no such object".to_owned()),
                ("TABLE DATA", Some(table), _) => rows_refusal(table, entry).map(|why| why.to_string()),
                ("SEQUENCE SET", _, Some(sequence)) if !may_set(sequence, facts) => {
                    Some(SkipReason::TakesNoRows(RowRefusal::NoInsert).to_string())
                }
                _ => None,
            };
            problems.extend(refusal.map(|why| TargetProblem {
                what: format!("{} can't be loaded: {why}", label(entry)),
                cure: "--data-only loads rows into a table that exists, has no rows (TRUNCATE makes it so) and no enabled \
                       trigger on INSERT; without it the table is restored as a whole, and by --as NAME beside what is there"
                    .to_owned(),
            }));
            if problems.len() == NAMED {
                break;
            }
        }
        problems
    }

    /// Of what is merely needed, the target's own stays, with its parts.
    pub(super) fn leave_what_is_there(&mut self, facts: &TargetFacts) {
        if self.own.is_empty() {
            return;
        }
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let is_needed = self.reasons[at].is_none() && !self.own.contains(&at);
            if is_needed && present(facts, entry.kind.raw(), entry).is_some() {
                self.reasons[at] = Some(SkipReason::Present);
            }
        }
        let by_id = self.by_id();
        let mut grows = true;
        while grows {
            grows = false;
            for at in 0..self.entries.len() {
                let entry = &self.entries[at];
                let is_open = self.reasons[at].is_none() && !self.own.contains(&at);
                if !is_open || !PART_KINDS.contains(&entry.kind.raw()) {
                    continue;
                }
                let mut needs = entry.needs.iter().filter_map(|id| by_id.get(id).copied());
                let is_of_present = needs
                    .any(|need| is_part(entry, &self.entries[need]) && self.reasons[need] == Some(SkipReason::Present));
                if is_of_present {
                    self.reasons[at] = Some(SkipReason::Present);
                    grows = true;
                }
            }
        }
    }

    /// What has to do with the part and is no part of it, in words: views, publications, keys of others, what it was
    /// attached to.
    pub(super) fn beside_the_part(&self) -> Option<String> {
        let ids: BTreeSet<i32> = self.own.iter().map(|at| self.entries[*at].id).collect();
        let kinds = [
            "VIEW",
            "MATERIALIZED VIEW",
            "PUBLICATION TABLE",
            "TABLE ATTACH",
            "FK CONSTRAINT",
            "FUNCTION",
        ];
        let beside = self.entries.iter().zip(&self.reasons).filter(|(entry, reason)| {
            **reason == Some(SkipReason::NotSelected)
                && kinds.contains(&entry.kind.raw())
                && entry.needs.iter().any(|id| ids.contains(id))
                && !self.guards_what_is_kept(entry)
        });
        let names: Vec<String> = beside.map(|(entry, _)| label(entry)).collect();
        (!names.is_empty()).then(|| {
            format!(
                "these have to do with it and are no part of it, so they are not restored: {}",
                listed(names, NAMED)
            )
        })
    }

    /// That tables of the part inherit from tables which the target has, and whose queries show their rows from then
    /// on.
    pub(super) fn inherits_from_target(&self) -> Option<String> {
        let by_id = self.by_id();
        let tables = self.own.iter().map(|at| &self.entries[*at]);
        let heirs = tables.filter(|entry| {
            entry.kind == "TABLE"
                && has_keywords(&["inherits"], entry.definition.raw())
                && entry.needs.iter().any(|id| {
                    by_id.get(id).is_some_and(|at| {
                        self.entries[*at].kind == "TABLE" && self.reasons[*at] == Some(SkipReason::Present)
                    })
                })
        });
        let names: Vec<String> = heirs.map(label).collect();
        (!names.is_empty()).then(|| {
            format!(
                "these inherit from tables that the target has, so queries of those show their rows again: {}",
                listed(names, NAMED)
            )
        })
    }
}

impl RestorePlan {
    /// That columns of the part may name large objects, which belong to no table.
    pub(super) fn names_large_objects(&self) -> Option<String> {
        let has_some = self.entries.iter().any(|entry| entry.kind == "BLOBS");
        let is_kept = self.kept_entries().any(|entry| entry.kind == "BLOBS");
        let tables = self
            .own
            .iter()
            .map(|at| &self.entries[*at])
            .filter(|entry| entry.kind == "TABLE");
        let columns: Vec<String> = tables
            .flat_map(|table| {
                let types = ["oid", "lo"].into_iter();
                let columns = types.flat_map(|kind| columns_of_type(table.definition.raw(), kind));
                columns.map(|column| format!("{}.{}", label(table), Untrusted::from(column).identifier()))
            })
            .collect();
        (has_some && !is_kept && !columns.is_empty()).then(|| {
            format!(
                "these columns may name large objects, which belong to no table and are not restored with one: {}; --only \
                 large-objects restores all of them",
                listed(columns, NAMED)
            )
        })
    }
}

/// The name that the entry would take and that is in use, with its kind.
fn name_in_use(entry: &Entry, facts: &TargetFacts, rules: &TargetRules<'_>) -> Option<String> {
    let (kind, schema) = (entry.kind.raw(), entry.schema.raw());
    let is_others = rules.is_others_schema(schema);
    match kind {
        // a platform's own table without rows takes those of the backup
        "TABLE" if is_others && present(facts, kind, entry).is_some_and(|table| table.is_empty) => None,
        _ if is_others && kind != "TABLE" => None,
        "CONSTRAINT" => {
            let name = name_after("constraint", entry.definition.raw())?;
            let there = relation_in_use(facts, schema, &name)?;
            Some(format!(
                "{there} {}.{}",
                entry.schema,
                Untrusted::from(name).identifier()
            ))
        }
        _ if NAMELESS.contains(&kind) => None,
        _ if RELATIONS.contains(&kind) => {
            let there = relation_in_use(facts, schema, entry.name.raw());
            let there = there.or_else(|| type_in_use(facts, kind, entry))?;
            Some(format!("{there} {}.{}", entry.schema, entry.name.identifier()))
        }
        _ => present(facts, kind, entry).map(|_| label(entry)),
    }
}

/// The kind of the relation that has this name, in small letters.
fn relation_in_use(facts: &TargetFacts, schema: &str, name: &str) -> Option<String> {
    let key = |kind: &str| (kind.to_owned(), schema.to_owned(), name.to_owned());
    let mut kinds = RELATIONS.iter().filter(|kind| facts.present.contains_key(&key(kind)));
    kinds.next().map(|kind| kind.to_lowercase())
}

/// The kind of the type that prevents a relation of this name, in small letters. The type of a table's array, which begins
/// with `_`, gives way.
fn type_in_use(facts: &TargetFacts, kind: &str, entry: &Entry) -> Option<String> {
    let may_differ = !ROW_TYPES.contains(&kind) || entry.name.raw().starts_with('_');
    let mut kinds = TYPES.iter().filter(|kind| present(facts, kind, entry).is_some());
    kinds.next().filter(|_| !may_differ).map(|kind| kind.to_lowercase())
}

fn present<'a>(facts: &'a TargetFacts, kind: &str, entry: &Entry) -> Option<&'a ExistingObject> {
    let key = (
        kind.to_owned(),
        entry.schema.raw().to_owned(),
        entry.name.raw().to_owned(),
    );
    facts.present.get(&key)
}

fn may_set(sequence: &ExistingObject, facts: &TargetFacts) -> bool {
    facts.is_superuser || sequence.is_own || sequence.may_modify
}
