//! `init`: a new set-up, asked for or given by flags.

mod back;
mod copies;
pub(crate) mod dialogue;
pub(crate) mod flags;
pub(crate) mod forms;
mod heroku;
pub(crate) mod sheet;
mod sheet_followed;
mod there_already;
mod trial;
