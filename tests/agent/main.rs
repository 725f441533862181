//! The whole agent against the real thing: the built binary, PostgreSQL servers, S3 services that behave and misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and names the seed that it ran with"
)]
// the same deep types as in the library, whose ticks `years` awaits
#![recursion_limit = "256"]

#[path = "../testbed/mod.rs"]
mod testbed;

mod backup;
mod catalog;
mod certificate;
mod check;
mod config;
mod delete;
mod drill;
mod init;
mod lifecycle;
mod notify;
mod output;
mod places;
mod prune;
mod restore;
mod serve;
mod stage;
mod store;
mod tick;
mod years;
