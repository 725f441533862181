//! Settings, from the environment and from files.

mod characters;
mod files;
mod misread;
pub(crate) mod refusals;
