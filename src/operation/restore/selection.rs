//! Selects what is restored: everything except some objects, or only some objects with their parts and dependencies.

use std::collections::BTreeSet;

use super::{
    pattern::Pattern,
    plan::{PlanOptions, RestorePlan},
    reason::SkipReason,
    rules::SESSION_KINDS,
    statement::is_on,
};
use crate::{
    archive::Entry,
    error::{Error, Result},
    operation::{partitions::is_attached, table_name::did_you_mean},
};

/// Kinds that belong to a table and are restored with it.
pub(super) const PART_KINDS: &[&str] = &[
    "TABLE DATA",
    "SEQUENCE",
    "SEQUENCE OWNED BY",
    "SEQUENCE SET",
    "DEFAULT",
    "CONSTRAINT",
    "CHECK CONSTRAINT",
    "FK CONSTRAINT",
    "INDEX",
    "INDEX ATTACH",
    "TABLE ATTACH",
    "STATISTICS",
    "STATISTICS DATA",
    "TRIGGER",
    "RULE",
    "ROW SECURITY",
    "POLICY",
    "COMMENT",
    "ACL",
    "SECURITY LABEL",
    "MATERIALIZED VIEW DATA",
    "BLOBS",
];

/// Kinds whose entries pg_dump names after the table that they are on: by its name and their own, or its name alone.
/// <https://github.com/postgres/postgres/blob/REL_18_STABLE/src/bin/pg_dump/pg_dump.c>
const NAMED_AFTER_TABLE: &[&str] = &[
    "POLICY",
    "RULE",
    "TRIGGER",
    "DEFAULT",
    "CONSTRAINT",
    "CHECK CONSTRAINT",
    "FK CONSTRAINT",
    "ROW SECURITY",
    "TABLE DATA",
    "MATERIALIZED VIEW DATA",
];

/// Kinds that `--data-only` restores.
const ROWS: &[&str] = &["TABLE DATA", "SEQUENCE SET"];

/// Kinds of objects that those of `PART_KINDS` belong to.
const WHOLE_KINDS: &[&str] = &[
    "TABLE",
    "FOREIGN TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
    "SEQUENCE",
    "INDEX",
    "CONSTRAINT",
];

/// Whether an entry that needs another one is a part of it. An index is a part of its table, but not of a function that
/// it uses; what attaches a partition is a part of the partitioned table, which has no rows without it, and not of the
/// partition, which has. A policy, a rule or a key may mention any table: it is a part of the one that it is on alone.
pub(in crate::operation) fn is_part(entry: &Entry, of: &Entry) -> bool {
    let of_kind = of.kind.raw();
    match entry.kind.raw() {
        "COMMENT" | "ACL" | "SECURITY LABEL" => true,
        "BLOBS" => ["BLOB", "BLOB METADATA"].contains(&of_kind),
        // rows of tables that an extension creates
        "TABLE DATA" | "SEQUENCE SET" if of_kind == "EXTENSION" => true,
        // the index of a partitioned table needs those of its partitions
        "INDEX" => WHOLE_KINDS.contains(&of_kind) && !["INDEX", "CONSTRAINT"].contains(&of_kind),
        "CONSTRAINT" if ["INDEX", "CONSTRAINT"].contains(&of_kind) => false,
        kind if NAMED_AFTER_TABLE.contains(&kind) => WHOLE_KINDS.contains(&of_kind) && is_on(entry, of),
        "TABLE ATTACH" => of_kind == "TABLE" && !is_attached(entry, of),
        "INDEX ATTACH" => ["INDEX", "CONSTRAINT"].contains(&of_kind) && !is_attached(entry, of),
        kind => PART_KINDS.contains(&kind) && WHOLE_KINDS.contains(&of_kind),
    }
}

/// What `--only`, `--table` and `--schema` select.
struct Selected {
    /// What is named, and the parts of that.
    own: BTreeSet<usize>,
    /// That, everything that it needs, and the parts of what it needs.
    all: BTreeSet<usize>,
}

impl RestorePlan {
    /// Leaves out what `--leave-out` names. With `--only`, leaves out everything that is neither named nor needed; with
    /// `--data-only`, everything but the rows of what is named.
    ///
    /// # Errors
    /// [`Error::Usage`] if a pattern matches nothing in this backup, or the name of a table several.
    pub(super) fn select(&mut self, options: &PlanOptions<'_>) -> Result<()> {
        for pattern in options.leave_out.iter().chain(options.only) {
            if let Some(table) = pattern.as_table() {
                table.find(&self.entries)?;
            } else if !self.entries.iter().any(|entry| pattern.matches(entry)) {
                let all = "`pgcoffer restore ID --contents` lists the tables in it; `pg_restore --list` of what `pgcoffer get` \
                           writes shows everything, by kind, schema and name";
                return Err(Error::usage(
                    format!("{pattern} matches nothing in this backup"),
                    did_you_mean(&pattern.nearest(&self.entries)).unwrap_or_else(|| all.to_owned()),
                ));
            }
        }
        let selected = (!options.only.is_empty()).then(|| self.selected(options.only));
        for (at, entry) in self.entries.iter().enumerate() {
            let is_left_out = options.leave_out.iter().any(|pattern| pattern.matches(entry));
            let is_unwanted = selected.as_ref().is_some_and(|selected| !selected.all.contains(&at));
            let is_own = selected.as_ref().is_none_or(|selected| selected.own.contains(&at));
            let is_data = ROWS.contains(&entry.kind.raw());
            self.reasons[at] = match (is_left_out, is_unwanted) {
                _ if SESSION_KINDS.contains(&entry.kind.raw()) => None,
                // what somebody named is left out on purpose, selected or not
                (true, _) => Some(SkipReason::Excluded),
                (false, true) => Some(SkipReason::NotSelected),
                // the target has it: that is looked at
                (false, false) if options.data_only && !(is_own && is_data) => Some(SkipReason::Present),
                (false, false) => None,
            };
        }
        self.own = match selected {
            Some(selected) => selected.own,
            None if options.is_beside => (0..self.entries.len()).collect(),
            None => BTreeSet::new(),
        };
        Ok(())
    }

    /// The named entries, their parts, and everything that these need.
    fn selected(&self, only: &[Pattern]) -> Selected {
        let by_id = self.by_id();
        let named: BTreeSet<usize> = (0..self.entries.len())
            .filter(|at| only.iter().any(|pattern| pattern.matches(&self.entries[*at])))
            .collect();
        let needs = |at: usize| self.entries[at].needs.iter().filter_map(|id| by_id.get(id).copied());
        let (mut own, mut all) = (named.clone(), named);
        // the parts of a table are restored with it, and what they need: without its policies a table would be open
        let mut grows = true;
        while grows {
            let before = (own.len(), all.len());
            for at in 0..self.entries.len() {
                let entry = &self.entries[at];
                // a foreign key to a table that is not selected is left out
                let is_possible = entry.kind != "FK CONSTRAINT"
                    || needs(at).all(|need| all.contains(&need) || self.entries[need].kind == "EXTENSION");
                if !PART_KINDS.contains(&entry.kind.raw()) || !is_possible {
                    continue;
                }
                let stands_on = |set: &BTreeSet<usize>| {
                    needs(at).any(|need| set.contains(&need) && is_part(entry, &self.entries[need]))
                };
                let (is_own, is_needed) = (stands_on(&own), stands_on(&all));
                if is_own {
                    own.insert(at);
                    // a partition belongs to the table that it is a part of
                    own.extend(needs(at).filter(|need| is_attached(entry, &self.entries[*need])));
                }
                if is_own || is_needed {
                    all.insert(at);
                }
            }
            let mut open: Vec<usize> = all.iter().copied().collect();
            while let Some(at) = open.pop() {
                open.extend(needs(at).filter(|need| all.insert(*need)));
            }
            grows = before != (own.len(), all.len());
        }
        Selected { own, all }
    }
}
