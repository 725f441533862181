//! One database's part of the bucket, looked through whole: what is ours by name, opened, and what stands beside it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Catalog, CatalogEntry, Maker, OtherRepository, keys::maker, names::Names};
use crate::{
    backup::{BackupId, Label, Tier},
    error::{Error, Result},
    store::{Kind, Object, Unfinished},
};

/// Everything of one database that bears an id of ours.
#[derive(Debug)]
pub struct Survey {
    /// Label of the database.
    pub database: Label,
    /// The records, opened; newest first.
    pub entries: Vec<CatalogEntry>,
    /// Archives under an id of ours that has no record, or the record of a failed run.
    pub orphans: Vec<Orphan>,
    /// Marks under an id of ours that has no record.
    pub stray_marks: Vec<(BackupId, Object)>,
    /// Details under an id of ours that has no record, once they were looked for.
    pub stray_details: Vec<(BackupId, Object)>,
    /// Uploads under way, or left behind, that would become archives of ours, once they were looked for.
    pub(super) unfinished: Option<Vec<Unfinished>>,
    /// What is ours by name and can't be read: its key, and why.
    pub unreadable: Vec<(String, Error)>,
    /// Every key that was listed in these folders, whosever it is.
    pub keys: BTreeSet<String>,
    /// Objects in these folders that are not ours, which nobody touches.
    pub foreign: usize,
    /// Records among these whose names no key at hand has made.
    pub others: usize,
    /// Records of other repositories under a key that counts here.
    pub other_repositories: Vec<OtherRepository>,
    /// These stand here and no setting says which repository is meant: the error that says so.
    pub unsettled: Option<Error>,
    /// Records under a key that was retired before they were made: they are not believed.
    pub too_late: usize,
}

/// An archive that is no backup: its run died before the record was written, or after the record was deleted.
#[derive(Debug)]
pub struct Orphan {
    /// The id in its name.
    pub id: BackupId,
    /// The tier in its name.
    pub tier: Tier,
    /// The archive.
    pub object: Object,
    /// Tag of the owner by whose key its id was made.
    pub owner: String,
}

impl Survey {
    /// Whether everything of ours could be read: nothing may be deleted otherwise.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unreadable.is_empty()
    }
}

impl Survey {
    /// Places of the good backups in `entries`, newest first.
    pub(super) fn places_of_good(&self) -> Vec<usize> {
        let good = self.entries.iter().enumerate();
        good.filter(|(_, one)| one.is_good()).map(|(at, _)| at).collect()
    }

    /// Takes over the uploads that were under way at an earlier look, where none was aborted since.
    pub fn remember_unfinished(&mut self, earlier: &Self) {
        self.unfinished.clone_from(&earlier.unfinished);
    }

    /// Takes over what an earlier look at the same archives has seen, so that none is looked at twice.
    pub fn remember_looks(&mut self, earlier: &Self) {
        let seen = earlier.entries.iter().filter(|one| one.looked_at);
        let seen: BTreeMap<_, _> = seen.map(|one| (&one.record.id, one)).collect();
        for one in &mut self.entries {
            let before = seen.get(&one.record.id).filter(|before| before.archive == one.archive);
            if let Some(before) = before {
                one.doubt.clone_from(&before.doubt);
                (one.looked_at, one.unseen) = (true, before.unseen);
            }
        }
    }
}

impl Catalog {
    /// Looks through one database's folders and opens its newest `records_max` records. What bears no id of ours is
    /// counted and left alone.
    ///
    /// # Errors
    /// What the bucket refuses to list, and what concerns more than one object. A record that can't be read is no error
    /// here: see [`Survey::unreadable`].
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
            unfinished: None,
            keys,
            unreadable: opened.unreadable,
            foreign: names.foreign,
            others: names.others,
            other_repositories: names.other_repositories.clone(),
            unsettled: self.check_settled(&names.other_repositories).await.err(),
            too_late: names.too_late.len(),
        };
        self.look_at_other_tags(&mut survey.entries).await?;
        self.assess(&mut survey.entries).await?;
        self.explain_newest(&mut survey.entries).await?;
        sort_out(&mut survey, found.names, &found.makers);
        Ok(survey)
    }

    /// Whether there is a good record under this id by now, whatever a list said before.
    ///
    /// # Errors
    /// What the bucket refuses, and where a record is there that can't be read.
    pub async fn is_committed(&self, database: &Label, id: &BackupId) -> Result<bool> {
        match self.open_record(database, id).await {
            Ok(record) => Ok(record.is_good()),
            Err(Error::Store(error)) if error.kind == Kind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Tells what stands without a record from what stands beside its record's archive: that is a copy, and somebody
/// else's.
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
