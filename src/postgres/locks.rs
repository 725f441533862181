//! The locks that a dump takes: whether the server has the capacity for them, and which sessions block them.
//!
//! `pg_dump` locks every table before it begins and keeps each lock to the end. A restore in one transaction keeps a
//! lock on each object that it creates. A server has capacity for `max_locks_per_transaction` locks a session on
//! average, shared by all sessions.
//!
//! <https://www.postgresql.org/docs/current/runtime-config-locks.html>

use std::fmt;

use super::dumped::DUMPED;
use super::error::{Error, unless_refused};
use super::session::Session;
use super::sql::shown_relation;
use crate::text::{Untrusted, counted};

/// The number of objects that a dump locks, and the server's capacity. All zero if that can't be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockCapacity {
    /// The number of locks that a dump takes.
    pub needed: u64,
    /// The number of locks that the server guarantees for all sessions together.
    pub capacity: u64,
    /// `max_locks_per_transaction`.
    pub per_transaction: u64,
}

impl LockCapacity {
    /// Whether a dump needs more locks than the server guarantees. A server usually has some more, but other sessions
    /// need theirs.
    pub fn is_tight(self) -> bool {
        self.needed > self.capacity
    }

    /// Whether a dump needs more locks than the server can really give. A server also uses the rest of its shared
    /// memory: with PostgreSQL's default settings a dump failed at 1.64 times the guaranteed number on 15 and 16, and
    /// at 1.75 times on 18, and not at 1.5 and 1.63.
    pub fn is_too_small(self) -> bool {
        self.needed.saturating_mul(5) > self.capacity.saturating_mul(8)
    }

    /// The setting that gives half as many locks again as the dump needs.
    pub fn cure(self) -> String {
        let sessions = (self.capacity / self.per_transaction.max(1)).max(1);
        let wanted = (self.needed * 3 / 2).div_ceil(sessions).next_multiple_of(64);
        format!(
            "raise max_locks_per_transaction to {wanted} on the server, which needs a restart (ALTER SYSTEM SET \
             max_locks_per_transaction = {wanted}; providers offer it among their settings, and a standby needs it \
             first), or reduce the number of partitions"
        )
    }
}

impl fmt::Display for LockCapacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a dump locks {} tables, sequences and views at once, and the server has capacity for about {} locks of \
             all sessions (max_locks_per_transaction = {})",
            self.needed, self.capacity, self.per_transaction
        )
    }
}

/// A session, or a prepared transaction, that prevents others from reading a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    /// The session in words, as far as the server shows it.
    pub session: Untrusted,
    /// The number of tables.
    pub count: u64,
    /// One of the tables.
    pub table: Untrusted,
    /// Whether the session itself waits for the lock: later sessions wait behind it.
    pub waits: bool,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = match self.count {
            0 | 1 => String::new(),
            count => format!(" and {}", counted(count - 1, "more table")),
        };
        let state = if self.waits { "waits for" } else { "holds" };
        write!(
            f,
            "{} {state} a lock on {}{more} that excludes readers",
            self.session, self.table
        )
    }
}

/// `pg_dump` locks tables, sequences, whose values it reads, and views, whose definitions the server builds from the
/// tables that they read. Every process of the server that can hold locks adds to the capacity.
const CAPACITY: &str = r#"
    SELECT (SELECT pg_catalog.count(*) FROM dumped)
             OPERATOR(pg_catalog.+) (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c
                                       JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
                                      WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{v,m}'::pg_catalog."char"[])
                                        AND n.nspname OPERATOR(pg_catalog.!~) '^pg_' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'),
           pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int8 OPERATOR(pg_catalog.*)
             (SELECT pg_catalog.sum(s.setting::pg_catalog.int8) FROM pg_catalog.pg_settings AS s
               WHERE s.name OPERATOR(pg_catalog.=) ANY (ARRAY['max_connections', 'max_prepared_transactions', 'max_worker_processes',
                     'max_wal_senders', 'autovacuum_worker_slots', CASE WHEN VERSION THEN '' ELSE 'autovacuum_max_workers' END])),
           pg_catalog.current_setting('max_locks_per_transaction')"#;

/// The number of blockers that are named.
const BLOCKERS_MAX: usize = 5;

/// `pg_locks` shows all locks; the server hides their sessions from roles without the right to see them. A prepared
/// transaction has no process.
const BLOCKERS: &str = "
    , held AS (
        SELECT l.pid, l.virtualtransaction, d.nspname, d.relname, l.granted,
               pg_catalog.count(*) OVER (PARTITION BY l.pid, l.virtualtransaction) AS count,
               pg_catalog.row_number() OVER (PARTITION BY l.pid, l.virtualtransaction ORDER BY l.granted DESC, \
                   d.nspname, d.relname) AS place
          FROM pg_catalog.pg_locks AS l JOIN dumped AS d ON d.oid OPERATOR(pg_catalog.=) l.relation
         WHERE l.mode OPERATOR(pg_catalog.=) 'AccessExclusiveLock'
           AND l.database OPERATOR(pg_catalog.=)
               (SELECT b.oid FROM pg_catalog.pg_database AS b WHERE b.datname OPERATOR(pg_catalog.=) \
                   pg_catalog.current_database()))
    SELECT h.pid, a.usename, a.application_name, pg_catalog.date_trunc('second', a.xact_start), h.nspname, h.relname, \
        h.count, h.granted,
           (SELECT x.gid FROM pg_catalog.pg_prepared_xacts AS x JOIN pg_catalog.pg_locks AS o ON o.transactionid \
               OPERATOR(pg_catalog.=) x.transaction
             WHERE h.pid IS NULL AND o.pid IS NULL AND o.virtualtransaction OPERATOR(pg_catalog.=) \
                 h.virtualtransaction LIMIT 1)
      FROM held AS h LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid OPERATOR(pg_catalog.=) h.pid
     WHERE h.place OPERATOR(pg_catalog.=) 1 ORDER BY h.granted DESC, h.pid";

impl Session {
    /// The server's capacity for the locks of a dump.
    pub(super) async fn lock_capacity(&mut self) -> Result<LockCapacity, Error> {
        const WHAT: &str = "read the capacity for locks";
        let has_slots = self.server_major() >= 18;
        let sql = CAPACITY.replace("VERSION", if has_slots { "true" } else { "false" });
        let rows = self.rows(WHAT, &format!("WITH {DUMPED} {sql}")).await?;
        Ok(LockCapacity {
            needed: self.first(&rows, WHAT)?,
            capacity: self.column(&rows[0], 1, WHAT)?,
            per_transaction: self.column(&rows[0], 2, WHAT)?,
        })
    }

    /// The sessions that hold, or wait for, a lock on a dumped table that excludes readers. Most of the time that is
    /// running DDL.
    pub async fn blockers(&mut self) -> Result<Vec<Blocker>, Error> {
        const WHAT: &str = "look for locks";
        let sql = format!("WITH {DUMPED} {BLOCKERS} LIMIT {BLOCKERS_MAX}");
        let rows = unless_refused(self.rows(WHAT, &sql).await)?;
        let blocker = |row| {
            let text = |at| super::wire::Row::text(row, at).filter(|text| !text.is_empty());
            let mut session = match (text(0), text(8)) {
                (Some(pid), _) => format!("server process {pid}"),
                (None, Some(gid)) => format!("the prepared transaction {gid}"),
                (None, None) => "a prepared transaction".to_owned(),
            };
            for (what, value) in [
                (" of role ", text(1)),
                (", calling itself ", text(2)),
                (", in a transaction since ", text(3)),
            ] {
                if let Some(value) = value {
                    session.push_str(what);
                    session.push_str(value);
                }
            }
            let table = shown_relation(text(4).unwrap_or_default(), text(5).unwrap_or_default());
            Ok(Blocker {
                session: session.into(),
                count: self.column(row, 6, WHAT)?,
                table: table.into(),
                waits: text(7) != Some("t"),
            })
        };
        rows.iter().map(blocker).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::LockCapacity;

    #[test]
    fn the_cure_is_a_setting_that_does() {
        for needed in [5_000, 7_000, 15_000, 200_000] {
            let room = LockCapacity {
                needed,
                capacity: 7_808,
                per_transaction: 64,
            };
            let cure = room.cure();
            let wanted = cure.split(' ').nth(3).unwrap_or_default();
            let wanted: u64 = wanted.parse().unwrap_or_default();
            let raised = LockCapacity {
                capacity: 7_808 / 64 * wanted,
                per_transaction: wanted,
                ..room
            };
            assert!(!raised.is_tight(), "{cure}");
        }
    }
}
