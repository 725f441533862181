//! What `pg_dump` leaves out without an error: found beforehand and named, since nothing else would tell before it is
//! missed.
//!
//! On a standby nobody can read what is unlogged. The options of a user mapping, passwords most of all, are shown to
//! the mapped user, the server's owner or a superuser alone; subscriptions to superusers. An index that isn't valid
//! (`CREATE INDEX CONCURRENTLY` under way, or failed) is passed over, and the uniqueness that it was to keep with it.

use std::fmt;

use super::error::Error;
use super::inspect::DUMPED;
use super::session::Session;
use super::sql::{shown, shown_relation};
use crate::text::Untrusted;

/// Objects that are named; the rest is a number.
const NAMED: usize = 3;

/// Objects of one kind that a dump leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// What is left out.
    pub kind: OmittedKind,
    /// How many objects.
    pub count: u64,
    /// Some of them.
    pub some: Vec<Untrusted>,
}

/// What a dump leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OmittedKind {
    /// Rows of unlogged tables, on a standby.
    UnloggedRows,
    /// Where unlogged sequences stand, on a standby.
    UnloggedSequences,
    /// Options of user mappings that this role isn't shown.
    UserMappings,
    /// Subscriptions, by a role that is no superuser.
    Subscriptions,
    /// Indexes that aren't valid.
    InvalidIndexes,
}

const KINDS: [(&str, OmittedKind); 5] = [
    ("tables", OmittedKind::UnloggedRows),
    ("sequences", OmittedKind::UnloggedSequences),
    ("mappings", OmittedKind::UserMappings),
    ("subscriptions", OmittedKind::Subscriptions),
    ("indexes", OmittedKind::InvalidIndexes),
];

impl OmittedKind {
    fn what(self, count: u64) -> &'static str {
        let one = count == 1;
        match self {
            Self::UnloggedRows if one => "unlogged table",
            Self::UnloggedRows => "unlogged tables",
            Self::UnloggedSequences if one => "unlogged sequence",
            Self::UnloggedSequences => "unlogged sequences",
            Self::UserMappings if one => "user mapping",
            Self::UserMappings => "user mappings",
            Self::Subscriptions if one => "subscription",
            Self::Subscriptions => "subscriptions",
            Self::InvalidIndexes if one => "invalid index",
            Self::InvalidIndexes => "invalid indexes",
        }
    }

    fn missing(self) -> &'static str {
        match self {
            Self::UnloggedRows => "a standby has no rows of it, so the backup holds the table empty",
            Self::UnloggedSequences => {
                "a standby doesn't know where it stands, so a restore begins it anew, and what takes its numbers makes \
                 them twice"
            }
            Self::UserMappings => {
                "its options (user, password) are not shown to this role, so the backup holds it without them"
            }
            Self::Subscriptions => "it is shown to superusers only, so the backup lacks it",
            Self::InvalidIndexes => {
                "pg_dump passes over it, so the backup lacks it and the uniqueness that it is to keep"
            }
        }
    }

    /// The statement that lists all of them.
    fn list(self) -> &'static str {
        match self {
            Self::UnloggedRows => "SELECT oid::regclass FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'",
            Self::UnloggedSequences => {
                "SELECT oid::regclass FROM pg_class WHERE relpersistence = 'u' AND relkind = 'S'"
            }
            Self::UserMappings => "SELECT srvname, usename FROM pg_user_mappings WHERE umoptions IS NULL",
            Self::Subscriptions => "SELECT subname FROM pg_subscription",
            Self::InvalidIndexes => "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid",
        }
    }

    fn cure(self) -> &'static str {
        match self {
            Self::UnloggedRows => "back up from the primary, or make it logged: ALTER TABLE … SET LOGGED",
            Self::UnloggedSequences => {
                "back up from the primary, or make it logged: ALTER SEQUENCE … SET LOGGED; after a restore set it by \
                 pg_catalog.setval"
            }
            Self::UserMappings => {
                "keep them elsewhere, and after a restore give them anew: ALTER USER MAPPING FOR … SERVER … OPTIONS \
                 (ADD …); a superuser's backup has them"
            }
            Self::Subscriptions => {
                "keep its CREATE SUBSCRIPTION elsewhere; a superuser's backup has it, and a restore does not connect it"
            }
            Self::InvalidIndexes => {
                "if it is not being built just now: REINDEX INDEX CONCURRENTLY …, or DROP INDEX … where it is not \
                 wanted"
            }
        }
    }
}

impl Omitted {
    /// What to do about it, and where the names that are not shown come from.
    pub fn cure(&self) -> String {
        let rest = match self.count > self.some.len() as u64 {
            true => format!(". All of them: {}", self.kind.list()),
            false => String::new(),
        };
        format!("{}{rest}", self.kind.cure())
    }
}

impl fmt::Display for Omitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some: Vec<String> = self.some.iter().map(ToString::to_string).collect();
        let rest = match self.count > self.some.len() as u64 {
            true => ", …",
            false => "",
        };
        let (count, what) = (self.count, self.kind.what(self.count));
        let missing = self.kind.missing();
        write!(f, "{count} {what} ({}{rest}): {missing}", some.join(", "))
    }
}

/// As `pg_dump` decides, and `pg_user_mappings` shows: see their sources.
const OMITTED: &str = r#"
    , me AS (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user),
    omitted (kind, schema, name) AS (
        SELECT CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'S' THEN 'sequences' ELSE 'tables' END, d.nspname, d.relname
          FROM dumped AS d JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) d.oid
         WHERE c.relpersistence OPERATOR(pg_catalog.=) 'u' AND c.relkind OPERATOR(pg_catalog.<>) 'p' AND pg_catalog.pg_is_in_recovery()
        UNION ALL
        SELECT 'mappings', m.srvname, m.usename
          FROM pg_catalog.pg_user_mappings AS m JOIN pg_catalog.pg_foreign_server AS s ON s.oid OPERATOR(pg_catalog.=) m.srvid CROSS JOIN me
         WHERE m.umoptions IS NULL AND NOT me.rolsuper
           AND NOT CASE WHEN m.umuser OPERATOR(pg_catalog.=) 0 THEN pg_catalog.pg_has_role(s.srvowner, 'USAGE')
                        ELSE m.usename OPERATOR(pg_catalog.=) current_user AND (pg_catalog.pg_has_role(s.srvowner, 'USAGE')
                             OR pg_catalog.has_server_privilege(s.oid, 'USAGE')) END
        UNION ALL
        SELECT 'subscriptions', NULL, s.subname FROM pg_catalog.pg_subscription AS s CROSS JOIN me
         WHERE NOT me.rolsuper AND s.subdbid OPERATOR(pg_catalog.=)
               (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
        UNION ALL
        SELECT 'indexes', n.nspname, c.relname
          FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
               JOIN pg_catalog.pg_class AS t ON t.oid OPERATOR(pg_catalog.=) i.indrelid
               JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE NOT (i.indisready AND (i.indisvalid OR t.relkind OPERATOR(pg_catalog.=) 'p'))
           AND n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'),
    counted AS (
        SELECT o.kind, o.schema, o.name, pg_catalog.count(*) OVER (PARTITION BY o.kind) AS count,
               pg_catalog.row_number() OVER (PARTITION BY o.kind ORDER BY o.schema, o.name) AS place
          FROM omitted AS o)
    SELECT k.kind, k.schema, k.name, k.count FROM counted AS k"#;

impl Session {
    /// What a dump by this role leaves out.
    pub(super) async fn omitted(&mut self) -> Result<Vec<Omitted>, Error> {
        const WHAT: &str = "look for what a dump leaves out";
        let sql =
            format!("WITH {DUMPED} {OMITTED} WHERE k.place OPERATOR(pg_catalog.<=) {NAMED} ORDER BY k.kind, k.place");
        let rows = self.rows(WHAT, &sql).await?;
        let mut omitted: Vec<Omitted> = Vec::new();
        for row in &rows {
            let text = |at| row.text(at).unwrap_or_default();
            let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == text(0)) else {
                continue;
            };
            let name = match (kind, row.text(1)) {
                (OmittedKind::UserMappings, Some(server)) => {
                    format!("for {} at server {}", shown(text(2)), shown(server))
                }
                (_, Some(schema)) => shown_relation(schema, text(2)),
                (_, None) => shown(text(2)),
            };
            match omitted.last_mut() {
                Some(last) if last.kind == *kind => last.some.push(name.into()),
                _ => omitted.push(Omitted {
                    kind: *kind,
                    count: self.column(row, 3, WHAT)?,
                    some: vec![name.into()],
                }),
            }
        }
        Ok(omitted)
    }
}
