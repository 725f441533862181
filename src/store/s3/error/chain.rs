//! The causes of an error, one below the other.

use std::{error::Error as StdError, io, iter};

/// The error and everything below it. An `io::Error` doesn't return the error that it contains as its source, so that one
/// is asked for first.
pub(super) fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |cause| {
        let cause: &'a (dyn StdError + 'static) = *cause;
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner
            .map(|inner| inner as &(dyn StdError + 'static))
            .or_else(|| cause.source())
    })
}
