//! pgcoffer takes encrypted offsite backups of PostgreSQL databases into their owner's own S3 bucket.
//!
//! The crate is built in floors; a file uses its own floor's folder and lower floors only (a test checks it).
//!
//! | floor | modules | what they are |
//! |---|---|---|
//! | 0 | [`text`] | text that somebody else chose: it can't be shown but escaped |
//! | | [`cause`] | why something failed, in words of our own: what may leave the machine |
//! | | [`exit_status`] | how the program ends, and what that says |
//! | | [`redact`] | secrets struck out of text, where they stand whole |
//! | | [`retry`] | pauses that grow from one failure to the next |
//! | | [`xml`] | XML from outside, bounded before it is parsed |
//! | 1, rules | [`backup`], [`schedule`], [`retention`], [`anomaly`] | what one backup is, when one is due, what may be deleted, what looks wrong: pure, no I/O, time is an argument |
//! | | [`certificate`] | the signed statement of a drill, which others verify |
//! | | [`rights`] | what a pair of credentials is for, and which actions in the bucket that takes |
//! | | [`lifecycle`] | which rules the bucket should have, and how they are put among those that are there |
//! | 1, transforms | [`seal`], [`archive`], [`compress`] | bytes to bytes; know nothing of stores or servers |
//! | 2, doors | [`store`], [`postgres`], [`notify`], [`heroku`] | one for each outside party; doors never meet |
//! | 3 | [`catalog`] | the bucket as a catalog: layout, list, find, commit |
//! | 4 | [`operation`] | one verb, one file, a story in named steps |
//! | 5 | [`metrics`], [`web`], [`config`] | what monitoring reads, and where it asks; settings, parsed once |
//! | 6 | [`agent`] | the facade: one method a verb; and what people are notified of |
//! | | [`dashboard`] | the pages of `serve`: who is signed in, what is asked of the agent, HTML |
//! | 7 | [`serve`], [`setup`], and the binary | the clock; a new set-up; arguments, tables, progress, exit |
//!
//! The road of a byte, when a backup is taken: pg_dump -> archive reader (looks, never changes) -> zstd chunks on
//! several cores -> frames sealed in lock step on several cores -> parts of an upload. Every arrow is a bounded queue,
//! so memory has one figure whatever the size of the database. Only when pg_dump has ended with 0 *and* its archive was
//! whole is the last frame sealed, then the upload completed, then the record written. So half a dump has no last
//! frame, no object and no record: three locks.
//!
//! The library never prints, never exits, and reads the environment only by the hand of the AWS SDK (its own settings).

// an operation awaits the catalog, which awaits the store, which awaits the SDK: deep types, and no recursion
#![recursion_limit = "256"]

mod aws_credentials;
pub mod cause;
pub mod exit_status;
pub mod panics;
pub mod plain_http;
pub mod redact;
pub mod retry;
pub mod text;
pub mod xml;

pub mod anomaly;
pub mod backup;
pub mod certificate;
pub mod lifecycle;
pub mod readme;
pub mod retention;
pub mod rights;
pub mod schedule;

pub mod archive;
pub mod compress;
pub mod seal;

pub mod heroku;
pub mod notify;
pub mod postgres;
pub mod store;

pub mod catalog;
pub mod error;
pub mod pipeline;

pub mod operation;

pub mod agent;
pub mod dashboard;
pub mod metrics;
pub mod serve;
pub mod web;

pub mod config;
pub mod setup;

pub use error::{Error, Result};
