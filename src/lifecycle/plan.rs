use serde::Serialize;

use super::{Error, KeptDays, PlannedRule, RuleAction, Transition, planned_rule::stem};
use crate::{
    backup::{Label, Retention, Tier},
    text::counted,
};

/// The default number of days after which an incomplete upload is aborted.
pub const ABORT_DAYS: u32 = 7;

/// The options of the bucket's lifecycle rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOptions {
    /// Which tiers move to which class.
    pub cold: Vec<Transition>,
    /// Whether S3 itself deletes expired backups, and how.
    pub expire: Option<Expiry>,
    /// The days after which an incomplete upload is aborted.
    pub abort_days: u32,
    /// The days after which a versioned bucket deletes noncurrent versions.
    pub noncurrent_days: Option<u32>,
}

/// How S3 itself deletes backups, for agents that have no right to delete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expiry {
    /// How long backups made by hand are kept. If `None`, they stay, and so do all records and details.
    pub manual: Option<Retention>,
}

/// The rules that are wanted, with warnings and notes about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LifecyclePlan {
    /// The rules, grouped by database.
    pub rules: Vec<PlannedRule>,
    /// What can go wrong with the rules.
    pub warnings: Vec<String>,
    /// What else the user should know.
    pub notes: Vec<String>,
}

/// The rules for these databases, each with the retention of its tiers. `location_prefix` is the prefix in the bucket,
/// without a slash at either end; empty for the bucket's root.
///
/// # Errors
/// [`Error::Contradictions`] with everything that is impossible.
pub fn plan(
    location_prefix: &str,
    databases: &[(Label, Vec<(Tier, Retention)>)],
    options: &RuleOptions,
) -> Result<LifecyclePlan, Error> {
    let mut planner = Planner {
        options,
        plan: LifecyclePlan {
            rules: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
        },
        faults: Vec::new(),
    };
    for (database, tiers) in databases {
        let folder = match location_prefix {
            "" => format!("{database}/"),
            prefix => format!("{prefix}/{database}/"),
        };
        let of = DatabaseRules {
            stem: stem(location_prefix, database),
            database,
            folder,
            tiers,
        };
        planner.add_database(&of);
    }
    planner.finish()
}

/// A database and the retention of its tiers.
struct DatabaseRules<'a> {
    database: &'a Label,
    stem: String,
    folder: String,
    tiers: &'a [(Tier, Retention)],
}

impl DatabaseRules<'_> {
    fn retention(&self, tier: Tier) -> Option<Retention> {
        let found = self.tiers.iter().find(|(other, _)| *other == tier);
        found.map(|(_, retention)| *retention)
    }

    fn rule(&self, name: &str, tier: Option<Tier>, below: &str, action: RuleAction) -> PlannedRule {
        PlannedRule {
            id: format!("{}-{name}", self.stem),
            database: self.database.clone(),
            tier,
            prefix: format!("{}{below}", self.folder),
            action,
            kept: None,
            early_deletion_days: None,
        }
    }

    /// The days after which no archive of this tier has to be kept. A backup has the highest tier that was due, and may
    /// serve every lower tier as well. `None` if there is no such day.
    fn longest_days(&self, tier: Tier) -> Option<u32> {
        let served = self
            .tiers
            .iter()
            .filter(|(other, _)| *other <= tier && *other != Tier::Manual);
        let days: Option<Vec<u32>> = served
            .map(|(_, kept)| Some(KeptDays::of(*kept)?.longest_days))
            .collect();
        days?.into_iter().max()
    }
}

struct Planner<'a> {
    options: &'a RuleOptions,
    plan: LifecyclePlan,
    faults: Vec<String>,
}

impl Planner<'_> {
    fn add_database(&mut self, of: &DatabaseRules<'_>) {
        for clause in &self.options.cold {
            self.add_transition(of, *clause);
        }
        if let Some(expiry) = self.options.expire {
            self.add_expiry(of, expiry);
        }
        let after_days = self.options.abort_days;
        let abort = of.rule("uploads", None, "archives/", RuleAction::Abort { after_days });
        self.plan.rules.push(abort);
        if let Some(after_days) = self.options.noncurrent_days {
            let action = RuleAction::ExpireNoncurrent { after_days };
            self.plan.rules.push(of.rule("noncurrent", None, "", action));
        }
    }

    fn add_transition(&mut self, of: &DatabaseRules<'_>, clause: Transition) {
        let Transition {
            tier,
            class,
            after_days,
        } = clause;
        let mut rule = of.rule(
            &format!("{tier}-cold"),
            Some(tier),
            &format!("archives/{tier}/"),
            RuleAction::Move { class, after_days },
        );
        let name = format!("{}: {clause}", of.database);
        if after_days < class.least_age_days() {
            let least = class.least_age_days();
            self.faults.push(format!(
                "{name}: S3 moves objects to {class} only after {}",
                counted(least, "day")
            ));
        }
        let retention = of.retention(tier);
        rule.kept = retention.map(|kept| kept.to_string());
        match (retention, retention.and_then(KeptDays::of)) {
            (_, Some(kept)) => rule.early_deletion_days = self.check_time(&name, clause, kept),
            (Some(Retention::Forever), None) => rule.early_deletion_days = Some(0),
            (Some(count), None) => self.note(format!(
                "{name}: backups are kept by count ({count}), so the time that one stays in {class} isn't known; each \
                 is billed for at least {}",
                counted(class.minimum_storage_days(), "day")
            )),
            (None, None) if tier == Tier::Manual => {
                rule.kept = Some("as --retain says, forever by default".to_owned());
            }
            (None, None) => self.note(format!(
                "{name}: the settings don't say how long {tier} backups are kept, so it was not checked that they stay \
                 for the {} days that {class} bills at least",
                class.minimum_storage_days()
            )),
        }
        self.plan.rules.push(rule);
    }

    /// Checks that archives stay long enough in the class. Returns the days that are billed after a backup's deletion.
    fn check_time(&mut self, name: &str, clause: Transition, kept: KeptDays) -> Option<u32> {
        let Transition {
            tier,
            class,
            after_days,
        } = clause;
        let (days, minimum) = (kept.shortest_days, class.minimum_storage_days());
        if after_days >= days {
            self.faults.push(format!(
                "{name}: a {tier} backup is deleted after {}, before or when it would be moved",
                counted(days, "day")
            ));
        } else if days < minimum {
            self.faults.push(format!(
                "{name}: a {tier} backup may be kept for only {}, and {class} bills at least {minimum} days",
                counted(days, "day")
            ));
        }
        Some(minimum.saturating_sub(days.saturating_sub(after_days)))
    }

    fn add_expiry(&mut self, of: &DatabaseRules<'_>, expiry: Expiry) {
        let scheduled: Vec<Tier> = Tier::ALL
            .into_iter()
            .filter(|t| *t != Tier::Manual && of.retention(*t).is_some())
            .collect();
        if scheduled.is_empty() {
            let name = of.database;
            self.faults.push(format!(
                "{name}: the settings don't say how long its backups are kept, so S3 can't be given a day"
            ));
        }
        let mut longest = Some(0);
        for tier in scheduled {
            let days = of.longest_days(tier);
            longest = longest.zip(days).map(|(a, b)| a.max(b));
            self.expire_tier(of, tier, days);
        }
        let manual = expiry.manual.and_then(KeptDays::of).map(|kept| kept.longest_days);
        self.expire_tier(of, Tier::Manual, manual);
        match longest.zip(manual).map(|(a, b)| a.max(b)) {
            Some(days) => {
                let action = RuleAction::Expire { after_days: days + 1 };
                for folder in ["records", "details"] {
                    let (name, below) = (format!("{folder}-expire"), format!("{folder}/"));
                    self.plan.rules.push(of.rule(&name, None, &below, action));
                }
            }
            None => self.note(format!(
                "{}: its records and details are not deleted: a record without its archive does no harm, and an \
                 archive without its record is no backup",
                of.database
            )),
        }
    }

    fn expire_tier(&mut self, of: &DatabaseRules<'_>, tier: Tier, days: Option<u32>) {
        let Some(days) = days else {
            self.note(format!(
                "{}: {tier} backups don't expire, as they are kept forever or by count",
                of.database
            ));
            return;
        };
        let after_days = days + 1;
        let cold = self.options.cold.iter().find(|clause| clause.tier == tier);
        if let Some(clause) = cold.filter(|clause| clause.after_days >= after_days) {
            self.faults.push(format!(
                "{}: {clause}: a backup expires after {}, before or when it would be moved",
                of.database,
                counted(after_days, "day")
            ));
        }
        let name = format!("{tier}-expire");
        let mut rule = of.rule(
            &name,
            Some(tier),
            &format!("archives/{tier}/"),
            RuleAction::Expire { after_days },
        );
        rule.kept = of
            .retention(tier)
            .or(self.options.expire.and_then(|e| e.manual))
            .map(|kept| kept.to_string());
        self.plan.rules.push(rule);
    }

    fn note(&mut self, note: String) {
        self.plan.notes.push(note);
    }

    fn finish(mut self) -> Result<LifecyclePlan, Error> {
        if self.options.abort_days == 0 || self.options.noncurrent_days == Some(0) {
            self.faults.push("S3 counts days from 1".to_owned());
        }
        if !self.faults.is_empty() {
            return Err(Error::Contradictions(self.faults));
        }
        self.add_general_notes();
        Ok(self.plan)
    }

    /// Adds the warnings and notes that apply to every bucket.
    fn add_general_notes(&mut self) {
        let any = |fits: fn(&RuleAction) -> bool| self.plan.rules.iter().any(|rule| fits(&rule.action));
        let (moves, freezes, expires) = (
            any(|action| matches!(action, RuleAction::Move { .. })),
            any(|action| matches!(action, RuleAction::Move { class, .. } if class.must_be_thawed())),
            any(|action| matches!(action, RuleAction::Expire { .. })),
        );
        if expires {
            let warnings = [
                "an expiry rule ignores PGCOFFER_KEEP_LAST and holds: if backups stop, S3 still deletes the last one \
                 on its day, and a held one too",
                "it deletes everything in its folder, also backups that an earlier schedule keeps longer, or \
                 `backup --tier … --retain …`",
            ];
            self.plan.warnings.extend(warnings.map(str::to_owned));
            self.note(
                "run `lifecycle apply` again after you change the schedule: S3 keeps using the old days".to_owned(),
            );
            if self.options.noncurrent_days.is_none() {
                self.note(
                    "in a versioned bucket expiry only hides objects: add --noncurrent DAYS to free the space"
                        .to_owned(),
                );
            }
        }
        if moves {
            self.note("records and details are never moved, so list, show and status need no thawing".to_owned());
            self.note(
                "archives below 128 KiB are not moved, unless the bucket's default minimum size was changed".to_owned(),
            );
        }
        if freezes {
            self.note(
                "each object in GLACIER or DEEP_ARCHIVE is billed for about 40 KB more than its size, and moving it \
                 costs a request"
                    .to_owned(),
            );
        }
        self.note(
            "S3 acts once a day, at the first midnight UTC after that many days, and may take a day or two longer"
                .to_owned(),
        );
    }
}
