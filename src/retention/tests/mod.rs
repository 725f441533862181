#![allow(clippy::unwrap_used)]

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

fn floor(keep_last: u32) -> Policy {
    let keep_last = NonZeroU32::new(keep_last).unwrap();
    Policy { keep_last }
}
