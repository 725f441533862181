//! Selects what is restored: everything except some objects, or only some objects with their parts and dependencies.

use std::collections::BTreeSet;

use super::{
    pattern::Pattern,
    plan::{PlanOptions, RestorePlan},
    reason::SkipReason,
    rules::SESSION_KINDS,
};
use crate::error::{Error, Result};

/// Kinds that belong to a table and are restored with it.
const PART_KINDS: &[&str] = &[
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

/// Whether an entry of `kind` that needs one of kind `of` is a part of it. An index is a part of its table, but not of
/// a function that it uses.
fn is_part(kind: &str, of: &str) -> bool {
    match kind {
        "COMMENT" | "ACL" | "SECURITY LABEL" => true,
        "BLOBS" => ["BLOB", "BLOB METADATA"].contains(&of),
        // rows of tables that an extension creates
        "TABLE DATA" | "SEQUENCE SET" if of == "EXTENSION" => true,
        _ => WHOLE_KINDS.contains(&of),
    }
}

impl RestorePlan {
    /// Leaves out what `--leave-out` names. With `--only`, leaves out everything that is neither named nor needed.
    ///
    /// # Errors
    /// [`Error::Usage`] if a pattern matches nothing in this backup.
    pub(super) fn select(&mut self, options: &PlanOptions<'_>) -> Result<()> {
        for pattern in options.leave_out.iter().chain(options.only) {
            if !self.entries.iter().any(|entry| pattern.matches(entry)) {
                return Err(Error::usage(
                    format!("{pattern} matches nothing in this backup"),
                    "`pg_restore --list` of what `pgcoffer get` writes shows everything in it, by kind, schema and \
                     name",
                ));
            }
        }
        let wanted = (!options.only.is_empty()).then(|| self.wanted(options.only));
        for (at, entry) in self.entries.iter().enumerate() {
            let is_left_out = options.leave_out.iter().any(|pattern| pattern.matches(entry));
            let is_unwanted = wanted.as_ref().is_some_and(|wanted| !wanted.contains(&at));
            self.reasons[at] = match (is_left_out, is_unwanted) {
                _ if SESSION_KINDS.contains(&entry.kind.raw()) => None,
                (true, _) => Some(SkipReason::Excluded),
                (false, true) => Some(SkipReason::NotSelected),
                (false, false) => None,
            };
        }
        Ok(())
    }

    /// The positions of the named entries, of their parts, and of everything that these need.
    fn wanted(&self, only: &[Pattern]) -> BTreeSet<usize> {
        let by_id = self.by_id();
        let named: BTreeSet<usize> = (0..self.entries.len())
            .filter(|at| only.iter().any(|pattern| pattern.matches(&self.entries[*at])))
            .collect();
        let mut wanted = named;
        let needs = |at: usize| self.entries[at].needs.iter().filter_map(|id| by_id.get(id).copied());
        // the parts of a table are restored with it, and what they need: without its policies a table would be open
        let mut grows = true;
        while grows {
            let before = wanted.len();
            for at in 0..self.entries.len() {
                let kind = self.entries[at].kind.raw();
                let stands_on = |need: usize| wanted.contains(&need) && is_part(kind, self.entries[need].kind.raw());
                // a foreign key to a table that is not selected is left out
                let is_possible = kind != "FK CONSTRAINT"
                    || needs(at).all(|need| wanted.contains(&need) || self.entries[need].kind == "EXTENSION");
                if PART_KINDS.contains(&kind) && is_possible && needs(at).any(stands_on) && !wanted.contains(&at) {
                    wanted.insert(at);
                }
            }
            let mut open: Vec<usize> = wanted.iter().copied().collect();
            while let Some(at) = open.pop() {
                open.extend(needs(at).filter(|need| wanted.insert(*need)));
            }
            grows = wanted.len() > before;
        }
        wanted
    }
}
