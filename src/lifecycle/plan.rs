use serde::Serialize;

use super::{Action, Clause, Error, Kept, Planned, planned::stem};
use crate::{
    backup::{Label, Retention, Tier},
    text::counted,
};

/// Days after which an upload that nobody completed is aborted, unless told otherwise.
pub const ABORT_DAYS: u32 = 7;

/// What is wanted of the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// which tiers go where
    pub cold: Vec<Clause>,
    /// whether S3 itself deletes what has been kept long enough
    pub expire: Option<Expiry>,
    /// days after which an upload that nobody completed is aborted
    pub abort_days: u32,
    /// days after which a versioned bucket gives up what was deleted
    pub noncurrent_days: Option<u32>,
}

/// How S3 itself deletes: for agents that may not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expiry {
    /// how long backups made by hand are kept; without it they stay, and so do all records and details
    pub manual: Option<Retention>,
}

/// The rules that are wanted, and what should be known about them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// the rules, database by database
    pub rules: Vec<Planned>,
    /// what can go wrong with them
    pub warnings: Vec<String>,
    /// what is good to know
    pub notes: Vec<String>,
}

/// The rules for these databases, each with how long its tiers are kept, at a place in a bucket (its prefix, without a
/// slash at either end, empty for the bucket's root).
///
/// # Errors
/// [`Error::Contradictions`] with every wish that can't be met.
pub fn plan(
    location_prefix: &str,
    databases: &[(Label, Vec<(Tier, Retention)>)],
    wishes: &Wishes,
) -> Result<Plan, Error> {
    let mut planning = Planning {
        wishes,
        plan: Plan {
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
        let of = OfDatabase {
            stem: stem(location_prefix, database),
            database,
            folder,
            tiers,
        };
        planning.take(&of);
    }
    planning.finish()
}

/// One database and how long its tiers are kept.
struct OfDatabase<'a> {
    database: &'a Label,
    stem: String,
    folder: String,
    tiers: &'a [(Tier, Retention)],
}

impl OfDatabase<'_> {
    fn retention(&self, tier: Tier) -> Option<Retention> {
        let found = self.tiers.iter().find(|(other, _)| *other == tier);
        found.map(|(_, retention)| *retention)
    }

    fn rule(&self, name: &str, tier: Option<Tier>, below: &str, action: Action) -> Planned {
        Planned {
            id: format!("{}-{name}", self.stem),
            database: self.database.clone(),
            tier,
            prefix: format!("{}{below}", self.folder),
            action,
            kept: None,
            early_deletion_days: None,
        }
    }

    /// The days after which no archive of this tier has to be kept any more: it carries the highest tier that was due,
    /// and may serve every lower one as well. None where there is no such day.
    fn longest_days(&self, tier: Tier) -> Option<u32> {
        let served = self
            .tiers
            .iter()
            .filter(|(other, _)| *other <= tier && *other != Tier::Manual);
        let days: Option<Vec<u32>> = served.map(|(_, kept)| Some(Kept::of(*kept)?.longest_days)).collect();
        days?.into_iter().max()
    }
}

struct Planning<'a> {
    wishes: &'a Wishes,
    plan: Plan,
    faults: Vec<String>,
}

impl Planning<'_> {
    fn take(&mut self, of: &OfDatabase<'_>) {
        for clause in &self.wishes.cold {
            self.take_clause(of, *clause);
        }
        if let Some(expiry) = self.wishes.expire {
            self.take_expiry(of, expiry);
        }
        let after_days = self.wishes.abort_days;
        let abort = of.rule("uploads", None, "archives/", Action::Abort { after_days });
        self.plan.rules.push(abort);
        if let Some(after_days) = self.wishes.noncurrent_days {
            let action = Action::ExpireNoncurrent { after_days };
            self.plan.rules.push(of.rule("noncurrent", None, "", action));
        }
    }

    fn take_clause(&mut self, of: &OfDatabase<'_>, clause: Clause) {
        let Clause {
            tier,
            class,
            after_days,
        } = clause;
        let mut rule = of.rule(
            &format!("{tier}-cold"),
            Some(tier),
            &format!("archives/{tier}/"),
            Action::Move { class, after_days },
        );
        let name = format!("{}: {clause}", of.database);
        if after_days < class.least_age_days() {
            let least = class.least_age_days();
            self.faults.push(format!(
                "{name}: S3 moves nothing to {class} before {}",
                counted(least, "day")
            ));
        }
        let retention = of.retention(tier);
        rule.kept = retention.map(|kept| kept.to_string());
        match (retention, retention.and_then(Kept::of)) {
            (_, Some(kept)) => rule.early_deletion_days = self.check_time(&name, clause, kept),
            (Some(Retention::Forever), None) => rule.early_deletion_days = Some(0),
            (Some(count), None) => self.note(format!(
                "{name}: how many are kept goes by number ({count}), so how long one lies in {class} isn't known; {} \
                 of it are paid for each",
                counted(class.minimum_storage_days(), "day")
            )),
            (None, None) if tier == Tier::Manual => {
                rule.kept = Some("as asked for, forever by default".to_owned());
            }
            (None, None) => self.note(format!(
                "{name}: nothing here says how long {tier} backups are kept, so whether they stay for the {} days that \
                 {class} costs at least was not checked",
                class.minimum_storage_days()
            )),
        }
        self.plan.rules.push(rule);
    }

    /// Whether the time is long enough; the days that are paid after a backup's deletion.
    fn check_time(&mut self, name: &str, clause: Clause, kept: Kept) -> Option<u32> {
        let Clause {
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
                "{name}: a {tier} backup may be kept for only {}, and {class} costs {minimum} days at least",
                counted(days, "day")
            ));
        }
        Some(minimum.saturating_sub(days.saturating_sub(after_days)))
    }

    fn take_expiry(&mut self, of: &OfDatabase<'_>, expiry: Expiry) {
        let scheduled: Vec<Tier> = Tier::ALL
            .into_iter()
            .filter(|t| *t != Tier::Manual && of.retention(*t).is_some())
            .collect();
        if scheduled.is_empty() {
            let name = of.database;
            self.faults.push(format!(
                "{name}: nothing says how long its backups are kept, so no day can be given to S3"
            ));
        }
        let mut longest = Some(0);
        for tier in scheduled {
            let days = of.longest_days(tier);
            longest = longest.zip(days).map(|(a, b)| a.max(b));
            self.expire_tier(of, tier, days);
        }
        let manual = expiry.manual.and_then(Kept::of).map(|kept| kept.longest_days);
        self.expire_tier(of, Tier::Manual, manual);
        match longest.zip(manual).map(|(a, b)| a.max(b)) {
            Some(days) => {
                let action = Action::Expire { after_days: days + 1 };
                for folder in ["records", "details"] {
                    let (name, below) = (format!("{folder}-expire"), format!("{folder}/"));
                    self.plan.rules.push(of.rule(&name, None, &below, action));
                }
            }
            None => self.note(format!(
                "{}: its records and details stay: one without its archive does no harm, and an archive without its \
                 record is no backup any more",
                of.database
            )),
        }
    }

    fn expire_tier(&mut self, of: &OfDatabase<'_>, tier: Tier, days: Option<u32>) {
        let Some(days) = days else {
            self.note(format!(
                "{}: {tier} backups don't expire, since nothing gives them a last day (kept forever or by count)",
                of.database
            ));
            return;
        };
        let after_days = days + 1;
        let cold = self.wishes.cold.iter().find(|clause| clause.tier == tier);
        if let Some(clause) = cold.filter(|clause| clause.after_days >= after_days) {
            self.faults.push(format!(
                "{}: {clause}: it expires after {}, before or when it would be moved",
                of.database,
                counted(after_days, "day")
            ));
        }
        let name = format!("{tier}-expire");
        let mut rule = of.rule(
            &name,
            Some(tier),
            &format!("archives/{tier}/"),
            Action::Expire { after_days },
        );
        rule.kept = of
            .retention(tier)
            .or(self.wishes.expire.and_then(|e| e.manual))
            .map(|kept| kept.to_string());
        self.plan.rules.push(rule);
    }

    fn note(&mut self, note: String) {
        self.plan.notes.push(note);
    }

    fn finish(mut self) -> Result<Plan, Error> {
        if self.wishes.abort_days == 0 || self.wishes.noncurrent_days == Some(0) {
            self.faults.push("S3 counts days from 1".to_owned());
        }
        if !self.faults.is_empty() {
            return Err(Error::Contradictions(self.faults));
        }
        self.say_what_rules_do();
        Ok(self.plan)
    }

    /// What holds for every bucket.
    fn say_what_rules_do(&mut self) {
        let any = |fits: fn(&Action) -> bool| self.plan.rules.iter().any(|rule| fits(&rule.action));
        let (moves, freezes, expires) = (
            any(|action| matches!(action, Action::Move { .. })),
            any(|action| matches!(action, Action::Move { class, .. } if class.must_be_thawed())),
            any(|action| matches!(action, Action::Expire { .. })),
        );
        if expires {
            let warnings = [
                "an expiry rule knows neither PGCOFFER_KEEP_LAST nor holds: if backups stop, S3 deletes the last one \
                 on its day, and a held one too",
                "it deletes whatever stands in its folder, also what was kept longer by an earlier schedule or by \
                 `backup --tier … --retain …`",
            ];
            self.plan.warnings.extend(warnings.map(str::to_owned));
            self.note(
                "after a change of the schedule run `lifecycle apply` again: S3 goes on by the old days".to_owned(),
            );
            if self.wishes.noncurrent_days.is_none() {
                self.note(
                    "in a versioned bucket expiry only hides: add --noncurrent DAYS to free the space".to_owned(),
                );
            }
        }
        if moves {
            self.note("records and details are never moved: list, show and status need no thawing".to_owned());
            self.note(
                "archives below 128 KiB are not moved, unless the bucket's default for that was changed".to_owned(),
            );
        }
        if freezes {
            self.note(
                "each object in GLACIER or DEEP_ARCHIVE is charged for about 40 KB more than it has, and its \
                moving costs a request"
                    .to_owned(),
            );
        }
        self.note(
            "S3 acts once a day, at the first midnight UTC after so many days, and may take a day or two longer"
                .to_owned(),
        );
    }
}
