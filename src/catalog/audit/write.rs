//! Writes entries, each of which names those before it.

use bytes::Bytes;
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use crate::{
    backup::{AUDIT_VERSION, AuditEntry, AuditEvent, AuditName, audit_links},
    catalog::Catalog,
    error::{Error, Result},
    seal::{self, Content, PayloadCompression, RepositoryId, Secret, Subject},
    store::Attributes,
};

/// An entry is written before somebody is answered, so it isn't tried for minutes. The store tries again, too.
const WRITE_ATTEMPTS: u32 = 3;

/// What an entry is about.
struct ToWrite {
    event: AuditEvent,
    of: Option<AuditName>,
    after: Vec<AuditName>,
}

impl Catalog {
    /// Seals and stores an entry. `of`: the one with which it was asked for. Two or three listings, since it names those
    /// before it. Atomic, retried; safe to cancel: either it is stored as a whole or nothing is.
    ///
    /// # Errors
    /// Any error of the bucket; [`Error::Usage`] where no key is in use.
    pub async fn write_audit(&self, event: AuditEvent, of: Option<&AuditName>, now: Timestamp) -> Result<AuditName> {
        let repository = self.begin_repository().await?;
        let secret = self.keys.in_use().into_iter().next().ok_or_else(|| {
            Error::usage(
                "no key is in use that could seal the audit trail",
                "set PGCOFFER_KEY: a key that was retired seals nothing any more",
            )
        })?;
        // before the look: what another task writes meanwhile is not lost
        let known = self.known_audit().clone();
        let there = self.newest_audit(&known, now).await?;
        let lost = known.lost(&there, now);
        let entry = ToWrite {
            event,
            of: of.cloned(),
            after: audit_links(&there, &lost),
        };
        let mut random = [0; AuditName::RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(|e| Error::Internal(format!("no random bytes: {e}")))?;
        // a passphrase takes a tenth of a second, so it needs a blocking thread
        let sealing = spawn_blocking(move || seal_entry(repository, &secret, entry, (now, random)));
        let (name, sealed) = sealing.await.map_err(|e| Error::Internal(e.to_string()))??;
        let key = self.audit_key(&name);
        self.put_sealed(&key, sealed, &Attributes::default(), WRITE_ATTEMPTS)
            .await?;
        say_lost(&lost);
        let mut known = self.known_audit();
        known.learn(there);
        known.learn([name.clone()]);
        // this entry says so
        known.forget(&lost);
        Ok(name)
    }
}

fn say_lost(lost: &[AuditName]) {
    if let Some(newest) = lost.last() {
        tracing::error!(
            count = lost.len(),
            newest = newest.as_str(),
            "entries of the audit trail are gone that this program has seen there: somebody deleted them, or a rule of \
             the bucket did"
        );
    }
}

/// An entry's name and its sealed object.
fn seal_entry(
    repository: RepositoryId,
    secret: &Secret,
    entry: ToWrite,
    (now, random): (Timestamp, [u8; AuditName::RANDOM_BYTES]),
) -> Result<(AuditName, Bytes)> {
    let refused = |error| Error::seal("the audit trail", error);
    let identity = secret.identity(&repository, "").map_err(refused)?;
    let entry = AuditEntry {
        version: AUDIT_VERSION,
        repository,
        name: AuditName::new(&identity, now, random),
        of: entry.of,
        after: entry.after,
        event: entry.event.bounded(),
    };
    let subject = Subject {
        repository: &repository,
        backup: entry.name.as_str(),
        content: Content::Audit,
        compression: PayloadCompression::None,
        // it is about a place and not about one database
        database: "",
    };
    let sealed = seal::seal_bytes(&subject, std::slice::from_ref(secret), &entry.to_json());
    let sealed = sealed.map(Bytes::from).map_err(refused)?;
    Ok((entry.name, sealed))
}
