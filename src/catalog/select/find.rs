use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{BackupSelector, is_part_of};
use crate::{
    backup::{AHEAD_MAX, BackupId, Label, Record, Tier},
    catalog::{Catalog, CatalogEntry, Doubt, NearbyPlace, databases::DatabaseNames},
    error::{Error, Result},
    text::{counted, second},
};

/// Candidates that an error names.
const NAMED_MAX: usize = 8;

/// The most backups whose archive is another object than was uploaded that are skipped; then the newest of them is
/// taken. In a copied place all of them are.
const UNSURE_MAX: usize = 10;

impl Catalog {
    /// The backup that a user means.
    ///
    /// # Errors
    /// [`Error::NoSuchBackup`] if there is none or more than one, [`Error::Usage`] if `latest` could be of several
    /// databases, [`Error::Seal`] if its record can't be opened.
    pub async fn find(&self, wanted: &BackupSelector, database: Option<&Label>, now: Timestamp) -> Result<Record> {
        let all = self.settled_names(database).await?;
        let is_empty = all.iter().all(|found| found.names.records.is_empty());
        let found = match wanted {
            BackupSelector::Part(part) => self.find_part(part, &all).await,
            BackupSelector::Latest { tier, before } => self.find_latest(*tier, *before, &all, wanted, now).await,
        };
        match found {
            Err(error @ Error::NoSuchBackup { .. }) => Err(self.why_none(wanted, database, is_empty, error).await),
            found => found,
        }
    }

    /// The database and the id of what a person names by a part of its id: of a record, or of what a run that died has
    /// left without one.
    ///
    /// # Errors
    /// As [`Catalog::find`].
    pub async fn locate(&self, part: &str, database: Option<&Label>) -> Result<(Label, BackupId)> {
        let all = self.settled_names(database).await?;
        let is_empty = all.iter().all(|found| found.names.records.is_empty());
        let named = all.iter().flat_map(|found| {
            let names = &found.names;
            let archives = names.archives.keys().map(|(id, _)| id);
            let ids: BTreeSet<&BackupId> = names.records.keys().chain(archives).collect();
            ids.into_iter().rev().map(|id| (&found.database, id))
        });
        match the_one(part, named) {
            Ok(Some((database, id))) => Ok((database.clone(), id.clone())),
            Ok(None) => {
                let none = Error::no_such_backup(part, self.store.location());
                let wanted = BackupSelector::Part(part.to_owned());
                Err(self.why_none(&wanted, database, is_empty, none).await)
            }
            Err(error) => Err(error),
        }
    }

    /// Why there is none: a wrong key is no empty bucket.
    async fn why_none(&self, wanted: &BackupSelector, database: Option<&Label>, is_empty: bool, none: Error) -> Error {
        let is_asked_for = |id: &BackupId| match wanted {
            BackupSelector::Part(part) => is_part_of(part, id),
            BackupSelector::Latest { before, .. } => before.is_none_or(|before| id.time() < before),
        };
        match self.stranger_of(database, is_asked_for).await {
            Some(stranger) => stranger,
            None if is_empty => match self.of_others().await {
                Ok(Some(others)) => others,
                // other databases have backups here
                Ok(None) if database.is_some() && self.databases().await.is_ok_and(|all| !all.is_empty()) => none,
                Ok(None) => self.no_backup_at_all(&wanted.noun()).await,
                Err(error) => error,
            },
            None => none,
        }
    }

    /// The error for a place without any backup, with the places that have some. Looks for these. `wanted` is what was
    /// asked for, as in `good backup`.
    pub async fn no_backup_at_all(&self, wanted: &str) -> Error {
        let elsewhere = NearbyPlace::all_said(&self.nearby_places().await);
        Error::no_backup_at_all(wanted, self.store.location(), elsewhere)
    }

    async fn find_part(&self, part: &str, all: &[DatabaseNames]) -> Result<Record> {
        let named = all
            .iter()
            .flat_map(|found| found.newest_first().map(|id| (&found.database, id)));
        match the_one(part, named)? {
            Some((database, id)) => self.open_record(database, id).await,
            None => {
                let none = Error::no_such_backup(part, self.store.location());
                // words of other tools, which might be parts of ids
                let means_latest = ["newest", "last", "current", "recent", "head"];
                let means_latest = means_latest.iter().any(|word| word.eq_ignore_ascii_case(part));
                let means_latest =
                    means_latest || strsim::damerau_levenshtein(&part.to_ascii_lowercase(), "latest") <= 2;
                Err(match means_latest {
                    true => none.with_hint("the newest good backup is called latest".to_owned()),
                    false => none,
                })
            }
        }
    }

    async fn find_latest(
        &self,
        tier: Option<Tier>,
        before: Option<Timestamp>,
        all: &[DatabaseNames],
        wanted: &BackupSelector,
        now: Timestamp,
    ) -> Result<Record> {
        let none = || Error::no_backup_at_all(&wanted.noun(), self.store.location(), None);
        let mut with_records = all.iter().filter(|found| !found.names.records.is_empty());
        let found = match (with_records.next(), with_records.next()) {
            (None, _) => return Err(none()),
            (Some(found), None) => found,
            (Some(one), Some(other)) => {
                let (one, other) = (&one.database, &other.database);
                let here = match with_records.count() {
                    0 => format!("{one} and {other}"),
                    more => format!("{one}, {other} and {more} more"),
                };
                return Err(Error::usage(
                    format!("{wanted} of which database? there are {here} here"),
                    "add --database NAME",
                ));
            }
        };
        // a backup dated by a clock that was ahead is the newest only if there is nothing else; the bucket's clock
        // decides, since a machine whose own is behind would skip new backups
        let now = self.store.service_time().unwrap_or(now);
        let is_ahead = |id: &&BackupId| id.time().duration_since(now) > AHEAD_MAX;
        let in_question = |id: &&BackupId| before.is_none_or(|before| id.time() < before);
        let mut ids: Vec<&BackupId> = found.newest_first().filter(in_question).collect();
        for id in ids.iter().filter(|id| is_ahead(id)) {
            tracing::warn!("passed over {id}, which is dated by a clock that was ahead");
        }
        ids.sort_by_key(is_ahead);
        let (mut refused, mut unsure) = (None, Vec::new());
        let mut seen = Others {
            oldest: found.newest_first().last(),
            ..Others::default()
        };
        for id in ids {
            if unsure.len() >= UNSURE_MAX {
                break;
            }
            let one = match self.open_and_look(found, id).await {
                Ok(one) => one,
                Err(error @ (Error::Seal { .. } | Error::Record { .. } | Error::Differs { .. })) => {
                    tracing::warn!("passed over a newer record that can't be read: {error}");
                    refused = refused.or(Some(error));
                    continue;
                }
                // longer than any record, or deleted since the listing
                Err(Error::Store(error)) if !error.kind.is_of_all_objects() => {
                    tracing::warn!("passed over a newer record that can't be read: {error}");
                    refused = refused.or(Some(error.into()));
                    continue;
                }
                Err(error) => return Err(error),
            };
            // an id tells its second alone
            if before.is_some_and(|before| one.record.started >= before) {
                continue;
            }
            seen.count(&one.record);
            let is_of_tier = one.record.is_good() && tier.is_none_or(|tier| serves(&one.record, tier));
            match one.why_doubted().cloned() {
                Some(doubt) if doubt.may_be_intact() && is_of_tier => unsure.push((one.record, doubt)),
                Some(doubt) => {
                    tracing::warn!("passed over {id}: {doubt}");
                    let error = Error::differs(id.as_str(), doubt.to_string());
                    refused = refused.or(Some(error));
                }
                None if is_of_tier => {
                    self.warn_of_choice(&one, &unsure).await;
                    return Ok(one.record);
                }
                None => {}
            }
        }
        if let Some((record, doubt)) = unsure.into_iter().next() {
            let id = &record.id;
            tracing::warn!("{id} is the newest, and {doubt}");
            return Ok(record);
        }
        Err(refused.unwrap_or_else(|| seen.instead_of(none(), tier, before)))
    }

    async fn open_and_look(&self, found: &DatabaseNames, id: &BackupId) -> Result<CatalogEntry> {
        let mut one = self.open_one(found, id).await?;
        self.check_other_tags(std::slice::from_mut(&mut one)).await?;
        Ok(one)
    }

    /// Warns about what the user should know about the chosen backup.
    async fn warn_of_choice(&self, one: &CatalogEntry, passed_over: &[(Record, Doubt)]) {
        let id = &one.record.id;
        if let Some(anomaly) = one.record.anomalies.first() {
            let details = self.known_details(&one.record).await.ok().flatten();
            let reasons = details.map(|details| details.suspicious).unwrap_or_default();
            let reason = reasons.first().map_or_else(|| anomaly.to_string(), ToString::to_string);
            tracing::warn!("{id} looked suspicious when it was made: {reason}; `pgcoffer list` shows those before it");
        }
        for (passed_over, doubt) in passed_over {
            let id = &passed_over.id;
            tracing::warn!("passed over {id}: {doubt}");
        }
    }
}

/// What there is where nothing was of the wanted tier and time.
#[derive(Default)]
struct Others<'a> {
    /// The oldest run, at whatever time.
    oldest: Option<&'a BackupId>,
    /// How many runs began in time.
    runs: usize,
    /// The newest good one of these.
    newest: Option<BackupId>,
    /// The tiers of the good ones.
    tiers: BTreeSet<Tier>,
}

impl Others<'_> {
    /// Counts a run that began in time; the newest is counted first.
    fn count(&mut self, record: &Record) {
        self.runs += 1;
        if record.is_good() {
            self.newest.get_or_insert_with(|| record.id.clone());
            self.tiers.extend(record.serves().iter().map(|served| served.tier));
        }
    }

    /// The error with a hint that says what there is.
    fn instead_of(&self, none: Error, tier: Option<Tier>, before: Option<Timestamp>) -> Error {
        let then = if before.is_some() { " before then" } else { "" };
        let hint = match (&self.newest, tier, self.oldest) {
            (Some(newest), Some(tier), _) => {
                let tiers: Vec<&str> = self.tiers.iter().map(|tier| tier.as_str()).collect();
                let other = tiers.first().copied().unwrap_or_default();
                format!(
                    "no good backup{then} is a {tier} one; there are {} ones, the newest of them {newest}: take latest, \
                     or latest:{other}",
                    tiers.join(" and ")
                )
            }
            (None, _, Some(oldest)) if self.runs == 0 => {
                let began = second(oldest.time());
                format!("the oldest one here is {oldest}, which began {began}")
            }
            _ => format!(
                "none of the {}{then} is good: `pgcoffer list --all` shows why",
                counted(self.runs, "run")
            ),
        };
        none.with_hint(hint)
    }
}

/// Whether a backup serves a tier: a monthly backup that was due as the daily one too is also a daily one.
fn serves(record: &Record, tier: Tier) -> bool {
    record.serves().iter().any(|served| served.tier == tier)
}

/// The one of these, newest first, that a person means by a part of its id.
fn the_one<'a>(
    part: &str,
    named: impl Iterator<Item = (&'a Label, &'a BackupId)>,
) -> Result<Option<(&'a Label, &'a BackupId)>> {
    let meant: Vec<_> = named.filter(|(_, id)| is_part_of(part, id)).collect();
    if meant.len() <= 1 {
        return Ok(meant.first().copied());
    }
    let count = meant.len();
    let names: Vec<String> = meant
        .iter()
        .take(NAMED_MAX)
        .map(|(database, id)| format!("{id} of {database}"))
        .collect();
    let more = match count.saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    // of one database alone, its name says nothing
    let hint = match meant.iter().all(|(database, _)| *database == meant[0].0) {
        true => "give more of the id",
        false => "give more of the id, or --database",
    };
    Err(Error::usage(
        format!("{part:?} is a part of {count} ids: {}{more}", names.join(", ")),
        hint,
    ))
}
