//! The collation of a database: in which order its texts stand, and by which version of whose library.

use super::error::{Error, unless_refused};
use super::session::Session;
use crate::text::Untrusted;

/// The first major version that says which version of a collation a database uses.
const VERSIONS_FROM: u32 = 15;
/// The first one in which every provider has its locale in one column.
const ONE_LOCALE_FROM: u32 = 17;

/// The collation of a database as its server has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollationInUse {
    /// The locale.
    pub locale: Untrusted,
    /// The version of the collation in the library that provides it; none where it has none, as the locale C.
    pub version: Option<Untrusted>,
}

impl Session {
    /// The collation of the database, by the catalog and by the library that the server uses now. One query. None from a
    /// server before 15, which doesn't say its version, and from one that refuses to.
    pub async fn collation(&mut self) -> Result<Option<CollationInUse>, Error> {
        const WHAT: &str = "look at the database's collation";
        let locale = match self.server_major() {
            0..VERSIONS_FROM => return Ok(None),
            VERSIONS_FROM..ONE_LOCALE_FROM => "COALESCE(d.daticulocale, d.datcollate)",
            _ => "COALESCE(d.datlocale, d.datcollate)",
        };
        let sql = format!(
            "SELECT {locale}, pg_catalog.pg_database_collation_actual_version(d.oid) FROM pg_catalog.pg_database AS d \
             WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"
        );
        let rows = unless_refused(self.rows(WHAT, &sql).await)?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let locale: String = self.column(row, 0, WHAT)?;
        let version: Option<String> = self.column(row, 1, WHAT)?;
        Ok(Some(CollationInUse {
            locale: locale.into(),
            version: version.map(Untrusted::from),
        }))
    }
}
