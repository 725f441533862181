//! A folder on a server as a place for backups: `sftp://user@host:port/path`, over SSH.
//!
//! An object is a plain file below the folder, with rights for its owner only. It is written under a temporary name in
//! the same folder, synced where the server can do that, read back, and renamed only if its name is free. Links, pipes,
//! devices and files of other programs are never followed, opened or changed. The folder itself is never created.
//!
//! SFTP is spoken as version 3, with those of OpenSSH's extensions that the server has. Names are bytes: the crates
//! that speak SFTP make text of them, so that a foreign name is mistaken for another.

mod backend;
mod connect;
mod facts;
mod fault;
mod features;
mod handler;
mod host_keys;
mod identity;
mod key;
mod listing;
mod login;
mod options;
mod publish;
mod read_back;
mod reading;
mod requests;
mod session;
mod temp_file;
mod tree;
mod upload;
mod wire;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::oneshot, time::timeout};
use tokio_util::task::TaskTracker;

pub use self::{
    facts::SftpFacts,
    host_keys::HostKeys,
    options::{SftpOptions, SshKeySource},
};
use self::{
    fault::{SftpFault, SftpResult},
    identity::Recent,
    login::Login,
    publish::Naming,
    session::Session,
    tree::Tree,
};
use super::{Error, SftpLocation};
use crate::retry::Backoff;

/// The time limit of a look, and of reading or writing a small file.
const ANSWER_MAX: Duration = Duration::from_secs(120);
/// The time limit of checking whether the folder exists.
const REACHABLE_WITHIN: Duration = Duration::from_secs(15);
/// The time limit of reading the first object of a command.
const FIRST_WITHIN: Duration = Duration::from_secs(30);
/// The time limit of a list, and of reading one range.
const LIST_MAX: Duration = Duration::from_secs(900);
/// The number of attempts at an operation that fails with a passing error.
const ATTEMPTS: u32 = 4;
/// The longest wait at the end for operations that were given up.
const SETTLE_MAX: Duration = Duration::from_secs(30);

/// A folder on a server. Cheap to clone.
#[derive(Clone)]
pub struct Sftp(Arc<Inner>);

struct Inner {
    options: Arc<SftpOptions>,
    login: Login,
    /// The connection, if there is one. The lock is held while one is made, so that there is only one.
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
    /// How a file gets its name only if that is free. `None` until it was found out.
    naming: Mutex<Option<Naming>>,
    /// How far the server's clock is ahead of this machine's. `None` until a written file has shown it.
    ahead: Mutex<Option<SignedDuration>>,
    /// Dates of files that are gone, so that a new one isn't confused with an old one.
    recent: Mutex<Recent>,
    /// Held while an object of this place is replaced or deleted by this process. SFTP has no locks between processes.
    changing: tokio::sync::Mutex<()>,
    /// All operations, so that [`settle`](super::Backend::settle) can wait for them.
    tasks: TaskTracker,
}

impl Sftp {
    /// A folder on a server, which is not connected to yet. Reads the private key.
    ///
    /// # Errors
    /// [`Kind::Configuration`](super::Kind::Configuration) if the private key can't be used;
    /// [`Kind::NoCredentials`](super::Kind::NoCredentials) if there is nothing to log in with.
    pub fn new(options: SftpOptions) -> Result<Self, Error> {
        let login = Login::new(&options)?;
        Ok(Self(Arc::new(Inner {
            options: Arc::new(options),
            login,
            session: tokio::sync::Mutex::default(),
            naming: Mutex::default(),
            ahead: Mutex::default(),
            recent: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            tasks: TaskTracker::new(),
        })))
    }

    /// The server, the user and the folder.
    #[must_use]
    pub fn location(&self) -> &SftpLocation {
        &self.0.options.location
    }

    fn doing(&self, what: &str, key: &str) -> String {
        format!("{what} {}", self.location().url(key))
    }

    /// The connection; makes one if there is none, or if the last one was lost. Bounded by the options' limit.
    async fn session(&self) -> SftpResult<Arc<Session>> {
        let mut current = self.0.session.lock().await;
        if let Some(session) = current.as_ref().filter(|session| !session.is_over()) {
            return Ok(Arc::clone(session));
        }
        *current = None;
        let session = Arc::new(connect::connect(&self.0.options, &self.0.login).await?);
        *current = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Runs an operation once, as a task that goes on if nobody waits for it any longer. Ends after `within`.
    async fn once<T, F>(
        &self,
        doing: String,
        within: Duration,
        work: impl FnOnce(Tree) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = SftpResult<T>> + Send,
    {
        let (result, done) = oneshot::channel();
        let place = self.clone();
        self.0.tasks.spawn(async move {
            let done = place.within(within, work).await;
            // a result that nobody waits for is dropped inside the task, which `settle` waits for
            drop(result.send(done));
        });
        let done = done.await.unwrap_or_else(|_| Err(SftpFault::bug()));
        done.map_err(|fault| fault.on(doing))
    }

    async fn within<T, F>(&self, limit: Duration, work: impl FnOnce(Tree) -> F) -> SftpResult<T>
    where
        F: Future<Output = SftpResult<T>>,
    {
        let operation = async {
            let session = self.session().await?;
            work(Tree::new(self.clone(), session)).await
        };
        match timeout(limit, operation).await {
            Ok(done) => done,
            Err(_) => Err(SftpFault::silent(limit.as_secs())),
        }
    }

    /// Runs an operation that may be repeated, until it succeeds or fails with an error that doesn't pass.
    async fn ask<T, F>(
        &self,
        doing: String,
        within: Duration,
        work: impl Fn(Tree) -> F + Clone + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = SftpResult<T>> + Send,
    {
        let mut attempt = 1;
        loop {
            match self.once(doing.clone(), within, work.clone()).await {
                Err(error) if error.kind.is_passing() && attempt < ATTEMPTS => {
                    tokio::time::sleep(Backoff::OF_REQUESTS.jittered(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// Up to a thousand of the folders directly below another folder of the same server: for a hint, since it isn't the
    /// whole list. Empty if it is another server's.
    pub(super) async fn some_folders_at(&self, other: &SftpLocation) -> Result<Vec<String>, Error> {
        let own = self.location();
        if (&own.user, &own.host, own.port) != (&other.user, &other.host, other.port) {
            return Ok(Vec::new());
        }
        let path = match other.path.as_str() {
            "" => b".".to_vec(),
            path => path.as_bytes().to_vec(),
        };
        let work = move |tree: Tree| {
            let path = path.clone();
            async move { tree.some_folders(&path).await }
        };
        self.ask(format!("list {other}"), ANSWER_MAX, work).await
    }

    /// Notes the server's time, which a file that was just written shows.
    fn hear(&self, theirs: Timestamp) {
        let ahead = theirs.duration_since(Timestamp::now());
        *self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
    }
}
