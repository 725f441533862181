//! The road of a byte, in halves that can be joined in other ways.
//!
//! ```text
//! out:   a dump -> DumpChunks (read, looked at, compressed) -> Sealing -> store::Upload
//! back:  ObjectSource -> Fetch -> FrameReader -> PayloadReader -> ContentReader -> whoever takes the bytes
//! ```
//!
//! Each half is pulled by the next one: `next()` gives what comes next and None at the end. What runs ahead of that is
//! bounded by a [`Budget`], which several streams can share. A half that is dropped aborts what it has under way.
//!
//! | half | what it does | its own errors |
//! |---|---|---|
//! | [`DumpChunks`] | reads chunks of a dump, shows them to the archive reader, compresses them | `Io` and `Silent` (source), `Dump` (check), `Compress` |
//! | [`Sealing`] | frames, sealed on several cores | `Seal` |
//! | [`store::Upload`](crate::store::Upload) | parts, sent from memory | `Store` |
//! | [`Fetch`] | ranges of any object, several at once | `Store`, `Cold`, `Io` of a file |
//! | [`FrameReader`] | frames of any range, each MAC checked; opened, or given as they are | `Seal` |
//! | [`PayloadReader`] | any range of what the frames hold | |
//! | [`ContentReader`] | that decompressed | `Payload`, `Differs` |
//!
//! [`ArchiveUpload`] joins the road out, [`SealedArchive::read_into`] and [`SealedArchive::copy_into`] join the roads
//! back. `tests/pipeline.rs` joins them in other ways: several dumps into several objects at once, one table read from
//! the middle of an archive, a copy from one store to another.

mod archive;
mod budget;
mod chunks;
mod fetch;
mod frames;
mod object;
mod ordered;
mod payload;
mod progress;
mod read;
mod sealing;
mod second_look;
mod upload;

pub use archive::SealedArchive;
pub use budget::Budget;
pub use chunks::{DumpChunks, DumpRead};
pub use fetch::Fetch;
pub use frames::FrameReader;
pub use object::ObjectSource;
pub(crate) use ordered::joined;
pub use payload::{ContentReader, PayloadReader};
pub use progress::{Progress, RestoreStep, StepKind};
pub use sealing::Sealing;
pub use upload::ArchiveUpload;
