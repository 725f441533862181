//! The main loop of `pgcoffer serve`: one round after another, as the schedule says, whether or not they succeed.
//!
//! A [`Round`] surveys every database and does what is due. [`rounds`] is independent of how: by a tick here, or by
//! one-off dynos ([`Launcher`]). Probes and scrapes are answered from a [`Monitor`](crate::metrics::Monitor). No state
//! is kept outside of the bucket, so a `serve` that is killed and restarted continues where it was.

mod daemon;
mod dyno_run;
mod dynos;
mod here;
mod launcher;
mod log;
mod pace;
mod rounds;
mod scheduled;
mod turns;
mod watching;

pub use daemon::{Daemon, ServeOptions};
pub use dyno_run::{MissedCause, ScheduledDatabase};
pub use launcher::{LaunchEvent, Launcher, MissedRun};
pub use pace::Pace;
pub use rounds::{Round, rounds};
