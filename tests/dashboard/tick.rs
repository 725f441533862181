//! Runs of earlier days, as the tests of the agent put them into a bucket.

#[allow(dead_code, reason = "shared with the tests of the agent, which use all of it")]
#[path = "../agent/tick/past.rs"]
pub(crate) mod past;
