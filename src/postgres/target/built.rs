//! How many indexes, keys and materialized views a database has: what of a restore is made behind the rows.

use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::text::Untrusted;

/// Tables whose names are shown of those on which an index is being made.
const SHOWN: usize = 3;

/// A transaction sees what others have committed.
const BUILT: &str = "
    SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_index),
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_constraint AS c
             WHERE c.contype OPERATOR(pg_catalog.=) 'f'
               AND c.conparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid),
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class AS c
             WHERE c.relkind OPERATOR(pg_catalog.=) 'm' AND c.relispopulated)";

const UNDER_WAY: &str = "
    SELECT n.nspname, c.relname
      FROM pg_catalog.pg_stat_progress_create_index AS p
           JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) p.relid
           JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE p.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
     GROUP BY 1, 2 ORDER BY 1, 2";

/// How many there are of what is made behind the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuiltObjects {
    /// Indexes, with those of keys.
    pub indexes: u64,
    /// Foreign keys, without those of single partitions.
    pub foreign_keys: u64,
    /// Materialized views that hold rows.
    pub filled_views: u64,
}

impl Session {
    /// Counts what is made behind the rows.
    ///
    /// # Errors
    /// A failed query.
    pub async fn built_objects(&mut self) -> Result<BuiltObjects, Error> {
        const WHAT: &str = "count indexes and keys";
        let rows = self.rows(WHAT, BUILT).await?;
        let row = rows.first().cloned().unwrap_or_default();
        Ok(BuiltObjects {
            indexes: self.column(&row, 0, WHAT)?,
            foreign_keys: self.column(&row, 1, WHAT)?,
            filled_views: self.column(&row, 2, WHAT)?,
        })
    }

    /// The tables on which an index is being made, in words; empty where the server shows none.
    ///
    /// # Errors
    /// A failed query.
    pub async fn tables_being_indexed(&mut self) -> Result<Untrusted, Error> {
        const WHAT: &str = "look at indexes that are being made";
        let rows = self.rows(WHAT, UNDER_WAY).await?;
        let mut names = Vec::new();
        for row in rows.iter().take(SHOWN) {
            let (schema, name): (String, String) = (self.column(row, 0, WHAT)?, self.column(row, 1, WHAT)?);
            names.push(format!("{schema}.{name}"));
        }
        if rows.len() > SHOWN {
            names.push(format!("{} more", rows.len() - SHOWN));
        }
        Ok(names.join(", ").into())
    }
}
