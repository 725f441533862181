//! The session that holds the advisory lock of a label.

use std::fmt;

use serde::Serialize;

use crate::text::Untrusted;

/// The session that holds a lock, as far as the server shows it. Any role that may connect to the database can take the
/// lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LockHolder {
    /// The id of the server process.
    pub pid: i32,
    /// The role; `None` if the server hides it.
    pub role: Option<Untrusted>,
    /// The application name; `None` if the server hides it.
    pub application: Option<Untrusted>,
    /// The client's address; `None` if the server hides it.
    pub address: Option<Untrusted>,
    /// When the session began; `None` if the server hides it.
    pub since: Option<Untrusted>,
    /// Whether it may be a run of the agent: it has the same login, and no other application name.
    pub may_be_own_run: bool,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server process {}", self.pid)?;
        let known = [
            ("of role", &self.role),
            ("calling itself", &self.application),
            ("from", &self.address),
            ("connected since", &self.since),
        ];
        for (what, value) in known {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                write!(f, ", {what} {value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_call_themselves_is_shown_escaped() {
        let holder = LockHolder {
            pid: 7,
            role: Some("a\nb".into()),
            application: Some("\u{1b}[2J".into()),
            address: None,
            since: Some("".into()),
            may_be_own_run: false,
        };
        assert_eq!(
            holder.to_string(),
            r"server process 7, of role a\nb, calling itself \u{1b}[2J"
        );
    }
}
