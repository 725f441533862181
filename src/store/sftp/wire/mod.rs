//! The messages of SFTP version 3, as bytes. Names are bytes too, as a file system has them.
//! <https://datatracker.ietf.org/doc/html/draft-ietf-secsh-filexfer-02>

mod reply;
mod request;

pub(super) use reply::{FileAttributes, FileKind, NamedEntry, Reply, Version, packet};
pub(super) use request::Request;

/// The version that is spoken.
pub(super) const VERSION: u32 = 3;
/// The longest message that is accepted. OpenSSH sends 256 KiB at most; an answer to a read may have some bytes more
/// than what was asked for.
pub(super) const PACKET_BYTES_MAX: usize = 1 << 20;

/// Types of messages, section 3 of the draft.
mod kind {
    pub(super) const INIT: u8 = 1;
    pub(super) const VERSION: u8 = 2;
    pub(super) const OPEN: u8 = 3;
    pub(super) const CLOSE: u8 = 4;
    pub(super) const READ: u8 = 5;
    pub(super) const WRITE: u8 = 6;
    pub(super) const LSTAT: u8 = 7;
    pub(super) const FSTAT: u8 = 8;
    pub(super) const FSETSTAT: u8 = 10;
    pub(super) const OPENDIR: u8 = 11;
    pub(super) const READDIR: u8 = 12;
    pub(super) const REMOVE: u8 = 13;
    pub(super) const MKDIR: u8 = 14;
    pub(super) const REALPATH: u8 = 16;
    pub(super) const STAT: u8 = 17;
    pub(super) const RENAME: u8 = 18;
    pub(super) const STATUS: u8 = 101;
    pub(super) const HANDLE: u8 = 102;
    pub(super) const DATA: u8 = 103;
    pub(super) const NAME: u8 = 104;
    pub(super) const ATTRS: u8 = 105;
    pub(super) const EXTENDED: u8 = 200;
    pub(super) const EXTENDED_REPLY: u8 = 201;
}

/// Which fields of attributes follow, section 5 of the draft.
mod field {
    pub(super) const SIZE: u32 = 1;
    pub(super) const OWNER: u32 = 2;
    pub(super) const PERMISSIONS: u32 = 4;
    pub(super) const TIMES: u32 = 8;
    pub(super) const EXTENDED: u32 = 0x8000_0000;
}
