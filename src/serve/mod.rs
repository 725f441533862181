//! The clock of `pgcoffer serve`: one round after the other, as the schedule says, whatever becomes of each.
//!
//! A [`Round`] looks at every database and does what is due: [`rounds`] knows no more of it, so that it may be a tick
//! here or one-off dynos started elsewhere ([`Launcher`]). What a probe or a scrape is answered with meanwhile stands
//! in a [`Monitor`](crate::metrics::Monitor). Nothing is kept that the bucket doesn't hold: a clock that is killed and
//! started again goes on where it was.

mod daemon;
mod dyno_run;
mod launcher;
mod log;
mod pace;
mod rounds;

pub use daemon::{Daemon, ServeOptions};
pub use dyno_run::{MissedCause, ScheduledDatabase};
pub use launcher::{LaunchEvent, Launcher, MissedRun};
pub use pace::Pace;
pub use rounds::{Round, rounds};
