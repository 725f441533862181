//! Settings while they are read: each by its line of the table, then all together.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::tz::TimeZone;

use super::{
    Config, DEFAULT_KEEP_LAST, DEFAULT_LEVEL, DEFAULT_SILENCE_MAX, Database, Notices,
    databases::AUTH,
    dynos::DynoReading,
    monitoring::Serving,
    notices::NoticeReading,
    schedules::Schedules,
    table::{self, Take, Taken, foreign, nearest},
};
use crate::{
    backup::Label,
    catalog::Key,
    error::Fault,
    postgres::{AwsIam, DatabaseUrl},
    rights::AccessMode,
    seal::Secret,
    store::Options,
};

/// The settings while they are being read.
pub(super) struct Reading {
    pub(super) config: Config,
    pub(super) key: Option<Secret>,
    pub(super) catalog_key: Option<Secret>,
    pub(super) passphrase: Option<Secret>,
    pub(super) urls: BTreeMap<Label, DatabaseUrl>,
    /// Databases that are named, also those whose URL can't be used.
    pub(super) named: BTreeSet<Label>,
    /// Databases that are logged in to by tokens of IAM.
    pub(super) by_iam: BTreeSet<Label>,
    pub(super) keys: BTreeMap<Label, Secret>,
    pub(super) catalog_keys: BTreeMap<Label, Secret>,
    pub(super) old_keys: BTreeMap<Label, Vec<Key>>,
    pub(super) schedules: Schedules,
    pub(super) notices: NoticeReading,
    pub(super) dynos: DynoReading,
    /// Variables that are set and can't be used: what needs them does not report them as missing.
    pub(super) wrong: BTreeSet<String>,
    pub(super) faults: Vec<Fault>,
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
            dynos: DynoReading::default(),
            wrong: BTreeSet::new(),
            faults: Vec::new(),
        }
    }
}

impl Reading {
    /// Takes one variable of the environment, whatever it is.
    pub(super) fn take(&mut self, variable: &str, text: &str) {
        if let Some(foreign) = foreign(variable) {
            if let Some(take) = foreign.take {
                take(self, text);
            }
            return;
        }
        if let Err((why, hint)) = self.try_take(variable, text) {
            self.wrong.insert(variable.to_owned());
            self.faults.push(Fault {
                variable: variable.to_owned(),
                why,
                hint,
            });
        }
    }

    /// Knows of a variable whose value could not be had: what depends on it is not reported as well.
    pub(super) fn pass_over(&mut self, variable: &str) {
        self.wrong.insert(variable.to_owned());
        self.named.extend(table::label_of_url(variable));
    }

    fn try_take(&mut self, variable: &str, text: &str) -> Taken {
        let Some((setting, label)) = table::find(variable, Some(text)) else {
            return Err(("this version has no such setting".to_owned(), Some(nearest(variable))));
        };
        match setting.take {
            Take::Once(read) => read(self, text),
            Take::PerDatabase { read, .. } => {
                let label = Label::parse(label).map_err(|e| {
                    let hint = "choose another, such as MAIN in PGCOFFER_DB_MAIN_URL";
                    (e.to_string(), Some(hint.to_owned()))
                })?;
                read(self, label, text)
            }
        }
    }

    /// The settings, and every fault: where there is one, they are not to be used.
    pub(super) fn finish(mut self) -> (Config, Vec<Fault>) {
        self.refuse_contradictions();
        self.config.serving.refuse_contradictions(&mut self.faults);
        self.config.serving.dynos = self.dynos.finish(&self.wrong, &mut self.faults);
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
        self.config.notices = self.notices.finish(&zone, &self.wrong, &mut self.faults);
        let locked = self.config.store.lock.is_some();
        let mut schedules = self.schedules.parse(locked, &mut self.faults);
        for (label, url) in self.urls {
            let by_iam = self.by_iam.contains(&label);
            let Some(url) = logging_in(url, &label, by_iam, &mut self.faults) else {
                continue;
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
}

/// The URL with the login that is set for it.
fn logging_in(url: DatabaseUrl, label: &Label, by_iam: bool, faults: &mut Vec<Fault>) -> Option<DatabaseUrl> {
    if !by_iam {
        return Some(url);
    }
    let with_tokens = url.with_password_source(Arc::new(AwsIam));
    let fault = with_tokens.map_err(|error| Fault {
        variable: table::of_database(AUTH, label),
        why: error.to_string(),
        hint: Some(error.hint()),
    });
    fault.map_err(|fault| faults.push(fault)).ok()
}
