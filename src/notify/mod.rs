//! Telling people: what happened, over Slack, mail and webhooks, and the ping of a dead man's switch.
//!
//! An [`Event`] is what happened, with its facts; a [`Notifier`] tells it over every channel at once, with retries and
//! within a bound, and gives back what became of each. Nothing here can fail a backup, and nothing is lost silently:
//! what could not be told is a [`Telling`] with an [`Error`].
//!
//! URLs of Slack, webhooks and pings are secrets: whoever has one may use it. They print their host and nothing else.

mod address;
mod channel;
mod digest;
mod error;
mod event;
mod figures;
mod http;
mod letter;
mod mail;
mod patience;
mod ping;
mod slack;
mod webhook;

pub use address::{Address, AddressFault};
pub use channel::{Channel, Notifier, Telling};
pub use digest::DigestLine;
pub use error::{Error, Lack};
pub use event::{BackupFacts, Event, Kind, Kinds, Late, NewestGood, Origin, UnknownKind};
pub use letter::{Letter, letter};
pub use mail::{Mail, MailFault, Relay, mailbox};
pub use patience::Patience;
pub use ping::{Ping, RunId, Signal};
pub use slack::Slack;
pub use webhook::{SigningSecret, Webhook};
