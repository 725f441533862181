//! `tick` and `status`: what is due, and how every database stands.

mod anomalies;
mod failures;
pub(crate) mod past;
mod requests;
mod settings;
pub(crate) mod status;
mod stored;
mod turns;
