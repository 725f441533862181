//! Lifecycle rules are kept, refused and carried out as Amazon does it, or gone about with as other services do.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::operation::get_bucket_lifecycle_configuration::GetBucketLifecycleConfigurationOutput as Got;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleAndOperator, LifecycleRuleFilter, Tag, Transition, TransitionDefaultMinimumObjectSize as Minimum,
    TransitionStorageClass, builders::LifecycleRuleBuilder,
};

use crate::testbed::{Fault, Lifecycle, LifecycleAction, Rule, S3Server};
use crate::{begin, once, put, refusal};

const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn tag(name: &str, value: &str) -> Tag {
    Tag::builder().key(name).value(value).build().unwrap()
}

pub(crate) fn by_prefix(prefix: &str) -> LifecycleRuleFilter {
    LifecycleRuleFilter::builder().prefix(prefix).build()
}

pub(crate) fn by_tag(prefix: &str, name: &str, value: &str) -> LifecycleRuleFilter {
    let and = LifecycleRuleAndOperator::builder().prefix(prefix);
    let and = and.tags(tag(name, value)).tags(tag("kept", "no")).build();
    LifecycleRuleFilter::builder().and(and).build()
}

pub(crate) fn rule(id: &str, filter: LifecycleRuleFilter) -> LifecycleRuleBuilder {
    LifecycleRule::builder()
        .id(id)
        .filter(filter)
        .status(ExpirationStatus::Enabled)
}

pub(crate) fn expires(days: i32) -> LifecycleExpiration {
    LifecycleExpiration::builder().days(days).build()
}

pub(crate) fn moves(days: i32, class: TransitionStorageClass) -> Transition {
    Transition::builder().days(days).storage_class(class).build()
}

pub(crate) fn aborts(days: i32) -> AbortIncompleteMultipartUpload {
    AbortIncompleteMultipartUpload::builder()
        .days_after_initiation(days)
        .build()
}

/// The code of the refusal, if the rules are refused.
pub(crate) async fn set(
    client: &Client,
    rules: Vec<LifecycleRuleBuilder>,
    minimum: Option<Minimum>,
) -> Result<(), (u16, String)> {
    let rules = rules.into_iter().map(|rule| rule.build().unwrap());
    let rules = BucketLifecycleConfiguration::builder()
        .set_rules(Some(rules.collect()))
        .build()
        .unwrap();
    let request = client
        .put_bucket_lifecycle_configuration()
        .bucket("testbed")
        .lifecycle_configuration(rules)
        .set_transition_default_minimum_object_size(minimum);
    match request.send().await {
        Ok(_) => Ok(()),
        error => Err(refusal(error)),
    }
}

pub(crate) async fn stored(client: &Client) -> Got {
    let request = client.get_bucket_lifecycle_configuration();
    let answer = request.bucket("testbed").send().await;
    answer.unwrap_or_else(|error| panic!("{}", DisplayErrorContext(error)))
}

/// Each thing done, such as `a: one expired`.
fn carry_out(server: &S3Server) -> Vec<String> {
    let done = server.carry_out_lifecycle().into_iter();
    done.map(|deed| {
        let action = match deed.action {
            LifecycleAction::Expired => "expired".to_owned(),
            LifecycleAction::Transitioned { from, to } => format!("{from} to {to}"),
            LifecycleAction::Aborted { .. } => "aborted".to_owned(),
            LifecycleAction::VersionRemoved { version_id } => format!("{version_id} removed"),
        };
        format!("{}: {} {action}", deed.key, deed.rule_id)
    })
    .collect()
}

#[tokio::test]
async fn rules_come_back_as_they_were_put() {
    let server = S3Server::start();
    let client = once(&server);
    let none = client.get_bucket_lifecycle_configuration();
    assert_eq!(
        refusal(none.bucket("testbed").send().await),
        (404, "NoSuchLifecycleConfiguration".to_owned())
    );
    let sized = LifecycleRuleAndOperator::builder()
        .object_size_greater_than(500)
        .object_size_less_than(64_000)
        .build();
    let date = "2031-01-01T00:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let date = aws_sdk_s3::primitives::DateTime::from_secs(date.as_second());
    let rules = vec![
        rule("tagged", by_tag("a/", "tier", "daily"))
            .transitions(moves(30, TransitionStorageClass::StandardIa))
            .transitions(moves(90, TransitionStorageClass::Glacier))
            .expiration(expires(365)),
        rule("empty", LifecycleRuleFilter::builder().build()).abort_incomplete_multipart_upload(aborts(7)),
        rule("whole bucket", by_prefix("")).expiration(expires(9999)),
        rule("sized", LifecycleRuleFilter::builder().and(sized).build())
            .status(ExpirationStatus::Disabled)
            .expiration(LifecycleExpiration::builder().date(date).build()),
    ];
    let expected: Vec<_> = rules.iter().map(|r| r.clone().build().unwrap()).collect();
    set(&client, rules, Some(Minimum::VariesByStorageClass)).await.unwrap();
    let got = stored(&client).await;
    assert_eq!(got.rules(), expected);
    assert_eq!(
        got.transition_default_minimum_object_size,
        Some(Minimum::VariesByStorageClass)
    );

    #[expect(deprecated, reason = "customers have such rules")]
    let legacy = LifecycleRule::builder()
        .prefix("old/")
        .expiration(expires(1))
        .status(ExpirationStatus::Enabled);
    set(&client, vec![legacy.clone()], None).await.unwrap();
    let got = stored(&client).await;
    assert_eq!(
        got.transition_default_minimum_object_size,
        Some(Minimum::AllStorageClasses128K)
    );
    let named = got.rules()[0].id().unwrap();
    assert_eq!(got.rules(), [legacy.clone().id(named).build().unwrap()]);
    let modern = rule("new", by_prefix("new/")).expiration(expires(1));
    assert_eq!(
        set(&client, vec![legacy, modern], None).await,
        Err((400, "InvalidRequest".to_owned()))
    );

    let delete = client.delete_bucket_lifecycle().bucket("testbed");
    delete.send().await.unwrap();
    let none = client.get_bucket_lifecycle_configuration();
    assert_eq!(refusal(none.bucket("testbed").send().await).0, 404);
}

#[tokio::test]
async fn objects_expire_after_whole_days_from_midnight() {
    let server = S3Server::start();
    let client = once(&server);
    for (key, tags) in [
        ("a/1", [("tier", "daily"), ("kept", "no")]),
        ("a/2", [("tier", "daily"), ("kept", "yes")]),
        ("b/1", [("tier", "daily"), ("kept", "no")]),
    ] {
        put(&client, key, "x").await;
        server.set_tags(key, &tags);
    }
    put(&client, "c/large", vec![0; 1000]).await;
    put(&client, "c/small", vec![0; 999]).await;
    let sized = LifecycleRuleFilter::builder().object_size_greater_than(999);
    let rules = vec![
        rule("tagged", by_tag("a/", "tier", "daily")).expiration(expires(3)),
        rule("slower", by_prefix("a/1")).expiration(expires(5)),
        rule("off", by_prefix(""))
            .expiration(expires(1))
            .status(ExpirationStatus::Disabled),
        rule("sized", sized.build()).expiration(expires(4)),
    ];
    set(&client, rules, None).await.unwrap();
    let head = client.head_object().bucket("testbed").key("a/1");
    let told = head.send().await.unwrap().expiration.unwrap();
    let midnight = (server.now().as_second() / 86_400 + 4) * 86_400;
    let midnight = jiff::Timestamp::from_second(midnight).unwrap();
    let date = midnight.strftime("%a, %d %b %Y 00:00:00 GMT");
    assert_eq!(told, format!("expiry-date=\"{date}\", rule-id=\"tagged\""));

    server.set_clock(midnight.duration_since(jiff::Timestamp::now()));
    server.advance(-jiff::SignedDuration::from_mins(1));
    assert_eq!(carry_out(&server), [""; 0]);
    server.advance(Duration::from_secs(120));
    assert_eq!(carry_out(&server), ["a/1: tagged expired"]);
    assert_eq!(carry_out(&server), [""; 0]);
    server.advance(DAY);
    assert_eq!(carry_out(&server), ["c/large: sized expired"]);
    assert_eq!(server.keys(), ["a/2", "b/1", "c/small"]);
}

#[tokio::test]
async fn objects_move_down_and_small_ones_stay() {
    let server = S3Server::start();
    let client = once(&server);
    put(&client, "large", vec![0; 128 << 10]).await;
    put(&client, "small", vec![0; (128 << 10) - 1]).await;
    let rules = || {
        vec![
            rule("all", by_prefix(""))
                .transitions(moves(30, TransitionStorageClass::StandardIa))
                .transitions(moves(90, TransitionStorageClass::Glacier))
                .expiration(expires(300)),
            rule("other", by_prefix("")).transitions(moves(30, TransitionStorageClass::GlacierIr)),
        ]
    };
    set(&client, rules(), None).await.unwrap();
    server.advance(32 * DAY);
    assert_eq!(carry_out(&server), ["large: other STANDARD to GLACIER_IR"]);
    assert_eq!(carry_out(&server), [""; 0]);
    server.advance(60 * DAY);
    assert_eq!(carry_out(&server), ["large: all GLACIER_IR to GLACIER"]);
    assert_eq!(server.objects()[0].storage_class.as_deref(), Some("GLACIER"));
    set(&client, rules(), Some(Minimum::VariesByStorageClass))
        .await
        .unwrap();
    assert_eq!(carry_out(&server), ["small: all STANDARD to GLACIER"]);
    server.cool("small", "ONEZONE_IA");
    let instant = LifecycleRuleFilter::builder().object_size_less_than(128 << 10);
    let instant = rule("instant", instant.build());
    let instant = instant.transitions(moves(0, TransitionStorageClass::GlacierIr));
    let deep = LifecycleRuleFilter::builder().object_size_greater_than(0);
    let deep = rule("deep", deep.build());
    let deep = deep.transitions(moves(100, TransitionStorageClass::DeepArchive));
    set(&client, vec![instant, deep], None).await.unwrap();
    assert_eq!(carry_out(&server), [""; 0]);
    server.advance(10 * DAY);
    assert_eq!(
        carry_out(&server),
        [
            "large: deep GLACIER to DEEP_ARCHIVE",
            "small: deep ONEZONE_IA to DEEP_ARCHIVE"
        ]
    );
    set(&client, rules(), None).await.unwrap();
    server.advance(300 * DAY);
    assert_eq!(carry_out(&server), ["large: all expired", "small: all expired"]);
}

#[tokio::test]
async fn uploads_are_aborted_by_the_day_they_began() {
    let server = S3Server::start();
    let client = once(&server);
    begin(&client, "a/old", "").await;
    begin(&client, "b/old", "").await;
    server.advance(2 * DAY);
    begin(&client, "a/new", "").await;
    let abort = rule("abort", by_prefix("a/")).abort_incomplete_multipart_upload(aborts(2));
    set(&client, vec![abort], None).await.unwrap();
    assert_eq!(carry_out(&server), [""; 0]);
    server.advance(DAY);
    assert_eq!(carry_out(&server), ["a/old: abort aborted"]);
    let left: Vec<_> = server.uploads_under_way();
    let left: Vec<_> = left.iter().map(|upload| upload.key.as_str()).collect();
    assert_eq!(left, ["b/old", "a/new"]);
}

#[tokio::test]
async fn other_services_lose_or_refuse_rules_as_ordered() {
    let server = S3Server::start();
    let client = once(&server);
    put(&client, "foreign", vec![0; 200 << 10]).await;
    let tagged = || {
        rule("tagged", by_tag("a/", "tier", "daily"))
            .transitions(moves(1, TransitionStorageClass::Glacier))
            .expiration(expires(10))
    };
    let one_tag = LifecycleRuleFilter::builder().tag(tag("a", "b")).build();
    for (habit, rules, expected) in [
        (Lifecycle::NotImplemented, tagged(), (501, "NotImplemented")),
        (Lifecycle::Denied, tagged(), (403, "AccessDenied")),
        (Lifecycle::PrefixOnly, tagged(), (400, "MalformedXML")),
        (
            Lifecycle::PrefixOnly,
            rule("tag", one_tag).expiration(expires(1)),
            (400, "InvalidArgument"),
        ),
    ] {
        server.behave(|behaviour| behaviour.lifecycle = habit);
        let expected = (expected.0, expected.1.to_owned());
        assert_eq!(set(&client, vec![rules], None).await, Err(expected));
    }
    let plain = rule("plain", by_prefix("a/")).expiration(expires(1));
    set(&client, vec![plain], None).await.unwrap();
    for habit in [Lifecycle::NotImplemented, Lifecycle::Denied] {
        server.behave(|behaviour| behaviour.lifecycle = habit);
        let get = client.get_bucket_lifecycle_configuration();
        assert!(refusal(get.bucket("testbed").send().await).0 > 400);
        let delete = client.delete_bucket_lifecycle().bucket("testbed");
        assert!(refusal(delete.send().await).0 > 400);
    }

    server.behave(|behaviour| behaviour.lifecycle = Lifecycle::ForgetsMinimumSize);
    let minimum = Some(Minimum::VariesByStorageClass);
    set(&client, vec![tagged()], minimum).await.unwrap();
    let got = stored(&client).await;
    assert_eq!(got.transition_default_minimum_object_size, None);
    server.behave(|behaviour| behaviour.lifecycle = Lifecycle::DropsTransitions);
    set(&client, vec![tagged()], None).await.unwrap();
    let got = stored(&client).await;
    assert!(got.rules()[0].transitions().is_empty() && got.rules()[0].expiration().is_some());

    server.behave(|behaviour| behaviour.lifecycle = Lifecycle::DropsFilters);
    set(&client, vec![tagged()], None).await.unwrap();
    let got = stored(&client).await;
    assert_eq!(got.rules()[0].filter(), Some(&by_prefix("")));
    server.advance(3 * DAY);
    assert_eq!(carry_out(&server), ["foreign: tagged STANDARD to GLACIER"]);
    server.advance(10 * DAY);
    assert_eq!(carry_out(&server), ["foreign: tagged expired"]);
}

#[tokio::test]
async fn faults_strike_the_calls_about_rules() {
    let server = S3Server::start();
    let client = once(&server);
    let plain = || vec![rule("plain", by_prefix("a/")).expiration(expires(1))];
    let operation = "PutBucketLifecycleConfiguration";
    server.inject(Rule::on(operation), Fault::access_denied());
    let denied = set(&client, plain(), None).await;
    assert_eq!(denied, Err((403, "AccessDenied".to_owned())));
    let lost = Fault::LoseAnswer { status: Some(500) };
    server.inject(Rule::on(operation), lost);
    assert_eq!(set(&client, plain(), None).await.unwrap_err().0, 500);
    assert_eq!(stored(&client).await.rules().len(), 1);
    let lost = Fault::LoseAnswer { status: None };
    server.inject(Rule::on("DeleteBucketLifecycle"), lost);
    let delete = client.delete_bucket_lifecycle().bucket("testbed");
    assert!(matches!(delete.send().await.unwrap_err(), SdkError::DispatchFailure(_)));
    let get = client.get_bucket_lifecycle_configuration();
    assert_eq!(refusal(get.bucket("testbed").send().await).0, 404);
}
