//! Rules as customers have them, and what stands in a bucket.

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleAndOperator,
    LifecycleRuleFilter, NoncurrentVersionExpiration, Tag, Transition, TransitionDefaultMinimumObjectSize as Minimum,
    TransitionStorageClass,
};

use crate::testbed::{Agent, S3Server};

/// An agent with the databases `main` and `shop`, that no command here connects to.
pub(crate) fn agent(server: &S3Server) -> Agent {
    let nowhere = "postgres://nobody@127.0.0.1:1/none";
    let agent = Agent::new().s3(server);
    agent.database_url("main", nowhere).database_url("shop", nowhere)
}

/// Rules as a customer may have them.
pub(crate) fn customers() -> Vec<LifecycleRule> {
    let tag = |key: &str| Tag::builder().key(key).value("yes").build().unwrap();
    let and = LifecycleRuleAndOperator::builder()
        .prefix("logs/")
        .tags(tag("b"))
        .tags(tag("a"));
    let and = and.object_size_greater_than(5).build();
    let rule = |id: &str| LifecycleRule::builder().id(id).status(ExpirationStatus::Enabled);
    let transition = |days, class| Transition::builder().days(days).storage_class(class).build();
    let old = NoncurrentVersionExpiration::builder()
        .noncurrent_days(3)
        .newer_noncurrent_versions(2);
    vec![
        rule("zz dated")
            .filter(LifecycleRuleFilter::builder().prefix("tmp/").build())
            .expiration(
                LifecycleExpiration::builder()
                    .date(aws_sdk_s3::primitives::DateTime::from_secs(4_000_060_800))
                    .build(),
            )
            .build()
            .unwrap(),
        rule("logs")
            .filter(LifecycleRuleFilter::builder().and(and).build())
            .transitions(transition(30, TransitionStorageClass::StandardIa))
            .transitions(transition(90, TransitionStorageClass::DeepArchive))
            .build()
            .unwrap(),
        rule("all <or> & nothing")
            .filter(LifecycleRuleFilter::builder().prefix("").build())
            .noncurrent_version_expiration(old.build())
            .build()
            .unwrap(),
    ]
}

#[tokio::main]
pub(crate) async fn put(client: aws_sdk_s3::Client, bucket: &str, rules: Vec<LifecycleRule>, minimum: Option<Minimum>) {
    let rules = BucketLifecycleConfiguration::builder()
        .set_rules(Some(rules))
        .build()
        .unwrap();
    let request = client
        .put_bucket_lifecycle_configuration()
        .bucket(bucket)
        .lifecycle_configuration(rules);
    request
        .set_transition_default_minimum_object_size(minimum)
        .send()
        .await
        .unwrap();
}

/// The bucket's rules and its minimum size; none where it has no configuration.
#[tokio::main]
pub(crate) async fn rules(client: aws_sdk_s3::Client, bucket: &str) -> Option<(Vec<LifecycleRule>, Option<Minimum>)> {
    let answer = client
        .get_bucket_lifecycle_configuration()
        .bucket(bucket)
        .send()
        .await
        .ok()?;
    let minimum = answer.transition_default_minimum_object_size().cloned();
    Some((answer.rules.unwrap_or_default(), minimum))
}

pub(crate) fn ids(server: &S3Server) -> Vec<String> {
    let (rules, _) = rules(server.client(), server.bucket()).unwrap_or_default();
    rules.iter().map(|rule| rule.id().unwrap().to_owned()).collect()
}

pub(crate) const COLD: [&str; 4] = [
    "--cold",
    "monthly to glacier after 30d",
    "--cold",
    "yearly to deep-archive after 7d",
];
pub(crate) const KEEP: &str = "hourly 30h, daily 9d, monthly 12mo, yearly 7y";
