//! The whole agent against the real thing: the built binary, PostgreSQL servers, S3 services that behave and misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and names the seed that it ran with"
)]

#[path = "../testbed/mod.rs"]
mod testbed;

mod bombs;
mod broken_in;
mod bucket;
mod channels;
mod channels_mail;
mod channels_webhook;
mod check;
mod check_database;
mod check_key;
mod cleaned;
mod cold;
mod damage;
mod damage_listings;
mod drop_box;
mod faults;
mod goldens;
mod heroku;
mod heroku_api;
mod hostile;
mod hostile_channels;
mod hostile_text;
mod iam;
mod in_the_clear;
mod init;
mod init_forms;
mod init_sheet;
mod init_talk;
mod init_trial;
mod json_log;
mod killed_restores;
mod kills;
mod left_out;
mod lifecycle;
mod lifecycle_faults;
mod lifecycle_promises;
mod lifecycle_rules;
mod lock_holders;
mod locks;
mod looked_at;
mod memory;
mod monitoring;
mod no_encoding;
mod notices;
mod notices_missed;
mod notices_untold;
mod oddities;
mod outputs;
mod owners;
mod panics;
mod pings;
mod platforms;
mod poolers;
mod pretenders;
mod printed_sql;
mod prune_deletes;
mod prune_holds;
mod prune_leftovers;
mod prune_locks;
mod prune_neighbours;
mod prune_past;
mod prune_plan;
mod prune_refusals;
mod prune_scene;
mod prune_tags;
mod reading;
mod refusals;
mod repository;
mod restored_in_part;
mod rights;
mod role_settings;
mod round_trip;
mod scripted;
mod second_looks;
mod serve;
mod serve_door;
mod servers;
mod services;
mod settings_files;
mod settings_unseen;
mod shapes;
mod signals;
mod stage;
mod status;
mod tick_cost;
mod tick_doubts;
mod tick_failures;
mod tick_past;
mod tick_settings;
mod tick_turns;
mod told;
mod traces;
mod traps;
mod years;
mod years_model;
mod years_plan;
mod years_weather;
mod years_world;
