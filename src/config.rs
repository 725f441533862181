//! Settings: the environment parsed once, every fault told at once. Handed on in parts; no operation sees a [`Config`].

use std::{collections::BTreeMap, path::PathBuf};

use crate::{
    backup::Label,
    compress::Compressor,
    error::{Error, Fault, Result},
    postgres::DatabaseUrl,
    seal::{MasterKey, Passphrase, Secret},
    store::{Location, Options},
};

/// zstd's level where none is chosen: measured in `docs/performance.md`.
pub const DEFAULT_LEVEL: i32 = 1;

/// Everything that can be set from outside.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// databases, by label
    pub databases: Vec<Database>,
    /// the key or passphrase for databases that have none of their own
    pub secret: Option<Secret>,
    /// earlier keys, for reading only
    pub old_secrets: Vec<Secret>,
    /// the bucket
    pub location: Option<Location>,
    /// choices about the bucket
    pub store: Options,
    /// where pg_dump and pg_restore are
    pub pg_bin: Option<PathBuf>,
    /// level of compression; `None` for none
    pub level: Option<i32>,
}

/// One database to be backed up.
#[derive(Debug, Clone)]
pub struct Database {
    /// its label: the name between `PGCOFFER_DB_` and `_URL`
    pub label: Label,
    /// where it is
    pub url: DatabaseUrl,
    /// a key of its own
    pub secret: Option<Secret>,
}

impl Config {
    /// Reads settings from the environment's variables.
    ///
    /// # Errors
    /// [`Error::Config`] with every unknown `PGCOFFER_…` name and every bad value at once.
    pub fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let mut reading = Reading {
            config: Self {
                level: Some(DEFAULT_LEVEL),
                ..Self::default()
            },
            ..Reading::default()
        };
        for (name, value) in vars {
            // an empty value is how compose files and some shells say "not set"
            if value.is_empty() {
                continue;
            }
            if name == "AWS_REQUEST_CHECKSUM_CALCULATION" {
                reading.config.store.checksums_chosen = true;
            }
            if let Some(setting) = name.strip_prefix("PGCOFFER_") {
                reading.take(setting, &name, &value);
            }
        }
        reading.finish()
    }

    /// Every secret that may open something, the present ones first.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        let own = self
            .databases
            .iter()
            .filter_map(|database| database.secret.clone());
        self.secret
            .iter()
            .cloned()
            .chain(own)
            .chain(self.old_secrets.iter().cloned())
            .collect()
    }

    /// The database that is meant: the one named, or the only one there is.
    ///
    /// # Errors
    /// [`Error::Usage`] where that isn't exactly one.
    pub fn database(&self, label: Option<&str>) -> Result<&Database> {
        let names = || {
            self.databases
                .iter()
                .map(|d| d.label.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match (label, self.databases.as_slice()) {
            (_, []) => Err(Error::usage(
                "no database is configured",
                "set PGCOFFER_DB_MAIN_URL to the database's URL (postgres://user:password@host:5432/name)",
            )),
            (None, [only]) => Ok(only),
            (None, _) => Err(Error::usage(
                format!("which database? configured are {}", names()),
                "name one of them",
            )),
            (Some(label), all) => all
                .iter()
                .find(|d| d.label.as_str() == label.to_ascii_lowercase())
                .ok_or_else(|| {
                    Error::usage(
                        format!("no database {label:?} is configured; there are {}", names()),
                        format!("set PGCOFFER_DB_{}_URL", label.to_ascii_uppercase()),
                    )
                }),
        }
    }

    /// The secret that seals this database's backups.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none.
    pub fn secret_of<'a>(&'a self, database: &'a Database) -> Result<&'a Secret> {
        database
            .secret
            .as_ref()
            .or(self.secret.as_ref())
            .ok_or_else(no_key)
    }

    /// The bucket.
    ///
    /// # Errors
    /// [`Error::Usage`] where none is set.
    pub fn location(&self) -> Result<&Location> {
        self.location.as_ref().ok_or_else(|| {
            Error::usage(
                "no bucket is configured",
                "set PGCOFFER_BUCKET=s3://bucket/prefix, or give --bucket",
            )
        })
    }

    /// Secrets for reading.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none at all.
    pub fn secrets_for_reading(&self) -> Result<Vec<Secret>> {
        let secrets = self.secrets();
        if secrets.is_empty() {
            Err(no_key())
        } else {
            Ok(secrets)
        }
    }
}

fn no_key() -> Error {
    Error::usage(
        "no key is configured",
        "set PGCOFFER_KEY to the key that `pgcoffer keygen` prints (keep a copy away from this machine), or PGCOFFER_PASSPHRASE",
    )
}

/// The settings while they are being read.
#[derive(Default)]
struct Reading {
    config: Config,
    key: Option<Secret>,
    passphrase: Option<Secret>,
    urls: BTreeMap<Label, DatabaseUrl>,
    keys: BTreeMap<Label, Secret>,
    faults: Vec<Fault>,
}

impl Reading {
    fn take(&mut self, setting: &str, name: &str, value: &str) {
        if let Err((why, hint)) = self.try_take(setting, value) {
            self.faults.push(Fault {
                variable: name.to_owned(),
                why,
                hint,
            });
        }
    }

    fn try_take(
        &mut self,
        setting: &str,
        value: &str,
    ) -> std::result::Result<(), (String, Option<String>)> {
        let plain = |why: String| (why, None);
        match setting {
            "KEY" => self.key = Some(key(value)?),
            "PASSPHRASE" => {
                let passphrase =
                    Passphrase::new(value.to_owned()).map_err(|e| (e.to_string(), e.hint()))?;
                self.passphrase = Some(Secret::Passphrase(passphrase));
            }
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
            "COMPRESSION" => self.config.level = compression(value).map_err(plain)?,
            _ => self.take_of_database(setting, value)?,
        }
        Ok(())
    }

    fn take_of_database(
        &mut self,
        setting: &str,
        value: &str,
    ) -> std::result::Result<(), (String, Option<String>)> {
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
            _ => {
                return Err((
                    "this version has no such setting".to_owned(),
                    Some(
                        "a database has PGCOFFER_DB_<NAME>_URL and PGCOFFER_DB_<NAME>_KEY"
                            .to_owned(),
                    ),
                ));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Config> {
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
        self.config.secret = self.key.or(self.passphrase);
        for label in self
            .keys
            .keys()
            .filter(|label| !self.urls.contains_key(*label))
        {
            let name = label.as_str().to_ascii_uppercase();
            self.faults.push(Fault {
                variable: format!("PGCOFFER_DB_{name}_KEY"),
                why: "there is a key for a database that isn't configured".to_owned(),
                hint: Some(format!(
                    "set PGCOFFER_DB_{name}_URL, or give the key in PGCOFFER_OLD_KEYS to read only"
                )),
            });
        }
        for (label, url) in self.urls {
            let secret = self.keys.remove(&label);
            self.config.databases.push(Database { label, url, secret });
        }
        if self.faults.is_empty() {
            Ok(self.config)
        } else {
            Err(Error::Config(self.faults))
        }
    }
}

fn key(text: &str) -> std::result::Result<Secret, (String, Option<String>)> {
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

/// The setting that was probably meant.
fn nearest(setting: &str) -> Option<String> {
    const NAMES: [&str; 9] = [
        "KEY",
        "PASSPHRASE",
        "OLD_KEYS",
        "BUCKET",
        "S3_PATH_STYLE",
        "STORAGE_CLASS",
        "SSE_KMS_KEY_ID",
        "PG_BIN",
        "COMPRESSION",
    ];
    let likely = NAMES
        .iter()
        .find(|name| setting.contains(**name) || name.contains(setting));
    likely.map(|name| format!("PGCOFFER_{name} is one"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn read(vars: &[(&str, &str)]) -> Result<Config> {
        Config::from_vars(
            vars.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        )
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_variable() {
        let error = read(&[
            ("PGCOFFER_KEY", "short"),
            ("PGCOFFER_BUCKET", "bucket"),
            ("PGCOFFER_BUKET", "s3://bucket"),
            ("PGCOFFER_DB_MAIN_URL", "mysql://x"),
            ("PGCOFFER_DB_MAIN_PORT", "1"),
            ("PGCOFFER_COMPRESSION", "zstd:99"),
            ("PGCOFFER_S3_PATH_STYLE", "perhaps"),
            ("UNRELATED", "x"),
        ])
        .unwrap_err()
        .to_string();
        for name in [
            "KEY",
            "BUCKET",
            "BUKET",
            "DB_MAIN_URL",
            "DB_MAIN_PORT",
            "COMPRESSION",
            "S3_PATH_STYLE",
        ] {
            assert!(
                error.contains(&format!("PGCOFFER_{name}:")),
                "{name} is missing in: {error}"
            );
        }
        assert!(!error.contains("UNRELATED"));
    }

    #[test]
    fn databases_are_found_by_name_and_may_have_keys_of_their_own() {
        let config = read(&[
            ("PGCOFFER_KEY", KEY),
            ("PGCOFFER_DB_MAIN_URL", "postgres://u:p@localhost/main"),
            ("PGCOFFER_DB_BIG_SHOP_URL", "postgres://u:p@localhost/shop"),
            ("PGCOFFER_DB_BIG_SHOP_KEY", &KEY.replace("00", "aa")),
            (
                "PGCOFFER_OLD_KEYS",
                &format!("{}, {}", KEY.replace("00", "bb"), KEY.replace("00", "cc")),
            ),
            ("PGCOFFER_BUCKET", "s3://bucket/p"),
            ("PGCOFFER_COMPRESSION", ""),
        ])
        .unwrap();
        let labels: Vec<_> = config.databases.iter().map(|d| d.label.as_str()).collect();
        assert_eq!(labels, ["big_shop", "main"]);
        assert!(config.database(Some("BIG_SHOP")).unwrap().secret.is_some());
        assert!(config.database(None).is_err() && config.database(Some("other")).is_err());
        assert_eq!(config.secrets().len(), 4);
        assert_eq!(config.level, Some(DEFAULT_LEVEL));
    }

    #[test]
    fn a_key_and_a_passphrase_together_are_a_fault() {
        let vars = [
            ("PGCOFFER_KEY", KEY),
            (
                "PGCOFFER_PASSPHRASE",
                "correct horse battery staple, and a blue door",
            ),
        ];
        assert!(
            read(&vars)
                .unwrap_err()
                .to_string()
                .contains("PGCOFFER_PASSPHRASE")
        );
        assert!(read(&vars[1..]).unwrap().secret.is_some());
    }

    #[test]
    fn no_secret_is_ever_printed() {
        let config = read(&[
            ("PGCOFFER_KEY", KEY),
            (
                "PGCOFFER_DB_MAIN_URL",
                "postgres://u:hunter2@localhost/main",
            ),
        ])
        .unwrap();
        let text = format!("{config:?}");
        assert!(
            !text.contains("hunter2") && !text.contains("00010203") && !text.contains("0, 1, 2"),
            "{text}"
        );
    }

    #[test]
    fn compression_is_none_or_a_level() {
        assert_eq!(compression("none"), Ok(None));
        assert_eq!(compression("zstd:7"), Ok(Some(7)));
        assert!(
            compression("zstd:0").is_err()
                && compression("gzip").is_err()
                && compression("zstd:").is_err()
        );
    }
}
