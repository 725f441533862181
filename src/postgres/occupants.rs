//! What stands in the way of a restore: the objects of users that a database has already.

use super::error::Error;
use super::session::Session;

impl Session {
    /// An error that names some of what is there, unless a restore would have the database to itself.
    pub async fn check_empty(&mut self) -> Result<(), Error> {
        let occupants = self.occupants().await?;
        if occupants.is_empty() {
            return Ok(());
        }
        Err(Error::TargetNotEmpty {
            database: self.database().to_owned(),
            occupants,
        })
    }

    /// Up to ten objects of users in this database, each with its kind, as `table public.orders`; empty if a
    /// restore has the place to itself. What belongs to an extension doesn't count, nor do the schemas that Heroku
    /// puts into every new database, and empty schemas of other roles.
    pub async fn occupants(&mut self) -> Result<Vec<String>, Error> {
        const WHAT: &str = "look for objects in the target";
        let rows = self.rows(WHAT, OCCUPANTS).await?;
        rows.iter().map(|row| self.column(row, 0, WHAT)).collect()
    }
}

/// <https://devcenter.heroku.com/changelog-items/2662> tells of `heroku_ext`.
const OCCUPANTS: &str = "
    WITH schemas AS (
        SELECT oid, nspname FROM pg_namespace
         WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', '_heroku', 'heroku_ext')),
    objects (rank, classid, objid, description) AS (
        SELECT CASE c.relkind WHEN 'S' THEN 2 ELSE 1 END, 'pg_class'::regclass::oid, c.oid,
               CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
                              WHEN 'f' THEN 'foreign table' ELSE 'table' END
               || format(' %I.%I', s.nspname, c.relname)
          FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
        UNION ALL
        SELECT 3, 'pg_proc'::regclass::oid, p.oid, format('function %I.%I(%s)', s.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
          FROM pg_proc p JOIN schemas s ON s.oid = p.pronamespace
        UNION ALL
        SELECT 3, 'pg_type'::regclass::oid, t.oid, format('type %I.%I', s.nspname, t.typname)
          FROM pg_type t JOIN schemas s ON s.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
         WHERE t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'b' AND t.typcategory <> 'A') OR c.relkind = 'c'
        UNION ALL
        SELECT 4, 'pg_largeobject'::regclass::oid, l.oid, 'large object ' || l.oid FROM pg_largeobject_metadata l
        UNION ALL
        SELECT 5, 'pg_namespace'::regclass::oid, s.oid, format('schema %I', s.nspname)
          FROM schemas s JOIN pg_namespace n ON n.oid = s.oid WHERE s.nspname <> 'public' AND n.nspowner = (SELECT oid FROM pg_roles WHERE rolname = current_user))
    SELECT description FROM objects o
     WHERE NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.classid AND d.objid = o.objid AND d.objsubid = 0 AND d.deptype IN ('e', 'i'))
     ORDER BY rank, description LIMIT 10";
