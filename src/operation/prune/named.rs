//! One backup that a user names: the same look, and the same road when it is deleted.

use std::collections::BTreeSet;

use super::{
    LeftoverKind, MEASURED, PlannedPrune, PruneReport, check_clock, deletion, drills, guards,
    leftovers::{self, Leftover},
    settled, whole, why_archives_are_wanted,
};
use crate::{
    backup::{AnnouncedDeletion, BackupId, Label},
    catalog::{Catalog, CatalogEntry, Survey},
    error::Result,
    operation::{Clock, Interrupt, announcement::is_announced},
    retention::{DeleteReason, PlanLine, RetentionPlan, RetentionPolicy, RetentionRun, RetentionVerdict},
};

/// What a user names, looked at as closely as a prune looks at what it deletes.
pub(in crate::operation) struct NamedDeletion {
    planned: PlannedPrune,
    runs: Vec<RetentionRun>,
    id: BackupId,
    /// Other backups that are about to be deleted.
    leaving: BTreeSet<BackupId>,
    /// Why archives without a record may be needed.
    wanted: Option<&'static str>,
}

impl NamedDeletion {
    /// Looks through its database, opens the good backups that would be left, and looks at its own tags and locks.
    /// Deletes nothing.
    pub(in crate::operation) async fn look(
        catalog: &Catalog,
        database: &Label,
        id: &BackupId,
        policy: &RetentionPolicy,
        clock: Clock,
    ) -> Result<Self> {
        let survey = catalog.survey(database, usize::MAX).await?;
        // the two clocks are compared at one moment
        catalog.store().ask_time().await;
        let now = clock.now();
        check_clock(catalog.store(), now)?;
        let mut survey = whole(settled(survey)?)?;
        catalog.measure_newest(&mut survey, MEASURED).await?;
        catalog.find_details(&mut survey).await?;
        open_what_stays(catalog, &mut survey, id, policy).await?;
        let mut runs = survey.runs(now);
        let named = survey.entries.iter().filter(|one| one.record.id == *id).collect();
        guards::add_guards_of(catalog, named, &mut runs).await?;
        let wanted = why_archives_are_wanted(&survey, &runs, now);
        let leaving = survey.entries.iter().filter(|one| one.record.id != *id);
        let leaving = leaving.filter(|one| is_announced(one.mark.as_ref(), catalog.store()));
        let leaving = leaving.map(|one| one.record.id.clone()).collect();
        survey.orphans.retain(|orphan| orphan.id == *id);
        survey.stray_details.retain(|(stray, _)| stray == id);
        survey.stray_marks.retain(|(stray, _)| stray == id);
        let mut left = leftovers::look_for(catalog, &survey, Vec::new(), None, now).await?;
        left.extend(drills::findings_of(catalog, &mut survey, id).await?);
        Ok(Self {
            planned: PlannedPrune {
                versioned: catalog.store().is_versioned().await == Some(true),
                plan: plan_of(&survey, id),
                leftovers: left,
                survey,
                announced: None,
            },
            runs,
            id: id.clone(),
            leaving,
            wanted,
        })
    }

    /// Everything that stands beside it, and itself.
    pub(in crate::operation) fn survey(&self) -> &Survey {
        &self.planned.survey
    }

    /// The runs of its database as retention looks at them.
    pub(in crate::operation) fn runs(&self) -> &[RetentionRun] {
        &self.runs
    }

    /// The others that are about to be deleted: they don't count as left.
    pub(in crate::operation) fn leaving(&self) -> &BTreeSet<BackupId> {
        &self.leaving
    }

    /// Why a user may need the archives without a record that would go, where any would.
    pub(in crate::operation) fn why_wanted(&self) -> Option<&'static str> {
        let is_wanted =
            |one: &Leftover| one.kept.is_none() && matches!(one.kind(), LeftoverKind::Archive | LeftoverKind::Details);
        self.wanted.filter(|_| self.planned.leftovers.iter().any(is_wanted))
    }

    /// Has it deleted only as long as others see this announcement.
    pub(in crate::operation) fn require(&mut self, announced: Option<AnnouncedDeletion>) {
        self.planned.announced = announced;
    }

    /// Its record, where it has one.
    pub(in crate::operation) fn entry(&self) -> Option<&CatalogEntry> {
        self.planned.survey.entries.iter().find(|one| one.record.id == self.id)
    }

    /// Why nothing of what a run that died has left may go yet, where it has no record and nothing may.
    pub(in crate::operation) fn why_left(&self) -> Option<&str> {
        let leftovers = &self.planned.leftovers;
        let may_go = |one: &Leftover| one.kept.is_none();
        match self.entry().is_some() || leftovers.iter().any(may_go) {
            true => None,
            false => leftovers.iter().find_map(|one| one.kept.as_deref()),
        }
    }

    /// The plan, which deletes it and nothing else.
    pub(in crate::operation) fn report(&self) -> PruneReport {
        PruneReport::of(&self.planned, true)
    }

    /// Deletes it, the record first, and looks whether it is gone.
    pub(in crate::operation) async fn carry_out(
        &self,
        catalog: &Catalog,
        interrupt: &Interrupt,
    ) -> Result<PruneReport> {
        let mut report = PruneReport::of(&self.planned, false);
        deletion::delete_planned(catalog, &self.planned, &mut report, interrupt).await?;
        deletion::check_deleted(catalog, &self.planned, &mut report).await?;
        Ok(report)
    }
}

fn plan_of(survey: &Survey, id: &BackupId) -> RetentionPlan {
    let named = survey.entries.iter().filter(|one| one.record.id == *id);
    let line = |one: &CatalogEntry| PlanLine {
        id: one.record.id.clone(),
        verdict: RetentionVerdict::Delete(DeleteReason::Named),
    };
    RetentionPlan {
        lines: named.map(line).collect(),
    }
}

/// Opens the newest good backups beside the one that goes, as many as are never deleted: one that can't be opened is no
/// good one, and another takes its place.
async fn open_what_stays(
    catalog: &Catalog,
    survey: &mut Survey,
    id: &BackupId,
    policy: &RetentionPolicy,
) -> Result<()> {
    let keep_last = usize::try_from(policy.keep_last.get()).unwrap_or(usize::MAX);
    loop {
        let good = survey.trusted().filter(|one| one.record.id != *id).take(keep_last);
        let unseen: BTreeSet<BackupId> = good
            .filter(|one| !one.archive_checked)
            .map(|one| one.record.id.clone())
            .collect();
        if unseen.is_empty() {
            return Ok(());
        }
        let entries = survey.entries.iter_mut();
        let entries = entries.filter(|one| unseen.contains(&one.record.id)).collect();
        catalog.check_archives(entries).await?;
    }
}
