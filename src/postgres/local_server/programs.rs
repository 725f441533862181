//! The programs of an installed server, which stand where the client programs are looked for.

use std::ffi::OsString;
use std::path::PathBuf;

use super::LocalServerFault;
use crate::postgres::client::{Clients, version_of};
use crate::postgres::error::Error;

/// The programs of one installed server.
#[derive(Clone, Debug)]
pub struct ServerPrograms {
    /// The major version, such as 15 of 15.18.
    pub major: u32,
    /// The full version, such as `15.18`.
    pub version: String,
    /// The path of `initdb`.
    pub(super) initdb: PathBuf,
    /// The path of `postgres`.
    pub(super) postgres: PathBuf,
    /// The variables of the agent's environment that the programs need too.
    pub(super) surroundings: Vec<(OsString, OsString)>,
}

impl ServerPrograms {
    /// The installed server for the backup of a server of this major version: of the same version, or the next newer
    /// one, since an older one may not know what is in the backup.
    ///
    /// # Errors
    /// [`LocalServerFault::NoPrograms`] if there is none.
    pub async fn find(clients: &Clients, major: u32) -> Result<Self, Error> {
        let found = Self::all(clients).await;
        let fitting = found.iter().filter(|server| server.major >= major);
        let nearest = fitting.min_by_key(|server| server.major).cloned();
        nearest.ok_or_else(|| {
            let shown = |server: &Self| Error::found(&server.version, &server.postgres);
            let found = match found.is_empty() {
                true => Error::searched(clients.searched()),
                false => found.iter().map(shown).collect(),
            };
            let named = clients.named().map(PathBuf::from);
            LocalServerFault::NoPrograms { major, found, named }.into()
        })
    }

    /// Whether any server is installed.
    pub async fn is_any(clients: &Clients) -> bool {
        !Self::all(clients).await.is_empty()
    }

    async fn all(clients: &Clients) -> Vec<Self> {
        let mut all = Vec::new();
        for folder in clients.searched() {
            let (initdb, postgres) = (folder.join("initdb"), folder.join("postgres"));
            if !initdb.is_file() || !postgres.is_file() {
                continue;
            }
            let surroundings = clients.surroundings();
            if let Some((major, version)) = version_of(&postgres, "postgres", surroundings).await {
                all.push(Self {
                    major,
                    version,
                    initdb,
                    postgres,
                    surroundings: surroundings.to_vec(),
                });
            }
        }
        all
    }
}
