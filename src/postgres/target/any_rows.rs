//! Whether tables have rows.

use crate::postgres::error::Error;
use crate::postgres::session::Session;

/// The number of tables that are asked together. If that fails, each half is asked separately.
const TOGETHER: usize = 64;

/// Policies would run functions, so the query fails on them. A table whose rows were all deleted is read to its end, which
/// can take long.
const BEGIN: &str = "
    BEGIN TRANSACTION READ ONLY;
    SET LOCAL search_path = pg_catalog, pg_temp;
    SET LOCAL statement_timeout = '20s';
    SET LOCAL lock_timeout = '2s';
    SET LOCAL row_security = off;";

impl Session {
    /// Whether there are rows in each of these, which are texts that can follow FROM; `None` where the server doesn't say:
    /// the role may not read it, or the table is locked, or it takes too long.
    ///
    /// # Errors
    /// A lost connection.
    pub(super) async fn have_rows(&mut self, sources: &[String]) -> Result<Vec<Option<bool>>, Error> {
        let mut found = Vec::with_capacity(sources.len());
        for some in sources.chunks(TOGETHER) {
            found.extend(self.some_have_rows(some).await?);
        }
        Ok(found)
    }

    async fn some_have_rows(&mut self, sources: &[String]) -> Result<Vec<Option<bool>>, Error> {
        const WHAT: &str = "look for rows in the target's tables";
        let questions = sources.iter().map(|source| format!("EXISTS (SELECT FROM {source})"));
        let all = questions.collect::<Vec<_>>().join(", ");
        let result = self.wire.run(&format!("{BEGIN} SELECT {all}; ROLLBACK")).await;
        if result.is_err() && self.wire.is_in_transaction {
            // if this fails too, the next statement reports it
            let _ = self.wire.run("ROLLBACK").await;
        }
        match result.map_err(|error| self.explained(WHAT, error)) {
            Ok(rows) => {
                let answers = rows.iter().flat_map(|row| (0..sources.len()).map(move |at| (row, at)));
                answers.map(|(row, at)| self.column(row, at, WHAT).map(Some)).collect()
            }
            Err(Error::Query { .. }) if sources.len() > 1 => {
                let (first, second) = sources.split_at(sources.len() / 2);
                let mut found = Box::pin(self.some_have_rows(first)).await?;
                found.extend(Box::pin(self.some_have_rows(second)).await?);
                Ok(found)
            }
            Err(Error::Query { .. }) => Ok(vec![None]),
            Err(error) => Err(error),
        }
    }
}
