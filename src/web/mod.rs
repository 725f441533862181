//! What `serve` answers over HTTP: whether it lives, and its metrics. Nothing else, and nothing that asks the bucket.
//!
//! - `/healthz`: 200 while the clock is alive, 503 where it is stuck, so that a platform restarts what hangs. A late backup is
//!   no reason for a restart: it is told in the body.
//! - `/metrics`: see [`crate::metrics`].
//!
//! A listener that a platform's router passes the whole Internet on to is [public](Answers::public): it tells no names without
//! the token, and refuses metrics where none is set.

mod answers;
mod listener;
mod token;

pub use answers::Answers;
pub use listener::serve;
pub use token::{Token, TokenFault};
