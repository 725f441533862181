//! `init`: a new set-up, asked for or given by flags.

pub(crate) mod dialogue;
pub(crate) mod flags;
pub(crate) mod forms;
pub(crate) mod sheet;
mod sheet_followed;
mod heroku;
mod trial;
