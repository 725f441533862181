use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    backup::{BackupId, Label, Tier},
    catalog::{Catalog, CatalogEntry},
    error::{Error, Result},
    lifecycle::{Action, Plan, Planned},
    text::day,
};

/// A backup that a plan's rules would have deleted before it may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeptLonger {
    /// The backup.
    pub id: BackupId,
    /// Its database.
    pub database: Label,
    /// When S3 would delete it, at the earliest.
    pub deleted: Timestamp,
    /// How long it is to be kept.
    pub why: String,
}

/// The backups in the bucket that a plan's rules would have deleted before their own retention, or a hold, lets them
/// go: those of an earlier schedule, those made by hand under a scheduled tier.
///
/// # Errors
/// What the bucket refuses, and what can't be read or is under another key: nobody knows how long that is to be kept.
pub async fn kept_longer(catalog: &Catalog, plan: &Plan) -> Result<Vec<KeptLonger>> {
    let rules = plan.rules.iter();
    let expiring = rules.filter(|rule| matches!(rule.action, Action::Expire { .. }));
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
                format!("records of {database} of another repository, {id}, under the same key stand there: {records}"),
                "its rules would delete those too: move them away or delete them first",
            ));
        }
        if survey.others > 0 {
            let records = match survey.others {
                1 => format!("1 record of {database} is"),
                others => format!("{others} records of {database} are"),
            };
            return Err(Error::usage(
                format!("{records} under another key than those at hand"),
                "set PGCOFFER_OLD_KEYS to those that were replaced, each with the day (KEY@2026-11-01)",
            ));
        }
        // an archive without its record is no backup any more: the earlier of their ends is that of the backup
        let records = days(plan, database, None);
        let days = |tier| days(plan, database, Some(tier)).into_iter().chain(records).min();
        let kept = survey.entries.iter().filter(|one| one.has_archive());
        found.extend(kept.filter_map(|one| judge(one, days(one.record.tier)?)));
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// The age at which a plan has archives of this tier deleted; without a tier, records.
fn days(plan: &Plan, database: &Label, tier: Option<Tier>) -> Option<u32> {
    let of_tier = |rule: &&Planned| rule.database == *database && rule.tier == tier;
    plan.rules.iter().filter(of_tier).find_map(|rule| match rule.action {
        Action::Expire { after_days } => Some(after_days),
        _ => None,
    })
}

fn judge(one: &CatalogEntry, after_days: u32) -> Option<KeptLonger> {
    let record = &one.record;
    let age = SignedDuration::from_hours(24 * i64::from(after_days));
    let deleted = record.started.checked_add(age).ok()?;
    let why = match (one.hold(), record.expires) {
        (Some(hold), _) => format!("held by {}: {}", hold.who, hold.reason),
        (None, Some(expires)) if expires <= deleted => return None,
        (None, Some(expires)) => format!("kept until {}", day(expires)),
        (None, None) => format!("kept: {}", record.retention),
    };
    Some(KeptLonger {
        id: record.id.clone(),
        database: record.database.clone(),
        deleted,
        why,
    })
}
