//! Where a drill restores: on a server of the agent's own, or on one where databases may be created.

use std::collections::BTreeSet;

use data_encoding::HEXLOWER;

use super::{Drill, source::SourceDatabase};
use crate::{
    backup::DrillServer,
    error::{Error, Result},
    operation::mark::maker,
    postgres::{DatabaseUrl, LocalServer, LocalServerOptions, ScratchDatabase, ScratchRequest, ServerPrograms},
    redact::SecretText,
    text::Untrusted,
};

/// Where a drill restores.
#[derive(Debug, Clone, Default)]
pub enum DrillGround {
    /// On a server of the agent's own, which is made for the drill. It needs PostgreSQL's server programs.
    #[default]
    Local,
    /// On this server, as a role that may create databases.
    Server(DatabaseUrl),
}

/// The role that restores where the backup names no owner.
const ROLE: &str = "pgcoffer_drill";

/// A database for one drill.
pub(super) struct Scratch {
    pub(super) database: ScratchDatabase,
    /// The server that was made for it, if one was.
    server: Option<LocalServer>,
    /// The owner of most of the backup, if the restored database has another one.
    other_owner: Option<String>,
}

impl Scratch {
    pub(super) async fn make(drill: &Drill<'_>, source: &SourceDatabase) -> Result<Self> {
        let random = random_hex(6)?;
        let (_, owner) = drill.interrupt.or(maker(drill.catalog, drill.record)).await?;
        let mut request = ScratchRequest {
            now_seconds: drill.request.clock.now().as_second(),
            owner,
            encoding: source.encoding.clone(),
            locale: source.locale.clone(),
            role: None,
            password: SecretText::new(random_hex(24)?),
            roles: BTreeSet::new(),
            extensions: source.extensions.clone(),
            owner_of_public: None,
            settings: source.settings.clone(),
            random,
        };
        let (server, database) = match &drill.request.ground {
            DrillGround::Local => {
                // on a server of its own, no role is anybody else's
                request.role = Some(source.owner.clone().unwrap_or_else(|| ROLE.to_owned()));
                request.roles.clone_from(&source.roles);
                request.owner_of_public.clone_from(&source.owner_of_public);
                let (server, database) = on_own_server(drill, &request).await?;
                (Some(server), database)
            }
            DrillGround::Server(admin) => {
                drill.interrupt.check()?;
                // not interrupted, so that what it has made is known
                let database = ScratchDatabase::make(admin, &request).await?;
                (None, database)
            }
        };
        let other_owner = source.owner.clone().filter(|owner| owner != database.role());
        let scratch = Self {
            database,
            server,
            other_owner,
        };
        if let Err(interrupted) = drill.interrupt.check() {
            scratch.remove().await;
            return Err(interrupted);
        }
        Ok(scratch)
    }

    /// The server as the report names it.
    pub(super) fn server(&self) -> DrillServer {
        DrillServer {
            place: match &self.server {
                Some(_) => "local".into(),
                None => self.database.url.to_string().into(),
            },
            version: self.database.server_version.as_str().into(),
            major: self.database.server_major,
        }
    }

    /// What the user should know about it.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(locale) = &self.database.missing_locale {
            remarks.push(format!(
                "the locale of the database ({}) is missing on this server, so the restored one has C: texts are \
                 ordered otherwise",
                Untrusted::from(locale.as_str())
            ));
        }
        if let Some(owner) = &self.other_owner {
            remarks.push(format!(
                "everything belongs to {} here, and most of it to {} in the backup",
                Untrusted::from(self.database.role()).identifier(),
                Untrusted::from(owner.as_str()).identifier()
            ));
        }
        remarks
    }

    /// Removes the database, and the server that was made for it. What can't be removed is left to a later drill.
    pub(super) async fn remove(self) {
        if let Some(server) = self.server {
            server.stop().await;
        } else if let Err(error) = self.database.remove().await {
            tracing::warn!("the database of a drill is left, and a later drill will drop it: {error}");
        }
    }
}

async fn on_own_server(drill: &Drill<'_>, request: &ScratchRequest) -> Result<(LocalServer, ScratchDatabase)> {
    let record = drill.record;
    let source = record.source.as_ref();
    let find = async {
        let major = source.map_or(0, |source| source.server.major);
        Ok(ServerPrograms::find(drill.clients, major).await?)
    };
    let programs = drill.interrupt.or(find).await?;
    let dumped = record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes);
    let options = LocalServerOptions {
        needed_bytes: source.map_or(0, |source| source.server.table_bytes).max(dumped),
        locked_objects: record.counts.definitions,
        superuser: format!("pgcoffer_{}", request.random),
        password: SecretText::new(random_hex(24)?),
    };
    // dropped on an interrupt, it ends by itself
    let start = async { Ok(LocalServer::start(&programs, &options).await?) };
    let server = drill.interrupt.or(start).await?;
    let make = async { Ok(ScratchDatabase::make(server.admin(), request).await?) };
    match drill.interrupt.or(make).await {
        Ok(database) => Ok((server, database)),
        Err(error) => {
            server.stop().await;
            Err(error)
        }
    }
}

fn random_hex(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).map_err(|error| Error::Io {
        doing: "get random bytes".to_owned(),
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok(HEXLOWER.encode(&random))
}
