use crate::{
    backup::{Label, Retention, Tier},
    lifecycle::{
        ABORT_DAYS, Class, Error, Expiry, LifecyclePlan, RuleAction, RuleForm, RuleOptions, parse_transitions, plan,
        service_warnings,
    },
};

fn tiers(text: &str) -> Vec<(Tier, Retention)> {
    let pairs = text.split(", ").filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (tier, kept) = pair.split_once(' ').unwrap();
            (tier.parse().unwrap(), kept.parse().unwrap())
        })
        .collect()
}

fn options(cold: &str) -> RuleOptions {
    RuleOptions {
        cold: if cold.is_empty() {
            Vec::new()
        } else {
            parse_transitions(cold).unwrap()
        },
        expire: None,
        abort_days: ABORT_DAYS,
        noncurrent_days: None,
    }
}

fn planned(kept: &str, options: &RuleOptions) -> Result<LifecyclePlan, Error> {
    plan("backups", &[(Label::parse("main").unwrap(), tiers(kept))], options)
}

#[test]
fn what_a_service_is_known_to_do_otherwise_is_warned_of() {
    let moves = planned("monthly 12mo", &options("monthly to glacier after 30d")).unwrap();
    let deletes = RuleOptions {
        expire: Some(Expiry::default()),
        ..options("")
    };
    let deletes = planned("daily 7d", &deletes).unwrap();
    let at = |host, plan| service_warnings(host, plan).join("\n");
    assert_eq!(at(None, &moves), "");
    assert_eq!(at(Some("s3.eu-central-1.amazonaws.com"), &moves), "");
    assert!(at(Some("fsn1.your-objectstorage.com"), &moves).contains("by name only"));
    assert!(at(Some("x.r2.cloudflarestorage.com"), &moves).contains("Infrequent Access"));
    assert_eq!(at(Some("x.r2.cloudflarestorage.com"), &deletes), "");
    assert!(at(Some("s3.us-west-004.backblazeb2.com"), &deletes).contains("--noncurrent"));
}

/// Each rule as `name prefix action days`.
fn lines(plan: &LifecyclePlan) -> Vec<String> {
    let line = |rule: &crate::lifecycle::PlannedRule| {
        let (name, days) = (rule.id.splitn(4, '-').nth(3).unwrap(), rule.action.after_days());
        format!("{name} {} {days}", rule.prefix)
    };
    plan.rules.iter().map(line).collect()
}

const KEPT: &str = "hourly 24h, daily 7d, weekly 5w, monthly 12mo, yearly 7y";

#[test]
fn moves_touch_the_archives_of_one_tier_and_never_records() {
    let cold = "monthly to glacier after 30d, yearly to deep_archive after 7d";
    let plan = planned(KEPT, &options(cold)).unwrap();
    assert_eq!(
        lines(&plan),
        [
            "monthly-cold backups/main/archives/monthly/ 30",
            "yearly-cold backups/main/archives/yearly/ 7",
            "uploads backups/main/archives/ 7",
        ]
    );
    let move_to_glacier = RuleAction::Move {
        class: Class::Glacier,
        after_days: 30,
    };
    assert_eq!(plan.rules[0].action, move_to_glacier);
    assert_eq!(plan.rules[0].early_deletion_days, Some(0));
    assert!(plan.warnings.is_empty());
    assert_eq!(plan.rules[0].xml(RuleForm::Filter), include_str!("move.xml").trim_end());
}

#[test]
fn a_database_at_the_root_of_a_bucket_has_prefixes_too() {
    let databases = [(Label::parse("main").unwrap(), tiers(KEPT))];
    let mut all = options("daily to glacier_ir after 1d");
    all.cold[0].tier = Tier::Monthly;
    all.expire = Some(Expiry {
        manual: Some(Retention::Days(9)),
    });
    all.noncurrent_days = Some(3);
    let plan = plan("", &databases, &all).unwrap();
    for rule in &plan.rules {
        assert!(
            rule.prefix.starts_with("main/") && rule.prefix.ends_with('/'),
            "{rule:?}"
        );
    }
    let mut ids: Vec<_> = plan.rules.iter().map(|rule| &rule.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), plan.rules.len());
}

#[test]
fn contradictions_are_refused_and_all_told_at_once() {
    for (kept, cold, why) in [
        (
            "daily 14d",
            "daily to glacier after 1d",
            "GLACIER bills at least 90 days",
        ),
        ("monthly 3mo", "monthly to glacier after 1d", "only 89 days"),
        (
            "monthly 5mo",
            "monthly to deep-archive after 1d",
            "DEEP_ARCHIVE bills at least 180",
        ),
        ("weekly 4w", "weekly to standard-ia after 30d", "deleted after 28 days"),
        ("daily 120d", "daily to glacier after 120d", "deleted after 120 days"),
        ("daily 120d", "daily to glacier after 200d", "deleted after 120 days"),
        ("daily 120d", "daily to onezone-ia after 29d", "only after 30 days"),
    ] {
        let error = planned(kept, &options(cold)).unwrap_err();
        assert!(error.to_string().contains(why), "{kept}, {cold}: {error}");
    }
    let cold = "daily to glacier after 1d, weekly to glacier after 1d";
    let Err(Error::Contradictions(faults)) = planned(KEPT, &options(cold)) else {
        panic!("not refused");
    };
    assert_eq!(faults.len(), 2);
}

#[test]
fn days_paid_after_deletion_are_told() {
    let early = |kept, cold| planned(kept, &options(cold)).unwrap().rules[0].early_deletion_days;
    assert_eq!(early("daily 120d", "daily to glacier after 30d"), Some(0));
    assert_eq!(early("daily 100d", "daily to glacier after 30d"), Some(20));
    assert_eq!(early("monthly 6mo", "monthly to deep-archive after 60d"), Some(59));
    assert_eq!(early("yearly forever", "yearly to deep-archive after 60d"), Some(0));
    assert_eq!(early("yearly 3", "yearly to deep-archive after 60d"), None);
    assert_eq!(early("", "manual to glacier after 1d"), None);
}

fn expiring(kept: &str, manual: Option<Retention>) -> LifecyclePlan {
    let expire = Some(Expiry { manual });
    planned(kept, &RuleOptions { expire, ..options("") }).unwrap()
}

#[test]
fn an_archive_expires_when_nothing_that_it_serves_may_need_it() {
    // a weekly one may serve the day too, and days are kept longer here
    let plan = expiring("hourly 30h, daily 60d, weekly 2w, monthly 2mo", None);
    assert_eq!(
        lines(&plan),
        [
            "hourly-expire backups/main/archives/hourly/ 3",
            "daily-expire backups/main/archives/daily/ 61",
            "weekly-expire backups/main/archives/weekly/ 61",
            "monthly-expire backups/main/archives/monthly/ 63",
            "uploads backups/main/archives/ 7",
        ]
    );
    assert!(plan.warnings[0].contains("deletes the last one"));
    // backups by hand are kept forever, so that their records have to stay
    assert!(
        plan.notes.iter().any(|note| note.contains("its records")),
        "{:?}",
        plan.notes
    );
    let plan = expiring("daily 7d, yearly 1y", Some(Retention::Years(2)));
    assert_eq!(
        lines(&plan)[2..],
        [
            "manual-expire backups/main/archives/manual/ 733",
            "records-expire backups/main/records/ 733",
            "details-expire backups/main/details/ 733",
            "uploads backups/main/archives/ 7",
        ]
    );
}

#[test]
fn what_is_kept_forever_or_by_count_has_no_day() {
    for kept in ["hourly 24, daily 7d", "hourly forever, daily 7d"] {
        let plan = expiring(kept, Some(Retention::Days(3)));
        // the daily one may serve the hour as well
        assert_eq!(lines(&plan).len(), 2, "{:?}", lines(&plan));
        assert!(lines(&plan)[0].starts_with("manual-expire"));
        assert_eq!(
            plan.notes.iter().filter(|note| note.contains("don't expire")).count(),
            2
        );
    }
    let plan = expiring("hourly 24h, daily 7", None);
    assert!(lines(&plan)[0].starts_with("hourly-expire"));
    let expire = Some(Expiry::default());
    let error = planned("", &RuleOptions { expire, ..options("") }).unwrap_err();
    assert!(error.to_string().contains("don't say how long"), "{error}");
}

#[test]
fn what_expires_by_hand_is_not_moved_afterwards() {
    let expire = Some(Expiry {
        manual: Some(Retention::Days(20)),
    });
    let cold = options("manual to glacier after 30d").cold;
    let options = RuleOptions {
        expire,
        cold,
        ..options("")
    };
    let error = planned("daily 7d", &options).unwrap_err();
    assert!(error.to_string().contains("expires after 21 days"), "{error}");
}

proptest::proptest! {
    /// Stated over real calendars: whatever a backup serves has run out when S3 deletes it.
    #[test]
    fn expiry_never_comes_before_retention(
        counts in proptest::collection::vec(1u16..40, 5),
        units in proptest::collection::vec(0usize..5, 5),
        day in 0i64..4000,
    ) {
        let names = [Tier::Hourly, Tier::Daily, Tier::Weekly, Tier::Monthly, Tier::Yearly];
        let kept: Vec<(Tier, Retention)> = names.iter().zip(counts.iter().zip(&units)).map(|(tier, (n, unit))| {
            (*tier, format!("{n}{}", ["h", "d", "w", "mo", "y"][*unit]).parse().unwrap())
        }).collect();
        let expire = Some(Expiry::default());
        let plan = plan("p", &[(Label::parse("x").unwrap(), kept.clone())], &RuleOptions { expire, ..options("") }).unwrap();
        let start: jiff::Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
        let start = start + jiff::SignedDuration::from_hours(24 * day);
        for rule in plan.rules.iter().filter(|rule| matches!(rule.action, RuleAction::Expire { .. })) {
            let gone = start + jiff::SignedDuration::from_hours(24 * i64::from(rule.action.after_days()));
            for (tier, retention) in kept.iter().filter(|(tier, _)| *tier <= rule.tier.unwrap()) {
                proptest::prop_assert!(retention.expires(start).unwrap() < gone, "{tier} {retention} in {rule:?}");
            }
        }
    }
}
