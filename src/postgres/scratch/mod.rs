//! A database that is made for a drill and dropped after it, on a server of the agent's own or on one where databases
//! may be created.
//!
//! What is restored into it may be hostile: its functions, index expressions, constraints and views run during the
//! restore, with the rights of the restoring role. A superuser could run programs on the server's machine this way. So a
//! superuser only makes the database, with statements that the agent writes and whose names are quoted, and a role
//! without any rights beyond that database restores into it.

mod abandoned;
mod checks;
mod extensions;
mod reparse;
mod rights;
mod row_security;
mod unreadable;

use std::collections::BTreeSet;

use super::error::Error;
use super::lasting_settings::LastingSettings;
use super::session::Session;
use super::sql::{ident, literal};
use super::url::DatabaseUrl;
use crate::redact::SecretText;

pub(super) use rights::RestoringIn;

pub use checks::{CheckAnswer, InvalidIndex, UncheckedConstraint};
pub use reparse::{DefinedObject, DefinitionPart};
pub use unreadable::FoundObject;

/// How the name of every scratch database begins, and of the role that restores into it.
const PREFIX: &str = "pgcoffer_drill_";

/// How the comment on every scratch database and role begins. Behind it stand whose it is and when it was made.
const MARK: &str = "made by pgcoffer for a drill of";

/// What a scratch database is made for.
#[derive(Clone, Debug)]
pub struct ScratchRequest {
    /// Twelve hexadecimal digits that no other drill has.
    pub random: String,
    /// Who makes it: a later drill of the same owner removes what is left.
    pub owner: String,
    /// The encoding, by PostgreSQL's name.
    pub encoding: String,
    /// The locale of the backed-up database: keywords of `CREATE DATABASE` with their values. Empty for `C`.
    pub locale: Vec<(&'static str, String)>,
    /// The name of the role that restores, if a superuser makes one. `None` for a random name.
    pub role: Option<String>,
    /// The password of that role.
    pub password: SecretText,
    /// Roles that are made without a login or any right, if a superuser makes them.
    pub roles: BTreeSet<String>,
    /// Who of these roles is a member of whom: role and member.
    pub memberships: Vec<(String, String)>,
    /// The extensions of the backup with their schemas, in its order.
    pub extensions: Vec<(String, Option<String>)>,
    /// The owner that the backup's schema `public` has, if it isn't the default one.
    pub owner_of_public: Option<String>,
    /// Settings of the backed-up database on which the text form of its rows depends: names with values.
    pub settings: Vec<(&'static str, String)>,
}

/// A database that was made for a drill.
pub struct ScratchDatabase {
    /// The login of the role that restores.
    pub url: DatabaseUrl,
    /// The server's major version.
    pub server_major: u32,
    /// The server's own version.
    pub server_version: String,
    /// The locale of the backed-up database, if this server lacks it.
    pub missing_locale: Option<String>,
    admin: DatabaseUrl,
    name: String,
    /// The role that was made, if one was.
    role: Option<String>,
    /// The settings that the login had before, if that is the role that restores.
    settings: Option<LastingSettings>,
    /// Holds the lock that says that the drill lives. `None` where it could not be taken, as behind a pooler.
    holder: Option<Session>,
}

impl ScratchDatabase {
    /// Makes a database, as `admin`. If that is a superuser, a role without its rights is made too, for the restore;
    /// otherwise `admin` itself restores. Not retried. If it fails, what was made is dropped.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn make(admin: &DatabaseUrl, request: &ScratchRequest) -> Result<Self, Error> {
        let mut session = Session::connect(admin).await?;
        session.fix_path().await?;
        let is_superuser = session.is_superuser().await?;
        if !is_superuser {
            session.refuse_rights(RestoringIn::NewDatabase).await?;
        }
        session.drop_abandoned(request).await;
        let name = format!("{PREFIX}{}", request.random);
        let role = is_superuser.then(|| request.role.clone().unwrap_or_else(|| name.clone()));
        let login = match &role {
            Some(role) => admin.with_login(role, request.password.clone()),
            None => admin.clone(),
        };
        let mut made = Self {
            url: login.with_database(&name),
            server_major: session.server_major(),
            server_version: session.server_version().to_owned(),
            missing_locale: None,
            admin: admin.clone(),
            name,
            role,
            settings: None,
            holder: None,
        };
        if let Err(error) = session.lock(&made.name).await {
            tracing::debug!("the drill goes on without its lock: {error}");
        }
        let filled = made.fill(&mut session, request).await;
        made.holder = Some(session);
        match filled {
            Ok(()) => Ok(made),
            Err(error) => {
                if let Err(left) = made.remove().await {
                    tracing::warn!("a scratch database is left: {left}");
                }
                Err(error)
            }
        }
    }

    /// The name of the role that restores.
    pub fn role(&self) -> &str {
        self.url.user()
    }

    /// The login that has made the database.
    pub fn admin(&self) -> &DatabaseUrl {
        &self.admin
    }

    /// Whether the role was made for this drill alone.
    pub fn has_own_role(&self) -> bool {
        self.role.is_some()
    }

    /// Keeps the session alive whose lock says that the drill lives. Never returns. Safe to cancel.
    pub async fn keep(&mut self) {
        if let Some(session) = &mut self.holder {
            let lost = session.keep_alive().await;
            tracing::debug!("the drill goes on without its lock: {lost}");
        }
        self.holder = None;
        std::future::pending().await
    }

    async fn fill(&mut self, session: &mut Session, request: &ScratchRequest) -> Result<(), Error> {
        match &self.role {
            Some(role) => session.make_role(role, request).await?,
            None => self.settings = Some(session.lasting_settings().await?),
        }
        self.create(session, request).await?;
        session.mark("DATABASE", &self.name, request).await?;
        for (setting, value) in &request.settings {
            let set = format!(
                "ALTER DATABASE {} SET {setting} = {}",
                ident(&self.name),
                literal(value)
            );
            session.change("set up the scratch database", &set).await?;
        }
        let Some(role) = &self.role else {
            return Ok(());
        };
        let mut inside = Session::connect(&self.admin.with_database(&self.name)).await?;
        inside.fix_path().await?;
        if let Some(owner) = &request.owner_of_public {
            let give = format!("ALTER SCHEMA public OWNER TO {}", ident(owner));
            inside.change("set up the scratch database", &give).await?;
        }
        let made = inside.make_extensions(role, &request.extensions).await;
        inside.close().await;
        made
    }

    /// Creates the database, with the locale of the backed-up one if this server has it.
    async fn create(&mut self, session: &mut Session, request: &ScratchRequest) -> Result<(), Error> {
        const WHAT: &str = "create a scratch database";
        let owner = self.role.as_ref().map(|role| format!(" OWNER {}", ident(role)));
        let start = format!(
            "CREATE DATABASE {}{} TEMPLATE template0 ENCODING {}",
            ident(&self.name),
            owner.unwrap_or_default(),
            literal(&request.encoding)
        );
        let locale = |(keyword, value): &(&str, String)| match *keyword {
            "LOCALE_PROVIDER" => format!(" {keyword} {}", ident(value)),
            _ => format!(" {keyword} {}", literal(value)),
        };
        let locales: String = request.locale.iter().map(locale).collect();
        let plain = format!("{start} LC_COLLATE 'C' LC_CTYPE 'C'");
        if locales.is_empty() {
            return session.change(WHAT, &plain).await;
        }
        match session.change(WHAT, &format!("{start}{locales}")).await {
            // the locale is missing here, or this version doesn't know a keyword
            Err(Error::Query { code, .. }) if !["42501", "53100", "53300"].contains(&code.as_str()) => {
                let names: Vec<&str> = request.locale.iter().map(|(_, value)| value.as_str()).collect();
                self.missing_locale = Some(names.join(", "));
                session.change(WHAT, &plain).await
            }
            created => created,
        }
    }

    /// Resets what the restored code may have set for later sessions. Where the role is the drill's own, its sessions are
    /// ended too.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn settle(&self, settings: &[(&'static str, String)]) -> Result<(), Error> {
        const WHAT: &str = "settle the scratch database";
        let mut session = Session::connect(&self.admin).await?;
        session.fix_path().await?;
        let Some(role) = &self.role else {
            self.reset(&mut session).await?;
            session.close().await;
            return Ok(());
        };
        let (name, role) = (ident(&self.name), ident(role));
        let mut steps = vec![
            format!("ALTER ROLE {role} RESET ALL"),
            format!("ALTER ROLE {role} IN DATABASE {name} RESET ALL"),
            format!("ALTER DATABASE {name} RESET ALL"),
        ];
        steps.extend(
            settings
                .iter()
                .map(|(setting, value)| format!("ALTER DATABASE {name} SET {setting} = {}", literal(value))),
        );
        steps.push(format!(
            "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity AS a WHERE a.datname \
             OPERATOR(pg_catalog.=) {}",
            literal(&self.name)
        ));
        for step in steps {
            session.change(WHAT, &step).await?;
        }
        session.close().await;
        Ok(())
    }

    /// Drops the database and its role, with whatever is connected. What is not there is no error.
    ///
    /// # Errors
    /// What the server refuses; then it is left, and a later drill drops it.
    pub async fn remove(&mut self) -> Result<(), Error> {
        // the session of the lock, as the restored code may have changed the password
        let held = match self.holder.take() {
            Some(mut holder) => holder.check().await.is_ok().then_some(holder),
            None => None,
        };
        let mut session = match held {
            Some(holder) => holder,
            None => Session::connect(&self.admin).await?,
        };
        session.fix_path().await?;
        let dropped = session.drop_scratch(&self.name, self.role.as_deref()).await;
        // after the drop, which ends every session of the restored code
        let reset = self.reset(&mut session).await;
        session.close().await;
        dropped.and(reset)
    }

    /// Sets the settings of the login as they were, if it has restored.
    async fn reset(&self, session: &mut Session) -> Result<(), Error> {
        match &self.settings {
            Some(settings) => session.reset_settings(settings).await,
            None => Ok(()),
        }
    }
}

impl Session {
    /// Runs one statement that changes something. Not retried.
    pub(super) async fn change(&mut self, what: &'static str, sql: &str) -> Result<(), Error> {
        let done = self.wire.run(sql).await;
        done.map(drop).map_err(|error| self.explained(what, error))
    }

    /// Fixes the path for the rest of the session. It then changes only what it names.
    pub async fn fix_path(&mut self) -> Result<(), Error> {
        self.change("set the search path", "SET search_path = pg_catalog, pg_temp")
            .await
    }

    pub(super) async fn is_superuser(&mut self) -> Result<bool, Error> {
        const WHAT: &str = "ask what the role may do";
        const SUPERUSER: &str = "
            SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user";
        let rows = self.rows(WHAT, SUPERUSER).await?;
        self.first(&rows, WHAT)
    }

    /// Makes the role that restores, and the roles that the backup names. It becomes a member of them, so that it can
    /// grant in their names. They have no rights; `BYPASSRLS` lets it read back what it has restored.
    async fn make_role(&mut self, role: &str, request: &ScratchRequest) -> Result<(), Error> {
        const WHAT: &str = "create the roles of a drill";
        let make = format!(
            "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS PASSWORD {}",
            ident(role),
            literal(request.password.reveal())
        );
        self.change(WHAT, &make).await?;
        self.mark("ROLE", role, request).await?;
        for other in request.roles.iter().filter(|other| *other != role) {
            self.change(WHAT, &format!("CREATE ROLE {} NOLOGIN", ident(other)))
                .await?;
            self.change(WHAT, &format!("GRANT {} TO {}", ident(other), ident(role)))
                .await?;
        }
        // the restoring role is a member of all others, and no two roles can be members of each other
        let is_other = |name: &String| name != role && request.roles.contains(name);
        for (granted, member) in &request.memberships {
            if is_other(granted) && is_other(member) {
                self.change(WHAT, &format!("GRANT {} TO {}", ident(granted), ident(member)))
                    .await?;
            }
        }
        Ok(())
    }

    /// Says on an object whose it is and since when.
    async fn mark(&mut self, kind: &str, name: &str, request: &ScratchRequest) -> Result<(), Error> {
        let now = self.server_seconds().await?;
        let comment = literal(&format!("{MARK} {} at {now}", request.owner));
        let mark = format!("COMMENT ON {kind} {} IS {comment}", ident(name));
        self.change("mark what a drill has made", &mark).await
    }

    /// The server's time, in seconds since 1970. Marks are made and judged by this one clock, as machines that drill
    /// may each have another.
    async fn server_seconds(&mut self) -> Result<i64, Error> {
        const WHAT: &str = "ask for the server's time";
        const NOW: &str = "
            SELECT pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()))::pg_catalog.int8";
        let rows = self.rows(WHAT, NOW).await?;
        self.first(&rows, WHAT)
    }

    async fn drop_scratch(&mut self, name: &str, role: Option<&str>) -> Result<(), Error> {
        const WHAT: &str = "drop the scratch database";
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", ident(name));
        self.change(WHAT, &drop).await?;
        match role {
            Some(role) => self.change(WHAT, &format!("DROP ROLE IF EXISTS {}", ident(role))).await,
            None => Ok(()),
        }
    }
}
