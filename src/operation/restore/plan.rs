//! What of a backup is restored into a target, what is left out and why, and what stands in the way of all of it.

use std::collections::{BTreeSet, HashMap};

use super::{
    pattern::Pattern,
    reason::{Reason, Weight},
    rules::{SESSION, Setting, is_of_all_tables},
    words::name_behind,
};
use crate::{
    archive::Entry,
    error::{Error, Lack, Result},
    postgres::{Ability, Questions, TargetFacts, sql::ident},
    text::{Untrusted, shell_quoted},
};

/// Extensions for whoever runs the server: without them nothing of the user's is missing, as long as nothing needs them.
const OPERATORS: &[&str] = &[
    "aiven_extras",
    "aiven_gatekeeper",
    "auto_explain",
    "azure",
    "crunchy_pooler",
    "google_vacuum_mgmt",
    "hypopg",
    "neon",
    "neon_utils",
    "pg_buffercache",
    "pg_repack",
    "pg_stat_kcache",
    "pg_stat_statements",
    "pg_wait_sampling",
    "pgaadauth",
    "pgaudit",
    "pgstattuple",
    "plpgsql",
    "rds_tools",
];

/// Roles that an error names.
const ROLES_NAMED: usize = 10;

/// Kinds that say something of another object and that nothing is lost without, if that is missing or another's.
const REMARKS: &[&str] = &["COMMENT", "ACL", "DEFAULT ACL"];

/// What is asked for, beside what the target allows.
#[derive(Clone, Copy)]
pub(super) struct Wishes<'a> {
    pub(super) leave_out: &'a [Pattern],
    pub(super) only: &'a [Pattern],
    pub(super) clean: bool,
    pub(super) keep_owner: bool,
    pub(super) keep_acl: bool,
    /// leave out what names roles that aren't there
    pub(super) skip_roles: bool,
    /// leave out whatever can't be restored, with all that needs it
    pub(super) keep_going: bool,
}

/// The plan.
pub(super) struct Plan {
    pub(super) entries: Vec<Entry>,
    /// of each entry, in their order
    pub(super) reasons: Vec<Option<Reason>>,
    /// kinds that nobody expects, as an option of pg_restore leaves out all of them
    unasked: &'static [&'static str],
    /// what has to be mended or decided before anything is touched
    pub(super) lacks: Vec<Lack>,
    /// roles that are named and not there
    pub(super) missing_roles: BTreeSet<String>,
    /// tablespaces that the target lacks, whose tables and indexes go to its own
    pub(super) missing_tablespaces: BTreeSet<Untrusted>,
}

/// What has to be known of the target for these entries.
pub(super) fn questions(entries: &[Entry]) -> Questions {
    let mut questions = Questions::default();
    for entry in entries {
        let ability = match entry.kind.raw() {
            "EXTENSION" => {
                questions.extensions.insert(entry.name.raw().to_owned());
                continue;
            }
            "SECURITY LABEL" => {
                questions
                    .label_providers
                    .extend(name_behind("for", entry.definition.raw()));
                continue;
            }
            "EVENT TRIGGER" => Ability::EventTriggers,
            "PUBLICATION" if is_of_all_tables(entry) => Ability::WholePublications,
            "PUBLICATION TABLES IN SCHEMA" => Ability::WholePublications,
            "SUBSCRIPTION" => Ability::Subscriptions,
            "FOREIGN DATA WRAPPER" => Ability::Wrappers,
            _ => continue,
        };
        questions.abilities.insert(ability);
    }
    questions
}

impl Plan {
    /// # Errors
    /// A pattern that names nothing in this backup.
    pub(super) fn new(
        entries: Vec<Entry>,
        facts: &TargetFacts,
        wishes: &Wishes<'_>,
    ) -> Result<Self> {
        let setting = Setting {
            facts,
            clean: wishes.clean,
            keep_acl: wishes.keep_acl,
        };
        let mut plan = Self {
            reasons: vec![None; entries.len()],
            unasked: match wishes.keep_acl {
                true => &[],
                false => &["ACL", "DEFAULT ACL"],
            },
            entries,
            lacks: Vec::new(),
            missing_roles: BTreeSet::new(),
            missing_tablespaces: BTreeSet::new(),
        };
        plan.choose(wishes)?;
        // a platform's own trigger is no loss, though the role may not make it either
        plan.set_reasons(Setting::platform);
        plan.spread();
        plan.set_reasons(|entry| setting.look_at(entry));
        plan.spread();
        plan.set_remarks(&setting);
        plan.look_at_extensions(wishes);
        plan.look_at_roles(&setting, wishes);
        plan.look_at_places(facts, wishes);
        Ok(plan)
    }

    /// Roles that somebody has to decide about.
    pub(super) fn lack_of_roles(&self) -> Option<Lack> {
        if self.missing_roles.is_empty() {
            return None;
        }
        let some = self.missing_roles.iter().take(ROLES_NAMED);
        let mut names: Vec<String> = some
            .map(|role| Untrusted::from(&**role).identifier())
            .collect();
        if self.missing_roles.len() > ROLES_NAMED {
            names.push(format!("{} more", self.missing_roles.len() - ROLES_NAMED));
        }
        Some(Lack {
            what: format!(
                "these roles are named in policies, user mappings, owners or privileges, and are not there: {}",
                names.join(", ")
            ),
            cure: "--roles create makes them, without a login (the role that restores must be allowed to); --roles skip leaves out what names them".to_owned(),
        })
    }

    /// The ids of what is restored, in their order.
    pub(super) fn kept(&self) -> Vec<i32> {
        self.kept_entries().map(|entry| entry.id).collect()
    }

    pub(super) fn kept_entries(&self) -> impl Iterator<Item = &Entry> {
        let both = self.entries.iter().zip(&self.reasons);
        both.filter(|(_, reason)| reason.is_none())
            .map(|(entry, _)| entry)
    }

    /// What is left out, each with its reason, and what that means.
    pub(super) fn left_out(&self) -> impl Iterator<Item = (&Entry, &Reason, Weight)> {
        let both = self.entries.iter().zip(&self.reasons);
        let expected = both.filter(|(entry, _)| !self.unasked.contains(&entry.kind.raw()));
        expected.filter_map(|(entry, reason)| {
            let reason = reason.as_ref()?;
            Some((entry, reason, self.weight(entry, reason)))
        })
    }

    fn weight(&self, entry: &Entry, reason: &Reason) -> Weight {
        let name = entry.name.raw();
        let root = match reason {
            Reason::Needs(root) => self.reasons[*root].as_ref().unwrap_or(reason),
            own => own,
        };
        match root {
            _ if REMARKS.contains(&entry.kind.raw()) => Weight::None,
            Reason::NoExtension(_)
                if matches!(reason, Reason::NoExtension(_)) && OPERATORS.contains(&name) =>
            {
                Weight::None
            }
            // a platform counts the versions of its own tables there
            Reason::HasRows if name.ends_with("migrations") => Weight::None,
            root => root.weight(),
        }
    }

    fn set_reasons(&mut self, reason: impl Fn(&Entry) -> Option<Reason>) {
        for (entry, place) in self.entries.iter().zip(&mut self.reasons) {
            if place.is_none() {
                *place = reason(entry);
            }
        }
    }

    /// Takes out what is asked for by `--leave-out`, and by `--only` what isn't and isn't needed.
    fn choose(&mut self, wishes: &Wishes<'_>) -> Result<()> {
        for pattern in wishes.leave_out.iter().chain(wishes.only) {
            if !self.entries.iter().any(|entry| pattern.matches(entry)) {
                return Err(Error::usage(
                    format!("{pattern} names nothing in this backup"),
                    "`pg_restore --list` of what `pgcoffer get` writes shows everything in it, by kind, schema and name",
                ));
            }
        }
        let wanted = (!wishes.only.is_empty()).then(|| self.wanted(wishes.only));
        for (at, entry) in self.entries.iter().enumerate() {
            let is_left_out = wishes
                .leave_out
                .iter()
                .any(|pattern| pattern.matches(entry));
            let is_unwanted = wanted.as_ref().is_some_and(|wanted| !wanted.contains(&at));
            if (is_left_out || is_unwanted) && !SESSION.contains(&entry.kind.raw()) {
                self.reasons[at] = Some(Reason::Asked);
            }
        }
        Ok(())
    }

    /// What is named, what belongs to it, and what all of that needs.
    fn wanted(&self, only: &[Pattern]) -> BTreeSet<usize> {
        let by_id = self.by_id();
        let named: BTreeSet<usize> = (0..self.entries.len())
            .filter(|at| {
                only.iter()
                    .any(|pattern| pattern.matches(&self.entries[*at]))
            })
            .collect();
        let mut wanted = named.clone();
        let needs = |at: usize| {
            self.entries[at]
                .needs
                .iter()
                .filter_map(|id| by_id.get(id).copied())
        };
        // what stands on a table, with what else it needs if that is no other table: a key to one that isn't wanted stays away
        let mut grows = true;
        while grows {
            let before = wanted.len();
            for at in 0..self.entries.len() {
                let kind = self.entries[at].kind.raw();
                let stands_on = |need: usize| {
                    wanted.contains(&need)
                        && (named.contains(&need)
                            || OWNERS.contains(&self.entries[need].kind.raw()))
                };
                let is_whole =
                    kind.ends_with("ATTACH") || needs(at).all(|need| wanted.contains(&need));
                if BELONGINGS.contains(&kind)
                    && is_whole
                    && needs(at).any(stands_on)
                    && !wanted.contains(&at)
                {
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

    fn by_id(&self) -> HashMap<i32, usize> {
        let ids = self.entries.iter().enumerate();
        ids.map(|(at, entry)| (entry.id, at)).collect()
    }

    /// Takes out what needs something that is left out and isn't there.
    fn spread(&mut self) {
        let by_id = self.by_id();
        let mut grows = true;
        while grows {
            grows = false;
            for at in 0..self.entries.len() {
                if self.reasons[at].is_some() || SESSION.contains(&self.entries[at].kind.raw()) {
                    continue;
                }
                let root = self.entries[at].needs.iter().find_map(|id| {
                    let need = *by_id.get(id)?;
                    match self.reasons[need].as_ref()? {
                        Reason::Needs(root) => Some(*root),
                        reason => reason.spreads().then_some(need),
                    }
                });
                if let Some(root) = root {
                    self.reasons[at] = Some(Reason::Needs(root));
                    grows = true;
                }
            }
        }
    }

    /// Comments, privileges and labels of what the target has and somebody else owns.
    fn set_remarks(&mut self, setting: &Setting<'_>) {
        let by_id = self.by_id();
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            let is_remark = REMARKS.contains(&entry.kind.raw()) || entry.kind == "SECURITY LABEL";
            let is_about_others = self.reasons[at].is_none()
                && is_remark
                && setting.is_others_schema(entry.schema.raw())
                && entry.needs.iter().any(|id| {
                    by_id
                        .get(id)
                        .is_some_and(|need| self.reasons[*need] == Some(Reason::Present))
                });
            if is_about_others {
                self.reasons[at] = Some(Reason::OwnersOnly);
            }
        }
    }

    /// An extension that can't be made is left out where nothing is lost by it; else somebody has to decide.
    fn look_at_extensions(&mut self, wishes: &Wishes<'_>) {
        for at in 0..self.entries.len() {
            let Some(Reason::NoExtension(why)) = &self.reasons[at] else {
                continue;
            };
            let needing: Vec<&Entry> = self
                .entries
                .iter()
                .zip(&self.reasons)
                .filter(|(entry, reason)| {
                    **reason == Some(Reason::Needs(at)) && !REMARKS.contains(&entry.kind.raw())
                })
                .map(|(entry, _)| entry)
                .collect();
            let Some(first) = needing.first().filter(|_| !wishes.keep_going) else {
                continue;
            };
            let name = &self.entries[at].name;
            self.lacks.push(Lack {
                what: format!(
                    "the extension {name} can't be made there ({why}), and {} needs it{}",
                    label(first),
                    match needing.len() {
                        1 => String::new(),
                        count => format!(", with {} more", count - 1),
                    },
                ),
                cure: format!(
                    "have {name} installed on the target's server, or choose another target; --leave-out {} restores all but what needs it",
                    shell_quoted(&format!("extension:{}", name.raw()))
                ),
            });
        }
    }

    fn look_at_roles(&mut self, setting: &Setting<'_>, wishes: &Wishes<'_>) {
        for at in 0..self.entries.len() {
            let entry = &self.entries[at];
            if self.reasons[at].is_some() {
                continue;
            }
            let mut missing = setting.missing_roles(entry);
            if !missing.is_empty() && wishes.skip_roles {
                self.reasons[at] = Some(Reason::NoRole(missing));
                continue;
            }
            let owner = entry.owner.raw();
            if wishes.keep_owner && !owner.is_empty() && !setting.facts.roles.contains(owner) {
                missing.push(entry.owner.clone());
            }
            self.missing_roles
                .extend(missing.iter().map(|role| role.raw().to_owned()));
        }
    }

    /// Schemas that aren't there and that nothing makes, and rights to make something in those that are.
    fn look_at_places(&mut self, facts: &TargetFacts, wishes: &Wishes<'_>) {
        let made: BTreeSet<&str> = self
            .kept_entries()
            .filter(|entry| entry.kind == "SCHEMA")
            .map(|entry| entry.name.raw())
            .collect();
        let used: BTreeSet<&str> = self
            .kept_entries()
            .filter(|entry| CREATED.contains(&entry.kind.raw()))
            .map(|entry| entry.schema.raw())
            .filter(|schema| !schema.is_empty() && *schema != "pg_catalog")
            .collect();
        let mut lacks = Vec::new();
        for schema in used.iter().filter(|schema| !made.contains(*schema)) {
            lacks.extend(lack_of_place(schema, facts));
        }
        let news = made
            .iter()
            .filter(|schema| !facts.schemas.contains_key(**schema))
            .count();
        if news > 0 && !facts.may_create {
            lacks.push(lack_of_database(facts));
        }
        let tablespaces: BTreeSet<Untrusted> = self
            .kept_entries()
            .map(|entry| &entry.tablespace)
            .filter(|name| !name.is_empty() && !facts.tablespaces.contains(name.raw()))
            .cloned()
            .collect();
        if !wishes.keep_going {
            self.lacks.extend(lacks);
        }
        self.missing_tablespaces = tablespaces;
    }
}

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

/// What it takes the right to make something in a schema for.
const CREATED: &[&str] = &[
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

/// A schema in which something is to be made and can't be.
fn lack_of_place(schema: &str, facts: &TargetFacts) -> Option<Lack> {
    let name = Untrusted::from(schema);
    match facts.schemas.get(schema) {
        Some(there) if there.may_create || facts.is_superuser => None,
        Some(_) => Some(Lack {
            what: format!(
                "the role {} may make nothing in the schema {name}",
                Untrusted::from(&*facts.role)
            ),
            cure: format!(
                "restore as the database's owner, or let the owner of the schema run: GRANT CREATE, USAGE ON SCHEMA {} TO {};",
                ident(schema),
                ident(&facts.role)
            ),
        }),
        None => Some(Lack {
            what: format!("there is no schema {name}, and the backup doesn't make it"),
            cure: format!("run in the target: CREATE SCHEMA {};", ident(schema)),
        }),
    }
}

fn lack_of_database(facts: &TargetFacts) -> Lack {
    let role = Untrusted::from(&*facts.role);
    Lack {
        what: format!("the role {role} may make no schemas there"),
        cure: "restore as the database's owner, or have the owner GRANT CREATE ON DATABASE to that role".to_owned(),
    }
}

/// An entry as a person knows it: `table public.orders`.
pub(super) fn label(entry: &Entry) -> String {
    let kind = entry.kind.raw().to_lowercase();
    let kind = Untrusted::from(kind);
    if entry.schema.is_empty() {
        format!("{kind} {}", entry.name)
    } else {
        format!("{kind} {}.{}", entry.schema, entry.name)
    }
}
