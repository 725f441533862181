//! The language of a server's messages. PostgreSQL's programs repeat the messages without their SQLSTATE, in the
//! server's language (`lc_messages`).

use std::fmt::Write as _;

use super::error::Error;
use super::session::Session;

/// The language of the server's messages to a child process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageLanguage {
    /// English.
    English,
    /// Another language, and this role can change it for its session.
    Switchable,
    /// Another or an unknown language: no cause may be read from the messages.
    #[default]
    Unknown,
}

/// A text of the server that is translated like its messages. The settings alone (`lc_messages`, and `LANGUAGE` in its
/// environment) don't show which translations are installed.
const LANGUAGE: &str = "
    SELECT s.short_desc OPERATOR(pg_catalog.=) 'Sets the maximum number of concurrent connections.',
           (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user)
      FROM pg_catalog.pg_settings AS s WHERE s.name OPERATOR(pg_catalog.=) 'max_connections'";

/// Privileges on settings exist since 15.
const MAY_SET: &str = "SELECT pg_catalog.has_parameter_privilege('lc_messages', 'SET')";

impl Session {
    /// The language of the server's messages to child processes with this session's login.
    pub async fn message_language(&mut self) -> Result<MessageLanguage, Error> {
        const WHAT: &str = "ask for the server's language";
        let rows = self.rows(WHAT, LANGUAGE).await?;
        if self.first(&rows, WHAT)? {
            return Ok(MessageLanguage::English);
        }
        let mut may_set: bool = self.column(&rows[0], 1, WHAT)?;
        if !may_set && self.server_major() >= 15 {
            let rows = self.rows(WHAT, MAY_SET).await?;
            may_set = self.first(&rows, WHAT)?;
        }
        // poolers don't accept settings
        Ok(if may_set && !self.is_pooled() {
            MessageLanguage::Switchable
        } else {
            MessageLanguage::Unknown
        })
    }
}

/// The first SQLSTATE, which `psql` shows after the severity in any language: `FEHLER:  42501: …`.
pub(super) fn sqlstate(text: &str) -> Option<&str> {
    text.match_indices(":  ").find_map(|(at, _)| {
        let (code, rest) = text[at + 3..].split_at_checked(5)?;
        let is_code = code.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
        (is_code && rest.starts_with(": ")).then_some(code)
    })
}

/// The text without everything between double quotes on each line, as names can contain any text.
pub(super) fn without_names(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for line in text.lines() {
        for part in line.split('"').step_by(2) {
            words.push_str(part);
        }
        let _ = writeln!(words);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_behind_a_severity() {
        assert_eq!(sqlstate("psql:<stdin>:1: FEHLER:  42501: keine"), Some("42501"));
        assert_eq!(sqlstate("ERROR:  relation t already exists"), None);
        assert_eq!(sqlstate("ERROR:  ÄÖÜ"), None);
    }
}
