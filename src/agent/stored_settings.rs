//! Schedules that somebody stored in the bucket: for databases whose schedule this machine's own settings don't say.

use std::{sync::Mutex, time::Duration};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Agent,
    connect::{no_database_called, parse_label},
    current_schedules::CurrentSchedules,
    usage,
};
use crate::{
    backup::{Label, STORED_TEXT_MAX, StoredSettings, Tier},
    catalog::{Catalog, SettingsToStore},
    config::{ScheduleOrigin, parse_zone},
    error::{Error, Result},
    operation::{Forecast, ForecastRequest, forecast},
    retention::RetentionRun,
    schedule::{DrillSchedule, Schedule},
    text::Untrusted,
};

/// A forecast counts at these numbers of days.
const FORECAST_DAYS: [i64; 6] = [1, 7, 30, 90, 180, 365];

/// When a database is backed up, and where that is set.
#[derive(Debug)]
pub struct ShownSchedule {
    /// The database.
    pub database: Label,
    /// Its schedule, if it has one.
    pub schedule: Option<Schedule>,
    /// Its schedule of drills, if it has one.
    pub drill: Option<DrillSchedule>,
    /// Where the schedule is set.
    pub origin: ScheduleOrigin,
    /// The schedule that is stored in the bucket, whether it counts on this machine or not.
    pub stored: Option<StoredSettings>,
    /// The highest tier that is due next, and when.
    pub next_due: Option<(Tier, Timestamp)>,
    /// When it was looked at: what is due next is due then already, or later.
    pub seen: Timestamp,
    /// What is kept from now on, with what is there today.
    pub forecast: Option<Forecast>,
    /// Whether it is only thought of.
    pub is_preview: bool,
}

/// What is to be stored. What isn't named stays as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ScheduleChange {
    /// The text of the schedule; `off` for none.
    pub schedule: Option<String>,
    /// The text of the schedule of drills; `off` for none.
    pub drill: Option<String>,
    /// The time zone of both, a name of the tz database.
    pub timezone: Option<String>,
}

impl Agent {
    /// Takes the schedules that are stored in the bucket, for configured databases that the settings give none. Without
    /// such a database it makes no request. What can't be read is remembered and said by what needs it.
    ///
    /// # Errors
    /// [`Error::Interrupted`]. If the bucket can't be reached, the verb that comes now says so itself.
    pub async fn adopt_stored_settings(&mut self) -> Result<()> {
        let labels: Vec<Label> = self.not_in_settings().collect();
        if labels.is_empty() || self.config.location.is_none() {
            return Ok(());
        }
        let mut now = CurrentSchedules {
            databases: self.config.databases.clone(),
            drills: self.config.drills.clone(),
        };
        let mut zone = None;
        {
            let Ok(catalog) = self.catalog().await else {
                return self.interrupt.check();
            };
            if catalog.store().writes_only() {
                return Ok(());
            }
            for label in labels {
                let look = catalog.stored_settings(&label, self.clock.now());
                match self.interrupt.or(look).await {
                    Err(error @ Error::Interrupted { .. }) => return Err(error),
                    Ok(Some(stored)) => zone = zone.or(self.adopted(&mut now, &label, &stored)),
                    Ok(None) => {}
                    Err(error) => now.remember_fault(&label, error.to_string()),
                }
            }
        }
        self.current = Mutex::default();
        self.config.databases = now.databases;
        self.config.drills = now.drills;
        self.config.timezone = self.config.timezone.take().or(zone);
        Ok(())
    }

    /// Takes what is stored for a database into schedules; gives its time zone.
    pub(super) fn adopted(
        &self,
        into: &mut CurrentSchedules,
        label: &Label,
        stored: &StoredSettings,
    ) -> Option<TimeZone> {
        let texts = merged(&ScheduleChange::default(), Some(stored));
        match ParsedSettings::parse(&texts, self.config.drill_timeout) {
            Ok(parsed) => {
                into.take(label, (parsed.schedule.as_ref(), parsed.is_off), parsed.drill);
                parsed.zone
            }
            Err(error) => {
                into.remember_fault(label, error.to_string());
                None
            }
        }
    }

    /// When the databases are backed up, and what is kept then: the configured ones, or the one named. `instead`: as if
    /// this were stored for them.
    ///
    /// # Errors
    /// Any error of the bucket; [`Error::Usage`] for a schedule that can't be read.
    pub async fn schedules(
        &self,
        database: Option<&str>,
        instead: Option<&ScheduleChange>,
    ) -> Result<Vec<ShownSchedule>> {
        let catalog = self.catalog().await?;
        let mut shown = Vec::new();
        for label in self.labels(catalog, database).await? {
            shown.push(self.shown_schedule(catalog, label, instead).await?);
        }
        Ok(shown)
    }

    async fn shown_schedule(
        &self,
        catalog: &Catalog,
        label: Label,
        instead: Option<&ScheduleChange>,
    ) -> Result<ShownSchedule> {
        let now = self.clock.now();
        let stored = self.interrupt.or(catalog.stored_settings(&label, now)).await?;
        let current = self.current();
        let configured = current.database(&label);
        let (schedule, drill, origin) = match instead {
            Some(change) => {
                let texts = merged(change, stored.as_ref());
                let parsed = ParsedSettings::parse(&texts, self.config.drill_timeout)?;
                (parsed.schedule, parsed.drill, ScheduleOrigin::Bucket)
            }
            None => (
                configured.and_then(|one| one.schedule.clone()),
                current.drills.schedule_of(&label).cloned(),
                configured.map(|one| one.origin.clone()).unwrap_or_default(),
            ),
        };
        let survey = self.interrupt.or(catalog.survey(&label, usize::MAX)).await?;
        let next_due = schedule.as_ref().and_then(|one| one.next_due(&survey.past(), now));
        let forecast = match &schedule {
            Some(schedule) => Some(self.forecast(schedule.clone(), survey.runs(now), now).await?),
            None => None,
        };
        Ok(ShownSchedule {
            database: label,
            schedule,
            drill,
            origin,
            stored: stored.filter(says_when),
            next_due,
            seen: now,
            forecast,
            is_preview: instead.is_some(),
        })
    }

    /// A year of a schedule. A short one takes seconds, in which nothing else has to wait.
    async fn forecast(&self, schedule: Schedule, existing: Vec<RetentionRun>, now: Timestamp) -> Result<Forecast> {
        let policy = self.retention_policy();
        let carrying_out = tokio::task::spawn_blocking(move || {
            forecast(&ForecastRequest {
                schedule: &schedule,
                policy,
                existing,
                now,
                days: &FORECAST_DAYS,
            })
        });
        let carried_out = async { carrying_out.await.map_err(|error| Error::Internal(error.to_string())) };
        self.interrupt.or(carried_out).await
    }

    /// Stores a schedule in the bucket, for every machine whose own settings don't say one. Atomic.
    ///
    /// # Errors
    /// [`Error::Usage`] for a text that is no schedule, and for a database that is neither configured nor in the
    /// bucket; any error of the bucket.
    pub async fn store_schedule(
        &self,
        database: Option<&str>,
        change: &ScheduleChange,
        by: &str,
    ) -> Result<StoredSettings> {
        self.check_key("store a schedule")?;
        let catalog = self.catalog().await?;
        let label = match parse_label(database)? {
            Some(label) => label,
            None => self.config.database(None)?.label.clone(),
        };
        if let Some(known) = self.others_than(catalog, &label).await? {
            return Err(no_database_called(&label, &known, catalog));
        }
        let before = self
            .interrupt
            .or(catalog.stored_settings(&label, self.clock.now()))
            .await?;
        let merged = merged(change, before.as_ref());
        ParsedSettings::parse(&merged, self.config.drill_timeout)?;
        let by = format!("{by}@{}", self.environment.host);
        let storing = catalog.store_settings(&label, merged, &by, self.clock.now());
        self.interrupt.or(storing).await
    }

    /// Stores that this database has no schedule and no time zone in the bucket any more. Atomic. Gives none where
    /// nothing was stored.
    ///
    /// # Errors
    /// Any error of the bucket.
    pub async fn clear_schedule(&self, database: Option<&str>, by: &str) -> Result<Option<StoredSettings>> {
        self.check_key("store a schedule")?;
        let catalog = self.catalog().await?;
        let label = match parse_label(database)? {
            Some(label) => label,
            None => self.config.database(None)?.label.clone(),
        };
        let now = self.clock.now();
        let before = self.interrupt.or(catalog.stored_settings(&label, now)).await?;
        if !before.as_ref().is_some_and(says_when) {
            return Ok(None);
        }
        let by = format!("{by}@{}", self.environment.host);
        let storing = catalog.store_settings(&label, SettingsToStore::default(), &by, now);
        self.interrupt.or(storing).await.map(Some)
    }
}

/// Whether a schedule is stored: what somebody cleared stays in the bucket, and says none.
fn says_when(stored: &StoredSettings) -> bool {
    stored.schedule.is_some() || stored.drill.is_some()
}

/// What is stored after this change.
fn merged(change: &ScheduleChange, before: Option<&StoredSettings>) -> SettingsToStore {
    let raw = |text: Option<&Untrusted>| text.map(|text| text.raw().to_owned());
    let (schedule, drill, timezone) = before.map_or((None, None, None), |before| {
        (
            raw(before.schedule.as_ref()),
            raw(before.drill.as_ref()),
            raw(before.timezone.as_ref()),
        )
    });
    SettingsToStore {
        schedule: change.schedule.clone().or(schedule),
        drill: change.drill.clone().or(drill),
        timezone: change.timezone.clone().or(timezone),
    }
}

/// Stored texts, read.
struct ParsedSettings {
    schedule: Option<Schedule>,
    is_off: bool,
    drill: Option<DrillSchedule>,
    zone: Option<TimeZone>,
}

impl ParsedSettings {
    fn parse(settings: &SettingsToStore, drill_timeout: Duration) -> Result<Self> {
        let texts = [&settings.schedule, &settings.drill, &settings.timezone];
        if texts
            .into_iter()
            .flatten()
            .any(|text| text.chars().count() > STORED_TEXT_MAX)
        {
            return Err(usage(
                format!("a schedule of more than {STORED_TEXT_MAX} characters can't be stored"),
                "one clause for each tier is enough: `daily at 02:30 keep 7d, weekly keep 5w`",
            ));
        }
        let zone = settings.timezone.as_deref().map(parse_zone).transpose()?;
        let of_times = zone.clone().unwrap_or(TimeZone::UTC);
        let is_off = settings.schedule.as_deref().is_some_and(is_off);
        let schedule = settings.schedule.as_deref().filter(|text| !self::is_off(text));
        let schedule = schedule.map(|text| {
            let parsed = Schedule::parse(text, &of_times);
            parsed.map_err(|error| usage(error.to_string(), error.hint().unwrap_or_default()))
        });
        let drill = settings.drill.as_deref().filter(|text| !self::is_off(text));
        let limit = SignedDuration::try_from(drill_timeout).unwrap_or(SignedDuration::MAX / 4);
        let drill = drill.map(|text| {
            let parsed = DrillSchedule::parse(text, &of_times, limit);
            parsed.map_err(|error| usage(error.to_string(), DrillSchedule::HINT))
        });
        Ok(Self {
            schedule: schedule.transpose()?,
            is_off,
            drill: drill.transpose()?,
            zone,
        })
    }
}

fn is_off(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("off")
}
