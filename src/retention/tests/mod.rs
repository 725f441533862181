#![allow(clippy::unwrap_used)]

mod bands;
mod goldens;
mod guards;
mod oracle;
mod properties;
mod rules;
mod world;

use super::*;
use crate::backup::Tier;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A floor, and no age bands: those have tests of their own.
fn floor(keep_last: u32) -> RetentionPolicy {
    let keep_last = NonZeroU32::new(keep_last).unwrap();
    RetentionPolicy {
        keep_last,
        stood_days: &[],
    }
}

/// A floor with age bands.
fn banded(keep_last: u32) -> RetentionPolicy {
    RetentionPolicy {
        stood_days: &STOOD_DAYS,
        ..floor(keep_last)
    }
}
