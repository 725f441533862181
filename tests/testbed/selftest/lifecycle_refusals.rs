//! Lifecycle rules that Amazon refuses are refused.

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{
    ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleAndOperator, LifecycleRuleFilter,
    TransitionDefaultMinimumObjectSize as Minimum, TransitionStorageClass,
};

use crate::lifecycle::{aborts, by_prefix, by_tag, expires, moves, rule, set, stored, tag};
use crate::once;
use crate::testbed::S3Server;

#[tokio::test]
async fn wrong_rules_are_refused_and_nothing_is_changed() {
    let server = S3Server::start();
    let client = once(&server);
    let good = || rule("good", by_prefix("a/")).expiration(expires(10));
    set(&client, vec![good()], None).await.unwrap();
    let plain = |id: &str| rule(id, by_prefix("a/"));
    let two = LifecycleRuleFilter::builder().prefix("a").tag(tag("a", "b"));
    let ia = TransitionStorageClass::StandardIa;
    let glacier = TransitionStorageClass::Glacier;
    let many = (0..1001).map(|n| plain(&n.to_string()).expiration(expires(1)));
    let both = LifecycleExpiration::builder().days(1).date(DateTime::from_secs(0));
    let noon = LifecycleExpiration::builder().date(DateTime::from_secs(43_200));
    let lone = LifecycleRuleAndOperator::builder().prefix("a").build();
    let sized = LifecycleRuleFilter::builder().object_size_less_than(5);
    let cases = [
        (vec![], "MalformedXML"),
        (many.collect(), "MalformedXML"),
        (vec![good(), good()], "InvalidArgument"),
        (vec![plain(&"x".repeat(256)).expiration(expires(1))], "InvalidArgument"),
        (vec![plain("no action")], "InvalidRequest"),
        (vec![rule("two", two.build()).expiration(expires(1))], "MalformedXML"),
        (
            vec![rule("lone", LifecycleRuleFilter::builder().and(lone).build()).expiration(expires(1))],
            "MalformedXML",
        ),
        (
            vec![plain("status").expiration(expires(1)).status("On".into())],
            "MalformedXML",
        ),
        (vec![plain("days").expiration(expires(0))], "InvalidArgument"),
        (vec![plain("both").expiration(both.build())], "MalformedXML"),
        (vec![plain("noon").expiration(noon.build())], "InvalidArgument"),
        (
            vec![plain("early").transitions(moves(29, ia.clone()))],
            "InvalidArgument",
        ),
        (
            vec![
                plain("short stay")
                    .transitions(moves(30, ia.clone()))
                    .transitions(moves(59, glacier.clone())),
            ],
            "InvalidArgument",
        ),
        (
            vec![
                plain("never moves")
                    .transitions(moves(30, glacier))
                    .expiration(expires(30)),
            ],
            "InvalidArgument",
        ),
        (
            vec![plain("up").transitions(moves(30, "STANDARD".into()))],
            "MalformedXML",
        ),
        (
            vec![rule("tags", by_tag("a/", "b", "c")).abort_incomplete_multipart_upload(aborts(1))],
            "InvalidRequest",
        ),
        (
            vec![rule("sizes", sized.build()).abort_incomplete_multipart_upload(aborts(1))],
            "InvalidRequest",
        ),
        (
            vec![plain("abort").abort_incomplete_multipart_upload(aborts(0))],
            "InvalidArgument",
        ),
        (
            vec![
                LifecycleRule::builder()
                    .id("nothing")
                    .expiration(expires(1))
                    .status(ExpirationStatus::Enabled),
            ],
            "MalformedXML",
        ),
    ];
    for (rules, code) in cases {
        let told = format!("{:.200}", format!("{rules:?}"));
        let answer = set(&client, rules, None).await;
        assert_eq!(answer, Err((400, code.to_owned())), "{told}");
    }
    let answer = set(&client, vec![good()], Some(Minimum::from("small"))).await;
    assert_eq!(answer, Err((400, "InvalidRequest".to_owned())));
    assert_eq!(stored(&client).await.rules(), [good().build().unwrap()]);
}
