//! What drills have left on a server that were killed.

use super::{MARK, PREFIX, ScratchRequest};
use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::ident;

/// The age after which what nobody uses was left by a drill that was killed, by the server's clock.
const ABANDONED_AFTER_SECONDS: i64 = 24 * 3600;

/// Databases without a session: in them, or of the role that is named as they are, which restores into them.
const DATABASES: &str = "
    SELECT d.datname, pg_catalog.shobj_description(d.oid, 'pg_database') FROM pg_catalog.pg_database AS d
     WHERE d.datname OPERATOR(pg_catalog.~) '^{prefix}[0-9a-f]{12}$'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a
                        WHERE a.datname OPERATOR(pg_catalog.=) d.datname OR a.usename OPERATOR(pg_catalog.=) d.datname)";

/// Roles without a session and without the database that is named as they are.
const ROLES: &str = "
    SELECT r.rolname, pg_catalog.shobj_description(r.oid, 'pg_authid') FROM pg_catalog.pg_roles AS r
     WHERE r.rolname OPERATOR(pg_catalog.~) '^{prefix}[0-9a-f]{12}$'
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.usename OPERATOR(pg_catalog.=) r.rolname)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_database AS d WHERE d.datname OPERATOR(pg_catalog.=) r.rolname)";

impl Session {
    /// Drops what drills of this owner have left that were killed: databases first, then roles, each by its name, its own
    /// mark and its age. Nothing that has a session, or whose drill holds its lock, is dropped; a session that begins
    /// meanwhile makes the server refuse. What can't be dropped is left for another time.
    pub(super) async fn drop_abandoned(&mut self, request: &ScratchRequest) {
        for (kind, look) in [("DATABASE", DATABASES), ("ROLE", ROLES)] {
            let Ok(names) = self.abandoned(look, request).await else {
                return;
            };
            for name in names {
                // without FORCE: a database that somebody uses stays
                let drop = format!("DROP {kind} IF EXISTS {}", ident(&name));
                match self.change("drop what a killed drill has left", &drop).await {
                    Ok(()) => tracing::info!("dropped {name}, which a killed drill has left"),
                    Err(error) => tracing::warn!("{name}, which a killed drill has left, can't be dropped: {error}"),
                }
            }
        }
    }

    async fn abandoned(&mut self, look: &str, request: &ScratchRequest) -> Result<Vec<String>, Error> {
        const WHAT: &str = "look for what killed drills have left";
        let now = self.server_seconds().await?;
        let mut names = Vec::new();
        for row in self.rows(WHAT, &look.replace("{prefix}", PREFIX)).await? {
            let name: String = self.column(&row, 0, WHAT)?;
            let is_old = is_abandoned(row.text(1).unwrap_or_default(), &request.owner, now);
            if is_old && !self.is_locked_anywhere(&name).await? {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// Whether a comment says that a drill of this owner has made its object, long before `now`.
fn is_abandoned(comment: &str, by: &str, now: i64) -> bool {
    let marked = comment.strip_prefix(MARK).and_then(|rest| rest.strip_prefix(' '));
    let Some((owner, made)) = marked.and_then(|rest| rest.split_once(" at ")) else {
        return false;
    };
    let age = made.parse::<i64>().map(|made| now.saturating_sub(made));
    owner == by && age.is_ok_and(|age| age > ABANDONED_AFTER_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_made_or_what_is_new_is_not_abandoned() {
        let day = ABANDONED_AFTER_SECONDS;
        for (comment, expected) in [
            (format!("{MARK} abc at {}", 1_000_000 - day - 1), true),
            (format!("{MARK} abc at {}", 1_000_000 - day), false),
            (format!("{MARK} abd at 0"), false),
            (format!("{MARK} abc at"), false),
            (format!("{MARK}abc at 0"), false),
            (format!("{MARK} abc at soon"), false),
            (format!("about {MARK} abc at 0"), false),
            (String::new(), false),
        ] {
            assert_eq!(is_abandoned(&comment, "abc", 1_000_000), expected, "{comment}");
        }
    }
}
