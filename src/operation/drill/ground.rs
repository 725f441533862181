//! Where a drill restores: on a server of the agent's own, on one where databases may be created, or in a database that is
//! reserved for drills.

use std::{collections::BTreeSet, time::Duration};

use data_encoding::HEXLOWER;
use tokio::time::timeout;

use super::{Drill, source::SourceDatabase};
use crate::{
    backup::{DrillPlace, DrillServer},
    error::{Error, Result},
    operation::mark::maker,
    postgres::{
        self, DatabaseUrl, LocalServer, LocalServerOptions, ReservedDatabase, ReservedRequest, ScratchDatabase,
        ScratchRequest, ServerPrograms, Session,
    },
    redact::SecretText,
    text::Untrusted,
};

/// Where a drill restores.
#[derive(Debug, Clone, Default)]
pub enum DrillGround {
    /// On a server of the agent's own, which is made for the drill. It needs PostgreSQL's server programs.
    #[default]
    Local,
    /// On this server: in a database that is made for the drill; where the role may create none, in the one that the
    /// URL names, which is reserved for drills.
    Server(DatabaseUrl),
}

/// How long emptying a reserved database may take, and how long after a signal.
const EMPTY_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const SIGNAL_TIMEOUT: Duration = Duration::from_secs(10);

/// The role that restores where the backup names no owner.
const ROLE: &str = "pgcoffer_drill";

/// A database for one drill.
pub(super) struct Scratch {
    /// The login of the role that restores.
    pub(super) url: DatabaseUrl,
    /// The name of that role.
    pub(super) role: String,
    pub(super) server_major: u32,
    server_version: String,
    /// What the user should know about it.
    remarks: Vec<String>,
    is_local: bool,
    /// Whether the database was there before, and stays.
    pub(super) is_reserved: bool,
}

/// What was made for one drill, and is removed after it.
pub(super) enum Made {
    /// A server with a database.
    Server(Box<LocalServer>, Box<ScratchDatabase>),
    /// A database.
    Database(Box<ScratchDatabase>),
    /// The use of a database.
    Reserved(Box<ReservedDatabase>),
}

impl Scratch {
    /// Makes a database, or takes the reserved one. On an error or an interrupt, nothing is left.
    pub(super) async fn make(drill: &Drill<'_>, source: &SourceDatabase) -> Result<(Self, Made)> {
        let made = match &drill.request.ground {
            DrillGround::Local => {
                let mut request = scratch_request(drill, source).await?;
                // on a server of its own, no role is anybody else's
                request.role = Some(source.owner.clone().unwrap_or_else(|| ROLE.to_owned()));
                request.roles = source.roles.union(&source.other_roles).cloned().collect();
                request.memberships.clone_from(&source.memberships);
                request.owner_of_public.clone_from(&source.owner_of_public);
                let (server, database) = on_own_server(drill, &request).await?;
                Made::Server(Box::new(server), Box::new(database))
            }
            DrillGround::Server(url) => {
                let is_wanted = async { Ok(ReservedDatabase::is_wanted(url).await?) };
                match drill.interrupt.or(is_wanted).await? {
                    true => Made::Reserved(Box::new(reserved(drill, source, url).await?)),
                    false => {
                        let request = scratch_request(drill, source).await?;
                        drill.interrupt.check()?;
                        // not interrupted, so that what it has made is known
                        Made::Database(Box::new(ScratchDatabase::make(url, &request).await?))
                    }
                }
            }
        };
        let scratch = Self::of(&made, source);
        if let Err(interrupted) = drill.interrupt.check() {
            made.remove_at_once().await;
            return Err(interrupted);
        }
        Ok((scratch, made))
    }

    fn of(made: &Made, source: &SourceDatabase) -> Self {
        let mut scratch = match made {
            Made::Server(_, database) | Made::Database(database) => Self {
                url: database.url.clone(),
                role: database.role().to_owned(),
                server_major: database.server_major,
                server_version: database.server_version.clone(),
                remarks: database
                    .missing_locale
                    .iter()
                    .map(|locale| lacks_locale(locale))
                    .collect(),
                is_local: matches!(made, Made::Server(..)),
                is_reserved: false,
            },
            Made::Reserved(reserved) => Self {
                url: reserved.url().clone(),
                role: reserved.role().to_owned(),
                server_major: reserved.server_major(),
                server_version: reserved.server_version().to_owned(),
                remarks: reserved.unasked().iter().map(|label| is_unasked(label)).collect(),
                is_local: false,
                is_reserved: true,
            },
        };
        if let Some(owner) = source.owner.as_ref().filter(|owner| **owner != scratch.role) {
            scratch.remarks.push(format!(
                "everything belongs to {} here, and most of it to {} in the backup",
                Untrusted::from(scratch.role.as_str()).identifier(),
                Untrusted::from(owner.as_str()).identifier()
            ));
        }
        scratch
    }

    /// The server as the report names it.
    pub(super) fn server(&self) -> DrillServer {
        DrillServer {
            place: match self.is_local {
                true => "local".into(),
                false => self.url.to_string().into(),
            },
            version: self.server_version.as_str().into(),
            major: self.server_major,
            collation: None,
            is_other: None,
            kind: Some(match (self.is_local, self.is_reserved) {
                (true, _) => DrillPlace::OwnServer,
                (false, true) => DrillPlace::Reserved,
                (false, false) => DrillPlace::OwnDatabase,
            }),
            removed: None,
        }
    }

    /// What the user should know about it.
    pub(super) fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

fn lacks_locale(locale: &str) -> String {
    format!(
        "the locale of the database ({}) is missing on this server, so the restored one has C: texts are ordered \
         otherwise",
        Untrusted::from(locale)
    )
}

fn is_unasked(label: &str) -> String {
    format!("{label} could not be asked whether it is the database for drills; its address is another one")
}

impl Made {
    /// Resets what the restored code may have set for later sessions.
    pub(super) async fn settle(&self, settings: &[(&'static str, String)]) -> Result<()> {
        match self {
            Self::Server(_, database) | Self::Database(database) => Ok(database.settle(settings).await?),
            // it ran as the role that goes on, and whose settings are set back at the end
            Self::Reserved(_) => Ok(()),
        }
    }

    /// Returns only if the lock of a reserved database is lost. Safe to cancel.
    pub(super) async fn keep(&mut self) -> Error {
        match self {
            Self::Reserved(reserved) => reserved.keep().await.into(),
            Self::Database(database) => {
                database.keep().await;
                std::future::pending().await
            }
            Self::Server(..) => std::future::pending().await,
        }
    }

    /// Removes the database and the server that was made for it, or empties the reserved one; says whether that is done.
    /// What can't be removed is left to a later drill. Also returns what the restored code has done to the login, which
    /// nobody can undo here.
    pub(super) async fn remove(self) -> (bool, Option<String>) {
        let login = match &self {
            Self::Database(database) if !database.has_own_role() => Some(database.admin().clone()),
            Self::Reserved(reserved) => Some(reserved.url().clone()),
            Self::Server(..) | Self::Database(_) => None,
        };
        let is_removed = self.remove_all().await;
        let refused = match &login {
            Some(url) => refused_login(url).await,
            None => None,
        };
        (is_removed, refused)
    }

    async fn remove_all(self) -> bool {
        match self {
            Self::Server(server, _) => {
                server.stop().await;
                true
            }
            Self::Database(mut database) => match database.remove().await {
                Ok(()) => true,
                Err(error) => {
                    tracing::warn!("the database of a drill is left, and a later drill will drop it: {error}");
                    false
                }
            },
            Self::Reserved(reserved) => match timeout(EMPTY_TIMEOUT, reserved.release()).await {
                Ok(Ok(())) => true,
                Ok(Err(error)) => {
                    tracing::warn!("what a drill has restored is left, for the next one: {error}");
                    false
                }
                Err(_) => {
                    tracing::warn!(
                        "what a drill has restored could not be removed within {} min, and is left for the next one",
                        EMPTY_TIMEOUT.as_secs() / 60
                    );
                    false
                }
            },
        }
    }

    /// Removes what can be removed within the seconds that a signal leaves; says whether that is done.
    pub(super) async fn remove_at_once(self) -> bool {
        match self {
            Self::Reserved(reserved) => {
                let is_empty = matches!(timeout(SIGNAL_TIMEOUT, reserved.release()).await, Ok(Ok(())));
                if !is_empty {
                    tracing::warn!("what a drill has restored is left, and the next one removes it");
                }
                is_empty
            }
            made => made.remove_all().await,
        }
    }
}

/// Says so if the password of the URL, by which this drill began, is refused now: who restores may change the password of
/// his own role, and nobody can set the old one again without knowing how it was stored.
async fn refused_login(url: &DatabaseUrl) -> Option<String> {
    match Session::connect(url).await {
        Ok(session) => {
            session.close().await;
            None
        }
        Err(postgres::Error::Auth { .. }) => {
            let remark = format!(
                "the login of PGCOFFER_SCRATCH_URL is refused since this drill: code in the backup may have changed the \
                 password of {}; set it anew there with ALTER ROLE … PASSWORD, and look what that code is",
                Untrusted::from(url.user()).identifier()
            );
            tracing::warn!("{remark}");
            Some(remark)
        }
        Err(_) => None,
    }
}

async fn scratch_request(drill: &Drill<'_>, source: &SourceDatabase) -> Result<ScratchRequest> {
    let (_, owner) = drill.interrupt.or(maker(drill.catalog, drill.record)).await?;
    Ok(ScratchRequest {
        owner,
        encoding: source.encoding.clone(),
        locale: source.locale.clone(),
        role: None,
        password: SecretText::new(random_hex(24)?),
        roles: BTreeSet::new(),
        memberships: Vec::new(),
        extensions: source.extensions.clone(),
        owner_of_public: None,
        settings: source.settings.clone(),
        random: random_hex(6)?,
    })
}

async fn reserved(drill: &Drill<'_>, source: &SourceDatabase, url: &DatabaseUrl) -> Result<ReservedDatabase> {
    let repository = drill.interrupt.or(drill.catalog.repository()).await?;
    let original = drill
        .record
        .source
        .as_ref()
        .and_then(|source| source.server.identity.as_ref());
    let request = ReservedRequest {
        repository: repository.to_string(),
        sources: &drill.request.sources,
        original: original.map(Untrusted::raw),
        is_of_reserved: source.is_reserved,
        encoding: &source.encoding,
        settings: &source.settings,
    };
    // emptying what a killed drill has left may take long, and can be cut off anywhere
    let take = async { Ok(ReservedDatabase::take(url, &request).await?) };
    drill.interrupt.or(take).await
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
