//! A second look: what fails its check as it arrives is read anew before anything is said of what is stored. The same
//! bytes twice are damage at rest; other bytes each time are damage on the way.

use std::ops::Range;

use bytes::Bytes;

use super::source::Source;
use crate::{
    error::{Error, Result},
    seal::{self, FrameKeys, LANES},
    store::LOOKS,
};

/// What one look at an object has read.
pub(super) struct Look<'a> {
    source: &'a Source,
    seen: Vec<Bytes>,
}

impl<'a> Look<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            seen: Vec::new(),
        }
    }

    pub(super) fn source(&self) -> &'a Source {
        self.source
    }

    pub(super) async fn read(&mut self, range: Range<u64>) -> Result<Bytes> {
        let bytes = self.source.read(range).await?;
        self.seen.push(bytes.clone());
        Ok(bytes)
    }
}

/// Bad looks at the same thing, until two of them saw the same.
#[derive(Default)]
pub(super) struct Doubts {
    before: Option<Vec<Bytes>>,
    looks: u32,
}

impl Doubts {
    /// Gives back the fault that a look has found where it counts; nothing where another look is wanted.
    ///
    /// # Errors
    /// The fault, or that the bytes are other ones each time.
    pub(super) fn weigh(&mut self, look: Look<'_>, fault: Error) -> Result<()> {
        let Some(unsteady) = look.source.unsteady() else {
            return Err(fault);
        };
        if self.before.as_ref() == Some(&look.seen) {
            return Err(fault);
        }
        self.looks += 1;
        if self.looks >= LOOKS {
            return Err(unsteady);
        }
        tracing::warn!("{fault}; reading it again");
        self.before = Some(look.seen);
        Ok(())
    }
}

/// The frames of an object, in the groups in which they are opened.
#[derive(Clone)]
pub(super) struct Groups {
    pub(super) source: Source,
    pub(super) keys: FrameKeys,
    pub(super) header_len: usize,
    pub(super) frame_size: usize,
}

impl Groups {
    /// How many there are; the last one may be shorter.
    pub(super) fn count(&self) -> u64 {
        let group_bytes = self.range_of_full(0);
        let frames_bytes = self.source.bytes().saturating_sub(self.header_len as u64);
        frames_bytes.div_ceil(group_bytes.end - group_bytes.start)
    }

    /// Where a group lies.
    pub(super) fn range(&self, group: u64) -> Range<u64> {
        let full = self.range_of_full(group);
        full.start.min(self.source.bytes())..full.end.min(self.source.bytes())
    }

    fn range_of_full(&self, group: u64) -> Range<u64> {
        let first = group.saturating_mul(LANES as u64);
        let frame = |index| seal::frame_range(self.header_len, self.frame_size, index);
        frame(first).start..frame(first.saturating_add(LANES as u64 - 1)).end
    }

    /// The plaintext of a group that was opened, or, where that failed, of the same group read again.
    pub(super) async fn opened(
        &self,
        group: u64,
        opened: std::result::Result<Vec<u8>, seal::Error>,
    ) -> Result<Vec<u8>> {
        match opened {
            Ok(plaintext) => Ok(plaintext),
            Err(fault) if self.source.unsteady().is_none() => Err(Error::seal(self.source.name(), fault)),
            Err(fault) => {
                tracing::warn!("{}: {fault}; reading it again", self.source.name());
                Ok(self.read(group).await?.1)
            }
        }
    }

    /// Reads a group until it is sound: its sealed bytes and its plaintext.
    ///
    /// # Errors
    /// What is wrong with the group, where it came twice with the same bytes.
    pub(super) async fn read(&self, group: u64) -> Result<(Bytes, Vec<u8>)> {
        let mut doubts = Doubts::default();
        loop {
            let mut look = Look::new(&self.source);
            let sealed = look.read(self.range(group)).await?;
            match self.open(group, &sealed) {
                Ok(plaintext) => return Ok((sealed, plaintext)),
                Err(fault) => doubts.weigh(look, Error::seal(self.source.name(), fault))?,
            }
        }
    }

    fn open(&self, group: u64, sealed: &[u8]) -> std::result::Result<Vec<u8>, seal::Error> {
        let first = group * LANES as u64;
        let is_end = group + 1 == self.count();
        let frame_len = seal::frame_range(self.header_len, self.frame_size, 0);
        let frame_len = usize::try_from(frame_len.end - frame_len.start).unwrap_or(usize::MAX);
        let frames = sealed.len().div_ceil(frame_len);
        let mut plaintext = Vec::with_capacity(sealed.len());
        for (at, frame) in sealed.chunks(frame_len).enumerate() {
            let last = is_end && at + 1 == frames;
            let index = first + at as u64;
            let opened = seal::open_frame(&self.keys, self.frame_size, index, last, frame)?;
            plaintext.extend_from_slice(&opened);
        }
        Ok(plaintext)
    }
}
