//! A complete look through one database's part of the bucket: its objects that are ours by name, opened, and what else
//! is there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalog, CatalogEntry, DrillNames, Maker, OtherRepository, keys::maker, names::Names};
use crate::{
    backup::{BackupId, Label, Tier},
    error::{Error, Result},
    store::{Kind, Object, Unfinished},
};

/// Everything of one database whose name is ours.
#[derive(Debug)]
pub struct Survey {
    /// Label of the database.
    pub database: Label,
    /// The opened records, newest first.
    pub entries: Vec<CatalogEntry>,
    /// Archives with an id of ours that has no record, or the record of a failed run.
    pub orphans: Vec<Orphan>,
    /// Marks with an id of ours that has no record.
    pub stray_marks: Vec<(BackupId, Object)>,
    /// Details with an id of ours that has no record, once they were looked for.
    pub stray_details: Vec<(BackupId, Object)>,
    /// The drills of its backups, once they were looked for.
    pub(super) drills: Option<DrillNames>,
    /// Uploads that are in progress or were left behind and would become archives of ours, once they were looked for.
    pub(super) unfinished: Option<Vec<Unfinished>>,
    /// The keys of objects that are ours by name and can't be read, and why.
    pub unreadable: Vec<(String, Error)>,
    /// Every key that was listed in these folders, ours or not.
    pub keys: BTreeSet<String>,
    /// The number of objects in these folders that aren't ours and are never changed.
    pub foreign: usize,
    /// The number of records among these.
    pub others: usize,
    /// Records of other repositories under a key that is valid here.
    pub other_repositories: Vec<OtherRepository>,
    /// The error, if there are such records and no setting pins a repository.
    pub unsettled: Option<Error>,
    /// The number of records that were made after their key was retired. They are not accepted.
    pub too_late: usize,
}

/// An archive that is not a backup: its run died before the record was written, or the record was deleted.
#[derive(Debug)]
pub struct Orphan {
    /// The id in its name.
    pub id: BackupId,
    /// The tier in its name.
    pub tier: Tier,
    /// The archive.
    pub object: Object,
    /// The tag of the owner whose key made its id.
    pub owner: String,
}

impl Survey {
    /// The places of the good backups in `entries`, newest first.
    pub(super) fn places_of_good(&self) -> Vec<usize> {
        let good = self.entries.iter().enumerate();
        good.filter(|(_, one)| one.is_good()).map(|(at, _)| at).collect()
    }

    /// Takes the drills from an earlier survey, if none has changed since.
    pub fn remember_drills(&mut self, earlier: &Self) {
        self.drills.clone_from(&earlier.drills);
    }

    /// Takes the uploads from an earlier survey, if none was aborted since.
    pub fn remember_unfinished(&mut self, earlier: &Self) {
        self.unfinished.clone_from(&earlier.unfinished);
    }

    /// Takes the results of checks from an earlier survey of the same archives, so that none is checked twice.
    pub fn remember_looks(&mut self, earlier: &Self) {
        let seen = earlier.entries.iter().filter(|one| one.archive_checked);
        let seen: BTreeMap<_, _> = seen.map(|one| (&one.record.id, one)).collect();
        for one in &mut self.entries {
            let before = seen.get(&one.record.id).filter(|before| before.archive == one.archive);
            if let Some(before) = before {
                one.doubt.clone_from(&before.doubt);
                (one.archive_checked, one.unseen) = (true, before.unseen);
            }
        }
    }
}

impl Catalog {
    /// Lists one database's folders and opens its newest `records_max` records. Objects whose names aren't ours are
    /// counted and ignored.
    ///
    /// # Errors
    /// Any error of the bucket while it is listed, and errors that concern more than one object. A record that can't be
    /// read is no error here: see [`Survey::unreadable`].
    pub async fn survey(&self, database: &Label, records_max: usize) -> Result<Survey> {
        let mut found = self.database_names(database).await?;
        self.warn_of_others(&found.names).await?;
        let ids = found.newest_first().take(records_max).collect();
        let opened = self.open_some(&found, ids).await?;
        let keys = std::mem::take(&mut found.names.keys);
        let names = &found.names;
        let mut survey = Survey {
            database: database.clone(),
            entries: opened.entries,
            orphans: Vec::new(),
            stray_marks: Vec::new(),
            stray_details: Vec::new(),
            drills: None,
            unfinished: None,
            keys,
            unreadable: opened.unreadable,
            foreign: names.foreign,
            others: names.others,
            other_repositories: names.other_repositories.clone(),
            unsettled: self.check_settled(&names.other_repositories).await.err(),
            too_late: names.too_late.len(),
        };
        self.check_other_tags(&mut survey.entries).await?;
        self.assess(&mut survey.entries).await?;
        self.explain_newest(&mut survey.entries).await?;
        sort_out(&mut survey, found.names, &found.makers);
        Ok(survey)
    }

    /// Whether there is a good record with this id now, whatever an earlier listing showed.
    ///
    /// # Errors
    /// Any error of the bucket, or an error if there is a record that can't be read.
    pub async fn is_committed(&self, database: &Label, id: &BackupId) -> Result<bool> {
        match self.open_record(database, id).await {
            Ok(record) => Ok(record.is_good()),
            Err(Error::Store(error)) if error.kind == Kind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Sorts archives into those without a record and those beside their record's archive, which are copies made by others.
fn sort_out(survey: &mut Survey, names: Names, makers: &[Maker]) {
    let record = |entry: &CatalogEntry| {
        let record = &entry.record;
        (record.id.clone(), (record.tier, record.is_good()))
    };
    let records: BTreeMap<BackupId, (Tier, bool)> = survey.entries.iter().map(record).collect();
    for ((id, tier), object) in names.archives {
        let its_record = records.get(&id);
        let died = its_record == Some(&(tier, false)) || !names.records.contains_key(&id);
        if died {
            let owner = maker(makers, &id, &survey.database).map_or_else(String::new, |maker| maker.identity.owner());
            survey.orphans.push(Orphan {
                id,
                tier,
                object,
                owner,
            });
        } else if its_record.is_some_and(|record| *record != (tier, true)) {
            survey.foreign += 1;
        }
    }
    let stray = names.marks.into_iter();
    survey.stray_marks = stray.filter(|(id, _)| !names.records.contains_key(id)).collect();
}
