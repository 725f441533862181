//! What a reserved database has before a drill, and has again after it: schemas and extensions that a platform or its
//! owner has put there, the role's default privileges, and settings.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::postgres::error::{Error, unless_refused};
use crate::postgres::session::Session;
use crate::postgres::sql::{ident, literal};

/// The schema that is the mark of a reserved database.
pub const SCHEMA: &str = "pgcoffer_drill";

/// What stays in a reserved database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Baseline {
    pub(super) schemas: BTreeSet<String>,
    pub(super) extensions: BTreeSet<String>,
    /// The role's default privileges: the letter of the object type, and the schema, which is empty for all schemas.
    pub(super) default_privileges: BTreeSet<(String, String)>,
    /// Settings of the database, of the role, and of the role in this database: each as `name=value`.
    pub(super) settings: Settings,
}

/// Settings that apply to later sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settings {
    database: Vec<String>,
    role: Vec<String>,
    role_in_database: Vec<String>,
}

const SCHEMAS: &str = "
    SELECT n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_(toast|temp)'";

const EXTENSIONS: &str = "SELECT x.extname FROM pg_catalog.pg_extension AS x";

const DEFAULT_PRIVILEGES: &str = "
    SELECT a.defaclobjtype, COALESCE(n.nspname, '') FROM pg_catalog.pg_default_acl AS a
           JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.defaclrole
           LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) a.defaclnamespace
     WHERE r.rolname OPERATOR(pg_catalog.=) current_user";

/// One row for each setting: whether it is of one role, whether it is of one database, and the setting.
const SETTINGS: &str = "
    SELECT s.setrole OPERATOR(pg_catalog.<>) 0, s.setdatabase OPERATOR(pg_catalog.<>) 0, c.setting
      FROM pg_catalog.pg_db_role_setting AS s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
           LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase
           LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) s.setrole
     WHERE (s.setdatabase OPERATOR(pg_catalog.=) 0 OR d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
       AND (s.setrole OPERATOR(pg_catalog.=) 0 OR r.rolname OPERATOR(pg_catalog.=) current_user)
     ORDER BY 1, 2, 3";

impl Session {
    /// What is in an empty database.
    pub(super) async fn baseline(&mut self) -> Result<Baseline, Error> {
        const WHAT: &str = "look at what stays in the reserved database";
        let mut baseline = Baseline {
            settings: self.lasting_settings().await?,
            ..Baseline::default()
        };
        for row in self.rows(WHAT, SCHEMAS).await? {
            baseline.schemas.insert(self.column(&row, 0, WHAT)?);
        }
        baseline.schemas.insert(SCHEMA.to_owned());
        for row in self.rows(WHAT, EXTENSIONS).await? {
            baseline.extensions.insert(self.column(&row, 0, WHAT)?);
        }
        baseline.default_privileges = self.default_privileges().await?;
        Ok(baseline)
    }

    /// The role's default privileges: the letter of the object type, and the schema.
    pub(super) async fn default_privileges(&mut self) -> Result<BTreeSet<(String, String)>, Error> {
        const WHAT: &str = "look at default privileges";
        let rows = self.rows(WHAT, DEFAULT_PRIVILEGES).await?;
        let read = |row| Ok((self.column(row, 0, WHAT)?, self.column(row, 1, WHAT)?));
        rows.iter().map(read).collect()
    }

    async fn lasting_settings(&mut self) -> Result<Settings, Error> {
        const WHAT: &str = "look at the settings of role and database";
        let mut settings = Settings::default();
        for row in unless_refused(self.rows(WHAT, SETTINGS).await)? {
            let setting: String = self.column(&row, 2, WHAT)?;
            match (self.column(&row, 0, WHAT)?, self.column(&row, 1, WHAT)?) {
                (false, true) => settings.database.push(setting),
                (true, false) => settings.role.push(setting),
                (true, true) => settings.role_in_database.push(setting),
                // of everybody, which only a superuser can set
                (false, false) => (),
            }
        }
        Ok(settings)
    }

    /// Sets the settings of role and database as they were. What is restored can have changed them, since it runs with
    /// the role's rights.
    pub(super) async fn reset_settings(&mut self, wanted: &Settings) -> Result<(), Error> {
        let found = self.lasting_settings().await?;
        let database = ident(self.database());
        for (found, wanted, whose) in [
            (&found.database, &wanted.database, format!("DATABASE {database}")),
            (&found.role, &wanted.role, "ROLE CURRENT_USER".to_owned()),
            (
                &found.role_in_database,
                &wanted.role_in_database,
                format!("ROLE CURRENT_USER IN DATABASE {database}"),
            ),
        ] {
            if found != wanted {
                self.set_lasting(&whose, wanted).await?;
            }
        }
        Ok(())
    }

    async fn set_lasting(&mut self, whose: &str, settings: &[String]) -> Result<(), Error> {
        const WHAT: &str = "set the settings of role and database as they were";
        self.change(WHAT, &format!("ALTER {whose} RESET ALL")).await?;
        for setting in settings {
            let Some((name, value)) = setting.split_once('=') else {
                continue;
            };
            if name == "role" {
                // setting it would give away the role of this session
                continue;
            }
            // a list such as a search_path keeps its form only this way
            let set = format!(
                "SELECT pg_catalog.set_config({}, {}, false); ALTER {whose} SET {} FROM CURRENT; \
                 SET search_path = pg_catalog, pg_temp",
                literal(name),
                literal(value),
                ident(name)
            );
            self.change(WHAT, &set).await?;
        }
        Ok(())
    }
}
