//! The facade: from settings to operations, and what people are notified of.
//!
//! An [`Agent`] is what the settings describe. Every front door (the command line, `serve`) asks it for one verb and
//! shows the value that it gives back; the connections and keys that a verb takes are its own affair.
//!
//! Which events a run gives rise to is a pure rule over how the database stood before and how the run ended (`rule`).
//! The bucket is the only memory: what people were notified of stands in the mark of the run, so that nobody is
//! notified twice, and what could not be delivered is shown by `show` and `status`. A notification that fails never
//! fails a backup.

mod archives;
mod audit;
mod backup;
mod bucket;
mod bucket_facts;
mod certificates;
mod check;
mod connect;
mod copies_told;
mod current_schedules;
mod delete;
mod diff;
mod digest;
mod documents;
mod drill;
mod event;
mod failed;
mod heartbeats;
mod launched;
mod lifecycle;
mod metrics;
mod missed;
mod notifications;
mod outcome;
mod overview;
mod place_looks;
mod places;
mod policy;
mod rule;
mod run;
mod scheduled_drills;
mod sheet_facts;
mod shown_drills;
mod silence;
mod status;
mod stored_settings;
mod streamed_copies;
mod throttle;
mod tick;
mod tick_request;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use tokio::sync::OnceCell;

use self::places::AgentPlace;

use crate::{
    backup::{Label, Origin, RunsOn},
    catalog::Catalog,
    config::{Config, Notices, ScheduledDrills, Settings},
    error::{Error, Result},
    operation::{Clock, Interrupt, PlaceHealth},
    panics::caught_now,
    postgres::Clients,
    store::Location,
};

pub use archives::{Selector, ShownBackup};
pub use audit::{AuditLine, AuditLines};
pub use backup::{AskedBackup, backup};
pub use bucket::{PruneOptions, Pruned, PrunedPlace};
pub use bucket_facts::BucketFacts;
pub use certificates::{CertificateSelector, StoredCertificate, VerifyingKey};
pub use check::CheckOptions;
pub use diff::BackupDiff;
pub use documents::{BackupDocument, DatabaseDocument, ListedBackup};
pub use drill::DrillOptions;
pub use heartbeats::Heartbeats;
pub use launched::MissingRun;
pub use lifecycle::LifecycleOptions;
pub use missed::WatchedDatabase;
pub use notifications::{Notifications, Undelivered, Weekly};
pub use overview::{Overview, OverviewDatabase};
pub use places::CopyOptions;
pub use policy::PolicyOptions;
pub use run::{BackupOptions, TakenBackup};
pub use shown_drills::ShownDrills;
pub use status::StatusReport;
pub use stored_settings::{ScheduleChange, ShownSchedule};
pub use tick::tick;
pub use tick_request::{TickOptions, Ticked};

pub use crate::{catalog::MissingAudit, postgres::globals_sql};
pub(crate) use {current_schedules::CurrentSchedules, metrics::write_metrics_file, tick_request::log_unready};

/// What the settings describe: databases, keys, a bucket, and people who are notified.
///
/// It connects to the bucket when that is first needed, and keeps the connection. Every verb ends with
/// [`Error::Interrupted`] once the agent's [`Interrupt`] is raised, after it has cleaned up.
pub struct Agent {
    config: Config,
    environment: Environment,
    clock: Clock,
    interrupt: Interrupt,
    notifications: Notifications,
    catalog: OnceCell<Catalog>,
    clients: OnceCell<Clients>,
    places: Vec<AgentPlace>,
    /// How the places stood when they were last copied to.
    known_places: Mutex<BTreeMap<Label, Vec<PlaceHealth>>>,
    /// The schedules of drills that the settings say.
    drills_of_settings: ScheduledDrills,
    /// The schedules that count now, once somebody has asked for them.
    current: Mutex<Option<Arc<CurrentSchedules>>>,
}

/// What only the process itself can know: the library reads no environment.
#[derive(Clone, Default)]
pub struct Environment {
    /// The name by which a person finds this machine: that of the dyno, the container or the host.
    pub host: String,
    /// The variables of the environment.
    pub variables: Vec<(OsString, OsString)>,
    /// The running program, to be read, where the system shows it.
    pub program: Option<PathBuf>,
    /// Somebody waits for the command, which has nothing to lose: a bucket that can't be reached is told within
    /// seconds.
    pub is_watched: bool,
}

impl Agent {
    /// An agent by these settings.
    ///
    /// # Errors
    /// [`Error::Config`] with every setting that is wrong.
    pub fn from_settings(settings: &Settings, environment: Environment, interrupt: Interrupt) -> Result<Self> {
        Ok(Self::new(Config::read(settings)?, environment, interrupt))
    }

    /// An agent by settings that were read already.
    #[must_use]
    pub fn new(config: Config, environment: Environment, interrupt: Interrupt) -> Self {
        let notifications = notifications(&config.notices, config.location.as_ref(), &environment);
        Self {
            places: AgentPlace::of(&config.places),
            known_places: Mutex::default(),
            drills_of_settings: config.drills.clone(),
            current: Mutex::default(),
            config,
            environment,
            clock: Clock::system(),
            interrupt,
            notifications,
            catalog: OnceCell::new(),
            clients: OnceCell::new(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The request to stop, which every verb obeys.
    #[must_use]
    pub fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// The people who are notified.
    #[must_use]
    pub fn notifications(&self) -> &Notifications {
        &self.notifications
    }

    /// The bucket and the prefix.
    ///
    /// # Errors
    /// [`Error::Usage`] where none is set.
    pub fn location(&self) -> Result<&Location> {
        self.config.location()
    }
}

/// Reports that settings are wrong, by those of them that say who is notified: otherwise a scheduled run that can't
/// begin would be silent. Gives what could not be delivered.
pub async fn report_bad_settings(
    settings: &Settings,
    environment: &Environment,
    error: &Error,
    interrupt: &Interrupt,
) -> Vec<Undelivered> {
    let vars = settings.iter().map(|(name, value)| (name, value.as_str()));
    let notices = caught_now(|| Notices::alone(vars)).ok().flatten();
    let Some(notices) = notices else {
        return Vec::new();
    };
    let notifications = notifications(&notices, None, environment);
    notifications.failed(None, error, interrupt).await;
    notifications.take_undelivered()
}

fn notifications(notices: &Notices, location: Option<&Location>, environment: &Environment) -> Notifications {
    let digest = notices.digest.clone().map(|(when, zone)| Weekly { when, zone });
    let origin = Origin {
        host: environment.host.clone(),
        location: location.map(ToString::to_string),
        runs_on: environment.runs_on(),
    };
    let heartbeats = Heartbeats::new(notices.ping.clone(), notices.pings.clone());
    Notifications::new(notices.notifier.clone(), heartbeats, digest, origin, Clock::system())
}

impl fmt::Debug for Environment {
    /// Without the variables: secrets may be among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl Environment {
    /// Where the commands of messages are run. <https://devcenter.heroku.com/articles/dyno-metadata>
    fn runs_on(&self) -> RunsOn {
        let is_set = |name: &str| self.variable(name).filter(|text| !text.is_empty()).map(str::to_owned);
        match is_set("DYNO") {
            Some(_) => RunsOn::Heroku {
                app: is_set("HEROKU_APP_NAME").or_else(|| is_set("PGCOFFER_HEROKU_APP")),
            },
            None => RunsOn::Machine,
        }
    }

    /// A variable that is set to some text.
    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(set, _)| set == name);
        found.and_then(|(_, value)| value.to_str())
    }
}

fn usage(why: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::usage(why, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_is_printed() {
        let environment = Environment {
            host: "here".to_owned(),
            variables: vec![("PGCOFFER_KEY".into(), "s3cret".into())],
            program: None,
            is_watched: false,
        };
        let shown = format!("{environment:?}");
        assert!(shown.contains("here") && !shown.contains("s3cret"), "{shown}");
        assert_eq!(environment.variable("PGCOFFER_KEY"), Some("s3cret"));
        assert_eq!(environment.variable("PGCOFFER_KE"), None);
    }
}
