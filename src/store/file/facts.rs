//! What a check tells of a folder.

use rustix::fs::{AtFlags, Mode, fstat, fstatvfs, statat};

use super::{ANSWER_MAX, Folder, tree::Tree};
use crate::store::Error;

/// How a folder stands, for whoever sets it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolderFacts {
    /// Something is mounted right there: unmounted, an empty folder would be in its place.
    pub is_mount_point: bool,
    /// Its mode lets others than its owner write: they can delete every backup.
    pub others_may_write: bool,
    /// Its permission bits.
    pub mode: u32,
    /// Room that is left for this user, in bytes.
    pub free_bytes: u64,
}

impl Folder {
    /// Looks at the folder itself. Writes nothing.
    ///
    /// # Errors
    /// [`Kind::NoBucket`](crate::store::Kind::NoBucket) where it isn't there, and what the file system refuses.
    pub async fn facts(&self) -> Result<FolderFacts, Error> {
        let work = |tree: &Tree| {
            let (own, above) = (fstat(&tree.top)?, statat(&tree.top, "..", AtFlags::empty())?);
            let room = fstatvfs(&tree.top)?;
            let mode = Mode::from_raw_mode(own.st_mode);
            Ok(FolderFacts {
                is_mount_point: own.st_dev != above.st_dev,
                others_may_write: mode.intersects(Mode::WGRP | Mode::WOTH),
                mode: mode.bits(),
                free_bytes: room.f_bavail.saturating_mul(room.f_frsize),
            })
        };
        self.ask(self.doing("look at", ""), ANSWER_MAX, work).await
    }
}
