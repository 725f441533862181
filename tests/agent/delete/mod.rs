//! `delete`: one backup goes, once that is confirmed, and nothing that has to stay.

mod at_once;
mod attackers;
mod confirmed;
mod faults;
mod guards;
