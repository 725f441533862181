//! The contract: what every place for backups does, and promises. A backend is a type with [`Backend`] and one with
//! [`PartSink`]; `tests/store_contract` holds each of them to every duty that is written here.
//!
//! What holds for all methods:
//!
//! - **Keys** are paths from the place's root, of names with `/` between. No name is empty, `.` or `..`.
//! - **Atomic.** An object is there whole or not at all. Nobody ever reads half of one, whatever was cancelled, killed
//!   or cut off; what a writer that died leaves behind is an unfinished upload, and never an object.
//! - **Retried.** What passes by itself ([`Kind::is_passing`](super::Kind::is_passing)) was tried again before it is an
//!   error, as long as it can't be done twice by that.
//! - **Bounded.** Nothing waits for ever: a place that says nothing is an error within minutes. Nothing that is read
//!   takes more memory than its caller allows, and no list has more than a million entries.
//! - **Cancelled.** Every future may be dropped. What was asked for may have been done all the same, whole, or not.
//! - **Errors** say what was being done, on which object, and are of the kind that this page names; each other kind is
//!   about the way to the place, its rights or its room.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::{Attributes, Claim, Error, Object, PartPlan, TagsKept, Unfinished};

/// What a place can do. It is asked once, and told to whoever wants to know; none of it is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Writes and deletes on a condition are carried out by the place itself. Where not, the object is looked at right
    /// before.
    pub conditions: bool,
    /// Objects can have tags.
    pub tags: bool,
    /// What is written is to be locked until its retention ends, as the options ask for.
    pub locks: bool,
    /// The place itself can delete and move objects by rules.
    pub lifecycle_rules: bool,
    /// Objects may lie where they can't be read at once.
    pub cold_classes: bool,
    /// The place computes a checksum of each whole upload, which is compared with ours.
    pub checksums: bool,
    /// The most parts of an upload; none: an upload isn't cut into parts that the place counts.
    pub parts_max: Option<u32>,
    /// Nothing is read, listed, looked at or deleted: see [`Options::write_only`](super::Options::write_only).
    pub write_only: bool,
}

/// A place for backups: the duties of each method, beside those of all.
#[async_trait]
pub trait Backend: Send + Sync {
    /// What this place can do. Makes no request.
    fn capabilities(&self) -> Capabilities;

    /// Whether the place is there and can be looked into. Bounded by 15 s, all attempts together: somebody waits.
    ///
    /// # Errors
    /// [`Kind::NoBucket`](super::Kind::NoBucket) where there is no such place.
    async fn check_reachable(&self) -> Result<(), Error>;

    /// Every object below `folder` (empty, or a key that ends with `/`), in the byte order of the keys, each once.
    /// Whole, or an error: half a list is never taken for the whole. What is no object by this contract (a folder
    /// without objects, a link, a pipe, a name that is no UTF-8, an unfinished upload) isn't listed.
    ///
    /// # Errors
    /// [`Kind::Damaged`](super::Kind::Damaged) where what came is no whole list. A folder that isn't there is empty.
    async fn list(&self, folder: &str) -> Result<Vec<Object>, Error>;

    /// The names of the folders directly below `folder` that hold an object at any depth, without their `/`, in order,
    /// each once.
    ///
    /// # Errors
    /// As [`Backend::list`].
    async fn folders(&self, folder: &str) -> Result<Vec<String>, Error>;

    /// Looks at an object; none where there is none.
    ///
    /// # Errors
    /// What the place refuses. Without the right to list, S3 answers [`Kind::Denied`](super::Kind::Denied) for an
    /// object that isn't there.
    async fn head(&self, key: &str) -> Result<Option<Object>, Error>;

    /// Reads a small object whole. Takes at most `bytes_max` bytes of memory; an object that grows meanwhile is cut off
    /// there by an error.
    ///
    /// # Errors
    /// [`Kind::NotFound`](super::Kind::NotFound); [`Kind::Other`](super::Kind::Other) where it is longer than
    /// `bytes_max`.
    async fn read(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error>;

    /// The same where nothing has been done yet: a place that can't be reached is told within half a minute.
    ///
    /// # Errors
    /// As [`Backend::read`].
    async fn read_first(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error> {
        self.read(key, bytes_max).await
    }

    /// Reads bytes `range` of an object, all of them. An empty range gives no bytes, and asks nothing.
    ///
    /// # Errors
    /// [`Kind::Changed`](super::Kind::Changed) where an `etag` is given and the object has another one by now;
    /// [`Kind::NotFound`](super::Kind::NotFound); [`Kind::Cold`](super::Kind::Cold); another kind where the object ends
    /// before the range does.
    async fn read_range(&self, key: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes, Error>;

    /// Writes an object that must not exist yet. Atomic: of two that write one key at once, one succeeds. Not repeated
    /// where an answer was lost: who gets a passing error looks whether the object is there.
    ///
    /// # Errors
    /// [`Kind::Exists`](super::Kind::Exists) where there is one, which stays as it is.
    async fn put_new(&self, key: &str, body: Bytes, attributes: &Attributes) -> Result<TagsKept, Error>;

    /// Writes an object in the place of the one whose entity tag is `etag`. Whoever reads meanwhile gets the one or the
    /// other, whole. Atomic among writers that keep to this contract.
    ///
    /// # Errors
    /// [`Kind::Exists`](super::Kind::Exists) where it is another one by now, or gone; nothing is changed then.
    async fn replace(&self, key: &str, body: Bytes, attributes: &Attributes, etag: &str) -> Result<(), Error>;

    /// Takes a name: writes a small object there unless there is one. Atomic: of two that ask at once, one gets
    /// [`Claim::Taken`]. Where an answer was lost it counts as taken: rather do something twice than not at all.
    ///
    /// # Errors
    /// [`Kind::Unsupported`](super::Kind::Unsupported) where the place can't promise that.
    async fn claim(&self, key: &str, body: Bytes) -> Result<Claim, Error>;

    /// Deletes an object whose entity tag is `etag`, or, without one, whatever stands there. One that is gone already
    /// is no error. Safe to repeat.
    ///
    /// # Errors
    /// [`Kind::Changed`](super::Kind::Changed) where it is another object by now, which stays.
    async fn delete(&self, key: &str, etag: Option<&str>) -> Result<(), Error>;

    /// Begins an upload of an object that must not exist yet. There is no object until it is complete. `plan` says how
    /// it is cut into parts, where the place wants parts. Cancelled before it has begun, it is aborted in the
    /// background, which [`Backend::settle`] waits for.
    ///
    /// # Errors
    /// What the place refuses. That there is such an object may be found only at the end.
    async fn start_upload(
        &self,
        key: &str,
        plan: PartPlan,
        attributes: &Attributes,
    ) -> Result<Box<dyn PartSink>, Error>;

    /// The uploads under way, or left behind, below `folder`; none where the place doesn't list them, or not to us.
    ///
    /// # Errors
    /// What else the place refuses.
    async fn unfinished(&self, folder: &str) -> Result<Option<Vec<Unfinished>>, Error>;

    /// When something last arrived for an upload; none where nothing has.
    ///
    /// # Errors
    /// [`Kind::NotFound`](super::Kind::NotFound) where the upload has ended.
    async fn newest_part(&self, upload: &Unfinished) -> Result<Option<Timestamp>, Error>;

    /// Aborts an upload that was left behind, and frees what it took. One that has ended is no error, and its object
    /// stays. Safe to repeat.
    ///
    /// # Errors
    /// What the place refuses.
    async fn abort(&self, upload: &Unfinished) -> Result<(), Error>;

    /// What time it is by the place's clock, to the second, as far as it was told by now; none where it wasn't. Makes
    /// no request.
    fn service_time(&self) -> Option<Timestamp>;

    /// The same, for whoever must be sure: where nothing has told it yet, the place is asked.
    async fn ask_time(&self) -> Option<Timestamp> {
        self.service_time()
    }

    /// What is said of an object whose bytes, or a part of them (`what`), are other ones at each look.
    fn unsteady(&self, key: &str, what: &str) -> Error;

    /// Waits until every upload that was given up has been aborted; to be called before the process ends. Bounded by
    /// what an abort may take.
    async fn settle(&self);
}

/// One object on its way, below an [`Upload`](super::Upload), which counts and hashes its bytes. One that is dropped is
/// aborted in the background.
#[async_trait]
pub trait PartSink: Send {
    /// Takes the next bytes. Waits while as much is under way as memory allows, which is the same whatever is uploaded.
    ///
    /// # Errors
    /// That of whatever was sent so far.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error>;

    /// How many bytes the place has so far.
    fn sent_bytes(&self) -> u64;

    /// Sends what is left and makes the object, which is then looked at: there, and as long as what was sent. Where an
    /// answer was lost, the object tells. After an error the upload is aborted.
    ///
    /// # Errors
    /// [`Kind::Exists`](super::Kind::Exists) where there is such an object already, which stays;
    /// [`Kind::Mismatch`](super::Kind::Mismatch) where the place holds something else than was sent;
    /// [`Kind::NotFound`](super::Kind::NotFound) where somebody has aborted the upload.
    async fn complete(self: Box<Self>, whole: &Whole) -> Result<Completed, Error>;

    /// Gives the upload up and frees what it took. A failure to do so is logged: the first error is what counts.
    async fn abort(self: Box<Self>);
}

/// What was written to an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Length in bytes.
    pub bytes: u64,
    /// CRC-64/NVME, as S3 writes it.
    pub crc64nvme: String,
}

/// What came of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completed {
    /// The object's entity tag.
    pub etag: Option<String>,
    /// What became of the tags.
    pub tags: TagsKept,
    /// Whether the place let us look at the object.
    pub confirmed: bool,
}
