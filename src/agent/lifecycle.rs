//! `lifecycle`: what the bucket itself is to do with backups.

use super::{Agent, connect::parse_label, usage};
use crate::{
    backup::{Label, Retention, Tier},
    catalog::Catalog,
    error::{Error, Result},
    lifecycle::{self, Expiry, LifecyclePlan, PlannedRule, RuleAction, RuleOptions, Transition},
    operation::{self, AppliedRules, KeptLonger, ProposedRules, ShownRules},
    text::day,
};

/// What does the same in a folder.
const NO_RULES: &str = "a folder has no rules: `pgcoffer prune` and `pgcoffer tick` delete there what has run out";

/// At most so many backups are named in a warning.
const NAMED_MAX: usize = 5;

/// Which rules are wanted. What is not asked for is removed from the rules that pgcoffer made.
#[derive(Debug, Clone)]
pub struct LifecycleOptions {
    /// The label of the only database; none for all that are configured.
    pub database: Option<String>,
    /// Which tiers move to colder classes; empty for what the settings say.
    pub cold: Vec<Transition>,
    /// How long a tier is kept, where it is not as the schedule says.
    pub keep: Vec<(Tier, Retention)>,
    /// Whether the bucket deletes what has been kept long enough.
    pub expire: Option<Expiry>,
    /// Whether it may delete what is to be kept for longer.
    pub expire_kept: bool,
    /// Days after which an upload that nobody completed is aborted.
    pub abort_days: u32,
    /// Days after which what was deleted in a versioned bucket is freed.
    pub noncurrent_days: Option<u32>,
}

impl Agent {
    /// Every lifecycle rule of the bucket, and whose it is.
    ///
    /// # Errors
    /// What the bucket refuses.
    pub async fn lifecycle_rules(&self) -> Result<ShownRules> {
        let store = self.store(self.config.store.clone()).await?;
        let labels = self.configured();
        let work = operation::show_lifecycle(store.s3_to("show the lifecycle rules", NO_RULES)?, &labels);
        self.interrupt.or(work).await
    }

    /// The rules that are wanted, by the settings alone. Asks nobody.
    ///
    /// # Errors
    /// [`Error::Usage`] where no bucket or no database is set; a fault of the options.
    pub fn lifecycle_plan(&self, options: &LifecycleOptions) -> Result<LifecyclePlan> {
        let rules = RuleOptions {
            cold: match options.cold.is_empty() {
                true => self.config.cold.clone(),
                false => options.cold.clone(),
            },
            expire: options.expire,
            abort_days: options.abort_days,
            noncurrent_days: options.noncurrent_days,
        };
        let labels = self.planned_for(options)?;
        let kept = labels.into_iter().map(|label| {
            let tiers = self.kept(&options.keep, &label);
            (label, tiers)
        });
        let kept: Vec<_> = kept.collect();
        let bucket = self.config.bucket_to("plan lifecycle rules", NO_RULES)?;
        Ok(lifecycle::plan(&bucket.prefix, &kept, &rules)?)
    }

    /// The rules that are wanted, what would change, and what stands in the way. Changes nothing.
    ///
    /// # Errors
    /// Those of [`Agent::lifecycle_plan`], and what the bucket refuses.
    pub async fn propose_lifecycle(&self, options: &LifecycleOptions) -> Result<ProposedRules> {
        let mut plan = self.lifecycle_plan(options)?;
        match self.kept_longer(&plan).await {
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => plan.warnings.push(unlooked(&error)),
            Ok(kept) => plan.warnings.extend(kept),
        }
        let store = self.store(self.config.store.clone()).await?;
        let labels = self.planned_for(options)?;
        let work = operation::propose_lifecycle(store.s3_to("plan lifecycle rules", NO_RULES)?, &labels, plan);
        self.interrupt.or(work).await
    }

    /// Puts the rules that are wanted into the bucket, reads them back, and undoes them on any difference.
    ///
    /// # Errors
    /// Those of [`Agent::lifecycle_plan`]; [`Error::Usage`] where the bucket would delete too early; what the bucket
    /// refuses.
    pub async fn apply_lifecycle(&self, options: &LifecycleOptions) -> Result<AppliedRules> {
        let mut plan = self.lifecycle_plan(options)?;
        self.refuse_what_is_kept(&mut plan, options.expire_kept).await?;
        let store = self.store(self.config.store.clone()).await?;
        let labels = self.planned_for(options)?;
        operation::apply_lifecycle(
            store.s3_to("put lifecycle rules", NO_RULES)?,
            &labels,
            &plan,
            &self.interrupt,
        )
        .await
    }

    /// Fails where something stands in the bucket that would be deleted too early, or that can't be seen; unless that
    /// is wanted.
    async fn refuse_what_is_kept(&self, plan: &mut LifecyclePlan, wanted: bool) -> Result<()> {
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
    async fn kept_longer(&self, plan: &LifecyclePlan) -> Result<Option<String>> {
        let expires = |rule: &PlannedRule| matches!(rule.action, RuleAction::Expire { .. });
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

    /// How long each tier of a database is kept: as its schedule says, unless `keep` says otherwise.
    fn kept(&self, keep: &[(Tier, Retention)], label: &Label) -> Vec<(Tier, Retention)> {
        let now = self.clock.now();
        let schedule = self.schedule_of(label).into_iter();
        let scheduled = schedule.flat_map(|schedule| schedule.kept(now));
        let otherwise = |tier| keep.iter().any(|(other, _)| *other == tier);
        let scheduled = scheduled.filter(|(tier, _)| !otherwise(*tier));
        scheduled.chain(keep.iter().copied()).collect()
    }

    fn planned_for(&self, options: &LifecycleOptions) -> Result<Vec<Label>> {
        // who owns the bucket need not know how to reach its databases
        if let Some(label) = parse_label(options.database.as_deref())? {
            return Ok(vec![label]);
        }
        let labels = self.configured();
        if labels.is_empty() {
            return Err(usage(
                "no database is configured",
                "name one with --database, and say how long its backups are kept with --keep",
            ));
        }
        Ok(labels)
    }
}

fn unlooked(error: &Error) -> String {
    format!("whether the bucket holds backups that are to be kept for longer was not checked: {error}")
}

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
