//! The pipeline from pg_dump to the bucket and back, in parts that can be combined in other ways.
//!
//! ```text
//! out:   a dump -> DumpChunks (read, looked at, compressed) -> Sealing -> store::Upload
//! back:  ObjectSource -> Fetch -> FrameReader -> PayloadReader -> ContentReader -> whoever takes the bytes
//! ```
//!
//! Each part is driven by the next one: `next()` returns the next bytes, and `None` at the end. A [`Budget`], which
//! several streams can share, limits how far it runs ahead. If a part is dropped, its work in progress is aborted.
//!
//! | half | what it does | its own errors |
//! |---|---|---|
//! | [`DumpChunks`] | reads chunks of a dump, shows them to the archive reader, compresses them | `Io` and `Silent` (source), `Dump` (check), `Compress` |
//! | [`Sealing`] | frames, sealed on several cores | `Seal` |
//! | [`store::Upload`](crate::store::Upload) | parts, sent from memory | `Store` |
//! | [`SideUploads`] | the same bytes, sent to other places at once | none of its own: a place that fails is left behind |
//! | [`Fetch`] | ranges of any object, several at once | `Store`, `Cold`, `Io` of a file |
//! | [`FrameReader`] | frames of any range, each MAC checked; opened, or given as they are | `Seal` |
//! | [`PayloadReader`] | any range of what the frames hold | |
//! | [`ContentReader`] | that decompressed | `Payload`, `Differs` |
//! | [`PartReader`] | ranges of that, by the index of chunks in the details | `Differs` |
//! | [`CutArchive`] | header, table of contents and some blocks, as pg_restore reads them | `Archive`, `Sink` |
//!
//! [`ArchiveUpload`] combines the parts of a backup; [`SealedArchive::read_into`] and [`SealedArchive::copy_into`]
//! those of a restore and a copy. `tests/pipeline.rs` combines them in other ways: several dumps into several objects
//! at once, one table from the middle of an archive, a copy from one store to another.

mod archive;
mod budget;
mod chunk_index;
mod chunks;
mod cut;
mod fetch;
mod frames;
mod object;
mod ordered;
mod part;
mod payload;
mod progress;
mod rate_limit;
mod read;
mod reread;
mod sealing;
mod side_uploads;
mod upload;

pub use archive::SealedArchive;
pub use budget::Budget;
pub use chunk_index::ChunkIndex;
pub use chunks::{DumpChunks, DumpRead};
pub use cut::CutArchive;
pub use fetch::Fetch;
pub use frames::FrameReader;
pub use object::ObjectSource;
pub(crate) use ordered::joined;
pub use part::PartReader;
pub use payload::{ContentReader, PayloadReader};
pub use progress::{Progress, RestoreStep, StepKind};
pub use rate_limit::RateLimit;
pub use sealing::Sealing;
pub use side_uploads::SideUploads;
pub use upload::ArchiveUpload;
