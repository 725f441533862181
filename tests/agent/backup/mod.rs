//! Backups as they are taken: what pg_dump and the server may do, what stops a run, and what is left.

mod at_most_every;
mod details;
pub(crate) mod faults;
mod iam_tokens;
pub(crate) mod kills;
mod left_out;
pub(crate) mod lock_holders;
pub(crate) mod locks;
mod memory;
mod oddities;
mod panics;
mod poolers;
pub(crate) mod pretenders;
mod role_settings;
mod row_security;
pub(crate) mod search_path_traps;
mod servers;
mod signals;
mod sql_ascii;
mod wrong_database;
