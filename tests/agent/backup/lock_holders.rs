//! Who has the lock of a database: any role that may connect can take it, so it is told who, and whether it may be a
//! run.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use crate::{
    check::everything::found,
    stage::{SMALL, Stage, unique},
    testbed::Cluster,
};

/// A session of `psql` that holds the lock of the label `main`. It ends when it is dropped.
pub(crate) struct Holding(Child);

impl Holding {
    pub(crate) fn take(cluster: &Cluster, role: &str, database: &str, application: &str) -> Self {
        let mut psql = Command::new("psql");
        psql.args(["-X", "-A", "-t", "-q", &cluster.url_as(role, None, database)])
            .env("PGAPPNAME", application)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = psql.spawn().unwrap();
        // the first four bytes of the label's SHA-256
        let sql = "SELECT pg_catalog.pg_try_advisory_lock(1885823846, ('x' || substr(encode(pg_catalog.sha256('main'), \
            'hex'), 1, 8))::bit(32)::int);\n";
        let sql = format!("SET search_path = pg_catalog;\n{sql}");
        child.stdin.as_mut().unwrap().write_all(sql.as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut answer)
            .unwrap();
        assert_eq!(answer.trim(), "t");
        Self(child)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn a_stranger_with_the_lock_is_named_and_a_tick_reports_it() {
    let stage = Stage::of(SMALL);
    let stranger = unique("stranger");
    stage.cluster.psql("postgres", &format!("create role {stranger} login"));
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", "hourly keep 24h");
    // one that takes our name, and one whose own would clear a terminal
    for application in ["pgcoffer", "\u{1b}[2J\nevil"] {
        let _held = Holding::take(stage.cluster, &stranger, &stage.database, application);
        let report = agent.run(["check", "--json"]).json();
        let (verdict, detail, cure) = found(&report, "database", "lock");
        assert_eq!(verdict, "failed", "{detail}");
        assert!(
            detail.contains(&stranger) && detail.contains("not by a run of this agent"),
            "{detail}"
        );
        assert!(cure.contains("pg_terminate_backend("), "{cure}");

        for (n, command) in ["backup", "tick"].into_iter().enumerate() {
            // a repository of its own, since a tick waits after another's failure
            let apart = format!("s3://testbed/apart-{n}-{}", application.len());
            let agent = agent.clone().env("PGCOFFER_BUCKET", &apart);
            let outcome = agent.run([command]).ended_with(6);
            let records = agent.run(["list", "--json"]).success().json();
            assert_eq!(
                records["backups"][0]["status"], "failed",
                "{command}: nobody took it for another run"
            );
            let said = format!("{}{}", outcome.text(), outcome.stderr);
            for word in [
                &stranger,
                "server process",
                "from 127.0.0.1",
                "connected since",
                "pg_terminate_backend(",
            ] {
                assert!(said.contains(word), "{command}: {word} is not in {said}");
            }
            assert!(!said.contains('\u{1b}'), "{said:?}");
        }
    }
    // and once he has gone, all is well
    agent.run(["tick"]).success();
}

#[test]
fn another_run_is_told_as_one_and_left_alone() {
    let stage = Stage::of(SMALL);
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", "hourly keep 24h");
    let held = Holding::take(stage.cluster, "postgres", &stage.database, "pgcoffer");
    let outcome = agent.run(["backup"]).ended_with(6);
    assert!(
        outcome.stderr.contains("another run holds the lock") && outcome.stderr.contains("wait until it has ended"),
        "{}",
        outcome.stderr
    );
    let (verdict, detail, _) = found(&agent.run(["check", "--json"]).json(), "database", "lock");
    assert_eq!(
        (verdict.as_str(), detail.contains("another run is under way")),
        ("ok", true)
    );
    let outcome = agent.run(["tick"]);
    assert!(
        outcome.text().contains("another run holds the lock"),
        "{}",
        outcome.text()
    );
    assert_eq!(stage.keys("/records/"), [""; 0]);
    drop(held);
    agent.run(["tick"]).success();
    assert_eq!(stage.keys("/records/").len(), 1);
}
