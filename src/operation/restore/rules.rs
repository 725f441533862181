//! The rules by which a single entry is restored or left out.

use super::{
    reason::{RowRefusal, SkipReason},
    statement::{columns, granted_roles, has_keywords, mapped_role, name_after, policy_roles},
};
use crate::{
    archive::Entry,
    postgres::{Ability, ExistingObject, TargetFacts},
    text::Untrusted,
};

/// Schemas that a platform creates in every database and that nobody needs elsewhere: they hold functions and triggers
/// of the platform, and no rows of the user. Found by name, since a dump of a restored dump has lost the owner.
///
/// <https://github.com/heroku/cli/issues/1648>
const PLATFORMS: &[(&str, &str)] = &[("_heroku", "Heroku")];

/// Kinds that only a superuser can create, as PostgreSQL has no other right for them.
const SUPERUSER_KINDS: &[&str] = &[
    "ACCESS METHOD",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "PROCEDURAL LANGUAGE",
    "SHELL TYPE",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE",
];

/// Entries that pg_dump writes for the session, and that every restore needs.
pub(super) const SESSION_KINDS: &[&str] = &[
    "ENCODING",
    "STDSTRINGS",
    "SEARCHPATH",
    "DATABASE",
    "DATABASE PROPERTIES",
];

/// Kinds that belong to a table and have no name of their own in the target's catalogs.
const ON_TABLES: &[&str] = &[
    "DEFAULT",
    "TABLE ATTACH",
    "INDEX ATTACH",
    "SEQUENCE OWNED BY",
    "STATISTICS DATA",
];

/// The target, and the options that the rules depend on.
pub(super) struct TargetRules<'a> {
    pub(super) facts: &'a TargetFacts,
    pub(super) clean: bool,
    pub(super) keep_acl: bool,
}

impl TargetRules<'_> {
    /// Leaves out what a platform creates for its own use.
    pub(super) fn platform(entry: &Entry) -> Option<SkipReason> {
        let place = match entry.kind.raw() {
            "SCHEMA" => entry.name.raw(),
            _ => entry.schema.raw(),
        };
        let (_, platform) = PLATFORMS.iter().find(|(schema, _)| *schema == place)?;
        Some(SkipReason::Platform(platform))
    }

    /// Why the entry is left out; `None` if it is restored.
    pub(super) fn skip_reason(&self, entry: &Entry) -> Option<SkipReason> {
        let (kind, name) = (entry.kind.raw(), entry.name.raw());
        match kind {
            _ if SESSION_KINDS.contains(&kind) => None,
            "SCHEMA" => self.schema(name),
            "EXTENSION" => self.extension(name),
            "COMMENT" => self.comment(entry),
            "ACL" | "DEFAULT ACL" => self.privilege(entry),
            "SECURITY LABEL" => self.label(entry),
            _ => self
                .missing_right(entry)
                .or_else(|| self.database_object(entry))
                .or_else(|| self.others_schema(entry)),
        }
    }

    /// The roles that the entry names and that don't exist in the target.
    pub(super) fn missing_roles(&self, entry: &Entry) -> Vec<Untrusted> {
        let definition = entry.definition.raw();
        let named = match entry.kind.raw() {
            "POLICY" => policy_roles(definition),
            "USER MAPPING" => mapped_role(definition),
            "ACL" | "DEFAULT ACL" if self.keep_acl => granted_roles(definition),
            _ => return Vec::new(),
        };
        let missing = named.into_iter().filter(|role| !self.facts.roles.contains_key(role));
        missing.map(Untrusted::from).collect()
    }

    fn schema(&self, name: &str) -> Option<SkipReason> {
        // the entry of public creates nothing
        let is_there = name != "public" && self.facts.schemas.contains_key(name);
        is_there.then_some(SkipReason::Present)
    }

    fn extension(&self, name: &str) -> Option<SkipReason> {
        if let Some(there) = self.facts.extensions.get(name) {
            return (!there.is_own).then_some(SkipReason::Present);
        }
        let why = self.facts.abilities.extensions.get(name)?;
        Some(SkipReason::NoExtension(why.clone()))
    }

    /// CREATE EXTENSION sets the extension's own comment. Only the extension's owner may change it, and on platforms
    /// that is never the customer.
    fn comment(&self, entry: &Entry) -> Option<SkipReason> {
        if self.facts.is_superuser {
            return None;
        }
        let name = entry.name.raw();
        let is_others = match name.split_once(' ') {
            Some(("EXTENSION", _)) => true,
            Some(("SCHEMA", schema)) => self.is_others_schema(schema),
            _ => false,
        };
        is_others.then_some(SkipReason::OwnerOnly)
    }

    /// Leaves out privileges on objects of PostgreSQL itself, on what a superuser alone can own, and on schemas of other
    /// roles. The server would pass over some of them with a warning.
    fn privilege(&self, entry: &Entry) -> Option<SkipReason> {
        let schema = entry.schema.raw();
        let is_systems = ["pg_catalog", "information_schema"].contains(&schema);
        let mut of_superusers = ["LANGUAGE ", "FOREIGN DATA WRAPPER "].into_iter();
        let is_superusers = of_superusers.any(|kind| entry.name.raw().starts_with(kind));
        let is_schemas = entry
            .name
            .raw()
            .strip_prefix("SCHEMA ")
            .is_some_and(|schema| self.is_others_schema(schema));
        let of_other = name_after("role", entry.definition.raw()).is_some_and(|role| role != self.facts.role);
        let is_default = entry.kind == "DEFAULT ACL" && of_other;
        let is_others = !self.facts.is_superuser && (is_systems || is_superusers || is_schemas || is_default);
        (self.keep_acl && is_others).then_some(SkipReason::OwnerOnly)
    }

    fn label(&self, entry: &Entry) -> Option<SkipReason> {
        let provider = name_after("for", entry.definition.raw())?;
        let is_missing = self.facts.abilities.label_providers.contains(&provider);
        is_missing.then(|| SkipReason::NoProvider(provider.into()))
    }

    /// Leaves out what the role has no right to create.
    fn missing_right(&self, entry: &Entry) -> Option<SkipReason> {
        if self.facts.is_superuser {
            return None;
        }
        let (kind, definition) = (entry.kind.raw(), entry.definition.raw());
        if let Some(ability) = ability(entry) {
            let is_refused = self.facts.abilities.lacking.contains(&ability);
            return is_refused.then_some(match self.has(entry) {
                true => SkipReason::NotReplaceable,
                false => SkipReason::NoPrivilege,
            });
        }
        let is_refused = match kind {
            _ if SUPERUSER_KINDS.contains(&kind) => !self.is_there(entry),
            "SERVER" => name_after("wrapper", definition)
                .is_some_and(|wrapper| self.facts.wrappers.get(&wrapper) == Some(&false)),
            "TYPE" => has_keywords(&["input"], definition) && definition.contains("INPUT = "),
            "CAST" => has_keywords(&["without", "function"], definition),
            "AGGREGATE" => has_keywords(&["stype"], definition) && definition.contains("STYPE = internal"),
            "FUNCTION" | "PROCEDURE" => name_after("language", definition)
                .is_some_and(|language| self.facts.languages.get(&language) == Some(&false)),
            _ => false,
        };
        is_refused.then_some(SkipReason::NoPrivilege)
    }

    /// Leaves out what already exists, for kinds whose names are unique in the database. A server of the same name may
    /// lead elsewhere, and another role's publication can't be extended: what belongs to these is left out, too.
    fn database_object(&self, entry: &Entry) -> Option<SkipReason> {
        let name = entry.name.raw();
        match entry.kind.raw() {
            "SERVER" if self.stays(self.facts.servers.get(name)) => Some(SkipReason::OwnedByOther),
            "PUBLICATION" if self.facts.publications.get(name) == Some(&false) => Some(SkipReason::OwnedByOther),
            _ => self.is_there(entry).then_some(SkipReason::Present),
        }
    }

    /// Whether the target has an object of that kind and name.
    fn has(&self, entry: &Entry) -> bool {
        let (facts, name) = (self.facts, entry.name.raw());
        match entry.kind.raw() {
            "EVENT TRIGGER" => facts.event_triggers.contains_key(name),
            "PUBLICATION" => facts.publications.contains_key(name),
            "SUBSCRIPTION" => facts.subscriptions.contains(name),
            "FOREIGN DATA WRAPPER" => facts.wrappers.contains_key(name),
            _ => false,
        }
    }

    /// Whether an object that the target may have is kept. `--clean` replaces only what the role owns.
    fn stays(&self, is_own: Option<&bool>) -> bool {
        is_own.is_some_and(|is_own| !self.clean || !is_own)
    }

    fn is_there(&self, entry: &Entry) -> bool {
        let name = entry.name.raw();
        match entry.kind.raw() {
            "EVENT TRIGGER" => self.stays(self.facts.event_triggers.get(name)),
            "PUBLICATION" => self.stays(self.facts.publications.get(name)),
            // it owns a replication slot at its publisher, and no transaction can drop one
            "SUBSCRIPTION" => self.facts.subscriptions.contains(name),
            "FOREIGN DATA WRAPPER" => !self.clean && self.facts.wrappers.contains_key(name),
            "PROCEDURAL LANGUAGE" => self.facts.languages.contains_key(name),
            _ => false,
        }
    }

    /// Decides about entries of a schema that the target has and another role owns.
    fn others_schema(&self, entry: &Entry) -> Option<SkipReason> {
        let schema = entry.schema.raw();
        if !self.is_others_schema(schema) {
            return None;
        }
        let (kind, name) = (entry.kind.raw(), entry.name.raw());
        let find = |kind: &str, name: &str| {
            let key = (kind.to_owned(), schema.to_owned(), name.to_owned());
            self.facts.present.get(&key)
        };
        let table = |name: &str| find("TABLE", name.split(' ').next().unwrap_or(name));
        let part = || find("SEQUENCE", name).or_else(|| find("INDEX", name));
        let is_remade = self.clean && kind == "TRIGGER" && table(name).is_some_and(|table| table.may_modify);
        if find(kind, name).is_some() && !is_remade {
            return Some(SkipReason::Present);
        }
        match kind {
            // rows of a table with row level security must not go into a table without it
            "ROW SECURITY" => table(name).map(|table| match table.has_row_security {
                true => SkipReason::Present,
                false => SkipReason::OwnedByOther,
            }),
            "TABLE DATA" => find("TABLE", name).and_then(|table| rows_refusal(table, entry)),
            "SEQUENCE SET" => find("SEQUENCE", name)
                .filter(|sequence| !sequence.may_modify)
                .map(|_| SkipReason::TakesNoRows(RowRefusal::NoInsert)),
            "TRIGGER" if table(name).is_some_and(|table| table.may_modify) => None,
            _ if ON_TABLES.contains(&kind) && table(name).or_else(part).is_some() => Some(SkipReason::Present),
            _ if table(name).is_some() => Some(SkipReason::OwnedByOther),
            // a missing right to create in public is reported as a problem before anything is changed
            _ if schema == "public" => None,
            _ => (!self.may_create_in(schema)).then_some(SkipReason::OwnedByOther),
        }
    }

    pub(super) fn is_others_schema(&self, name: &str) -> bool {
        self.facts.schemas.get(name).is_some_and(|schema| !schema.is_own)
    }

    fn may_create_in(&self, name: &str) -> bool {
        self.facts.schemas.get(name).is_some_and(|schema| schema.may_create)
    }
}

/// Why the target's own table can't take the rows of the entry; `None` if it can.
pub(super) fn rows_refusal(table: &ExistingObject, entry: &Entry) -> Option<SkipReason> {
    if !table.is_empty {
        return Some(match table.is_unseen {
            true => SkipReason::TakesNoRows(RowRefusal::Unseen),
            false => SkipReason::HasRows,
        });
    }
    let wanted = columns(entry.copy.raw());
    let refusal = match &table.columns {
        None => Some(RowRefusal::NoInsert),
        Some(there) if !wanted.iter().all(|column| there.contains(column)) => Some(RowRefusal::OtherColumns),
        Some(_) => table.has_triggers.then_some(RowRefusal::Triggers),
    };
    refusal.map(SkipReason::TakesNoRows)
}

/// The special right that the entry needs; `None` if an ordinary role can create it.
pub(super) fn ability(entry: &Entry) -> Option<Ability> {
    match entry.kind.raw() {
        "EVENT TRIGGER" => Some(Ability::EventTriggers),
        "PUBLICATION" if is_of_all_tables(entry) => Some(Ability::WholePublications),
        "PUBLICATION TABLES IN SCHEMA" => Some(Ability::WholePublications),
        "SUBSCRIPTION" => Some(Ability::Subscriptions),
        "FOREIGN DATA WRAPPER" => Some(Ability::Wrappers),
        _ => None,
    }
}

fn is_of_all_tables(entry: &Entry) -> bool {
    has_keywords(&["for", "all", "tables"], entry.definition.raw())
}
