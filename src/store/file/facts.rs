//! Facts about a folder, for `check`.

use rustix::fs::{AtFlags, Mode, fstat, fstatvfs, statat};

use super::{ANSWER_MAX, Folder, mounted::Mounted, tree::Tree};
use crate::store::Error;

/// Facts about a folder that the user should know when it is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderFacts {
    /// A file system is mounted at this very folder. When it isn't mounted, an empty folder is in its place.
    pub is_mount_point: bool,
    /// Its mode lets other users write, who can then delete every backup.
    pub others_may_write: bool,
    /// Its permission bits.
    pub mode: u32,
    /// The number of its file system, as text, by which one knows whether another folder is on the same one.
    pub device: String,
    /// What is mounted there, where the kernel says so.
    pub mounted: Option<Mounted>,
    /// The space that is left for this user, in bytes.
    pub free_bytes: u64,
}

impl Folder {
    /// Looks at the folder itself. Writes nothing.
    ///
    /// # Errors
    /// [`Kind::NoBucket`](crate::store::Kind::NoBucket) if it doesn't exist, or any error of the file system.
    pub async fn facts(&self) -> Result<FolderFacts, Error> {
        let path = self.path().to_owned();
        let work = move |tree: &Tree| {
            let (own, above) = (fstat(&tree.top)?, statat(&tree.top, "..", AtFlags::empty())?);
            let room = fstatvfs(&tree.top)?;
            let mode = Mode::from_raw_mode(own.st_mode);
            Ok(FolderFacts {
                is_mount_point: own.st_dev != above.st_dev,
                others_may_write: mode.intersects(Mode::WGRP | Mode::WOTH),
                mode: mode.bits(),
                device: own.st_dev.to_string(),
                mounted: Mounted::at(&path),
                free_bytes: room.f_bavail.saturating_mul(room.f_frsize),
            })
        };
        self.ask(self.doing("look at", ""), ANSWER_MAX, work).await
    }
}
