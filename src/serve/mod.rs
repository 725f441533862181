//! The clock of `pgcoffer serve`: one round after the other, as the schedule says, whatever becomes of each.
//!
//! A [`Round`] looks at every database and does what is due: [`rounds`] knows no more of it, so that it may be a tick
//! here or one-off dynos started elsewhere ([`Launcher`]). [`Pulse`] is what a probe or a scrape is told meanwhile.
//! Nothing is kept that the bucket doesn't hold: a clock that is killed and started again goes on where it was.

mod flight;
mod launch;
mod pulse;
mod rounds;
mod when;

pub use flight::Elsewhere;
pub use launch::{Launcher, Missed, News};
pub use pulse::Pulse;
pub use rounds::{Round, rounds};
pub use when::{Pace, Seen};
