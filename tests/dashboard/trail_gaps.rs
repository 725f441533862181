//! Somebody who may delete in the bucket takes entries of the audit trail away, puts old ones back, or moves them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    served::{PASSWORD, Reader, Served, serve, with_dashboard},
    signing_in::agent,
    stage::{next_second, wait_until},
    testbed::{Agent, Fault, Rule, S3Server},
};

/// Asks for something that leaves two entries, and waits until it has ended.
fn act(operator: &mut Reader<'_>) -> String {
    // names sort by the second
    next_second();
    let sent = operator.act("what=test-notice", &[]);
    operator.ended(&sent).text()
}

/// The keys of the entries, the oldest first.
fn kept(bucket: &S3Server) -> Vec<String> {
    let keys = bucket.keys().into_iter();
    keys.filter(|key| key.contains("/audit-trail/")).collect()
}

/// A bucket with the entries of somebody who has signed in and done so many things.
fn trail_of(count: usize) -> (S3Server, Agent) {
    let bucket = S3Server::start();
    let agent = with_dashboard(agent(&bucket));
    let served = serve(&agent);
    let mut operator = served.signed_in(PASSWORD);
    wait_until("who has signed in is in the trail", || kept(&bucket).len() == 1);
    for _ in 0..count {
        act(&mut operator);
    }
    served.end().success();
    assert_eq!(kept(&bucket).len(), 1 + 2 * count);
    (bucket, agent)
}

fn name(key: &str) -> String {
    let name = key.rsplit('/').next().unwrap();
    name.strip_suffix(".pgc").unwrap().to_owned()
}

/// What a program is told of entries that are gone.
#[track_caller]
fn missing(agent: &Agent, limit: &str) -> Vec<Value> {
    let read = agent.run(["audit", "--json", "--limit", limit]);
    let found = read.json()["missing"].as_array().unwrap().clone();
    match found.is_empty() {
        true => read.success(),
        false => read.ended_with(5),
    };
    found
}

/// That nothing is missed.
#[track_caller]
fn whole(agent: &Agent) {
    assert_eq!(names(&missing(agent, "0")), [""; 0]);
}

fn names(missing: &[Value]) -> Vec<&str> {
    missing.iter().map(|one| one["name"].as_str().unwrap()).collect()
}

fn page(served: &Served) -> String {
    served.signed_in(PASSWORD).get("/audit").text()
}

#[test]
fn an_entry_that_somebody_took_away_is_missed_and_named() {
    let (bucket, agent) = trail_of(3);
    whole(&agent);
    let keys = kept(&bucket);
    // each of them but those of the last act, which were written in one second: nothing names the very last yet
    let named = &keys[..keys.len() - 2];
    for key in named {
        let taken = bucket.read(key).unwrap();
        bucket.delete(key);
        let found = missing(&agent, "0");
        assert_eq!(names(&found), [name(key)]);
        assert!(found[0]["named_by"].as_str().unwrap() >= name(key).as_str());
        bucket.write(key, taken);
        whole(&agent);
    }
    // in words, on the page as well, and by whoever shows only some
    let taken = keys[3].clone();
    bucket.delete(&taken);
    let said = agent.run(["audit"]).ended_with(5);
    assert!(
        said.text().contains("GONE: an entry of") && said.text().contains(&name(&taken)),
        "{}",
        said.text()
    );
    assert_eq!(missing(&agent, "1").len(), 1);
    let served = serve(&agent);
    let shown = page(&served);
    assert!(
        shown.contains("An entry is gone") && shown.contains(&name(&taken)),
        "{shown}"
    );
    served.end().success();
    // all of them
    for key in named {
        bucket.delete(key);
    }
    let found = missing(&agent, "0");
    let mut expected: Vec<String> = named.iter().map(|key| name(key)).collect();
    expected.reverse();
    assert_eq!(names(&found), expected);
}

/// Nothing names the newest ones yet. Whoever has seen them does with its next entry.
#[test]
fn a_running_serve_misses_the_newest() {
    let (bucket, agent) = trail_of(1);
    let before = kept(&bucket);
    let served = serve(&agent);
    let mut operator = served.signed_in(PASSWORD);
    wait_until("who has signed in is in the trail", || {
        kept(&bucket).len() == before.len() + 1
    });
    act(&mut operator);
    let newest = kept(&bucket).split_off(before.len() + 1);
    assert_eq!(newest.len(), 2);
    for key in &newest {
        bucket.delete(key);
    }
    // no command can know
    whole(&agent);
    let shown = operator.get("/audit").text();
    assert!(shown.contains("2 entries are gone"), "{shown}");
    act(&mut operator);
    let outcome = served.end().success();
    assert!(
        outcome.stderr.contains("entries of the audit trail are gone"),
        "{}",
        outcome.stderr
    );
    // and now everybody knows
    let found = missing(&agent, "0");
    let mut expected: Vec<String> = newest.iter().map(|key| name(key)).collect();
    expected.reverse();
    assert_eq!(names(&found), expected);
}

/// The limit that the documentation names: the newest go, nothing runs that has seen them, and nobody can tell.
#[test]
fn the_newest_are_not_missed_where_nothing_runs_that_has_seen_them() {
    let (bucket, agent) = trail_of(2);
    let keys = kept(&bucket);
    for key in &keys[3..] {
        bucket.delete(key);
    }
    whole(&agent);
    // but not by what is put back later in their place, nor with one of them left
    let served = serve(&agent);
    let mut operator = served.signed_in(PASSWORD);
    act(&mut operator);
    served.end().success();
    bucket.delete(&keys[1]);
    assert_eq!(names(&missing(&agent, "0")), [name(&keys[1])]);
}

#[test]
fn what_is_put_back_swapped_or_moved_hides_no_gap() {
    let (bucket, agent) = trail_of(2);
    let keys = kept(&bucket);
    let objects: Vec<Vec<u8>> = keys.iter().map(|key| bucket.read(key).unwrap()).collect();
    let unreadable = || {
        let read = agent.run(["audit", "--json", "--limit", "0"]).ended_with(5).json();
        let unreadable = read["unreadable"].as_array().unwrap().iter();
        let unreadable: BTreeSet<String> = unreadable.map(|one| one["name"].as_str().unwrap().to_owned()).collect();
        (unreadable, names(read["missing"].as_array().unwrap()).len())
    };
    // two swap their places: both are there, and neither is what was sealed
    bucket.write(&keys[1], objects[2].clone());
    bucket.write(&keys[2], objects[1].clone());
    assert_eq!(unreadable(), ([name(&keys[1]), name(&keys[2])].into(), 0));
    bucket.write(&keys[1], objects[1].clone());
    // an old one in the place of one that was taken away
    bucket.write(&keys[2], objects[0].clone());
    assert_eq!(unreadable(), ([name(&keys[2])].into(), 0));
    // one that is moved, to a name of its own, and to another month: it is gone from where it was
    bucket.delete(&keys[2]);
    let own = name(&keys[2]);
    let folder = keys[2].strip_suffix(&format!("{own}.pgc")).unwrap();
    let other_name = format!("{folder}{}aaaaaaaa{}.pgc", &own[..17], &own[25..]);
    let other_month = format!("backups/audit-trail/2001-01/{own}.pgc");
    for elsewhere in [&other_name, &other_month] {
        bucket.write(elsewhere, objects[2].clone());
        assert_eq!(names(&missing(&agent, "0")), [own.as_str()], "{elsewhere}");
        bucket.delete(elsewhere);
    }
    // and back again all is well
    bucket.write(&keys[2], objects[2].clone());
    whole(&agent);
}

/// Two dashboards write at the same moment, and neither knows of the other.
#[test]
fn two_writers_at_once_leave_one_trail_without_a_gap() {
    let bucket = S3Server::start();
    let agent = with_dashboard(agent(&bucket));
    let (one, other) = (serve(&agent), serve(&agent));
    // each entry takes a while, so that looks and writes of both meet
    bucket.inject(
        Rule::on("PutObject").key("/audit-trail/").always(),
        Fault::Delay { millis: 300 },
    );
    std::thread::scope(|scope| {
        for served in [&one, &other] {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut operator = served.signed_in(PASSWORD);
                    for _ in 0..2 {
                        let sent = operator.act("what=test-notice", &[]);
                        assert!(operator.ended(&sent).text().contains("nobody is set"));
                    }
                });
            }
        }
    });
    let all = kept(&bucket).len();
    assert!(all >= 16, "{all}");
    // nothing is missed that is there, by either of them
    for served in [&one, &other] {
        let shown = page(served);
        assert!(!shown.contains("gone"), "{shown}");
    }
    one.end().success();
    let mut last = other.signed_in(PASSWORD);
    act(&mut last);
    other.end().success();
    whole(&agent);
    let keys = kept(&bucket);
    for key in &keys[..all] {
        let taken = bucket.read(key).unwrap();
        bucket.delete(key);
        assert_eq!(names(&missing(&agent, "0")), [name(key)]);
        bucket.write(key, taken);
    }
}

/// What one dashboard has done is missed by the other, which has not written it.
#[test]
fn another_dashboard_misses_what_it_has_only_seen() {
    let bucket = S3Server::start();
    let agent = with_dashboard(agent(&bucket));
    let (one, other) = (serve(&agent), serve(&agent));
    let (mut first, mut second) = (one.signed_in(PASSWORD), other.signed_in(PASSWORD));
    act(&mut first);
    assert!(!second.get("/audit").text().contains("gone"));
    let newest = kept(&bucket).pop().unwrap();
    one.end().success();
    bucket.delete(&newest);
    act(&mut second);
    other.end().success();
    let found = missing(&agent, "0");
    assert_eq!(names(&found), [name(&newest)]);
}
