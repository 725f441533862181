//! The dashboard of the built binary, over HTTP as a browser and as an attacker speaks it, and in a real browser.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and names what it found"
)]

#[path = "testbed/mod.rs"]
mod testbed;

#[allow(dead_code, reason = "shared with the tests of the agent, which use all of it")]
#[path = "agent/stage.rs"]
mod stage;

#[path = "dashboard/tick.rs"]
mod tick;

#[path = "dashboard/acting.rs"]
mod acting;
#[path = "dashboard/answers.rs"]
mod answers;
#[path = "dashboard/api.rs"]
mod api;
#[path = "dashboard/api_acting.rs"]
mod api_acting;
#[path = "dashboard/api_attacks.rs"]
mod api_attacks;
#[path = "dashboard/api_schema.rs"]
mod api_schema;
#[path = "dashboard/attacks.rs"]
mod attacks;
#[path = "dashboard/browser.rs"]
mod browser;
#[path = "dashboard/pages.rs"]
mod pages;
#[path = "dashboard/programs.rs"]
mod programs;
#[path = "dashboard/schedule.rs"]
mod schedule;
#[path = "dashboard/served.rs"]
mod served;
#[path = "dashboard/signing_in.rs"]
mod signing_in;
#[path = "dashboard/trail.rs"]
mod trail;
#[path = "dashboard/trail_away.rs"]
mod trail_away;
#[path = "dashboard/trail_gaps.rs"]
mod trail_gaps;
