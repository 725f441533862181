//! Trying everything, the SQL for a role that only reads, and policies for the bucket.

use clap::Args;
use jiff::Timestamp;
use pgcoffer::{
    Error, Result,
    catalog::Catalog,
    config::{Database, trimmed},
    exit_status::ExitStatus,
    operation::{self, Area, CheckDatabase, CheckRequest, Clock, Finding, Verdict},
    postgres::{DatabaseUrl, Session},
    rights::{self, LOCK_DAYS_DEFAULT, LockCap, Mode, Place, Service},
    store::LockMode,
};

use super::Context;
use crate::cli::{output::print_document, text_check::Lines};

/// What `check` is asked for.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The database's label (default: all of them)
    #[arg(value_name = "DB")]
    label: Option<String>,
    /// The same, as other commands take it
    #[arg(long = "database", value_name = "NAME", conflicts_with = "label")]
    database: Option<String>,
    /// What the bucket's credentials are for: full, drop-box, prune or restore (default: PGCOFFER_MODE, else found out)
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// Check nothing, and print the SQL by which the database's owner makes a role that can read all of it and change
    /// nothing
    #[arg(long)]
    fix_sql: bool,
    /// The role that --fix-sql is about (default: the one in the URL; where that is the owner, pgcoffer)
    #[arg(long, value_name = "ROLE", requires = "fix_sql")]
    role: Option<String>,
    /// Send a test to everybody who is told of backups
    #[arg(long, conflicts_with = "fix_sql")]
    notify: bool,
}

/// What `policy` is asked for.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// full, drop-box (writes new backups alone), prune (deletes what has run out) or restore (reads)
    #[arg(long, value_name = "MODE", default_value_t = Mode::Full)]
    mode: Mode,
    /// Whose policy: aws, wasabi, ceph, minio, other; r2 and b2 have none, and it says what to make instead (default:
    /// by the endpoint)
    #[arg(long, value_name = "SERVICE")]
    service: Option<Service>,
    /// With PGCOFFER_LOCK: the most days that a lock may last (default: the schedule's longest retention and a day, or
    /// 400)
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    lock_days: Option<u32>,
    /// Add legal holds, for `hold` and `release` with PGCOFFER_LOCK: a person's credentials, not the agent's
    #[arg(long)]
    legal_hold: bool,
    /// Add thawing, for --thaw: it costs money
    #[arg(long)]
    thaw: bool,
    /// Add the bucket's lifecycle rules, for `lifecycle apply`: a person's credentials, not the agent's
    #[arg(long)]
    lifecycle: bool,
    /// Add the reading of the bucket's settings, so that `check` can judge them
    #[arg(long)]
    check: bool,
}

/// The role that is proposed where the configured one owns the database.
const READER: &str = "pgcoffer";

impl Context<'_> {
    pub(super) async fn check(&self, args: &CheckArgs) -> Result<()> {
        let chosen = args.label.as_deref().or(args.database.as_deref());
        if args.fix_sql {
            return self.fix_sql(self.config.database(chosen)?, args.role.as_deref()).await;
        }
        let databases: Vec<&Database> = match chosen {
            Some(_) => vec![self.config.database(chosen)?],
            None => self.config.databases.iter().collect(),
        };
        if databases.is_empty() && self.config.location.is_none() {
            self.config.database(None)?;
        }
        let request = CheckRequest {
            databases: databases.into_iter().map(|one| self.to_check(one)).collect(),
            secret: self.config.keys().secrets().into_iter().next(),
            mode: args.mode.or(match self.config.mode {
                Mode::Full => None,
                mode => Some(mode),
            }),
            keep_last: self.config.keep_last,
            others: app_databases(),
            clock: Clock::system(),
        };
        let catalog = self.catalog_to_try().await?;
        let clients = self.clients().await?;
        let lines = Lines::new(self.output.json);
        let tell = |finding: &Finding| lines.tell(finding);
        let mut report = operation::check(catalog.as_ref(), &clients, &request, self.interrupt, &tell).await?;
        for finding in self.notifications(args.notify).await? {
            tell(&finding);
            report.findings.push(finding);
        }
        self.output.checked(&report)?;
        match report.is_good() {
            true => Ok(()),
            false => Err(Error::Problems {
                what: "not everything that was tried works: see above".to_owned(),
                exit_status: ExitStatus::Problem,
            }),
        }
    }

    /// Who is told, and whether that works.
    async fn notifications(&self, send: bool) -> Result<Vec<Finding>> {
        let teller = self.teller();
        let nobody = || "notifications".to_owned();
        if teller.is_silent() {
            let verdict = if send { Verdict::Failed } else { Verdict::Warning };
            let detail = "nobody is told when a backup fails or is missed".to_owned();
            let cure = "set PGCOFFER_SLACK_WEBHOOK_URL, PGCOFFER_WEBHOOK_URL, PGCOFFER_SMTP_URL with \
                PGCOFFER_EMAIL_FROM and PGCOFFER_EMAIL_TO, or PGCOFFER_PING_URL";
            return Ok(vec![finding(nobody(), verdict, detail, Some(cure.to_owned()))]);
        }
        if !send {
            let detail = "configured; `pgcoffer check --notify` sends a test".to_owned();
            return Ok(vec![finding(nobody(), Verdict::Skipped, detail, None)]);
        }
        let told = self.interrupt.or(async { Ok(teller.test().await) }).await?;
        let each = told.into_iter().map(|telling| match telling.result {
            Ok(()) => finding(
                telling.channel,
                Verdict::Ok,
                "took a test: see that it arrived".to_owned(),
                None,
            ),
            Err(error) => {
                let cure = error.hint().unwrap_or_else(|| format!("look at {}", telling.setting));
                finding(telling.channel, Verdict::Failed, error.to_string(), Some(cure))
            }
        });
        Ok(each.collect())
    }

    fn to_check(&self, database: &Database) -> CheckDatabase {
        let own = database.secret.as_ref();
        CheckDatabase {
            label: database.label.clone(),
            url: database.url.clone(),
            // also a weak passphrase, so that it is said to be one
            secret: own.or(self.config.secret.as_ref()).cloned(),
            schedule: database.schedule.clone(),
            unscheduled: database.unscheduled,
        }
    }

    /// The bucket, where rights are tried whatever the mode is.
    async fn catalog_to_try(&self) -> Result<Option<Catalog>> {
        if self.config.location.is_none() {
            return Ok(None);
        }
        let mut options = self.config.store.clone();
        options.write_only = false;
        let store = self.store(options).await?;
        Ok(Some(Catalog::new(store, self.config.keys(), self.config.repository)))
    }

    async fn fix_sql(&self, database: &Database, role: Option<&str>) -> Result<()> {
        let work = async {
            let mut session = Session::connect(&database.url).await?;
            let role = match role {
                Some(role) => role.to_owned(),
                None if session.is_owner().await? => READER.to_owned(),
                None => database.url.user().to_owned(),
            };
            let sql = session.reader_sql(&role).await?;
            session.close().await;
            Ok((role, sql))
        };
        let (role, sql) = self.interrupt.or(work).await?;
        self.output.reader_sql(&database.label, &role, &sql)
    }

    /// The days of the longest retention in the schedules, and one more for the time that a run takes.
    fn longest_days(&self) -> Option<u32> {
        let now = Timestamp::now();
        let schedules = self.config.databases.iter().filter_map(|one| one.schedule.as_ref());
        let kept = schedules
            .flat_map(|schedule| schedule.clauses())
            .map(|clause| clause.keep);
        let end = kept.filter_map(|keep| keep.expires(now)).max()?;
        let days = end.duration_since(now).as_hours().div_euclid(24) + 2;
        u32::try_from(days).ok()
    }

    pub(super) fn bucket_policy(&self, args: &PolicyArgs) -> Result<()> {
        let location = self.config.location()?;
        let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| std::env::var(name).ok());
        let service = args.service.unwrap_or_else(|| Service::at(endpoint().as_deref()));
        if let Some(instead) = service.instead_of_policies(args.mode) {
            return Err(Error::Usage {
                why: format!("{service} has no policies to print"),
                hint: instead.to_owned(),
            });
        }
        if args.service.is_none() && service == Service::Other {
            tracing::warn!(
                "what answers at this endpoint is not known: the policy has what all services take; --service names it"
            );
        }
        if args.mode == Mode::DropBox && service != Service::Aws {
            tracing::warn!(
                "the condition that nothing is written over is AWS's: here turn on versioning or Object Lock as well"
            );
        }
        let days = args.lock_days.or_else(|| self.longest_days());
        let lock = self.config.store.lock.map(|mode| LockCap {
            compliance: mode == LockMode::Compliance,
            days: days.unwrap_or(LOCK_DAYS_DEFAULT),
        });
        let place = Place {
            service,
            bucket: location.bucket.clone(),
            prefix: location.prefix.clone(),
            partition: rights::partition(region.iter().flatten().next().map(String::as_str)).to_owned(),
            kms_key: self.config.store.kms_key.clone(),
            acl: self.config.store.acl.is_some(),
            lock,
            legal_hold: args.legal_hold,
            thaw: args.thaw,
            lifecycle: args.lifecycle,
            check: args.check,
        };
        // as people write them: the version first
        let policy = serde_json::to_string_pretty(&rights::policy(args.mode, &place));
        let policy = policy.map_err(|e| Error::Internal(e.to_string()))?;
        print_document(&format!("{policy}\n"))
    }
}

fn endpoint() -> Option<String> {
    let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
    let mut set = names.into_iter().filter_map(|name| std::env::var(name).ok());
    set.find(|url| !url.trim().is_empty())
}

fn finding(subject: String, verdict: Verdict, detail: String, cure: Option<String>) -> Finding {
    Finding {
        area: Area::Notifications,
        subject,
        what: "notifications",
        verdict,
        detail,
        cure,
    }
}

/// The database that the app itself uses, where it is told here.
fn app_databases() -> Vec<(String, DatabaseUrl)> {
    let name = "DATABASE_URL";
    let url = std::env::var(name)
        .ok()
        .and_then(|text| DatabaseUrl::parse(trimmed(&text)).ok());
    url.map(|url| (name.to_owned(), url)).into_iter().collect()
}
