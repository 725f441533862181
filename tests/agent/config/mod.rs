//! Settings, from the environment and from files.

mod characters;
mod files;
pub(crate) mod refusals;
