use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    backup::{BackupId, Label, Tier},
    catalog::{Catalog, CatalogEntry},
    error::{Error, Result},
    lifecycle::{LifecyclePlan, PlannedRule, RuleAction},
    text::day,
};

/// A backup that a plan's rules would delete before its retention ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptLonger {
    /// The id of the backup.
    pub id: BackupId,
    /// The label of its database.
    pub database: Label,
    /// The earliest time at which S3 would delete it.
    pub deleted: Timestamp,
    /// How long it must be kept, in words.
    pub why: String,
}

/// The backups that a plan's rules would delete before their own retention or a hold ends: those of an earlier
/// schedule, and those made by hand under a scheduled tier.
///
/// # Errors
/// Any error of the bucket, and records that can't be read or are under another key, as their retention is unknown.
pub async fn kept_longer(catalog: &Catalog, plan: &LifecyclePlan) -> Result<Vec<KeptLonger>> {
    let rules = plan.rules.iter();
    let expiring = rules.filter(|rule| matches!(rule.action, RuleAction::Expire { .. }));
    let databases: BTreeSet<&Label> = expiring.map(|rule| &rule.database).collect();
    let mut found = Vec::new();
    for database in databases {
        let survey = catalog.survey(database, usize::MAX).await?;
        if let Some((_, error)) = survey.unreadable.into_iter().next() {
            return Err(error);
        }
        if let Some(error) = survey.unsettled {
            return Err(error);
        }
        if let Some(other) = survey.other_repositories.first() {
            let (records, id) = (other.records, other.repository);
            return Err(Error::usage(
                format!(
                    "the bucket also holds records of {database} that belong to another repository, {id}, under \
                         the same key: {records}"
                ),
                "its rules would delete those too: move them away or delete them first",
            ));
        }
        if survey.others > 0 {
            let records = match survey.others {
                1 => format!("1 record of {database} is"),
                others => format!("{others} records of {database} are"),
            };
            return Err(Error::usage(
                format!("{records} under a key that is not configured"),
                "set PGCOFFER_OLD_KEYS to the replaced keys, each with the day on which it was replaced \
                 (KEY@2026-11-01)",
            ));
        }
        // without its record an archive is no backup: the backup ends when the first of both is deleted
        let records = days(plan, database, None);
        let days = |tier| days(plan, database, Some(tier)).into_iter().chain(records).min();
        let kept = survey.entries.iter().filter(|one| one.has_archive());
        found.extend(kept.filter_map(|one| kept_longer_by(one, days(one.record.tier)?)));
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// The age in days at which a plan deletes archives of this tier, or records if `tier` is `None`.
fn days(plan: &LifecyclePlan, database: &Label, tier: Option<Tier>) -> Option<u32> {
    let of_tier = |rule: &&PlannedRule| rule.database == *database && rule.tier == tier;
    plan.rules.iter().filter(of_tier).find_map(|rule| match rule.action {
        RuleAction::Expire { after_days } => Some(after_days),
        _ => None,
    })
}

fn kept_longer_by(one: &CatalogEntry, after_days: u32) -> Option<KeptLonger> {
    let record = &one.record;
    let age = SignedDuration::from_hours(24 * i64::from(after_days));
    let deleted = record.started.checked_add(age).ok()?;
    let (retention, expires) = one.kept();
    let why = match (one.hold(), expires) {
        (Some(hold), _) => format!("held by {}: {}", hold.who, hold.reason),
        (None, Some(expires)) if expires <= deleted => return None,
        (None, Some(expires)) => format!("kept until {}", day(expires)),
        (None, None) => format!("kept: {retention}"),
    };
    Some(KeptLonger {
        id: record.id.clone(),
        database: record.database.clone(),
        deleted,
        why,
    })
}
