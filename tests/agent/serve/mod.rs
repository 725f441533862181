//! `serve`: the clock, its HTTP door, and dynos that take the backups.

pub(crate) mod clock;
mod heroku;
pub(crate) mod heroku_api;
mod http;
