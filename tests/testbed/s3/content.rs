//! An object's bytes, as they are kept.

use std::ops::Range;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use s3s::crypto::{Checksum as _, Md5};

/// An object's bytes, in the pieces that they came in, or only how many there were.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Kept(Vec<Bytes>),
    Discarded { size_bytes: u64 },
}

impl Content {
    pub(super) fn kept(pieces: Vec<Bytes>) -> Self {
        Self::Kept(pieces)
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Kept(pieces) => pieces.iter().map(|piece| piece.len() as u64).sum(),
            Self::Discarded { size_bytes } => *size_bytes,
        }
    }

    pub(super) fn to_vec(&self) -> Option<Vec<u8>> {
        match self {
            Self::Kept(pieces) => Some(pieces.concat()),
            Self::Discarded { .. } => None,
        }
    }

    /// The pieces of a range that lies within; `None` where only the size was kept.
    pub(super) fn range(&self, range: Range<u64>) -> Option<Vec<Bytes>> {
        let Self::Kept(pieces) = self else {
            return None;
        };
        let mut begins = 0;
        let mut found = Vec::new();
        for piece in pieces {
            let ends = begins + piece.len() as u64;
            let from = range.start.clamp(begins, ends) - begins;
            let to = range.end.clamp(begins, ends) - begins;
            if from < to {
                found.push(piece.slice(from as usize..to as usize));
            }
            begins = ends;
        }
        Some(found)
    }

    /// MD5, as Amazon's; where nothing is kept, anything that is the same for the same size.
    pub(super) fn etag(&self) -> String {
        match self {
            Self::Kept(pieces) => {
                let mut hash = Md5::new();
                pieces.iter().for_each(|piece| hash.update(piece));
                HEXLOWER.encode(hash.finalize().as_ref())
            }
            Self::Discarded { size_bytes } => format!("discarded{size_bytes:023}"),
        }
    }

    pub(super) fn join<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        let mut kept = Vec::new();
        let (mut discarded, mut size_bytes) = (false, 0);
        for part in parts {
            size_bytes += part.len();
            match part {
                Self::Kept(pieces) => kept.extend(pieces.iter().cloned()),
                Self::Discarded { .. } => discarded = true,
            }
        }
        if discarded {
            Self::Discarded { size_bytes }
        } else {
            Self::Kept(kept)
        }
    }
}
