//! One backup is deleted that a user names: by the proofs, guards and order of a prune.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Clock, DeletionOutcome, Interrupt,
    announcement::{ANNOUNCED_FOR, announce, withdraw},
    prune::NamedDeletion,
    spans::{step, traced},
};
use crate::{
    backup::{AnnouncedDeletion, BackupId, Label, Retention, Status, Tier},
    catalog::{Catalog, CatalogEntry},
    error::{Error, Result},
    operation::figures::stored,
    retention::{DeletionObstacle, KeepReason, RetentionPolicy, RetentionVerdict, obstacles},
    text::{Untrusted, minute},
};

/// Which backup is to be deleted.
#[derive(Debug, Clone)]
pub struct DeleteRequest {
    /// Label of its database.
    pub database: Label,
    /// Its id.
    pub id: BackupId,
    /// What no retention deletes.
    pub policy: RetentionPolicy,
    /// By which clock locks end.
    pub clock: Clock,
    /// Delete it although nothing good, or too little, is left.
    pub force: bool,
}

/// What an id stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedKind {
    /// A backup.
    Backup,
    /// The record of a failed run.
    FailedRun,
    /// What a run that died has left, without a record.
    Leftovers,
}

/// What is to be deleted, and what is left then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletionFacts {
    /// Its id.
    pub id: BackupId,
    /// Label of its database.
    pub database: Label,
    /// What it is.
    pub kind: NamedKind,
    /// Its tier; none without a record.
    pub tier: Option<Tier>,
    /// When it began.
    pub started: Timestamp,
    /// Bytes of everything that goes with it.
    pub bytes: u64,
    /// How long it would be kept; none without a record.
    pub retention: Option<Retention>,
    /// When that runs out; none: never, at no fixed moment, or without a record.
    pub expires: Option<Timestamp>,
    /// Good backups of the database that are left then.
    pub good_left: usize,
    /// The newest of them, and when it began.
    pub newest_left: Option<(BackupId, Timestamp)>,
    /// What is lost although it is never deleted without being insisted on.
    pub forced: Vec<String>,
    /// The bucket keeps versions: space is freed only when noncurrent ones expire.
    pub versioned: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletionReport {
    /// What was to be deleted, and what is left.
    #[serde(flatten)]
    pub facts: DeletionFacts,
    /// The plan alone: nothing was deleted.
    pub dry_run: bool,
    /// Whether it is gone.
    pub deleted: bool,
    /// What could not be deleted, and why.
    pub troubles: Vec<String>,
}

/// A deletion that may be carried out, until something changes.
pub struct PlannedDeletion {
    named: NamedDeletion,
    facts: DeletionFacts,
}

/// Finds out what a deletion would delete, and whether it may. Deletes nothing.
///
/// # Errors
/// [`Error::Usage`] with the reason and what can be done, where it may not be deleted; [`Error::NoSuchBackup`];
/// [`Error::NotWhole`] where a record of its database can't be read; [`Error::Clock`] where this machine's clock and
/// the service's are apart; and what the bucket refuses to list.
pub async fn plan_deletion(
    catalog: &Catalog,
    request: &DeleteRequest,
    interrupt: &Interrupt,
) -> Result<PlannedDeletion> {
    let DeleteRequest {
        database, id, policy, ..
    } = request;
    let look = NamedDeletion::look(catalog, database, id, policy, request.clock);
    let named = interrupt.or(look).await?;
    let facts = DeletionFacts::of(&named, request)?;
    let found = all_obstacles(&named, request);
    if let Some(obstacle) = found.iter().find(|one| !one.can_be_forced() || !request.force) {
        return Err(refusal(request, &facts, obstacle));
    }
    let forced = found.iter().map(ToString::to_string).collect();
    let facts = DeletionFacts { forced, ..facts };
    Ok(PlannedDeletion { named, facts })
}

/// Deletes what was planned, unless it may not be deleted any more: one object a request, each on the condition that it
/// is the one that was looked at, the record first. Stopped at any moment it leaves what a later prune deletes.
///
/// # Errors
/// As [`plan_deletion`], which is asked once more; what can't be deleted is told in the report.
pub async fn delete(
    catalog: &Catalog,
    planned: PlannedDeletion,
    request: &DeleteRequest,
    interrupt: &Interrupt,
) -> Result<DeletionReport> {
    let span = step!("delete", database = request.database.as_str(), id = request.id.as_str());
    traced(span, deleted(catalog, planned, request, interrupt)).await
}

async fn deleted(
    catalog: &Catalog,
    planned: PlannedDeletion,
    request: &DeleteRequest,
    interrupt: &Interrupt,
) -> Result<DeletionReport> {
    // somebody has thought about it for minutes
    let now = look_again(catalog, request, &planned, interrupt).await?;
    let announced = match now.named.entry().filter(|one| one.record.is_good()) {
        Some(one) => interrupt.or(announce(catalog, &one.record)).await?,
        None => None,
    };
    let looked = match announced {
        // who announces after this look sees the announcement
        Some(_) => look_again(catalog, request, &planned, interrupt).await,
        None => Ok(now),
    };
    let mut now = match looked {
        Err(error) => {
            take_back(catalog, &planned, announced.as_ref()).await;
            return Err(error);
        }
        Ok(now) => now,
    };
    now.named.require(announced.clone());
    let report = now.named.carry_out(catalog, interrupt).await?;
    let kept = report.backups.iter().find_map(|line| match &line.verdict {
        RetentionVerdict::Keep(keep) => Some(keep.clone()),
        RetentionVerdict::Delete(_) => None,
    });
    if let Some(keep) = kept {
        take_back(catalog, &planned, announced.as_ref()).await;
        return Err(refusal(request, &now.facts, &DeletionObstacle::Protected(keep)));
    }
    let outcomes = || {
        let backups = report.backups.iter().map(|line| &line.outcome);
        backups.chain(report.leftovers.iter().map(|line| &line.outcome))
    };
    Ok(DeletionReport {
        deleted: outcomes().any(|one| *one == DeletionOutcome::Deleted) && report.troubles().next().is_none(),
        troubles: report.troubles().map(str::to_owned).collect(),
        facts: now.facts,
        dry_run: false,
    })
}

/// Looks once more whether it may be deleted, and whether it is what was looked at.
async fn look_again(
    catalog: &Catalog,
    request: &DeleteRequest,
    planned: &PlannedDeletion,
    interrupt: &Interrupt,
) -> Result<PlannedDeletion> {
    let now = plan_deletion(catalog, request, interrupt).await?;
    let object = |planned: &PlannedDeletion| planned.named.entry().map(|one| one.object.clone());
    if object(&now) != object(planned) {
        let what = "its record is another object than was looked at";
        return Err(Error::differs(request.id.as_str(), what));
    }
    Ok(now)
}

/// Takes the announcement back where no request to delete was sent. One that was may still arrive.
async fn take_back(catalog: &Catalog, planned: &PlannedDeletion, announced: Option<&AnnouncedDeletion>) {
    if let (Some(one), Some(announced)) = (planned.named.entry(), announced) {
        withdraw(catalog, &one.record, announced).await;
    }
}

impl PlannedDeletion {
    /// What is to be deleted, and what is left then.
    #[must_use]
    pub fn facts(&self) -> &DeletionFacts {
        &self.facts
    }

    /// The report of a deletion that isn't carried out.
    #[must_use]
    pub fn into_report(self) -> DeletionReport {
        DeletionReport {
            facts: self.facts,
            dry_run: true,
            deleted: false,
            troubles: Vec::new(),
        }
    }
}

impl DeletionFacts {
    fn of(named: &NamedDeletion, request: &DeleteRequest) -> Result<Self> {
        let DeleteRequest { database, id, .. } = request;
        let plan = named.report();
        let entry = named.entry();
        let kind = match entry.map(|one| &one.record.status) {
            Some(Status::Succeeded) => NamedKind::Backup,
            Some(Status::Failed { .. }) => NamedKind::FailedRun,
            None => NamedKind::Leftovers,
        };
        if entry.is_none() && plan.leftovers.is_empty() {
            return Err(Error::no_such_backup(id.as_str(), "this database's part of the bucket"));
        }
        if let Some(why) = named.why_left() {
            return Err(Error::usage(
                format!("what is left of {id} can't be deleted: {why}"),
                "`pgcoffer prune --dry-run` shows it, and `pgcoffer prune` deletes it once nothing speaks against it",
            ));
        }
        let is_left = |one: &&CatalogEntry| one.record.id != *id && !named.leaving().contains(&one.record.id);
        let left = || named.survey().trusted().filter(is_left);
        let newest = left().map(|one| (one.record.id.clone(), one.record.started)).next();
        let bytes = plan.leftovers.iter().filter(|line| line.kept.is_none());
        let kept = entry.map(CatalogEntry::kept);
        Ok(Self {
            id: id.clone(),
            database: database.clone(),
            kind,
            tier: entry.map(|one| one.record.tier),
            started: entry.map_or_else(|| id.time(), |one| one.record.started),
            bytes: entry.map_or(0, stored) + bytes.map(|line| line.bytes).sum::<u64>(),
            retention: kept.map(|(retention, _)| retention),
            expires: kept.and_then(|(_, expires)| expires),
            good_left: left().count(),
            newest_left: newest,
            forced: Vec::new(),
            versioned: plan.versioned,
        })
    }
}

fn all_obstacles(named: &NamedDeletion, request: &DeleteRequest) -> Vec<DeletionObstacle> {
    let (mut runs, now) = (named.runs().to_vec(), request.clock.now());
    let mut found = Vec::new();
    // what a person holds is told from what only a rule does
    let is_held = named
        .entry()
        .is_some_and(|one| one.hold().is_some() || one.mark_fault.is_some());
    let own = runs.iter_mut().find(|run| run.id == request.id && !is_held);
    if let Some(why) = own.and_then(|run| run.guards.hold.take()) {
        found.push(DeletionObstacle::BeforeFall { why });
    }
    if let Some(why) = named.why_wanted() {
        found.push(DeletionObstacle::Wanted { why: why.to_owned() });
    }
    let mut by_rules = obstacles(&runs, &request.id, named.leaving(), &request.policy, now);
    by_rules.append(&mut found);
    by_rules
}

/// That it is not deleted, why, and what can be done about that.
fn refusal(request: &DeleteRequest, facts: &DeletionFacts, obstacle: &DeletionObstacle) -> Error {
    let (id, database) = (&request.id, &request.database);
    let hint = match obstacle {
        DeletionObstacle::Protected(keep) => return protected(request, keep),
        DeletionObstacle::LastGood { leaving, .. } | DeletionObstacle::Floor { leaving, .. } if *leaving > 0 => {
            format!(
                "`pgcoffer list` shows what is left once the other deletions have ended; one that died counts for {} \
             minutes; --force deletes {id} all the same",
                ANNOUNCED_FOR.as_mins()
            )
        }
        DeletionObstacle::Wanted { .. } => "if its record was deleted, get that back first: an older version of the \
                                            bucket's object brings the backup back; --force deletes it all the same"
            .to_owned(),
        DeletionObstacle::LastGood { .. } if facts.good_left > 0 => {
            format!("`pgcoffer hold ID --reason …` keeps one of those; --force deletes {id} all the same")
        }
        DeletionObstacle::LastGood { .. } => format!(
            "make another one first (`pgcoffer backup`); --force deletes it all the same, and then nothing brings \
             {database} back"
        ),
        DeletionObstacle::Floor { .. } => "--force deletes it all the same".to_owned(),
        DeletionObstacle::BeforeFall { .. } => "look at the later one (`pgcoffer show`), and `pgcoffer accept` it if \
                                                it is right; --force deletes this one all the same"
            .to_owned(),
    };
    Error::usage(format!("{id} of {database} is not deleted: {obstacle}"), hint)
}

fn protected(request: &DeleteRequest, keep: &KeepReason) -> Error {
    let (id, database) = (&request.id, &request.database);
    let (why, hint) = match keep {
        KeepReason::Held { why } => (
            format!("a hold keeps it ({})", Untrusted::from(why.as_str())),
            format!("`pgcoffer release {id}` ends a hold; then it can be deleted"),
        ),
        KeepReason::Retained { .. } => (
            format!("somebody has just given it a longer time: it is {keep}"),
            "if it is to go all the same, run the command again".to_owned(),
        ),
        KeepReason::LegalHold => (
            "it is under a legal hold".to_owned(),
            format!("`pgcoffer release {id}` takes that off, with credentials that have s3:PutObjectLegalHold"),
        ),
        KeepReason::Locked { until } => (
            format!("Object Lock keeps it until {}", minute(*until)),
            "nobody deletes it before that; delete it then".to_owned(),
        ),
        KeepReason::TagUnreadable { tag } if tag == "pgcoffer:owner" => (
            "its tags can't be seen, so that it isn't proven to be this key's".to_owned(),
            "give these credentials s3:GetObjectTagging: `pgcoffer policy` prints what they need".to_owned(),
        ),
        keep => (
            format!("it isn't proven to be this key's: {keep}"),
            "put its tags back as docs/retention.md lists them, or delete its objects with the bucket's own tools"
                .to_owned(),
        ),
    };
    Error::usage(format!("{id} of {database} is not deleted: {why}"), hint)
}
