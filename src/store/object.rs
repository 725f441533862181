//! Objects and uploads: the types that all backends share.

use jiff::Timestamp;

/// An object in the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key, from the place's root.
    pub key: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// The entity tag, as the place writes it. It changes whenever the object changes.
    pub etag: Option<String>,
    /// When it was written, by the place's clock.
    pub modified: Option<Timestamp>,
    /// Its storage class. `None` for the standard class if the service doesn't name that, and if there are no classes.
    pub storage_class: Option<String>,
    /// The archive tier of an object in `INTELLIGENT_TIERING`. A listing doesn't show it.
    pub archive_tier: Option<String>,
    /// Whether it can be read. A listing doesn't show whether it was thawed.
    pub thaw: Thaw,
}

/// The attributes of an object that is written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Tags, if the place supports them.
    pub tags: Vec<(String, String)>,
    /// The end of its lock, in the mode of the options. `None`: it isn't locked.
    pub locked_until: Option<Timestamp>,
}

/// Whether an object can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thaw {
    /// It can be read at once.
    Warm,
    /// It must be thawed first.
    Cold,
    /// It is being thawed.
    UnderWay,
    /// A copy can be read for a while.
    Thawed {
        /// When that ends, if the service reports it.
        until: Option<Timestamp>,
    },
}

/// Whether an object's tags were stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagsKept {
    /// The place stores them, or says so.
    Yes,
    /// The place has no tags.
    Refused,
    /// The place accepted them and does not return them.
    Lost,
}

/// The result of claiming a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It was free, and is ours now.
    Taken,
    /// Another writer has it.
    Held,
}

/// An upload that is in progress, or was left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The key of the object it would become.
    pub key: String,
    /// Its id, as the place assigned it.
    pub upload_id: String,
    /// When it began, or when something was last written to it.
    pub began: Option<Timestamp>,
}

/// The stored object after an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The length in bytes.
    pub bytes: u64,
    /// The place's entity tag.
    pub etag: Option<String>,
    /// The SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
    /// The CRC-64/NVME of the bytes, as S3 writes it.
    pub crc64nvme: String,
    /// What became of the tags.
    pub tags: TagsKept,
    /// The object could not be checked, so the size is what was sent.
    pub unconfirmed: bool,
}
