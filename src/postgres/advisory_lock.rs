//! The advisory locks that prevent two runs from backing up one database, or from restoring into one, at the same time,
//! and who holds them.

use sha2::{Digest, Sha256};

use super::error::Error;
use super::lock_holder::LockHolder;
use super::session::Session;
use crate::text::Untrusted;

/// The first of the two numbers of the agent's advisory locks: `pgcf` in ASCII.
const LOCK_CLASS: i32 = i32::from_be_bytes(*b"pgcf");

/// What stands for the label in the lock of a target. No label has a colon.
const TARGET_LOCK: &str = "restore:target";

impl Session {
    /// Takes the lock of a label in this database. It is held until the session ends. Does not wait for a holder.
    ///
    /// The lock is the session-level advisory lock of two numbers: 1885823846 (`pgcf` in ASCII), and the first four
    /// bytes of the label's SHA-256, big-endian and signed. To find it: `SELECT * FROM pg_locks WHERE locktype =
    /// 'advisory' AND classid = 1885823846`.
    ///
    /// # Errors
    /// [`Error::Locked`] if another run holds it, [`Error::LockTaken`] if another session does.
    pub async fn lock(&mut self, label: &str) -> Result<(), Error> {
        if self.takes_lock(label).await? {
            return Ok(());
        }
        // the holder is only for the message: if it can't be found, that is no further error
        let holder = self.lock_holder(label).await.ok().flatten().map(Box::new);
        let label = label.to_owned();
        Err(match holder {
            Some(holder) if !holder.may_be_own_run => Error::LockTaken { label, holder },
            holder => Error::Locked { label, holder },
        })
    }

    /// Takes the lock of this database as the target of a restore, held and found as that of a label is, with
    /// `restore:target` in the place of the label. Does not wait for a holder.
    ///
    /// # Errors
    /// [`Error::TargetLocked`] if another session holds it.
    pub async fn lock_target(&mut self) -> Result<(), Error> {
        if self.takes_lock(TARGET_LOCK).await? {
            return Ok(());
        }
        let holder = self.lock_holder(TARGET_LOCK).await.ok().flatten().map(Box::new);
        Err(Error::TargetLocked {
            target: self.target().to_owned(),
            holder,
        })
    }

    async fn takes_lock(&mut self, label: &str) -> Result<bool, Error> {
        const WHAT: &str = "take the lock";
        self.prepare_to_wait().await?;
        let number = lock_number(label);
        let sql = format!("SELECT pg_catalog.pg_try_advisory_lock({LOCK_CLASS}, '{number}')");
        let rows = self.rows(WHAT, &sql).await?;
        let is_taken = self.first(&rows, WHAT)?;
        if is_taken {
            self.lock_number = Some(number);
        }
        Ok(is_taken)
    }

    /// The session that holds the lock of a label, unless it is just ending. Doesn't take the lock.
    pub async fn lock_holder(&mut self, label: &str) -> Result<Option<LockHolder>, Error> {
        const WHAT: &str = "ask for the lock's holder";
        // the server shows both numbers as unsigned
        let number = u32::from_be_bytes(lock_number(label).to_be_bytes());
        let sql = format!(
            "SELECT l.pid, a.usename, a.application_name, pg_catalog.host(a.client_addr),
                    pg_catalog.date_trunc('second', a.backend_start), a.usename OPERATOR(pg_catalog.=) session_user,
                    a.pid IS NOT NULL
               FROM pg_catalog.pg_locks AS l LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid \
                   OPERATOR(pg_catalog.=) l.pid
              WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted
                AND l.database OPERATOR(pg_catalog.=)
                    (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname OPERATOR(pg_catalog.=) \
                        pg_catalog.current_database())
                AND l.classid OPERATOR(pg_catalog.=) {LOCK_CLASS}::pg_catalog.oid
                AND l.objid OPERATOR(pg_catalog.=) '{number}'::pg_catalog.oid AND l.objsubid OPERATOR(pg_catalog.=) 2
              LIMIT 1"
        );
        let rows = self.rows(WHAT, &sql).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        // the server reads its locks before its sessions, and one that ended in between is nobody's any more
        if !self.column(row, 6, WHAT)? {
            return Ok(None);
        }
        let text = |index| row.text(index).map(Untrusted::from);
        let (application, is_our_login) = (text(2), row.text(5) == Some("t"));
        // a role without the right to see other sessions gets no application name
        let calls_itself_else = application
            .as_ref()
            .is_some_and(|name| !name.is_empty() && !self.calls_itself(name.raw()));
        Ok(Some(LockHolder {
            pid: self.column(row, 0, WHAT)?,
            role: text(1),
            address: text(3),
            since: text(4),
            may_be_own_run: is_our_login && !calls_itself_else,
            application,
        }))
    }

    /// Whether any session holds the lock of a label, in whatever database of the server.
    pub(super) async fn is_locked_anywhere(&mut self, label: &str) -> Result<bool, Error> {
        const WHAT: &str = "look for a lock";
        let number = u32::from_be_bytes(lock_number(label).to_be_bytes());
        let sql = format!(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks AS l
              WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted
                AND l.classid OPERATOR(pg_catalog.=) {LOCK_CLASS}::pg_catalog.oid
                AND l.objid OPERATOR(pg_catalog.=) '{number}'::pg_catalog.oid AND l.objsubid OPERATOR(pg_catalog.=) 2)"
        );
        let rows = self.rows(WHAT, &sql).await?;
        self.first(&rows, WHAT)
    }

    /// Whether this session holds the lock with this number.
    pub(super) async fn holds(&mut self, number: i32) -> Result<bool, Error> {
        const WHAT: &str = "look at the lock";
        // the server shows both numbers as unsigned
        let number = u32::from_be_bytes(number.to_be_bytes());
        let sql = format!(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks AS l
              WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted AND l.pid OPERATOR(pg_catalog.=) \
                  pg_catalog.pg_backend_pid()
                AND l.classid OPERATOR(pg_catalog.=) {LOCK_CLASS}::pg_catalog.oid
                AND l.objid OPERATOR(pg_catalog.=) '{number}'::pg_catalog.oid AND l.objsubid OPERATOR(pg_catalog.=) 2)"
        );
        let rows = self.rows(WHAT, &sql).await?;
        self.first(&rows, WHAT)
    }

    /// Whether the session with this process id holds the lock with this number, in the same database as this session.
    pub(super) async fn sees_lock(&mut self, number: i32, process: i32) -> Result<bool, Error> {
        const WHAT: &str = "look for a lock";
        let number = u32::from_be_bytes(number.to_be_bytes());
        let sql = format!(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks AS l
                     JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) l.database
              WHERE l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted AND l.pid OPERATOR(pg_catalog.=) {process}
                AND d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
                AND l.classid OPERATOR(pg_catalog.=) {LOCK_CLASS}::pg_catalog.oid
                AND l.objid OPERATOR(pg_catalog.=) '{number}'::pg_catalog.oid AND l.objsubid OPERATOR(pg_catalog.=) 2)"
        );
        let rows = self.rows(WHAT, &sql).await?;
        self.first(&rows, WHAT)
    }

    pub(super) async fn unlock(&mut self) -> Result<(), Error> {
        let unlock = "SELECT pg_catalog.pg_advisory_unlock_all()";
        self.rows("release the lock", unlock).await.map(drop)
    }
}

fn lock_number(label: &str) -> i32 {
    let digest = Sha256::digest(label.as_bytes());
    i32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_numbers_are_as_documented() {
        assert_eq!(LOCK_CLASS, 1_885_823_846);
        // printf main | sha256sum
        assert_eq!(lock_number("main").to_be_bytes()[..2], [0x0d, 0x6e]);
    }
}
