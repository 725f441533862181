//! The halves of the road of a byte, joined in other ways than the program joins them today: several dumps into several
//! objects at once, one table out of the middle of an archive, a copy from one place to another, one object to several
//! places at once.

#![allow(clippy::unwrap_used)]

mod beside;
mod copies;
mod ranges;
mod scene;
mod several;
#[path = "../testbed/mod.rs"]
mod testbed;
