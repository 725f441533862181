//! What a session is asked for, and what an answer to each request has to be.

use bytes::{Buf as _, Bytes};

use super::{
    fault::{SftpFault, SftpResult, code},
    features::{HARDLINK, POSIX_RENAME, STATVFS},
    session::{Answer, Session},
    wire::{FileAttributes, NamedEntry, Reply, Request},
};

/// Permissions of files and folders: for their owner only.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// The room of a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) free_bytes: u64,
}

/// An answer that says only whether it was done.
pub(super) fn done(reply: Reply) -> SftpResult<()> {
    match reply {
        Reply::Status(code::OK, _) => Ok(()),
        other => Err(refusal(other)),
    }
}

/// The bytes of a read; `None` at the end of the file.
pub(super) fn data(reply: Reply) -> SftpResult<Option<Bytes>> {
    match reply {
        Reply::Data(bytes) => Ok(Some(bytes)),
        Reply::Status(code::EOF, _) => Ok(None),
        other => Err(refusal(other)),
    }
}

fn handle(reply: Reply) -> SftpResult<Bytes> {
    match reply {
        // no handle is longer by section 3 of the draft
        Reply::Handle(handle) if handle.len() <= 256 => Ok(handle),
        other => Err(refusal(other)),
    }
}

fn attributes(reply: Reply) -> SftpResult<FileAttributes> {
    match reply {
        Reply::Attributes(attributes) => Ok(attributes),
        other => Err(refusal(other)),
    }
}

fn refusal(reply: Reply) -> SftpFault {
    match reply {
        Reply::Status(code::OK | code::EOF, _) => {
            SftpFault::protocol("the server answers a request without its result")
        }
        Reply::Status(code, words) => SftpFault::of_status(code, &words),
        _ => SftpFault::protocol("the server answers something else than it was asked"),
    }
}

impl Session {
    /// Creates a file that must not exist, for its owner only.
    pub(super) async fn create(&self, path: &[u8]) -> SftpResult<Bytes> {
        handle(self.call(Request::create(path, FILE_MODE)).await?)
    }

    pub(super) async fn open(&self, path: &[u8]) -> SftpResult<Bytes> {
        handle(self.call(Request::open(path)).await?)
    }

    /// Opens a file that exists, to go on writing.
    pub(super) async fn open_again(&self, path: &[u8]) -> SftpResult<Bytes> {
        handle(self.call(Request::open_again(path)).await?)
    }

    pub(super) async fn close(&self, handle: &[u8]) -> SftpResult<()> {
        done(self.call(Request::close(handle)).await?)
    }

    /// Begins to read, and returns at once.
    pub(super) async fn send_read(&self, handle: &[u8], offset: u64, bytes: u32) -> SftpResult<Answer> {
        self.send(Request::read(handle, offset, bytes)).await
    }

    /// Begins to write, and returns at once.
    pub(super) async fn send_write(&self, handle: &[u8], offset: u64, bytes: Bytes) -> SftpResult<Answer> {
        self.send(Request::write(handle, offset, bytes)).await
    }

    /// What the name itself stands for, without following a link. `None` if there is nothing.
    pub(super) async fn lstat(&self, path: &[u8]) -> SftpResult<Option<FileAttributes>> {
        present(attributes(self.call(Request::lstat(path)).await?))
    }

    /// What a name leads to. `None` if it leads to nothing.
    pub(super) async fn stat(&self, path: &[u8]) -> SftpResult<Option<FileAttributes>> {
        present(attributes(self.call(Request::stat(path)).await?))
    }

    pub(super) async fn fstat(&self, handle: &[u8]) -> SftpResult<FileAttributes> {
        attributes(self.call(Request::fstat(handle)).await?)
    }

    pub(super) async fn set_times(&self, handle: &[u8], modified: u32) -> SftpResult<()> {
        done(self.call(Request::set_times(handle, modified)).await?)
    }

    pub(super) async fn open_folder(&self, path: &[u8]) -> SftpResult<Bytes> {
        handle(self.call(Request::open_folder(path)).await?)
    }

    /// The next entries of a folder; `None` at its end.
    pub(super) async fn read_folder(&self, handle: &[u8]) -> SftpResult<Option<Vec<NamedEntry>>> {
        match self.call(Request::read_folder(handle)).await? {
            Reply::Names(names) => Ok(Some(names)),
            Reply::Status(code::EOF, _) => Ok(None),
            other => Err(refusal(other)),
        }
    }

    pub(super) async fn remove(&self, path: &[u8]) -> SftpResult<()> {
        done(self.call(Request::remove(path)).await?)
    }

    pub(super) async fn make_folder(&self, path: &[u8]) -> SftpResult<()> {
        done(self.call(Request::make_folder(path, FOLDER_MODE)).await?)
    }

    /// Gives a file another name. Whether that may be taken depends on the server.
    pub(super) async fn rename(&self, from: &[u8], to: &[u8]) -> SftpResult<()> {
        done(self.call(Request::rename(from, to)).await?)
    }

    /// Gives a file the name of another, which is gone then.
    pub(super) async fn rename_over(&self, from: &[u8], to: &[u8]) -> SftpResult<()> {
        done(self.call(Request::extended(POSIX_RENAME, &[from, to])).await?)
    }

    /// Gives a file a second name, if that is free.
    pub(super) async fn link(&self, from: &[u8], to: &[u8]) -> SftpResult<()> {
        done(self.call(Request::extended(HARDLINK, &[from, to])).await?)
    }

    /// Has the server write what it buffers for a file to its disk. Does nothing where it can't.
    pub(super) async fn sync(&self, handle: &[u8]) -> SftpResult<()> {
        match self.features.has_fsync {
            true => done(self.send_sync(handle).await?.reply().await?),
            false => Ok(()),
        }
    }

    /// The room that is left for this account. `None` if the server doesn't say.
    pub(super) async fn room(&self, path: &[u8]) -> SftpResult<Option<Room>> {
        if !self.features.has_statvfs {
            return Ok(None);
        }
        match self.call(Request::extended(STATVFS, &[path])).await? {
            Reply::Extended(fields) => Ok(room(fields)),
            other => Err(refusal(other)),
        }
    }

    /// The whole path that a path stands for on the server.
    pub(super) async fn real_path(&self, path: &[u8]) -> SftpResult<Bytes> {
        match self.call(Request::real_path(path)).await? {
            Reply::Names(names) => match <[NamedEntry; 1]>::try_from(names) {
                Ok([only]) => Ok(only.name),
                Err(_) => Err(SftpFault::protocol("the server answers with other than one path")),
            },
            other => Err(refusal(other)),
        }
    }
}

fn present(found: SftpResult<FileAttributes>) -> SftpResult<Option<FileAttributes>> {
    match found {
        Ok(attributes) => Ok(Some(attributes)),
        Err(fault) if matches!(fault.code, Some(code::NO_SUCH_FILE | code::NO_SUCH_PATH)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The fields of `struct statvfs` in their order: the size of a block comes second, the free blocks fifth.
fn room(mut fields: Bytes) -> Option<Room> {
    let numbers: Vec<u64> = std::iter::from_fn(|| fields.try_get_u64().ok()).take(5).collect();
    let [_, block, _, _, free] = numbers.as_slice() else {
        return None;
    };
    Some(Room {
        free_bytes: block.saturating_mul(*free),
    })
}
