//! What drills have left on a server that were killed.

use std::collections::BTreeSet;

use super::{MARK, PREFIX, ScratchRequest};
use crate::postgres::session::Session;

/// The age after which a database that nobody is connected to was left by a drill that was killed.
const ABANDONED_AFTER_SECONDS: i64 = 24 * 3600;

impl Session {
    /// Drops what drills of this owner have left that were killed: databases and roles by name, mark and age, databases
    /// only if nobody is connected. What can't be dropped is left for another time.
    pub(super) async fn drop_abandoned(&mut self, request: &ScratchRequest) {
        const WHAT: &str = "look for what killed drills have left";
        let look = format!(
            "SELECT d.datname, pg_catalog.shobj_description(d.oid, 'pg_database')
               FROM pg_catalog.pg_database AS d
              WHERE d.datname OPERATOR(pg_catalog.~) '^{PREFIX}[0-9a-f]{{12}}$'
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.datname \
                    OPERATOR(pg_catalog.=) d.datname)
             UNION ALL
             SELECT r.rolname, pg_catalog.shobj_description(r.oid, 'pg_authid') FROM pg_catalog.pg_roles AS r
              WHERE r.rolname OPERATOR(pg_catalog.~) '^{PREFIX}[0-9a-f]{{12}}$'"
        );
        let Ok(rows) = self.rows(WHAT, &look).await else {
            return;
        };
        let names: BTreeSet<&str> = rows
            .iter()
            .filter(|row| is_abandoned(row.text(1).unwrap_or_default(), request))
            .filter_map(|row| row.text(0))
            .collect();
        for name in names {
            match self.drop_scratch(name, Some(name)).await {
                Ok(()) => tracing::info!("dropped {name}, which a killed drill has left"),
                Err(error) => tracing::warn!("{name}, which a killed drill has left, can't be dropped: {error}"),
            }
        }
    }
}

/// Whether a comment says that a drill of the same owner has made its object, long ago.
fn is_abandoned(comment: &str, request: &ScratchRequest) -> bool {
    let marked = comment.strip_prefix(MARK).and_then(|rest| rest.strip_prefix(' '));
    let Some((owner, made)) = marked.and_then(|rest| rest.split_once(" at ")) else {
        return false;
    };
    let age = made.parse::<i64>().map(|made| request.now_seconds.saturating_sub(made));
    owner == request.owner && age.is_ok_and(|age| age > ABANDONED_AFTER_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::SecretText;

    #[test]
    fn what_others_have_made_or_what_is_new_is_not_abandoned() {
        let request = ScratchRequest {
            now_seconds: 1_000_000,
            owner: "abc".to_owned(),
            random: String::new(),
            encoding: String::new(),
            locale: Vec::new(),
            role: None,
            password: SecretText::new(String::new()),
            roles: BTreeSet::new(),
            memberships: Vec::new(),
            extensions: Vec::new(),
            owner_of_public: None,
            settings: Vec::new(),
        };
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
            assert_eq!(is_abandoned(&comment, &request), expected, "{comment}");
        }
    }
}
