//! What stands in a place, and what is said of it: the words that all backends share.

use jiff::Timestamp;

/// An object as it stands in the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key, from the place's root.
    pub key: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// What is another one once the object is another one, as the place writes it.
    pub etag: Option<String>,
    /// When it was written, by the place's clock.
    pub modified: Option<Timestamp>,
    /// Its storage class; none for the standard one where the service doesn't name that, and where there are none.
    pub storage_class: Option<String>,
    /// The archive tier that it lies in, of `INTELLIGENT_TIERING`; a listing doesn't tell.
    pub archive_tier: Option<String>,
    /// Whether it can be read; a listing doesn't tell what was thawed.
    pub thaw: Thaw,
}

/// What an object bears beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Tags, where the place has them.
    pub tags: Vec<(String, String)>,
    /// The end of its lock, in the mode that the options say; none: it isn't locked.
    pub locked_until: Option<Timestamp>,
}

/// Whether an object can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thaw {
    /// At once.
    Warm,
    /// Not before it is thawed.
    Cold,
    /// It is being thawed.
    UnderWay,
    /// A copy can be read for a while.
    Thawed {
        /// The end of it, where the service tells it.
        until: Option<Timestamp>,
    },
}

/// What became of an object's tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagsKept {
    /// The place holds them, or says so.
    Yes,
    /// The place has no tags.
    Refused,
    /// The place took them and does not show them.
    Lost,
}

/// What became of a name that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is ours now.
    Taken,
    /// Somebody has it.
    Held,
}

/// An upload in parts that is under way, or was left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// The key of the object it would become.
    pub key: String,
    /// The place's name for it.
    pub upload_id: String,
    /// When it began, or when something was last written to it.
    pub began: Option<Timestamp>,
}

/// What the place holds after an upload.
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
    /// The place did not let us look at the object; its size is what it was told.
    pub unconfirmed: bool,
}
