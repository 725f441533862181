//! Facts about a server, for `check`.

use super::{ANSWER_MAX, Sftp, publish::Naming, tree::Tree};
use crate::store::Error;

/// Facts about a folder on a server that the user should know when it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SftpFacts {
    /// How the server names its software, which is text from outside.
    pub software: String,
    /// The folder's whole path as the server has it, which is text from outside. With `ChrootDirectory` it begins
    /// there.
    pub path: String,
    /// The server writes a file to its disk when it is asked to. If it can't, it may lose what it confirmed when its
    /// power fails.
    pub syncs: bool,
    /// The server itself sees to it that a new object has a name that was free. If it can't, that is looked at right
    /// before.
    pub refuses_taken_names: bool,
    /// A reader sees the old or the new object while one is replaced.
    pub replaces_atomically: bool,
    /// The space that is left for this account, in bytes. `None` if the server doesn't say.
    pub free_bytes: Option<u64>,
    /// The folder's mode lets other users of the server write, who can then delete every backup.
    pub others_may_write: bool,
}

impl Sftp {
    /// Looks at the server and the folder itself. Writes two small files for a moment, unless the server is known.
    ///
    /// # Errors
    /// [`Kind::NoBucket`](crate::store::Kind::NoBucket) if the folder doesn't exist, or any error of the server.
    pub async fn facts(&self) -> Result<SftpFacts, Error> {
        self.ask(self.doing("look at", ""), ANSWER_MAX, |tree| async move {
            tree.facts().await
        })
        .await
    }
}

impl Tree {
    async fn facts(&self) -> super::SftpResult<SftpFacts> {
        let top = self.top();
        let spot = self.make_spot("rename").await?;
        let naming = self.naming(&spot).await?;
        let (path, room, found) = (
            self.session.real_path(&top).await?,
            self.session.room(&top).await.ok().flatten(),
            self.session.stat(&top).await?,
        );
        let features = &self.session.features;
        Ok(SftpFacts {
            software: features.software.clone(),
            path: crate::text::decoded(&path),
            syncs: features.has_fsync,
            refuses_taken_names: naming != Naming::Look,
            replaces_atomically: features.has_posix_rename || naming != Naming::Rename,
            free_bytes: room.map(|room| room.free_bytes),
            others_may_write: found.and_then(|found| found.mode).is_some_and(|mode| mode & 0o022 != 0),
        })
    }
}
