//! Finds backups that look wrong: first by the numbers in their entries, then by their tables if that is not enough.
//!
//! Details grow with the database, so only a few are read: those of marked backups and of the next ones, which may
//! agree with them; those of backups that were not compared when they were made; and those of the newest ones, if
//! something will be deleted or compared.

use std::collections::BTreeSet;

use super::{Catalog, CatalogEntry, Survey, trust::compare_again};
use crate::{
    anomaly::{self, AGREEING, COMPARED, Measure},
    backup::BackupId,
    error::Result,
    text::counted,
};

/// The number of newest good backups among which those are found that were not compared when they were made.
const COMPARED_LATE: usize = 20;
/// The number of backups after a marked one that are checked for agreement with it.
const ASKED: usize = 8;
/// The most details that one survey reads, since an attacker who can write entries can mark any number of backups.
const DETAILS_READ_MAX: usize = 80;
/// The most tables of all these details together, at some 250 bytes each, since an attacker who can write details can
/// name any number of tables.
const TABLES_MAX: usize = 600_000;

impl Catalog {
    /// Assesses which entries look wrong. Newest first.
    pub(super) async fn assess(&self, entries: &mut [CatalogEntry]) -> Result<()> {
        compare_again(entries);
        if self.read_tables(entries, not_compared(entries)).await? {
            compare_again(entries);
        }
        self.ask_whether_they_agree(entries).await
    }

    /// Reads the tables of the newest trusted backups, and compares all backups again. Used before something is
    /// deleted, or compared with them.
    ///
    /// # Errors
    /// Errors that concern more than one object. Details that can't be read are skipped.
    pub async fn measure_newest(&self, survey: &mut Survey, count: usize) -> Result<()> {
        let newest: BTreeSet<BackupId> = survey.trusted().take(count).map(|one| one.record.id.clone()).collect();
        let entries = &mut survey.entries;
        let places: Vec<usize> = (0..entries.len())
            .filter(|at| newest.contains(&entries[*at].record.id))
            .collect();
        if self.read_tables(entries, places).await? {
            compare_again(entries);
            self.ask_whether_they_agree(entries).await?;
        }
        Ok(())
    }

    /// Reads why the newest run failed, if it did, and the warnings of the newest good one.
    pub(super) async fn explain_newest(&self, entries: &mut [CatalogEntry]) -> Result<()> {
        if let Some(newest) = entries.first_mut() {
            newest.failure = self.failure(&newest.record).await?;
        }
        let newest = entries.iter_mut().find(|one| one.is_good());
        if let Some(newest) = newest.filter(|one| one.record.counts.warnings > 0) {
            let details = self.known_details(&newest.record).await?;
            newest.warnings = match details {
                Some(details) => details.warnings,
                None => vec![unread_warnings(newest.record.counts.warnings).into()],
            };
        }
        Ok(())
    }

    /// Reads the tables of marked backups, and of later ones until enough of them agree or the limit is reached.
    async fn ask_whether_they_agree(&self, entries: &mut [CatalogEntry]) -> Result<()> {
        let marked: Vec<usize> = (0..entries.len())
            .filter(|at| entries[*at].is_good() && entries[*at].is_marked())
            .collect();
        for at in marked.into_iter().rev() {
            self.read_tables(entries, vec![at]).await?;
            let later: Vec<usize> = (0..at).rev().filter(|at| entries[*at].is_good()).collect();
            let mut agreeing = 0;
            for later in later.into_iter().take(ASKED) {
                if agreeing == AGREEING || entries[at].measure.tables.is_none() {
                    break;
                }
                self.read_tables(entries, vec![later]).await?;
                let (one, other) = (&entries[at].measure, &entries[later].measure);
                agreeing += usize::from(anomaly::agree(one, other));
            }
        }
        Ok(())
    }

    /// Reads the details at these places, unless they were read already. Returns whether anything was learnt.
    async fn read_tables(&self, entries: &mut [CatalogEntry], places: Vec<usize>) -> Result<bool> {
        let mut learnt = false;
        for at in places {
            let read = entries.iter().filter(|one| one.measure.tables.is_some());
            let (mut count, mut tables) = (0, 0);
            for one in read {
                count += 1;
                tables += one.measure.tables.as_ref().map_or(0, |tables| tables.len());
            }
            let one = &mut entries[at];
            // a catalog key can't open details, which is not a fault
            let record = &one.record;
            if !self.sees_inside(&record.database, &record.id).await? {
                continue;
            }
            let known = one.measure.tables.is_some() || one.details_fault;
            let expected = usize::try_from(one.record.counts.tables).unwrap_or(usize::MAX);
            if known || count >= DETAILS_READ_MAX || tables.saturating_add(expected) > TABLES_MAX {
                continue;
            }
            match self.known_details(&one.record).await? {
                Some(details) => {
                    one.measure = Measure::with_tables(&one.record, &details);
                    one.reasons = details.suspicious;
                    learnt = true;
                }
                None => one.details_fault = true,
            }
        }
        Ok(learnt)
    }
}

/// The warning that stands for warnings whose text can't be read.
fn unread_warnings(count: u64) -> String {
    let count = counted(count, "warning");
    format!("{count}, whose words stand in its details, which can't be read with the keys at hand")
}

/// The places of the newest good backups that were compared with none when they were made, although there were some,
/// and of those before them.
fn not_compared(entries: &[CatalogEntry]) -> Vec<usize> {
    let good: Vec<usize> = (0..entries.len()).filter(|at| entries[*at].is_good()).collect();
    let newest = good.iter().take(COMPARED_LATE).enumerate();
    let alone = newest.filter(|(n, at)| {
        let has_earlier = n + 1 < good.len();
        entries[**at].record.compared == 0 && has_earlier
    });
    let places = alone.flat_map(|(n, _)| good[n..].iter().take(COMPARED + 1));
    let places: BTreeSet<usize> = places.copied().collect();
    places.into_iter().collect()
}
