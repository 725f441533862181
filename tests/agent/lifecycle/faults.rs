//! Services that do something else with lifecycle rules than they say: nothing unverified is left behind.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use aws_sdk_s3::types::{LifecycleRule, TransitionDefaultMinimumObjectSize as Minimum};

use crate::{
    lifecycle::rules::{agent, customers, put, rules},
    output::goldens::assert_said,
    stage::wait_until,
    store::scripted_service::{Answer, Asked, Scripted},
    testbed::{Fault, Lifecycle, Rule, S3Server},
};

const APPLY: [&str; 4] = ["lifecycle", "apply", "--cold", "monthly to glacier after 30d"];
const GET: &str = "GetBucketLifecycleConfiguration";
const PUT: &str = "PutBucketLifecycleConfiguration";

fn there(server: &S3Server) -> Option<(Vec<LifecycleRule>, Option<Minimum>)> {
    rules(server.client(), server.bucket())
}

/// A server with a customer's rules, which keep what they are about in the one place that even bad services keep.
fn with_rules_of(customers: Vec<LifecycleRule>) -> S3Server {
    let server = S3Server::start();
    put(
        server.client(),
        server.bucket(),
        customers,
        Some(Minimum::VariesByStorageClass),
    );
    server
}

#[test]
fn a_change_by_the_service_is_undone_byte_for_byte() {
    for (habit, said) in [
        (
            Lifecycle::DropsFilters,
            "Filter/Prefix \"backups/main/archives/monthly/\" is missing",
        ),
        (
            Lifecycle::DropsTransitions,
            "Transition/StorageClass \"GLACIER\" is missing",
        ),
        (
            Lifecycle::ForgetsMinimumSize,
            "was varies_by_storage_class and is now none",
        ),
    ] {
        // with nothing there before
        let server = S3Server::start();
        server.behave(|behaviour| behaviour.lifecycle = habit);
        if habit != Lifecycle::ForgetsMinimumSize {
            let outcome = agent(&server).run(APPLY).ended_with(4);
            assert_said(&outcome, &[said, "restored, and were read back unchanged"]);
            assert_eq!(there(&server), None, "{habit:?}");
        }
        // with a rule that even such a service keeps
        let server = with_rules_of(customers()[2..].to_vec());
        let before = there(&server);
        server.behave(|behaviour| behaviour.lifecycle = habit);
        let outcome = agent(&server).run(APPLY).ended_with(4);
        assert_said(&outcome, &[said]);
        if habit == Lifecycle::ForgetsMinimumSize {
            assert_said(&outcome, &["THE OLD RULES COULD NOT BE RESTORED"]);
        } else {
            assert_said(&outcome, &["restored, and were read back unchanged"]);
            assert_eq!(there(&server), before, "{habit:?}");
        }
    }
}

#[test]
fn a_failed_undo_reports_the_actual_and_the_wanted_rules() {
    let server = with_rules_of(customers());
    server.behave(|behaviour| behaviour.lifecycle = Lifecycle::DropsFilters);
    let outcome = agent(&server).run(APPLY).ended_with(4);
    assert_said(
        &outcome,
        &[
            "rule \"logs\": Filter/And/Prefix \"logs/\" is missing",
            "THE OLD RULES COULD NOT BE RESTORED. s3://testbed now has: 3 rules (\"zz dated\", \"logs\", \"all \
             <or> & nothing\")",
            "It should have: 3 rules",
            "with the default minimum size varies_by_storage_class",
            "<Prefix>logs/</Prefix>",
            "hint: correct the bucket's rules by hand, at once",
        ],
    );
}

#[test]
fn a_service_without_rules_is_reported_before_anything_is_written() {
    for (habit, said) in [
        (Lifecycle::NotImplemented, "this service has no lifecycle rules"),
        (Lifecycle::Denied, "s3:GetLifecycleConfiguration"),
    ] {
        let server = S3Server::start();
        server.behave(|behaviour| behaviour.lifecycle = habit);
        let outcome = agent(&server).run(APPLY).ended_with(4);
        assert_said(&outcome, &[said, "nothing was changed"]);
        assert_eq!(server.count(PUT), 0);
        // the plan can still be read
        let plan = agent(&server).run(["lifecycle", "plan"]).success();
        assert!(plan.text().contains("the changes can't be computed"));
    }
}

#[test]
fn a_service_that_only_supports_prefixes_works() {
    let server = S3Server::start();
    server.behave(|behaviour| behaviour.lifecycle = Lifecycle::PrefixOnly);
    agent(&server).run(APPLY).success();
}

#[test]
fn a_missing_right_to_write_rules_is_named() {
    let server = with_rules_of(customers());
    let before = there(&server);
    server.inject(Rule::on(PUT), Fault::access_denied());
    let outcome = agent(&server).run(APPLY).ended_with(4);
    assert_said(&outcome, &["s3:PutLifecycleConfiguration", "the rules are unchanged"]);
    assert_eq!(there(&server), before);
}

#[test]
fn a_lost_answer_is_checked_by_reading_the_rules_back() {
    for status in [Some(500), None] {
        let server = with_rules_of(customers());
        server.inject(Rule::on(PUT).always(), Fault::LoseAnswer { status });
        let applied = agent(&server).run(APPLY).success();
        assert!(applied.text().contains("written, read back and compared; the 3 others"));
        assert_eq!(there(&server).unwrap().0.len(), 7);
    }
}

#[test]
fn a_failed_write_leaves_the_old_rules() {
    let server = with_rules_of(customers());
    let before = there(&server);
    // all attempts of the first request, and not of the one that puts the old back
    server.inject(Rule::on(PUT).times(3), Fault::internal_error());
    let outcome = agent(&server).run(APPLY).ended_with(4);
    assert_said(&outcome, &["were read back unchanged"]);
    assert_eq!(there(&server), before);
}

#[test]
fn rules_that_cannot_be_read_back_are_undone() {
    let server = with_rules_of(customers());
    let before = there(&server);
    let first = server.count(GET);
    // the first look asks twice over plain HTTP
    server.inject(Rule::on(GET).nth(3).always(), Fault::access_denied());
    let outcome = agent(&server).run(APPLY).ended_with(4);
    assert_said(
        &outcome,
        &["can't be read back", "COULD NOT BE RESTORED", "now has: can't be read"],
    );
    assert!(server.count(GET) > first);
    server.heal();
    // the old rules were restored anyway
    assert_eq!(there(&server), before);

    // once reading works again, that is seen
    server.inject(Rule::on(GET).nth(3).times(4), Fault::access_denied());
    let outcome = agent(&server).run(APPLY).ended_with(4);
    assert_said(&outcome, &["can't be read back", "were read back unchanged"]);
    assert_eq!(there(&server), before);
}

#[test]
fn a_signal_between_writing_and_comparing_is_ignored() {
    for habit in [Lifecycle::Full, Lifecycle::DropsFilters] {
        let server = with_rules_of(customers()[2..].to_vec());
        let before = there(&server);
        server.behave(|behaviour| behaviour.lifecycle = habit);
        server.inject(Rule::on(GET).nth(2), Fault::Delay { millis: 700 });
        let puts = server.count(PUT);
        let running = agent(&server).spawn(APPLY);
        wait_until("the rules are written", || server.count(PUT) > puts);
        running.signal("TERM");
        let outcome = running.wait();
        if habit == Lifecycle::Full {
            outcome.success();
            assert_eq!(there(&server).unwrap().0.len(), 5);
        } else {
            assert_said(&outcome.ended_with(4), &["were read back unchanged"]);
            assert_eq!(there(&server), before);
        }
    }
}

#[test]
fn a_signal_before_writing_stops_the_apply() {
    let server = S3Server::start();
    server.inject(Rule::on(GET), Fault::Delay { millis: 3000 });
    let running = agent(&server).spawn(APPLY);
    wait_until("the rules are read", || server.count(GET) > 0);
    running.signal("TERM");
    running.wait().ended_with(143);
    assert_eq!(server.count(PUT), 0);
}

/// A service that keeps the text it is given and shows it as `show` makes it.
fn keeping(before: Option<&str>, mut show: impl FnMut(&str) -> String + Send + 'static) -> Scripted {
    let mut kept = before.map(str::to_owned);
    Scripted::start(move |asked: &Asked| {
        assert!(asked.target.contains("lifecycle"), "{asked:?}");
        match (asked.method.as_str(), &kept) {
            ("PUT", _) => {
                kept = Some(asked.body.clone());
                (200, vec![], String::new())
            }
            ("DELETE", _) => {
                kept = None;
                (204, vec![], String::new())
            }
            (_, Some(kept)) => (200, vec![], show(kept)),
            (_, None) => missing(),
        }
    })
}

fn missing() -> Answer {
    let body = "<Error><Code>NoSuchLifecycleConfiguration</Code><Message>none</Message></Error>";
    (404, vec![], body.to_owned())
}

const ODD: &str = "<?xml version=\"1.0\"?>\n<LifecycleConfiguration>\n  <Rule>\n    <Filter/><ID>a &amp; \
    b</ID>\n<Status>Enabled</Status>\n<Expiration><Date>2090-01-01T00:00:00.000Z</Date></Expiration></Rule>\n</LifecycleConfiguration>";

#[test]
fn a_rule_of_others_is_written_back_byte_for_byte() {
    let service = keeping(Some(ODD), str::to_owned);
    service.agent().run(APPLY).success();
    let puts = service.asked("PUT");
    assert_eq!(puts.len(), 1);
    let rule = &ODD[ODD.find("<Rule>").unwrap()..ODD.find("</LifecycleC").unwrap() - 1];
    assert!(puts[0].body.contains(rule), "{}", puts[0].body);
    // off AWS the checksum that every service knows, and no other
    assert!(puts[0].header("content-md5").is_some());
    assert_eq!(puts[0].header("x-amz-checksum-crc32"), None);
}

#[test]
fn unknown_elements_are_never_written() {
    let odd = ODD.replace("<Status>", "<Quarantine>yes</Quarantine><Status>");
    let service = keeping(Some(&odd), str::to_owned);
    let outcome = service.agent().run(APPLY).ended_with(4);
    assert_said(
        &outcome,
        &["the element Quarantine in Rule, rule \"a & b\"", "lifecycle plan --xml"],
    );
    assert_eq!(service.asked("PUT").len(), 0);
    let plan = service.agent().run(["lifecycle", "plan"]).success();
    assert!(plan.text().contains("`apply` will refuse"));
}

#[test]
fn a_changed_rule_of_others_is_undone() {
    let service = keeping(Some(ODD), |kept| {
        // only what was written together with ours
        if kept.contains("pgcoffer-") {
            kept.replace("a &amp; b", "a &amp; B")
        } else {
            kept.to_owned()
        }
    });
    let outcome = service.agent().run(APPLY).ended_with(4);
    assert_said(
        &outcome,
        &[
            "rule \"a & b\", which is not ours, is missing",
            "were read back unchanged",
        ],
    );
    assert_eq!(service.asked("PUT").last().unwrap().body, ODD);
}

#[test]
fn apply_waits_for_a_service_that_shows_new_rules_late() {
    let written = Arc::new(Mutex::new(None::<Instant>));
    let seen = Arc::clone(&written);
    let mut kept = String::new();
    let service = Scripted::start(move |asked: &Asked| {
        let mut written = seen.lock().unwrap();
        if asked.method == "PUT" {
            kept.clone_from(&asked.body);
            *written = Some(Instant::now());
            return (200, vec![], String::new());
        }
        match *written {
            Some(at) if at.elapsed() > Duration::from_millis(2500) => (200, vec![], kept.clone()),
            _ => missing(),
        }
    });
    service.agent().run(APPLY).success();
    assert_eq!((service.asked("PUT").len(), service.asked("DELETE").len()), (1, 0));
}

#[test]
fn a_service_that_accepts_rules_and_stores_none_is_reported() {
    let service = Scripted::start(|asked: &Asked| match asked.method.as_str() {
        "GET" => missing(),
        _ => (200, vec![], String::new()),
    });
    let outcome = service.agent().run(APPLY).ended_with(4);
    assert_said(&outcome, &["confirmed the new rules, and still shows the old ones"]);
    assert_eq!(service.asked("DELETE").len(), 1);
}

#[test]
fn a_service_that_answers_with_a_listing_has_no_rules() {
    let listing = "<ListBucketResult><Name>bucket</Name><KeyCount>0</KeyCount></ListBucketResult>";
    let none = "<Error><Code>NoSuchKey</Code><Message>?</Message></Error>";
    for (status, body) in [(200, listing), (404, none)] {
        let service = Scripted::start(move |_: &Asked| (status, vec![], body.to_owned()));
        let outcome = service.agent().run(APPLY).ended_with(4);
        assert_said(&outcome, &["nothing was changed"]);
        assert_eq!(service.asked("PUT").len() + service.asked("DELETE").len(), 0);
    }
}

#[test]
fn the_checksum_is_of_the_sent_rules() {
    let service = keeping(Some(ODD), str::to_owned);
    let agent = service.agent();
    let agent = agent.env("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported");
    agent.run(APPLY).success();
    let put = service.asked("PUT").remove(0);
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, put.body.as_bytes());
    let crc = u32::try_from(crc).unwrap().to_be_bytes();
    let crc = data_encoding::BASE64.encode(&crc);
    assert_eq!(put.header("x-amz-checksum-crc32"), Some(crc.as_str()));
    assert_eq!(put.header("content-md5"), None);
}
