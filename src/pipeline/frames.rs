//! Sealed frames, opened or only checked as they arrive, several groups of them on several cores.

use std::ops::Range;

use bytes::{Buf as _, Bytes};

use super::{
    Budget, Fetch, ObjectSource, Progress,
    ordered::Ordered,
    second_look::{Doubts, SecondLook},
};
use crate::{
    error::{Error, Result},
    seal::{self, FrameKeys, LANES, OpenGroup, Opener},
};

/// Where the frames of an object lie, and their keys.
#[derive(Clone)]
pub(super) struct Frames {
    pub(super) source: ObjectSource,
    pub(super) keys: FrameKeys,
    pub(super) header_len: usize,
    pub(super) frame_size: usize,
    /// How many there are.
    pub(super) count: u64,
}

/// What is given of frames whose MACs are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Give {
    /// What was sealed.
    Plaintext,
    /// The frames themselves.
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
    /// Where these frames lie in the object.
    fn bytes_of(&self, frames: Range<u64>) -> Range<u64> {
        let start = |index| seal::frame_range(self.header_len, self.frame_size, index).start;
        let bytes = self.source.bytes();
        start(frames.start).min(bytes)..start(frames.end).min(bytes)
    }

    /// What collects frames from this one on in groups.
    fn opener(&self, first: u64) -> Opener {
        Opener::at_frame(self.keys.clone(), self.frame_size, first)
    }

    /// The last group, whose frames end before this one.
    fn last_group(&self, opener: Opener, end: u64) -> OpenGroup {
        match end == self.count {
            true => opener.finish(),
            false => opener.finish_inside(),
        }
    }

    /// Reads a group of frames until it is sound.
    ///
    /// # Errors
    /// What is wrong with it, where it came twice with the same bytes.
    async fn read_again(&self, frames: Range<u64>, give: Give) -> Result<Vec<u8>> {
        let mut doubts = Doubts::default();
        loop {
            let mut look = SecondLook::new(&self.source);
            let sealed = look.read(self.bytes_of(frames.clone())).await?;
            let mut opener = self.opener(frames.start);
            // a group stays whole until more comes, and no more does
            let early = opener.push(&mut &sealed[..]);
            let group = early.unwrap_or_else(|| self.last_group(opener, frames.end));
            match give.of(group) {
                Ok(given) => return Ok(given),
                Err(fault) => doubts.weigh(look, Error::seal(self.source.name(), fault))?,
            }
        }
    }
}

/// Frames of an object, each of which is given only after its MAC was found right, in their order.
///
/// A MAC covers its frame's index and whether it is the object's last one: so frames that are left out, doubled or in
/// another order are found, and so is an end that comes early or late, where the range includes it. What fails its MAC
/// is read again before it counts as damage at rest. Dropped, it aborts what is in flight.
pub struct FrameReader {
    frames: Frames,
    give: Give,
    fetch: Fetch,
    /// What was fetched and isn't in a group yet.
    piece: Bytes,
    /// None once the last group has been made of what came.
    opener: Option<Opener>,
    groups: Ordered<std::result::Result<Vec<u8>, seal::Error>>,
    /// The frames that weren't given yet.
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

    /// The next frames; none at the range's end.
    ///
    /// # Errors
    /// As [`ObjectSource::read`]; [`Error::Seal`] where a frame's MAC isn't right.
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

    /// Takes back a buffer that is no longer needed.
    pub fn recycle(&mut self, given: Vec<u8>) {
        if let Some(opener) = &mut self.opener {
            opener.recycle(given);
        }
    }

    /// The next group of what arrives; none once all of it is in groups.
    async fn next_group(&mut self) -> Result<Option<OpenGroup>> {
        while let Some(opener) = &mut self.opener {
            let mut sealed = &self.piece[..];
            let group = opener.push(&mut sealed);
            let left = sealed.len();
            self.piece.advance(self.piece.len() - left);
            if group.is_some() {
                return Ok(group);
            }
            // its memory is free before the next one is waited for
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

    /// What is given of a group, or, where a MAC failed, of the same group read again.
    async fn sound(&mut self, given: std::result::Result<Vec<u8>, seal::Error>) -> Result<Vec<u8>> {
        let group = self.left.start..self.left.end.min(self.left.start + LANES as u64);
        self.left.start = group.end;
        let source = &self.frames.source;
        match given {
            Ok(given) => Ok(given),
            Err(fault) if source.unsteady().is_none() => Err(Error::seal(source.name(), fault)),
            Err(fault) => {
                tracing::warn!("{}: {fault}; reading it again", source.name());
                self.frames.read_again(group, self.give).await
            }
        }
    }
}
