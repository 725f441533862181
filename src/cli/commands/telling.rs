//! Who is told of what a command does.

use pgcoffer::{
    Error, Result,
    agent::{self, Pings, Teller, Watched, Weekly},
    backup::Label,
    catalog::Catalog,
    config::{Notices, Settings},
    notify::Origin,
    operation::{Clock, Interrupt},
    panics::{caught, caught_now},
    store::Location,
};

use super::Context;
use crate::cli::{
    args::{Cli, Command},
    log,
};

/// Tells that settings are wrong, by those that say who is told: a schedule that starts nothing would be silent
/// otherwise.
pub(in crate::cli) fn tell_of_settings(cli: &Cli, settings: &Settings, error: &Error, interrupt: &Interrupt) {
    if !matches!(cli.command, Command::Backup(_) | Command::Tick(_) | Command::Serve(_)) {
        return;
    }
    let vars = settings.iter();
    let vars = vars.map(|(name, value)| (name, value.as_str()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let notices = caught_now(|| Notices::alone(vars)).ok().flatten();
    let (Some(notices), Ok(runtime)) = (notices, runtime) else {
        return;
    };
    let teller = teller(&notices, None);
    runtime.block_on(teller.failed(None, error, interrupt));
    runtime.shutdown_background();
    crate::cli::output::unheard(&teller.take_unheard(), log::format(cli.global.log_format));
}

fn teller(notices: &Notices, location: Option<&Location>) -> Teller {
    let digest = notices.digest.clone().map(|(when, zone)| Weekly { when, zone });
    let origin = Origin {
        host: host(),
        location: location.map(ToString::to_string),
    };
    let pings = Pings::new(notices.ping.clone(), notices.pings.clone());
    Teller::new(notices.notifier.clone(), pings, digest, origin, Clock::system())
}

/// The name by which a person finds this machine: the dyno's, the container's, the host's.
fn host() -> String {
    let set = ["DYNO", "HOSTNAME"].iter().find_map(|name| std::env::var(name).ok());
    let set = set.filter(|name| !name.is_empty());
    let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = set.or_else(kernel).unwrap_or_default();
    match name.trim() {
        "" => "an unnamed host".to_owned(),
        name => name.to_owned(),
    }
}

impl Context<'_> {
    pub(super) fn teller(&self) -> Teller {
        teller(&self.config.notices, self.config.location.as_ref())
    }

    /// The result of a command that tells of itself. A bug that nothing else has caught is told as a failure is.
    pub(super) async fn or_tell_panic<T>(&self, teller: &Teller, work: impl Future<Output = Result<T>>) -> Result<T> {
        match caught(work).await {
            Ok(result) => result,
            Err(panic) => self.or_tell(teller, None, Err(panic.into())).await,
        }
    }

    /// Tells of what kept a command from beginning, and gives it back.
    pub(super) async fn or_tell<T>(&self, teller: &Teller, database: Option<&Label>, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            teller.failed(database, error, self.interrupt).await;
        }
        result
    }

    /// Says on stderr what could not be told: the last thing before the run's own error.
    pub(super) fn say_unheard(&self, teller: &Teller) {
        crate::cli::output::unheard(&teller.take_unheard(), log::format(self.cli.global.log_format));
    }

    /// Tells of backups that are late, which another machine was to make.
    pub(super) async fn tell_missed(&self, catalog: &Catalog, labels: &[Label]) -> Result<()> {
        let teller = self.teller();
        if teller.is_silent() {
            return Err(super::usage(
                "--notify has nobody to tell".to_owned(),
                "set PGCOFFER_SLACK_WEBHOOK_URL, PGCOFFER_WEBHOOK_URL, or PGCOFFER_SMTP_URL with PGCOFFER_EMAIL_FROM \
                 and PGCOFFER_EMAIL_TO",
            ));
        }
        let watched: Result<Vec<Watched>> = labels.iter().map(|label| self.watched(label)).collect();
        let told = agent::missed(catalog, &watched?, &teller, self.interrupt).await;
        self.say_unheard(&teller);
        for label in told? {
            tracing::info!(database = %label, "told that its backup is late");
        }
        Ok(())
    }

    pub(super) fn watched(&self, label: &Label) -> Result<Watched> {
        let configured = self.config.databases.iter().find(|database| database.label == *label);
        let secret = match configured {
            Some(database) => self.config.watching_secret_of(database)?.clone(),
            None => {
                let keys = self.config.keys_for_reading()?;
                let own = keys.of(label).iter().map(|key| key.secret.clone());
                own.chain(keys.secrets())
                    .next()
                    .ok_or_else(|| Error::Internal("no secret".to_owned()))?
            }
        };
        Ok(Watched {
            label: label.clone(),
            schedule: configured.and_then(|database| database.schedule.clone()),
            secret,
        })
    }
}
