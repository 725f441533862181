//! Which entries an entry names, so that it is seen when somebody takes one away.
//!
//! Each entry names the newest ones that its writer saw, and those that the writer had seen or written before and that
//! were gone. To take one away unseen, somebody has to take away every later one that names it, and so on up to the
//! newest; and the newest ones are remembered by whoever has written them, as long as that program runs. Nothing needs a
//! turn for this: of several writers at once none sees the others' entry, and the next one names them all.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::AuditName;

/// How long an entry is kept: a year, and some weeks to look at it.
pub const AUDIT_KEPT_DAYS: i64 = 400;
/// The most entries that are named, and as many that are gone. More than several programs write while one entry is on
/// its way.
const NAMED_MAX: usize = 50;
/// What other machines' clocks may differ: so much before its time is over nobody misses an entry, as somebody may have
/// deleted it by a clock that is ahead; and what is dated so much ahead was written by a clock that was wrong.
const CLOCKS: SignedDuration = SignedDuration::from_hours(24);

/// The newest entries that this program has seen or written.
#[derive(Debug, Clone, Default)]
pub struct KnownAudit(BTreeSet<AuditName>);

impl KnownAudit {
    /// Those of them that are gone, of what is there, before their time was over.
    #[must_use]
    pub fn lost(&self, there: &BTreeSet<AuditName>, now: Timestamp) -> Vec<AuditName> {
        let lost = self.0.difference(there).filter(|name| audit_counts(name, now));
        lost.cloned().collect()
    }

    /// All of them.
    #[must_use]
    pub fn names(&self) -> &BTreeSet<AuditName> {
        &self.0
    }

    /// The months of which they are.
    #[must_use]
    pub fn months(&self) -> BTreeSet<String> {
        self.0.iter().map(AuditName::month).collect()
    }

    /// Remembers what is there.
    pub fn learn(&mut self, there: impl IntoIterator<Item = AuditName>) {
        self.0.extend(there);
        while self.0.len() > NAMED_MAX {
            self.0.pop_first();
        }
    }

    /// Forgets what is gone, once an entry says so.
    pub fn forget(&mut self, lost: &[AuditName]) {
        self.0.retain(|name| !lost.contains(name));
    }
}

/// What an entry names, the oldest first: the newest that are there, and what is lost.
#[must_use]
pub fn audit_links(there: &BTreeSet<AuditName>, lost: &[AuditName]) -> Vec<AuditName> {
    let newest = there.iter().rev().take(NAMED_MAX);
    let named: BTreeSet<AuditName> = newest.chain(lost).cloned().collect();
    named.into_iter().collect()
}

/// Whether an entry is one that has to be there, as far as its date says.
#[must_use]
pub fn audit_counts(name: &AuditName, now: Timestamp) -> bool {
    let age = now.duration_since(name.time());
    let kept = SignedDuration::from_hours(24 * AUDIT_KEPT_DAYS);
    age < kept.saturating_sub(CLOCKS) && age > -CLOCKS
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::seal::{DatabaseIdentity, MasterKey, RepositoryId, Secret};

    static IDENTITY: LazyLock<DatabaseIdentity> = LazyLock::new(|| {
        let repository = RepositoryId::of_generated(&"7".repeat(64)).unwrap();
        let secret = Secret::Key(MasterKey::generate().unwrap());
        secret.identity(&repository, "").unwrap()
    });
    const HOUR: i64 = 3600;

    fn now() -> Timestamp {
        "2026-11-20T03:00:00Z".parse().unwrap()
    }

    /// Names of entries of so many seconds ago.
    fn names(ago: impl IntoIterator<Item = i64>) -> BTreeSet<AuditName> {
        let name = |ago| AuditName::new(&IDENTITY, now() - SignedDuration::from_secs(ago), [0; 5]);
        ago.into_iter().map(name).collect()
    }

    fn list(names: BTreeSet<AuditName>) -> Vec<AuditName> {
        names.into_iter().collect()
    }

    #[test]
    fn the_newest_are_named_and_what_is_gone() {
        let there = names((1..=200).map(|n| n * 10));
        assert_eq!(audit_links(&there, &[]), list(names((1..=50).map(|n| n * 10))));
        let mut known = KnownAudit::default();
        known.learn(there.clone());
        assert_eq!(known.names().len(), 50);
        assert_eq!(known.lost(&there, now()), []);
        // the newest two, and one that is long out of mind
        let left: BTreeSet<AuditName> = there.difference(&names([10, 20, 2000])).cloned().collect();
        let lost = known.lost(&left, now());
        assert_eq!(lost, list(names([10, 20])));
        assert_eq!(audit_links(&left, &lost), list(names((1..=52).map(|n| n * 10))));
        known.forget(&lost);
        assert_eq!(known.lost(&left, now()), []);
        assert_eq!(audit_links(&BTreeSet::new(), &[]), []);
    }

    #[test]
    fn nobody_misses_what_is_old_or_was_dated_by_a_wrong_clock() {
        let day = 24 * HOUR;
        for (ago, is_missed) in [
            (-25 * HOUR, false),
            (-HOUR, true),
            (HOUR, true),
            (398 * day, true),
            (399 * day, false),
            (401 * day, false),
        ] {
            let one = names([ago]);
            assert_eq!(audit_counts(one.first().unwrap(), now()), is_missed, "{ago}");
            let mut known = KnownAudit::default();
            known.learn(one);
            assert_eq!(known.lost(&BTreeSet::new(), now()).len(), usize::from(is_missed));
        }
    }
}
