use std::{collections::BTreeMap, num::NonZeroU32, path::PathBuf, time::Duration};

use jiff::{SignedDuration, tz::TimeZone};

use super::{
    Config, DEFAULT_KEEP_LAST, DEFAULT_LEVEL, DEFAULT_SILENCE_MAX, Database, schedules::Schedules,
};
use crate::{
    backup::Label,
    compress::Compressor,
    error::{Error, Fault, Result},
    lifecycle,
    postgres::DatabaseUrl,
    seal::{MasterKey, Passphrase, Secret},
    store::{Location, LockMode, Options},
};

/// A setting's fault before its variable's name is known: why, and the cure.
type Wrong = (String, Option<String>);
type Taken = std::result::Result<(), Wrong>;

/// The settings while they are being read.
pub(super) struct Reading {
    config: Config,
    key: Option<Secret>,
    passphrase: Option<Secret>,
    urls: BTreeMap<Label, DatabaseUrl>,
    keys: BTreeMap<Label, Secret>,
    schedules: Schedules,
    faults: Vec<Fault>,
}

impl Default for Reading {
    fn default() -> Self {
        let config = Config {
            databases: Vec::new(),
            secret: None,
            old_secrets: Vec::new(),
            location: None,
            store: Options::default(),
            pg_bin: None,
            level: Some(DEFAULT_LEVEL),
            keep_last: DEFAULT_KEEP_LAST,
            silence_max: DEFAULT_SILENCE_MAX,
            cold: Vec::new(),
            weak_passphrase: None,
        };
        Self {
            config,
            key: None,
            passphrase: None,
            urls: BTreeMap::new(),
            keys: BTreeMap::new(),
            schedules: Schedules::default(),
            faults: Vec::new(),
        }
    }
}

impl Reading {
    /// Takes one variable of the environment, whatever it is.
    pub(super) fn take(&mut self, name: &str, value: &str) {
        // an empty value is how compose files and some shells say "not set"
        if value.is_empty() {
            return;
        }
        if name == "AWS_REQUEST_CHECKSUM_CALCULATION" {
            self.config.store.checksums_chosen = true;
        }
        let Some(setting) = name.strip_prefix("PGCOFFER_") else {
            return;
        };
        if let Err((why, hint)) = self.try_take(setting, value) {
            self.faults.push(Fault {
                variable: name.to_owned(),
                why,
                hint,
            });
        }
    }

    fn try_take(&mut self, setting: &str, value: &str) -> Taken {
        let plain = |why: String| (why, None);
        match setting {
            "KEY" => self.key = Some(key(value)?),
            "PASSPHRASE" => self.take_passphrase(value),
            "OLD_KEYS" => {
                for text in value
                    .split([',', ' ', '\n', '\t'])
                    .filter(|text| !text.is_empty())
                {
                    self.config.old_secrets.push(key(text)?);
                }
            }
            "BUCKET" => {
                self.config.location = Some(Location::parse(value).map_err(|e| plain(e.why))?)
            }
            "S3_PATH_STYLE" => self.config.store.path_style = boolean(value).map_err(plain)?,
            "STORAGE_CLASS" => {
                self.config.store.storage_class = Some(storage_class(value).map_err(plain)?)
            }
            "SSE_KMS_KEY_ID" => self.config.store.kms_key = Some(value.to_owned()),
            "PG_BIN" => self.config.pg_bin = Some(PathBuf::from(value)),
            "SCHEDULE" => self.schedules.for_all = Some(value.to_owned()),
            "TIMEZONE" => self.schedules.zone = Some(zone(value)?),
            "STALL_TIMEOUT" => self.config.silence_max = duration(value)?,
            "KEEP_LAST" => self.config.keep_last = keep_last(value)?,
            "LOCK" => self.config.store.lock = Some(lock_mode(value).map_err(plain)?),
            "COMPRESSION" => self.config.level = compression(value).map_err(plain)?,
            "COLD" => {
                self.config.cold =
                    lifecycle::clauses(value).map_err(|e| (e.to_string(), e.hint()))?;
            }
            _ => self.take_of_database(setting, value)?,
        }
        Ok(())
    }

    fn take_passphrase(&mut self, value: &str) {
        let passphrase = Passphrase::new(value.to_owned()).unwrap_or_else(|weak| {
            self.config.weak_passphrase = Some(Fault {
                variable: "PGCOFFER_PASSPHRASE".to_owned(),
                why: weak.to_string(),
                hint: weak.hint(),
            });
            Passphrase::for_reading(value.to_owned())
        });
        self.passphrase = Some(Secret::Passphrase(passphrase));
    }

    fn take_of_database(&mut self, setting: &str, value: &str) -> Taken {
        let (name, what) = setting
            .strip_prefix("DB_")
            .and_then(|rest| rest.rsplit_once('_'))
            .ok_or_else(|| {
                (
                    "this version has no such setting".to_owned(),
                    nearest(setting),
                )
            })?;
        let label = Label::parse(name).map_err(|e| (e.to_string(), None))?;
        match what {
            "URL" => {
                let url = DatabaseUrl::parse(value).map_err(|e| (e.to_string(), Some(e.hint())))?;
                self.urls.insert(label, url);
            }
            "KEY" => {
                self.keys.insert(label, key(value)?);
            }
            "SCHEDULE" => {
                self.schedules.own.insert(label, value.to_owned());
            }
            _ => {
                return Err((
                    "this version has no such setting".to_owned(),
                    Some(
                        "a database has PGCOFFER_DB_<NAME>_URL, PGCOFFER_DB_<NAME>_KEY and PGCOFFER_DB_<NAME>_SCHEDULE"
                            .to_owned(),
                    ),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Config> {
        if self.key.is_some() && self.passphrase.is_some() {
            self.faults.push(Fault {
                variable: "PGCOFFER_PASSPHRASE".to_owned(),
                why: "PGCOFFER_KEY is set as well, and only one of them can seal".to_owned(),
                hint: Some(
                    "unset one; backups sealed with an earlier key open with PGCOFFER_OLD_KEYS"
                        .to_owned(),
                ),
            });
        }
        self.refuse_strays();
        self.config.secret = self.key.or(self.passphrase);
        let locked = self.config.store.lock.is_some();
        let mut schedules = self.schedules.parse(locked, &mut self.faults);
        for (label, url) in self.urls {
            let secret = self.keys.remove(&label);
            let unscheduled = schedules.is_off(&label);
            let schedule = schedules.take(&label);
            self.config.databases.push(Database {
                label,
                url,
                secret,
                schedule,
                unscheduled,
            });
        }
        if self.faults.is_empty() {
            Ok(self.config)
        } else {
            Err(Error::Config(self.faults))
        }
    }

    /// What is said of a database that isn't configured would otherwise be said to nobody.
    fn refuse_strays(&mut self) {
        let keys = self.keys.keys().map(|label| {
            (
                label,
                "KEY",
                ", or give the key in PGCOFFER_OLD_KEYS to read only",
            )
        });
        let schedules = self
            .schedules
            .own
            .keys()
            .map(|label| (label, "SCHEDULE", ""));
        let strays = keys
            .chain(schedules)
            .filter(|(label, ..)| !self.urls.contains_key(*label));
        for (label, what, or) in strays {
            let name = label.as_str().to_ascii_uppercase();
            self.faults.push(Fault {
                variable: format!("PGCOFFER_DB_{name}_{what}"),
                why: format!(
                    "there is a {} for a database that isn't configured",
                    what.to_ascii_lowercase()
                ),
                hint: Some(format!("set PGCOFFER_DB_{name}_URL{or}")),
            });
        }
    }
}

fn key(text: &str) -> std::result::Result<Secret, Wrong> {
    MasterKey::parse(text)
        .map(Secret::Key)
        .map_err(|e| (e.to_string(), e.hint()))
}

fn boolean(text: &str) -> std::result::Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// `none`, `zstd` or `zstd:LEVEL`.
///
/// # Errors
/// Says what the text should have been.
pub fn compression(text: &str) -> std::result::Result<Option<i32>, String> {
    let wrong = || {
        let (low, high) = (Compressor::LEVELS.start(), Compressor::LEVELS.end());
        format!("{text:?} is not a compression: none, zstd, or zstd:{low} to zstd:{high}")
    };
    match text.split_once(':') {
        None if text == "none" => Ok(None),
        None if text == "zstd" => Ok(Some(DEFAULT_LEVEL)),
        Some(("zstd", level)) => level
            .parse()
            .ok()
            .filter(|level| Compressor::LEVELS.contains(level))
            .map(Some)
            .ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// Classes that S3 takes at upload; the cold ones make an archive that must be thawed before it can be read.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
fn storage_class(text: &str) -> std::result::Result<String, String> {
    const CLASSES: [&str; 9] = [
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "GLACIER_IR",
        "DEEP_ARCHIVE",
        "EXPRESS_ONEZONE",
    ];
    let upper = text.to_ascii_uppercase();
    if CLASSES.contains(&upper.as_str()) {
        Ok(upper)
    } else {
        Err(format!("{text:?} is none of {}", CLASSES.join(", ")))
    }
}

fn zone(text: &str) -> std::result::Result<TimeZone, Wrong> {
    TimeZone::get(text).map_err(|_| {
        let hint = "give a name of the tz database, such as Europe/Berlin, America/New_York or UTC";
        (
            format!("{text:?} is not a time zone"),
            Some(hint.to_owned()),
        )
    })
}

/// `90s`, `20m`, `1h 30m`.
fn duration(text: &str) -> std::result::Result<Duration, Wrong> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    let positive = parsed.filter(SignedDuration::is_positive);
    positive
        .and_then(|d| Duration::try_from(d).ok())
        .ok_or_else(|| {
            let hint = "write for example 30m or 2h";
            (
                format!("{text:?} is not a length of time"),
                Some(hint.to_owned()),
            )
        })
}

fn keep_last(text: &str) -> std::result::Result<NonZeroU32, Wrong> {
    text.parse().map_err(|_| {
        let hint =
            "the newest good backups are what a lost database comes back from: keep 1 at least";
        (
            format!("{text:?} is not a whole number from 1 on"),
            Some(hint.to_owned()),
        )
    })
}

fn lock_mode(text: &str) -> std::result::Result<LockMode, String> {
    match text.to_ascii_lowercase().as_str() {
        "governance" => Ok(LockMode::Governance),
        "compliance" => Ok(LockMode::Compliance),
        _ => Err(format!("{text:?} is neither governance nor compliance")),
    }
}

/// The setting that was probably meant.
fn nearest(setting: &str) -> Option<String> {
    const NAMES: [&str; 15] = [
        "KEY",
        "PASSPHRASE",
        "OLD_KEYS",
        "BUCKET",
        "S3_PATH_STYLE",
        "STORAGE_CLASS",
        "SSE_KMS_KEY_ID",
        "PG_BIN",
        "COMPRESSION",
        "SCHEDULE",
        "TIMEZONE",
        "KEEP_LAST",
        "LOCK",
        "STALL_TIMEOUT",
        "COLD",
    ];
    let likely = NAMES
        .iter()
        .find(|name| setting.contains(**name) || name.contains(setting));
    likely.map(|name| format!("PGCOFFER_{name} is one"))
}
