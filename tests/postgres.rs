//! The door to PostgreSQL against real servers and real client programs: 15 of the distribution, 16 and 18 of the test
//! bed.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod testbed;

#[path = "postgres/connecting.rs"]
mod connecting;
#[path = "postgres/dumping.rs"]
mod dumping;
#[path = "postgres/failed_loads.rs"]
mod failed_loads;
#[path = "postgres/installed.rs"]
mod installed;
#[path = "postgres/languages.rs"]
mod languages;
#[path = "postgres/loading.rs"]
mod loading;
#[path = "postgres/logins.rs"]
mod logins;
#[path = "postgres/passwords.rs"]
mod passwords;
#[path = "postgres/places.rs"]
mod places;
#[path = "postgres/rights.rs"]
mod rights;
#[path = "postgres/scene.rs"]
mod scene;
#[path = "postgres/settings.rs"]
mod settings;
#[path = "postgres/targets.rs"]
mod targets;
#[path = "postgres/trusting.rs"]
mod trusting;
