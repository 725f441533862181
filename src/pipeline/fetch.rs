//! Fetches ranges of an object, several at once, and returns them in order.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Budget, ObjectSource,
    budget::{Slot, Slots},
};
use crate::error::{Error, Result};

/// The bytes of one request.
const RANGE_BYTES: u64 = 4 << 20;

/// Fetches a range of an object in requests of 4 MiB, as many at once as the budget allows.
///
/// Requests nothing before the first call of `next`. If it is dropped, requests in progress are aborted.
pub struct Fetch {
    source: ObjectSource,
    left: Range<u64>,
    slots: Slots,
    in_flight: VecDeque<(AbortOnDropHandle<Result<Bytes>>, Slot)>,
}

impl Fetch {
    /// Fetches the bytes of `range`, which ends at the object's end or before.
    #[must_use]
    pub fn new(source: ObjectSource, range: Range<u64>, budget: &Budget) -> Self {
        Self {
            source,
            left: range,
            slots: budget.ranges(),
            in_flight: VecDeque::new(),
        }
    }

    /// The next bytes, in their order. `None` at the range's end.
    ///
    /// # Errors
    /// As [`ObjectSource::read`].
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.left.is_empty()
            && let Some(slot) = self.slots.try_take()
        {
            let range = self.left.start..self.left.end.min(self.left.start + RANGE_BYTES);
            self.left.start = range.end;
            let source = self.source.clone();
            let read = tokio::spawn(async move { source.read(range).await });
            self.in_flight.push_back((AbortOnDropHandle::new(read), slot));
        }
        match self.in_flight.pop_front() {
            Some((oldest, _slot)) => oldest.await.map_err(Error::from)?.map(Some),
            None => Ok(None),
        }
    }
}
