//! `lifecycle`: what the bucket itself is to do with backups.

use clap::{Args, Subcommand};
use pgcoffer::{
    Error, Result,
    backup::{Label, Retention, Tier},
    catalog::Catalog,
    lifecycle::{self, ABORT_DAYS, Action, Clause, Expiry, Plan, Planned, Wishes},
    operation::{self, KeptLonger},
    schedule::Schedule,
    text::day,
};

use super::{Context, label, usage};

const AFTER_HELP: &str = "\
Every wish is given anew each time: what is not asked for is removed from the rules that pgcoffer made, and only from \
those. docs/glacier.md says how to choose, and what it costs to be wrong.";

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LifecycleCommand {
    /// Show every rule of the bucket, and whose it is
    Show,
    /// Show the rules that are wanted, what they cost, and what would change; writes nothing
    #[command(after_help = AFTER_HELP)]
    Plan {
        #[command(flatten)]
        wishes: WishArgs,
        /// Print the rules as XML, to be put into the bucket by other means
        #[arg(long)]
        xml: bool,
    },
    /// Put the rules into the bucket, read them back, compare, undo on any difference
    #[command(after_help = AFTER_HELP)]
    Apply {
        #[command(flatten)]
        wishes: WishArgs,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct WishArgs {
    /// Move a tier to a colder class, over PGCOFFER_COLD: "monthly to glacier after 30d". Classes: STANDARD_IA,
    /// ONEZONE_IA, GLACIER_IR, GLACIER, DEEP_ARCHIVE
    #[arg(long, value_name = "TIER to CLASS after DAYS")]
    cold: Vec<String>,
    /// How long a tier is kept, over the schedule: "daily 7d, monthly 12mo"
    #[arg(long, value_name = "TIER RETENTION")]
    keep: Vec<String>,
    /// Let S3 delete what has been kept long enough: for credentials that may not delete. Knows neither the last good
    /// ones nor holds
    #[arg(long)]
    expire: bool,
    /// With --expire: delete backups made by hand after this long, and records when none can need them any more
    #[arg(long, value_name = "RETENTION", requires = "expire")]
    expire_manual: Option<Retention>,
    /// With --expire: also let S3 delete what stands there and was to be kept for longer, or is held
    #[arg(long, requires = "expire")]
    expire_kept: bool,
    /// Abort uploads that nobody completed after so many days
    #[arg(long, value_name = "N", default_value_t = ABORT_DAYS, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    abort_days: u32,
    /// In a versioned bucket: free what was deleted so many days ago
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    noncurrent: Option<u32>,
    /// For this database only (default: all that are configured)
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
}

impl Context<'_> {
    pub(super) async fn lifecycle(&self, command: &LifecycleCommand) -> Result<()> {
        match command {
            LifecycleCommand::Show => {
                let store = self.store(self.config.store.clone()).await?;
                let databases = self.config.databases.iter();
                let labels: Vec<Label> = databases.map(|database| database.label.clone()).collect();
                let work = operation::show_lifecycle(&store, &labels);
                let shown = self.interrupt.or(work).await?;
                self.output.lifecycle_rules(&shown)
            }
            LifecycleCommand::Plan { wishes, xml } => {
                let mut plan = self.plan(wishes)?;
                if *xml {
                    return self.output.lifecycle_xml(&plan);
                }
                match self.kept_longer(&plan).await {
                    Err(error @ Error::Interrupted { .. }) => return Err(error),
                    Err(error) => plan.warnings.push(unlooked(&error)),
                    Ok(kept) => plan.warnings.extend(kept),
                }
                let store = self.store(self.config.store.clone()).await?;
                let labels = self.configured(wishes.database.as_deref())?;
                let work = operation::propose_lifecycle(&store, &labels, plan);
                let proposed = self.interrupt.or(work).await?;
                self.output.lifecycle_plan(&proposed)
            }
            LifecycleCommand::Apply { wishes } => {
                let mut plan = self.plan(wishes)?;
                self.refuse_what_is_kept(&mut plan, wishes.expire_kept).await?;
                let store = self.store(self.config.store.clone()).await?;
                let labels = self.configured(wishes.database.as_deref())?;
                let work = operation::apply_lifecycle(&store, &labels, &plan, self.interrupt);
                self.output.lifecycle_applied(&work.await?)
            }
        }
    }

    /// Fails where something stands in the bucket that would be deleted too early, or that can't be seen; unless that
    /// is wanted.
    async fn refuse_what_is_kept(&self, plan: &mut Plan, wanted: bool) -> Result<()> {
        let (why, cure) = match self.kept_longer(plan).await {
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Ok(None) => return Ok(()),
            Ok(Some(_)) if wanted => return Ok(()),
            Err(error) if wanted => {
                plan.warnings.push(unlooked(&error));
                return Ok(());
            }
            Ok(Some(kept)) => (kept, "wait until they may go"),
            Err(error) => (unlooked(&error), "run this with the key and with the right to read"),
        };
        Err(usage(
            format!("{why}; nothing was changed"),
            format!("{cure}, or give --expire-kept to have everything deleted on its day"),
        ))
    }

    /// What stands in the bucket and would be deleted too early.
    async fn kept_longer(&self, plan: &Plan) -> Result<Option<String>> {
        let expires = |rule: &Planned| matches!(rule.action, Action::Expire { .. });
        if !plan.rules.iter().any(expires) {
            return Ok(None);
        }
        // without a key it can be seen at least whether there is anything
        let catalog = Catalog::new(
            self.store(self.config.store.clone()).await?,
            self.config.keys(),
            self.config.repository,
        );
        let looked = operation::kept_longer(&catalog, plan);
        let kept = self.interrupt.or(looked).await?;
        Ok((!kept.is_empty()).then(|| kept_longer_text(&kept)))
    }

    fn plan(&self, args: &WishArgs) -> Result<Plan> {
        let wishes = Wishes {
            cold: self.cold(args)?,
            expire: args.expire.then_some(Expiry {
                manual: args.expire_manual,
            }),
            abort_days: args.abort_days,
            noncurrent_days: args.noncurrent,
        };
        let labels = self.configured(args.database.as_deref())?;
        let given = given(&args.keep)?;
        let kept = labels.into_iter().map(|label| {
            let tiers = self.kept(&given, &label);
            (label, tiers)
        });
        let kept: Vec<_> = kept.collect();
        Ok(lifecycle::plan(&self.config.location()?.prefix, &kept, &wishes)?)
    }

    fn cold(&self, args: &WishArgs) -> Result<Vec<Clause>> {
        if args.cold.is_empty() {
            return Ok(self.config.cold.clone());
        }
        Ok(lifecycle::clauses(&args.cold.join(","))?)
    }

    /// How long each tier of a database is kept: as its schedule says, unless the arguments say otherwise.
    fn kept(&self, given: &[(Tier, Retention)], label: &Label) -> Vec<(Tier, Retention)> {
        let configured = self.config.databases.iter();
        let schedule = configured
            .filter(|database| database.label == *label)
            .filter_map(|database| database.schedule.as_ref())
            .flat_map(Schedule::clauses);
        let scheduled = schedule.map(|clause| (clause.tier(), clause.keep));
        let otherwise = |tier| given.iter().any(|(other, _)| *other == tier);
        let scheduled = scheduled.filter(|(tier, _)| !otherwise(*tier));
        scheduled.chain(given.iter().copied()).collect()
    }

    fn configured(&self, only: Option<&str>) -> Result<Vec<Label>> {
        // who owns the bucket need not know how to reach its databases
        if let Some(label) = label(only)? {
            return Ok(vec![label]);
        }
        if self.config.databases.is_empty() {
            return Err(usage(
                "no database is configured".to_owned(),
                "name one with --database, and say how long its backups are kept with --keep",
            ));
        }
        let databases = self.config.databases.iter();
        Ok(databases.map(|database| database.label.clone()).collect())
    }
}

fn unlooked(error: &Error) -> String {
    format!("whether the bucket holds backups that are to be kept for longer was not checked: {error}")
}

/// At most so many are named.
const NAMED_MAX: usize = 5;

fn kept_longer_text(kept: &[KeptLonger]) -> String {
    let named = kept.iter().take(NAMED_MAX).map(|one| {
        let deleted = day(one.deleted);
        format!("{} of {} after {deleted} ({})", one.id, one.database, one.why)
    });
    let named: Vec<String> = named.collect();
    let more = match kept.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!(
        "S3 would delete backups that are to be kept for longer: {}{more}",
        named.join(", ")
    )
}

/// What `--keep` says.
fn given(texts: &[String]) -> Result<Vec<(Tier, Retention)>> {
    let example = "give --keep \"daily 7d, monthly 12mo\", for example";
    let mut given: Vec<(Tier, Retention)> = Vec::new();
    for pair in texts.iter().flat_map(|text| text.split(',')) {
        let (tier, retention) = tier_and_retention(pair).map_err(|why| usage(why, example))?;
        if given.iter().any(|(other, _)| *other == tier) {
            return Err(usage(format!("--keep names {tier} twice"), example));
        }
        given.push((tier, retention));
    }
    Ok(given)
}

/// `monthly 12mo`, or `monthly keep 12mo` as in a schedule.
fn tier_and_retention(text: &str) -> std::result::Result<(Tier, Retention), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let ([tier, retention] | [tier, "keep", retention]) = words[..] else {
        return Err(format!("{:?} is not a tier and its retention", text.trim()));
    };
    let tier = tier.parse().map_err(|e| format!("{e}"))?;
    let retention = retention.parse().map_err(|e| format!("{e}"))?;
    Ok((tier, retention))
}
