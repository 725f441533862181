//! Restores and downloads: what comes back, what is refused, and what a hostile backup or target tries.

pub(crate) mod clean;
mod clean_dependants;
mod clean_over_itself;
mod closed_to_public;
mod decompression_bombs;
mod encodings;
mod extension_rows;
pub(crate) mod faults;
mod foreseen;
mod hostile_owners;
pub(crate) mod in_part;
mod killed;
mod more_platforms;
mod ordinary_roles;
mod others_tables;
mod outputs;
pub(crate) mod platforms;
mod preview;
pub(crate) mod printed_sql;
mod rest_unread;
pub(crate) mod round_trip;
mod subscriptions;
pub(crate) mod traps;
