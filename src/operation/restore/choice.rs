//! What is asked for: all but something, or nothing but something with what belongs to it and what that needs.

use std::collections::BTreeSet;

use super::{
    pattern::Pattern,
    plan::{Plan, Wishes},
    reason::Reason,
    rules::SESSION,
};
use crate::error::{Error, Result};

/// What goes with a table.
const BELONGINGS: &[&str] = &[
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

/// What such things stand on.
const OWNERS: &[&str] = &[
    "TABLE",
    "FOREIGN TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
    "SEQUENCE",
    "INDEX",
    "CONSTRAINT",
];

/// Whether something of that kind, where it needs this, belongs to it: not what merely uses it, as an index does a
/// function.
fn is_part(kind: &str, of: &str) -> bool {
    match kind {
        "COMMENT" | "ACL" | "SECURITY LABEL" => true,
        "BLOBS" => ["BLOB", "BLOB METADATA"].contains(&of),
        // rows of the tables that an extension makes
        "TABLE DATA" | "SEQUENCE SET" if of == "EXTENSION" => true,
        _ => OWNERS.contains(&of),
    }
}

impl Plan {
    /// Takes out what is asked for by `--leave-out`, and by `--only` what isn't and isn't needed.
    pub(super) fn choose(&mut self, wishes: &Wishes<'_>) -> Result<()> {
        for pattern in wishes.leave_out.iter().chain(wishes.only) {
            if !self.entries.iter().any(|entry| pattern.matches(entry)) {
                return Err(Error::usage(
                    format!("{pattern} names nothing in this backup"),
                    "`pg_restore --list` of what `pgcoffer get` writes shows everything in it, by kind, schema and \
                     name",
                ));
            }
        }
        let wanted = (!wishes.only.is_empty()).then(|| self.wanted(wishes.only));
        for (at, entry) in self.entries.iter().enumerate() {
            let is_left_out = wishes.leave_out.iter().any(|pattern| pattern.matches(entry));
            let is_unwanted = wanted.as_ref().is_some_and(|wanted| !wanted.contains(&at));
            self.reasons[at] = match (is_left_out, is_unwanted) {
                _ if SESSION.contains(&entry.kind.raw()) => None,
                (true, _) => Some(Reason::Asked),
                (false, true) => Some(Reason::Unwanted),
                (false, false) => None,
            };
        }
        Ok(())
    }

    /// What is named, what belongs to it, and what all of that needs.
    fn wanted(&self, only: &[Pattern]) -> BTreeSet<usize> {
        let by_id = self.by_id();
        let named: BTreeSet<usize> = (0..self.entries.len())
            .filter(|at| only.iter().any(|pattern| pattern.matches(&self.entries[*at])))
            .collect();
        let mut wanted = named;
        let needs = |at: usize| self.entries[at].needs.iter().filter_map(|id| by_id.get(id).copied());
        // what stands on a table comes along, and what that needs: without its policies it would be open
        let mut grows = true;
        while grows {
            let before = wanted.len();
            for at in 0..self.entries.len() {
                let kind = self.entries[at].kind.raw();
                let stands_on = |need: usize| wanted.contains(&need) && is_part(kind, self.entries[need].kind.raw());
                // a key to a table that isn't wanted stays away
                let is_possible = kind != "FK CONSTRAINT"
                    || needs(at).all(|need| wanted.contains(&need) || self.entries[need].kind == "EXTENSION");
                if BELONGINGS.contains(&kind) && is_possible && needs(at).any(stands_on) && !wanted.contains(&at) {
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
