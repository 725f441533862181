//! Notifications: events, channels, heartbeats, and what could not be sent.

pub(crate) mod channels;
pub(crate) mod events;
pub(crate) mod heartbeat;
pub(crate) mod hostile;
mod mail;
mod missed;
pub(crate) mod normalized;
mod undelivered;
mod webhook;
