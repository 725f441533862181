//! What the target of a restore brings with it and what its role may do there, seen before anything is touched.
//!
//! A platform puts schemas, extensions and event triggers of its own into every new database, and its customers are no
//! superusers. What a role may do is asked of the server by trying it in a transaction that is rolled back, rather than
//! looked up by the platform's name: platforms give some rights of a superuser to roles that are none.

mod abilities;
mod dependants;
mod extensions;
mod grants;
mod present;
mod rehearsal;
mod trial;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::error::Error;
use super::session::Session;
use super::sql::ident;
use super::wire::WireError;

pub use abilities::{Abilities, Ability};
pub use extensions::{Extension, ExtensionTable};
pub use grants::DefaultGrant;
pub use present::Present;
pub use rehearsal::{Drops, Lost, Place};
pub use trial::{Refusal, Trial};

/// What has to be known for one archive.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// The extensions that it makes, and the schema of each.
    pub extensions: BTreeMap<String, Option<String>>,
    /// Whether it has rows for tables of theirs, which it doesn't say of which.
    pub has_rows_of_extensions: bool,
    /// The providers of its security labels.
    pub label_providers: BTreeSet<String>,
    /// What it takes more than a plain role for.
    pub abilities: BTreeSet<Ability>,
}

/// A target as it stands.
#[derive(Clone, Debug, Default)]
pub struct TargetFacts {
    /// The role that restores.
    pub role: String,
    /// Whether it is a superuser.
    pub is_superuser: bool,
    /// Whether it may make schemas in the database, and with them trusted extensions.
    pub may_create: bool,
    /// Whether everybody with a login may connect to the database.
    pub is_open: bool,
    /// Whether everybody may make something in its schema `public`.
    pub is_public_open: bool,
    /// To whom the role gives something of all that it makes.
    pub given: Vec<DefaultGrant>,
    /// The roles that there are, and whether the role may make each the owner of something.
    pub roles: BTreeMap<String, bool>,
    /// The schemas that there are, by name.
    pub schemas: BTreeMap<String, Schema>,
    /// The extensions that there are.
    pub extensions: BTreeMap<String, Extension>,
    /// The tables and sequences of theirs whose rows a dump holds, by schema and name; of extensions that aren't there
    /// as those would make them.
    pub extension_tables: BTreeMap<(String, String), ExtensionTable>,
    /// Extensions that aren't there, of which it couldn't be found which tables they make.
    pub unknown_extensions: BTreeSet<String>,
    /// The tablespaces that the role may use.
    pub tablespaces: BTreeSet<String>,
    /// The event triggers that there are, and whether they belong to the role.
    pub event_triggers: BTreeMap<String, bool>,
    /// The publications that there are, and whether they belong to the role.
    pub publications: BTreeMap<String, bool>,
    /// Whom the role's default privileges give rights to whatever it makes.
    pub granted_by_default: BTreeSet<String>,
    /// The subscriptions that there are.
    pub subscriptions: BTreeSet<String>,
    /// The foreign data wrappers that there are, and whether the role may use them.
    pub wrappers: BTreeMap<String, bool>,
    /// The foreign servers that there are, and whether they belong to the role.
    pub servers: BTreeMap<String, bool>,
    /// The languages that there are, and whether the role may use them.
    pub languages: BTreeMap<String, bool>,
    /// What stands in schemas that don't belong to the role.
    pub present: HashMap<(String, String, String), Present>,
    /// What the role may do, and which extensions and label providers it can use.
    pub abilities: Abilities,
}

/// A schema of the target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Schema {
    /// Whether it belongs to the role that restores.
    pub is_own: bool,
    /// Whether that role may make something in it.
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

/// Everything else that has a name in a database or a server as a whole: kind, name, and whether the role may use it.
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
    /// Looks at the target of a restore. Changes nothing: what is tried is rolled back.
    pub async fn look_at_target(&mut self, questions: &Questions) -> Result<TargetFacts, Error> {
        const WHAT: &str = "look at the target";
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
        // since 16 a member need not be able to become the role
        let names = match self.server_major() {
            ..16 => NAMES.to_owned(),
            _ => NAMES.replace("'MEMBER'", "'SET'"),
        };
        for row in self.rows(WHAT, &names).await? {
            let name = self.column(&row, 1, WHAT)?;
            facts.add(row.text(0).unwrap_or_default(), name, self.column(&row, 2, WHAT)?);
        }
        facts.given = self.default_grants().await?;
        self.look_at_extensions(&mut facts).await?;
        facts.present = self.present().await?;
        facts.abilities = self.abilities(questions, &mut facts).await?;
        Ok(facts)
    }
}

impl TargetFacts {
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

/// `duplicate_object`: somebody has made the role meanwhile.
const ROLE_EXISTS: &str = "42710";

impl Session {
    /// Makes roles without a login, one after the other; those that are there stay as they are. With `granted`, so that
    /// this role may give them what it owns. `made` has those that were made, however it ends.
    pub async fn create_roles(
        &mut self,
        roles: &BTreeSet<String>,
        granted: bool,
        made: &mut Vec<String>,
    ) -> Result<(), Error> {
        const WHAT: &str = "make the roles that are missing";
        for role in roles {
            // should this be given up on the way, it may have been made
            made.push(role.clone());
            let create = format!("CREATE ROLE {} NOLOGIN", ident(role));
            if let Err(error) = self.wire.run(&create).await {
                made.pop();
                match error {
                    WireError::Server(error) if error.code == ROLE_EXISTS => (),
                    error => return Err(self.explained(WHAT, error)),
                }
            }
            if granted {
                let grant = format!("GRANT {} TO CURRENT_USER", ident(role));
                let granted = self.wire.run(&grant).await;
                granted.map_err(|error| self.explained(WHAT, error))?;
            }
        }
        Ok(())
    }

    /// Takes the slot from a subscription that was restored: it names the source's, which it would take over when
    /// somebody enables it, and drop with itself.
    pub async fn take_slot_away(&mut self, subscription: &str) -> Result<(), Error> {
        let sql = statement_without_slot(subscription);
        let done = self.wire.run(&sql).await;
        done.map(drop)
            .map_err(|error| self.explained("take the slot from a subscription", error))
    }
}

/// The statement after which a subscription that isn't enabled has nothing to do with any slot.
pub fn statement_without_slot(subscription: &str) -> String {
    format!("ALTER SUBSCRIPTION {} SET (slot_name = NONE);", ident(subscription))
}
