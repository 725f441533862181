//! `init --heroku APP`: the real Heroku CLI, against an API that answers as Heroku's does, with dynos that really run,
//! databases that are really there, and git that really pushes.

mod add_ons;
mod api;
mod changed_app;
mod dyno;
mod flags;
mod road;
mod scene;
mod script;
mod terminal;
