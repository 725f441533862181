//! Errors of a folder, by the number of the error and never by its message.

use std::io;

use rustix::io::Errno;

use crate::store::{Error, Kind, PlaceKind};

/// The reason of a failure. The object is added by the caller, which knows it.
#[derive(Debug)]
pub(super) struct FileFault {
    pub(super) kind: Kind,
    pub(super) why: String,
    pub(super) cure: Option<&'static str>,
}

/// The result of an operation in the folder.
pub(super) type FileResult<T> = Result<T, FileFault>;

const RIGHTS: &str = "the user that runs pgcoffer has to own the folder and all that it made there: see `ls -la`, and \
     on a share what its server lets that user do";
const READ_ONLY: &str = "mount it for writing; a kernel that met an error on a disk mounts it read-only by itself, \
     which `dmesg` tells";
const ROOM: &str = "make room on the disk or the share, raise its quota, or keep less; what has run out is deleted all \
     the same by `pgcoffer prune` and by `tick`, and `pgcoffer prune --dry-run` shows what that is";
const TOO_LARGE: &str = "a file can't be as large there: FAT takes 4 GiB, and `ulimit -f` says what this process may \
     write; use another file system, or lift the limit";
const UNREACHABLE_HINT: &str = "see whether the server of the share is up and the share is still mounted (`findmnt -T` and the \
     folder); unmount it and mount it again where it is stale";
const DISK: &str = "see `dmesg`: a disk fails, or a share that is mounted `soft` gave up waiting for its server";
const BUSY: &str = "try again later";
const IN_THE_WAY: &str =
    "links are never followed there, nor is anything but folders and plain files used: move it away";
const LONG: &str = "use a file system that takes names of 255 bytes";
const NO_FOLDER: &str = "make the folder yourself, or mount what holds it, or correct PGCOFFER_BUCKET: pgcoffer never \
     makes it, so that a share that isn't mounted is not mistaken for an empty one";
const KINDS: &str = "use a file system that has hard links, or a rename that refuses a name that is taken";
const NEVER_OVER: &str = "the object is there already and is never overwritten; look at it with `pgcoffer list`";

impl FileFault {
    pub(super) fn new(kind: Kind, why: impl Into<String>, cure: Option<&'static str>) -> Self {
        Self {
            kind,
            why: why.into(),
            cure,
        }
    }

    pub(super) fn not_found() -> Self {
        Self::new(Kind::NotFound, "there is no such object", None)
    }

    pub(super) fn exists() -> Self {
        Self::new(Kind::Exists, "the object exists", Some(NEVER_OVER))
    }

    pub(super) fn changed(kind: Kind) -> Self {
        Self::new(kind, "it is another object than the one that was looked at", None)
    }

    /// The folder itself does not exist.
    pub(super) fn no_folder(errno: Errno) -> Self {
        match errno {
            Errno::NOENT => Self::new(Kind::NoBucket, "there is no such folder", Some(NO_FOLDER)),
            Errno::NOTDIR | Errno::LOOP => Self::new(Kind::NoBucket, "it is no folder", Some(NO_FOLDER)),
            errno => errno.into(),
        }
    }

    /// Something that is not a folder has the name of a folder.
    pub(super) fn in_the_way(name: &str) -> Self {
        let why = format!("{name}, on the way to it, is a link or another thing that is no folder");
        Self::new(Kind::Denied, why, Some(IN_THE_WAY))
    }

    /// The file system has no operation that creates a name only if it is free.
    pub(super) fn without_new_names(errno: Errno) -> Self {
        let why = format!("the file system can't give a file a name only if that is free: {errno}");
        Self::new(Kind::Unsupported, why, Some(KINDS))
    }

    pub(super) fn silent(seconds: u64) -> Self {
        let why = format!("the file system has not answered for {seconds} s");
        Self::new(Kind::Silent, why, Some(UNREACHABLE_HINT))
    }

    pub(super) fn on(self, doing: String) -> Error {
        Error {
            cure: self.cure.map(str::to_owned),
            place: PlaceKind::Folder,
            ..Error::new(self.kind, doing, self.why)
        }
    }
}

impl From<Errno> for FileFault {
    fn from(errno: Errno) -> Self {
        let (kind, cure) = match errno {
            Errno::NOENT => return Self::not_found(),
            Errno::EXIST => return Self::exists(),
            Errno::ACCESS | Errno::PERM => (Kind::Denied, Some(RIGHTS)),
            Errno::ROFS => (Kind::Denied, Some(READ_ONLY)),
            Errno::LOOP | Errno::NOTDIR | Errno::ISDIR => (Kind::Denied, Some(IN_THE_WAY)),
            Errno::NOSPC | Errno::DQUOT => (Kind::Full, Some(ROOM)),
            Errno::FBIG => (Kind::Full, Some(TOO_LARGE)),
            Errno::STALE
            | Errno::NOTCONN
            | Errno::HOSTDOWN
            | Errno::HOSTUNREACH
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::TIMEDOUT
            | Errno::CONNRESET
            | Errno::CONNREFUSED
            | Errno::CONNABORTED
            | Errno::SHUTDOWN
            | Errno::NODEV
            | Errno::NXIO => (Kind::Unreachable, Some(UNREACHABLE_HINT)),
            Errno::IO => (Kind::Other, Some(DISK)),
            Errno::AGAIN | Errno::BUSY | Errno::INTR | Errno::NOLCK | Errno::MFILE | Errno::NFILE | Errno::NOMEM => {
                (Kind::Busy, Some(BUSY))
            }
            Errno::NAMETOOLONG => (Kind::Other, Some(LONG)),
            Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL => (Kind::Unsupported, Some(KINDS)),
            _ => (Kind::Other, Some(DISK)),
        };
        let why = io::Error::from(errno).to_string();
        Self::new(kind, why, cure)
    }
}

impl From<io::Error> for FileFault {
    fn from(error: io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(errno) => errno.into(),
            None => Self::new(Kind::Other, error.to_string(), Some(DISK)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_its_kind_and_its_cure() {
        for (errno, kind, cure) in [
            (Errno::NOSPC, Kind::Full, Some(ROOM)),
            (Errno::DQUOT, Kind::Full, Some(ROOM)),
            (Errno::FBIG, Kind::Full, Some(TOO_LARGE)),
            (Errno::ROFS, Kind::Denied, Some(READ_ONLY)),
            (Errno::ACCESS, Kind::Denied, Some(RIGHTS)),
            (Errno::NOENT, Kind::NotFound, None),
            (Errno::STALE, Kind::Unreachable, Some(UNREACHABLE_HINT)),
            (Errno::IO, Kind::Other, Some(DISK)),
        ] {
            let fault = FileFault::from(errno);
            assert_eq!((fault.kind, fault.cure), (kind, cure), "{errno}");
            let by_io = FileFault::from(io::Error::from(errno));
            assert_eq!(by_io.kind, kind, "{errno}");
        }
        assert_eq!(FileFault::no_folder(Errno::NOENT).kind, Kind::NoBucket);
        assert_eq!(FileFault::no_folder(Errno::ACCESS).kind, Kind::Denied);
    }
}
