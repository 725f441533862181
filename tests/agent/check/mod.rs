//! `check`: everything tried, and every failure with its cure.

pub(crate) mod database;
pub(crate) mod everything;
mod explanation;
mod key;
