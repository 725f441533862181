//! Why an operation on a server failed: by the code of its answer, and never by its message alone.

use crate::store::{Error, Kind, PlaceKind};

/// The reason of a failure. The object is added by the caller, which knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SftpFault {
    pub(super) kind: Kind,
    pub(super) why: String,
    pub(super) cure: Option<String>,
    /// The status code of the answer, if the server answered.
    pub(super) code: Option<u32>,
}

/// The result of an operation on a server.
pub(super) type SftpResult<T> = Result<T, SftpFault>;

/// Status codes of an answer. Up to 8 by <https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02#section-7>;
/// some servers send codes of later drafts.
pub(super) mod code {
    pub(in crate::store::sftp) const OK: u32 = 0;
    pub(in crate::store::sftp) const EOF: u32 = 1;
    pub(in crate::store::sftp) const NO_SUCH_FILE: u32 = 2;
    pub(in crate::store::sftp) const PERMISSION_DENIED: u32 = 3;
    pub(in crate::store::sftp) const FAILURE: u32 = 4;
    pub(in crate::store::sftp) const BAD_MESSAGE: u32 = 5;
    pub(in crate::store::sftp) const NO_CONNECTION: u32 = 6;
    pub(in crate::store::sftp) const CONNECTION_LOST: u32 = 7;
    pub(in crate::store::sftp) const UNSUPPORTED: u32 = 8;
    pub(in crate::store::sftp) const NO_SUCH_PATH: u32 = 10;
    pub(in crate::store::sftp) const EXISTS: u32 = 11;
    pub(in crate::store::sftp) const WRITE_PROTECT: u32 = 12;
    pub(in crate::store::sftp) const NO_SPACE: u32 = 14;
    pub(in crate::store::sftp) const QUOTA: u32 = 15;
}

const RIGHTS: &str = "the account on the server has to own the folder and all that pgcoffer made there: see `ls -la` \
     there, and what the server lets that account do";
const READ_ONLY: &str = "let the account write there: the server or its file system is read-only";
pub(super) const ROOM: &str = "make room on the server, or keep less; what has run out is deleted all the same by \
     `pgcoffer prune` and by `tick`, and `pgcoffer prune --dry-run` shows what that is";
pub(super) const QUOTA: &str = "raise the account's quota on the server (`quota -s` there, or the provider's page) or its \
     limit on the size of files (`ulimit -f`), or keep less; what has run out is deleted all the same by `pgcoffer prune` and by `tick`";
pub(super) const UNTOLD: &str = "see on the server whether its disk is full (`df`), or a quota of the account (`quota -s`) \
     or a limit on the size of files (`ulimit -f`) is reached, and make room or lift it";
const NO_FOLDER: &str = "make the folder on the server yourself, or mount what holds it, or correct the path: with \
     ChrootDirectory it begins there; pgcoffer never makes it, so that a disk that isn't mounted is not mistaken for \
     an empty one";
const IN_THE_WAY: &str =
    "links are never followed there, nor is anything but folders and plain files used: move it away";
const NEVER_OVER: &str = "the object is there already and is never overwritten; look at it with `pgcoffer list`";
const LACKS: &str = "use a server that has it, such as OpenSSH's internal-sftp";
const LOG: &str = "see the log of the server (`journalctl -u ssh`): SFTP doesn't say more";
const LOST: &str = "see whether the server restarted or its process was killed (`journalctl -u ssh` there), and whether \
     a firewall between cuts connections";
const SILENT: &str = "see whether the server's disk or share hangs, and whether a firewall or a NAT between swallows \
     packets";
pub(super) const CHANGED_HINT: &str = "let nobody else write there, and see whether the server's disk is sound: \
     nothing is said of what is stored";
pub(super) const MANY: &str = "move away what isn't pgcoffer's: a folder of its own is best";

impl SftpFault {
    pub(super) fn new(kind: Kind, why: impl Into<String>, cure: Option<&str>) -> Self {
        Self {
            kind,
            why: why.into(),
            cure: cure.map(str::to_owned),
            code: None,
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
    pub(super) fn no_folder() -> Self {
        Self::new(Kind::NoBucket, "there is no such folder on the server", Some(NO_FOLDER))
    }

    /// The path of the folder leads to something else.
    pub(super) fn not_a_folder() -> Self {
        Self::new(Kind::NoBucket, "it is no folder on the server", Some(NO_FOLDER))
    }

    /// Something that is not a folder has the name of a folder.
    pub(super) fn in_the_way(name: &str) -> Self {
        let why = format!("{name}, on the way to it, is a link or another thing that is no folder");
        Self::new(Kind::Denied, why, Some(IN_THE_WAY))
    }

    pub(super) fn lacks(what: &str) -> Self {
        Self::new(Kind::Unsupported, format!("the server can't {what}"), Some(LACKS))
    }

    pub(super) fn silent(seconds: u64) -> Self {
        let why = format!("the server has not answered for {seconds} s");
        Self::new(Kind::Silent, why, Some(SILENT))
    }

    pub(super) fn lost(why: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, why, Some(LOST))
    }

    /// The server breaks the rules of the protocol.
    pub(super) fn protocol(why: impl Into<String>) -> Self {
        Self::new(
            Kind::Damaged,
            why,
            Some("see what runs as the server's SFTP subsystem, and which version"),
        )
    }

    pub(super) fn bug() -> Self {
        Self::new(Kind::Other, "this is a bug in pgcoffer: it panicked", None)
    }

    /// A request that was refused with this status.
    pub(super) fn of_status(code: u32, message: &str) -> Self {
        let said = message.to_ascii_lowercase();
        let (kind, cure) = match code {
            code::NO_SUCH_FILE | code::NO_SUCH_PATH => return Self::not_found().with_code(code),
            code::EXISTS => return Self::exists().with_code(code),
            code::PERMISSION_DENIED => (Kind::Denied, RIGHTS),
            code::WRITE_PROTECT => (Kind::Denied, READ_ONLY),
            code::NO_SPACE => (Kind::Full, ROOM),
            code::QUOTA => (Kind::Full, QUOTA),
            // a server that knows no code for it may still say so
            code::FAILURE if said.contains("quota") => (Kind::Full, QUOTA),
            code::FAILURE if said.contains("no space") || said.contains("disk full") => (Kind::Full, ROOM),
            code::FAILURE if said.contains("read-only") => (Kind::Denied, READ_ONLY),
            code::UNSUPPORTED => (Kind::Unsupported, LACKS),
            code::NO_CONNECTION | code::CONNECTION_LOST => (Kind::Unreachable, LOST),
            _ => (Kind::Other, LOG),
        };
        let why = match message.trim() {
            "" => format!("the server refuses it with the code {code}"),
            said => format!("the server refuses it: {said}"),
        };
        Self::new(kind, why, Some(cure)).with_code(code)
    }

    fn with_code(self, code: u32) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }

    /// Whether the server refused it for a reason that it has no code for: among others, that the name is taken.
    pub(super) fn is_unexplained(&self) -> bool {
        matches!(self.code, Some(code::FAILURE | code::BAD_MESSAGE)) && self.kind == Kind::Other
    }

    pub(super) fn on(self, doing: impl Into<String>) -> Error {
        Error {
            cure: self.cure,
            place: PlaceKind::Server,
            ..Error::new(self.kind, doing, self.why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_kind_and_its_cure() {
        for (code, message, kind, cure) in [
            (code::NO_SUCH_FILE, "No such file", Kind::NotFound, None),
            (code::NO_SUCH_PATH, "", Kind::NotFound, None),
            (code::PERMISSION_DENIED, "Permission denied", Kind::Denied, Some(RIGHTS)),
            (code::WRITE_PROTECT, "", Kind::Denied, Some(READ_ONLY)),
            (code::FAILURE, "Failure", Kind::Other, Some(LOG)),
            (code::FAILURE, "No space left on device", Kind::Full, Some(ROOM)),
            (code::FAILURE, "Disk quota exceeded", Kind::Full, Some(QUOTA)),
            (code::FAILURE, "Read-only file system", Kind::Denied, Some(READ_ONLY)),
            (code::EXISTS, "", Kind::Exists, Some(NEVER_OVER)),
            (code::NO_SPACE, "", Kind::Full, Some(ROOM)),
            (code::QUOTA, "", Kind::Full, Some(QUOTA)),
            (code::UNSUPPORTED, "", Kind::Unsupported, Some(LACKS)),
            (code::CONNECTION_LOST, "", Kind::Unreachable, Some(LOST)),
            (99, "", Kind::Other, Some(LOG)),
        ] {
            let fault = SftpFault::of_status(code, message);
            assert_eq!((fault.kind, fault.cure.as_deref()), (kind, cure), "{code} {message}");
            assert_eq!(fault.code, Some(code));
        }
        assert!(SftpFault::of_status(code::FAILURE, "Failure").is_unexplained());
        assert!(!SftpFault::of_status(code::FAILURE, "No space left").is_unexplained());
    }
}
