//! The audit trail: what is done in the dashboard, and who signs in there, sealed in the bucket.

use std::{collections::BTreeMap, time::Duration};

use super::Agent;
use crate::{
    backup::{AuditEntry, AuditEvent, AuditName},
    catalog::MissingAudit,
    error::Result,
    operation::{TrailPruned, prune_trail},
    store::{Error as StoreError, Kind},
    text::Untrusted,
};

/// After a stop was requested an entry is still written for so long: it says how the work ended that was stopped.
const GRACE: Duration = Duration::from_secs(10);
/// The time limit of writing an entry, as nothing is done before that and somebody waits.
const WRITE_MAX: Duration = Duration::from_secs(20);

/// The newest of what was done.
#[derive(Debug)]
pub struct AuditLines {
    /// The last one that was asked for first.
    pub lines: Vec<AuditLine>,
    /// Entries that are not what was sealed, each with its name and why.
    pub unreadable: Vec<(String, Untrusted)>,
    /// Entries that are gone before their time, the newest first.
    pub missing: Vec<MissingAudit>,
    /// Whether there are older ones.
    pub has_more: bool,
    /// How many folders have the name of a month in which no entry is looked for: more than three years ago, or yet to
    /// come.
    pub months_passed_over: usize,
}

/// Something that was done or tried.
#[derive(Debug)]
pub struct AuditLine {
    /// With what it was asked for; the only entry where it was done at once.
    pub entry: AuditEntry,
    /// How it ended. None where it was done at once, goes on, or was killed in the middle.
    pub ended: Option<AuditEntry>,
}

impl AuditLines {
    /// Whether every entry is there as it was sealed, as far as that can be seen.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unreadable.is_empty() && self.missing.is_empty()
    }
}

impl AuditLine {
    /// The entry that says how it ended, or how far it has come.
    #[must_use]
    pub fn last(&self) -> &AuditEntry {
        self.ended.as_ref().unwrap_or(&self.entry)
    }
}

impl Agent {
    /// Writes an entry of the audit trail, which takes [`WRITE_MAX`] at the most. `of`: the one with which it was asked
    /// for. Atomic; goes on for some seconds after a stop was requested.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub(crate) async fn write_audit(&self, event: AuditEvent, of: Option<&AuditName>) -> Result<AuditName> {
        let writing = async {
            let catalog = self.catalog().await?;
            catalog.write_audit(event, of, self.clock.now()).await
        };
        let written = async {
            let written = tokio::time::timeout(WRITE_MAX, Box::pin(writing)).await;
            written.unwrap_or_else(|_| {
                let why = format!("the bucket did not take it within {} seconds", WRITE_MAX.as_secs());
                Err(StoreError::new(Kind::Unreachable, "write an entry of the audit trail", why).into())
            })
        };
        self.interrupt.or_after(GRACE, written).await
    }

    /// The same for what nobody waits for. Where nothing was backed up yet, nothing is written: who signs in, or tries
    /// to, must not be the one that makes a repository of a place.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub(crate) async fn note_audit(&self, event: AuditEvent) -> Result<()> {
        let repository = self.catalog().await?.repository_here();
        match self.interrupt.or_after(GRACE, repository).await? {
            Some(_) => self.write_audit(event, None).await.map(drop),
            None => Ok(()),
        }
    }

    /// The newest `limit` lines of the audit trail; 0 for all.
    ///
    /// # Errors
    /// Any error of the bucket that concerns every object.
    pub async fn audit(&self, limit: usize) -> Result<AuditLines> {
        let limit = if limit == 0 { usize::MAX } else { limit };
        let catalog = self.catalog().await?;
        // what was asked for and how it ended are two
        let trail = self
            .interrupt
            .or(catalog.audit_trail(limit.saturating_mul(2), self.clock.now()));
        let trail = trail.await?;
        let mut lines = joined(trail.entries);
        let has_more = trail.has_more || lines.len() > limit;
        lines.truncate(limit);
        Ok(AuditLines {
            lines,
            unreadable: trail.unreadable,
            missing: trail.missing,
            has_more,
            months_passed_over: trail.months_passed_over,
        })
    }

    /// Deletes entries of the trail that are older than they are kept, and logs what came of it.
    ///
    /// # Errors
    /// Any error of the bucket while it is listed, and [`Error::Clock`](crate::error::Error::Clock).
    pub(crate) async fn prune_audit(&self, dry_run: bool) -> Result<TrailPruned> {
        let catalog = self.catalog().await?;
        if catalog.store().writes_only() {
            return Ok(TrailPruned::default());
        }
        let pruned = prune_trail(catalog, self.clock, dry_run, &self.interrupt).await?;
        pruned.log();
        Ok(pruned)
    }
}

/// What was asked for, each with how it ended. `entries`: newest first.
fn joined(entries: Vec<AuditEntry>) -> Vec<AuditLine> {
    let mut ended: BTreeMap<AuditName, AuditEntry> = BTreeMap::new();
    let mut lines = Vec::new();
    let (ends, begins): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.of.is_some());
    for end in ends {
        if let Some(of) = end.of.clone() {
            ended.insert(of, end);
        }
    }
    for entry in begins {
        let ended = ended.remove(&entry.name);
        lines.push(AuditLine { entry, ended });
    }
    // the one with which it was asked for is older than what was read, or can't be read: the other one says the same
    lines.extend(ended.into_values().map(|entry| AuditLine { entry, ended: None }));
    lines.sort_by(|one, other| other.entry.name.cmp(&one.entry.name));
    lines
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        backup::{AUDIT_VERSION, AuditAction, AuditOutcome, AuditRole},
        seal::{MasterKey, RepositoryId, Secret},
    };

    #[test]
    fn what_ended_is_shown_with_what_was_asked_for_and_what_was_killed_stands_open() {
        let secret = Secret::Key(MasterKey::generate().unwrap());
        let repository = RepositoryId::of_generated(&"7".repeat(64)).unwrap();
        let identity = secret.identity(&repository, "").unwrap();
        let entry = |second: i64, of: Option<&AuditEntry>, outcome| AuditEntry {
            version: AUDIT_VERSION,
            repository,
            name: AuditName::new(&identity, Timestamp::from_second(second).unwrap(), [0; 5]),
            of: of.map(|of| of.name.clone()),
            after: Vec::new(),
            event: AuditEvent {
                action: AuditAction::BackUp,
                outcome,
                who: "operator".into(),
                role: AuditRole::Operator,
                from: "127.0.0.1".into(),
                database: None,
                backup: None,
                detail: None,
                count: 1,
            },
        };
        let killed = entry(1_800_000_000, None, AuditOutcome::Asked);
        let asked = entry(1_800_000_010, None, AuditOutcome::Asked);
        let failed = entry(1_800_000_020, Some(&asked), AuditOutcome::Failed);
        let lost = entry(1_700_000_000, None, AuditOutcome::Asked);
        let alone = entry(1_800_000_030, Some(&lost), AuditOutcome::Done);
        let lines = joined(vec![alone.clone(), failed.clone(), asked.clone(), killed.clone()]);
        let shown: Vec<(&AuditEntry, AuditOutcome)> = lines
            .iter()
            .map(|line| (&line.entry, line.last().event.outcome))
            .collect();
        assert_eq!(
            shown,
            [
                (&alone, AuditOutcome::Done),
                (&asked, AuditOutcome::Failed),
                (&killed, AuditOutcome::Asked)
            ]
        );
    }
}
