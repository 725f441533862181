use std::fmt;

use jiff::Timestamp;

use super::{Catalog, entries::Entry};
use crate::{
    backup::{AHEAD_MAX, Label, Record, Tier},
    error::{Error, Result},
};

/// Which backup a person means: an id or a unique beginning of one, `latest`, or `latest:<tier>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// the newest good one, of a tier where one is named
    Latest(Option<Tier>),
    /// the one whose id begins so
    Beginning(String),
}

impl Wanted {
    /// Reads what a person typed.
    ///
    /// # Errors
    /// [`Error::Usage`] for what can't be the beginning of an id.
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
                Some(tier) => Ok(Self::Latest(Some(
                    tier.parse().map_err(|e| usage(format!("{e}")))?,
                ))),
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

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latest(None) => write!(f, "latest"),
            Self::Latest(Some(tier)) => write!(f, "latest:{tier}"),
            Self::Beginning(id) => write!(f, "{id}"),
        }
    }
}

/// The most archives that are other objects than were uploaded before the newest of them is taken: where a whole place was
/// copied, all of them are.
const UNSURE_MAX: usize = 10;

impl Catalog {
    /// The backup that a person means.
    ///
    /// # Errors
    /// [`Error::NoSuchBackup`] where there is none or more than one, [`Error::Usage`] where `latest` could be of several
    /// databases, [`Error::Seal`] where its record can't be opened.
    pub async fn find(
        &self,
        wanted: &Wanted,
        database: Option<&Label>,
        now: Timestamp,
    ) -> Result<Record> {
        let entries = self.entries(database, None).await?;
        let is_empty = entries.is_empty();
        let (found, asked_for) = match wanted {
            Wanted::Beginning(text) => (self.find_beginning(text, entries).await, text.as_str()),
            Wanted::Latest(tier) => (self.find_latest(*tier, entries, wanted, now).await, ""),
        };
        match found {
            // a wrong key is no empty bucket
            Err(error @ Error::NoSuchBackup { .. }) => {
                match self.stranger_of(database, asked_for).await {
                    Some(stranger) => Err(stranger),
                    None if is_empty => Err(self.of_others().await?.unwrap_or(error)),
                    None => Err(error),
                }
            }
            found => found,
        }
    }

    async fn find_beginning(&self, text: &str, entries: Vec<Entry>) -> Result<Record> {
        let mut fitting: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| entry.id.as_str().starts_with(text))
            .collect();
        match fitting.len() {
            1 => {
                let entry = fitting.remove(0);
                self.open_record(&entry.database, &entry.id).await
            }
            0 => Err(Error::no_such_backup(text, self.store.location())),
            n => Err(Error::usage(
                format!(
                    "{n} backups begin with {text:?}: {}, {} …",
                    fitting[0].id, fitting[1].id
                ),
                "give more of the id, or --database",
            )),
        }
    }

    async fn find_latest(
        &self,
        tier: Option<Tier>,
        mut entries: Vec<Entry>,
        wanted: &Wanted,
        now: Timestamp,
    ) -> Result<Record> {
        if let Some(other) = entries
            .iter()
            .find(|entry| entry.database != entries[0].database)
        {
            return Err(Error::usage(
                format!(
                    "{wanted} of which database? there are {} and {} here",
                    entries[0].database, other.database
                ),
                "add --database NAME",
            ));
        }
        // what was dated by a clock that was ahead is the newest only where there is nothing else; the bucket's clock tells,
        // since a machine whose own is behind would pass over what is new
        let now = self.store.service_time().unwrap_or(now);
        let is_ahead = |entry: &Entry| entry.id.time().duration_since(now) > AHEAD_MAX;
        for entry in entries.iter().filter(|entry| is_ahead(entry)) {
            let id = &entry.id;
            tracing::warn!("passed over {id}, which is dated by a clock that was ahead");
        }
        entries.sort_by_key(is_ahead);
        let (mut refused, mut unsure) = (None, Vec::new());
        for entry in &entries {
            if unsure.len() >= UNSURE_MAX {
                break;
            }
            match self.open_chosen(entry).await {
                Ok((record, Some(doubt)))
                    if doubt.is_open() && tier.is_none_or(|tier| serves(&record, tier)) =>
                {
                    unsure.push((record, doubt));
                }
                Ok((record, Some(doubt))) => {
                    let id = &record.id;
                    tracing::warn!("passed over {id}: {doubt}");
                    let error = Error::differs(id.as_str(), doubt.to_string());
                    refused = refused.or(Some(error));
                }
                Ok((record, None))
                    if record.is_good() && tier.is_none_or(|tier| serves(&record, tier)) =>
                {
                    if let Some(reason) = record.suspicious.first() {
                        let id = &record.id;
                        tracing::warn!(
                            "{id} looked suspicious when it was made: {reason}; `pgcoffer list` shows those before it"
                        );
                    }
                    for (passed_over, doubt) in unsure {
                        let id = &passed_over.id;
                        tracing::warn!("passed over {id}: {doubt}");
                    }
                    return Ok(record);
                }
                Ok(_) => {}
                Err(
                    error @ (Error::Seal { .. } | Error::Record { .. } | Error::Differs { .. }),
                ) => {
                    tracing::warn!("passed over a newer record that can't be read: {error}");
                    refused = refused.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        if let Some((record, doubt)) = unsure.into_iter().next() {
            let id = &record.id;
            tracing::warn!("{id} is the newest, and {doubt}");
            return Ok(record);
        }
        Err(refused
            .unwrap_or_else(|| Error::no_such_backup(&wanted.to_string(), self.store.location())))
    }
}

/// A monthly backup that was the daily one of its day, too, is a daily one.
fn serves(record: &Record, tier: Tier) -> bool {
    record.serves().iter().any(|served| served.tier == tier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_types_is_an_id_a_beginning_or_latest() {
        assert_eq!(Wanted::parse("latest").unwrap(), Wanted::Latest(None));
        assert_eq!(
            Wanted::parse("latest:daily").unwrap(),
            Wanted::Latest(Some(Tier::Daily))
        );
        assert_eq!(
            Wanted::parse("20261120").unwrap(),
            Wanted::Beginning("20261120".into())
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
            assert!(Wanted::parse(bad).is_err(), "{bad:?}");
        }
    }
}
