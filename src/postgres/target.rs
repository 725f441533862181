//! What the target of a restore contains, and what its role may do there, found before anything is changed.
//!
//! A platform creates its own schemas, extensions and event triggers in every new database, and its customers are not
//! superusers. A role's rights are found by trying in a transaction that is rolled back, not by the platform's name:
//! platforms grant some rights of a superuser to ordinary roles.

mod abilities;
mod any_rows;
mod built;
mod connections;
mod dependants;
mod existing;
mod extensions;
mod foreign_keys;
mod grants;
mod rehearsal;
mod roles;
mod trial;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::error::Error;
use super::session::Session;
use super::sql::ident;

pub use abilities::{Abilities, Ability, ExtensionNeed, MissingExtension};
pub use built::BuiltObjects;
pub use connections::ConnectionRoom;
pub use existing::ExistingObject;
pub use extensions::{Extension, ExtensionTable};
pub use foreign_keys::{CHECK_ALL, ForeignKey, Reference};
pub use grants::DefaultGrant;
pub use rehearsal::{DropStatements, DroppedObject, ObjectIdentity};
pub use trial::{DefinitionRefusal, DefinitionTrial};

/// The facts about a target that one archive needs.
#[derive(Clone, Debug, Default)]
pub struct RequiredFacts {
    /// The extensions that the archive creates, with the schema of each.
    pub extensions: BTreeMap<String, Option<String>>,
    /// Whether the archive has rows of tables that extensions create. It doesn't say which extension.
    pub has_rows_of_extensions: bool,
    /// The providers of its security labels.
    pub label_providers: BTreeSet<String>,
    /// The special rights that it needs.
    pub abilities: BTreeSet<Ability>,
    /// The tables that the archive has rows of, by schema and name.
    pub with_rows: BTreeSet<(String, String)>,
    /// Whether rows are loaded into tables of the target that the restoring role owns.
    pub takes_rows_into_own: bool,
    /// Whether the target may have objects of the restoring role, so that these are looked at as well.
    pub is_in_use: bool,
}

/// The facts about a restore's target.
#[derive(Clone, Debug, Default)]
pub struct TargetFacts {
    /// The role that restores.
    pub role: String,
    /// Whether it is a superuser.
    pub is_superuser: bool,
    /// Whether the role can create schemas in the database, and so trusted extensions.
    pub may_create: bool,
    /// Whether PUBLIC can connect to the database.
    pub is_open: bool,
    /// Whether PUBLIC can create objects in the schema `public`.
    pub is_public_open: bool,
    /// The default privileges on objects that the role creates.
    pub default_grants: Vec<DefaultGrant>,
    /// The kinds of objects, as in [`DefaultGrant`], that are closed to PUBLIC when the role creates them, and which
    /// PostgreSQL itself would leave open.
    pub kinds_not_for_public: Vec<String>,
    /// All roles; true if the restoring role can make it the owner of objects.
    pub roles: BTreeMap<String, bool>,
    /// All schemas by name.
    pub schemas: BTreeMap<String, Schema>,
    /// All extensions by name.
    pub extensions: BTreeMap<String, Extension>,
    /// Tables and sequences of extensions whose rows a dump contains, by schema and name. For extensions that the
    /// target doesn't have, those that they would create.
    pub extension_tables: BTreeMap<(String, String), ExtensionTable>,
    /// Extensions that the target doesn't have and whose tables could not be found out.
    pub unknown_extensions: BTreeSet<String>,
    /// The tablespaces that the role can use.
    pub tablespaces: BTreeSet<String>,
    /// All event triggers; true if the role owns it.
    pub event_triggers: BTreeMap<String, bool>,
    /// All publications; true if the role owns it.
    pub publications: BTreeMap<String, bool>,
    /// The roles that get rights on new objects by the role's default privileges.
    pub granted_by_default: BTreeSet<String>,
    /// All subscriptions.
    pub subscriptions: BTreeSet<String>,
    /// All foreign data wrappers; true if the role can use it.
    pub wrappers: BTreeMap<String, bool>,
    /// All foreign servers; true if the role owns it.
    pub servers: BTreeMap<String, bool>,
    /// All languages; true if the role can use it.
    pub languages: BTreeMap<String, bool>,
    /// The objects in schemas that the role doesn't own, and with [`RequiredFacts::is_in_use`] in all schemas of users,
    /// by pg_dump's kind, schema and name.
    pub present: HashMap<(String, String, String), ExistingObject>,
    /// What the role may do, and which extensions and label providers are missing.
    pub abilities: Abilities,
}

/// A schema of the target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Schema {
    /// Whether the restoring role owns it.
    pub is_own: bool,
    /// Whether the restoring role can create objects in it.
    pub may_create: bool,
}

const ROLE: &str = "
    SELECT r.rolname, r.rolsuper, pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
           pg_catalog.has_database_privilege('public', pg_catalog.current_database(), 'CONNECT'),
           EXISTS (SELECT FROM pg_catalog.pg_namespace AS n
                    WHERE n.nspname OPERATOR(pg_catalog.=) 'public' AND pg_catalog.has_schema_privilege('public', \
                        n.oid, 'CREATE'))
      FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user";

const SCHEMAS: &str = "
    SELECT n.nspname, pg_catalog.pg_has_role(n.nspowner, 'USAGE'), pg_catalog.has_schema_privilege(n.oid, 'CREATE')
      FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_(toast|temp)'";

/// Everything else whose name is unique in a database or a server: kind, name, and whether the role may use it.
const NAMES: &str = "
    SELECT 'role', rolname, pg_catalog.pg_has_role(oid, 'MEMBER') FROM pg_catalog.pg_roles
    UNION ALL SELECT 'tablespace', spcname, pg_catalog.has_tablespace_privilege(oid, 'CREATE') FROM \
        pg_catalog.pg_tablespace
    UNION ALL SELECT 'event trigger', evtname, pg_catalog.pg_has_role(evtowner, 'USAGE') FROM \
        pg_catalog.pg_event_trigger
    UNION ALL SELECT 'publication', pubname, pg_catalog.pg_has_role(pubowner, 'USAGE') FROM pg_catalog.pg_publication
    UNION ALL SELECT 'subscription', s.subname, true FROM pg_catalog.pg_subscription AS s
               WHERE s.subdbid OPERATOR(pg_catalog.=)
                     (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname OPERATOR(pg_catalog.=) \
                         pg_catalog.current_database())
    UNION ALL SELECT 'granted', COALESCE(r.rolname, 'PUBLIC'), true
                FROM pg_catalog.pg_default_acl AS d CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) AS a
                     JOIN pg_catalog.pg_roles AS o ON o.oid OPERATOR(pg_catalog.=) d.defaclrole LEFT JOIN \
                         pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.grantee
               WHERE o.rolname OPERATOR(pg_catalog.=) current_user AND a.grantee OPERATOR(pg_catalog.<>) d.defaclrole
    UNION ALL SELECT 'wrapper', fdwname, pg_catalog.has_foreign_data_wrapper_privilege(oid, 'USAGE') FROM \
        pg_catalog.pg_foreign_data_wrapper
    UNION ALL SELECT 'server', srvname, pg_catalog.pg_has_role(srvowner, 'USAGE') FROM pg_catalog.pg_foreign_server
    UNION ALL SELECT 'language', lanname, lanpltrusted AND pg_catalog.has_language_privilege(oid, 'USAGE') FROM \
        pg_catalog.pg_language";

impl Session {
    /// Reads the facts about a restore's target. Changes nothing: what is tried is rolled back. Safe to cancel.
    pub async fn inspect_target(&mut self, required: &RequiredFacts) -> Result<TargetFacts, Error> {
        const WHAT: &str = "inspect the target";
        let rows = self.rows(WHAT, ROLE).await?;
        let mut facts = TargetFacts {
            role: self.first(&rows, WHAT)?,
            is_superuser: self.column(&rows[0], 1, WHAT)?,
            may_create: self.column(&rows[0], 2, WHAT)?,
            is_open: self.column(&rows[0], 3, WHAT)?,
            is_public_open: self.column(&rows[0], 4, WHAT)?,
            ..TargetFacts::default()
        };
        for row in self.rows(WHAT, SCHEMAS).await? {
            let schema = Schema {
                is_own: self.column(&row, 1, WHAT)?,
                may_create: self.column(&row, 2, WHAT)?,
            };
            facts.schemas.insert(self.column(&row, 0, WHAT)?, schema);
        }
        // since 16 a member of a role can lack the right to SET ROLE to it
        let names = match self.server_major() {
            ..16 => NAMES.to_owned(),
            _ => NAMES.replace("'MEMBER'", "'SET'"),
        };
        for row in self.rows(WHAT, &names).await? {
            let name = self.column(&row, 1, WHAT)?;
            facts.add(row.text(0).unwrap_or_default(), name, self.column(&row, 2, WHAT)?);
        }
        facts.default_grants = self.default_grants().await?;
        facts.kinds_not_for_public = self.kinds_not_for_public().await?;
        self.look_at_extensions(&mut facts).await?;
        facts.present = self.present(required.is_in_use).await?;
        self.look_for_rows(required, &mut facts).await?;
        facts.abilities = self.abilities(required, &mut facts).await?;
        Ok(facts)
    }
}

impl TargetFacts {
    /// Forgets the objects of the target and the rows of its extensions' tables, for a restore that has made them itself
    /// before it was interrupted.
    pub fn forget_objects(&mut self) {
        self.present.clear();
        self.event_triggers.clear();
        self.publications.clear();
        self.subscriptions.clear();
        self.servers.clear();
        for table in self.extension_tables.values_mut() {
            table.has_rows = false;
        }
    }

    fn add(&mut self, kind: &str, name: String, is_usable: bool) {
        match kind {
            "role" => drop(self.roles.insert(name, is_usable)),
            "tablespace" if is_usable => drop(self.tablespaces.insert(name)),
            "event trigger" => drop(self.event_triggers.insert(name, is_usable)),
            "publication" => drop(self.publications.insert(name, is_usable)),
            "granted" => drop(self.granted_by_default.insert(name)),
            "subscription" => drop(self.subscriptions.insert(name)),
            "wrapper" => drop(self.wrappers.insert(name, is_usable)),
            "server" => drop(self.servers.insert(name, is_usable)),
            "language" => drop(self.languages.insert(name, is_usable)),
            _ => (),
        }
    }
}

impl Session {
    /// Removes the slot from a restored subscription. It is the source's slot, which the copy would use when enabled,
    /// and drop when dropped.
    pub async fn remove_slot(&mut self, subscription: &str) -> Result<(), Error> {
        let sql = slot_removal(subscription);
        let done = self.wire.run(&sql).await;
        done.map(drop)
            .map_err(|error| self.explained("remove the slot from a subscription", error))
    }
}

/// The statement that removes the slot from a disabled subscription.
pub fn slot_removal(subscription: &str) -> String {
    format!("ALTER SUBSCRIPTION {} SET (slot_name = NONE);", ident(subscription))
}
