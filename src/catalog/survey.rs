//! One database's part of the bucket, looked through whole: what is ours by name, opened, and what stands beside it.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};

use super::{
    Catalog, Doubt, Maker, OtherRepository,
    keys::maker,
    look::{Shown, unsure},
    names::Names,
};
use crate::{
    backup::{BackupId, Label, Mark, Record, Tier},
    error::{Error, Result},
    store::{Kind, Object},
};

/// Everything of one database that bears an id of ours.
#[derive(Debug)]
pub struct Survey {
    /// label of the database
    pub database: Label,
    /// the records, opened; newest first
    pub standing: Vec<Standing>,
    /// archives under an id of ours that has no record, or the record of a failed run
    pub orphans: Vec<Orphan>,
    /// marks under an id of ours that has no record
    pub stray_marks: Vec<(BackupId, Object)>,
    /// what is ours by name and can't be read: its key, and why
    pub unreadable: Vec<(String, Error)>,
    /// objects in these folders that are not ours, which nobody touches
    pub foreign: usize,
    /// records among these whose names no key at hand has made
    pub others: usize,
    /// records of other repositories under a key that counts here
    pub other_repositories: Vec<OtherRepository>,
    /// these stand here and no setting says which repository is meant: the error that says so
    pub unsettled: Option<Error>,
    /// records under a key that was retired before they were made: they are not believed
    pub too_late: usize,
}

/// One run as it stands in the bucket.
#[derive(Debug)]
pub struct Standing {
    /// its record, without the compression index, and without its tables where it is old and nobody will compare with it
    pub record: Record,
    /// the record's object
    pub object: Object,
    /// the archive where the record says it is
    pub archive: Option<Object>,
    /// why the archive of a good record can't be counted on, as far as it was looked at
    pub doubt: Option<Doubt>,
    /// why the whole of it can't be counted on, where nothing is wrong with header and last frame
    pub unsure: Option<Doubt>,
    /// header and last frame of the archive have been looked at
    pub looked_at: bool,
    /// it was to be looked at, and lies in cold storage
    pub unseen: bool,
    /// what people decided about it
    pub mark: Option<Mark>,
    /// the mark's object
    pub mark_object: Option<Object>,
    /// why its mark can't be read, where there is one: nobody knows then whether it is held
    pub mark_fault: Option<String>,
    /// tag of the owner by whose key its id was made
    pub owner: String,
    /// the key that made it: `key 0123456789abcdef` or `a passphrase`
    pub key: String,
    /// that key had been retired for a while when the record came to the bucket: it was copied there, or dated back by a holder
    /// of the key
    pub came_late: bool,
}

/// An archive that is no backup: its run died before the record was written, or after the record was deleted.
#[derive(Debug)]
pub struct Orphan {
    /// the id in its name
    pub id: BackupId,
    /// the tier in its name
    pub tier: Tier,
    /// the archive
    pub object: Object,
    /// tag of the owner by whose key its id was made
    pub owner: String,
}

impl Survey {
    /// Whether everything of ours could be read: nothing may be deleted otherwise.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unreadable.is_empty()
    }
}

impl Standing {
    /// Whether the archive stands where the record says, as long as it says, and nothing that was looked at is wrong with it.
    #[must_use]
    pub fn has_archive(&self) -> bool {
        self.record.sealed.is_some() && self.archive.is_some() && self.doubt.is_none()
    }
}

impl Survey {
    /// Places of the good backups in `standing`, newest first.
    pub(super) fn places_of_good(&self) -> Vec<usize> {
        let good = self.standing.iter().enumerate();
        good.filter(|(_, one)| one.is_good())
            .map(|(at, _)| at)
            .collect()
    }
}

impl Catalog {
    /// Looks through one database's folders and opens its newest `records_max` records. What bears no id of ours is counted
    /// and left alone.
    ///
    /// # Errors
    /// What the bucket refuses to list, and what concerns more than one object. A record that can't be read is no error
    /// here: see [`Survey::unreadable`].
    pub async fn survey(&self, database: &Label, records_max: usize) -> Result<Survey> {
        let makers = self.makers(database).await?;
        let names = self.names(database, &makers).await?;
        self.warn_of_others(&names).await?;
        let mut survey = Survey {
            database: database.clone(),
            standing: Vec::new(),
            orphans: Vec::new(),
            stray_marks: Vec::new(),
            unreadable: Vec::new(),
            foreign: names.foreign,
            others: names.others,
            other_repositories: names.other_repositories.clone(),
            unsettled: self.check_settled(&names.other_repositories).await.err(),
            too_late: names.too_late.len(),
        };
        self.open_newest(&mut survey, &names, &makers, records_max)
            .await?;
        self.look_at_other_tags(&mut survey.standing).await?;
        super::judged::judge_anew(&mut survey.standing);
        sort_out(&mut survey, names, &makers);
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

    async fn open_newest(
        &self,
        survey: &mut Survey,
        names: &Names,
        makers: &[Maker],
        records_max: usize,
    ) -> Result<()> {
        let database = survey.database.clone();
        let (catalog, label) = (self, &database);
        let mut forget = Forget::default();
        let width = super::reads_at_once(names.records.values().map(|object| object.bytes).max());
        let mut opened = stream::iter(names.records.iter().rev().take(records_max))
            .map(|(id, object)| async move {
                let mark = names.marks.get(id);
                let opened = catalog.open_with_mark(label, id, mark).await;
                (id, object, mark, opened)
            })
            .buffered(width);
        while let Some((id, object, mark_object, result)) = opened.next().await {
            match result {
                Ok((mut record, mark)) => {
                    if let Some(sealed) = &mut record.sealed {
                        sealed.compression.chunks = Vec::new();
                    }
                    let archive = names.archives.get(&(id.clone(), record.tier));
                    let archive = archive.filter(|_| record.is_good()).cloned();
                    let maker = maker(makers, id, &database);
                    let its_mark = mark.as_ref().ok().and_then(Option::as_ref);
                    survey.standing.push(Standing {
                        unsure: unsure(&record, archive.as_ref(), its_mark),
                        doubt: doubt(&record, archive.as_ref()),
                        archive,
                        record,
                        object: object.clone(),
                        looked_at: false,
                        unseen: false,
                        mark_fault: mark.as_ref().err().map(ToString::to_string),
                        mark: mark.ok().flatten(),
                        mark_object: mark_object.cloned(),
                        owner: maker.map_or_else(String::new, |maker| maker.identity.owner()),
                        key: maker.map_or_else(String::new, |maker| maker.secret.describe()),
                        came_late: maker.is_some_and(|maker| maker.was_retired_before(object)),
                    });
                    forget.old_tables(&mut survey.standing);
                }
                // deleted since it was listed, by another prune
                Err(Error::Store(error)) if error.kind == Kind::NotFound => {}
                Err(Error::Store(error)) if super::listing::is_of_the_whole(error.kind) => {
                    return Err(error.into());
                }
                Err(error) => survey.unreadable.push((object.key.clone(), error)),
            }
        }
        Ok(())
    }

    /// A record, and its mark. A mark that can't be read says nothing of the backup, which is good or not without it.
    pub(super) async fn open_with_mark(
        &self,
        database: &Label,
        id: &BackupId,
        mark: Option<&Object>,
    ) -> Result<(Record, Result<Option<Mark>>)> {
        let record = self.open_record(database, id).await?;
        let mark = match mark {
            Some(object) => match self.open_mark(database, id, object).await {
                Err(Error::Store(error)) if super::listing::is_of_the_whole(error.kind) => {
                    return Err(error.into());
                }
                Err(Error::Store(error)) if error.kind == Kind::NotFound => Ok(None),
                opened => opened.map(Some),
            },
            None => Ok(None),
        };
        Ok((record, mark))
    }
}

/// Why the archive of a good record is none, by what a listing shows.
fn doubt(record: &Record, archive: Option<&Object>) -> Option<Doubt> {
    match Shown::of(record, archive) {
        Shown::Doubted(doubt) if record.is_good() => Some(doubt),
        _ => None,
    }
}

/// Forgets the tables of backups that nobody will compare with: the newest good ones have a part in judging the next, and
/// those that came after a suspicious one in judging that.
#[derive(Default)]
struct Forget {
    /// how many are done with
    done: usize,
    /// good ones among these
    good: usize,
    /// tables that are held
    tables: usize,
}

impl Forget {
    /// Good backups whose tables stay.
    const GOOD: usize = 20;
    /// How many of those that came after a suspicious one keep theirs.
    const AFTER: usize = 8;

    /// Tables of all of them together, some 250 bytes each: whoever can write records can put as many into each as he likes.
    const TABLES: usize = 600_000;

    /// To be called whenever one has been added to `standing`, newest first.
    fn old_tables(&mut self, standing: &mut [Standing]) {
        if let Some((one, newer)) = standing.split_last_mut() {
            let tables = &mut one.record.tables;
            if !newer.is_empty() && self.tables + tables.len() > Self::TABLES {
                *tables = Vec::new();
            }
            self.tables += tables.len();
        }
        while self.done + Self::AFTER < standing.len() {
            let near = &standing[self.done..=self.done + Self::AFTER];
            let is_quiet = near.iter().all(|one| one.record.suspicious.is_empty());
            let one = &mut standing[self.done];
            if self.good >= Self::GOOD && is_quiet {
                self.tables -= one.record.tables.len();
                one.record.tables = Vec::new();
            }
            self.good += usize::from(one.record.is_good());
            self.done += 1;
        }
    }
}

/// Tells what stands without a record from what stands beside its record's archive: that is a copy, and somebody else's.
fn sort_out(survey: &mut Survey, names: Names, makers: &[Maker]) {
    let record = |standing: &Standing| {
        let record = &standing.record;
        (record.id.clone(), (record.tier, record.is_good()))
    };
    let records: BTreeMap<BackupId, (Tier, bool)> = survey.standing.iter().map(record).collect();
    for ((id, tier), object) in names.archives {
        let its_record = records.get(&id);
        let died = its_record == Some(&(tier, false)) || !names.records.contains_key(&id);
        if died {
            let owner = maker(makers, &id, &survey.database)
                .map_or_else(String::new, |maker| maker.identity.owner());
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
    survey.stray_marks = stray
        .filter(|(id, _)| !names.records.contains_key(id))
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(suspicious: bool) -> Standing {
        let fingerprint = "0".repeat(32);
        let record = serde_json::json!({
            "version": 1, "repository": "c0ffee00112233445566778899aabbcc", "id": "20261120T070000Z-rkropyeppww6", "database": "main", "tier": "daily",
            "retention": "7d", "expires": null, "started": "2026-11-20T07:00:00Z",
            "finished": "2026-11-20T07:00:00Z", "agent": "0", "status": "succeeded", "warnings": [],
            "suspicious": if suspicious { vec!["few"] } else { vec![] }, "source": null,
            "sealed": { "key": "k", "bytes": 1, "dump_bytes": 1, "etag": null, "crc64nvme": "", "part_bytes": 1,
                "compression": { "algorithm": "none", "level": 0, "chunk_bytes": 1, "chunks": [] } },
            "tables": [{ "schema": "s", "name": "t", "rows": 1, "bytes": 1, "fingerprint": fingerprint, "span": [0, 1] }],
            "large_objects": { "count": 0, "bytes": 0, "fingerprint": fingerprint },
        });
        let object = Object {
            key: String::new(),
            bytes: 1,
            etag: None,
            modified: None,
            storage_class: None,
            archive_tier: None,
            thaw: crate::store::Thaw::Warm,
        };
        Standing {
            record: Record::from_json(record.to_string().as_bytes()).unwrap(),
            archive: Some(object.clone()),
            object,
            doubt: None,
            unsure: None,
            looked_at: false,
            unseen: false,
            mark: None,
            mark_object: None,
            mark_fault: None,
            owner: String::new(),
            key: String::new(),
            came_late: false,
        }
    }

    #[test]
    fn tables_are_forgotten_but_those_that_somebody_compares_with() {
        let (mut all, mut forget) = (Vec::new(), Forget::default());
        for n in 0..60 {
            all.push(standing(n == 40));
            forget.old_tables(&mut all);
        }
        let kept: Vec<usize> = (0..60)
            .filter(|n| !all[*n].record.tables.is_empty())
            .collect();
        // the newest twenty, the marked one and the eight that came after it, and the last eight, not yet judged
        let expected: Vec<usize> = (0..20).chain(32..=40).chain(52..60).collect();
        assert_eq!(kept, expected);
    }

    #[test]
    fn records_of_many_tables_do_not_fill_the_memory() {
        let (mut all, mut forget) = (Vec::new(), Forget::default());
        for _ in 0..10 {
            let mut one = standing(false);
            one.record.tables = vec![one.record.tables[0].clone(); 250_000];
            all.push(one);
            forget.old_tables(&mut all);
        }
        let kept = all.iter().filter(|one| !one.record.tables.is_empty());
        assert_eq!(kept.count(), 2);
    }
}
