use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use jiff::tz::TimeZone;

use super::{
    Config, DEFAULT_KEEP_LAST, DEFAULT_LEVEL, DEFAULT_SILENCE_MAX, Database, Notices,
    notices::NoticeReading,
    old_keys,
    schedules::Schedules,
    serving::Serving,
    values::{
        Wrong, acl, boolean, catalog_key, compression, duration, encryption, http_hosts, keep_last, key, lock_mode,
        mode, nearest, repository, storage_class, zone,
    },
};
use crate::{
    backup::Label,
    catalog::Key,
    error::Fault,
    lifecycle,
    postgres::{AwsIam, DatabaseUrl},
    rights::AccessMode,
    seal::{KeyFault, MasterKey, Passphrase, Secret},
    store::{Location, Options},
};

type Taken = Result<(), Wrong>;

fn earlier(text: &str) -> Result<Vec<Key>, Wrong> {
    Ok(old_keys::parse_all(text)?.into_iter().map(Key::from).collect())
}

/// The settings while they are being read.
pub(super) struct Reading {
    config: Config,
    key: Option<Secret>,
    catalog_key: Option<Secret>,
    passphrase: Option<Secret>,
    urls: BTreeMap<Label, DatabaseUrl>,
    /// databases that are named, also those whose URL can't be used
    named: BTreeSet<Label>,
    /// databases that are logged in to by tokens of IAM
    by_iam: BTreeSet<Label>,
    keys: BTreeMap<Label, Secret>,
    catalog_keys: BTreeMap<Label, Secret>,
    old_keys: BTreeMap<Label, Vec<Key>>,
    schedules: Schedules,
    notices: NoticeReading,
    faults: Vec<Fault>,
}

impl Default for Reading {
    fn default() -> Self {
        let config = Config {
            databases: Vec::new(),
            secret: None,
            old_keys: Vec::new(),
            own_keys: BTreeMap::new(),
            repository: None,
            location: None,
            store: Options::default(),
            pg_bin: None,
            level: Some(DEFAULT_LEVEL),
            keep_last: DEFAULT_KEEP_LAST,
            silence_max: DEFAULT_SILENCE_MAX,
            cold: Vec::new(),
            mode: AccessMode::Full,
            serving: Serving::default(),
            weak_passphrase: None,
            notices: Notices::default(),
        };
        Self {
            config,
            key: None,
            catalog_key: None,
            passphrase: None,
            urls: BTreeMap::new(),
            named: BTreeSet::new(),
            by_iam: BTreeSet::new(),
            keys: BTreeMap::new(),
            catalog_keys: BTreeMap::new(),
            old_keys: BTreeMap::new(),
            schedules: Schedules::default(),
            notices: NoticeReading::default(),
            faults: Vec::new(),
        }
    }
}

impl Reading {
    /// Takes one variable of the environment, whatever it is.
    pub(super) fn take(&mut self, name: &str, value: &str) {
        if name == "AWS_REQUEST_CHECKSUM_CALCULATION" {
            self.config.store.checksums_chosen = true;
        }
        let Some(setting) = name.strip_prefix("PGCOFFER_") else {
            self.config.serving.take_of_platform(name, value);
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

    /// Knows of a variable whose value could not be had: what depends on it is not told as well.
    pub(super) fn pass_over(&mut self, name: &str) {
        let label = name.strip_prefix("PGCOFFER_DB_");
        let label = label.and_then(|rest| rest.strip_suffix("_URL"));
        self.named.extend(label.and_then(|label| Label::parse(label).ok()));
    }

    fn try_take(&mut self, setting: &str, value: &str) -> Taken {
        let plain = |why: String| (why, None);
        match setting {
            "KEY" => self.key = Some(Secret::Key(key(value)?)),
            "CATALOG_KEY" => self.catalog_key = Some(Secret::Catalog(catalog_key(value)?)),
            "PASSPHRASE" => self.take_passphrase(value),
            "OLD_KEYS" => self.config.old_keys = earlier(value)?,
            "REPOSITORY" => self.config.repository = Some(repository(value)?),
            "BUCKET" => self.config.location = Some(Location::parse(value).map_err(|e| plain(e.why))?),
            "S3_PATH_STYLE" => self.config.store.path_style = boolean(value).map_err(plain)?,
            "ALLOW_HTTP" => self.config.store.http_hosts = http_hosts(value)?,
            "STORAGE_CLASS" => self.config.store.storage_class = Some(storage_class(value).map_err(plain)?),
            "SSE" => self.config.store.encryption = Some(encryption(value).map_err(plain)?),
            "ACL" => self.config.store.acl = Some(acl(value)?),
            "REQUESTER_PAYS" => {
                self.config.store.requester_pays = boolean(value).map_err(plain)?;
            }
            "SSE_KMS_KEY_ID" => self.config.store.kms_key = Some(value.to_owned()),
            "PG_BIN" => self.config.pg_bin = Some(PathBuf::from(value)),
            "SCHEDULE" => self.schedules.for_all = Some(value.to_owned()),
            "TIMEZONE" => self.schedules.zone = Some(zone(value)?),
            "STALL_TIMEOUT" => self.config.silence_max = duration(value)?,
            "KEEP_LAST" => self.config.keep_last = keep_last(value)?,
            "LOCK" => self.config.store.lock = Some(lock_mode(value).map_err(plain)?),
            "MODE" => {
                self.config.mode = mode(value)?;
                self.config.store.write_only = self.config.mode == AccessMode::DropBox;
            }
            "COMPRESSION" => self.config.level = compression(value).map_err(plain)?,
            "COLD" => {
                self.config.cold = lifecycle::parse_transitions(value).map_err(|e| (e.to_string(), e.hint()))?;
            }
            _ if self.config.serving.take(setting, value)? => {}
            _ => match self.notices.take(setting, value) {
                Some(taken) => taken?,
                None => self.take_of_database(setting, value)?,
            },
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
        let of_database = setting.strip_prefix("DB_");
        let pinged = of_database.and_then(|rest| rest.strip_suffix("_PING_URL"));
        // a database may be called MAIN_PING
        if let Some(name) = pinged.filter(|_| !value.starts_with("postgres")) {
            let label = Label::parse(name).map_err(|e| (e.to_string(), None))?;
            return self.notices.take_ping(label, value);
        }
        let old = of_database.and_then(|rest| rest.strip_suffix("_OLD_KEYS"));
        if let Some(name) = old {
            let label = Label::parse(name).map_err(|e| (e.to_string(), None))?;
            self.old_keys.insert(label, earlier(value)?);
            return Ok(());
        }
        let catalog = of_database.and_then(|rest| rest.strip_suffix("_CATALOG_KEY"));
        // a database may be called MAIN_CATALOG
        if let Some(name) = catalog.filter(|_| MasterKey::parse(value).is_err()) {
            let label = Label::parse(name).map_err(|e| (e.to_string(), None))?;
            let key = Secret::Catalog(catalog_key(value)?);
            self.catalog_keys.insert(label, key);
            return Ok(());
        }
        let (name, what) = of_database
            .and_then(|rest| rest.rsplit_once('_'))
            .ok_or_else(|| ("this version has no such setting".to_owned(), nearest(setting)))?;
        let label = Label::parse(name).map_err(|e| {
            let hint = "choose another, such as MAIN in PGCOFFER_DB_MAIN_URL";
            (e.to_string(), Some(hint.to_owned()))
        })?;
        match what {
            "URL" => {
                self.named.insert(label.clone());
                let url = DatabaseUrl::parse(value).map_err(|e| (e.to_string(), Some(e.hint())))?;
                self.urls.insert(label, url);
            }
            "AUTH" if value == "aws-iam" => {
                self.by_iam.insert(label);
            }
            "AUTH" => {
                let hint = "aws-iam makes a token of AWS IAM for each connection to RDS or Aurora; unset it to log in \
                    by the URL's password";
                return Err(("it is not aws-iam".to_owned(), Some(hint.to_owned())));
            }
            "KEY" => {
                self.keys.insert(label, Secret::Key(key(value)?));
            }
            "SCHEDULE" => {
                self.schedules.own.insert(label, value.to_owned());
            }
            _ => {
                return Err((
                    "this version has no such setting".to_owned(),
                    Some(
                        "a database has PGCOFFER_DB_<NAME>_URL, PGCOFFER_DB_<NAME>_AUTH, PGCOFFER_DB_<NAME>_KEY, \
                         PGCOFFER_DB_<NAME>_CATALOG_KEY, PGCOFFER_DB_<NAME>_OLD_KEYS, PGCOFFER_DB_<NAME>_SCHEDULE and \
                         PGCOFFER_DB_<NAME>_PING_URL"
                            .to_owned(),
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The settings, and every fault: where there is one, they are not to be used.
    pub(super) fn finish(mut self) -> (Config, Vec<Fault>) {
        if self.key.is_some() && self.passphrase.is_some() {
            self.faults.push(Fault {
                variable: "PGCOFFER_PASSPHRASE".to_owned(),
                why: "PGCOFFER_KEY is set as well, and only one of them can seal".to_owned(),
                hint: Some(
                    "unset one; backups sealed with an earlier key open with PGCOFFER_OLD_KEYS (KEY@2026-11-01)"
                        .to_owned(),
                ),
            });
        }
        self.refuse_catalog_keys_beside_keys();
        self.refuse_key_without_kms();
        self.refuse_strays();
        self.config.serving.finish(&mut self.faults);
        self.refuse_forgotten();
        self.config.secret = self.key.or(self.passphrase).or(self.catalog_key);
        self.keys.extend(self.catalog_keys);
        for (label, secret) in &self.keys {
            let keys = self.config.own_keys.entry(label.clone()).or_default();
            keys.push(Key::current(secret.clone()));
        }
        for (label, old) in self.old_keys {
            self.config.own_keys.entry(label).or_default().extend(old);
        }
        let zone = self.schedules.zone.clone().unwrap_or(TimeZone::UTC);
        self.config.notices = self.notices.finish(&zone, &mut self.faults);
        let locked = self.config.store.lock.is_some();
        let mut schedules = self.schedules.parse(locked, &mut self.faults);
        for (label, url) in self.urls {
            let url = match self.by_iam.contains(&label) {
                false => url,
                true => match url.with_password_source(Arc::new(AwsIam)) {
                    Ok(url) => url,
                    Err(error) => {
                        let name = label.as_str().to_ascii_uppercase();
                        self.faults.push(Fault {
                            variable: format!("PGCOFFER_DB_{name}_AUTH"),
                            why: error.to_string(),
                            hint: Some(error.hint()),
                        });
                        continue;
                    }
                },
            };
            let secret = self.keys.get(&label).cloned();
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
        (self.config, self.faults)
    }

    /// Whoever has a key needs no catalog key, and one beside it would leave open which of them a machine is to have.
    fn refuse_catalog_keys_beside_keys(&mut self) {
        let refused = |catalog_key: String, other: String| Fault {
            why: format!(
                "{other} is set as well, and whoever has that needs no catalog key: is this machine to open backups, \
                 or only to watch and prune them?"
            ),
            hint: Some(format!(
                "where backups are made or restored, unset {catalog_key}; where they are watched or pruned, unset \
                 {other}"
            )),
            variable: catalog_key,
        };
        let other = match (&self.key, &self.passphrase) {
            (Some(_), _) => Some("PGCOFFER_KEY"),
            (None, Some(_)) => Some("PGCOFFER_PASSPHRASE"),
            (None, None) => None,
        };
        if let (Some(_), Some(other)) = (&self.catalog_key, other) {
            let fault = refused("PGCOFFER_CATALOG_KEY".to_owned(), other.to_owned());
            self.faults.push(fault);
        }
        let both = self.catalog_keys.keys();
        for label in both.filter(|label| self.keys.contains_key(*label)) {
            let of = format!("PGCOFFER_DB_{}", label.as_str().to_ascii_uppercase());
            self.faults
                .push(refused(format!("{of}_CATALOG_KEY"), format!("{of}_KEY")));
        }
    }

    /// A key is for the KMS alone: AES256 has none that could be named.
    fn refuse_key_without_kms(&mut self) {
        let store = &self.config.store;
        let encryption = store.encryption.as_ref().map(|sse| sse.as_str());
        if store.kms_key.is_some() && encryption == Some("AES256") {
            self.faults.push(Fault {
                variable: "PGCOFFER_SSE_KMS_KEY_ID".to_owned(),
                why: "PGCOFFER_SSE is AES256, which knows no key of the KMS".to_owned(),
                hint: Some("set PGCOFFER_SSE=aws:kms, or unset one of the two".to_owned()),
            });
        }
    }

    /// In drop-box mode the repository can't be read from the bucket; and earlier keys of a database without a present
    /// one would be its only ones.
    fn refuse_forgotten(&mut self) {
        if self.config.mode == AccessMode::DropBox && self.config.repository.is_none() {
            self.faults.push(Fault {
                variable: "PGCOFFER_REPOSITORY".to_owned(),
                why: "in drop-box mode it has to be set: which repository this is can't be read from the \
                    bucket"
                    .to_owned(),
                hint: Some(
                    "`pgcoffer repository` prints it on a machine that reads this bucket; for a new place \
                    `pgcoffer keygen --repository` makes one"
                        .to_owned(),
                ),
            });
        }
        let orphaned = self
            .old_keys
            .keys()
            .filter(|label| !self.keys.contains_key(*label))
            .filter(|label| !self.catalog_keys.contains_key(*label));
        for label in orphaned {
            let name = label.as_str().to_ascii_uppercase();
            self.faults.push(Fault {
                variable: format!("PGCOFFER_DB_{name}_OLD_KEYS"),
                why: "this database has earlier keys of its own and no present one".to_owned(),
                hint: Some(format!(
                    "set PGCOFFER_DB_{name}_KEY too, or where it is only watched PGCOFFER_DB_{name}_CATALOG_KEY; a \
                     database that is sealed under PGCOFFER_KEY has its earlier keys in PGCOFFER_OLD_KEYS"
                )),
            });
        }
    }

    /// What is said of a database that isn't configured would otherwise be said to nobody.
    fn refuse_strays(&mut self) {
        // where no database is to be backed up, keys are there to read with; catalog keys are so anywhere
        let backs_up = !self.named.is_empty();
        let keys = self.keys.keys().map(|label| (label, "KEY", ""));
        let keys = keys.filter(|(label, ..)| backs_up && !label.as_str().ends_with("_catalog"));
        for label in self.keys.keys().filter(|label| !self.named.contains(*label)) {
            let name = label.as_str().to_ascii_uppercase();
            // the key of a database x_catalog, or by mistake that of x where its catalog key was meant
            if name.ends_with("_CATALOG") {
                self.faults.push(Fault {
                    variable: format!("PGCOFFER_DB_{name}_KEY"),
                    why: KeyFault::IsMasterKey.to_string(),
                    hint: Some(format!(
                        "`pgcoffer keygen --catalog` prints the catalog key of the key that is set; where a database \
                         itself is called {name}, set its key as PGCOFFER_KEY to read what is its"
                    )),
                });
            }
        }
        let schedules = self.schedules.own.keys().map(|label| (label, "SCHEDULE", ""));
        let logins = self.by_iam.iter().map(|label| (label, "AUTH", ""));
        let pings = self.notices.pings.keys().map(|label| (label, "PING_URL", ""));
        let strays = keys
            .chain(schedules)
            .chain(logins)
            .chain(pings)
            .filter(|(label, ..)| !self.named.contains(*label));
        for (label, what, or) in strays {
            let name = label.as_str().to_ascii_uppercase();
            self.faults.push(Fault {
                variable: format!("PGCOFFER_DB_{name}_{what}"),
                why: format!(
                    "it is the {} of a database that isn't configured",
                    what.to_ascii_lowercase()
                ),
                hint: Some(format!("set PGCOFFER_DB_{name}_URL{or}")),
            });
        }
    }
}
