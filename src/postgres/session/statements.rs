//! Statements, each in a transaction, and what they answer.

use std::time::{Duration, Instant};

#[cfg(debug_assertions)]
use super::super::sql;
use super::super::{
    column::Column,
    error::Error,
    explain,
    wire::{Row, WireError},
};
use super::{Session, transaction::BYTES_AS_THEY_ARE};

/// A role's own statement timeout applies until the agent's is set, and such a cancellation says nothing about the
/// lock. A statement that is cancelled so quickly is run again, up to this many times.
const CANCELLED_MAX: u32 = 20;
const AT_ONCE: Duration = Duration::from_secs(5);

impl Session {
    /// Runs one statement in its own read-only transaction, with the simple protocol.
    pub(in crate::postgres) async fn rows(&mut self, what: &'static str, sql: &str) -> Result<Vec<Row>, Error> {
        let began = Instant::now();
        for _ in 0..CANCELLED_MAX {
            match self.rows_once(sql).await {
                Err(error) if error.is_cancelled() && began.elapsed() < AT_ONCE => {}
                Err(error) if error.is_unconvertible() => {
                    let rows = self.rows_of_any_encoding(sql).await;
                    return rows.map_err(|error| self.explained(what, error));
                }
                result => return result.map_err(|error| self.explained(what, error)),
            }
        }
        let result = self.rows_once(sql).await;
        result.map_err(|error| self.explained(what, error))
    }

    pub(in crate::postgres) async fn rows_once(&mut self, sql: &str) -> Result<Vec<Row>, WireError> {
        let result = self.rows_in_transaction(sql, "; COMMIT").await;
        self.roll_back_after(result).await
    }

    /// Ends the transaction in which a statement failed.
    async fn roll_back_after(&mut self, result: Result<Vec<Row>, WireError>) -> Result<Vec<Row>, WireError> {
        if result.is_err() && self.wire.is_in_transaction {
            // the statement has failed already; if this fails too, the next statement reports it
            let _ = self.wire.run("ROLLBACK").await;
        }
        result
    }

    /// The rows of one statement as bytes, each of them a character.
    pub(in crate::postgres) async fn rows_as_bytes(&mut self, sql: &str) -> Result<Vec<Row>, WireError> {
        let all = format!("{} {BYTES_AS_THEY_ARE} {sql}; COMMIT", self.begin);
        let result = self.wire.run_for_bytes(&all).await;
        self.roll_back_after(result).await
    }

    /// Begins a transaction, runs one statement in it, and then `end`.
    pub(in crate::postgres) async fn rows_in_transaction(
        &mut self,
        sql: &str,
        end: &str,
    ) -> Result<Vec<Row>, WireError> {
        #[cfg(debug_assertions)]
        if let Some(found) = sql::unqualified(sql) {
            panic!("a statement leaves {found} to the search_path: {sql}");
        }
        self.wire.run(&format!("{} {sql}{end}", self.begin)).await
    }

    /// The column of a row at an index.
    pub(in crate::postgres) fn column<T: Column>(
        &self,
        row: &Row,
        index: usize,
        what: &'static str,
    ) -> Result<T, Error> {
        T::read(row.text(index)).ok_or_else(|| Error::Query {
            target: self.target.clone(),
            what,
            code: String::new(),
            message: format!("column {index} has an unexpected value").into(),
        })
    }

    /// The statement's single result, a number that is not negative.
    pub(in crate::postgres) async fn number(&mut self, what: &'static str, sql: &str) -> Result<u64, Error> {
        let rows = self.rows(what, sql).await?;
        self.first(&rows, what)
    }

    /// The first value of the first row.
    pub(in crate::postgres) fn first<T: Column>(&self, rows: &[Row], what: &'static str) -> Result<T, Error> {
        let none = Row::default();
        self.column(rows.first().unwrap_or(&none), 0, what)
    }

    pub(in crate::postgres) fn explained(&self, what: &'static str, error: WireError) -> Error {
        explain::statement(&self.target, what, error)
    }
}
