//! Finds objects on the server. SFTP opens a path as a whole, so each step of it is looked at right before: it has to
//! be a folder and not a link. A pipe, a socket or a device is never opened.

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::{
    Sftp,
    fault::{SftpFault, SftpResult},
    identity::Identity,
    session::Session,
    wire::{FileAttributes, FileKind},
};
use crate::store::{
    Kind,
    file_name::{folder_steps, steps},
};

/// The folder, over one connection.
#[derive(Clone)]
pub(super) struct Tree {
    pub(super) place: Sftp,
    pub(super) session: Arc<Session>,
}

/// Where an object is or will be: its folder is there.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) key: String,
    /// The path of its folder on the server.
    pub(super) folder: Vec<u8>,
    /// Its name in that folder.
    pub(super) name: String,
}

/// How far a path of folders goes.
enum Chain {
    Whole,
    /// From this step on, nothing is there.
    Missing(usize),
    /// This step is something else than a folder.
    Blocked(usize),
}

impl Spot {
    pub(super) fn path(&self) -> Vec<u8> {
        self.beside(&self.name)
    }

    /// The path of another name in the same folder.
    pub(super) fn beside(&self, name: &str) -> Vec<u8> {
        joined(&self.folder, name)
    }
}

/// The path of a name in a folder. A folder without a path is where a login starts.
pub(super) fn joined(folder: &[u8], name: &str) -> Vec<u8> {
    match folder {
        b"." => name.as_bytes().to_vec(),
        folder => [folder, b"/", name.as_bytes()].concat(),
    }
}

impl Tree {
    pub(super) fn new(place: Sftp, session: Arc<Session>) -> Self {
        Self { place, session }
    }

    /// The path of the top folder. The user's path may contain links; below it no link is followed.
    pub(super) fn top(&self) -> Vec<u8> {
        match self.place.location().path.as_str() {
            "" => b".".to_vec(),
            path => path.as_bytes().to_vec(),
        }
    }

    /// The path of a folder below the top.
    fn folder_path(&self, names: &[&str]) -> Vec<u8> {
        names.iter().fold(self.top(), |folder, name| joined(&folder, name))
    }

    /// Checks that the top is there, and that its entries can be read.
    pub(super) async fn look_into(&self) -> SftpResult<()> {
        is_top(self.session.stat(&self.top()).await?.as_ref())?;
        let handle = self.session.open_folder(&self.top()).await?;
        let read = self.session.read_folder(&handle).await;
        let closed = self.session.close(&handle).await;
        read.and(closed)
    }

    /// Looks at all steps at once.
    async fn chain(&self, names: &[&str]) -> SftpResult<Chain> {
        let top = self.top();
        let paths: Vec<Vec<u8>> = (1..=names.len()).map(|n| self.folder_path(&names[..n])).collect();
        let looks = try_join_all(paths.iter().map(|path| async {
            // what stands behind a step that is missing or forbidden is of no interest
            Ok::<_, SftpFault>(self.session.lstat(path).await)
        }));
        let (above, steps) = tokio::join!(self.session.stat(&top), looks);
        is_top(above?.as_ref())?;
        for (at, step) in steps?.into_iter().enumerate() {
            match step? {
                None => return Ok(Chain::Missing(at)),
                Some(found) if is_folder(&found)? => {}
                Some(_) => return Ok(Chain::Blocked(at)),
            }
        }
        Ok(Chain::Whole)
    }

    /// The folder of an object that may exist. `None` if it can't exist.
    pub(super) async fn spot(&self, key: &str) -> SftpResult<Option<Spot>> {
        let Some((names, name)) = steps(key) else {
            return Ok(None);
        };
        match self.chain(&names).await? {
            Chain::Whole => Ok(Some(self.spot_of(key, &names, name))),
            // something that isn't a folder contains no object
            Chain::Missing(_) | Chain::Blocked(_) => Ok(None),
        }
    }

    fn spot_of(&self, key: &str, names: &[&str], name: &str) -> Spot {
        Spot {
            key: key.to_owned(),
            folder: self.folder_path(names),
            name: name.to_owned(),
        }
    }

    /// An object that may exist, with its folder. Looks at both at once.
    pub(super) async fn find(&self, key: &str) -> SftpResult<Option<(Spot, Identity)>> {
        let Some((names, name)) = steps(key) else {
            return Ok(None);
        };
        let spot = self.spot_of(key, &names, name);
        let (chain, found) = tokio::join!(self.chain(&names), self.look(&spot));
        match chain? {
            Chain::Whole => Ok(found?.map(|identity| (spot, identity))),
            Chain::Missing(_) | Chain::Blocked(_) => Ok(None),
        }
    }

    /// Looks at an object. `None` if there is none, or if its name belongs to something else.
    pub(super) async fn look(&self, spot: &Spot) -> SftpResult<Option<Identity>> {
        match self.session.lstat(&spot.path()).await? {
            Some(found) => Identity::of(&found),
            None => Ok(None),
        }
    }

    /// The folder of an object that will be written. Creates missing folders, for their owner only.
    pub(super) async fn make_spot(&self, key: &str) -> SftpResult<Spot> {
        let bad = || SftpFault::new(Kind::Other, "no object can be called so in a folder", None);
        let (names, name) = steps(key).ok_or_else(bad)?;
        match self.chain(&names).await? {
            Chain::Whole => {}
            Chain::Blocked(at) => return Err(SftpFault::in_the_way(names[at])),
            Chain::Missing(from) => {
                for at in from..names.len() {
                    self.make_folder(&names[..=at]).await?;
                }
            }
        }
        Ok(self.spot_of(key, &names, name))
    }

    async fn make_folder(&self, names: &[&str]) -> SftpResult<()> {
        let path = self.folder_path(names);
        let Err(fault) = self.session.make_folder(&path).await else {
            self.sync_folder(&self.folder_path(&names[..names.len() - 1])).await;
            return Ok(());
        };
        // another writer may have made it meanwhile
        match self.session.lstat(&path).await? {
            Some(found) if is_folder(&found)? => Ok(()),
            Some(_) => Err(SftpFault::in_the_way(names.last().unwrap_or(&""))),
            None => Err(fault),
        }
    }

    /// The path of a folder of objects, whose key is empty or ends with `/`. `None` if there is no such folder.
    pub(super) async fn below(&self, folder: &str) -> SftpResult<Option<Vec<u8>>> {
        let Some(names) = folder_steps(folder) else {
            return Ok(None);
        };
        match self.chain(&names).await? {
            Chain::Whole => Ok(Some(self.folder_path(&names))),
            Chain::Missing(_) | Chain::Blocked(_) => Ok(None),
        }
    }

    /// Makes created, renamed and removed names durable, where a server opens a folder as a file, as OpenSSH does.
    /// Elsewhere it depends on the server.
    pub(super) async fn sync_folder(&self, path: &[u8]) {
        let session = &self.session;
        if !(session.features.has_fsync && session.features.is_openssh()) {
            return;
        }
        let synced = async {
            let handle = session.open(path).await?;
            let synced = session.sync(&handle).await;
            session.close(&handle).await.and(synced)
        };
        if let Err(fault) = synced.await {
            tracing::debug!("a folder on the server was not synced: {}", fault.why);
        }
    }
}

fn is_top(found: Option<&FileAttributes>) -> SftpResult<()> {
    match found {
        Some(found) if is_folder(found)? => Ok(()),
        Some(_) => Err(SftpFault::not_a_folder()),
        None => Err(SftpFault::no_folder()),
    }
}

fn is_folder(found: &FileAttributes) -> SftpResult<bool> {
    match found.kind() {
        FileKind::Folder => Ok(true),
        FileKind::Plain | FileKind::Other => Ok(false),
        FileKind::Unknown => Err(SftpFault::lacks("say what is a folder and what is a link")),
    }
}
