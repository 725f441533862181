//! The sealed format: what stands in the bucket, and nothing else.
//!
//! A sealed object is a short text header followed by frames of one fixed size, the last of which
//! may be shorter. The format is written down in `docs/format.md`, completely enough to write
//! another reader or writer from it; this module and that page are kept in step by tests.
//!
//! | file | what it holds |
//! |---|---|
//! | `key` | what a person holds: [`MasterKey`], [`Secret`], and the [`Identity`] derived from it |
//! | `catalog_key` | [`CatalogKey`]: what a monitor holds in its place |
//! | `key_text` | both as text: bech32, with its faults by position |
//! | `repository` | [`RepositoryId`]: the place that an object was sealed for |
//! | `passphrase` | [`Passphrase`]: graded when set, stretched with Argon2id, remembered |
//! | `data_key` | the key of one object, and the [`FrameKeys`] expanded from it |
//! | `slot` | [`Slot`]: one way to the data key, one line of the header |
//! | `grammar` | the header's lines, held to their rules |
//! | `header` | [`Header`]: what it says, unlocked and written |
//! | `frame` | where a frame lies, and one frame sealed or opened by itself |
//! | `lanes` | eight frames sealed in lock step |
//! | `stream` | [`Sealer`] and [`Opener`], twins |
//! | `whole` | small objects, sealed and opened at once |
//!
//! Nothing here reads, writes, waits or knows the time: bytes come in and bytes go out. The one
//! thing asked of the operating system is randomness.
//!
//! ```
//! use pgcoffer::seal::{Compression, Content, MasterKey, RepositoryId, Secret, Subject, open_bytes, seal_bytes};
//!
//! let secrets = [Secret::Key(MasterKey::generate()?)];
//! let subject = Subject {
//!     repository: &RepositoryId::generate()?,
//!     backup: "20261120T070000Z-abcdefghijkl",
//!     content: Content::Record,
//!     compression: Compression::None,
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
mod error;
mod frame;
mod grammar;
mod header;
mod key;
mod key_text;
mod lanes;
mod passphrase;
mod repository;
mod slot;
mod stream;
mod strength;
#[cfg(test)]
mod tests;
mod walks;
mod whole;

pub use catalog_key::CatalogKey;
pub use data_key::FrameKeys;
pub use error::{Error, KeyFault};
pub use frame::{frame_range, last_frame_range, open_frame, sealed_len};
pub use header::{Compression, Content, Header, Subject};
pub use key::{Identity, MasterKey, Secret};
pub use passphrase::{Argon2Cost, Passphrase};
pub use repository::{BadRepositoryId, RepositoryId};
pub use slot::Slot;
pub use stream::{Group, OpenGroup, Opener, Sealer};
pub use whole::{open_bytes, seal_bytes};

/// Plaintext bytes in one frame, as this program writes it. Speed does not depend on it between 16
/// KiB and 4 MiB; memory and the cost of reading one row do.
pub const FRAME_SIZE: usize = 256 * 1024;

/// The smallest frame size that a header may state, in bytes of plaintext.
pub const FRAME_SIZE_MIN: usize = 4096;

/// The largest frame size that a header may state, in bytes of plaintext: a bound on what a hostile
/// header can make a reader allocate.
pub const FRAME_SIZE_MAX: usize = 16 * 1024 * 1024;

/// Bytes by which a full frame is longer than its plaintext: IV 16, padding 16, tag 32.
pub const FRAME_OVERHEAD: usize = 64;

/// Frames that are sealed in lock step, and so the frames of a full [`Group`].
///
/// One CBC chain waits for its own latency; eight of them keep one core's AES unit busy, and more
/// gain little.
pub const LANES: usize = 8;

/// The longest header, in bytes, with the newline that ends it.
pub const HEADER_LEN_MAX: usize = 16 * 1024;

/// The most slots that a header may hold.
pub const SLOTS_MAX: usize = 16;
