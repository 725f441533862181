//! Settings, from the environment and from files.

mod characters;
mod files;
mod keys_astray;
mod misread;
pub(crate) mod refusals;
