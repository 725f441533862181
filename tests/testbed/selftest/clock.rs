//! The server's clock, which a test sets, and what follows it.

use std::time::Duration;

use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};

use crate::testbed::{Fault, Rule, S3Server};
use crate::{begin, listening, once, put, refusal};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Whether the times are the same, but for what passes while a test runs.
fn close(a: Timestamp, b: Timestamp) -> bool {
    a.duration_since(b).abs() < SignedDuration::from_mins(1)
}

fn parse(date: &str) -> Timestamp {
    DateTimeParser::new().parse_timestamp(date).unwrap()
}

#[tokio::test]
async fn every_answer_bears_the_servers_time_unless_told_not_to() {
    let server = S3Server::start();
    let (client, answers) = listening(&server);
    let ask = async || {
        let _ = client.head_bucket().bucket("testbed").send().await;
        answers.recv().unwrap()
    };
    assert!(close(parse(&ask().await.headers["date"]), Timestamp::now()));
    server.set_clock(-40 * DAY);
    let then = Timestamp::now() - 40 * DAY;
    assert!(close(parse(&ask().await.headers["date"]), then) && close(server.now(), then));
    server.advance(Duration::from_secs(3600));
    server.advance(-DAY);
    let then = then + SignedDuration::from_hours(1) - DAY;
    assert!(close(parse(&ask().await.headers["date"]), then));

    server.inject(Rule::on("HeadBucket"), Fault::slow_down());
    let refused = ask().await;
    assert_eq!(refused.status, 503);
    assert!(close(parse(&refused.headers["date"]), then));
    server.inject(Rule::on("HeadBucket"), Fault::LoseAnswer { status: Some(500) });
    let lost = ask().await;
    assert_eq!(lost.status, 500);
    assert!(close(parse(&lost.headers["date"]), then));

    server.behave(|behaviour| behaviour.dates = false);
    assert!(!ask().await.headers.contains_key("date"));
}

#[tokio::test]
async fn what_is_written_bears_the_servers_time() {
    let server = S3Server::start();
    let client = server.client();
    put(&client, "before", "x").await;
    server.set_clock(100 * DAY);
    put(&client, "after", "x").await;
    begin(&client, "upload", "").await;
    let then = Timestamp::now() + 100 * DAY;
    let modified = async |key| {
        let head = client.head_object().bucket("testbed").key(key);
        let seconds = head.send().await.unwrap().last_modified.unwrap().secs();
        Timestamp::from_second(seconds).unwrap()
    };
    assert!(close(modified("before").await, Timestamp::now()));
    assert!(close(modified("after").await, then));
    let uploads = client.list_multipart_uploads().bucket("testbed");
    let initiated = uploads.send().await.unwrap().uploads()[0].initiated.unwrap().secs();
    assert!(close(Timestamp::from_second(initiated).unwrap(), then));
}

#[tokio::test]
async fn a_strict_server_refuses_requests_of_another_time() {
    let server = S3Server::start();
    // A client learns from the answer that its clock is wrong, and signs its next request with the server's time.
    let ask = || once(&server).list_objects_v2().bucket("testbed").send();
    server.set_clock(1000 * DAY);
    ask().await.unwrap();
    server.behave(|behaviour| behaviour.strict_time = true);
    for offset in [SignedDuration::from_mins(16), -1000 * DAY] {
        server.set_clock(offset);
        let error = ask().await;
        assert_eq!(refusal(error), (403, "RequestTimeTooSkewed".to_owned()), "{offset:#}");
    }
    let error = ask().await.unwrap_err();
    let body = String::from_utf8_lossy(error.raw_response().unwrap().body().bytes().unwrap());
    assert!(body.contains("<MaxAllowedSkewMilliseconds>900000<") && body.contains("<ServerTime>"));
    for minutes in [14, -14] {
        server.set_clock(SignedDuration::from_mins(minutes));
        ask().await.unwrap();
    }
    server.set_clock(DAY);
    let client = server.client();
    let listing = client.list_objects_v2().bucket("testbed");
    listing.send().await.unwrap();
}
