//! What happened, and its facts.

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::DigestLine;
use crate::{cause::Cause, text::Untrusted};

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// a run failed, or what belongs to one
    Failure,
    /// a backup that was due has not been made
    Missed,
    /// a good backup after failed or missed ones
    Recovery,
    /// a backup that looks wrong beside those before it
    Suspicious,
    /// a good backup
    Success,
    /// how everything stands, once a week
    Digest,
    /// somebody tries whether this arrives
    Test,
}

/// Not a kind of event that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no event: there are failure, missed, recovery, suspicious, success, digest, all and none")]
pub struct UnknownKind(pub String);

impl Kind {
    /// Those that one can choose among.
    pub const CHOSEN_FROM: [Self; 6] = [
        Self::Failure,
        Self::Missed,
        Self::Recovery,
        Self::Suspicious,
        Self::Success,
        Self::Digest,
    ];

    /// Its name in settings and records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Missed => "missed",
            Self::Recovery => "recovery",
            Self::Suspicious => "suspicious",
            Self::Success => "success",
            Self::Digest => "digest",
            Self::Test => "test",
        }
    }

    /// Its `type` in a webhook.
    #[must_use]
    pub fn as_type(self) -> &'static str {
        match self {
            Self::Failure => "backup.failed",
            Self::Missed => "backup.missed",
            Self::Recovery => "backup.recovered",
            Self::Suspicious => "backup.suspicious",
            Self::Success => "backup.succeeded",
            Self::Digest => "backup.digest",
            Self::Test => "backup.test",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The events that somebody wants to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kinds(BTreeSet<Kind>);

impl Default for Kinds {
    /// What wants a person's look, and its end.
    fn default() -> Self {
        Self([Kind::Failure, Kind::Missed, Kind::Recovery, Kind::Suspicious].into())
    }
}

impl Kinds {
    /// Reads a list: names, `all` or `none`, separated by commas or spaces.
    ///
    /// # Errors
    /// [`UnknownKind`] for the first word that is none of them, or goes with no other; with no word for an empty list.
    pub fn parse(text: &str) -> Result<Self, UnknownKind> {
        let words = text.split([',', ' ', '\t', '\n']);
        let words: Vec<String> = words
            .filter(|word| !word.is_empty())
            .map(str::to_ascii_lowercase)
            .collect();
        match words.as_slice() {
            [only] if only == "all" => return Ok(Self(Kind::CHOSEN_FROM.into())),
            [only] if only == "none" => return Ok(Self(BTreeSet::new())),
            // by mistake nobody is to be left untold
            [] => return Err(UnknownKind(String::new())),
            _ => {}
        }
        let kind = |word: &String| {
            let mut kinds = Kind::CHOSEN_FROM.into_iter();
            let found = kinds.find(|kind| kind.as_str() == word);
            found.ok_or_else(|| UnknownKind(word.clone()))
        };
        words.iter().map(kind).collect::<Result<_, _>>().map(Self)
    }

    /// Whether this kind is among them; a test always is.
    #[must_use]
    pub fn contains(&self, kind: Kind) -> bool {
        kind == Kind::Test || self.0.contains(&kind)
    }
}

/// From where an event is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// the machine, dyno or container
    pub host: String,
    /// the bucket, where it is known: `s3://bucket/prefix`
    pub location: Option<String>,
}

/// A tier whose backup has not been made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Late {
    /// the tier
    pub tier: String,
    /// since when it has been due
    pub due: Timestamp,
}

/// What a backup came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupFacts {
    /// its id
    pub id: String,
    /// the tiers that it serves
    pub tiers: Vec<String>,
    /// bytes stored
    pub bytes: u64,
}

/// What is known of the newest good backup.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum NewestGood {
    /// nobody could look
    #[default]
    Unknown,
    /// there is none
    None,
    /// this one
    Is {
        /// its id
        id: String,
        /// when it began
        started: Timestamp,
    },
}

/// What happened, with its facts; whatever is not known or does not belong to its kind is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// what kind of event
    pub kind: Kind,
    /// when
    pub at: Timestamp,
    /// from where
    pub origin: Origin,
    /// label of the database; none where it concerns no one database
    pub database: Option<String>,
    /// what it was that failed, as in "the {what} failed": `backup`, `retention`
    pub what: &'static str,
    /// a signal ended the run: nothing is wrong with database or bucket
    pub interrupted: bool,
    /// since when it has been so
    pub since: Option<Timestamp>,
    /// runs that failed in a row
    pub failures: usize,
    /// why it failed, which is all that is told of it
    pub cause: Option<Cause>,
    /// id of the run that failed, whose record has what was said in full; or of the backup that is concerned
    pub run: Option<String>,
    /// exit status of what failed
    pub exit_status: Option<u8>,
    /// the newest good backup
    pub newest_good: NewestGood,
    /// the earliest moment of the next attempt
    pub retry_at: Option<Timestamp>,
    /// tiers that are late
    pub late: Vec<Late>,
    /// the backup that was made
    pub backup: Option<BackupFacts>,
    /// why a backup looks suspicious; what is wrong besides
    pub reasons: Vec<Untrusted>,
    /// of a digest: each database
    pub databases: Vec<DigestLine>,
}

impl Event {
    /// An event of which nothing but this is known.
    #[must_use]
    pub fn new(kind: Kind, at: Timestamp, origin: Origin) -> Self {
        Self {
            kind,
            at,
            origin,
            database: None,
            what: "backup",
            interrupted: false,
            since: None,
            failures: 0,
            cause: None,
            run: None,
            exit_status: None,
            newest_good: NewestGood::Unknown,
            retry_at: None,
            late: Vec::new(),
            backup: None,
            reasons: Vec::new(),
            databases: Vec::new(),
        }
    }

    /// What cures it, with the variable of the database that it concerns.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = self.cause.as_ref()?.hint()?;
        Some(match &self.database {
            Some(label) => hint.replace("<NAME>", &label.to_uppercase()),
            None => hint.to_owned(),
        })
    }

    /// The facts as a webhook carries them: a field that isn't known is null.
    #[must_use]
    pub fn data(&self) -> Value {
        let newest_good = match &self.newest_good {
            NewestGood::Is { id, started } => json!({
                "id": id, "started": started,
                "age_seconds": self.at.as_second() - started.as_second(),
            }),
            NewestGood::None | NewestGood::Unknown => Value::Null,
        };
        let mut data = json!({
            "agent": { "host": self.origin.host, "version": env!("CARGO_PKG_VERSION") },
            "location": self.origin.location,
            "text": super::letter(self).text(),
        });
        let mut add = |name: &str, value: Value| data[name] = value;
        match self.kind {
            Kind::Test => {}
            Kind::Digest => add("databases", json!(self.databases)),
            _ => {
                add("database", json!(self.database));
                add("what", json!(self.what));
                add("since", json!(self.since));
                add("failures", json!(self.failures));
                add("cause", json!(self.cause.as_ref().map(Cause::code)));
                add("error", json!(self.cause.as_ref().map(Cause::to_string)));
                add("hint", json!(self.hint()));
                add("run", json!(self.run));
                add("exit_status", json!(self.exit_status));
                add("interrupted", json!(self.interrupted));
                add("newest_good", newest_good);
                add("newest_good_known", json!(self.newest_good != NewestGood::Unknown));
                add("retry_at", json!(self.retry_at));
                add("late", json!(self.late));
                add("backup", json!(self.backup));
                let reasons = self.reasons.iter().map(Untrusted::to_string);
                add("reasons", json!(reasons.collect::<Vec<_>>()));
            }
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_chosen_by_name_all_or_none() {
        let chosen = Kinds::parse("Failure, digest").unwrap();
        assert!(chosen.contains(Kind::Digest) && !chosen.contains(Kind::Missed));
        assert!(Kinds::parse("all").unwrap().contains(Kind::Success));
        let none = Kinds::parse("none").unwrap();
        assert!(!none.contains(Kind::Failure) && none.contains(Kind::Test));
        assert_eq!(Kinds::parse("failures"), Err(UnknownKind("failures".into())));
        assert_eq!(Kinds::parse("all, digest"), Err(UnknownKind("all".into())));
        assert_eq!(Kinds::parse(" ,"), Err(UnknownKind(String::new())));
        assert!(!Kinds::default().contains(Kind::Success));
    }
}
