//! The sealed format: every object in the bucket has it.
//!
//! A sealed object is a short text header followed by frames of one fixed size; the last frame may be shorter.
//! `docs/format.md` describes the format completely enough to write another reader or writer. Tests keep this module
//! and that page in step.
//!
//! | file | contents |
//! |---|---|
//! | `key` | the secrets of users: [`MasterKey`], [`Secret`], and the [`DatabaseIdentity`] derived from them |
//! | `catalog_key` | [`CatalogKey`]: the key for monitors |
//! | `key_text` | both as text: bech32, with positions in errors |
//! | `key_fault` | [`KeyFault`]: what is wrong with such a text |
//! | `derivation` | how one key is derived from another |
//! | `secret_name` | the names of secrets in messages |
//! | `repository` | [`RepositoryId`]: the repository that an object was sealed for |
//! | `subject` | [`Subject`]: what an object is, with its [`Content`] |
//! | `passphrase` | [`Passphrase`]: checked when set, stretched with Argon2id, cached |
//! | `data_key` | the key of one object, and the [`FrameKeys`] derived from it |
//! | `slot` | [`KeySlot`]: one line of the header, which wraps the data key |
//! | `grammar` | the grammar of the header |
//! | `header` | [`SealedHeader`]: parsed, unlocked and written |
//! | `frame` | the position of a frame, and one frame sealed or opened by itself |
//! | `lanes` | eight frames sealed in lock step |
//! | `stream` | [`Sealer`] and [`Opener`] for streams |
//! | `whole` | small objects, sealed and opened at once |
//!
//! This module doesn't read, write, wait or know the time: bytes come in and bytes go out. It only asks the operating
//! system for random bytes.
//!
//! ```
//! use pgcoffer::seal::{PayloadCompression, Content, MasterKey, RepositoryId, Secret, Subject, open_bytes, seal_bytes};
//!
//! let secrets = [Secret::Key(MasterKey::generate()?)];
//! let subject = Subject {
//!     repository: &RepositoryId::generate()?,
//!     backup: "20261120T070000Z-abcdefghijkl",
//!     content: Content::Record,
//!     compression: PayloadCompression::None,
//!     database: "main",
//! };
//! let sealed = seal_bytes(&subject, &secrets, b"{}")?;
//! let (header, plaintext) = open_bytes(&sealed, &secrets)?;
//! header.check_is(subject.repository, subject.backup, Content::Record)?;
//! assert_eq!(plaintext, b"{}");
//! # Ok::<(), pgcoffer::seal::Error>(())
//! ```

mod catalog_key;
mod data_key;
mod derivation;
mod error;
mod frame;
mod grammar;
mod header;
mod key;
mod key_fault;
mod key_slip;
mod key_text;
mod lanes;
mod passphrase;
mod repository;
mod secret_name;
mod slot;
mod stream;
mod strength;
mod subject;
#[cfg(test)]
mod tests;
mod walks;
mod whole;

pub use catalog_key::CatalogKey;
pub use data_key::FrameKeys;
pub use error::Error;
pub use frame::{frame_range, last_frame_range, open_frame};
pub use header::SealedHeader;
pub use key::{DatabaseIdentity, MasterKey, Secret};
pub use key_fault::KeyFault;
pub use passphrase::{Argon2Cost, Passphrase};
pub use repository::{BadRepositoryId, RepositoryId};
pub use slot::KeySlot;
pub use stream::{Group, OpenGroup, Opener, Sealer};
pub use subject::{Content, PayloadCompression, Subject};
pub use whole::{open_bytes, seal_bytes};

/// The number of plaintext bytes in one frame that pgcoffer writes. It affects memory and the cost of reading one row,
/// but not speed between 16 KiB and 4 MiB.
pub const FRAME_SIZE: usize = 256 * 1024;

/// The smallest frame size that a header may have, in bytes of plaintext.
pub const FRAME_SIZE_MIN: usize = 4096;

/// The largest frame size that a header may have, in bytes of plaintext. It limits what a hostile header can make a
/// reader allocate.
pub const FRAME_SIZE_MAX: usize = 16 * 1024 * 1024;

/// The difference between the lengths of a full frame and its plaintext, in bytes: IV 16, padding 16, tag 32.
pub const FRAME_OVERHEAD: usize = 64;

/// The number of frames that are sealed in lock step, and so the frames of a full [`Group`].
///
/// One CBC chain waits for its own latency; eight of them keep a core's AES unit busy, and more gain little.
pub const LANES: usize = 8;

/// The length of the longest header in bytes, with its final newline.
pub const HEADER_LEN_MAX: usize = 16 * 1024;

/// The most slots that a header may have.
pub const SLOTS_MAX: usize = 16;
