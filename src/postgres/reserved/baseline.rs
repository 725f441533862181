//! What a reserved database has before a drill, and has again after it: schemas and extensions that a platform or its
//! owner has put there, the role's default privileges, and settings.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::postgres::error::Error;
use crate::postgres::lasting_settings::LastingSettings;
use crate::postgres::session::Session;

/// The schema that is the mark of a reserved database.
pub const SCHEMA: &str = "pgcoffer_drill";

/// What stays in a reserved database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Baseline {
    pub(super) schemas: BTreeSet<String>,
    pub(super) extensions: BTreeSet<String>,
    /// The role's default privileges: the letter of the object type, and the schema, which is empty for all schemas.
    pub(super) default_privileges: BTreeSet<(String, String)>,
    /// Settings of the database, and of the role wherever they apply.
    pub(super) settings: LastingSettings,
}

const SCHEMAS: &str = "
    SELECT n.nspname FROM pg_catalog.pg_namespace AS n WHERE n.nspname OPERATOR(pg_catalog.!~) '^pg_(toast|temp)'";

const EXTENSIONS: &str = "SELECT x.extname FROM pg_catalog.pg_extension AS x";

const DEFAULT_PRIVILEGES: &str = "
    SELECT a.defaclobjtype, COALESCE(n.nspname, '') FROM pg_catalog.pg_default_acl AS a
           JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.defaclrole
           LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) a.defaclnamespace
     WHERE r.rolname OPERATOR(pg_catalog.=) current_user";

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
        baseline.extensions = self.extension_names().await?;
        baseline.default_privileges = self.default_privileges().await?;
        Ok(baseline)
    }

    /// The extensions of the database.
    pub(super) async fn extension_names(&mut self) -> Result<BTreeSet<String>, Error> {
        const WHAT: &str = "look at the extensions of the reserved database";
        let rows = self.rows(WHAT, EXTENSIONS).await?;
        rows.iter().map(|row| self.column(row, 0, WHAT)).collect()
    }

    /// The role's default privileges: the letter of the object type, and the schema.
    pub(super) async fn default_privileges(&mut self) -> Result<BTreeSet<(String, String)>, Error> {
        const WHAT: &str = "look at default privileges";
        let rows = self.rows(WHAT, DEFAULT_PRIVILEGES).await?;
        let read = |row| Ok((self.column(row, 0, WHAT)?, self.column(row, 1, WHAT)?));
        rows.iter().map(read).collect()
    }
}
