//! A second look: what fails its check as it arrives is read anew before anything is said of what is stored. The same
//! bytes twice are damage at rest; other bytes each time are damage on the way.

use std::ops::Range;

use bytes::Bytes;

use super::ObjectSource;
use crate::{
    error::{Error, Result},
    store::LOOKS,
};

/// What one look at an object has read.
pub(super) struct SecondLook<'a> {
    source: &'a ObjectSource,
    seen: Vec<Bytes>,
}

impl<'a> SecondLook<'a> {
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
    pub(super) fn weigh(&mut self, look: SecondLook<'_>, fault: Error) -> Result<()> {
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
