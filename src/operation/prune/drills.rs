//! Reports of drills: how long they are kept. They are the history of a database, not a part of a backup: a report stays
//! when its backup is deleted, and only what names tables goes with it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::leftovers::{Leftover, LeftoverObject, young};
use crate::{
    backup::{BackupId, DRILLS_KEPT, DRILLS_KEPT_MIN},
    catalog::{Catalog, DrillNames, DrillObjects, Survey},
    error::Result,
    store::Object,
};

/// How long a report is kept.
const KEPT: SignedDuration = DRILLS_KEPT;

/// The newest drills of a database that are kept however old they are.
const KEPT_MIN: usize = DRILLS_KEPT_MIN;

/// What of a database's drills may be deleted: those that are over a year old, but never the newest 12; of the others the
/// notes that they have begun, once there is a report, and what they found of a backup that is gone.
pub(super) async fn old_drills(catalog: &Catalog, survey: &mut Survey, now: Timestamp) -> Result<Vec<Leftover>> {
    let standing: BTreeSet<BackupId> = survey.entries.iter().map(|one| one.record.id.clone()).collect();
    let names = catalog.find_drills(survey).await?;
    let DrillNames { turns, .. } = names;
    let over = turns.iter().filter(|(due, _)| now.duration_since(*due) > KEPT);
    let mut found: Vec<Leftover> = over.map(|(_, object)| leftover(object)).collect();
    for (place, drill) in names.all().enumerate() {
        // one that is dated ahead is as old as the bucket says
        let began = drill.name.began();
        let began = drill.stored().map_or(began, |stored| began.min(stored));
        let is_over = place >= KEPT_MIN && now.duration_since(began) > KEPT;
        let objects = match is_over {
            true => all(drill),
            false => superfluous(drill, &standing),
        };
        // a drill that goes on, or a listing that is behind
        let settled = objects
            .into_iter()
            .filter(|object| young(object.modified, now).is_none());
        found.extend(settled.map(leftover));
    }
    Ok(found)
}

/// What drills found of one backup, which goes with it.
pub(super) async fn findings_of(catalog: &Catalog, survey: &mut Survey, id: &BackupId) -> Result<Vec<Leftover>> {
    let names = catalog.find_drills(survey).await?;
    let of_it = names.all().filter(|drill| drill.name.id() == id);
    Ok(of_it
        .filter_map(|drill| drill.findings.as_ref())
        .map(leftover)
        .collect())
}

fn all(drill: &DrillObjects) -> Vec<&Object> {
    // the report last: a drill without one would count as killed
    let objects = [&drill.begun, &drill.findings, &drill.report];
    objects.into_iter().flatten().collect()
}

fn superfluous<'a>(drill: &'a DrillObjects, standing: &BTreeSet<BackupId>) -> Vec<&'a Object> {
    let begun = drill.begun.as_ref().filter(|_| drill.report.is_some());
    let findings = drill.findings.as_ref().filter(|_| !standing.contains(drill.name.id()));
    begun.into_iter().chain(findings).collect()
}

fn leftover(object: &Object) -> Leftover {
    Leftover {
        bytes: object.bytes,
        object: LeftoverObject::Drill(object.clone()),
        kept: None,
    }
}
