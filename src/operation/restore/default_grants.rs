//! What the target's own default privileges grant to other roles on every new object.

use std::collections::BTreeSet;

use super::plan::RestorePlan;
use crate::{
    archive::Entry,
    postgres::{DefaultGrant, TargetFacts},
    text::Untrusted,
};

/// The kinds of default privileges: the letter in `pg_default_acl.defaclobjtype`, a name for people, pg_dump's kinds.
const KINDS: &[(&str, &str, &[&str])] = &[
    (
        "r",
        "tables and views",
        &["TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE"],
    ),
    ("S", "sequences", &["SEQUENCE"]),
    ("f", "functions", &["FUNCTION", "PROCEDURE", "AGGREGATE"]),
    ("T", "types", &["TYPE", "DOMAIN"]),
    ("n", "schemas", &["SCHEMA"]),
];

impl RestorePlan {
    /// How many restored objects of each kind get default grants, and to which roles. A platform may grant rights on
    /// every table of its customer to roles of its own.
    pub(super) fn default_grants(&self, facts: &TargetFacts) -> Vec<String> {
        let given = facts.default_grants.iter().filter_map(|grant| {
            let (_, what, _) = KINDS.iter().find(|(letter, _, _)| *letter == grant.kind)?;
            let kept = self.kept_entries();
            let count = kept.filter(|entry| is_about(grant, entry)).count();
            let roles: Vec<String> = grant.roles.iter().map(named).collect();
            (count > 0).then(|| format!("{count} {what} to {}", roles.join(", ")))
        });
        given.collect()
    }
}

impl RestorePlan {
    /// How many restored objects of each kind the target's default privileges close to PUBLIC, though the backup has
    /// them open. A dump says nothing about what PostgreSQL itself grants, so a restore of the privileges doesn't open
    /// them either.
    pub(super) fn closed_by_default(&self, facts: &TargetFacts) -> Vec<String> {
        let by_id = self.by_id();
        let acls = self.entries.iter().filter(|entry| entry.kind == "ACL");
        let said: BTreeSet<usize> = acls
            .flat_map(|acl| acl.needs.iter().filter_map(|id| by_id.get(id).copied()))
            .collect();
        let closed = KINDS
            .iter()
            .filter(|(letter, _, _)| facts.kinds_not_for_public.iter().any(|it| it == letter));
        let counts = closed.filter_map(|(_, what, kinds)| {
            let open = (0..self.entries.len())
                .filter(|at| self.reasons[*at].is_none() && !said.contains(at))
                .filter(|at| kinds.contains(&self.entries[*at].kind.raw()));
            let count = open.count();
            (count > 0).then(|| format!("{what} ({count})"))
        });
        counts.collect()
    }
}

/// The roles, except PUBLIC, that get rights on the object as soon as it is created.
pub(super) fn default_grantees<'a>(entry: &Entry, facts: &'a TargetFacts) -> Vec<&'a str> {
    let grants = facts.default_grants.iter().filter(|grant| is_about(grant, entry));
    let mut roles: Vec<&str> = grants
        .flat_map(|grant| grant.roles.iter())
        .filter_map(|role| role.as_deref())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

fn is_about(grant: &DefaultGrant, entry: &Entry) -> bool {
    let kinds = KINDS.iter().find(|(letter, _, _)| *letter == grant.kind);
    let is_there = |schema: &str| schema == entry.schema.raw();
    kinds.is_some_and(|(_, _, kinds)| kinds.contains(&entry.kind.raw())) && grant.schema.as_deref().is_none_or(is_there)
}

fn named(role: &Option<String>) -> String {
    role.as_deref()
        .map_or_else(|| "PUBLIC".to_owned(), |role| Untrusted::from(role).identifier())
}
