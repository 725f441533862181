//! Opens sealed frames, or only checks them, as they arrive: several groups at once on several cores.

use std::ops::Range;

use bytes::{Buf as _, Bytes};

use super::{
    Budget, Fetch, ObjectSource, Progress,
    ordered::Ordered,
    reread::{FailedReads, RecordedReads},
};
use crate::{
    error::{Error, Result},
    seal::{self, FrameKeys, LANES, OpenGroup, Opener},
};

/// The places of the frames in an object, and their keys.
#[derive(Clone)]
pub(super) struct Frames {
    pub(super) source: ObjectSource,
    pub(super) keys: FrameKeys,
    pub(super) header_len: usize,
    pub(super) frame_size: usize,
    /// The number of frames.
    pub(super) count: u64,
}

/// What is returned for frames whose MACs are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Give {
    /// Their plaintext.
    Plaintext,
    /// The sealed frames themselves.
    Sealed,
}

impl Give {
    fn of(self, group: OpenGroup) -> std::result::Result<Vec<u8>, seal::Error> {
        match self {
            Self::Plaintext => group.open(),
            Self::Sealed => group.check(),
        }
    }
}

impl Frames {
    /// The range of these frames in the object.
    fn bytes_of(&self, frames: Range<u64>) -> Range<u64> {
        let start = |index| seal::frame_range(self.header_len, self.frame_size, index).start;
        let bytes = self.source.bytes();
        start(frames.start).min(bytes)..start(frames.end).min(bytes)
    }

    /// Collects frames into groups, beginning with this one.
    fn opener(&self, first: u64) -> Opener {
        Opener::at_frame(self.keys.clone(), self.frame_size, first)
    }

    /// The last group, which ends before this frame.
    fn last_group(&self, opener: Opener, end: u64) -> OpenGroup {
        match end == self.count {
            true => opener.finish(),
            false => opener.finish_inside(),
        }
    }

    /// Reads a group of frames again until its MACs are right.
    ///
    /// # Errors
    /// The error of the group, once the same bytes were read twice.
    async fn read_again(&self, frames: Range<u64>, give: Give) -> Result<Vec<u8>> {
        let mut doubts = FailedReads::default();
        loop {
            let mut look = RecordedReads::new(&self.source);
            let sealed = look.read(self.bytes_of(frames.clone())).await?;
            let mut opener = self.opener(frames.start);
            // a group is returned only when more bytes arrive, and none do
            let early = opener.push(&mut &sealed[..]);
            let group = early.unwrap_or_else(|| self.last_group(opener, frames.end));
            match give.of(group) {
                Ok(given) => return Ok(given),
                Err(fault) => doubts.check_repeated(look, Error::seal(self.source.name(), fault))?,
            }
        }
    }
}

/// Reads frames of an object in their order. Each is returned only after its MAC was checked.
///
/// A MAC covers its frame's index and whether it is the object's last one. So frames that are missing, repeated or
/// reordered are found, and so is an early or late end, if the range includes it. A frame whose MAC is wrong is read
/// again before it counts as damaged in the bucket. If the reader is dropped, its requests are aborted.
pub struct FrameReader {
    frames: Frames,
    give: Give,
    fetch: Fetch,
    /// Bytes that were fetched and are not in a group yet.
    piece: Bytes,
    /// `None` once the last group was made.
    opener: Option<Opener>,
    groups: Ordered<std::result::Result<Vec<u8>, seal::Error>>,
    /// The frames that were not returned yet.
    left: Range<u64>,
    progress: Progress,
}

impl FrameReader {
    pub(super) fn new(frames: Frames, range: Range<u64>, give: Give, budget: &Budget, progress: &Progress) -> Self {
        let bytes = frames.bytes_of(range.clone());
        Self {
            fetch: Fetch::new(frames.source.clone(), bytes, budget),
            piece: Bytes::new(),
            opener: (!range.is_empty()).then(|| frames.opener(range.start)),
            groups: Ordered::new(budget.groups()),
            frames,
            give,
            left: range,
            progress: progress.clone(),
        }
    }

    /// The next frames. `None` at the range's end.
    ///
    /// # Errors
    /// As [`ObjectSource::read`]; [`Error::Seal`] if a frame's MAC is wrong.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        while let Some(group) = self.next_group().await? {
            let give = self.give;
            if let Some(given) = self.groups.push(move || give.of(group)).await? {
                return self.sound(given).await.map(Some);
            }
        }
        match self.groups.next().await? {
            Some(given) => self.sound(given).await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns a buffer for reuse.
    pub fn recycle(&mut self, given: Vec<u8>) {
        if let Some(opener) = &mut self.opener {
            opener.recycle(given);
        }
    }

    /// The next group of the arriving bytes. `None` once all of them are in groups.
    async fn next_group(&mut self) -> Result<Option<OpenGroup>> {
        while let Some(opener) = &mut self.opener {
            let mut sealed = &self.piece[..];
            let group = opener.push(&mut sealed);
            let left = sealed.len();
            self.piece.advance(self.piece.len() - left);
            if group.is_some() {
                return Ok(group);
            }
            // frees its memory before waiting for the next one
            self.piece = Bytes::new();
            let Some(piece) = self.fetch.next().await? else {
                let end = self.left.end;
                let last = self.opener.take().map(|opener| self.frames.last_group(opener, end));
                return Ok(last);
            };
            self.progress.add_done(piece.len());
            self.progress.set_moved(self.progress.done_bytes());
            self.piece = piece;
        }
        Ok(None)
    }

    /// The result of a group, or if a MAC was wrong, of the same group read again.
    async fn sound(&mut self, given: std::result::Result<Vec<u8>, seal::Error>) -> Result<Vec<u8>> {
        let group = self.left.start..self.left.end.min(self.left.start + LANES as u64);
        self.left.start = group.end;
        let source = &self.frames.source;
        match given {
            Ok(given) => Ok(given),
            Err(fault) if source.inconsistent().is_none() => Err(Error::seal(source.name(), fault)),
            Err(fault) => {
                tracing::warn!("{}: {fault}; reading it again", source.name());
                self.frames.read_again(group, self.give).await
            }
        }
    }
}
