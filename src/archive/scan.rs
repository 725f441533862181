//! The format's primitives, read from input that may be cut anywhere.

use super::Error;
use crate::text::decoded;

/// The longest string: PostgreSQL's own bound for one text value,
/// [`MaxAllocSize`](https://github.com/postgres/postgres/blob/REL_18_STABLE/src/include/utils/memutils.h).
const MAX_TEXT_BYTES: i32 = 0x3fff_ffff;

/// How much of a name is kept. PostgreSQL's have 63 bytes at most, in the server's encoding.
pub(super) const NAME_BYTES: usize = 4096;

/// Bytes of an int: a sign and four bytes.
pub(super) const INT_BYTES: usize = 5;

/// What is left of the bytes that were pushed.
pub(super) struct Input<'a> {
    pub(super) rest: &'a [u8],
    /// The archive's offset at the end of `rest`.
    end: u64,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8], end: u64) -> Self {
        Self { rest: bytes, end }
    }

    /// The archive's offset of the next byte.
    pub(super) fn at(&self) -> u64 {
        self.end - self.rest.len() as u64
    }

    /// Takes up to `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }
}

/// Gathers one primitive at a time. Every method returns None while more input is needed, and is then to be called
/// again with it.
#[derive(Clone, Default)]
pub(super) struct Scanner {
    fixed: [u8; 16],
    filled: usize,
    /// Inside a string: bytes that are still to come.
    text_left: Option<usize>,
    /// What was kept of the last string.
    text: Vec<u8>,
}

impl Scanner {
    /// Whether it is between two primitives.
    pub(super) fn is_idle(&self) -> bool {
        self.filled == 0 && self.text_left.is_none()
    }

    /// What has been gathered of bytes that did not come as a whole.
    pub(super) fn partial(&self) -> &[u8] {
        &self.fixed[..self.filled]
    }

    /// `length` bytes, at most 16.
    pub(super) fn bytes(&mut self, length: usize, input: &mut Input<'_>) -> Option<&[u8]> {
        let taken = input.take(length - self.filled);
        self.fixed[self.filled..self.filled + taken.len()].copy_from_slice(taken);
        self.filled += taken.len();
        if self.filled < length {
            return None;
        }
        self.filled = 0;
        Some(&self.fixed[..length])
    }

    /// A sign byte and four bytes, little-endian.
    pub(super) fn int(&mut self, input: &mut Input<'_>) -> Option<i32> {
        let bytes = self.bytes(INT_BYTES, input)?;
        Some(decode_int([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4]]))
    }

    /// A string, of which the first `keep` bytes are kept.
    pub(super) fn text(&mut self, keep: usize, input: &mut Input<'_>) -> Result<Option<Text<'_>>, Error> {
        let left = match self.text_left {
            Some(left) => left,
            None => {
                self.text.clear();
                let Some(length) = self.int(input) else {
                    return Ok(None);
                };
                match length {
                    -1 => return Ok(Some(Text { bytes: None })),
                    0..=MAX_TEXT_BYTES => length as usize,
                    _ => {
                        return Err(Error::Absurd {
                            what: "the length of a string",
                            value: length.into(),
                            at: input.at(),
                        });
                    }
                }
            }
        };
        let taken = input.take(left);
        let room = keep.saturating_sub(self.text.len());
        self.text.extend_from_slice(&taken[..taken.len().min(room)]);
        let left = left - taken.len();
        self.text_left = (left > 0).then_some(left);
        Ok((left == 0).then_some(Text {
            bytes: Some(&self.text),
        }))
    }
}

/// A string as it was stored.
pub(super) struct Text<'a> {
    /// None for null; empty if it was not to be kept.
    pub(super) bytes: Option<&'a [u8]>,
}

impl Text<'_> {
    pub(super) fn is_null(&self) -> bool {
        self.bytes.is_none()
    }

    /// The number that it is, as ids of other entries are written.
    pub(super) fn number(&self) -> Option<i32> {
        std::str::from_utf8(self.bytes?).ok()?.parse().ok()
    }

    /// For people to read: what is not UTF-8 stands as `\xe9`, null is empty.
    pub(super) fn lossy(&self) -> String {
        decoded(self.bytes.unwrap_or_default())
    }
}

/// OIDs above 2³¹ are written as negative numbers, 2³¹ itself as its own negative: hence wrapping.
pub(super) fn decode_int(bytes: [u8; INT_BYTES]) -> i32 {
    let [sign, magnitude @ ..] = bytes;
    let value = i32::from_le_bytes(magnitude);
    if sign == 0 { value } else { value.wrapping_neg() }
}
