//! `lifecycle`: what the bucket itself is to do with backups.

use clap::{Args, Subcommand};
use pgcoffer::{
    Result,
    agent::LifecycleOptions,
    backup::{Retention, Tier},
    lifecycle::{self, ABORT_DAYS, Expiry},
};

use super::context::{Context, usage};

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
        /// Show what would change, as `plan` does, and write nothing
        #[arg(short = 'n', long)]
        dry_run: bool,
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
            LifecycleCommand::Show => self.output.lifecycle_rules(&self.agent.lifecycle_rules().await?),
            LifecycleCommand::Plan { wishes, xml: true } => {
                let plan = self.agent.lifecycle_plan(&wishes.options()?)?;
                self.output.lifecycle_xml(&plan)
            }
            LifecycleCommand::Plan { wishes, xml: false } | LifecycleCommand::Apply { wishes, dry_run: true } => {
                let proposed = self.agent.propose_lifecycle(&wishes.options()?).await?;
                self.output.lifecycle_plan(&proposed)
            }
            LifecycleCommand::Apply { wishes, dry_run: false } => {
                let applied = self.agent.apply_lifecycle(&wishes.options()?).await?;
                self.output.lifecycle_applied(&applied)
            }
        }
    }
}

impl WishArgs {
    fn options(&self) -> Result<LifecycleOptions> {
        Ok(LifecycleOptions {
            database: self.database.clone(),
            cold: match self.cold.is_empty() {
                true => Vec::new(),
                false => lifecycle::parse_transitions(&self.cold.join(","))?,
            },
            keep: given(&self.keep)?,
            expire: self.expire.then_some(Expiry {
                manual: self.expire_manual,
            }),
            expire_kept: self.expire_kept,
            abort_days: self.abort_days,
            noncurrent_days: self.noncurrent,
        })
    }
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
