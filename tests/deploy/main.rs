//! How it gets onto other people's machines: Heroku's files and buildpack, packages, manifests, each tried with the
//! built binary.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "../testbed/mod.rs"]
mod testbed;

mod app_json;
mod aws;
mod buildpack;
mod chart;
mod cloudformation;
mod debian;
mod dyno;
mod formula;
mod github_action;
mod machine;
mod manifests;
mod pins;
mod release;
