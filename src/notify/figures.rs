//! Times, ages and sizes in words.

pub(super) use crate::text::{age, minute, size};
