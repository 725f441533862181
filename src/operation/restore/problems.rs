//! Problems that prevent the restore as requested, found before the target is changed.

use std::collections::BTreeSet;

use super::{
    label::label,
    plan::{ANNOTATIONS, PlanOptions, RestorePlan},
    reason::SkipReason,
    rules::{SESSION_KINDS, TargetRules},
    statement::name_after,
};
use crate::{
    error::TargetProblem,
    postgres::{TargetFacts, sql::ident},
    text::Untrusted,
};

/// The number of roles that an error names.
const ROLES_NAMED: usize = 10;

/// Kinds that need the right CREATE in their schema.
const KINDS_IN_SCHEMAS: &[&str] = &[
    "TABLE",
    "FOREIGN TABLE",
    "VIEW",
    "MATERIALIZED VIEW",
    "SEQUENCE",
    "FUNCTION",
    "PROCEDURE",
    "AGGREGATE",
    "TYPE",
    "DOMAIN",
    "COLLATION",
    "CONVERSION",
    "OPERATOR",
    "STATISTICS",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH CONFIGURATION",
];

impl RestorePlan {
    /// The problem of roles that are missing in the target, which the user has to decide about.
    pub(super) fn missing_roles_problem(&self, skipped: bool) -> Option<TargetProblem> {
        if self.missing_roles.is_empty() {
            return None;
        }
        let some = self.missing_roles.iter().take(ROLES_NAMED);
        let mut names: Vec<String> = some.map(|role| Untrusted::from(&**role).identifier()).collect();
        if self.missing_roles.len() > ROLES_NAMED {
            names.push(format!("{} more", self.missing_roles.len() - ROLES_NAMED));
        }
        Some(TargetProblem {
            what: format!(
                "these roles are named in policies, user mappings, owners or privileges, and don't exist in the \
                 target: {}",
                names.join(", ")
            ),
            cure: match skipped {
                true => {
                    "omit --keep-owner, as these roles can't become owners; or create them by --roles create".to_owned()
                }
                false => "--roles create creates them without a login (the restoring role needs the right to do so); \
                          --roles skip leaves out what names them"
                    .to_owned(),
            },
        })
    }

    pub(super) fn check_roles(&mut self, rules: &TargetRules<'_>, options: &PlanOptions<'_>) {
        let mut foreign_owners = BTreeSet::new();
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            if self.reasons[at].is_some() {
                continue;
            }
            let mut missing = rules.missing_roles(entry);
            let is_annotation = ANNOTATIONS.contains(&entry.kind.raw());
            let is_skipped = options.skip_roles || (options.foresee_roles && !is_annotation);
            if !missing.is_empty() && is_skipped {
                self.reasons[at] = Some(SkipReason::NoRole(missing));
                continue;
            }
            let owner = entry.owner.raw();
            if options.keep_owner && !owner.is_empty() && is_given(entry.kind.raw()) {
                match rules.facts.roles.get(owner) {
                    None => missing.push(entry.owner.clone()),
                    Some(true) => (),
                    Some(false) => drop(foreign_owners.insert(owner.to_owned())),
                }
            }
            self.missing_roles
                .extend(missing.iter().map(|role| role.raw().to_owned()));
        }
        if !foreign_owners.is_empty() && !options.keep_going {
            self.problems
                .push(membership_problem(&foreign_owners, &rules.facts.role));
        }
    }

    /// Finds extensions that are in another schema than in the backup. Tables of the backup name that schema.
    pub(super) fn check_extension_schemas(&mut self, facts: &TargetFacts) {
        let mut problems = Vec::new();
        for entry in self.entries.iter().filter(|entry| entry.kind == "EXTENSION") {
            let (Some(there), Some(schema)) = (
                facts.extensions.get(entry.name.raw()),
                name_after("schema", entry.definition.raw()),
            ) else {
                continue;
            };
            let is_needed = self
                .kept_entries()
                .any(|kept| kept.needs.contains(&entry.id) && !ANNOTATIONS.contains(&kept.kind.raw()));
            if there.schema != schema && is_needed {
                problems.push(TargetProblem {
                    what: format!(
                        "the extension {} is in the schema {} of the target, and in {} in the backup",
                        entry.name,
                        Untrusted::from(&*there.schema),
                        Untrusted::from(&*schema)
                    ),
                    cure: format!(
                        "move it in the target, as its owner: ALTER EXTENSION {} SET SCHEMA {};",
                        ident(entry.name.raw()),
                        ident(&schema)
                    ),
                });
            }
        }
        self.problems.extend(problems);
    }

    /// Finds objects that `--clean` would drop without restoring others, or whose names can't be read.
    pub(super) fn check_replaced_objects(&mut self, options: &PlanOptions<'_>) {
        if !options.clean {
            return;
        }
        if self.kept_entries().any(|entry| entry.drop.raw().contains('\u{fffd}')) {
            self.problems.push(TargetProblem {
                what: "the backup has names that are not UTF-8, and --clean can't match them with names in the target"
                    .to_owned(),
                cure: "restore into a new database".to_owned(),
            });
        }
        let bare = self
            .left_out()
            .find(|(entry, reason, _)| **reason != SkipReason::Excluded && self.guards_what_is_kept(entry));
        if let Some((entry, _, _)) = bare.filter(|_| !options.leave_out.is_empty()) {
            let problem = TargetProblem {
                what: format!(
                    "--clean would replace a table with one that lacks its {}, which needs something that is left out",
                    label(entry)
                ),
                cure: "leave that table out as well, or restore into a new database".to_owned(),
            };
            self.problems.push(problem);
        }
        let by_id = self.by_id();
        let emptied = self.left_out().find(|(entry, _, _)| {
            let mut needs = entry.needs.iter().filter_map(|id| by_id.get(id));
            entry.kind == "TABLE DATA"
                && needs.any(|at| self.entries[*at].kind == "TABLE" && self.reasons[*at].is_none())
        });
        let problem = emptied.map(|(entry, _, _)| TargetProblem {
            what: format!(
                "--clean would replace {}.{} with an empty table, as its rows are left out",
                entry.schema, entry.name
            ),
            cure: "leave out the whole table (table:NAME instead of data:NAME), or restore into a new database"
                .to_owned(),
        });
        self.problems.extend(problem);
    }

    /// Finds others that notice a replacement: subscribers of publications, and former owners.
    pub(super) fn check_other_users(&mut self, facts: &TargetFacts, options: &PlanOptions<'_>) {
        if !options.clean {
            return;
        }
        let publications = self.entries.iter().filter(|it| it.kind == "PUBLICATION");
        let published = publications.map(|entry| entry.name.clone());
        self.published = published
            .filter(|name| facts.publications.contains_key(name.raw()))
            .collect();
        let is_others = self.kept_entries().any(|entry| {
            KINDS_IN_SCHEMAS.contains(&entry.kind.raw()) && !entry.owner.is_empty() && entry.owner.raw() != facts.role
        });
        self.new_owner = (is_others && !options.keep_owner).then(|| Untrusted::from(&*facts.role));
    }

    /// Finds schemas that don't exist and that the restore doesn't create, and schemas in which the role can't create
    /// objects.
    pub(super) fn check_schemas(&mut self, facts: &TargetFacts, options: &PlanOptions<'_>) {
        let made: BTreeSet<&str> = self
            .kept_entries()
            .filter(|entry| entry.kind == "SCHEMA")
            .map(|entry| entry.name.raw())
            .collect();
        let used: BTreeSet<&str> = self
            .kept_entries()
            .filter(|entry| KINDS_IN_SCHEMAS.contains(&entry.kind.raw()))
            .map(|entry| entry.schema.raw())
            .filter(|schema| !schema.is_empty() && *schema != "pg_catalog")
            .collect();
        let mut problems = Vec::new();
        for schema in used.iter().filter(|schema| !made.contains(*schema)) {
            problems.extend(schema_problem(schema, facts));
        }
        let news = made
            .iter()
            .filter(|schema| !facts.schemas.contains_key(**schema))
            .count();
        if news > 0 && !facts.may_create {
            problems.push(database_problem(facts));
        }
        let tablespaces: BTreeSet<Untrusted> = self
            .kept_entries()
            .map(|entry| &entry.tablespace)
            .filter(|name| !name.is_empty() && !facts.tablespaces.contains(name.raw()))
            .cloned()
            .collect();
        if !options.keep_going {
            self.problems.extend(problems);
        }
        self.missing_tablespaces = tablespaces;
    }
}

/// The problem of a schema in which objects have to be created and can't be.
fn schema_problem(schema: &str, facts: &TargetFacts) -> Option<TargetProblem> {
    let name = Untrusted::from(schema);
    match facts.schemas.get(schema) {
        Some(there) if there.may_create || facts.is_superuser => None,
        Some(_) => Some(TargetProblem {
            what: format!(
                "the role {} has no right to create objects in the schema {name}",
                Untrusted::from(&*facts.role)
            ),
            cure: format!(
                "restore as the database's owner, or have the owner of the schema run: GRANT CREATE, USAGE ON SCHEMA \
                 {} TO {};",
                ident(schema),
                ident(&facts.role)
            ),
        }),
        None => Some(TargetProblem {
            what: format!("the target has no schema {name}, and this restore doesn't create it"),
            cure: format!("run in the target: CREATE SCHEMA {};", ident(schema)),
        }),
    }
}

/// Whether pg_restore creates an object of that kind and then changes its owner.
fn is_given(kind: &str) -> bool {
    let others = ["EXTENSION", "TABLE DATA", "SEQUENCE SET", "BLOBS", "SECURITY LABEL"];
    !SESSION_KINDS.contains(&kind) && !ANNOTATIONS.contains(&kind) && !others.contains(&kind)
}

/// The problem of roles that exist, and that the restoring role can't make owners.
fn membership_problem(owners: &BTreeSet<String>, role: &str) -> TargetProblem {
    let some: Vec<String> = owners.iter().take(ROLES_NAMED).cloned().collect();
    let more = match owners.len().saturating_sub(ROLES_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named: Vec<String> = some
        .iter()
        .map(|owner| Untrusted::from(&**owner).identifier())
        .collect();
    let quoted: Vec<String> = some.iter().map(|owner| ident(owner)).collect();
    TargetProblem {
        what: format!(
            "the role {} is not a member of {}{more}, and can't make them owners",
            Untrusted::from(role),
            named.join(", ")
        ),
        cure: format!(
            "omit --keep-owner, or have a superuser run: GRANT {} TO {};",
            quoted.join(", "),
            ident(role)
        ),
    }
}

fn database_problem(facts: &TargetFacts) -> TargetProblem {
    let role = Untrusted::from(&*facts.role);
    TargetProblem {
        what: format!("the role {role} has no right to create schemas in the target"),
        cure: "restore as the database's owner, or have the owner grant CREATE ON DATABASE to that role".to_owned(),
    }
}
