//! Lifecycle rules on services that keep them: other people's rules stay as they are.

use aws_sdk_s3::types::{
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
    TransitionDefaultMinimumObjectSize as Minimum,
};

use crate::{
    lifecycle::rules::{COLD, KEEP, agent, customers, ids, put, rules},
    stage::{Stage, next_second},
    testbed::{Agent, LocalStack, S3Server},
};

#[test]
fn rules_are_shown_planned_applied_and_not_written_twice() {
    let server = S3Server::start();
    let agent = agent(&server).env("PGCOFFER_COLD", "Monthly to GLACIER after 30 days");
    let shown = agent.run(["lifecycle", "show"]).success();
    assert!(shown.text().contains("no lifecycle rules in s3://testbed"));

    let planned = agent.run(["lifecycle", "plan", "--json"]).success().json();
    assert_eq!(server.count("PutBucketLifecycleConfiguration"), 0);
    assert_eq!(planned["rules"].as_array().unwrap().len(), 4);
    assert_eq!(planned["rules"][0]["prefix"], "backups/main/archives/monthly/");
    assert_eq!(planned["classes"][0]["minimum_storage_days"], 90);
    assert_eq!(planned["changes"][0]["change"], "add");

    let applied = agent.run(["lifecycle", "apply", "--json"]).success().json();
    assert_eq!((&applied["written"], &applied["of_others"]), (&true.into(), &0.into()));
    let again = agent.run(["lifecycle", "apply"]).success();
    assert!(again.text().contains("nothing was written"), "{}", again.text());
    assert_eq!(server.count("PutBucketLifecycleConfiguration"), 1);

    let shown = agent.run(["lifecycle", "show", "--json"]).success().json();
    let first = &shown["rules"][0];
    assert_eq!((&first["owner"], &first["enabled"]), (&"ours".into(), &true.into()));
    assert_eq!(first["actions"][0], "move to GLACIER after 30 days");

    // what is no longer wished for goes, of this database alone
    let args = [
        "lifecycle",
        "apply",
        "--database",
        "main",
        "--cold",
        "yearly to glacier after 1d",
    ];
    agent.run(args).success();
    let ids = ids(&server).join("\n");
    assert!(
        ids.contains("main-yearly-cold") && ids.contains("shop-monthly-cold"),
        "{ids}"
    );
    assert!(!ids.contains("main-monthly-cold"), "{ids}");
}

#[test]
fn rules_of_others_and_of_other_pgcoffers_are_not_changed() {
    let server = S3Server::start();
    put(
        server.client(),
        server.bucket(),
        customers(),
        Some(Minimum::VariesByStorageClass),
    );
    let (theirs, _) = rules(server.client(), server.bucket()).unwrap();
    let elsewhere = agent(&server).env("PGCOFFER_BUCKET", "s3://testbed/elsewhere");
    elsewhere.run(["lifecycle", "apply", "--abort-days", "3"]).success();
    let of_elsewhere = ids(&server)[3..].to_vec();

    let applied = agent(&server).run(["lifecycle", "apply"].iter().chain(&COLD)).success();
    assert!(
        applied.text().contains("the 5 others stand as they stood"),
        "{}",
        applied.text()
    );
    let (there, minimum) = rules(server.client(), server.bucket()).unwrap();
    assert_eq!(there[..3], theirs);
    assert_eq!(minimum, Some(Minimum::VariesByStorageClass));
    assert_eq!(ids(&server)[3..5], of_elsewhere);
    assert_eq!(there.len(), 3 + 2 + 6);

    let shown = agent(&server).run(["lifecycle", "show"]).success();
    assert!(shown.text().contains("another pgcoffer's") && shown.text().contains("varies_by_storage_class"));
}

#[test]
fn new_rules_have_the_old_form_if_the_existing_ones_do() {
    let server = S3Server::start();
    #[expect(deprecated, reason = "customers have such rules")]
    let legacy = LifecycleRule::builder()
        .id("legacy")
        .status(ExpirationStatus::Enabled)
        .prefix("tmp/");
    let legacy = legacy.expiration(LifecycleExpiration::builder().days(1).build());
    put(server.client(), server.bucket(), vec![legacy.build().unwrap()], None);
    let before = rules(server.client(), server.bucket()).unwrap();
    agent(&server).run(["lifecycle", "apply"].iter().chain(&COLD)).success();
    assert_eq!(ids(&server).len(), 7);
    assert_eq!(rules(server.client(), server.bucket()).unwrap().0[0], before.0[0]);
    let again = agent(&server).run(["lifecycle", "apply"].iter().chain(&COLD)).success();
    assert!(again.text().contains("nothing was written"));
}

#[test]
fn the_schedule_decides_how_long_a_tier_is_kept() {
    let server = S3Server::start();
    let schedule = "daily at 02:30 keep 14d, monthly on 1 keep 12mo";
    let agent = agent(&server).env("PGCOFFER_SCHEDULE", schedule);
    let refused = agent
        .run(["lifecycle", "apply", "--cold", "daily to glacier after 1d"])
        .ended_with(2);
    assert!(
        refused
            .stderr
            .contains("only 14 days, and GLACIER bills at least 90 days"),
        "{}",
        refused.stderr
    );
    assert_eq!(server.count("PutBucketLifecycleConfiguration"), 0);
    let args = [
        "lifecycle",
        "plan",
        "--json",
        "--cold",
        "monthly to deep-archive after 300d",
    ];
    let plan = agent.run(args).success().json();
    assert_eq!(plan["rules"][0]["kept"], "12mo");
    assert_eq!(plan["rules"][0]["early_deletion_days"], 115);
    let args = [
        "lifecycle",
        "plan",
        "--cold",
        "monthly to glacier after 1d",
        "--keep",
        "monthly 2mo",
    ];
    agent.run(args).ended_with(2);
}

#[test]
fn invalid_options_are_refused_with_a_cure() {
    let server = S3Server::start();
    for (args, why) in [
        (vec!["--cold", "monthly to ice after 3d"], "not a storage class"),
        (
            vec!["--cold", "monthly to glacier after 3d, monthly to glacier after 4d"],
            "twice",
        ),
        (vec!["--keep", "daily"], "not a tier and its retention"),
        (vec!["--keep", "daily 7d", "--keep", "daily keep 8d"], "twice"),
        (vec!["--expire"], "the settings don't say how long"),
        (vec!["--expire-manual", "7d"], "--expire"),
        (vec!["--abort-days", "0"], "0"),
        (vec!["--database", "../x"], "can't be a database's label"),
    ] {
        let outcome = agent(&server)
            .run(["lifecycle", "apply"].iter().chain(&args))
            .ended_with(2);
        assert!(outcome.stderr.contains(why), "{args:?}: {}", outcome.stderr);
    }
    let wrong = agent(&server)
        .env("PGCOFFER_COLD", "monthly to glacier")
        .run(["lifecycle", "show"])
        .ended_with(2);
    assert!(wrong.stderr.contains("PGCOFFER_COLD"), "{}", wrong.stderr);
}

#[test]
fn rules_of_others_that_act_on_backups_cause_a_warning() {
    let server = S3Server::start();
    let expiration = LifecycleExpiration::builder().days(3).build();
    let rule = LifecycleRule::builder()
        .id("sweep")
        .status(ExpirationStatus::Enabled)
        .expiration(expiration);
    let everything = LifecycleRuleFilter::builder().prefix("").build();
    put(
        server.client(),
        server.bucket(),
        vec![rule.filter(everything).build().unwrap()],
        None,
    );
    for command in ["show", "plan", "apply"] {
        let said = agent(&server).run(["lifecycle", command]).success();
        let warned = said
            .text()
            .contains("warning: rule \"sweep\", which is not ours, also acts on backups of shop");
        assert!(warned, "{command}: {}", said.text());
    }
}

#[test]
fn a_bucket_with_the_most_rules_is_not_changed() {
    let server = S3Server::start();
    let rule = |n: usize| {
        let expiration = LifecycleExpiration::builder().days(1).build();
        let filter = LifecycleRuleFilter::builder().prefix(format!("x{n}/")).build();
        let rule = LifecycleRule::builder()
            .id(format!("r{n}"))
            .status(ExpirationStatus::Enabled);
        rule.filter(filter).expiration(expiration).build().unwrap()
    };
    put(server.client(), server.bucket(), (0..999).map(rule).collect(), None);
    let outcome = agent(&server).run(["lifecycle", "apply"]).ended_with(4);
    assert!(outcome.stderr.contains("1001 rules"), "{}", outcome.stderr);
    assert_eq!(server.count("PutBucketLifecycleConfiguration"), 1);
}

#[test]
fn rules_can_be_printed_for_other_tools() {
    let server = S3Server::start();
    let xml = agent(&server)
        .run(["lifecycle", "plan", "--xml"].iter().chain(&COLD))
        .success();
    assert_eq!(xml.text().lines().count(), 6);
    assert!(xml.text().lines().all(|line| line.starts_with("<Rule><ID>pgcoffer-")));
    assert_eq!(server.calls().len(), 0);
}

#[test]
fn localstack_stores_the_rules() {
    let bucket = LocalStack::shared().bucket();
    put(bucket.client(), bucket.name(), customers(), None);
    let theirs = rules(bucket.client(), bucket.name()).unwrap();
    let agent = Agent::new().localstack(&bucket);
    let agent = agent.database_url("main", "postgres://nobody@127.0.0.1:1/none");
    let args = ["--keep", KEEP, "--expire", "--noncurrent", "30"];
    agent
        .run(["lifecycle", "apply"].iter().chain(&COLD).chain(&args))
        .success();
    let (there, minimum) = rules(bucket.client(), bucket.name()).unwrap();
    assert_eq!((&there[..3], &minimum), (&theirs.0[..], &theirs.1));
    assert_eq!(there.len(), 3 + 2 + 4 + 2);
    let again = agent
        .run(["lifecycle", "apply"].iter().chain(&COLD).chain(&args))
        .success();
    assert!(again.text().contains("nothing was written"));
    let applied = agent.run(["lifecycle", "apply", "--json"]).success().json();
    let removed = applied["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["change"] == "remove");
    assert_eq!(removed.count(), 7);
}

#[test]
fn rules_that_delete_backups_too_early_are_refused() {
    let stage = Stage::small();
    let id = |args: &[&'static str]| {
        let record = stage.back_up_with(args.iter().copied());
        record["id"].as_str().unwrap().to_owned()
    };
    let soon = id(&["--tier", "daily", "--retain", "5d"]);
    next_second();
    let longer = id(&["--tier", "daily", "--retain", "30d"]);
    next_second();
    let forever = id(&["--tier", "daily", "--retain", "forever"]);
    let expire = ["--expire", "--keep", "daily 7d"];
    let outcome = stage
        .run(["lifecycle", "apply"].iter().chain(&expire).copied())
        .ended_with(2);
    let named = |text: &str| [&soon, &longer, &forever].map(|id| text.contains(id.as_str()));
    assert_eq!(named(&outcome.stderr), [false, true, true], "{}", outcome.stderr);
    assert!(outcome.stderr.contains("(kept: forever)") && outcome.stderr.contains("--expire-kept"));
    assert_eq!(stage.bucket.count("PutBucketLifecycleConfiguration"), 0);

    stage.run(["hold", &soon, "--reason", "audit"]).success();
    let plan = stage
        .run(["lifecycle", "plan"].iter().chain(&expire).copied())
        .success();
    assert_eq!(named(plan.text()), [true; 3]);
    assert!(plan.text().contains("audit"), "{}", plan.text());
    let kept = ["--expire-kept"];
    stage
        .run(["lifecycle", "apply"].iter().chain(&expire).chain(&kept).copied())
        .success();

    // who has no key can't look, and the plan says so
    let blind = stage
        .agent()
        .without("PGCOFFER_KEY")
        .run(["lifecycle", "plan"].iter().chain(&expire))
        .success();
    assert!(
        blind
            .text()
            .contains("was not checked: 3 records of main are under a key that is not configured"),
        "{}",
        blind.text()
    );
}
