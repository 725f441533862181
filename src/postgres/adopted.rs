//! Objects that no dump holds, because somebody has added them to an extension.
//!
//! pg_dump takes it that an extension's own script makes its members again, and leaves them out. `ALTER EXTENSION …
//! ADD` makes a member of anything that one owns: a table is then in no backup, and what needs a schema, a type or a
//! function that went that way is in one that doesn't restore.
//!
//! <https://www.postgresql.org/docs/current/sql-alterextension.html>

use super::error::Error;
use super::session::Session;
use crate::text::Untrusted;

/// Objects that are named; the rest is a number.
const NAMED: usize = 3;
/// Extensions that are told of, each with a line of its own.
const EXTENSIONS_MAX: usize = 20;

/// What was added to one extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The extension.
    pub extension: Untrusted,
    /// How many objects.
    pub count: u64,
    /// Some of them, each with its kind: `table app.payroll`.
    pub some: Vec<Untrusted>,
}

impl Adopted {
    /// What to do about it.
    pub const CURE: &'static str = "unless the extension's own script makes them, have their owner take them out \
        again: ALTER EXTENSION … DROP … (psql lists all members by \\dx+)";
}

impl std::fmt::Display for Adopted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let some: Vec<String> = self.some.iter().map(ToString::to_string).collect();
        let rest = if self.count > some.len() as u64 { ", …" } else { "" };
        write!(
            f,
            "no dump holds what belongs to an extension, and to {} belong {} of ordinary roles: {}{rest}",
            self.extension,
            if self.count == 1 {
                "1 object".to_owned()
            } else {
                format!("{} objects", self.count)
            },
            some.join(", "),
        )
    }
}

/// Members whose owner is no superuser. What a trusted extension's script makes is a superuser's, whoever runs it, and
/// so is what a superuser's own makes; nobody else can have such an object added. Tables that an extension has declared
/// its configuration are dumped.
const ADOPTED: &str = "
    WITH adopted AS (
        SELECT x.extname, i.type, i.identity,
               pg_catalog.row_number() OVER (PARTITION BY x.extname ORDER BY d.classid, d.objid) AS place,
               pg_catalog.count(*) OVER (PARTITION BY x.extname) AS all_of_it
          FROM pg_catalog.pg_depend AS d
               JOIN pg_catalog.pg_extension AS x ON x.oid OPERATOR(pg_catalog.=) d.refobjid
               JOIN pg_catalog.pg_shdepend AS s ON s.classid OPERATOR(pg_catalog.=) d.classid AND s.objid \
                   OPERATOR(pg_catalog.=) d.objid
                    AND s.objsubid OPERATOR(pg_catalog.=) 0 AND s.deptype OPERATOR(pg_catalog.=) 'o'
               JOIN pg_catalog.pg_database AS b ON b.oid OPERATOR(pg_catalog.=) s.dbid
               JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) s.refobjid
               CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, 0) AS i
         WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
           AND d.deptype OPERATOR(pg_catalog.=) 'e' AND d.objsubid OPERATOR(pg_catalog.=) 0
           AND b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database() AND NOT r.rolsuper
           AND NOT (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.objid OPERATOR(pg_catalog.=) ANY (COALESCE(x.extconfig, '{}'::pg_catalog.oid[]))))
    SELECT extname, all_of_it, type, identity FROM adopted";

impl Session {
    /// What was added to extensions, by name of the extension.
    pub(super) async fn adopted(&mut self) -> Result<Vec<Adopted>, Error> {
        const WHAT: &str = "look at the members of extensions";
        let sql = format!(
            "{ADOPTED} WHERE place OPERATOR(pg_catalog.<=) {NAMED} ORDER BY extname, place LIMIT {}",
            NAMED * EXTENSIONS_MAX
        );
        let rows = self.rows(WHAT, &sql).await?;
        let mut adopted: Vec<Adopted> = Vec::new();
        for row in rows.iter().take(NAMED * EXTENSIONS_MAX) {
            let text = |at| row.text(at).unwrap_or_default();
            let object = Untrusted::from(format!("{} {}", text(2), text(3)));
            match adopted.last_mut() {
                Some(last) if last.extension.raw() == text(0) => last.some.push(object),
                _ => adopted.push(Adopted {
                    extension: text(0).into(),
                    count: self.column(row, 1, WHAT)?,
                    some: vec![object],
                }),
            }
        }
        Ok(adopted)
    }
}
