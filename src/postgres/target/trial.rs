//! What of an archive's definitions a server refuses, found by carrying all of them out in a transaction that is rolled
//! back.
//!
//! Which statements a role may not run can't be told from its attributes: PostgreSQL leaves some to superusers,
//! platforms give some of these to their customers and take others away, and what is built on a thing that can't be
//! made isn't always tied to it in the table of contents (a view that uses a cast, a constraint that uses an operator
//! class). The server knows. The tables are empty, so that this takes about as long as making the definitions does.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::text::Untrusted;

/// Statements that are sent together; where one of them fails, each half is tried by itself.
const TOGETHER: usize = 32;
/// Refusals after which no more are looked for.
const REFUSALS_MAX: usize = 1000;

/// What a trial came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// What was refused, in the order of the statements.
    pub refusals: Vec<Refusal>,
    /// Why it ended early, in the server's words: nothing is known of what comes behind.
    pub stopped: Option<Untrusted>,
}

/// A statement that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its place among the statements.
    pub place: usize,
    /// Whether it is a right that the role lacks, or a rule of the platform.
    pub is_right: bool,
    /// Whether it is about what stands in a row, or isn't in one.
    pub is_of_rows: bool,
    /// The server's words.
    pub message: Untrusted,
}

/// As `pg_restore` sets the session up, and not longer than somebody waits.
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
    /// How many locks all sessions together are promised.
    ///
    /// # Errors
    /// The connection.
    pub async fn locks_promised(&mut self) -> Result<u64, Error> {
        self.number("ask for the room for locks", LOCKS).await
    }

    /// Carries the statements out, one after the other, and takes all of it back. What they make is locked until then.
    ///
    /// # Errors
    /// The connection; what the server refuses is in the answer.
    pub async fn try_definitions(&mut self, statements: &[&str]) -> Result<Trial, Error> {
        const WHAT: &str = "try the definitions";
        let result = self.wire.run(BEGIN).await;
        result.map_err(|error| self.explained(WHAT, error))?;
        let trial = self.tried(WHAT, statements).await;
        if self.wire.is_in_transaction {
            let ended = self.wire.run("ROLLBACK").await;
            ended.map_err(|error| self.explained(WHAT, error))?;
        }
        trial
    }

    async fn tried(&mut self, what: &'static str, statements: &[&str]) -> Result<Trial, Error> {
        let mut trial = Trial::default();
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
            if ends_it(&code) || trial.refusals.len() >= REFUSALS_MAX {
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
            trial.refusals.push(Refusal {
                place: start,
                is_right: RIGHTS.contains(&code.as_str()),
                is_of_rows: !code.starts_with("42"),
                message,
            });
        }
        Ok(trial)
    }
}

/// No right, and the trigger of a platform that says no.
const RIGHTS: &[&str] = &["42501", "P0001"];

/// Whether it says something of the server or the moment rather than of the statement: memory and locks, a limit of
/// time, a shutdown, files, a deadlock.
fn ends_it(code: &str) -> bool {
    ["08", "40", "53", "55", "57"]
        .iter()
        .any(|class| code.starts_with(class))
}
