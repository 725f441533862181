use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Mark;
use crate::text::Untrusted;

/// Notices that a mark keeps: the newest ones.
pub const NOTICES_MAX: usize = 8;

/// What people were told of a run, or could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What kind of event: `failure`, `missed`, ….
    pub event: Untrusted,
    /// What it was about: `backup`, `retention`, ….
    pub about: Untrusted,
    /// When.
    pub at: Timestamp,
    /// The channels that took it.
    pub told: Vec<Untrusted>,
    /// The channels that did not.
    pub untold: Vec<Untold>,
}

/// A channel that did not take what it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untold {
    /// Its kind and host.
    pub channel: Untrusted,
    /// Why.
    pub why: Untrusted,
}

impl Notice {
    /// What it tells, as in "nobody could be told of …": `the failure`, `the missed backup`.
    #[must_use]
    pub fn words(event: &str) -> &'static str {
        match event {
            "failure" => "the failure",
            "missed" => "the missed backup",
            "recovery" => "the recovery",
            "suspicious" => "the suspicious backup",
            "success" => "the success",
            "digest" => "the weekly digest",
            _ => "the event",
        }
    }

    /// Whether no channel took it.
    #[must_use]
    pub fn reached_nobody(&self) -> bool {
        self.told.is_empty() && !self.untold.is_empty()
    }
}

impl Mark {
    /// Adds a notice; the oldest gives way where there are too many.
    pub fn add_notice(&mut self, notice: Notice) {
        self.notices.push(notice);
        let excess = self.notices.len().saturating_sub(NOTICES_MAX);
        self.notices.drain(..excess);
    }
}
