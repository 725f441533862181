//! Everything tried, and every failure with its cure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    output::goldens::{assert_golden, assert_keys},
    stage::{KEY, SMALL, Stage, unique},
    store::rights::{actions, policy, under},
    testbed::{Agent, Cluster, ClusterOptions, ConditionalWrites, Fault, Outcome, Rule, S3Server, Tagging},
};

const SCHEDULE: &str = "daily at 02:30 keep 7d, weekly keep 5w";

/// What was found of one thing: verdict, detail, cure.
pub(crate) fn found(report: &Value, area: &str, what: &str) -> (String, String, String) {
    let findings = report["findings"].as_array().unwrap();
    let mut fitting = findings.iter().filter(|one| one["area"] == area && one["what"] == what);
    let one = fitting
        .next()
        .unwrap_or_else(|| panic!("no {what} of {area} in {report:#}"));
    let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("detail"), text("cure"))
}

#[track_caller]
pub(crate) fn assert_found(report: &Value, place: (&str, &str), verdict: &str, words: &[&str]) {
    let (is, detail, cure) = found(report, place.0, place.1);
    assert_eq!(is, verdict, "{place:?}: {detail} => {cure}");
    for word in words {
        let said = format!("{detail} => {cure}");
        assert!(said.contains(word), "{word} is not in {said}");
    }
}

/// A bucket alone, with no database to be reached.
fn of_bucket(server: &S3Server) -> Agent {
    Agent::new().s3(server).key(KEY)
}

/// What is printed, without what changes from run to run.
fn steady(outcome: &Outcome, stage: &Stage) -> String {
    let port = format!(":{}", stage.cluster.port());
    let version = stage.cluster.psql("postgres", "show server_version");
    let short = version.split(' ').next().unwrap();
    let text = outcome
        .text()
        .replace(&port, ":PORT")
        .replace(&version, "VERSION")
        .replace(short, "VERSION");
    let text = text.replace(&stage.database, "DATABASE");
    let lines = text.lines().map(|line| match line.split_once("connections          ") {
        Some((before, _)) => format!("{before}connections          N left"),
        None => line.to_owned(),
    });
    lines.fold(String::new(), |all, line| all + &line + "\n")
}

/// A role that owns a database, and one that may read it.
pub(crate) fn roles(stage: &Stage) -> (String, String) {
    let (owner, reader) = (unique("owner"), unique("reader"));
    let tables = "('people', 'visits')";
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {owner} login; create role {reader} login; alter database {} owner to {owner}; alter schema \
             public owner to {owner};
             do $$ declare t text; begin for t in select relname from pg_class where relname in {tables} loop
               execute format('alter table %I owner to {owner}', t); end loop; end $$;",
            stage.database
        ),
    );
    (owner, reader)
}

pub(crate) fn as_role(stage: &Stage, role: &str) -> Agent {
    let url = stage.cluster.url_as(role, None, &stage.database);
    stage.agent().env("PGCOFFER_DB_MAIN_URL", url)
}

#[test]
fn a_good_set_up_reads_as_such() {
    let stage = Stage::of(SMALL);
    let (owner, _) = roles(&stage);
    let agent = as_role(&stage, &owner).env("PGCOFFER_SCHEDULE", SCHEDULE);
    agent.run(["backup"]).success();
    let before = stage.bucket.keys();
    let outcome = agent.run(["check"]).success();
    let text = steady(&outcome, &stage).replace(&owner, "OWNER");
    let text: Vec<&str> = text.lines().filter(|line| !line.contains("newest backup")).collect();
    assert_golden("check-good", &(text.join("\n") + "\n"));
    assert!(outcome.text().contains("opens with this key"), "{}", outcome.text());
    let is_explanation = |key: &String| {
        ["README.txt", "restore-by-hand.md"]
            .iter()
            .any(|name| key.ends_with(name))
    };
    let mut after = stage.bucket.keys();
    after.retain(|key| !is_explanation(key));
    assert_eq!(after, before, "the probes are gone");
    stage.assert_no_secret(&outcome, &[]);
}

#[test]
fn what_is_wrong_is_told_all_at_once_with_its_cure() {
    let stage = Stage::of(SMALL);
    let (owner, reader) = roles(&stage);
    stage.cluster.psql(
        &stage.database,
        "select lo_from_bytea(4711, 'x'); alter table visits enable row level security;",
    );
    stage.cluster.psql(
        &stage.database,
        &format!("grant select on visits to {reader}; alter large object 4711 owner to {owner}"),
    );
    stage.bucket.behave(|behaviour| {
        behaviour.public_policy = true;
        behaviour.versioned = true;
        behaviour.tagging = Tagging::Denied;
        behaviour.deletes = false;
    });
    let agent = as_role(&stage, &reader)
        .env("PGCOFFER_SCHEDULE", "daily at 02:30 keep 12h")
        .env("PGCOFFER_LOCK", "governance")
        .env("DATABASE_URL", "postgres://u:Pa55word@new.example:5432/shop2");
    let outcome = agent.run(["check"]).ended_with(8);
    let text = steady(&outcome, &stage)
        .replace(&owner, "OWNER")
        .replace(&reader, "READER");
    let text: Vec<String> = text
        .lines()
        .map(|line| match line.find("backups/.pgcoffer-check/") {
            Some(at) => format!("{}backups/.pgcoffer-check/PROBE", &line[..at]),
            None => line.to_owned(),
        })
        .collect();
    assert_golden("check-bad", &(text.join("\n") + "\n"));
    stage.assert_no_secret(&outcome, &["Pa55word"]);
}

#[test]
fn the_report_has_a_shape_of_its_own() {
    let stage = Stage::of(SMALL);
    let report = stage.run(["check", "--json"]).success().json();
    assert_keys(&report, "findings failed warnings");
    for finding in report["findings"].as_array().unwrap() {
        assert_keys(finding, "area subject what verdict detail cure");
    }
}

/// Each way in which a database can't be reached has words of its own; the bucket is tried all the same.
#[test]
fn a_database_that_cannot_be_reached_says_why() {
    let password = "S3cret!";
    let cluster = Cluster::start_with(ClusterOptions {
        password: Some(password.to_owned()),
        ..ClusterOptions::default()
    });
    let server = S3Server::start();
    let agent = of_bucket(&server).env("PGCOFFER_PG_BIN", cluster.bin());
    let port = cluster.port();
    for (url, words) in [
        (
            format!("postgres://postgres:{password}@127.0.0.1:1/postgres"),
            ["connection refused", "runs and listens"],
        ),
        (
            format!("postgres://postgres:{password}@no-such-host.invalid:{port}/x"),
            ["no-such-host.invalid", "typing error"],
        ),
        (
            format!("postgres://postgres:wrong@127.0.0.1:{port}/postgres"),
            ["refuses the login", "check the user and the password"],
        ),
        (
            format!("postgres://postgres:{password}@127.0.0.1:{port}/nowhere"),
            ["nowhere", "check the database's name"],
        ),
        (
            format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres?sslmode=require"),
            ["tls", "enable tls at the server"],
        ),
    ] {
        let outcome = agent
            .clone()
            .database_url("main", &url)
            .run(["check", "--json"])
            .ended_with(8);
        assert!(!outcome.text().contains(password), "{}", outcome.text());
        let report = outcome.json();
        assert_found(&report, ("database", "reachable"), "failed", &words);
        assert_found(&report, ("database", "tls, version, rights, pooler"), "skipped", &[]);
        assert_found(&report, ("bucket", "write"), "ok", &[]);
    }
}

/// With each right missing in turn it is named, with the commands that need it.
#[test]
fn each_right_that_is_missing_is_named() {
    let server = S3Server::start();
    let full = policy("full", &["--check"]);
    // no probe thaws or looks at settings that were not asked for
    let untried = ["s3:RestoreObject", "s3:PutLifecycleConfiguration"];
    for action in actions(&full)
        .iter()
        .filter(|action| !untried.contains(&action.as_str()))
    {
        let mut less = full.clone();
        for statement in less["Statement"].as_array_mut().unwrap() {
            let list = statement["Action"].as_array_mut().unwrap();
            list.retain(|one| one.as_str() != Some(action));
        }
        let agent = under(of_bucket(&server), &server, &less);
        let report = agent.run(["check", "--json", "--mode", "full"]).json();
        let findings = report["findings"].as_array().unwrap();
        let named = findings
            .iter()
            .any(|one| one["verdict"] != "ok" && one["detail"].as_str().unwrap().contains(action.as_str()));
        // who may not read the policy's status may still see the block
        let beside = action == "s3:GetBucketPolicyStatus";
        assert!(named || beside, "{action}: {report:#}");
    }
    let refused = server.refused();
    assert!(!refused.is_empty());
}

#[test]
fn what_services_do_otherwise_is_said() {
    let tried = |behave: &dyn Fn(&mut crate::testbed::Behaviour)| {
        let server = S3Server::start();
        server.behave(|behaviour| behave(behaviour));
        of_bucket(&server).run(["check", "--json"]).json()
    };
    let report = tried(&|b| b.tagging = Tagging::NotImplemented);
    assert_found(&report, ("bucket", "write tags"), "ok", &["has no tags"]);
    let report = tried(&|b| b.tagging = Tagging::Dropped);
    assert_found(&report, ("bucket", "read tags"), "warning", &["doesn't keep them"]);
    let report = tried(&|b| b.conditional_writes = ConditionalWrites::Nowhere);
    assert_found(
        &report,
        ("bucket", "conditional write"),
        "warning",
        &["ignores If-None-Match"],
    );
    let report = tried(&|b| b.conditional_deletes = false);
    assert_found(
        &report,
        ("bucket", "conditional delete"),
        "ok",
        &["no conditional deletes"],
    );
    let report = tried(&|b| b.deletes = false);
    assert_found(&report, ("bucket", "deleted"), "warning", &["still there"]);
    let report = tried(&|b| b.public_access_blocked = false);
    assert_found(
        &report,
        ("bucket", "public access"),
        "warning",
        &["Block Public Access"],
    );
    let report = tried(&|b| b.versioned = true);
    assert_found(&report, ("bucket", "old versions"), "warning", &["--noncurrent"]);
    let report = tried(&|b| b.dates = false);
    assert_found(&report, ("bucket", "clock"), "warning", &["no date"]);
}

#[test]
fn a_bucket_that_is_closed_says_why() {
    for (status, code, words) in [
        (404, "NoSuchBucket", ["NoSuchBucket", "create the bucket"]),
        (403, "InvalidAccessKeyId", ["InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"]),
        (
            403,
            "SignatureDoesNotMatch",
            ["SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"],
        ),
        (301, "PermanentRedirect", ["PermanentRedirect", "AWS_REGION"]),
    ] {
        let server = S3Server::start();
        server.inject(Rule::on("ListObjectsV2").always(), Fault::Refuse { status, code });
        let report = of_bucket(&server).run(["check", "--json"]).ended_with(8).json();
        assert_found(&report, ("bucket", "reachable"), "failed", &words);
        assert!(server.keys().is_empty());
    }
    let server = S3Server::start();
    server.set_clock(jiff::SignedDuration::from_hours(5));
    let report = of_bucket(&server).run(["check", "--json"]).ended_with(8).json();
    assert_found(&report, ("bucket", "clock"), "failed", &["behind the bucket's", "NTP"]);
}

/// Three attempts of a minute each would be three minutes without a word.
#[test]
fn a_bucket_that_never_answers_is_given_up_while_somebody_waits() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let agent = of_bucket(&S3Server::start()).env("AWS_ENDPOINT_URL_S3", endpoint);
    let report = agent
        .timeout(std::time::Duration::from_secs(90))
        .run(["check", "--json"])
        .ended_with(8)
        .json();
    assert_found(&report, ("bucket", "reachable"), "failed", &["check the network"]);
}

#[test]
fn policies_print_as_they_are_written() {
    for mode in ["full", "drop-box", "prune", "restore"] {
        let agent = Agent::new().env("PGCOFFER_BUCKET", "s3://acme-backups/heroku");
        let printed = agent.run(["policy", "--mode", mode]).success();
        assert_golden(&format!("policy-{mode}"), printed.text());
    }
    let agent = Agent::new()
        .env("PGCOFFER_BUCKET", "s3://acme-backups")
        .env("AWS_REGION", "us-gov-west-1")
        .env("PGCOFFER_LOCK", "compliance")
        .env("PGCOFFER_SSE_KMS_KEY_ID", "alias/backups");
    let printed = agent.run(["policy", "--lifecycle", "--check"]).success();
    assert_golden("policy-everything", printed.text());
    let names: BTreeMap<String, Value> = serde_json::from_str(printed.text()).unwrap();
    assert_eq!(names["Version"], "2012-10-17");
    Agent::new().run(["policy"]).ended_with(2);
}
