//! What counts against other backups is opened first, and what newer ones push out is held against the schedule:
//! whoever broke into a machine that backs up can write records and archives under its key, and must not have others
//! deleted by them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::PruneRequest;
use crate::{
    backup::Tier,
    catalog::{Catalog, CatalogEntry, Survey},
    error::{Error, Result},
    retention::{self, DeleteReason, RetentionOutcome, RetentionPlan, RetentionPolicy, RetentionVerdict},
};

/// The time for which the schedule has to explain what newer backups push out: a prune a day, and one that was missed.
const EXPLAINED_BY: SignedDuration = SignedDuration::from_hours(48);
/// More of each tier than what the schedule explains, for backups made by hand and for a prune that comes late.
const BESIDES: usize = 3;

/// Opens the archive of every good backup that counts in the plan which comes of it, where that plan deletes anything.
///
/// Two requests for each; what was looked at once is not looked at again.
pub(super) async fn look_at_what_counts(
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
        let unseen = |one: &&mut CatalogEntry| !one.looked_at && counting.contains(&one.record.id);
        let unseen: Vec<&mut CatalogEntry> = survey.entries.iter_mut().filter(unseen).collect();
        if unseen.is_empty() {
            return Ok(plan);
        }
        catalog.look_at_all(unseen).await?;
    }
}

/// Refuses a plan by which newer backups push out far more good ones than the schedule makes in the time since any
/// prune: by the tiers of the backups that have stood for a while.
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
    // each tier by itself: many of an hourly one explain no monthly one
    let explained_of = |tier: &Tier| match tiers.contains(tier) {
        true => BESIDES + made_meanwhile(*tier),
        false => BESIDES,
    };
    let is_explained = pushed_out.iter().all(|(tier, count)| *count <= explained_of(tier));
    let planned = pushed_out.values().sum();
    let is_confirmed = request.confirmed.is_some_and(|count| planned <= count);
    if request.dry_run || is_explained || is_confirmed {
        return Ok(());
    }
    let explained = pushed_out.iter().map(|(tier, count)| explained_of(tier).min(*count));
    Err(Error::Unexplained {
        database: survey.database.to_string(),
        planned,
        explained: explained.sum(),
    })
}

/// How many backups of a tier are made in the time that has to be explained.
fn made_meanwhile(tier: Tier) -> usize {
    let period = tier.period().as_hours();
    let made = EXPLAINED_BY.as_hours().checked_div(period).unwrap_or(0);
    usize::try_from(made).unwrap_or(0).max(1)
}

/// Good backups that go because newer ones came, and would stay otherwise: those that are kept by count. By the tier
/// that lets them go.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_explains_what_it_makes_in_two_days() {
        let made = Tier::ALL.map(made_meanwhile);
        assert_eq!(made, [1, 48, 2, 1, 1, 1]);
    }
}
