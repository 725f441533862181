//! Finds the installed client programs, and chooses one by major version.
//!
//! Dump and restore need different versions. `pg_dump` refuses a server newer than itself and dumps older ones. But
//! since 17 the output of `pg_dump` and `pg_restore` contains `SET transaction_timeout`, which servers up to 16 don't
//! know. `pg_restore` reads archives of its own and older versions only. So several major versions are often installed
//! side by side, and the nearest is best.

mod folder_fault;
mod folders;
mod program;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

pub use self::folder_fault::{FolderFault, NamedFolder};
pub(super) use self::program::version_of;
use self::program::{is_executable, is_wrapper, minor};
use super::error::Error;

/// An installation of the client programs, all of one version.
#[derive(Clone)]
pub struct PgClient {
    /// The major version, such as 15 of 15.18.
    pub major: u32,
    /// The full version, such as `15.18` or `18beta1`.
    pub version: String,
    /// The path of `pg_dump`.
    pub pg_dump: PathBuf,
    /// The path of `pg_restore`.
    pub pg_restore: PathBuf,
    /// The path of `psql`. Some packages don't contain it.
    pub psql: Option<PathBuf>,
    /// The variables of the agent's environment that the programs need too, for example to find their libraries.
    surroundings: Vec<(OsString, OsString)>,
    /// The only folder that was searched, if the settings name one.
    pub(super) named: Option<PathBuf>,
}

/// A warning about the chosen client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientWarning {
    /// A plain `pg_restore --exit-on-error` into the server's own major version fails on this client's archives.
    TransactionTimeout {
        /// The client's version.
        client: String,
        /// The server's major version.
        server_major: u32,
    },
}

/// The variables that child processes inherit: where programs, libraries, certificates, home and temporary files are.
const SURROUNDINGS: &[&str] = &[
    "PATH",
    "HOME",
    "TMPDIR",
    "TZ",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "OPENSSL_CONF",
    "OPENSSL_MODULES",
    "RES_OPTIONS",
    "LOCALDOMAIN",
    "HOSTALIASES",
];

/// The first major version whose clients write `SET transaction_timeout`.
///
/// <https://www.postgresql.org/docs/17/runtime-config-client.html#GUC-TRANSACTION-TIMEOUT>
const FIRST_WITH_TRANSACTION_TIMEOUT: u32 = 17;

/// The first minor version of each major whose `pg_restore` writes `\restrict` (CVE-2025-8714). 18 writes it since its
/// first release.
///
/// <https://www.postgresql.org/support/security/CVE-2025-8714/>
const FIRST_RESTRICTING: [(u32, u32); 6] = [(18, 0), (17, 6), (16, 10), (15, 14), (14, 19), (13, 22)];

/// The first major version of libpq that knows `require_auth`.
///
/// <https://www.postgresql.org/docs/16/libpq-connect.html#LIBPQ-CONNECT-REQUIRE-AUTH>
const FIRST_WITH_REQUIRE_AUTH: u32 = 16;

/// The limits on time and length of an older program's answer to an unknown login method.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_BYTES: u64 = 4096;

/// All clients that were found, one for each major version.
#[derive(Clone, Debug)]
pub struct Clients {
    by_major: BTreeMap<u32, PgClient>,
    searched: Vec<PathBuf>,
    /// The variables of the agent's environment that the programs need too.
    surroundings: Vec<(OsString, OsString)>,
    /// The only folder that was searched, if the settings name one.
    named: Option<PathBuf>,
    /// What is wrong with that folder, if it has no clients.
    fault: Option<FolderFault>,
    /// The folders that a search without that setting would find.
    elsewhere: Vec<PathBuf>,
}

impl Clients {
    /// Searches for clients. With `pg_bin`, only in that folder, which contains `pg_dump` or folders by major version.
    /// Without it, in the folders of `PATH` and in the usual folders of distributions. Of two clients with the same
    /// major version the newer is used. `environment` is the process's own environment: `PATH` and `HOME` are read, and
    /// the variables that the programs need are passed on.
    pub async fn discover(pg_bin: Option<&Path>, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let surroundings: Vec<_> = environment
            .into_iter()
            .filter(|(name, _)| SURROUNDINGS.iter().any(|wanted| name == wanted))
            .collect();
        let folders = match pg_bin {
            Some(folder) => folders::own(folder),
            None => folders::usual(&surroundings),
        };
        let mut clients = Self {
            by_major: BTreeMap::new(),
            searched: Vec::new(),
            surroundings,
            named: pg_bin.map(Path::to_owned),
            fault: None,
            elsewhere: Vec::new(),
        };
        clients.add_all(&folders).await;
        if pg_bin.is_some() {
            clients.elsewhere = folders::with_programs(&clients.surroundings);
        }
        if let (Some(folder), true) = (pg_bin, clients.by_major.is_empty()) {
            clients.fault = Some(FolderFault::find(folder, &clients.searched).await);
        }
        clients
    }

    /// The folders that were searched.
    pub(super) fn searched(&self) -> &[PathBuf] {
        &self.searched
    }

    /// The only folder that was searched, if the settings name one.
    pub(super) fn named(&self) -> Option<&Path> {
        self.named.as_deref()
    }

    /// The variables of the agent's environment that PostgreSQL's programs need.
    pub(super) fn surroundings(&self) -> &[(OsString, OsString)] {
        &self.surroundings
    }

    /// An error if no client was found.
    pub fn check_any(&self) -> Result<(), Error> {
        match self.by_major.is_empty() {
            true => Err(self.none("pg_dump", "of the server's major version".to_owned(), None)),
            false => Ok(()),
        }
    }

    /// All clients, ordered by major version.
    pub fn iter(&self) -> impl Iterator<Item = &PgClient> {
        self.by_major.values()
    }

    /// The client for a dump of a server: the server's own major version, or the next higher one, never a lower one.
    pub fn for_dump(&self, server_major: u32) -> Result<(&PgClient, Option<ClientWarning>), Error> {
        let Some((_, client)) = self.by_major.range(server_major..).next() else {
            if self.by_major.is_empty() {
                let need = format!("{server_major} or newer");
                return Err(self.none("pg_dump", need, Some(server_major)));
            }
            return Err(Error::NewerServer {
                server_major,
                found: self.found("pg_dump"),
                named: self.named_folder(Some(server_major)),
            });
        };
        let warning = client.emits_transaction_timeout_into(server_major);
        let warning = warning.then(|| ClientWarning::TransactionTimeout {
            client: client.version.clone(),
            server_major,
        });
        Ok((client, warning))
    }

    /// The client that restores an archive which a `pg_dump` of major version `archive_major` made: the server's own
    /// major version if that can read the archive, otherwise the lowest that can. A client that would leave `psql`
    /// unprotected is skipped; [`Error::Unrestricted`] if there is no other.
    pub fn for_restore(&self, archive_major: u32, server_major: u32) -> Result<&PgClient, Error> {
        let own = self
            .by_major
            .get(&server_major)
            .filter(|client| client.major >= archive_major);
        let others = self.by_major.range(archive_major..);
        let mut fitting = own.into_iter().chain(others.map(|(_, client)| client));
        let is_guarded =
            |client: &&PgClient| !client.emits_transaction_timeout_into(server_major) || client.restricts_psql();
        if let Some(client) = fitting.clone().find(is_guarded) {
            return Ok(client);
        }
        if fitting.next().is_some() {
            return Err(Error::Unrestricted);
        }
        let need = format!("{archive_major} or newer, as the archive was made by pg_dump {archive_major}");
        Err(self.none("pg_restore", need, Some(archive_major)))
    }

    /// The client that reads an archive which a `pg_dump` of major version `archive_major` made, for no server: the lowest
    /// that can.
    pub fn for_reading(&self, archive_major: u32) -> Result<&PgClient, Error> {
        self.for_restore(archive_major, u32::MAX)
    }

    fn none(&self, program: &'static str, need: String, major: Option<u32>) -> Error {
        if let (Some(folder), Some(fault)) = (&self.named, &self.fault) {
            return Error::ClientFolder {
                folder: folder.clone(),
                fault: fault.clone(),
                elsewhere: self.elsewhere.clone(),
            };
        }
        Error::NoClient {
            program,
            need,
            found: self.found(program),
            major,
            named: self.named_folder(major),
        }
    }

    /// The folder that the settings name, with the other folders that have a client of that major version or a newer one,
    /// by their names.
    fn named_folder(&self, major: Option<u32>) -> Option<NamedFolder> {
        let is_new_enough = |folder: &&PathBuf| match (folders::major(folder), major) {
            (Some(found), Some(needed)) => found >= needed,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        self.named.as_ref().map(|folder| NamedFolder {
            folder: folder.clone(),
            elsewhere: self.elsewhere.iter().filter(is_new_enough).cloned().collect(),
        })
    }

    /// The version and path of each client's `program` for messages; the searched folders if there is none.
    fn found(&self, program: &str) -> Vec<String> {
        if self.by_major.is_empty() {
            return Error::searched(&self.searched);
        }
        self.iter()
            .map(|client| {
                let path = match program {
                    "pg_restore" => &client.pg_restore,
                    _ => &client.pg_dump,
                };
                Error::found(&client.version, path)
            })
            .collect()
    }

    async fn add_all(&mut self, folders: &[PathBuf]) {
        let surroundings = self.surroundings.clone();
        for folder in folders {
            if self.searched.contains(folder) {
                continue;
            }
            self.searched.push(folder.clone());
            let Some(mut client) = PgClient::look_at(folder, &surroundings).await else {
                continue;
            };
            client.named.clone_from(&self.named);
            let known = self.by_major.get(&client.major);
            if known.is_none_or(|known| minor(&known.version) < minor(&client.version)) {
                self.by_major.insert(client.major, client);
            }
        }
    }
}

impl PgClient {
    /// Whether this client's output needs the changes of [`super::Load`] for a server of that major version.
    pub fn emits_transaction_timeout_into(&self, server_major: u32) -> bool {
        self.major >= FIRST_WITH_TRANSACTION_TIMEOUT && server_major < FIRST_WITH_TRANSACTION_TIMEOUT
    }

    /// Whether this version of `pg_restore` protects `psql` from commands in the archive. Its real output is checked as
    /// well.
    pub fn restricts_psql(&self) -> bool {
        let first = FIRST_RESTRICTING.iter().find(|(major, _)| *major == self.major);
        match (first, minor(&self.version)) {
            (Some((_, first)), minor) => minor.is_some_and(|minor| minor >= *first),
            (None, _) => self.major > FIRST_RESTRICTING[0].0,
        }
    }

    /// Whether the client's libpq knows `require_auth`. PostgreSQL's own packages share one libpq of the newest version
    /// between all major versions.
    ///
    /// An older program is started with an unknown value: a libpq that knows the parameter refuses the value by name,
    /// before it uses the address. Blocks for some milliseconds, and at most 2 s.
    pub(super) fn knows_require_auth(&self) -> bool {
        self.major >= FIRST_WITH_REQUIRE_AUTH || self.refuses_unknown_login().unwrap_or(false)
    }

    fn refuses_unknown_login(&self) -> std::io::Result<bool> {
        let mut command = std::process::Command::new(&self.pg_dump);
        command
            .args(["--no-password", "--dbname=host=/dev/null/none"])
            .env_clear()
            .envs(self.surroundings.iter().map(|(name, value)| (name, value)))
            .env("LC_ALL", "C")
            .env("PGREQUIREAUTH", "unknown");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let began = Instant::now();
        while child.try_wait()?.is_none() {
            if began.elapsed() > ANSWER_TIMEOUT {
                child.kill()?;
                child.wait()?;
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let mut said = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            stderr.take(ANSWER_BYTES).read_to_end(&mut said)?;
        }
        Ok(String::from_utf8_lossy(&said).contains("require_auth"))
    }

    pub(super) fn surroundings(&self) -> &[(OsString, OsString)] {
        &self.surroundings
    }

    /// The client in a folder, if both programs are there and `pg_dump` prints its version.
    async fn look_at(folder: &Path, surroundings: &[(OsString, OsString)]) -> Option<Self> {
        let program = |name: &str| Some(folder.join(name)).filter(|path| is_executable(path) && !is_wrapper(path));
        let (pg_dump, pg_restore) = (program("pg_dump")?, program("pg_restore")?);
        let (major, version) = version_of(&pg_dump, "pg_dump", surroundings).await?;
        let psql = program("psql");
        Some(Self {
            major,
            version,
            pg_dump,
            pg_restore,
            psql,
            surroundings: surroundings.to_vec(),
            named: None,
        })
    }
}

impl fmt::Debug for PgClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} at {})", self.version, self.pg_dump.display())
    }
}

impl fmt::Display for ClientWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::TransactionTimeout { client, server_major } = self;
        write!(
            f,
            "pg_dump {client} is newer than the server ({server_major}): `pgcoffer restore` handles that, but a plain \
             pg_restore --exit-on-error into PostgreSQL {server_major} stops at SET transaction_timeout; install \
             postgresql-client-{server_major} to avoid that"
        )
    }
}
