//! Finds objects that no dump contains, because they were added to an extension.
//!
//! pg_dump assumes that an extension's script creates all members of the extension, and leaves them out. `ALTER
//! EXTENSION … ADD` makes a member of any object that the role owns. A table is then in no backup, and objects that
//! need such a schema, type or function are in a backup that can't be restored.
//!
//! <https://www.postgresql.org/docs/current/sql-alterextension.html>

use super::error::Error;
use super::session::Session;
use crate::text::Untrusted;

/// The number of objects that are named for each extension.
const NAMED: usize = 3;
/// The number of extensions that are reported, each on its own line.
const EXTENSIONS_MAX: usize = 20;

/// Objects that were added to one extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedMembers {
    /// The extension's name.
    pub extension: Untrusted,
    /// The number of objects.
    pub count: u64,
    /// The first of them, each with its kind: `table app.payroll`.
    pub some: Vec<Untrusted>,
}

impl AddedMembers {
    /// What the user can do about it.
    pub const CURE: &'static str = "unless the extension's own script creates them, have their owner remove them from \
                                    the extension: ALTER EXTENSION … DROP … (psql lists all members by \\dx+)";
}

impl std::fmt::Display for AddedMembers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let some: Vec<String> = self.some.iter().map(ToString::to_string).collect();
        let rest = if self.count > some.len() as u64 { ", …" } else { "" };
        write!(
            f,
            "no dump contains the members of an extension, and {} has {} of ordinary roles: {}{rest}",
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

/// Members whose owner is not a superuser. Objects that the script of a trusted extension creates belong to a
/// superuser, whichever role runs it, and only a superuser can add an object of a superuser. Configuration tables of an
/// extension are dumped.
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
    /// The objects that were added to extensions, ordered by the extension's name.
    pub(super) async fn added_members(&mut self) -> Result<Vec<AddedMembers>, Error> {
        const WHAT: &str = "look at the members of extensions";
        let sql = format!(
            "{ADOPTED} WHERE place OPERATOR(pg_catalog.<=) {NAMED} ORDER BY extname, place LIMIT {}",
            NAMED * EXTENSIONS_MAX
        );
        let rows = self.rows(WHAT, &sql).await?;
        let mut added_members: Vec<AddedMembers> = Vec::new();
        for row in rows.iter().take(NAMED * EXTENSIONS_MAX) {
            let text = |at| row.text(at).unwrap_or_default();
            let object = Untrusted::from(format!("{} {}", text(2), text(3)));
            match added_members.last_mut() {
                Some(last) if last.extension.raw() == text(0) => last.some.push(object),
                _ => added_members.push(AddedMembers {
                    extension: text(0).into(),
                    count: self.column(row, 1, WHAT)?,
                    some: vec![object],
                }),
            }
        }
        Ok(added_members)
    }
}
