//! Settings of a role and of a database, which apply to later sessions. What a drill restores can change them, since it
//! runs with the role's rights.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{Error, unless_refused};
use super::session::Session;
use super::sql::{ident, literal};

/// Settings that apply to later sessions, each as `name=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastingSettings {
    database: Vec<String>,
    role: Vec<String>,
    role_in_database: Vec<String>,
    /// Those of the role in other databases, by their names.
    #[serde(default)]
    role_elsewhere: BTreeMap<String, Vec<String>>,
}

/// One row for each setting: whether it is of a role, the database that it is limited to, whether that is this one, and
/// the setting.
const SETTINGS: &str = "
    SELECT s.setrole OPERATOR(pg_catalog.<>) 0, d.datname,
           COALESCE(d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database(), false), c.setting
      FROM pg_catalog.pg_db_role_setting AS s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (setting)
           LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) s.setdatabase
           LEFT JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) s.setrole
     WHERE (s.setdatabase OPERATOR(pg_catalog.=) 0 OR d.datname IS NOT NULL)
       AND (r.rolname OPERATOR(pg_catalog.=) current_user
            OR s.setrole OPERATOR(pg_catalog.=) 0 AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
     ORDER BY 1, 2, 3, 4";

impl Session {
    /// The settings of the role, wherever they apply, and those of this database.
    pub(super) async fn lasting_settings(&mut self) -> Result<LastingSettings, Error> {
        const WHAT: &str = "look at the settings of role and database";
        let mut settings = LastingSettings::default();
        for row in unless_refused(self.rows(WHAT, SETTINGS).await)? {
            let setting: String = self.column(&row, 3, WHAT)?;
            let (is_of_role, is_here): (bool, bool) = (self.column(&row, 0, WHAT)?, self.column(&row, 2, WHAT)?);
            let place = match (is_of_role, row.text(1)) {
                (false, _) => &mut settings.database,
                (true, None) => &mut settings.role,
                (true, Some(_)) if is_here => &mut settings.role_in_database,
                (true, Some(other)) => settings.role_elsewhere.entry(other.to_owned()).or_default(),
            };
            place.push(setting);
        }
        Ok(settings)
    }

    /// Sets the settings of role and database as they were.
    pub(super) async fn reset_settings(&mut self, wanted: &LastingSettings) -> Result<(), Error> {
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
        let names = found.role_elsewhere.keys().chain(wanted.role_elsewhere.keys());
        let names: std::collections::BTreeSet<&String> = names.collect();
        for name in names {
            let (found, wanted) = (found.role_elsewhere.get(name), wanted.role_elsewhere.get(name));
            if found != wanted {
                let whose = format!("ROLE CURRENT_USER IN DATABASE {}", ident(name));
                self.set_lasting(&whose, wanted.map_or(&[], Vec::as_slice)).await?;
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
