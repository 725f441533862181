//! The contract: what every place for backups does and guarantees. A backend is one type that implements [`Backend`]
//! and one that implements [`PartSink`]. `tests/store_contract` checks that each backend fulfils every duty that is
//! written here.
//!
//! For all methods:
//!
//! - **Keys** are paths from the place's root: names with `/` between them. No name is empty, `.` or `..`.
//! - **Atomic.** An object exists completely or not at all. Nobody ever reads half of one, whatever was cancelled,
//!   killed or interrupted. A writer that dies leaves an unfinished upload, and never an object.
//! - **Retried.** A passing failure ([`Kind::is_passing`](super::Kind::is_passing)) is retried before it becomes an
//!   error, as long as that can't do the work twice.
//! - **Bounded.** Nothing waits forever: a place that doesn't answer is an error within minutes. No read takes more
//!   memory than its caller allows, and no list has more than a million entries.
//! - **Cancelled.** Every future may be dropped. What it was asked to do may then have been done completely, or not at
//!   all.
//! - **Errors** say what was being done and on which object, and have the kind that this page names. Every other kind
//!   is about the connection to the place, its rights or its space.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::{Attributes, Claim, Error, Object, PartPlan, TagsKept, Unfinished};

/// What a place can do. A missing capability is a fact and not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The place itself checks the conditions of writes and deletes. If it can't, the object is looked at right before.
    pub conditions: bool,
    /// Objects can have tags.
    pub tags: bool,
    /// Every object is locked until its retention ends, as the options request.
    pub locks: bool,
    /// The place itself can delete and move objects by rules.
    pub lifecycle_rules: bool,
    /// Objects can be in storage classes from which they can't be read at once.
    pub cold_classes: bool,
    /// The place computes a checksum of each complete upload, which is compared with ours.
    pub checksums: bool,
    /// The most parts of an upload. `None` if uploads aren't cut into parts that the place counts.
    pub parts_max: Option<u32>,
    /// Nothing is read, listed, looked at or deleted: see [`Options::write_only`](super::Options::write_only).
    pub write_only: bool,
}

/// A place for backups. Each method has these duties, in addition to the common ones.
#[async_trait]
pub trait Backend: Send + Sync {
    /// What this place can do. Makes no request.
    fn capabilities(&self) -> Capabilities;

    /// Checks that the place exists and can be read. Bounded by 15 s for all attempts together, as a user waits for it.
    ///
    /// # Errors
    /// [`Kind::NoBucket`](super::Kind::NoBucket) if the place doesn't exist.
    async fn check_reachable(&self) -> Result<(), Error>;

    /// Every object below `folder` (empty, or a key that ends with `/`), in the byte order of the keys, each once. The
    /// list is complete, or there is an error. Whatever is not an object by this contract isn't listed: a folder
    /// without objects, a link, a pipe, a name that isn't UTF-8, an unfinished upload.
    ///
    /// # Errors
    /// [`Kind::Damaged`](super::Kind::Damaged) if the answers are not a complete list. A folder that doesn't exist is
    /// empty.
    async fn list(&self, folder: &str) -> Result<Vec<Object>, Error>;

    /// The names of the folders directly below `folder` that contain an object at any depth, without the final `/`, in
    /// order, each once.
    ///
    /// # Errors
    /// As [`Backend::list`].
    async fn folders(&self, folder: &str) -> Result<Vec<String>, Error>;

    /// Whether there is an object below `folder`. A look at the beginning of a list, however long the list is.
    ///
    /// # Errors
    /// As [`Backend::list`].
    async fn holds_any(&self, folder: &str) -> Result<bool, Error> {
        Ok(!self.list(folder).await?.is_empty())
    }

    /// Looks at an object. `None` if it doesn't exist.
    ///
    /// # Errors
    /// Any error of the place. Without the right to list, S3 answers [`Kind::Denied`](super::Kind::Denied) for an
    /// object that isn't there.
    async fn head(&self, key: &str) -> Result<Option<Object>, Error>;

    /// Reads a small object completely. Takes at most `bytes_max` bytes of memory. An object that grows during the read
    /// ends in an error.
    ///
    /// # Errors
    /// [`Kind::NotFound`](super::Kind::NotFound); [`Kind::Other`](super::Kind::Other) if it is longer than `bytes_max`.
    async fn read(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error>;

    /// Does the same at the beginning of a command: a place that can't be reached is an error within half a minute.
    ///
    /// # Errors
    /// As [`Backend::read`].
    async fn read_first(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error> {
        self.read(key, bytes_max).await
    }

    /// Reads the bytes `range` of an object. An empty range returns no bytes and makes no request.
    ///
    /// # Errors
    /// [`Kind::Changed`](super::Kind::Changed) if an `etag` is given and the object has another one by now;
    /// [`Kind::NotFound`](super::Kind::NotFound); [`Kind::Cold`](super::Kind::Cold); another kind if the object ends
    /// before the range does.
    async fn read_range(&self, key: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes, Error>;

    /// Writes an object that must not exist yet. Atomic: of two writers of the same key, one succeeds. Not repeated if
    /// an answer is lost: a caller that gets a passing error checks whether the object exists.
    ///
    /// # Errors
    /// [`Kind::Exists`](super::Kind::Exists) if the object exists. It is not changed.
    async fn put_new(&self, key: &str, body: Bytes, attributes: &Attributes) -> Result<TagsKept, Error>;

    /// Replaces the object whose entity tag is `etag`. A reader gets the old or the new object, completely. Atomic
    /// among writers that keep to this contract.
    ///
    /// # Errors
    /// [`Kind::Exists`](super::Kind::Exists) if the object has another entity tag by now, or is gone. Nothing is
    /// changed then.
    async fn replace(&self, key: &str, body: Bytes, attributes: &Attributes, etag: &str) -> Result<(), Error>;

    /// Claims a name: writes a small object under it unless there is one. Atomic: of two that claim it at once, one
    /// gets [`Claim::Taken`]. After a lost answer the name counts as taken, as doing something twice is better than not
    /// doing it.
    ///
    /// # Errors
    /// [`Kind::Unsupported`](super::Kind::Unsupported) if the place can't guarantee that.
    async fn claim(&self, key: &str, body: Bytes) -> Result<Claim, Error>;

    /// Deletes the object whose entity tag is `etag`, or any object with this key if `etag` is `None`. An object that
    /// is gone already is not an error. Safe to repeat.
    ///
    /// # Errors
    /// [`Kind::Changed`](super::Kind::Changed) if it is another object by now. That object is not deleted.
    async fn delete(&self, key: &str, etag: Option<&str>) -> Result<(), Error>;

    /// Begins the upload of an object that must not exist yet. There is no object until the upload is complete. `plan`
    /// says how it is cut into parts, if the place needs parts. If the future is dropped, the upload is aborted in the
    /// background, and [`Backend::settle`] waits for that.
    ///
    /// # Errors
    /// Any error of the place. Whether the object exists already may only be noticed at the end.
    async fn start_upload(
        &self,
        key: &str,
        plan: PartPlan,
        attributes: &Attributes,
    ) -> Result<Box<dyn PartSink>, Error>;

    /// Goes on with the upload of an object that has the same bytes whoever writes it, such as a copy: what an earlier
    /// one has sent is not sent again, if the place has it still and shows that it has these bytes. If the upload is
    /// dropped, what was sent is kept, unless [`PartSink::discard`] was called. A place that can't go on begins anew.
    ///
    /// # Errors
    /// As [`Backend::start_upload`].
    async fn continue_upload(
        &self,
        key: &str,
        plan: PartPlan,
        attributes: &Attributes,
    ) -> Result<Box<dyn PartSink>, Error> {
        self.start_upload(key, plan, attributes).await
    }

    /// The uploads below `folder` that are in progress or were left behind. `None` if the place doesn't list them, or
    /// not with these rights.
    ///
    /// # Errors
    /// Any other error of the place.
    async fn unfinished(&self, folder: &str) -> Result<Option<Vec<Unfinished>>, Error>;

    /// When bytes last arrived for an upload. `None` if none have.
    ///
    /// # Errors
    /// [`Kind::NotFound`](super::Kind::NotFound) if the upload has ended.
    async fn newest_part(&self, upload: &Unfinished) -> Result<Option<Timestamp>, Error>;

    /// Aborts an upload that was left behind, and frees its space. An upload that has ended is not an error, and its
    /// object is not deleted. Safe to repeat.
    ///
    /// # Errors
    /// Any error of the place.
    async fn abort(&self, upload: &Unfinished) -> Result<(), Error>;

    /// The time by the place's clock, to the second. `None` until an answer has shown it. Makes no request.
    fn service_time(&self) -> Option<Timestamp>;

    /// The time by the place's clock, with a request if no answer has shown it yet.
    async fn ask_time(&self) -> Option<Timestamp> {
        self.service_time()
    }

    /// The error of an object whose bytes (or those of the part `what`) are different at each read.
    fn inconsistent(&self, key: &str, what: &str) -> Error;

    /// Waits until every dropped upload has been aborted. To be called before the process ends. Bounded by the time
    /// that an abort may take.
    async fn settle(&self);
}

/// The upload of one object, below an [`Upload`](super::Upload), which counts and hashes its bytes. If it is dropped,
/// it is aborted in the background.
#[async_trait]
pub trait PartSink: Send {
    /// Takes the next bytes. Waits while the memory of the upload is in use. That memory has a fixed size, whatever the
    /// length of the object.
    ///
    /// # Errors
    /// Any error of the bytes that were sent so far.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error>;

    /// The number of bytes that the place has received so far.
    fn sent_bytes(&self) -> u64;

    /// So many of the first bytes an earlier upload seems to have sent, before they are compared.
    fn kept_bytes(&self) -> u64 {
        0
    }

    /// Keeps nothing for a later upload: what was written is wrong. Makes no request.
    fn discard(&mut self) {}

    /// Sends the rest and creates the object, then checks that it exists and has the length that was sent. If an answer
    /// is lost, the object itself decides. After an error the upload is aborted.
    ///
    /// # Errors
    /// [`Kind::Exists`](super::Kind::Exists) if the object exists already, which is not changed;
    /// [`Kind::Mismatch`](super::Kind::Mismatch) if the place has other bytes than were sent;
    /// [`Kind::NotFound`](super::Kind::NotFound) if the upload was aborted by another.
    async fn complete(self: Box<Self>, whole: &Whole) -> Result<Completed, Error>;
}

/// What was written to an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Length in bytes.
    pub bytes: u64,
    /// CRC-64/NVME, as S3 writes it.
    pub crc64nvme: String,
}

/// The result of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The object's entity tag.
    pub etag: Option<String>,
    /// Whether the tags were stored.
    pub tags: TagsKept,
    /// Whether the object could be checked after the upload.
    pub confirmed: bool,
}
