//! What a role may do beyond its own objects, found by trying it in a transaction that is rolled back.

use std::collections::{BTreeMap, BTreeSet};

use super::extensions::{ExtensionTable, TABLES};
use super::{RequiredFacts, TargetFacts};
use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::{ident, literal};
use crate::postgres::wire::Row;
use crate::text::Untrusted;

/// Rights that PostgreSQL reserves for superusers, and that some platforms grant to their customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ability {
    /// `CREATE EVENT TRIGGER`.
    EventTriggers,
    /// `CREATE PUBLICATION … FOR ALL TABLES` and `FOR TABLES IN SCHEMA`.
    WholePublications,
    /// `CREATE SUBSCRIPTION`.
    Subscriptions,
    /// `CREATE FOREIGN DATA WRAPPER`.
    Wrappers,
}

impl Ability {
    /// The statements that are tried. They fail for a missing right, or create something that is rolled back.
    fn attempt(self) -> &'static str {
        match self {
            Self::EventTriggers => {
                "CREATE FUNCTION pg_temp.pgcoffer_probe() RETURNS pg_catalog.event_trigger LANGUAGE plpgsql AS 'BEGIN \
                 END';
                 CREATE EVENT TRIGGER pgcoffer_probe ON ddl_command_end EXECUTE FUNCTION pg_temp.pgcoffer_probe()"
            }
            Self::WholePublications => "CREATE PUBLICATION pgcoffer_probe FOR ALL TABLES",
            Self::Subscriptions => {
                "CREATE SUBSCRIPTION pgcoffer_probe CONNECTION 'password=x' PUBLICATION pgcoffer_probe WITH (connect = \
                 false, slot_name = NONE)"
            }
            Self::Wrappers => "CREATE FOREIGN DATA WRAPPER pgcoffer_probe",
        }
    }
}

/// What the role may do.
#[derive(Clone, Debug, Default)]
pub struct Abilities {
    /// The needed rights that the role lacks.
    pub lacking: BTreeSet<Ability>,
    /// The needed extensions that can't be created here.
    pub extensions: BTreeMap<String, MissingExtension>,
    /// The needed label providers that are not loaded here.
    pub label_providers: BTreeSet<String>,
}

/// An extension that can't be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingExtension {
    /// The server's reason.
    pub why: Untrusted,
    /// What it takes to create it.
    pub takes: ExtensionNeed,
}

/// What it takes to create an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionNeed {
    /// Its files on the server.
    Files,
    /// A superuser, or who else the server's provider lets create it.
    Superuser,
    /// The right to create in the database.
    CreateOnDatabase,
    /// That the server's provider allows it.
    Permission,
}

/// The result of trying to create an extension.
enum ExtensionTrial {
    /// It was created. Holds its tables whose rows a dump contains.
    Made(Vec<((String, String), ExtensionTable)>),
    /// A right is missing. Holds the server's message, and whether it is one of PostgreSQL itself, and not a rule of the
    /// server's provider.
    Refused(Untrusted, bool),
    /// It failed for another reason, which the restore will report.
    Failed,
}

/// The extensions whose files the server has, at their default version, and whether a role that can create schemas can
/// create them too.
const AVAILABLE: &str = "
    SELECT a.name, NOT v.superuser OR v.trusted
      FROM pg_catalog.pg_available_extensions AS a
           JOIN pg_catalog.pg_available_extension_versions AS v
                ON v.name OPERATOR(pg_catalog.=) a.name AND v.version OPERATOR(pg_catalog.=) a.default_version";

impl Session {
    pub(super) async fn abilities(
        &mut self,
        required: &RequiredFacts,
        facts: &mut TargetFacts,
    ) -> Result<Abilities, Error> {
        let mut found = Abilities::default();
        for ability in &required.abilities {
            if !facts.is_superuser && self.is_refused(ability.attempt()).await?.is_some() {
                found.lacking.insert(*ability);
            }
        }
        for provider in &required.label_providers {
            let attempt = format!("SECURITY LABEL FOR {} ON SCHEMA pg_catalog IS NULL", ident(provider));
            if self.fails_by(&attempt, NO_PROVIDER).await? {
                found.label_providers.insert(provider.clone());
            }
        }
        found.extensions = self.missing_extensions(required, facts).await?;
        Ok(found)
    }

    async fn missing_extensions(
        &mut self,
        required: &RequiredFacts,
        facts: &mut TargetFacts,
    ) -> Result<BTreeMap<String, MissingExtension>, Error> {
        const WHAT: &str = "look for extensions";
        let rows = self.rows(WHAT, AVAILABLE).await?;
        let mut available = BTreeMap::new();
        for row in &rows {
            let name: String = self.column(row, 0, WHAT)?;
            available.insert(name, self.column::<bool>(row, 1, WHAT)?);
        }
        let mut missing = BTreeMap::new();
        for (name, schema) in &required.extensions {
            if facts.extensions.contains_key(name) {
                continue;
            }
            let is_allowed = facts.is_superuser || (facts.may_create && available.get(name) == Some(&true));
            let fault = match available.get(name) {
                None => Some(MissingExtension {
                    why: "the server doesn't have its files".into(),
                    takes: ExtensionNeed::Files,
                }),
                Some(_) if is_allowed && !required.has_rows_of_extensions => None,
                Some(is_for_ordinary_roles) => {
                    let attempt = extension_attempt(name, schema.as_deref(), facts);
                    match self.try_extension(name, &attempt).await? {
                        ExtensionTrial::Made(tables) => {
                            facts.extension_tables.extend(tables);
                            None
                        }
                        ExtensionTrial::Refused(why, is_right) if !is_allowed => Some(MissingExtension {
                            why,
                            takes: match (is_right, is_for_ordinary_roles) {
                                (false, _) => ExtensionNeed::Permission,
                                (true, true) => ExtensionNeed::CreateOnDatabase,
                                (true, false) => ExtensionNeed::Superuser,
                            },
                        }),
                        ExtensionTrial::Refused(..) | ExtensionTrial::Failed => {
                            facts.unknown_extensions.insert(name.clone());
                            None
                        }
                    }
                }
            };
            if let Some(fault) = fault {
                missing.insert(name.clone(), fault);
            }
        }
        Ok(missing)
    }

    async fn try_extension(&mut self, name: &str, attempt: &str) -> Result<ExtensionTrial, Error> {
        let attempt = format!(
            "{attempt}; {TABLES} WHERE x.extname OPERATOR(pg_catalog.=) {}",
            literal(name)
        );
        match self.attempt(&attempt).await {
            Ok(rows) => {
                let tables = rows.iter().map(|row| self.extension_table(row));
                Ok(ExtensionTrial::Made(tables.collect::<Result<_, _>>()?))
            }
            Err(Error::Query { code, message, .. }) if REFUSALS.contains(&code.as_str()) => {
                Ok(ExtensionTrial::Refused(message, code == MISSING_RIGHT))
            }
            Err(Error::Query { .. }) => Ok(ExtensionTrial::Failed),
            Err(error) => Err(error),
        }
    }

    /// The server's message, if a right is missing or the platform refuses it. Other errors are left for the restore to
    /// report.
    async fn is_refused(&mut self, attempt: &str) -> Result<Option<Untrusted>, Error> {
        match self.attempt(attempt).await {
            Ok(_) => Ok(None),
            Err(Error::Query { code, message, .. }) if REFUSALS.contains(&code.as_str()) => Ok(Some(message)),
            Err(Error::Query { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn fails_by(&mut self, attempt: &str, wanted: &str) -> Result<bool, Error> {
        match self.attempt(attempt).await {
            Ok(_) => Ok(false),
            Err(Error::Query { code, .. }) => Ok(code == wanted),
            Err(error) => Err(error),
        }
    }

    /// Runs statements in a transaction that can write, and rolls it back.
    async fn attempt(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        let steps = format!(
            "BEGIN TRANSACTION READ WRITE;
             SET LOCAL search_path = pg_catalog, pg_temp;
             SET LOCAL statement_timeout = '1min';
             SET LOCAL lock_timeout = '2s';
             SET LOCAL application_name = {};
             {sql};
             ROLLBACK",
            literal("pgcoffer trying what the role may do")
        );
        let result = self.wire.run(&steps).await;
        if result.is_err() && self.wire.is_in_transaction {
            // if this fails too, the next statement reports it
            let _ = self.wire.run("ROLLBACK").await;
        }
        result.map_err(|error| self.explained("try what the role may do", error))
    }
}

/// The statement with which the archive creates the extension, in its schema, with its requirements.
fn extension_attempt(name: &str, schema: Option<&str>, facts: &TargetFacts) -> String {
    let Some(schema) = schema else {
        return format!("CREATE EXTENSION {} CASCADE", ident(name));
    };
    let place = match facts.schemas.contains_key(schema) {
        true => String::new(),
        false => format!("CREATE SCHEMA {};", ident(schema)),
    };
    format!(
        "{place} CREATE EXTENSION {} WITH SCHEMA {} CASCADE",
        ident(name),
        ident(schema)
    )
}

/// `insufficient_privilege`.
const MISSING_RIGHT: &str = "42501";

/// Missing right; a platform's allow list (Azure sends 0A000 or 22023); a platform's own trigger.
///
/// <https://learn.microsoft.com/azure/postgresql/extensions/errors-extensions>
const REFUSALS: &[&str] = &[MISSING_RIGHT, "0A000", "22023", "P0001", "58P01"];

/// `invalid_parameter_value`: the label provider is not loaded.
const NO_PROVIDER: &str = "22023";
