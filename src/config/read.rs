//! Reads settings: each by its line of the table, then all together.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{
    Config, DatabaseSettings, ScheduleOrigin,
    names::of_database,
    notices::Notices,
    reading::Reading,
    schedules::TIMEZONE,
    setting::{Setting, Take},
    table::{self, databases::AUTH, foreign, nearest, notices},
    wrong::Taken,
};
use crate::{
    backup::{Label, PlaceName},
    catalog::Key,
    error::Fault,
    postgres::{AwsIam, DatabaseUrl},
};

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
                    let hint = match Label::fitting(label) {
                        Some(fitting) => format!("call it {}", of_database(setting.name, &fitting)),
                        None => "choose another, such as MAIN in PGCOFFER_DB_MAIN_URL".to_owned(),
                    };
                    (e.to_string(), Some(hint))
                })?;
                read(self, label, text)
            }
            Take::PerPlace { read, .. } => {
                let place = PlaceName::parse(label).map_err(|e| {
                    let hint = "choose another, such as OFFSITE in PGCOFFER_COPY_OFFSITE_URL".to_owned();
                    (e.to_string(), Some(hint))
                })?;
                read(self, place, text)
            }
        }
    }

    /// The settings, and every fault: where there is one, they are not to be used.
    pub(super) fn finish(mut self) -> (Config, Vec<Fault>) {
        self.refuse_contradictions();
        self.config.serving.refuse_contradictions(&mut self.faults);
        self.config.serving.dynos = self.dynos.finish(&self.wrong, &mut self.faults);
        let http_hosts = &self.config.store.http_hosts;
        self.config.dashboard = self.dashboard.finish(&self.wrong, http_hosts, &mut self.faults);
        self.config.secret = self.key.or(self.passphrase).or(self.catalog_key);
        self.keys.extend(self.catalog_keys);
        for (label, secret) in &self.keys {
            let keys = self.config.own_keys.entry(label.clone()).or_default();
            keys.push(Key::current(secret.clone()));
        }
        for (label, old) in self.old_keys {
            self.config.own_keys.entry(label).or_default().extend(old);
        }
        self.config.timezone = self.schedules.zone.clone();
        let zone = self.schedules.zone.clone().unwrap_or(TimeZone::UTC);
        self.config.notices = self.notices.finish(&zone, &self.wrong, &mut self.faults);
        self.config.drill_timeout = self.drills.time_limit.unwrap_or(self.config.drill_timeout);
        self.config.drills = self.drills.finish(&zone, &mut self.faults);
        let (bucket, http_hosts) = (self.config.location.as_ref(), &self.config.store.http_hosts);
        let places = self.places.finish(bucket, http_hosts, &self.wrong, &mut self.faults);
        (self.config.places, self.config.copies_min) = places;
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
            let origin = match unscheduled || schedule.is_some() {
                true => ScheduleOrigin::Settings,
                false => ScheduleOrigin::Nowhere,
            };
            self.config.databases.push(DatabaseSettings {
                label,
                url,
                secret,
                schedule,
                unscheduled,
                origin,
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
        variable: of_database(AUTH, label),
        why: error.to_string(),
        hint: Some(error.hint()),
    });
    fault.map_err(|fault| faults.push(fault)).ok()
}

impl Notices {
    /// Reads these settings alone, whatever else is wrong: so that what is wrong can be told. None where these
    /// themselves are wrong, or where there is nobody to tell.
    #[must_use]
    pub fn alone<'a>(vars: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let mut reading = Reading::default();
        for (name, value) in vars.into_iter().filter(|(_, value)| !value.is_empty()) {
            let found = table::find(name, Some(value));
            let is_needed = |setting: &Setting| {
                setting.name == TIMEZONE || notices::SECTION.settings.iter().any(|own| own.name == setting.name)
            };
            if found.is_some_and(|(setting, _)| is_needed(setting)) {
                reading.take(name, value);
            }
        }
        // what is wrong with one channel keeps no other from reporting it
        let zone = reading.schedules.zone.unwrap_or(TimeZone::UTC);
        let notices = reading.notices.finish(&zone, &reading.wrong, &mut Vec::new());
        let nobody = notices.notifier.channels.is_empty() && notices.ping.is_none() && notices.pings.is_empty();
        (!nobody).then_some(notices)
    }
}
