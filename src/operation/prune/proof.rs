//! Guards against a compromised agent, which can write records and archives under its key and must not make a prune
//! delete other backups. Archives that count against others are opened first, and what newer backups displace is
//! compared with the schedule.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::PruneRequest;
use crate::{
    backup::{Retention, Tier},
    catalog::{Catalog, CatalogEntry, Survey},
    error::{Error, Result},
    retention::{self, DeleteReason, RetentionOutcome, RetentionPlan, RetentionPolicy, RetentionVerdict},
};

/// The time for which the schedule must explain what newer backups displace: a prune each day, and one that was missed.
const EXPLAINED_BY: SignedDuration = SignedDuration::from_hours(48);
/// How many backups of each tier are allowed beyond what the schedule explains, for backups made by hand and for a late
/// prune.
const BESIDES: usize = 3;

/// Opens the archive of every good backup that counts in the resulting plan, if that plan deletes anything.
///
/// Makes two requests for each, and checks none twice.
pub(super) async fn check_what_counts(
    catalog: &Catalog,
    survey: &mut Survey,
    policy: &RetentionPolicy,
    now: Timestamp,
) -> Result<RetentionPlan> {
    loop {
        let runs = survey.runs(now);
        let plan = retention::plan(&runs, policy, now);
        if plan.deleted() == 0 {
            return Ok(plan);
        }
        let deleted: BTreeSet<_> = plan.deletions().map(|line| &line.id).collect();
        let counting: BTreeSet<_> = runs
            .iter()
            .filter(|run| run.outcome == RetentionOutcome::Good && !deleted.contains(&run.id))
            .map(|run| run.id.clone())
            .collect();
        let unseen = |one: &&mut CatalogEntry| !one.archive_checked && counting.contains(&one.record.id);
        let unseen: Vec<&mut CatalogEntry> = survey.entries.iter_mut().filter(unseen).collect();
        if unseen.is_empty() {
            return Ok(plan);
        }
        catalog.check_archives(unseen).await?;
    }
}

/// Refuses a plan in which newer backups displace far more good ones than the schedule makes between two prunes, or in
/// which marks end the retention of more than a user shortens by hand: who has the key can write both. The
/// schedule is known by the tiers of the older backups.
pub(super) fn check_is_explained(
    survey: &Survey,
    plan: &RetentionPlan,
    request: &PruneRequest,
    now: Timestamp,
) -> Result<()> {
    let pushed_out = pushed_out(survey, plan);
    let stood = |one: &&CatalogEntry| {
        let arrived = one.object.modified.unwrap_or(one.record.started);
        one.is_good() && now.duration_since(arrived) >= EXPLAINED_BY
    };
    let standing = survey.entries.iter().filter(stood);
    let served = standing.flat_map(|one| one.record.serves());
    let tiers: BTreeSet<Tier> = served.map(|served| served.tier).collect();
    // each tier by itself: many hourly backups don't explain a monthly one
    let explained_of = |tier: &Tier| match tiers.contains(tier) {
        true => BESIDES + made_meanwhile(*tier),
        false => BESIDES,
    };
    let shortened = shortened(survey, plan, now);
    let is_explained = pushed_out.iter().all(|(tier, count)| *count <= explained_of(tier)) && shortened <= BESIDES;
    let planned = pushed_out.values().sum::<usize>() + shortened;
    let is_confirmed = request.confirmed.is_some_and(|count| planned <= count);
    if request.dry_run || is_explained || is_confirmed {
        return Ok(());
    }
    let explained = pushed_out.iter().map(|(tier, count)| explained_of(tier).min(*count));
    Err(Error::Unexplained {
        database: survey.database.to_string(),
        planned,
        explained: explained.sum::<usize>() + shortened.min(BESIDES),
    })
}

/// The number of backups of a tier that are made in that time.
fn made_meanwhile(tier: Tier) -> usize {
    let period = tier.period().as_hours();
    let made = EXPLAINED_BY.as_hours().checked_div(period).unwrap_or(0);
    usize::try_from(made).unwrap_or(0).max(1)
}

/// The good backups that are deleted because of newer ones and would otherwise be kept: those that are kept by count.
/// By the tier that no longer keeps them.
pub(super) fn pushed_out(survey: &Survey, plan: &RetentionPlan) -> BTreeMap<Tier, usize> {
    let mut pushed_out = BTreeMap::new();
    for line in plan.deletions() {
        let RetentionVerdict::Delete(DeleteReason::Outnumbered { tier, .. } | DeleteReason::Replaced { tier, .. }) =
            line.verdict
        else {
            continue;
        };
        let mut standing = survey.entries.iter();
        let is_good = standing.any(|one| one.record.id == line.id && one.is_good());
        *pushed_out.entry(tier).or_default() += usize::from(is_good);
    }
    pushed_out
}

/// The number of good backups that are deleted before the retention in their records has ended, by their marks.
fn shortened(survey: &Survey, plan: &RetentionPlan, now: Timestamp) -> usize {
    let is_shortened = |one: &&CatalogEntry| {
        let end = |retention: Retention| retention.expires(one.record.started);
        let ends = one.record.serves().into_iter().map(|served| end(served.retention));
        one.is_good() && ends.into_iter().any(|end| end.is_none_or(|end| end > now))
    };
    let is_by_mark =
        |line: &&retention::PlanLine| matches!(line.verdict, RetentionVerdict::Delete(DeleteReason::Retained { .. }));
    let by_mark: BTreeSet<_> = plan.deletions().filter(is_by_mark).map(|line| &line.id).collect();
    let entries = survey.entries.iter();
    entries
        .filter(|one| by_mark.contains(&one.record.id))
        .filter(is_shortened)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_explains_what_it_makes_in_two_days() {
        let made = Tier::ALL.map(made_meanwhile);
        assert_eq!(made, [1, 48, 2, 1, 1, 1]);
    }
}
