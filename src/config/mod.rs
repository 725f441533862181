//! Settings: gathered from flags, environment and `pgcoffer.toml`, parsed once, every fault told at once. Handed on in
//! parts; no operation sees a [`Config`].

mod blanks;
mod characters;
mod contradictions;
mod dashboard;
mod drills;
mod dynos;
mod entry;
mod file;
mod meant;
mod monitoring;
mod names;
mod notices;
mod old_keys;
mod places;
mod read;
mod reading;
mod schedules;
mod seen;
mod setting;
mod settings;
#[cfg(test)]
mod source_tests;
mod ssh_keys;
mod table;
#[cfg(test)]
mod tests;
mod trust;
mod values;
mod variables;
mod wrong;
mod zone;

use std::{collections::BTreeMap, num::NonZeroU32, path::PathBuf, time::Duration};

use jiff::tz::TimeZone;

use crate::{
    backup::{Label, PlaceName, Retention},
    catalog::{Key, Keys},
    certificate::PublicKey,
    error::{Error, Fault, Result},
    lifecycle::Transition,
    operation::DrillGround,
    postgres::DatabaseUrl,
    rights::AccessMode,
    schedule::Schedule,
    seal::{RepositoryId, Secret},
    store::{BucketLocation, Location, Options, SftpOptions},
};

use self::reading::Reading;
pub use self::{
    blanks::trimmed,
    characters::unseen,
    drills::{DEFAULT_DRILL_TIMEOUT, ScheduledDrills},
    notices::{DEFAULT_DIGEST, Notices},
};
pub use self::{
    dashboard::{DashboardSettings, ProxyUsers},
    dynos::Dynos,
    file::ConfigFile,
    monitoring::{Serving, listen},
    old_keys::{EarlierKey, OldKey},
    places::PlaceSettings,
    seen::SeenDatabases,
    setting::{DefaultValue, Section, Setting},
    settings::{Settings, Sources},
    ssh_keys::{check_host_key, ssh_key_file, ssh_public_line},
    table::{
        SECTIONS, SECTIONS_OF_OTHERS, SectionOfOthers, Variable, backups::compression, is_secret,
        keys::certificate_keys, label_of_url, place_of_setting,
    },
    zone::parse_zone,
};

/// Good backups of each database that no retention deletes, where nothing else is said.
pub const DEFAULT_KEEP_LAST: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);

/// How long a backup is kept that somebody asks for, where nothing else is said.
pub const DEFAULT_RETAIN_MANUAL: Retention = Retention::Days(90);

/// How long pg_dump may write nothing, where nothing else is said: reading a table of dead rows takes long, and never
/// this long.
pub const DEFAULT_DUMP_IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// zstd's level where none is chosen: measured in `docs/performance.md`.
pub const DEFAULT_LEVEL: i32 = 1;

/// Everything that can be set from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// databases, by label
    pub databases: Vec<DatabaseSettings>,
    /// databases that variables of others name, which are not read
    pub seen: SeenDatabases,
    /// the key, passphrase or catalog key for databases that have none of their own
    pub secret: Option<Secret>,
    /// earlier keys, for reading only, and until when what they made is believed
    pub old_keys: Vec<Key>,
    /// keys of single databases, the present one first: also of such as have no URL here, to read what is theirs
    pub own_keys: BTreeMap<Label, Vec<Key>>,
    /// public keys of certificates
    pub certificate_keys: Vec<PublicKey>,
    /// the only repository that counts
    pub repository: Option<RepositoryId>,
    /// the bucket
    pub location: Option<Location>,
    /// choices about the bucket
    pub store: Options,
    /// the places beside the bucket, which hold copies
    pub places: Vec<PlaceSettings>,
    /// how many of them have to hold a backup; all of them where that isn't said
    pub copies_min: Option<u32>,
    /// how the server is reached, where a place on one is read
    pub sftp: Option<SftpOptions>,
    /// how long backups are kept in the place that is read, in the place of their own retention
    pub place_retention: Option<Retention>,
    /// where pg_dump and pg_restore are
    pub pg_bin: Option<PathBuf>,
    /// where drills restore
    pub drill_ground: DrillGround,
    /// the user's own statements for drills
    pub drill_sql: Option<PathBuf>,
    /// when backups are drilled
    pub drills: ScheduledDrills,
    /// after which time a scheduled drill is ended
    pub drill_timeout: Duration,
    /// the time zone that is set: that of schedules
    pub timezone: Option<TimeZone>,
    /// level of compression; `None` for none
    pub level: Option<i32>,
    /// how long pg_dump may write nothing before it counts as hung
    pub dump_idle_timeout: Duration,
    /// good backups of each database that no retention deletes
    pub keep_last: NonZeroU32,
    /// how long a backup is kept that somebody asks for without saying so
    pub retain_manual: Retention,
    /// whether that is the default, and no setting
    pub retains_by_default: bool,
    /// which tiers the bucket is to move to colder classes
    pub cold: Vec<Transition>,
    /// what the bucket's credentials are for
    pub mode: AccessMode,
    /// how `serve` listens and what it tells
    pub serving: Serving,
    /// the dashboard of `serve`, where it is on
    pub dashboard: Option<DashboardSettings>,
    /// why the passphrase may open and not seal
    pub weak_passphrase: Option<Fault>,
    /// who is told, and of what
    pub notices: Notices,
}

/// One database to be backed up.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// its label: the name between `PGCOFFER_DB_` and `_URL`
    pub label: Label,
    /// where it is
    pub url: DatabaseUrl,
    /// a key of its own
    pub secret: Option<Secret>,
    /// when it is backed up, and how long that is kept: its own schedule, or the one for all
    pub schedule: Option<Schedule>,
    /// its schedule is `off`: only people back it up
    pub unscheduled: bool,
    /// where the schedule is set
    pub origin: ScheduleOrigin,
}

/// Where the schedule of a database is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ScheduleOrigin {
    /// nowhere
    #[default]
    Nowhere,
    /// in the settings of this machine
    Settings,
    /// in the bucket, where somebody stored it for every machine
    Bucket,
    /// in the bucket, where it can't be read; holds why
    Unreadable(String),
}

impl Config {
    #[cfg(test)]
    fn from_vars(vars: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self::read(&Settings::gather(Sources {
            vars: vars.collect(),
            ..Sources::default()
        }))
    }

    /// Reads settings that were gathered.
    ///
    /// # Errors
    /// [`Error::Config`] with every unknown name and every bad value at once, each named by the place where it stands.
    pub fn read(settings: &Settings) -> Result<Self> {
        let mut reading = Reading::default();
        reading.config.seen = settings.seen().clone();
        reading.config.store.variables = settings.credential_variables().clone();
        for (name, value) in settings.iter() {
            reading.take(name, value);
        }
        for name in settings.broken() {
            reading.pass_over(name);
        }
        let (mut config, faults) = reading.finish();
        for place in &mut config.places {
            place.store.variables = config.store.variables.clone();
        }
        let faults = settings.faults(faults);
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(Error::Config(faults))
        }
    }

    /// The keys, and what each counts for: a database with a key of its own is believed under that and its earlier ones
    /// alone.
    #[must_use]
    pub fn keys(&self) -> Keys {
        let current = self.secret.iter().cloned().map(Key::current);
        Keys {
            common: current.chain(self.old_keys.iter().cloned()).collect(),
            own: self.own_keys.clone(),
        }
    }

    /// The database that is meant: the one named, or the only one there is.
    ///
    /// # Errors
    /// [`Error::Usage`] where that isn't exactly one.
    pub fn database(&self, label: Option<&str>) -> Result<&DatabaseSettings> {
        let names = || {
            self.databases
                .iter()
                .map(|d| d.label.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match (label, self.databases.as_slice()) {
            (_, []) => Err(Error::usage(self.seen.why(), self.seen.hint())),
            (None, [only]) => Ok(only),
            (None, _) => Err(Error::usage(
                format!("which database? configured: {}", names()),
                "name one of them",
            )),
            (Some(label), all) => all
                .iter()
                .find(|d| d.label.as_str() == label.to_ascii_lowercase())
                .ok_or_else(|| {
                    let why = format!("no database {label:?} is configured; configured: {}", names());
                    Error::usage(why, self.meant_database(label))
                }),
        }
    }

    /// The secret that seals this database's backups.
    ///
    /// # Errors
    /// As [`Config::watching_secret_of`], and [`Error::Usage`] where it is a catalog key, which seals none.
    pub fn secret_of<'a>(&'a self, database: &'a DatabaseSettings) -> Result<&'a Secret> {
        let secret = self.watching_secret_of(database)?;
        match secret.is_catalog_key() {
            false => Ok(secret),
            true => Err(Error::usage(
                format!(
                    "a catalog key alone is set for {}, which seals no backup",
                    database.label
                ),
                "back it up where its key is set, as PGCOFFER_KEY; with the catalog key `pgcoffer status` and \
                 `pgcoffer serve` watch it, and `pgcoffer prune` deletes what has run out",
            )),
        }
    }

    /// The secret that opens what a database's catalog consists of, and seals what is noted there.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none, [`Error::Config`] where it is a passphrase that could be guessed: such a
    /// one still opens what was sealed with it.
    pub fn watching_secret_of<'a>(&'a self, database: &'a DatabaseSettings) -> Result<&'a Secret> {
        if let Some(secret) = &database.secret {
            return Ok(secret);
        }
        match &self.weak_passphrase {
            Some(fault) => Err(Error::Config(vec![fault.clone()])),
            None => self.secret.as_ref().ok_or_else(no_key),
        }
    }

    /// The bucket.
    ///
    /// # Errors
    /// [`Error::Usage`] where none is set.
    pub fn location(&self) -> Result<&Location> {
        self.location.as_ref().ok_or_else(|| {
            Error::usage(
                "no bucket is configured",
                "set PGCOFFER_BUCKET=s3://bucket/prefix or file:///path/to/folder, or give --bucket",
            )
        })
    }

    /// The place of this name.
    ///
    /// # Errors
    /// [`Error::Usage`] where none is called so.
    pub fn place(&self, name: &str) -> Result<&PlaceSettings> {
        let found = PlaceName::parse(name).ok();
        let found = found.and_then(|name| self.places.iter().find(|place| place.name == name));
        found.ok_or_else(|| {
            let names: Vec<&str> = self.places.iter().map(|place| place.name.as_str()).collect();
            match names.is_empty() {
                true => Error::usage(
                    format!("there is no place {name:?}: none beside the bucket is configured"),
                    "set PGCOFFER_COPY_<NAME>_URL to s3://bucket/prefix, sftp://user@host/path or file:///path/to/folder",
                ),
                false => Error::usage(
                    format!("there is no place {name:?}; configured: {}", names.join(", ")),
                    "name one of those",
                ),
            }
        })
    }

    /// The same settings of an agent that reads from the place of this name, in the place of the bucket.
    ///
    /// # Errors
    /// As [`Config::place`].
    pub fn read_from(mut self, name: &str) -> Result<Self> {
        let place = self.place(name)?.clone();
        (self.location, self.store) = (Some(place.location), place.store);
        (self.sftp, self.place_retention) = (place.sftp, place.retention);
        (self.places, self.copies_min) = (Vec::new(), None);
        self.mode = AccessMode::Full;
        Ok(self)
    }

    /// The bucket, for what only S3 has. `doing`: what needs it; `instead`: what does the same elsewhere.
    ///
    /// # Errors
    /// As [`Config::location`], and [`Error::Usage`] where it is a folder.
    pub fn bucket_to(&self, doing: &str, instead: &str) -> Result<&BucketLocation> {
        let location = self.location()?;
        location.bucket().ok_or_else(|| {
            let why = format!("can't {doing} for {location}: that is S3's alone, and this is a folder");
            Error::usage(why, instead)
        })
    }

    /// Keys for reading.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none at all.
    pub fn keys_for_reading(&self) -> Result<Keys> {
        let keys = self.keys();
        if keys.secrets().is_empty() {
            Err(Error::usage(
                "no key is configured",
                "set PGCOFFER_KEY to the key that sealed these backups: it stands on the recovery sheet, or where it \
                 was stored; a new one opens none of them. To watch or prune them, set PGCOFFER_CATALOG_KEY to what \
                 `pgcoffer keygen --catalog` prints there. A first set-up begins with `pgcoffer init`",
            ))
        } else {
            Ok(keys)
        }
    }
}

/// That there is no key, where it isn't known whether there are backups: what begins a first set-up, and what serves a
/// later one.
#[must_use]
pub fn no_key() -> Error {
    Error::usage(
        "no key is configured",
        "`pgcoffer init` makes one and sees that it is kept; where there are backups already, set PGCOFFER_KEY to \
         theirs (it stands on the recovery sheet), or PGCOFFER_PASSPHRASE",
    )
}
