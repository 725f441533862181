//! Creates the roles that a restore needs, without a login.

use std::collections::BTreeSet;

use crate::backup::Globals;
use crate::postgres::error::Error;
use crate::postgres::globals_sql::setting_sql;
use crate::postgres::harmless_settings::is_harmless;
use crate::postgres::session::Session;
use crate::postgres::sql::ident;
use crate::postgres::wire::WireError;

/// `duplicate_object`: another session has created the role meanwhile.
const ROLE_EXISTS: &str = "42710";

impl Session {
    /// Creates roles without a login, one after the other. Existing roles are left unchanged. With `granted`, this role
    /// becomes a member of each, so that it can make them owners. After an error or a cancellation, `made` contains
    /// those that were created. Not atomic, not retried.
    pub async fn create_roles(
        &mut self,
        roles: &BTreeSet<String>,
        granted: bool,
        made: &mut Vec<String>,
    ) -> Result<(), Error> {
        const WHAT: &str = "create the missing roles";
        for role in roles {
            // after a cancellation the role may exist
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

    /// Gives roles that were just created what they had: who of them is a member of whom, that one doesn't inherit, and
    /// their settings. No role that existed gets or gives anything, and none gets a special right. Returns what the server
    /// refuses; that keeps nothing else from being done.
    ///
    /// # Errors
    /// A lost connection.
    pub async fn furnish_roles(&mut self, made: &[String], globals: &Globals) -> Result<Vec<String>, Error> {
        const WHAT: &str = "set up the created roles";
        let is_made = |name: &str| made.iter().any(|made| made == name);
        let (mut statements, mut refused) = (Vec::new(), Vec::new());
        for role in globals.roles.iter().filter(|role| is_made(role.name.raw())) {
            if !role.attributes.inherit {
                statements.push(format!("ALTER ROLE {} NOINHERIT", ident(role.name.raw())));
            }
        }
        for one in &globals.memberships {
            let (role, member) = (one.role.raw(), one.member.raw());
            if is_made(role) && is_made(member) {
                statements.push(format!("GRANT {} TO {}", ident(role), ident(member)));
            }
        }
        for setting in &globals.settings {
            let Some(role) = setting.role.as_ref().filter(|role| is_made(role.raw())) else {
                continue;
            };
            // the restoring role may be a superuser, who can set what loads code
            if !is_harmless(setting.name.raw()) {
                let (name, of) = (setting.name.identifier(), role.identifier());
                refused.push(format!(
                    "the setting {name} of {of} may give it a right: it is not set, and `pgcoffer show ID --globals` \
                     prints it"
                ));
                continue;
            }
            let whose = match setting.in_database {
                false => format!("ROLE {}", ident(role.raw())),
                true => format!("ROLE {} IN DATABASE {}", ident(role.raw()), ident(self.database())),
            };
            statements.push(setting_sql(&whose, setting));
        }
        for statement in statements {
            match self.change(WHAT, &statement).await {
                Ok(()) => (),
                Err(error @ Error::Query { .. }) => refused.push(format!("{error} ({statement})")),
                Err(error) => return Err(error),
            }
        }
        Ok(refused)
    }
}
