//! Backups that events ask for: however many ask at once, one is made, and each is told which.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use serde_json::Value;

use crate::{
    backup::{kills::BACKUP, lock_holders::Holding},
    stage::{BULKY, SMALL, Stage, signal, unique, wait_until},
    store::rights::{policy, under},
    testbed::{Agent, Fault, Outcome, Rule, Running, binary, healthchecks::Healthchecks},
    tick::past::{Run, hours, minutes},
};

const EVENT: [&str; 4] = ["backup", "--at-most-every", "10m", "--json"];

/// Runs an event's backup, which must succeed: whether it made one, and the id that it says.
#[track_caller]
fn event(agent: &Agent) -> (bool, String) {
    said(agent.run(EVENT))
}

#[track_caller]
fn said(outcome: Outcome) -> (bool, String) {
    let json = outcome.success().json();
    (json["made"].as_bool().unwrap(), json["id"].as_str().unwrap().to_owned())
}

fn good(stage: &Stage) -> Vec<String> {
    let records = stage.records().into_iter();
    let good = records.filter(|record| record["status"] == "succeeded");
    good.map(|record| record["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_second_event_is_told_of_the_first_one_s_backup() {
    let stage = Stage::small();
    let (made, id) = event(&stage.agent());
    assert!(made);
    let calls = stage.bucket.count("PutObject");
    let again = stage.run(EVENT).success().json();
    assert_eq!(
        (&again["made"], &again["id"]),
        (&Value::Bool(false), &id.clone().into())
    );
    for field in ["started", "finished", "tier", "retention", "expires"] {
        assert!(!again[field].is_null(), "{field}: {again}");
    }
    let text = stage.run(["backup", "--at-most-every", "1d"]).success();
    assert!(
        text.text().contains("Nothing was made") && text.text().contains(&id),
        "{}",
        text.text()
    );
    assert_eq!((stage.bucket.count("PutObject"), good(&stage)), (calls, vec![id]));
    // without the option one is made in any case
    stage.back_up();
    assert_eq!(good(&stage).len(), 2);
}

#[test]
fn only_a_backup_that_can_be_counted_on_is_recent() {
    let stage = Stage::small();
    stage.put(Run::ago(minutes(12)));
    stage.put(Run::ago(minutes(4)).failed(3));
    stage.put(Run::ago(minutes(3)).rows(1).suspicious());
    let damaged = stage.put(Run::ago(minutes(2)));
    let key = stage
        .keys("/archives/")
        .into_iter()
        .find(|key| key.contains(&damaged))
        .unwrap();
    let mut bytes = stage.bucket.read(&key).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    stage.bucket.write(&key, bytes);
    // dated by a clock that was a day ahead, and one whose time is over
    stage.put(Run::ago(hours(-24)));
    stage.put(Run::ago(minutes(5)).with("/expires", Value::String("2020-01-01T00:00:00Z".to_owned())));
    let (made, _) = event(&stage.agent());
    assert!(made);
}

#[test]
fn a_backup_of_any_tier_counts_and_one_that_somebody_has_accepted() {
    for run in [
        Run::ago(minutes(9)).serving("hourly", "24h"),
        Run::ago(minutes(3)).suspicious(),
    ] {
        let stage = Stage::small();
        let id = stage.put(run);
        stage.run(["status", "-q"]);
        let listed = stage.records();
        if listed[0]["looks_suspicious"] == true {
            stage.run(["accept", &id]).success();
        }
        assert_eq!(event(&stage.agent()), (false, id));
    }
}

#[test]
fn one_that_is_about_to_be_deleted_does_not_count() {
    let stage = Stage::small();
    let (_, id) = event(&stage.agent());
    let (_, older) = (stage.back_up(), id);
    // both of them go one after the other, and the announcement of the second stays where its deletion fails
    stage
        .bucket
        .inject(Rule::on("DeleteObject").always(), Fault::access_denied());
    for id in good(&stage) {
        stage.run(["delete", &id, "--yes", "--force"]);
    }
    stage.bucket.heal();
    assert!(good(&stage).contains(&older));
    let marks = stage.keys("/marks/");
    let (made, _) = event(&stage.agent());
    assert_eq!(made, !marks.is_empty(), "{marks:?}");
}

#[test]
fn of_many_events_at_once_one_makes_a_backup_and_the_others_wait_for_it() {
    let stage = Stage::of(BULKY);
    let slow = Fault::Delay { millis: 1500 };
    stage.bucket.inject(Rule::on("CompleteMultipartUpload").always(), slow);
    let events: Vec<_> = (0..12).map(|_| stage.agent().spawn(EVENT)).collect();
    let said: Vec<(bool, String)> = events.into_iter().map(|event| said(event.wait())).collect();
    let ids: BTreeSet<&String> = said.iter().map(|(_, id)| id).collect();
    assert_eq!((ids.len(), good(&stage).len()), (1, 1), "{said:?}");
    assert_eq!(said.iter().filter(|(made, _)| *made).count(), 1, "{said:?}");
    assert_eq!(stage.records().len(), 1, "no run left a record of a failure");
}

#[test]
fn where_connections_are_few_events_wait_for_one_as_well() {
    let stage = Stage::of(SMALL);
    let role = unique("few");
    let made = format!("create role {role} login connection limit 3; grant pg_read_all_data to {role}");
    stage.cluster.psql(&stage.database, &made);
    let url = stage.cluster.url_as(&role, None, &stage.database);
    let slow = Fault::Delay { millis: 2000 };
    stage
        .bucket
        .inject(Rule::on("PutObject").key("/records/").always(), slow);
    let first = stage.agent().env("PGCOFFER_DB_MAIN_URL", &url).spawn(EVENT);
    wait_until("the record is being written", || stage.bucket.count("PutObject") >= 3);
    let more = (0..7).map(|_| stage.agent().env("PGCOFFER_DB_MAIN_URL", &url).spawn(EVENT));
    let more: Vec<_> = more.collect();
    let (made, id) = said(first.wait());
    assert!(made);
    for event in more {
        assert_eq!(said(event.wait()), (false, id.clone()));
    }
    assert_eq!(stage.records().len(), 1);
}

#[test]
fn a_run_that_is_killed_while_others_wait_for_it_is_made_up_for_by_one_of_them() {
    let stage = Stage::of(BULKY);
    let killed = held_up(&stage);
    let events: Vec<Child> = (0..4).map(|_| waiting(&stage)).collect();
    stage.bucket.heal();
    drop(killed);
    let said: Vec<Value> = events
        .into_iter()
        .map(|event| serde_json::from_slice(&event.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    assert_eq!(said.iter().filter(|json| json["made"] == true).count(), 1, "{said:?}");
    assert!(said.iter().all(|json| json["id"] == said[0]["id"]), "{said:?}");
    assert_eq!(good(&stage).len(), 1);
}

/// A run that has the lock, and whose parts are not taken.
fn held_up(stage: &Stage) -> Running {
    let held = Fault::Delay { millis: 60_000 };
    stage.bucket.inject(Rule::on("UploadPart").always(), held);
    let running = stage.agent().spawn(BACKUP);
    wait_until("parts are under way", || stage.bucket.count("UploadPart") > 2);
    running
}

/// An event whose backup waits for another run, and says so.
fn waiting(stage: &Stage) -> Child {
    let mut command = stage.agent().command(binary(), EVENT);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = lines.by_ref().map_while(Result::ok);
    let said: Vec<String> = said.take_while(|line| !line.contains("waiting up to")).collect();
    assert!(child.try_wait().unwrap().is_none(), "{said:?}");
    // who writes on has to find a reader
    std::thread::spawn(move || lines.for_each(drop));
    child
}

#[test]
fn an_event_that_is_ended_while_it_waits_leaves_nothing() {
    let stage = Stage::of(BULKY);
    let running = held_up(&stage);
    let mut event = waiting(&stage);
    signal(&[event.id()], "TERM");
    assert_eq!(event.wait().unwrap().code(), Some(143));
    assert!(stage.records().is_empty(), "{:?}", stage.records());
    drop(running);
}

#[test]
fn a_lock_that_is_no_run_s_is_not_waited_for() {
    let stage = Stage::of(SMALL);
    let stranger = unique("stranger");
    stage.cluster.psql("postgres", &format!("create role {stranger} login"));
    let holder = Holding::take(stage.cluster, &stranger, &stage.database, "evil");
    stage.run(EVENT).ended_with(6);
    drop(holder);
    assert!(event(&stage.agent()).0);
}

#[test]
fn where_nothing_can_be_read_it_is_refused() {
    let stage = Stage::backed_up(SMALL);
    let drop_box = under(stage.agent(), &stage.bucket, &policy("drop-box", &[])).env("PGCOFFER_MODE", "drop-box");
    let outcome = drop_box.run(EVENT).ended_with(2);
    for word in ["drop-box", "--at-most-every"] {
        assert!(outcome.stderr.contains(word), "{word}: {}", outcome.stderr);
    }
    // by rights alone
    let blind = under(stage.agent(), &stage.bucket, &policy("drop-box", &[]));
    let outcome = blind.run(EVENT);
    assert_ne!(outcome.code(), 0, "{}", outcome.text());
    assert_eq!(good(&stage).len(), 1);
}

#[test]
fn what_is_not_made_starts_no_check_and_sends_nothing() {
    let (stage, checks) = (Stage::small(), Healthchecks::start());
    let agent = stage.agent().env("PGCOFFER_PING_URL", checks.url());
    event(&agent);
    assert_eq!(checks.kinds(), ["start", "success"]);
    assert!(!event(&agent).0);
    assert!(checks.take().is_empty());
    assert!(stage.keys("/marks/").is_empty());
}

#[test]
fn what_is_no_length_of_time_is_refused() {
    let stage = Stage::small();
    for text in ["0s", "10", "-5m", "1mo", "2y"] {
        let arg = format!("--at-most-every={text}");
        let outcome = stage.run(["backup", &arg]).ended_with(2);
        assert!(outcome.stderr.contains("such as 10m"), "{}", outcome.stderr);
    }
    assert!(stage.keys("").is_empty());
}
