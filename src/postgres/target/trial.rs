//! Finds the definitions of an archive that a server refuses, by running all of them in a transaction that is rolled
//! back.
//!
//! A role's attributes don't show which statements it may run: PostgreSQL reserves some for superusers, and platforms
//! grant some of these to their customers and revoke others. And an object that depends on one that can't be created
//! isn't always recorded as dependent in the table of contents (a view that uses a cast, a constraint that uses an
//! operator class). Only the server knows. The tables are empty, so this takes about as long as the creation of the
//! definitions.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::text::Untrusted;

/// The number of statements that are sent together. If one of them fails, each half is tried separately.
const TOGETHER: usize = 32;
/// The number of refusals after which the trial ends.
const REFUSALS_MAX: usize = 1000;

/// The result of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefinitionTrial {
    /// The refused statements, in order.
    pub refusals: Vec<DefinitionRefusal>,
    /// Why the trial ended early, as the server's message. Nothing is known about later statements.
    pub stopped: Option<Untrusted>,
}

/// A refused statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefinitionRefusal {
    /// Its index among the statements.
    pub index: usize,
    /// Whether the role lacks a right, or the platform has a rule against it.
    pub is_missing_right: bool,
    /// Whether the error is about values in rows, or missing rows.
    pub is_about_rows: bool,
    /// The server's message.
    pub message: Untrusted,
}

/// Sets up the session as `pg_restore` does, with time limits for a user who waits.
const BEGIN: &str = "
    BEGIN TRANSACTION READ WRITE;
    SET LOCAL search_path = '';
    SET LOCAL check_function_bodies = false;
    SET LOCAL xmloption = content;
    SET LOCAL row_security = off;
    SET LOCAL standard_conforming_strings = on;
    SET LOCAL client_min_messages = error;
    SET LOCAL lock_timeout = '5s';
    SET LOCAL statement_timeout = '2min';
    SET LOCAL application_name = 'pgcoffer trying the definitions'";

const SAVE: &str = "SAVEPOINT pgcoffer_trial;";
const KEEP: &str = "RELEASE SAVEPOINT pgcoffer_trial";
const BACK: &str = "ROLLBACK TO SAVEPOINT pgcoffer_trial; RELEASE SAVEPOINT pgcoffer_trial";

const LOCKS: &str = "
    SELECT pg_catalog.current_setting('max_locks_per_transaction')::pg_catalog.int8 OPERATOR(pg_catalog.*)
           (pg_catalog.current_setting('max_connections')::pg_catalog.int8 OPERATOR(pg_catalog.+)
            pg_catalog.current_setting('max_prepared_transactions')::pg_catalog.int8)";

impl Session {
    /// The number of locks that the server guarantees for all sessions together.
    ///
    /// # Errors
    /// A failed query.
    pub async fn guaranteed_locks(&mut self) -> Result<u64, Error> {
        self.number("read the capacity for locks", LOCKS).await
    }

    /// Runs the statements one after the other, and rolls all of them back. What they create is locked until then.
    ///
    /// # Errors
    /// A lost connection. What the server refuses is in the result.
    pub async fn try_definitions(&mut self, statements: &[&str]) -> Result<DefinitionTrial, Error> {
        const WHAT: &str = "try the definitions";
        let result = self.wire.run(BEGIN).await;
        result.map_err(|error| self.explained(WHAT, error))?;
        let trial = self.run_statements(WHAT, statements).await;
        if self.wire.is_in_transaction {
            let ended = self.wire.run("ROLLBACK").await;
            ended.map_err(|error| self.explained(WHAT, error))?;
        }
        trial
    }

    async fn run_statements(&mut self, what: &'static str, statements: &[&str]) -> Result<DefinitionTrial, Error> {
        let mut trial = DefinitionTrial::default();
        let starts = (0..statements.len()).step_by(TOGETHER).rev();
        let mut open: Vec<(usize, usize)> = starts
            .map(|start| (start, statements.len().min(start + TOGETHER)))
            .collect();
        while let Some((start, end)) = open.pop() {
            let together = statements[start..end].join("\n;\n");
            let sql = format!("{SAVE}\n{together}\n;{KEEP}");
            let error = match self.wire.run(&sql).await {
                Ok(_) => continue,
                Err(error) => self.explained(what, error),
            };
            let Error::Query { code, message, .. } = error else {
                return Err(error);
            };
            if ends_trial(&code) || trial.refusals.len() >= REFUSALS_MAX {
                trial.stopped = Some(message);
                break;
            }
            let back = self.wire.run(BACK).await;
            back.map_err(|error| self.explained(what, error))?;
            if end - start > 1 {
                let middle = start + (end - start) / 2;
                open.extend([(middle, end), (start, middle)]);
                continue;
            }
            trial.refusals.push(DefinitionRefusal {
                index: start,
                is_missing_right: RIGHTS.contains(&code.as_str()),
                is_about_rows: !code.starts_with("42"),
                message,
            });
        }
        Ok(trial)
    }
}

/// Missing right, and the trigger of a platform that refuses.
const RIGHTS: &[&str] = &["42501", "P0001"];

/// Whether an error is about the server or the moment, and not about the statement: memory and locks, a time limit, a
/// shutdown, files, a deadlock.
fn ends_trial(code: &str) -> bool {
    ["08", "40", "53", "55", "57"]
        .iter()
        .any(|class| code.starts_with(class))
}
