//! What happens between two backups: ticks, their outlook, and pruning.

use pgcoffer::{
    Error, Result,
    agent::{self, Teller},
    backup::{BackupId, Failure, Label},
    catalog::Catalog,
    config::Database,
    operation::{self, Clock, Progress, PruneRequest, TickDatabase, TickReport, TickRequest},
    retention::Policy,
    rights::Mode,
    schedule::Schedule,
};

use super::{Context, label, usage};
use crate::cli::{args::TickArgs, watch::watched};

impl Context<'_> {
    pub(super) async fn tick(&self, args: &TickArgs) -> Result<()> {
        let teller = self.teller();
        let ticked = self.tick_telling(args, &teller);
        let result = self.or_tell_panic(&teller, ticked).await;
        self.say_unheard(&teller);
        result
    }

    async fn tick_telling(&self, args: &TickArgs, teller: &Teller) -> Result<()> {
        let ready = self.or_tell(teller, None, self.turns(args)).await;
        let (request, unready) = ready?;
        say_all(unready.iter().skip(1));
        let catalog = self.or_tell(teller, None, self.catalog().await).await?;
        let clients = self.or_tell(teller, None, self.clients().await).await?;
        let progress = Progress::default();
        let work = agent::tick(
            &catalog,
            &clients,
            &request,
            &unready,
            teller,
            &progress,
            self.interrupt,
        );
        let report = watched(&self.cli.global, "backup", &progress, work).await?;
        let seen = report.databases.iter().filter_map(|one| one.health.clone());
        self.tell_metrics(&catalog, seen.collect()).await;
        self.output.ticked(&report)?;
        match (unready.into_iter().next(), report.exit_status()) {
            (Some((_, error)), _) => Err(error),
            (None, 0) => Ok(()),
            (None, exit_status) => Err(Error::Problems {
                what: format!("not all is well with {}: see above", unwell(&report)),
                exit_status,
            }),
        }
    }

    /// The databases whose turn it is, and those that could not be made ready, with the reason.
    fn turns(&self, args: &TickArgs) -> Result<(TickRequest, Vec<(Label, Error)>)> {
        let chosen: Vec<&Database> = match &args.database {
            Some(name) => vec![self.config.database(Some(name))?],
            None if self.config.databases.is_empty() => vec![self.config.database(None)?],
            None => self.config.databases.iter().collect(),
        };
        let named = args.database.is_some();
        let turns = chosen.into_iter().filter(|database| named || !database.unscheduled);
        let (databases, unready) = self.readied(turns, |database| self.turn_of(database));
        if databases.is_empty() {
            say_all(unready.iter().skip(1));
            return Err(match unready.into_iter().next() {
                Some((_, error)) => error,
                None => usage(
                    "every database's schedule is off".to_owned(),
                    "name one with --database, or set its PGCOFFER_DB_<NAME>_SCHEDULE",
                ),
            });
        }
        let request = self.tick_request(databases, args.parallel, !args.no_prune);
        Ok((request, unready))
    }

    /// A tick over these databases, by the settings.
    pub(super) fn tick_request(&self, databases: Vec<TickDatabase>, parallel: u8, prune: bool) -> TickRequest {
        TickRequest {
            databases,
            parallel: parallel.into(),
            prune,
            level: self.config.level,
            silence_max: self.config.silence_max,
            policy: self.policy(),
            clock: Clock::system(),
            steps: None,
        }
    }

    /// What could be made ready of each, and why the others could not, which is for the caller to say: what one
    /// database lacks keeps no other from its turn.
    pub(super) fn readied<'d, T>(
        &self,
        databases: impl Iterator<Item = &'d Database>,
        ready: impl Fn(&Database) -> Result<T>,
    ) -> (Vec<T>, Vec<(Label, Error)>) {
        let (mut found, mut unready) = (Vec::new(), Vec::new());
        for database in databases {
            match ready(database) {
                Ok(one) => found.push(one),
                Err(error) => unready.push((database.label.clone(), error)),
            }
        }
        (found, unready)
    }

    pub(super) fn turn_of(&self, database: &Database) -> Result<TickDatabase> {
        let schedule = database.schedule.clone().ok_or_else(|| {
            let name = database.label.as_str().to_ascii_uppercase();
            usage(
                format!("{} has no schedule", database.label),
                format!(
                    "set PGCOFFER_SCHEDULE, for example to \"daily at 02:30 keep 7d\", or \
                    PGCOFFER_DB_{name}_SCHEDULE to its own or to \"off\""
                ),
            )
        })?;
        for warning in schedule.warnings() {
            tracing::warn!(database = %database.label, "{warning}");
        }
        // who may only write can't watch either
        let secret = match self.config.mode {
            Mode::DropBox => self.config.secret_of(database)?,
            _ => self.config.watching_secret_of(database)?,
        };
        Ok(TickDatabase {
            label: database.label.clone(),
            url: database.url.clone(),
            secret: secret.clone(),
            schedule,
        })
    }

    pub(super) async fn status(&self, database: Option<&str>, notify: bool) -> Result<()> {
        let catalog = self.catalog().await?;
        let now = Clock::system().now();
        let (mut found, mut failed) = (Vec::new(), None);
        let labels = self.labels(&catalog, database).await?;
        let told = match notify {
            true => self.tell_missed(&catalog, &labels).await,
            false => Ok(()),
        };
        for label in labels {
            let look = operation::status(&catalog, &label, self.schedule_of(&label), now);
            match self.interrupt.or(look).await {
                Ok(health) => found.push(health),
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                // the others are shown all the same
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let beside = match database {
            None => self.interrupt.or(self.not_configured(&catalog)).await?,
            Some(_) => Vec::new(),
        };
        self.tell_metrics(&catalog, found.clone()).await;
        self.output.status(&found, &beside, now)?;
        told?;
        if let Some(error) = failed {
            return Err(error);
        }
        let wrong = found.iter().filter(|health| !health.problems().is_empty());
        match (wrong.count(), found.is_empty()) {
            (0, false) => Ok(()),
            (count, empty) => Err(Error::Problems {
                what: match (count, empty) {
                    (_, true) => "there is no database here and none is configured".to_owned(),
                    (1, _) => "1 database needs a look".to_owned(),
                    (count, _) => format!("{count} databases need a look"),
                },
                exit_status: 8,
            }),
        }
    }

    /// Databases with backups of ours in the bucket that are not configured here: another machine's, retired ones, and
    /// one whose variable somebody took away. Each with its newest backup. Who may not list the folders is shown none.
    async fn not_configured(&self, catalog: &Catalog) -> Result<Vec<(Label, BackupId)>> {
        let mut beside = Vec::new();
        if self.config.databases.is_empty() {
            return Ok(beside);
        }
        let is_configured = |label: &Label| {
            let mut configured = self.config.databases.iter();
            configured.any(|database| database.label == *label)
        };
        let labels = catalog.databases().await.unwrap_or_default();
        for label in labels.into_iter().filter(|label| !is_configured(label)) {
            let survey = catalog.survey(&label, 1).await;
            let newest = survey.ok().and_then(|survey| survey.entries.into_iter().next());
            beside.extend(newest.map(|newest| (label, newest.record.id)));
        }
        Ok(beside)
    }

    pub(super) async fn prune(&self, database: Option<&str>, dry_run: bool, confirmed: Option<usize>) -> Result<()> {
        let catalog = self.catalog().await?;
        let request = PruneRequest {
            policy: self.policy(),
            dry_run,
            clock: Clock::system(),
            confirmed,
        };
        let (mut reports, mut failed) = (Vec::new(), None);
        for label in self.labels(&catalog, database).await? {
            match operation::prune(&catalog, &label, &request, self.interrupt).await {
                Ok(report) => reports.push(Ok(report)),
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                // the others have their turn all the same
                Err(error) => {
                    reports.push(Err((label, Failure::from(&error))));
                    failed = failed.or(Some(error));
                }
            }
        }
        if let (Some(name), [Ok(report)]) = (database, reports.as_slice())
            && report.is_empty()
            && self.config.database(Some(name)).is_err()
        {
            return Err(usage(
                format!("there is no database {name} here, and none of that name is configured"),
                "`pgcoffer list` shows which databases have backups",
            ));
        }
        if !dry_run {
            self.tell_metrics(&catalog, Vec::new()).await;
        }
        self.output.pruned(&reports, dry_run, failed.as_ref())?;
        let trouble = reports
            .iter()
            .flatten()
            .any(|report| report.troubles().next().is_some());
        match failed {
            Some(error) => Err(error),
            None if trouble => Err(Error::Problems {
                what: "not everything could be deleted: see above".to_owned(),
                exit_status: 4,
            }),
            None => Ok(()),
        }
    }

    pub(super) fn policy(&self) -> Policy {
        Policy {
            keep_last: self.config.keep_last,
            ..Policy::default()
        }
    }

    pub(super) fn schedule_of(&self, label: &Label) -> Option<&Schedule> {
        let mut configured = self.config.databases.iter();
        let found = configured.find(|database| database.label == *label);
        found.and_then(|database| database.schedule.as_ref())
    }

    /// The databases that are meant: the one named, those configured, or where none is configured those in the bucket.
    async fn labels(&self, catalog: &Catalog, database: Option<&str>) -> Result<Vec<Label>> {
        if let Some(one) = label(database)? {
            return Ok(vec![one]);
        }
        let configured = self.config.databases.iter();
        let configured: Vec<Label> = configured.map(|database| database.label.clone()).collect();
        if configured.is_empty() {
            return self.interrupt.or(catalog.databases()).await;
        }
        Ok(configured)
    }
}

/// Says why databases could not be made ready; of several errors a command can end with one alone.
pub(super) fn say_all<'e>(unready: impl Iterator<Item = &'e (Label, Error)>) {
    for (label, error) in unready {
        let hint = error.hint();
        tracing::error!(database = %label, hint, "{error}");
    }
}

fn unwell(report: &TickReport) -> String {
    let unwell = report.databases.iter().filter(|one| one.exit_status() != 0);
    let names: Vec<&str> = unwell.map(|one| one.database.as_str()).collect();
    names.join(", ")
}
