//! Objects that `pg_dump` leaves out without an error. They are found before the dump and named, since otherwise nobody
//! would notice until they are missing.
//!
//! On a standby unlogged tables can't be read. The options of a user mapping, such as passwords, are visible only to
//! the mapped user, the server's owner and superusers; subscriptions only to superusers. An index that isn't valid
//! (`CREATE INDEX CONCURRENTLY` running or failed) is skipped, with the uniqueness that it should guarantee.

use std::fmt;

use super::dumped::DUMPED;
use super::error::Error;
use super::session::Session;
use super::sql::{shown, shown_relation};
use crate::text::Untrusted;

/// The number of objects that are named; of the rest only the number is given.
const NAMED: usize = 3;

/// Objects of one kind that a dump leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omitted {
    /// The kind.
    pub kind: OmittedKind,
    /// The number of objects.
    pub count: u64,
    /// The names of the first objects.
    pub some: Vec<Untrusted>,
}

/// The kinds of objects that a dump leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OmittedKind {
    /// Rows of unlogged tables, on a standby.
    UnloggedRows,
    /// Values of unlogged sequences, on a standby.
    UnloggedSequences,
    /// Options of user mappings that this role has no right to see.
    UserMappings,
    /// Subscriptions, if the role isn't a superuser.
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
            Self::UnloggedRows => "a standby has no rows of it, so the table is empty in the backup",
            Self::UnloggedSequences => {
                "a standby doesn't know its value, so after a restore it starts again and gives numbers a second time"
            }
            Self::UserMappings => {
                "its options (user, password) are hidden from this role, so the backup has it without them"
            }
            Self::Subscriptions => "it is visible only to superusers, so the backup lacks it",
            Self::InvalidIndexes => {
                "pg_dump skips it, so the backup lacks it and the uniqueness that it should guarantee"
            }
        }
    }

    /// The statement that lists all objects of the kind.
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
            Self::UnloggedRows => "back up from the primary, or make the table logged: ALTER TABLE … SET LOGGED",
            Self::UnloggedSequences => {
                "back up from the primary, or make the sequence logged: ALTER SEQUENCE … SET LOGGED; after a restore, \
                 set its value with pg_catalog.setval"
            }
            Self::UserMappings => {
                "store them elsewhere, and set them after a restore: ALTER USER MAPPING FOR … SERVER … OPTIONS (ADD \
                 …); a superuser's backup contains them"
            }
            Self::Subscriptions => {
                "store its CREATE SUBSCRIPTION elsewhere; a superuser's backup contains it, and a restore does not \
                 connect it"
            }
            Self::InvalidIndexes => {
                "unless it is being built right now: REINDEX INDEX CONCURRENTLY …, or DROP INDEX … if you don't need it"
            }
        }
    }
}

impl Omitted {
    /// What the user can do about it, with a statement that lists all names if not all are shown.
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

/// Follows the rules of `pg_dump` and `pg_user_mappings`, taken from their sources.
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
    /// The objects that a dump by this role leaves out.
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
