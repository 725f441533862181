//! Questions to a scratch database after a restore, asked as the role that restored.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::text::Untrusted;

/// An index that can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidIndex {
    /// Its schema.
    pub schema: Untrusted,
    /// Its name.
    pub name: Untrusted,
}

/// What a statement of the user has returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckAnswer {
    /// The first column of the first row; `None` for NULL.
    Value(Option<Untrusted>),
    /// No row.
    Nothing,
    /// The server refused it, and said this.
    Refused(Untrusted),
    /// They were several statements, whose rows nobody can tell apart. Holds their number.
    Several(usize),
}

const INVALID_INDEXES: &str = "
    SELECT n.nspname, c.relname
      FROM pg_catalog.pg_index AS i
           JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) i.indexrelid
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE NOT i.indisvalid OR NOT i.indisready
     ORDER BY n.nspname, c.relname LIMIT 1000";

/// A constraint that rows were not checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedConstraint {
    /// The schema of its table or domain.
    pub schema: Untrusted,
    /// The name of its table or domain, a blank, and its own: as in a table of contents.
    pub name: Untrusted,
}

/// Those that partitions and children have from their parents are told with these.
const UNCHECKED_CONSTRAINTS: &str = "
    SELECT n.nspname, pg_catalog.concat(c.relname, t.typname, ' ', k.conname)
      FROM pg_catalog.pg_constraint AS k
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) k.connamespace
           LEFT JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) k.conrelid
           LEFT JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) k.contypid
     WHERE NOT k.convalidated AND k.conislocal AND k.conparentid OPERATOR(pg_catalog.=) 0
     ORDER BY 1, 2 LIMIT 1000";

impl Session {
    /// The constraints that rows were not checked against, at most 1,000.
    pub async fn unchecked_constraints(&mut self) -> Result<Vec<UncheckedConstraint>, Error> {
        const WHAT: &str = "look for constraints that were not checked";
        let mut found = Vec::new();
        for row in self.rows(WHAT, UNCHECKED_CONSTRAINTS).await? {
            let (schema, name): (String, String) = (self.column(&row, 0, WHAT)?, self.column(&row, 1, WHAT)?);
            found.push(UncheckedConstraint {
                schema: schema.into(),
                name: name.into(),
            });
        }
        Ok(found)
    }

    /// The indexes that can't be used, at most 1,000. A dump leaves such indexes out, so none came from the backup.
    pub async fn invalid_indexes(&mut self) -> Result<Vec<InvalidIndex>, Error> {
        const WHAT: &str = "look for invalid indexes";
        let mut found = Vec::new();
        for row in self.rows(WHAT, INVALID_INDEXES).await? {
            let (schema, name): (String, String) = (self.column(&row, 0, WHAT)?, self.column(&row, 1, WHAT)?);
            found.push(InvalidIndex {
                schema: schema.into(),
                name: name.into(),
            });
        }
        Ok(found)
    }

    /// Runs a statement of the user in a read-only transaction of its own, in which `public` is searched, and which
    /// ends after 5 min.
    ///
    /// # Errors
    /// A lost connection. What the server says about the statement is its answer.
    pub async fn run_check(&mut self, sql: &str) -> Result<CheckAnswer, Error> {
        const WHAT: &str = "run a statement of PGCOFFER_DRILL_SQL";
        const BEGIN: &str = "
            BEGIN TRANSACTION READ ONLY;
            SET LOCAL search_path = public, pg_catalog, pg_temp;
            SET LOCAL statement_timeout = '5min';
            SET LOCAL lock_timeout = '10s';
            SET LOCAL \"DateStyle\" = 'ISO';
            SET LOCAL \"TimeZone\" = 'UTC'";
        self.change(WHAT, BEGIN).await?;
        let answer = self.wire.run(sql).await;
        let statements = self.wire.completed;
        let ended = self.change(WHAT, "ROLLBACK").await;
        match answer.map_err(|error| self.explained(WHAT, error)) {
            Err(Error::Query { message, .. }) => Ok(CheckAnswer::Refused(message)),
            Err(error) => Err(error),
            Ok(_) if statements > 1 => {
                ended?;
                Ok(CheckAnswer::Several(statements))
            }
            Ok(rows) => {
                ended?;
                Ok(match rows.first() {
                    None => CheckAnswer::Nothing,
                    Some(row) => CheckAnswer::Value(row.text(0).map(Untrusted::from)),
                })
            }
        }
    }
}
