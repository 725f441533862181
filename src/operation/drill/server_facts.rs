//! What the report and the certificate say of the scratch server beside its version.

use super::Drill;
use crate::{
    backup::{Collation, DrillServer},
    error::Result,
    postgres::Session,
};

/// The place of a server that was made for a drill.
const LOCAL: &str = "local";

impl Drill<'_> {
    /// Asks the restored database for its collation, and the server whether it is another one than was backed up. Two
    /// queries.
    pub(super) async fn look_at_server(&self, session: &mut Session, server: &mut DrillServer) -> Result<()> {
        server.collation = session.collation().await?.map(|found| Collation {
            locale: found.locale,
            version: found.version,
        });
        server.is_other = match server.place == LOCAL {
            true => Some(true),
            false => {
                let source = self.record.source.as_ref();
                let source = source.and_then(|source| source.server.identity.as_ref());
                let here = session.identity().await?;
                here.zip(source)
                    .map(|(here, source)| here.is_of_other_cluster(source.raw()))
            }
        };
        Ok(())
    }

    /// That texts are ordered by another version of collations than where the backup was made.
    pub(super) fn other_collations(&self, here: Option<&Collation>) -> Option<String> {
        let source = self.record.source.as_ref()?;
        let was = source.server.collation.as_ref()?.version.as_ref()?;
        let is = here?.version.as_ref()?;
        (was != is).then(|| {
            format!(
                "texts are ordered by collations of version {is} here, and of {was} where the backup was made: the \
                 order of some may differ; indexes were built anew"
            )
        })
    }
}
