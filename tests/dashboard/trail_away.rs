//! The audit trail where the bucket is slow, or refuses a part of what an entry takes.

use std::time::{Duration, Instant};

use crate::{
    served::{PASSWORD, serve, with_dashboard},
    stage::{SMALL, Stage, wait_until},
    testbed::{Agent, Fault, Rule, S3Server},
    tick::past::calm,
};

/// How long somebody may wait for the page that says that nothing was done.
const ANSWERED: Duration = Duration::from_secs(28);

fn quiet(stage: &Stage) -> Agent {
    with_dashboard(stage.agent()).env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
}

fn entries(bucket: &S3Server) -> usize {
    let keys = bucket.keys().into_iter();
    keys.filter(|key| key.contains("/audit-trail/")).count()
}

/// An operator wants to hold a backup while this goes wrong: nothing is held, and the page says why, in time.
#[track_caller]
fn held_up(rule: Rule, fault: Fault, why: &str) {
    let stage = Stage::backed_up(SMALL);
    let served = serve(&quiet(&stage));
    served.wait_for_tick();
    let mut operator = served.signed_in(PASSWORD);
    wait_until("who has signed in is in the trail", || entries(&stage.bucket) == 1);
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    let marks = stage.keys("/marks/");
    stage.bucket.inject(rule, fault);
    let began = Instant::now();
    let sent = operator.act(&format!("what=hold&database=main&id={id}"), &[("reason", "unseen")]);
    let said = operator.ended(&sent).text();
    assert!(began.elapsed() < ANSWERED, "{:?}", began.elapsed());
    assert!(
        said.contains("It failed.") && said.contains("nothing was done, as the audit trail") && said.contains(why),
        "{said}"
    );
    assert_eq!(stage.keys("/marks/"), marks);
    // the pages go on meanwhile
    assert_eq!(operator.get("/").status, 200);
    served.end().success();
}

#[test]
fn nothing_is_done_while_the_bucket_takes_no_entry_in_time() {
    held_up(
        Rule::on("PutObject").key("/audit-trail/").always(),
        Fault::Delay { millis: 60_000 },
        "within 20 seconds",
    );
}

#[test]
fn nothing_is_done_while_the_bucket_does_not_say_what_is_there_in_time() {
    held_up(
        Rule::on("ListObjectsV2").key("/audit-trail/").always(),
        Fault::Delay { millis: 60_000 },
        "within 20 seconds",
    );
}

#[test]
fn nothing_is_done_while_the_bucket_asks_for_less() {
    held_up(
        Rule::on("PutObject").key("/audit-trail/").always(),
        Fault::slow_down(),
        "",
    );
}

#[test]
fn nothing_is_done_where_nobody_may_look_at_the_trail() {
    held_up(
        Rule::on("ListObjectsV2").key("/audit-trail/").always(),
        Fault::access_denied(),
        "can't list",
    );
}

/// However many pages wait for a bucket that stops in the midst of its listings.
#[test]
fn looks_that_hang_keep_nobody_from_acting() {
    let stage = Stage::backed_up(SMALL);
    let labels: Vec<String> = (0..9).map(|n| format!("db{n}")).collect();
    let nowhere = "postgres://nobody@127.0.0.1:1/none";
    let agent = labels
        .iter()
        .fold(quiet(&stage), |agent, label| agent.database_url(label, nowhere));
    let served = serve(&agent);
    served.wait_for_tick();
    let mut operator = served.signed_in(PASSWORD);
    wait_until("who has signed in is in the trail", || entries(&stage.bucket) == 1);
    let records = stage.records();
    let id = records.iter().find(|record| record["database"] == "main").unwrap()["id"].clone();
    let id = id.as_str().unwrap();
    for label in &labels {
        let rule = Rule::on("ListObjectsV2").key(&format!("/{label}/")).always();
        stage.bucket.inject(rule, Fault::Delay { millis: 60_000 });
    }
    let cookies = operator.cookies.clone();
    let mut said = String::new();
    std::thread::scope(|scope| {
        for label in &labels {
            let (mut reader, cookies) = (served.reader(), cookies.clone());
            scope.spawn(move || {
                reader.cookies = cookies;
                reader.get(&format!("/databases/{label}"))
            });
        }
        std::thread::sleep(Duration::from_secs(2));
        let began = Instant::now();
        let sent = operator.act(&format!("what=hold&database=main&id={id}"), &[("reason", "in time")]);
        let path = sent.header("location").unwrap().to_owned();
        while began.elapsed() < Duration::from_secs(15) && operator.get(&path).text().contains("It goes on.") {
            std::thread::sleep(Duration::from_millis(200));
        }
        said = operator.get(&path).text();
    });
    assert!(said.contains("Done"), "{said}");
    served.end().success();
}

/// A bucket that is slow, and not too slow.
#[test]
fn what_takes_a_while_is_done() {
    let stage = Stage::backed_up(SMALL);
    let agent = quiet(&stage);
    let served = serve(&agent);
    served.wait_for_tick();
    let mut operator = served.signed_in(PASSWORD);
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    stage.bucket.inject(
        Rule::on("*").key("/audit-trail/").always(),
        Fault::Delay { millis: 1500 },
    );
    let sent = operator.act(&format!("what=hold&database=main&id={id}"), &[("reason", "slowly")]);
    let said = operator.ended(&sent).text();
    assert!(said.contains("Done"), "{said}");
    served.end().success();
    let read = agent.run(["audit", "--json"]).success().json();
    let held = read["entries"].as_array().unwrap().iter();
    let held: Vec<_> = held.filter(|entry| entry["action"] == "hold").collect();
    assert_eq!(
        (held.len(), &held[0]["detail"], &held[0]["outcome"]),
        (1, &"slowly".into(), &"done".into()),
        "{read:#}"
    );
}
