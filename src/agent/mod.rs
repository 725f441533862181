//! Schedule, operation, telling: what an operation did is told to people, and to a dead man's switch.
//!
//! Which events a run gives rise to is a pure rule over what was before and what came ([`events`]). The bucket is the
//! only memory: what was told of a run stands in its mark, so that nobody is told twice, and what could not be told is
//! shown by `show` and `status`. A notice that fails never fails a backup.

mod backup;
mod digest;
mod events;
mod facts;
mod launched;
mod missed;
mod pulse;
mod repeats;
mod teller;
mod tick;
mod turn;

pub use backup::backup;
pub use events::{Came, Known, What, events};
pub use launched::NotTaken;
pub use missed::{Watched, missed};
pub use pulse::Pings;
pub use teller::{Teller, Unheard, Weekly};
pub use tick::tick;
