//! Moments, ages and sizes as people read them.

pub(super) use crate::text::{age, minute, size};
