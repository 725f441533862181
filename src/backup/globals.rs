//! What a database needs of its server and no dump of it holds: roles, who is a member of which, and settings of roles
//! and of the database.

use serde::{Deserialize, Serialize};

use super::lists::few;
use crate::text::Untrusted;

/// The globals of a database. Passwords are never among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Globals {
    /// The name of the database whose settings these are.
    #[serde(default)]
    pub database: Untrusted,
    /// The roles, by name.
    #[serde(default, deserialize_with = "few")]
    pub roles: Vec<Role>,
    /// Who is a member of which role.
    #[serde(default, deserialize_with = "few")]
    pub memberships: Vec<Membership>,
    /// Settings of the database and of roles.
    #[serde(default, deserialize_with = "few")]
    pub settings: Vec<LastingSetting>,
    /// Whether these are the roles that have to do with the database alone, since its server has very many.
    #[serde(default)]
    pub is_part: bool,
}

/// A role, as `pg_roles` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its name.
    pub name: Untrusted,
    /// What it may do.
    #[serde(flatten)]
    pub attributes: RoleAttributes,
    /// How many connections it may have; none for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_limit: Option<u32>,
    /// Until when its password counts, as the server writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Untrusted>,
    /// The comment on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Untrusted>,
}

/// What a role may do by itself.
#[allow(clippy::struct_excessive_bools, reason = "each is one column of pg_roles")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAttributes {
    /// It may do everything.
    #[serde(default)]
    pub superuser: bool,
    /// It has the rights of the roles that it is a member of.
    #[serde(default)]
    pub inherit: bool,
    /// It may create roles.
    #[serde(default)]
    pub create_role: bool,
    /// It may create databases.
    #[serde(default)]
    pub create_db: bool,
    /// It may log in.
    #[serde(default)]
    pub login: bool,
    /// It may replicate.
    #[serde(default)]
    pub replication: bool,
    /// Row level security doesn't apply to it.
    #[serde(default)]
    pub bypass_rls: bool,
}

impl RoleAttributes {
    /// The words of `CREATE ROLE` for what it has, in the manual's order. That it inherits is PostgreSQL's default, so
    /// only the contrary is a word.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let all = [
            (self.superuser, "SUPERUSER"),
            (self.create_db, "CREATEDB"),
            (self.create_role, "CREATEROLE"),
            (!self.inherit, "NOINHERIT"),
            (self.login, "LOGIN"),
            (self.replication, "REPLICATION"),
            (self.bypass_rls, "BYPASSRLS"),
        ];
        all.into_iter().filter(|(has, _)| *has).map(|(_, word)| word).collect()
    }
}

/// A role that is a member of another.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Membership {
    /// The role that was granted.
    pub role: Untrusted,
    /// The role that it was granted to.
    pub member: Untrusted,
    /// Whether the member may grant it to others.
    #[serde(default)]
    pub admin: bool,
}

/// A setting that applies to later sessions: of the database, of a role, or of a role in the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LastingSetting {
    /// The role; none for every role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Untrusted>,
    /// Whether it applies in the database alone.
    #[serde(default)]
    pub in_database: bool,
    /// Its name.
    pub name: Untrusted,
    /// Its value, as the server keeps it. It may be a secret.
    pub value: Untrusted,
}

/// One role with everything that is known of it, to be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoleState {
    /// The words of `CREATE ROLE`, such as `LOGIN`.
    pub attributes: Vec<String>,
    /// The roles that it is a member of.
    pub member_of: Vec<Untrusted>,
    /// The names of its settings.
    pub settings: Vec<Untrusted>,
    /// The values of these, which are never shown.
    #[serde(skip)]
    values: Vec<Untrusted>,
}

impl Globals {
    /// The state of each role, by name.
    pub(super) fn states(&self) -> impl Iterator<Item = (&str, RoleState)> {
        self.roles.iter().map(|role| (role.name.raw(), self.state(role)))
    }

    fn state(&self, role: &Role) -> RoleState {
        let mut attributes: Vec<String> = role.attributes.words().into_iter().map(str::to_owned).collect();
        attributes.extend(role.connection_limit.map(|limit| format!("CONNECTION LIMIT {limit}")));
        attributes.extend(role.valid_until.iter().map(|until| format!("VALID UNTIL {until}")));
        let memberships = self.memberships.iter().filter(|one| one.member == role.name);
        let mut member_of: Vec<Untrusted> = memberships.map(|one| one.role.clone()).collect();
        member_of.sort();
        let mut settings: Vec<&LastingSetting> = self
            .settings
            .iter()
            .filter(|one| one.role.as_ref() == Some(&role.name))
            .collect();
        settings.sort();
        RoleState {
            attributes,
            member_of,
            settings: settings.iter().map(|one| one.name.clone()).collect(),
            values: settings.iter().map(|one| one.value.clone()).collect(),
        }
    }

    /// The settings of the database for every role, by name.
    pub(super) fn database_settings(&self) -> impl Iterator<Item = (&str, &Untrusted)> {
        let all = self.settings.iter().filter(|one| one.role.is_none() && one.in_database);
        all.map(|one| (one.name.raw(), &one.value))
    }
}
