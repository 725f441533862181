//! Rereads bytes that fail a check, before anything is said about what is stored. If the same bytes are read twice,
//! they are damaged in the bucket. If they differ each time, they are damaged on the network.

use std::ops::Range;

use bytes::Bytes;

use super::ObjectSource;
use crate::{
    error::{Error, Result},
    store::READS_MAX,
};

/// The bytes that one attempt has read from an object.
pub(super) struct RecordedReads<'a> {
    source: &'a ObjectSource,
    seen: Vec<Bytes>,
}

impl<'a> RecordedReads<'a> {
    pub(super) fn new(source: &'a ObjectSource) -> Self {
        Self {
            source,
            seen: Vec::new(),
        }
    }

    pub(super) fn source(&self) -> &'a ObjectSource {
        self.source
    }

    pub(super) async fn read(&mut self, range: Range<u64>) -> Result<Bytes> {
        let bytes = self.source.read(range).await?;
        self.seen.push(bytes.clone());
        Ok(bytes)
    }
}

/// Failed attempts to read the same part, until two of them have read the same bytes.
#[derive(Default)]
pub(super) struct FailedReads {
    before: Option<Vec<Bytes>>,
    looks: u32,
}

impl FailedReads {
    /// Returns the error of an attempt if it counts; `Ok` if the part should be read again.
    ///
    /// # Errors
    /// The error, or that the bytes are different each time.
    pub(super) fn check_repeated(&mut self, look: RecordedReads<'_>, fault: Error) -> Result<()> {
        let Some(inconsistent) = look.source.inconsistent() else {
            return Err(fault);
        };
        if self.before.as_ref() == Some(&look.seen) {
            return Err(fault);
        }
        self.looks += 1;
        if self.looks >= READS_MAX {
            return Err(inconsistent);
        }
        tracing::warn!("{fault}; reading it again");
        self.before = Some(look.seen);
        Ok(())
    }
}
