use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    DeleteReason, FAILED_KEPT, KeepReason, RetentionOutcome, RetentionPolicy, RetentionRun, RetentionVerdict, TagState,
    periods::Periods,
};
use crate::backup::{BackupId, Retention, Served};

/// What every verdict depends on.
pub(super) struct Rules<'a> {
    now: Timestamp,
    policy: RetentionPolicy,
    /// The newest run that didn't start in the future.
    newest: Option<&'a RetentionRun>,
    /// The newest run that says something about the database: not one for which the bucket was full.
    informative: Option<&'a RetentionRun>,
    floor: HashSet<&'a BackupId>,
    /// For each number of days, the newest good run that has been in the bucket for so long.
    elders: HashMap<&'a BackupId, i64>,
    periods: Periods<'a>,
}

/// When a retention ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    At(Timestamp),
    Never,
}

impl<'a> Rules<'a> {
    pub(super) fn new(newest_first: &[&'a RetentionRun], policy: RetentionPolicy, now: Timestamp) -> Self {
        let timely = || newest_first.iter().copied().filter(|run| !run.is_ahead(now));
        let good = || timely().filter(|run| run.outcome == RetentionOutcome::Good);
        let counting = || good().filter(|run| run.counts);
        // runs that count are protected from those that don't, and if none counts, others are protected anyway
        let elder = |days: i64| {
            let stood = SignedDuration::from_hours(24 * days);
            let stood = |run: &&RetentionRun| run.stood(now) >= stood;
            let elders = [counting().find(stood), good().find(stood)];
            let elders = elders.into_iter().flatten();
            elders.map(move |run| (&run.id, days))
        };
        let keep_last = usize::try_from(policy.keep_last.get()).unwrap_or(usize::MAX);
        Self {
            now,
            policy,
            newest: timely().next(),
            informative: timely().find(|run| run.outcome != RetentionOutcome::NoRoom),
            elders: policy.stood_days.iter().flat_map(|days| elder(*days)).collect(),
            floor: counting()
                .take(keep_last)
                .chain(good().take(keep_last))
                .map(|run| &run.id)
                .collect(),
            periods: Periods::new(counting()),
        }
    }

    pub(super) fn verdict(&self, run: &RetentionRun) -> RetentionVerdict {
        match self.guarded(run).map_or_else(|| self.stated(run), Ok) {
            Ok(keep) => RetentionVerdict::Keep(keep),
            Err(delete) => self
                .floor(run)
                .or_else(|| self.elder(run))
                .or_else(|| self.tagged(run))
                .or_else(|| self.newest(run))
                .map_or(RetentionVerdict::Delete(delete), RetentionVerdict::Keep),
        }
    }

    fn guarded(&self, run: &RetentionRun) -> Option<KeepReason> {
        protected(run, self.now).or_else(|| run.is_ahead(self.now).then_some(KeepReason::Ahead))
    }

    /// The verdict by the retention that a user gave this one run, or else by the record's own.
    fn stated(&self, run: &RetentionRun) -> Result<KeepReason, DeleteReason> {
        let sealed = self.sealed(run);
        let retained = run
            .retained
            .filter(|retention| !matches!(retention, Retention::Newest(_)));
        let Some(retention) = retained.filter(|_| !run.outcome.is_failure()) else {
            return sealed;
        };
        let until = retention.expires(run.started);
        match until {
            Some(at) if at <= self.now => match sealed {
                Ok(keep) if !says_so(&run.guards.tags, retention, at) => Ok(keep),
                _ => Err(DeleteReason::Retained { at }),
            },
            _ => Ok(KeepReason::Retained { until }),
        }
    }

    /// The verdict by the record's own retention.
    fn sealed(&self, run: &RetentionRun) -> Result<KeepReason, DeleteReason> {
        if run.outcome.is_failure() {
            let age = self.now.duration_since(run.started);
            return if age < FAILED_KEPT {
                Ok(KeepReason::FailedLately)
            } else {
                Err(DeleteReason::FailedLongAgo)
            };
        }
        let verdicts = || run.serves.iter().map(|served| self.served(run, served));
        let keep = verdicts().filter_map(Result::ok);
        let delete = verdicts().filter_map(Result::err);
        match (
            keep.max_by_key(KeepReason::strength),
            delete.max_by_key(DeleteReason::strength),
        ) {
            (Some(keep), _) => Ok(keep),
            (None, Some(delete)) => Err(delete),
            (None, None) => Ok(KeepReason::NothingStated),
        }
    }

    fn served(&self, run: &RetentionRun, served: &Served) -> Result<KeepReason, DeleteReason> {
        let tier = served.tier;
        if let Retention::Newest(of) = served.retention {
            let place = self.periods.place(served);
            return if self.periods.is_replaced(run, served, of) {
                Err(DeleteReason::Replaced { tier })
            } else if place > usize::from(of) {
                Err(DeleteReason::Outnumbered { tier, of })
            } else {
                Ok(KeepReason::Counted { tier, place, of })
            };
        }
        match served.retention.expires(run.started) {
            None => Ok(KeepReason::Forever { tier }),
            Some(until) if until > self.now => Ok(KeepReason::Until { tier, until }),
            Some(at) => Err(DeleteReason::Expired { tier, at }),
        }
    }

    fn floor(&self, run: &RetentionRun) -> Option<KeepReason> {
        let keep_last = self.policy.keep_last;
        self.floor.contains(&run.id).then_some(KeepReason::Floor { keep_last })
    }

    fn elder(&self, run: &RetentionRun) -> Option<KeepReason> {
        let days = *self.elders.get(&run.id)?;
        Some(KeepReason::Elder { days })
    }

    fn tagged(&self, run: &RetentionRun) -> Option<KeepReason> {
        match &run.guards.tags {
            TagState::NotLooked | TagState::Unsupported | TagState::None => None,
            TagState::Missing(tag) => Some(KeepReason::TagMissing { tag: tag.clone() }),
            TagState::Foreign(tag) => Some(KeepReason::TagForeign { tag: tag.clone() }),
            TagState::Unreadable(tag) => Some(KeepReason::TagUnreadable { tag: tag.clone() }),
            TagState::Read { retain, expires, .. } => self
                .lengthened_in_time(run, *retain, *expires)
                .or_else(|| self.lengthened_in_count(run, *retain)),
        }
    }

    /// Only if the tags go beyond the record: tags of a run that failed after they were written don't.
    fn lengthened_in_time(
        &self,
        run: &RetentionRun,
        retain: Retention,
        expires: Option<Timestamp>,
    ) -> Option<KeepReason> {
        let ends = run.serves.iter().map(|served| end(served.retention, run));
        let told = end(retain, run).max(expires.map(End::At));
        match told.filter(|_| told > ends.flatten().max())? {
            End::Never => Some(KeepReason::TagForever),
            End::At(until) => (until > self.now).then_some(KeepReason::TagUntil { until }),
        }
    }

    fn lengthened_in_count(&self, run: &RetentionRun, retain: Retention) -> Option<KeepReason> {
        let Retention::Newest(of) = retain else {
            return None;
        };
        let sealed = run.serves.iter().map(|served| match served.retention {
            Retention::Newest(count) => count,
            _ => 0,
        });
        if of <= sealed.max().unwrap_or(0) {
            return None;
        }
        let counted = run.serves.iter().filter_map(|served| {
            let (tier, place) = (served.tier, self.periods.place(served));
            let among = place <= usize::from(of) && !self.periods.is_replaced(run, served, of);
            among.then_some(KeepReason::TagCounted { tier, place, of })
        });
        counted.max_by_key(KeepReason::strength)
    }

    fn newest(&self, run: &RetentionRun) -> Option<KeepReason> {
        let is = |one: Option<&RetentionRun>| one.is_some_and(|one| one.id == run.id);
        if is(self.newest) || is(self.informative) {
            return Some(KeepReason::Newest);
        }
        // if no run says anything about the database, nothing is deleted
        let newest = self.informative.or(self.newest)?.outcome;
        (newest != RetentionOutcome::Good).then_some(KeepReason::Blocked { newest })
    }
}

/// The hold or the lock that protects a run, whatever else is said of it.
pub(super) fn protected(run: &RetentionRun, now: Timestamp) -> Option<KeepReason> {
    let by_tag = match &run.guards.tags {
        TagState::Read { hold, .. } => hold.as_ref(),
        _ => None,
    };
    if let Some(why) = run.guards.hold.as_ref().or(by_tag) {
        return Some(KeepReason::Held { why: why.clone() });
    }
    if run.guards.legal_hold {
        return Some(KeepReason::LegalHold);
    }
    let until = run.guards.locked_until.filter(|until| *until > now);
    until.map(|until| KeepReason::Locked { until })
}

/// Whether tags agree that a run is kept no longer than `retention`, which ends at `end`, or were not read yet. Without
/// tags nothing agrees: whoever has the key can write a mark.
fn says_so(tags: &TagState, retention: Retention, end: Timestamp) -> bool {
    match tags {
        TagState::NotLooked => true,
        TagState::Read { retain, expires, .. } => *retain == retention && *expires == Some(end),
        TagState::Unsupported
        | TagState::None
        | TagState::Missing(_)
        | TagState::Foreign(_)
        | TagState::Unreadable(_) => false,
    }
}

/// When `retention` ends for `run`; `None` for a count, which has no end date.
fn end(retention: Retention, run: &RetentionRun) -> Option<End> {
    match retention {
        Retention::Newest(_) => None,
        _ => Some(retention.expires(run.started).map_or(End::Never, End::At)),
    }
}
