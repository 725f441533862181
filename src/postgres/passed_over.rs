//! The hosts of a URL that were tried in vain before another one.

use std::fmt;

use super::error::Error;
use crate::text::Untrusted;

/// As many as are named one by one.
const SHOWN: usize = 5;

/// A host of several that was tried, and why another one was tried after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// `host:port`.
    pub place: String,
    /// What kept it from being the one.
    pub why: Untrusted,
    /// It answers, and is not of the kind that `target_session_attrs` asks for: nothing is wrong with it.
    pub is_other_kind: bool,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
}

/// The first of them, in one line.
pub fn list(all: &[PassedOver]) -> String {
    let mut text: Vec<String> = all.iter().take(SHOWN).map(PassedOver::to_string).collect();
    if all.len() > SHOWN {
        text.push(format!("and {} more", all.len() - SHOWN));
    }
    text.join("; ")
}

impl Error {
    /// The same, with the hosts that were tried before.
    pub(super) fn after_others(self, before: &[PassedOver]) -> Self {
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
