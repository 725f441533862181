//! Notifications over Slack, mail and webhooks, and the pings of a dead man's switch.
//!
//! An [`Event`](crate::backup::Event) contains the facts of what happened. A [`Message`] puts it into words. A
//! [`Notifier`] sends it over every channel at once, with retries and within a time limit, and returns a [`Delivery`]
//! for each. Nothing here can fail a backup, and every failure is reported.
//!
//! URLs of Slack, webhooks and pings are secrets, as anyone who has one can use it. Only their host is ever printed.

mod address;
mod body;
mod digest;
mod error;
mod figures;
mod filter;
mod http;
mod limits;
mod mail;
mod message;
mod notifier;
mod payload;
mod ping;
mod slack;
mod webhook;

pub use address::{Address, AddressFault};
pub use body::Paragraph;
pub use error::{Error, MissingFeature};
pub use filter::{EventFilter, UnknownEvent};
pub use limits::SendLimits;
pub use mail::{Mail, MailFault, Relay, mailbox};
pub use message::Message;
pub use notifier::{Channel, Delivery, Notifier};
pub use ping::{Ping, RunId, Signal};
pub use slack::Slack;
pub use webhook::{SigningSecret, Webhook};
