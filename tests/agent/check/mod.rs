//! `check`: everything tried, and every failure with its cure.

pub(crate) mod everything;
pub(crate) mod database;
mod key;
