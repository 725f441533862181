//! [`Sealer`] and [`Opener`]: bytes come in, in pieces of any size; groups of frames go out, and each group can be
//! sealed or opened on any thread.
//!
//! The caller's loop is the same on both sides: push until nothing is returned, then finish.
//!
//! ```
//! # use pgcoffer::seal::{PayloadCompression, Content, Error, MasterKey, RepositoryId, Sealer, Secret, Subject};
//! # fn main() -> Result<(), Error> {
//! # let secret = Secret::Key(MasterKey::generate()?);
//! let subject = Subject {
//!     repository: &RepositoryId::generate()?,
//!     backup: "20261120T070000Z-abcdefghijkl",
//!     content: Content::Archive,
//!     compression: PayloadCompression::None,
//!     database: "main",
//! };
//! let (mut sealer, mut object) = Sealer::new(&subject, &[secret])?;
//! for mut bytes in [&b"some "[..], &b"plaintext"[..]] {
//!     while let Some(group) = sealer.push(&mut bytes) {
//!         let sealed = group.seal()?;
//!         object.extend_from_slice(&sealed);
//!         sealer.recycle(sealed);
//!     }
//! }
//! object.extend_from_slice(&sealer.finish().seal()?);
//! # Ok(())
//! # }
//! ```

use subtle::ConstantTimeEq;

use super::data_key::DataKey;
use super::frame::{self, IV_LEN, TAG_LEN, full_frame_len, sealed_frame_len};
use super::{Error, FRAME_SIZE, FrameKeys, LANES, Secret, Subject, header, lanes};

/// Arranges plaintext in groups of frames, to be sealed in place.
#[derive(Debug)]
pub struct Sealer {
    keys: FrameKeys,
    frame_size: usize,
    /// The index of the first frame in `buffer`.
    first: u64,
    /// The number of frames in `buffer` that are full and certainly not the last.
    closed: usize,
    /// The number of plaintext bytes in the open frame after them.
    filled: usize,
    buffer: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

impl Sealer {
    /// A sealer with its own data key, and the header's bytes, which go before all frames. Each of `secrets` opens the
    /// object; there must be at least one.
    ///
    /// # Errors
    /// [`Error::BackupId`], [`Error::Random`], or [`Error::OutOfMemory`] with a passphrase.
    pub fn new(subject: &Subject<'_>, secrets: &[Secret]) -> Result<(Self, Vec<u8>), Error> {
        Self::with_frame_size(subject, secrets, FRAME_SIZE)
    }

    /// A sealer with another frame size: a multiple of 16 from 4096 to 16777216.
    ///
    /// # Errors
    /// Those of [`Sealer::new`], and [`Error::FrameSize`].
    pub fn with_frame_size(
        subject: &Subject<'_>,
        secrets: &[Secret],
        frame_size: usize,
    ) -> Result<(Self, Vec<u8>), Error> {
        let data_key = DataKey::generate()?;
        let header = header::write(subject, &data_key, frame_size, secrets)?;
        Ok((Self::from_keys(data_key.frame_keys(), frame_size), header))
    }

    fn from_keys(keys: FrameKeys, frame_size: usize) -> Self {
        let buffer = vec![0; IV_LEN];
        Self {
            keys,
            frame_size,
            first: 0,
            closed: 0,
            filled: 0,
            buffer,
            spare: Vec::new(),
        }
    }

    /// Takes bytes from the front of `plaintext`: all of them, and returns `None`, or as many as complete a group. Call
    /// it again until it returns `None`.
    pub fn push(&mut self, plaintext: &mut &[u8]) -> Option<Group> {
        while !plaintext.is_empty() {
            // a full frame stays open until another byte shows that it isn't the last
            if self.filled == self.frame_size {
                self.close_frame();
                if self.closed == LANES {
                    return Some(self.take_group());
                }
                self.open_frame();
            }
            let (taken, rest) = plaintext.split_at(plaintext.len().min(self.frame_size - self.filled));
            self.buffer.extend_from_slice(taken);
            self.filled += taken.len();
            *plaintext = rest;
        }
        None
    }

    /// The rest, which ends with the last frame of the object.
    pub fn finish(mut self) -> Group {
        let last_start = self.closed * full_frame_len(self.frame_size);
        self.buffer.resize(last_start + sealed_frame_len(self.filled), 0);
        Group {
            keys: self.keys,
            frame_size: self.frame_size,
            first: self.first,
            last_len: Some(self.filled),
            buffer: self.buffer,
        }
    }

    /// Returns a buffer for reuse. If as many buffers come back as are in use, sealing allocates nothing.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.spare.push(buffer);
    }

    fn close_frame(&mut self) {
        self.closed += 1;
        self.filled = 0;
        let frames_len = self.closed * full_frame_len(self.frame_size);
        if self.closed == 1 {
            // more than one frame: it will probably be a whole group; small objects never get here
            self.buffer
                .reserve_exact(LANES * full_frame_len(self.frame_size) - self.buffer.len());
        }
        self.buffer.resize(frames_len, 0);
    }

    fn open_frame(&mut self) {
        self.buffer.resize(self.buffer.len() + IV_LEN, 0);
    }

    fn take_group(&mut self) -> Group {
        let buffer = std::mem::replace(&mut self.buffer, self.spare.pop().unwrap_or_default());
        let first = self.first;
        self.first += LANES as u64;
        self.closed = 0;
        self.open_frame();
        Group {
            keys: self.keys.clone(),
            frame_size: self.frame_size,
            first,
            last_len: None,
            buffer,
        }
    }
}

/// Up to [`LANES`] frames of plaintext in one buffer, each byte at its final position, to be sealed on any thread.
#[derive(Debug)]
pub struct Group {
    keys: FrameKeys,
    frame_size: usize,
    first: u64,
    /// The number of plaintext bytes in the object's last frame, if this group ends with it.
    last_len: Option<usize>,
    buffer: Vec<u8>,
}

impl Group {
    /// Seals the frames in place, and returns their bytes for the object.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn seal(mut self) -> Result<Vec<u8>, Error> {
        let frame_len = full_frame_len(self.frame_size);
        let frames = self.buffer.len().div_ceil(frame_len);
        let mut ivs = [0; LANES * IV_LEN];
        getrandom::fill(&mut ivs[..frames * IV_LEN])?;
        for (frame, iv) in self.buffer.chunks_mut(frame_len).zip(ivs.chunks_exact(IV_LEN)) {
            frame[..IV_LEN].copy_from_slice(iv);
        }
        if self.buffer.len() == LANES * frame_len {
            let last = self.last_len.is_some();
            lanes::seal_in_place(&self.keys, self.frame_size, self.first, last, &mut self.buffer);
        } else {
            self.seal_one_by_one(frames);
        }
        Ok(self.buffer)
    }

    fn seal_one_by_one(&mut self, frames: usize) {
        for (at, frame) in self.buffer.chunks_mut(full_frame_len(self.frame_size)).enumerate() {
            let last_len = self.last_len.filter(|_| at + 1 == frames);
            let plaintext_len = last_len.unwrap_or(self.frame_size);
            frame::seal_in_place(
                &self.keys,
                self.first + at as u64,
                last_len.is_some(),
                plaintext_len,
                frame,
            );
        }
    }
}

/// Collects sealed frames in groups, to be checked and opened in place.
#[derive(Debug)]
pub struct Opener {
    keys: FrameKeys,
    frame_size: usize,
    /// The index of the first frame in `buffer`.
    first: u64,
    buffer: Vec<u8>,
    spare: Vec<Vec<u8>>,
}

impl Opener {
    /// An opener for the frames after a header, with the header's frame size and the keys from
    /// [`SealedHeader::unlock`](super::SealedHeader::unlock).
    pub fn new(keys: FrameKeys, frame_size: usize) -> Self {
        Self::at_frame(keys, frame_size, 0)
    }

    /// An opener for the frames from number `first` on, to read a part of an object.
    pub fn at_frame(keys: FrameKeys, frame_size: usize, first: u64) -> Self {
        Self {
            keys,
            frame_size,
            first,
            buffer: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Takes bytes from the front of `sealed`: all of them, and returns `None`, or as many as complete a group. Call it
    /// again until it returns `None`.
    pub fn push(&mut self, sealed: &mut &[u8]) -> Option<OpenGroup> {
        let frame_len = full_frame_len(self.frame_size);
        while !sealed.is_empty() {
            // a whole group stays until another byte shows that its last frame isn't the object's last
            if self.buffer.len() == LANES * frame_len {
                return Some(self.take_group());
            }
            if self.buffer.len() >= frame_len {
                self.buffer.reserve_exact(LANES * frame_len - self.buffer.len());
            }
            // at most to the end of the frame, so that a short object doesn't need a whole group's memory
            let room = frame_len - self.buffer.len() % frame_len;
            let (taken, rest) = sealed.split_at(sealed.len().min(room));
            self.buffer.extend_from_slice(taken);
            *sealed = rest;
        }
        None
    }

    /// The rest, to be opened as the end of the object.
    pub fn finish(self) -> OpenGroup {
        self.finish_as(true)
    }

    /// The rest, if more of the object follows that is not read: none of these frames may be the last one.
    pub fn finish_inside(self) -> OpenGroup {
        self.finish_as(false)
    }

    fn finish_as(self, at_end: bool) -> OpenGroup {
        let Self {
            keys,
            frame_size,
            first,
            buffer,
            ..
        } = self;
        OpenGroup {
            keys,
            frame_size,
            first,
            at_end,
            buffer,
        }
    }

    /// Returns a buffer for reuse.
    pub fn recycle(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.spare.push(buffer);
    }

    fn take_group(&mut self) -> OpenGroup {
        let buffer = std::mem::replace(&mut self.buffer, self.spare.pop().unwrap_or_default());
        let first = self.first;
        self.first += LANES as u64;
        OpenGroup {
            keys: self.keys.clone(),
            frame_size: self.frame_size,
            first,
            at_end: false,
            buffer,
        }
    }
}

/// Up to [`LANES`] sealed frames in one buffer, to be opened on any thread.
#[derive(Debug)]
pub struct OpenGroup {
    keys: FrameKeys,
    frame_size: usize,
    first: u64,
    /// Whether nothing follows, so that the group must contain the last frame.
    at_end: bool,
    buffer: Vec<u8>,
}

impl OpenGroup {
    /// The plaintext. Every MAC of the group is checked, in constant time, before any byte is decrypted.
    ///
    /// # Errors
    /// [`Error::FrameChanged`], [`Error::CutShort`] or [`Error::TrailingBytes`]: the first fault in the group.
    pub fn open(mut self) -> Result<Vec<u8>, Error> {
        self.check_tags()?;
        let frame_len = full_frame_len(self.frame_size);
        let frames = self.buffer.len().div_ceil(frame_len);
        let mut plaintext_len = 0;
        for at in 0..frames {
            let last = self.at_end && at + 1 == frames;
            let start = at * frame_len;
            let end = self.buffer.len().min(start + frame_len);
            let index = self.first + at as u64;
            let frame = &mut self.buffer[start..end];
            let plaintext = frame::decrypt_in_place(&self.keys, self.frame_size, index, last, frame)?;
            self.buffer
                .copy_within(start + plaintext.start..start + plaintext.end, plaintext_len);
            plaintext_len += plaintext.len();
        }
        self.buffer.truncate(plaintext_len);
        Ok(self.buffer)
    }

    /// The sealed frames, unchanged. Checks every MAC of the group in constant time; decrypts nothing.
    ///
    /// # Errors
    /// As [`OpenGroup::open`].
    pub fn check(self) -> Result<Vec<u8>, Error> {
        self.check_tags()?;
        Ok(self.buffer)
    }

    /// Checks the MACs of all frames. The error names the first fault.
    fn check_tags(&self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            return Err(Error::CutShort {
                after: self.first.checked_sub(1),
            });
        }
        let frame_len = full_frame_len(self.frame_size);
        let last_at = self.buffer.len().div_ceil(frame_len) - 1;
        let whole = self.buffer.len() == LANES * frame_len;
        let expected = whole.then(|| lanes::tags(&self.keys, self.frame_size, self.first, self.at_end, &self.buffer));
        for (at, frame) in self.buffer.chunks(frame_len).enumerate() {
            let tag = &frame[frame.len().saturating_sub(TAG_LEN)..];
            if expected.is_some_and(|expected| bool::from(expected[at].ct_eq(tag))) {
                continue;
            }
            let last = self.at_end && at == last_at;
            frame::check(&self.keys, self.frame_size, self.first + at as u64, last, frame)?;
        }
        Ok(())
    }
}
