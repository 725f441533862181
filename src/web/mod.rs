//! What `serve` answers over HTTP: whether it lives, and its metrics, without asking the bucket; and the pages of the
//! dashboard, where that is on, on the same address.
//!
//! - `/healthz`: 200 while the clock is alive, 503 where it is stuck, so that a platform restarts what hangs. A late
//!   backup is no reason for a restart: it stands in the body.
//! - `/metrics`: see [`crate::metrics`].
//!
//! Names and numbers are for its [`Readers`]. To everybody else `/healthz` says whether it lives, and `/metrics` is
//! refused.

mod answers;
mod api_tokens;
mod connections;
mod listener;
mod password;
mod peers;
mod readers;
mod token;

pub use answers::{Answers, ServeHealth, ServedDatabase};
pub use api_tokens::{ApiToken, ApiTokenFault, ApiTokens, NewApiToken, TokenScope};
pub use listener::serve;
pub use password::{HashFault, PasswordHash};
pub use peers::{Networks, Peer, client_network};
pub use readers::{Readers, names_this_machine};
pub use token::{Token, TokenFault};
