use std::fmt;

use jiff::Timestamp;

use super::{Catalog, CatalogEntry, Doubt, databases::DatabaseNames};
use crate::{
    backup::{AHEAD_MAX, BackupId, Label, Record, Tier},
    error::{Error, Result},
};

/// Which backup a user means: an id or a unique beginning of one, `latest`, or `latest:<tier>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupSelector {
    /// The newest good one, of a tier if one is named.
    Latest(Option<Tier>),
    /// The one whose id begins with this text.
    Beginning(String),
}

impl BackupSelector {
    /// Parses the text of a user.
    ///
    /// # Errors
    /// [`Error::Usage`] for text that can't be the beginning of an id.
    pub fn parse(text: &str) -> Result<Self> {
        let usage = |why: String| {
            Error::usage(
                why,
                "give an id from `pgcoffer list`, the beginning of one, latest, or latest:daily",
            )
        };
        if let Some(rest) = text.strip_prefix("latest") {
            return match rest.strip_prefix(':') {
                None if rest.is_empty() => Ok(Self::Latest(None)),
                Some(tier) => Ok(Self::Latest(Some(tier.parse().map_err(|e| usage(format!("{e}")))?))),
                None => Err(usage(format!("{text:?} is not a backup id"))),
            };
        }
        let plain = text.len() >= 4 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if plain && text.starts_with(|c: char| c.is_ascii_digit()) {
            Ok(Self::Beginning(text.to_owned()))
        } else {
            Err(usage(format!(
                "{text:?} is not a backup id, nor the first four characters or more of one"
            )))
        }
    }
}

impl fmt::Display for BackupSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest(None) => write!(f, "latest"),
            Self::Latest(Some(tier)) => write!(f, "latest:{tier}"),
            Self::Beginning(id) => write!(f, "{id}"),
        }
    }
}

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
        let (found, asked_for) = match wanted {
            BackupSelector::Beginning(text) => (self.find_beginning(text, &all).await, text.as_str()),
            BackupSelector::Latest(tier) => (self.find_latest(*tier, &all, wanted, now).await, ""),
        };
        match found {
            // a wrong key must not look like an empty bucket
            Err(error @ Error::NoSuchBackup { .. }) => match self.stranger_of(database, asked_for).await {
                Some(stranger) => Err(stranger),
                None if is_empty => Err(self.of_others().await?.unwrap_or(error)),
                None => Err(error),
            },
            found => found,
        }
    }

    async fn find_beginning(&self, text: &str, all: &[DatabaseNames]) -> Result<Record> {
        let mut fitting = all.iter().flat_map(|found| {
            let ids = found.newest_first();
            let fitting = ids.filter(|id| id.as_str().starts_with(text));
            fitting.map(|id| (&found.database, id))
        });
        match (fitting.next(), fitting.next()) {
            (Some((database, id)), None) => self.open_record(database, id).await,
            (None, _) => Err(Error::no_such_backup(text, self.store.location())),
            (Some((_, first)), Some((_, second))) => {
                let count = 2 + fitting.count();
                Err(Error::usage(
                    format!("{count} backups begin with {text:?}: {first}, {second} …"),
                    "give more of the id, or --database",
                ))
            }
        }
    }

    async fn find_latest(
        &self,
        tier: Option<Tier>,
        all: &[DatabaseNames],
        wanted: &BackupSelector,
        now: Timestamp,
    ) -> Result<Record> {
        let none = || Error::no_such_backup(&wanted.to_string(), self.store.location());
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
        let mut ids: Vec<&BackupId> = found.newest_first().collect();
        for id in ids.iter().filter(|id| is_ahead(id)) {
            tracing::warn!("passed over {id}, which is dated by a clock that was ahead");
        }
        ids.sort_by_key(is_ahead);
        let (mut refused, mut unsure) = (None, Vec::new());
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
        Err(refused.unwrap_or_else(none))
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

/// Whether a backup serves a tier: a monthly backup that was due as the daily one too is also a daily one.
fn serves(record: &Record, tier: Tier) -> bool {
    record.serves().iter().any(|served| served.tier == tier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_is_an_id_a_beginning_or_latest() {
        assert_eq!(BackupSelector::parse("latest").unwrap(), BackupSelector::Latest(None));
        assert_eq!(
            BackupSelector::parse("latest:daily").unwrap(),
            BackupSelector::Latest(Some(Tier::Daily))
        );
        assert_eq!(
            BackupSelector::parse("20261120").unwrap(),
            BackupSelector::Beginning("20261120".into())
        );
        for bad in [
            "",
            "lat",
            "latest:",
            "latestdaily",
            "latest:x",
            "2",
            "../x",
            "main/2026",
        ] {
            assert!(BackupSelector::parse(bad).is_err(), "{bad:?}");
        }
    }
}
