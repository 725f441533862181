//! The hosts of a URL that were tried without success before another one.

use std::fmt;

use super::error::Error;
use crate::text::Untrusted;

/// The number of hosts that are named.
const SHOWN: usize = 5;

/// A host of a URL with several, and why the next one was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedHost {
    /// The host and port as `host:port`.
    pub host: String,
    /// Why it was not used.
    pub why: Untrusted,
    /// Whether it works and only isn't of the kind that `target_session_attrs` asks for.
    pub is_other_kind: bool,
}

impl fmt::Display for SkippedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.host, self.why)
    }
}

/// The first hosts, in one line.
pub fn list(all: &[SkippedHost]) -> String {
    let mut text: Vec<String> = all.iter().take(SHOWN).map(SkippedHost::to_string).collect();
    if all.len() > SHOWN {
        text.push(format!("and {} more", all.len() - SHOWN));
    }
    text.join("; ")
}

impl Error {
    /// The same error, with the hosts that were tried before.
    pub(super) fn with_skipped_hosts(self, before: &[SkippedHost]) -> Self {
        if before.is_empty() {
            return self;
        }
        let before = list(before);
        match self {
            Self::Connect { target, fault, message } => Self::Connect {
                target,
                fault,
                message: format!("{message}; tried before: {before}").into(),
            },
            Self::Auth { target, message, why } => Self::Auth {
                target,
                message: format!("{message}; tried before: {before}").into(),
                why,
            },
            Self::Login { target, refused } => Self::Login {
                target: format!("{target} (tried before: {before})"),
                refused,
            },
            other => other,
        }
    }
}
