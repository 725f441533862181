//! Whether a database is one that is backed up. The servers are asked, since a database can have many addresses.

use super::{ReservedFault, ReservedRequest};
use crate::postgres::error::Error;
use crate::postgres::identity::has_same_address;
use crate::postgres::session::Session;
use crate::postgres::url::DatabaseUrl;

impl Session {
    /// Refuses a database that is backed up. Returns the labels of those that could not be asked.
    ///
    /// Two proofs count: the identity that the servers tell, which standbys share; and the lock that this session holds,
    /// which is seen in the same database alone, also where a server refuses to tell its identity. Both are one read,
    /// which also a pooler in transaction mode passes on.
    pub(super) async fn refuse_sources(
        &mut self,
        url: &DatabaseUrl,
        request: &ReservedRequest<'_>,
        identity: Option<&str>,
    ) -> Result<Vec<String>, Error> {
        if request.is_of_reserved {
            return Err(self.unusable(ReservedFault::OfReserved));
        }
        if identity.is_some() && identity == request.original {
            return Err(self.unusable(ReservedFault::IsOriginal));
        }
        self.refuse_backed_up(url, request.sources, identity).await
    }

    /// Refuses a database that is one of these. Returns the labels of those that could not be asked.
    pub(super) async fn refuse_backed_up(
        &mut self,
        url: &DatabaseUrl,
        sources: &[(String, DatabaseUrl)],
        identity: Option<&str>,
    ) -> Result<Vec<String>, Error> {
        let mut unasked = Vec::new();
        for (label, source) in sources {
            let is_same = match self.is_at(source, identity).await {
                Ok(is_same) => is_same,
                Err(error) => {
                    tracing::warn!("{label} can't be asked whether it is the database for drills: {error}");
                    unasked.push(label.clone());
                    has_same_address(url, source)
                }
            };
            if is_same {
                let label = label.clone();
                return Err(self.unusable(ReservedFault::IsSource { label }));
            }
        }
        Ok(unasked)
    }

    /// Whether the URL leads to the database of this session.
    async fn is_at(&mut self, url: &DatabaseUrl, identity: Option<&str>) -> Result<bool, Error> {
        // a pooler in any mode will do
        let mut other = Self::open(url).await?;
        let asked = async {
            let sees_lock = match self.lock_number {
                Some(number) => other.sees_lock(number, self.backend).await?,
                None => false,
            };
            let found = other.identity().await?.map(|found| found.to_string());
            Ok(sees_lock || (found.is_some() && found.as_deref() == identity))
        };
        let asked = asked.await;
        other.close().await;
        asked
    }
}
