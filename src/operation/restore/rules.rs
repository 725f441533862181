//! What can't, or need not, be restored into a target: one entry looked at by itself.

use super::{
    reason::{Reason, Refusal},
    words::{columns, granted_roles, mapped_role, name_behind, policy_roles, says},
};
use crate::{
    archive::Entry,
    postgres::{Ability, Present, TargetFacts},
    text::Untrusted,
};

/// What a platform puts into every database and nobody wants elsewhere: functions and triggers of its own, without a
/// row of the user's. Named by the schema, since a dump of a dump has lost the owner.
///
/// <https://github.com/heroku/cli/issues/1648>
const PLATFORMS: &[(&str, &str)] = &[("_heroku", "Heroku")];

/// What is no superuser's business elsewhere either: kinds for which PostgreSQL has no right but that.
const SUPERUSERS: &[&str] = &[
    "ACCESS METHOD",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "PROCEDURAL LANGUAGE",
    "SHELL TYPE",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE",
];

/// Kinds that pg_dump writes for itself, and that every restore needs.
pub(super) const SESSION: &[&str] = &[
    "ENCODING",
    "STDSTRINGS",
    "SEARCHPATH",
    "DATABASE",
    "DATABASE PROPERTIES",
];

/// Kinds that stand on a table and have no name of their own among what a target has.
const ON_TABLES: &[&str] = &[
    "DEFAULT",
    "TABLE ATTACH",
    "INDEX ATTACH",
    "SEQUENCE OWNED BY",
    "STATISTICS DATA",
];

/// What is to be restored into, and how.
pub(super) struct Setting<'a> {
    pub(super) facts: &'a TargetFacts,
    pub(super) clean: bool,
    pub(super) keep_acl: bool,
}

impl Setting<'_> {
    /// Whether it is what a platform makes for itself.
    pub(super) fn platform(entry: &Entry) -> Option<Reason> {
        let place = match entry.kind.raw() {
            "SCHEMA" => entry.name.raw(),
            _ => entry.schema.raw(),
        };
        let (_, platform) = PLATFORMS.iter().find(|(schema, _)| *schema == place)?;
        Some(Reason::Platform(platform))
    }

    /// Why the entry is left out, if it is.
    pub(super) fn look_at(&self, entry: &Entry) -> Option<Reason> {
        let (kind, name) = (entry.kind.raw(), entry.name.raw());
        match kind {
            _ if SESSION.contains(&kind) => None,
            "SCHEMA" => self.schema(name),
            "EXTENSION" => self.extension(name),
            "COMMENT" => self.comment(entry),
            "ACL" | "DEFAULT ACL" => self.privilege(entry),
            "SECURITY LABEL" => self.label(entry),
            _ => self
                .superusers(entry)
                .or_else(|| self.elsewhere(entry))
                .or_else(|| self.others_schema(entry)),
        }
    }

    /// The roles that the entry names and that the target lacks.
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

    fn schema(&self, name: &str) -> Option<Reason> {
        // the entry of public makes nothing
        let is_there = name != "public" && self.facts.schemas.contains_key(name);
        is_there.then_some(Reason::Present)
    }

    fn extension(&self, name: &str) -> Option<Reason> {
        if let Some(there) = self.facts.extensions.get(name) {
            return (!there.is_own).then_some(Reason::Present);
        }
        let why = self.facts.abilities.extensions.get(name)?;
        Some(Reason::NoExtension(why.clone()))
    }

    /// CREATE EXTENSION has set the extension's own comment; only its owner may, and on platforms that is never the
    /// customer.
    fn comment(&self, entry: &Entry) -> Option<Reason> {
        if self.facts.is_superuser {
            return None;
        }
        let name = entry.name.raw();
        let is_others = match name.split_once(' ') {
            Some(("EXTENSION", _)) => true,
            Some(("SCHEMA", schema)) => self.is_others_schema(schema),
            _ => false,
        };
        is_others.then_some(Reason::OwnersOnly)
    }

    /// Privileges on what PostgreSQL itself has, and on schemas of somebody else.
    fn privilege(&self, entry: &Entry) -> Option<Reason> {
        let schema = entry.schema.raw();
        let is_systems = ["pg_catalog", "information_schema"].contains(&schema);
        let is_schemas = entry
            .name
            .raw()
            .strip_prefix("SCHEMA ")
            .is_some_and(|schema| self.is_others_schema(schema));
        let of_other = name_behind("role", entry.definition.raw()).is_some_and(|role| role != self.facts.role);
        let is_default = entry.kind == "DEFAULT ACL" && of_other;
        let is_others = !self.facts.is_superuser && (is_systems || is_schemas || is_default);
        (self.keep_acl && is_others).then_some(Reason::OwnersOnly)
    }

    fn label(&self, entry: &Entry) -> Option<Reason> {
        let provider = name_behind("for", entry.definition.raw())?;
        let is_missing = self.facts.abilities.label_providers.contains(&provider);
        is_missing.then(|| Reason::NoProvider(provider.into()))
    }

    /// What the role has no right to make.
    fn superusers(&self, entry: &Entry) -> Option<Reason> {
        if self.facts.is_superuser {
            return None;
        }
        let (kind, definition) = (entry.kind.raw(), entry.definition.raw());
        if let Some(ability) = ability(entry) {
            let is_refused = self.facts.abilities.lacking.contains(&ability);
            return is_refused.then_some(match self.has(entry) {
                true => Reason::Kept,
                false => Reason::NoRight,
            });
        }
        let is_refused = match kind {
            _ if SUPERUSERS.contains(&kind) => !self.is_there(entry),
            "SERVER" => name_behind("wrapper", definition)
                .is_some_and(|wrapper| self.facts.wrappers.get(&wrapper) == Some(&false)),
            "TYPE" => says(&["input"], definition) && definition.contains("INPUT = "),
            "CAST" => says(&["without", "function"], definition),
            "AGGREGATE" => says(&["stype"], definition) && definition.contains("STYPE = internal"),
            "FUNCTION" | "PROCEDURE" => name_behind("language", definition)
                .is_some_and(|language| self.facts.languages.get(&language) == Some(&false)),
            _ => false,
        };
        is_refused.then_some(Reason::NoRight)
    }

    /// What has its name in the database as a whole, and is there. A server of that name may lead elsewhere, and a
    /// publication of another role's can't be added to: what belongs to these stays away.
    fn elsewhere(&self, entry: &Entry) -> Option<Reason> {
        let name = entry.name.raw();
        match entry.kind.raw() {
            "SERVER" if self.stays(self.facts.servers.get(name)) => Some(Reason::OthersPlace),
            "PUBLICATION" if self.facts.publications.get(name) == Some(&false) => Some(Reason::OthersPlace),
            _ => self.is_there(entry).then_some(Reason::Present),
        }
    }

    /// Whether the target has something of that name.
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

    /// Whether something that may be there stays as it is: --clean replaces what is the role's own.
    fn stays(&self, is_own: Option<&bool>) -> bool {
        is_own.is_some_and(|is_own| !self.clean || !is_own)
    }

    fn is_there(&self, entry: &Entry) -> bool {
        let name = entry.name.raw();
        match entry.kind.raw() {
            "EVENT TRIGGER" => self.stays(self.facts.event_triggers.get(name)),
            "PUBLICATION" => self.stays(self.facts.publications.get(name)),
            // a publisher's slot hangs on it, and no transaction can drop one
            "SUBSCRIPTION" => self.facts.subscriptions.contains(name),
            "FOREIGN DATA WRAPPER" => !self.clean && self.facts.wrappers.contains_key(name),
            "PROCEDURAL LANGUAGE" => self.facts.languages.contains_key(name),
            _ => false,
        }
    }

    /// What belongs into a schema that the target has and that belongs to somebody else.
    fn others_schema(&self, entry: &Entry) -> Option<Reason> {
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
        let is_remade = self.clean && kind == "TRIGGER" && table(name).is_some_and(|table| table.may_touch);
        if find(kind, name).is_some() && !is_remade {
            return Some(Reason::Present);
        }
        match kind {
            // the rows of a table that was closed must not stand in one that is open
            "ROW SECURITY" => table(name).map(|table| match table.has_row_security {
                true => Reason::Present,
                false => Reason::OthersPlace,
            }),
            "TABLE DATA" => find("TABLE", name).and_then(|table| rows(table, entry)),
            "SEQUENCE SET" => find("SEQUENCE", name)
                .filter(|sequence| !sequence.may_touch)
                .map(|_| Reason::TakesNoRows(Refusal::NoInsert)),
            "TRIGGER" if table(name).is_some_and(|table| table.may_touch) => None,
            _ if ON_TABLES.contains(&kind) && table(name).or_else(part).is_some() => Some(Reason::Present),
            _ if table(name).is_some() => Some(Reason::OthersPlace),
            // what nobody may make in public is told before anything is touched
            _ if schema == "public" => None,
            _ => (!self.may_create_in(schema)).then_some(Reason::OthersPlace),
        }
    }

    pub(super) fn is_others_schema(&self, name: &str) -> bool {
        self.facts.schemas.get(name).is_some_and(|schema| !schema.is_own)
    }

    fn may_create_in(&self, name: &str) -> bool {
        self.facts.schemas.get(name).is_some_and(|schema| schema.may_create)
    }
}

/// Why the target's own table does not take the rows of that entry.
fn rows(table: &Present, entry: &Entry) -> Option<Reason> {
    if !table.is_empty {
        return Some(Reason::HasRows);
    }
    let wanted = columns(entry.copy.raw());
    let refusal = match &table.columns {
        None => Some(Refusal::NoInsert),
        Some(there) if !wanted.iter().all(|column| there.contains(column)) => Some(Refusal::OtherColumns),
        Some(_) => table.has_triggers.then_some(Refusal::Triggers),
    };
    refusal.map(Reason::TakesNoRows)
}

/// What it takes more than a plain role for.
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
    says(&["for", "all", "tables"], entry.definition.raw())
}
