//! HTML. Each page is a function of what was found; nothing here asks anybody.

pub(super) mod act;
pub(super) mod audit;
pub(super) mod backup;
mod calendar;
mod commands;
pub(super) mod database;
mod history;
mod layout;
mod look;
pub(super) mod overview;
mod parts;
mod plot;
mod problems;
pub(super) mod schedule;
mod short_list;
pub(super) mod sign_in;
pub(super) mod work;

pub(super) use history::HistoryFilter;
pub(super) use layout::{Asset, ICON, Page, SCRIPT, STYLE, message};
