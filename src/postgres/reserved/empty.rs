//! Empties a reserved database: drops everything that the role owns in it, but what was there before the first drill.
//!
//! A database may have more objects than one transaction can lock, so they are dropped in many: partitions before their
//! parents, large objects a few hundred at once. What can't be dropped keeps nothing else from it.

use std::collections::BTreeSet;

use super::ReservedFault;
use super::baseline::{Baseline, SCHEMA};
use crate::postgres::error::Error;
use crate::postgres::session::Session;
use crate::postgres::sql::{ident, literal};
use crate::text::Untrusted;

/// The number of objects that one transaction drops, with all that depends on them.
const BATCH: usize = 100;

/// The number of large objects that one transaction drops. Each takes a lock.
const LARGE_OBJECTS: usize = 500;

const WHAT: &str = "empty the reserved database";

/// The schemas that are in an empty database, whoever owns them.
const PLATFORM_SCHEMAS: [&str; 4] = ["public", "heroku_ext", "_heroku", SCHEMA];

/// The number of objects that are named.
const NAMED: usize = 10;

/// What the role owns in this database: the catalog and the oid of each object. Parts of objects and members of
/// extensions go with what they belong to. Event triggers are first, as they could prevent every other drop.
const OWNED: &str = "
    SELECT s.classid, s.objid
      FROM pg_catalog.pg_shdepend AS s
           JOIN pg_catalog.pg_database AS b ON b.oid OPERATOR(pg_catalog.=) s.dbid
           JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) s.refobjid
           LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) s.objid
                 AND s.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
           LEFT JOIN pg_catalog.pg_extension AS x ON x.oid OPERATOR(pg_catalog.=) s.objid
                 AND s.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
     WHERE b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
       AND s.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_authid'::pg_catalog.regclass
       AND r.rolname OPERATOR(pg_catalog.=) current_user
       AND s.deptype OPERATOR(pg_catalog.=) 'o' AND s.objsubid OPERATOR(pg_catalog.=) 0
       AND s.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_largeobject'::pg_catalog.regclass
       AND s.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_default_acl'::pg_catalog.regclass
       AND (n.nspname IS NULL OR n.nspname OPERATOR(pg_catalog.<>) ALL ({schemas}))
       AND (x.extname IS NULL OR x.extname OPERATOR(pg_catalog.<>) ALL ({extensions}))
       AND pg_catalog.concat(s.classid, '/', s.objid) OPERATOR(pg_catalog.{compared}) ('{{objects}}'::pg_catalog.text[])
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.classid OPERATOR(pg_catalog.=) s.classid AND d.objid OPERATOR(pg_catalog.=) s.objid
                          AND d.objsubid OPERATOR(pg_catalog.=) 0 AND d.deptype OPERATOR(pg_catalog.=) ANY \
                              ('{e,i}'::pg_catalog.\"char\"[]))
     ORDER BY CASE WHEN s.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_event_trigger'::pg_catalog.regclass THEN 0
                   WHEN x.oid IS NOT NULL THEN 4 WHEN n.oid IS NOT NULL THEN 5
                   WHEN s.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_class'::pg_catalog.regclass THEN 3
                   WHEN EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent OPERATOR(pg_catalog.=) \
                       s.objid) THEN 2
                   ELSE 1 END, s.objid
     LIMIT ";

/// Drops objects by catalog and oid, each in a transaction of its own inside this one. The server writes their names,
/// so no encoding of this session matters.
const DROP: &str = "
DECLARE
    one pg_catalog.int4;
    what pg_catalog.text;
    named pg_catalog.text;
BEGIN
    FOR one IN 1 .. pg_catalog.array_length(classes, 1) LOOP
        BEGIN
            SELECT CASE i.type
                       WHEN 'function' THEN 'ROUTINE' WHEN 'procedure' THEN 'ROUTINE' WHEN 'aggregate' THEN 'ROUTINE'
                       WHEN 'statistics object' THEN 'STATISTICS'
                       WHEN 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER'
                       ELSE i.type END, i.identity
              INTO what, named FROM pg_catalog.pg_identify_object(classes[one], objects[one], 0) AS i;
            IF named IS NOT NULL THEN
                EXECUTE pg_catalog.concat('DROP ', what, ' IF EXISTS ', named, ' CASCADE');
            END IF;
        EXCEPTION WHEN OTHERS THEN
            RAISE DEBUG '%', SQLERRM;
        END;
    END LOOP;
END";

const NEXT_LARGE_OBJECTS: &str = "
    SELECT l.oid FROM pg_catalog.pg_largeobject_metadata AS l
           JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) l.lomowner
     WHERE r.rolname OPERATOR(pg_catalog.=) current_user AND l.oid OPERATOR(pg_catalog.>) {after}::pg_catalog.oid
     ORDER BY l.oid LIMIT";

/// The grantees of the role's default privileges on one kind of object: name, and whether it is PUBLIC.
const GRANTEES: &str = "
    SELECT DISTINCT COALESCE(g.rolname, '')
      FROM pg_catalog.pg_default_acl AS a JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) a.defaclrole
           LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) a.defaclnamespace
           CROSS JOIN LATERAL pg_catalog.aclexplode(a.defaclacl) AS e
           LEFT JOIN pg_catalog.pg_roles AS g ON g.oid OPERATOR(pg_catalog.=) e.grantee
     WHERE r.rolname OPERATOR(pg_catalog.=) current_user";

/// An object of the role: the oid of its catalog, and its own.
struct OwnedObject {
    class: u32,
    oid: u32,
}

impl Session {
    /// Drops everything that the role owns, but what the baseline has. Returns what is in it afterwards: empty, or what
    /// can't be dropped.
    ///
    /// # Errors
    /// [`ReservedFault::DependedOn`] before anything is dropped, if something of another role would be dropped too.
    pub(super) async fn empty(&mut self, baseline: &Baseline) -> Result<Vec<Untrusted>, Error> {
        let objects = self.dependents_of_others(baseline).await?;
        if !objects.is_empty() {
            return Err(self.unusable(ReservedFault::DependedOn { objects }));
        }
        self.drop_large_objects().await?;
        self.drop_owned(baseline).await?;
        self.reset_default_privileges(baseline).await?;
        self.reset_settings(&baseline.settings).await?;
        self.strangers(baseline).await
    }

    /// Some of the objects of users in the database, but the mark: those that a restore would meet, and everything that
    /// emptying would drop if these extensions stayed. So no object is lost that isn't seen here first.
    pub(super) async fn strangers(&mut self, kept: &Baseline) -> Result<Vec<Untrusted>, Error> {
        let mut objects = self.existing_objects().await?;
        let mark = format!("schema {SCHEMA}");
        objects.retain(|object| object.raw() != mark);
        if objects.is_empty() {
            objects = self.named_owned(kept).await?;
        }
        Ok(objects)
    }

    /// Up to ten of the objects that emptying would drop, by name.
    async fn named_owned(&mut self, kept: &Baseline) -> Result<Vec<Untrusted>, Error> {
        let mut schemas = kept.schemas.clone();
        schemas.extend(PLATFORM_SCHEMAS.iter().map(|&schema| schema.to_owned()));
        let owned = OWNED
            .replace("{schemas}", &names(&schemas))
            .replace("{extensions}", &names(&kept.extensions))
            .replace("{compared})", "<>) ALL")
            .replace("{objects}", "");
        let query = format!(
            "SELECT pg_catalog.pg_describe_object(o.classid, o.objid, 0) FROM ({owned}{NAMED}) AS o (classid, objid)"
        );
        let rows = self.rows(WHAT, &query).await?;
        Ok(rows.iter().filter_map(|row| row.text(0)).map(Untrusted::from).collect())
    }

    async fn drop_owned(&mut self, baseline: &Baseline) -> Result<(), Error> {
        // an object can need another one gone first, so what failed is tried again while anything goes
        loop {
            let mut failed: Vec<OwnedObject> = Vec::new();
            let mut has_dropped = false;
            loop {
                let batch = self.owned(baseline, "<>) ALL", &failed).await?;
                if batch.is_empty() {
                    break;
                }
                self.drop_objects(&batch).await?;
                let left = self.owned(baseline, "=) ANY", &batch).await?;
                has_dropped |= left.len() < batch.len();
                failed.extend(left);
            }
            if failed.is_empty() || !has_dropped {
                return Ok(());
            }
        }
    }

    /// The next objects, of these or without these.
    async fn owned(
        &mut self,
        baseline: &Baseline,
        compared: &str,
        objects: &[OwnedObject],
    ) -> Result<Vec<OwnedObject>, Error> {
        let objects: Vec<String> = objects
            .iter()
            .map(|object| format!("{}/{}", object.class, object.oid))
            .collect();
        let query = OWNED
            .replace("{schemas}", &names(&baseline.schemas))
            .replace("{extensions}", &names(&baseline.extensions))
            .replace("{compared})", compared)
            .replace("{objects}", &objects.join(","));
        let rows = self.rows(WHAT, &format!("{query}{BATCH}")).await?;
        let read = |row| {
            Ok(OwnedObject {
                class: self.column(row, 0, WHAT)?,
                oid: self.column(row, 1, WHAT)?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn drop_objects(&mut self, objects: &[OwnedObject]) -> Result<(), Error> {
        let array = |numbers: Vec<String>| {
            format!(
                "CONSTANT pg_catalog.oid[] := '{{{}}}'::pg_catalog.oid[];",
                numbers.join(",")
            )
        };
        let classes = array(objects.iter().map(|object| object.class.to_string()).collect());
        let oids = array(objects.iter().map(|object| object.oid.to_string()).collect());
        let declared = format!("DECLARE\n    classes {classes}\n    objects {oids}");
        let body = DROP.replacen("DECLARE", &declared, 1);
        self.change(WHAT, &format!("DO $pgcoffer${body}$pgcoffer$")).await
    }

    async fn drop_large_objects(&mut self) -> Result<(), Error> {
        let mut after: u32 = 0;
        loop {
            let query = NEXT_LARGE_OBJECTS.replace("{after}", &after.to_string());
            let rows = self.rows(WHAT, &format!("{query} {LARGE_OBJECTS}")).await?;
            let mut oids: Vec<String> = Vec::new();
            for row in &rows {
                after = self.column(row, 0, WHAT)?;
                oids.push(after.to_string());
            }
            if oids.is_empty() {
                return Ok(());
            }
            let unlink = format!(
                "SELECT pg_catalog.lo_unlink(o) FROM pg_catalog.unnest('{{{}}}'::pg_catalog.oid[]) AS o",
                oids.join(",")
            );
            self.change(WHAT, &unlink).await?;
        }
    }

    /// Sets default privileges that a restore has changed to PostgreSQL's own.
    async fn reset_default_privileges(&mut self, baseline: &Baseline) -> Result<(), Error> {
        for (letter, schema) in self
            .default_privileges()
            .await?
            .difference(&baseline.default_privileges)
        {
            let Some(kind) = kind_of(letter) else {
                continue;
            };
            let place = match schema.as_str() {
                "" => String::new(),
                schema => format!(" IN SCHEMA {}", ident(schema)),
            };
            let query = format!(
                "{GRANTEES} AND a.defaclobjtype OPERATOR(pg_catalog.=) {} AND COALESCE(n.nspname, '') \
                 OPERATOR(pg_catalog.=) {}",
                literal(letter),
                literal(schema)
            );
            let alter = format!("ALTER DEFAULT PRIVILEGES{place}");
            for row in self.rows(WHAT, &query).await? {
                let grantee = match row.text(0) {
                    None | Some("") => "PUBLIC".to_owned(),
                    Some(role) => ident(role),
                };
                let revoke = format!("{alter} REVOKE ALL ON {kind} FROM {grantee}");
                self.change(WHAT, &revoke).await?;
            }
            if schema.is_empty() {
                let grant = format!("{alter} GRANT ALL ON {kind} TO CURRENT_USER");
                self.change(WHAT, &grant).await?;
                if ["FUNCTIONS", "TYPES"].contains(&kind) {
                    let grant = format!("{alter} GRANT ALL ON {kind} TO PUBLIC");
                    self.change(WHAT, &grant).await?;
                }
            }
        }
        Ok(())
    }
}

/// <https://www.postgresql.org/docs/current/catalog-pg-default-acl.html>
fn kind_of(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "r" => "TABLES",
        "S" => "SEQUENCES",
        "f" => "FUNCTIONS",
        "T" => "TYPES",
        "n" => "SCHEMAS",
        "L" => "LARGE OBJECTS",
        _ => return None,
    })
}

/// An array of names for SQL.
pub(super) fn names(names: &BTreeSet<String>) -> String {
    let names: Vec<String> = names.iter().map(|name| literal(name)).collect();
    format!("ARRAY[{}]::pg_catalog.text[]", names.join(", "))
}
