//! Which of several servers is suitable: libpq's `target_session_attrs`.

use super::super::url::DatabaseUrl;
use super::{Wire, WireError};

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerKind {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
}

/// The kinds to search for among all hosts, one after the other.
pub(super) fn wanted(url: &DatabaseUrl) -> &'static [ServerKind] {
    match url.parameter("target_session_attrs") {
        Some("read-write") => &[ServerKind::ReadWrite],
        Some("read-only") => &[ServerKind::ReadOnly],
        Some("primary") => &[ServerKind::Primary],
        Some("standby") => &[ServerKind::Standby],
        Some("prefer-standby") => &[ServerKind::Standby, ServerKind::Any],
        _ => &[ServerKind::Any],
    }
}

impl Wire {
    /// An error if the server is of another kind. Servers since 14 report their kind at the login; a pooler may not,
    /// and is queried.
    pub(super) async fn is_of(&mut self, kind: ServerKind) -> Result<(), WireError> {
        if kind == ServerKind::Any {
            return Ok(());
        }
        let is_standby = match self.is_standby {
            Some(known) => known,
            None => self.says("SELECT pg_catalog.pg_is_in_recovery()", "t").await?,
        };
        let is_read_only = match (is_standby, self.is_read_only) {
            (true, _) => true,
            (false, Some(known)) => known,
            (false, None) => self.says("SHOW transaction_read_only", "on").await?,
        };
        match kind {
            ServerKind::ReadWrite if is_read_only => Err(WireError::OtherKind("read-only")),
            ServerKind::ReadOnly if !is_read_only => Err(WireError::OtherKind("writable")),
            ServerKind::Primary if is_standby => Err(WireError::OtherKind("a standby")),
            ServerKind::Standby if !is_standby => Err(WireError::OtherKind("not a standby")),
            _ => Ok(()),
        }
    }

    async fn says(&mut self, sql: &str, yes: &str) -> Result<bool, WireError> {
        let rows = self.run(sql).await?;
        Ok(rows.first().and_then(|row| row.text(0)) == Some(yes))
    }
}
