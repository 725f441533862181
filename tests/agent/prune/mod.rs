//! `prune`: what is deleted, what is kept, and what is never touched.

mod compromised_agent;
mod deletes;
mod drills;
mod holds;
mod leftovers;
mod neighbours;
mod object_lock;
pub(crate) mod past;
pub(crate) mod plan;
pub(crate) mod refusals;
mod retain;
pub(crate) mod scene;
mod tags;
mod trail;
