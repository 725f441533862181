//! What a user can ask for: one verb, one file, each a story in named steps.

mod backup;
mod get;
mod inbound;
mod interrupt;
mod ordered;
mod outbound;
mod progress;
mod restore;
mod source;
mod verify;

pub use backup::{BackupRequest, backup};
pub use get::{Fetched, Target, get, open};
pub use interrupt::Interrupt;
pub use progress::Progress;
pub use restore::{RestoreReport, RestoreRequest, restore};
pub use verify::{Verified, verify};
