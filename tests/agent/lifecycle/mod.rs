//! Lifecycle rules of the bucket.

pub(crate) mod faults;
mod promises;
pub(crate) mod rules;
pub(crate) mod services;
