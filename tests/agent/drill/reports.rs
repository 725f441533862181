//! The report that a drill leaves in the bucket: what it says, who can read it, and what happens where it can't be
//! written.

use pgcoffer::{
    backup::{DrillName, DrillOutcome, DrillRecord, DrillVerdict, Label},
    seal::{MasterKey, Secret, open_bytes},
};
use serde_json::Value;

use super::{drilled, on_server, open_folder, planting, programs};
use crate::{
    stage::{KEY, SMALL, Stage, wait_until},
    testbed::{Agent, Cluster, Fault, Rule},
};

fn catalog_key() -> Secret {
    Secret::Catalog(MasterKey::parse(KEY).unwrap().catalog_key())
}

/// A monitor's agent: it has the catalog key alone.
pub(super) fn with_catalog_key(stage: &Stage) -> Agent {
    let key = MasterKey::parse(KEY).unwrap().catalog_key();
    stage
        .agent()
        .without("PGCOFFER_KEY")
        .env("PGCOFFER_CATALOG_KEY", key.encode().as_str())
}

fn master_key() -> Secret {
    Secret::Key(MasterKey::parse(KEY).unwrap())
}

/// The end of the key of a report.
const REPORT: &str = ".pgc";
const FINDINGS: &str = ".findings.pgc";

/// The name in the key of the one report that there is.
fn name_of(stage: &Stage) -> String {
    let mut keys = stage.keys("/main/drills/");
    keys.retain(|key| key.ends_with(REPORT) && !key.ends_with(FINDINGS));
    assert_eq!(keys.len(), 1, "{keys:?}");
    let name = keys[0].rsplit('/').next().unwrap();
    name.strip_suffix(REPORT).unwrap().to_owned()
}

/// The one report, opened with the catalog key alone.
fn report_of(stage: &Stage) -> DrillRecord {
    let name = name_of(stage);
    let sealed = stage.bucket.read(&stage.key(&format!("{name}.pgc"))).unwrap();
    let (header, json) = open_bytes(&sealed, &[catalog_key()]).unwrap();
    assert_eq!(header.backup, name);
    let name = DrillName::parse(&name).unwrap();
    DrillRecord::from_json(&json, &name, &Label::parse("main").unwrap()).unwrap()
}

#[test]
fn a_drill_leaves_a_report_that_a_monitor_can_read_and_findings_that_it_cannot() {
    let stage = Stage::backed_up(SMALL);
    let backup = stage.records().remove(0);
    let scripts = open_folder();
    let planted = planting(stage.cluster, "update public.people set note = 'other' where id = 7");
    let bin = programs(stage.cluster, scripts.path(), &[("pg_dump", &planted)]);
    let agent = on_server(&stage)
        .without("PGCOFFER_PG_BIN")
        .env("PGCOFFER_PG_BIN", bin)
        .env("USER", "ann\n");
    let said = drilled(&agent, 5);
    let name = name_of(&stage);
    assert_eq!(said["report"], name.as_str(), "{said:#}");
    let report = report_of(&stage);
    assert_eq!(report.id.as_str(), backup["id"].as_str().unwrap());
    assert_eq!(report.verdict(), Some(DrillVerdict::NotProven));
    assert!(
        matches!(
            report.outcome,
            DrillOutcome::Completed {
                differences: 1,
                checks_failed: 0,
                ..
            }
        ),
        "{report:?}"
    );
    assert_eq!(report.counts.rows, 500);
    assert!(report.who.raw().starts_with("ann@"), "{:?}", report.who);
    assert_eq!(report.due, None);
    assert!(report.times.restore_ms > 0 && report.stored_bytes > 0 && report.dump_bytes > 0);
    assert_eq!(report.scratch.as_ref().unwrap().major, 15);
    let object = &backup["sealed"]["objects"][0];
    assert_eq!(object["sha256"], report.archive_sha256.raw());
    // no name of a table: not in the report, not in what is not sealed
    let json = String::from_utf8(report.to_json()).unwrap();
    assert!(!json.contains("people"), "{json}");
    for key in stage.keys("/main/drills/") {
        let bytes = stage.bucket.read(&key).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("people"), "{key}");
    }
    let findings = stage.bucket.read(&stage.key(&format!("{name}{FINDINGS}"))).unwrap();
    assert!(open_bytes(&findings, &[catalog_key()]).is_err());
    let (_, payload) = open_bytes(&findings, &[master_key()]).unwrap();
    let json = zstd::decode_all(payload.as_slice()).unwrap();
    let findings: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(findings["differences"][0]["name"], "people", "{findings:#}");
}

#[test]
fn a_pg_restore_that_is_killed_leaves_a_report() {
    let stage = Stage::backed_up(SMALL);
    let folder = open_folder();
    // only where it loads: before, it is asked for its version and for lists
    let script = "case \"$*\" in *--dbname*) kill -9 $$;; esac\nexec \"$REAL\" \"$@\"";
    let bin = programs(stage.cluster, folder.path(), &[("pg_restore", script)]);
    let agent = on_server(&stage).without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin);
    let outcome = agent.run(["drill"]);
    assert_ne!(outcome.code(), 0);
    let report = report_of(&stage);
    assert!(
        matches!(report.outcome, DrillOutcome::NotCarriedOut { .. }),
        "{report:?}"
    );
    assert!(report.scratch.is_some());
    let findings = stage.key(FINDINGS);
    let (_, payload) = open_bytes(&stage.bucket.read(&findings).unwrap(), &[master_key()]).unwrap();
    let json = String::from_utf8(zstd::decode_all(payload.as_slice()).unwrap()).unwrap();
    assert!(json.contains("pg_restore"), "{json}");
    let shown = agent.run(["certificate", "show"]).success();
    assert!(shown.text().starts_with("Not carried out"), "{}", shown.text());
}

/// The verdict is said, and that nothing of it is in the bucket: with a status of its own.
#[test]
fn a_bucket_that_refuses_the_report_does_not_silence_a_proven_drill() {
    for (key, is_said) in [("/drills/", true), (".pgc", true)] {
        let stage = Stage::backed_up(SMALL);
        let rule = Rule::on("PutObject").key(key).always();
        stage.bucket.inject(rule, Fault::access_denied());
        let outcome = on_server(&stage).run(["drill"]).ended_with(10);
        assert_eq!(outcome.text().starts_with("Proven: "), is_said, "{}", outcome.text());
        assert!(
            outcome.stderr.contains("no report of it is in the bucket"),
            "{}",
            outcome.stderr
        );
        let json = on_server(&stage)
            .run(["drill", "latest", "--json"])
            .ended_with(10)
            .json();
        assert_eq!(json["drills"][0]["verdict"], "proven");
        assert!(json["drills"][0]["report"].is_null());
    }
}

#[test]
fn findings_alone_may_be_lost() {
    let stage = Stage::backed_up(SMALL);
    let rule = Rule::on("PutObject").key(FINDINGS).always();
    stage.bucket.inject(rule, Fault::access_denied());
    on_server(&stage).run(["drill"]).success();
    assert_eq!(report_of(&stage).findings_bytes, 0);
}

/// A difference is worse than a report that is missing.
#[test]
fn what_did_not_come_back_is_said_first() {
    let stage = Stage::backed_up(SMALL);
    stage
        .bucket
        .inject(Rule::on("PutObject").key("/drills/").always(), Fault::access_denied());
    let scripts = open_folder();
    let planted = planting(stage.cluster, "delete from public.people where id = 7");
    let bin = programs(stage.cluster, scripts.path(), &[("pg_dump", &planted)]);
    let agent = on_server(&stage).without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin);
    let outcome = agent.run(["drill"]).ended_with(5);
    assert!(outcome.stderr.contains("no report of it"), "{}", outcome.stderr);
}

#[test]
fn credentials_that_only_read_leave_none_where_they_are_told_so() {
    let stage = Stage::backed_up(SMALL);
    stage
        .bucket
        .inject(Rule::on("PutObject").always(), Fault::access_denied());
    let json = on_server(&stage)
        .run(["drill", "latest", "--no-report", "--json"])
        .success()
        .json();
    assert!(json["drills"][0]["report"].is_null());
    assert_eq!(stage.keys("/drills/"), [""; 0]);
}

/// A drill that waits while it dumps the restored database.
fn waiting(stage: &Stage, folder: &std::path::Path) -> (Agent, std::path::PathBuf) {
    let reached = folder.join("reached");
    let script = format!(
        "if [ \"${{PGDATABASE#pgcoffer_drill_}}\" != \"$PGDATABASE\" ]; then\n\
         : > '{}'; while kill -0 \"$PPID\" 2>/dev/null; do sleep 0.1; done; exit 1\nfi\n\
         exec \"$REAL\" \"$@\"",
        reached.display()
    );
    let bin = programs(stage.cluster, folder, &[("pg_dump", &script)]);
    let agent = stage.agent().without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin);
    (agent, reached)
}

#[test]
fn a_signal_leaves_a_report_and_a_kill_leaves_that_it_began() {
    for (signal, keys) in [("TERM", 3), ("KILL", 1)] {
        let stage = Stage::backed_up(SMALL);
        let folder = open_folder();
        let (agent, reached) = waiting(&stage, folder.path());
        // what a kill leaves there is nobody else's
        let cluster = Cluster::start(None);
        let agent = agent.env("PGCOFFER_SCRATCH_URL", cluster.url("postgres"));
        let running = agent.spawn(["drill"]);
        wait_until("the drill compares", || reached.exists());
        running.signal(signal);
        running.wait();
        let left = stage.keys("/main/drills/");
        assert_eq!(left.len(), keys, "{signal}: {left:?}");
        assert!(left.iter().any(|key| key.ends_with(".begun")), "{left:?}");
        if signal == "TERM" {
            let outcome = report_of(&stage).outcome;
            assert!(
                matches!(outcome, DrillOutcome::NotCarriedOut { exit_status: 143, .. }),
                "{outcome:?}"
            );
        }
    }
}

#[test]
fn a_report_names_the_drills_before_it() {
    let stage = Stage::backed_up(SMALL);
    let first = drilled(&on_server(&stage), 0);
    stage.run(["drill", "--no-report"]);
    let name = name_of(&stage);
    let second = drilled(&on_server(&stage), 0);
    let second_name = second["report"].as_str().unwrap();
    assert_ne!(second_name, name);
    let sealed = stage.bucket.read(&stage.key(&format!("{second_name}.pgc"))).unwrap();
    let (_, json) = open_bytes(&sealed, &[catalog_key()]).unwrap();
    let report: Value = serde_json::from_slice(&json).unwrap();
    let earlier = report["earlier"].as_array().unwrap();
    assert_eq!(earlier.len(), 1, "{report:#}");
    assert_eq!(earlier[0]["restore_ms"], first["times"]["restore_ms"]);
    assert_eq!(earlier[0]["verdict"], "proven");
}
