//! Metrics, rules and the dashboard, held against Prometheus' own promtool.

use std::{
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    drill::past::PastDrill,
    serve::clock::serve,
    stage::{KEY, Stage},
    testbed::{Agent, INSTALL_HINT, S3Server, project},
    tick::past::{Run, calm, hours},
};

/// Runs promtool with this on its standard input; it must find nothing wrong.
#[track_caller]
fn promtool(args: &[&str], input: &str) {
    let program = project().join(".testbed/prometheus/promtool");
    let mut child = Command::new(&program)
        .args(args)
        .current_dir(project().join("docs/monitoring"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}: {INSTALL_HINT}", program.display()));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    assert!(
        output.status.success(),
        "promtool {args:?}: {}\n{input}",
        said.join("\n")
    );
}

/// The names of the families that are told.
fn names(text: &str) -> BTreeSet<String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// Names of ours that an expression mentions.
fn mentioned(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words
        .filter(|word| word.starts_with("pgcoffer_"))
        .map(str::to_owned)
        .collect()
}

/// Every expression of the dashboard.
fn expressions(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    targets
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect()
}

fn document(name: &str) -> String {
    std::fs::read_to_string(project().join("docs").join(name)).unwrap()
}

/// A bucket with a backup that is late, after a run that failed.
fn late() -> S3Server {
    let bucket = S3Server::start();
    let id = Run::ago(hours(50)).serving("daily", "7d").put(&bucket);
    PastDrill::ago(&id, hours(1)).put(&bucket);
    Run::ago(hours(1)).failed(3).serving("daily", "7d").put(&bucket);
    bucket
}

fn agent(bucket: &S3Server) -> Agent {
    Agent::new()
        .s3(bucket)
        .key(KEY)
        .database_url("main", "postgres://nobody@127.0.0.1:1/none")
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .env("PGCOFFER_DRILL", calm("daily at HH:MM"))
}

#[test]
fn what_is_scraped_is_what_rules_dashboard_and_documents_name() {
    let bucket = late();
    let serving = serve(&agent(&bucket));
    serving.wait_for_ticks(1);
    let text = serving.get("/metrics").body;
    promtool(&["check", "metrics"], &text);
    // the next attempt waits after failures
    assert!(text.contains("pgcoffer_paused_until_timestamp_seconds{"), "{text}");
    assert_eq!(
        serving.metric("pgcoffer_late{database=\"main\",tier=\"daily\"}"),
        Some(1.0)
    );
    let verdict = |word: &str| {
        serving.metric(&format!(
            "pgcoffer_last_drill_verdict{{database=\"main\",verdict=\"{word}\"}}"
        ))
    };
    assert_eq!((verdict("proven"), verdict("not_proven")), (Some(1.0), Some(0.0)));
    assert_eq!(
        serving.metric("pgcoffer_last_proven_restore_duration_seconds{database=\"main\"}"),
        Some(362.0)
    );
    assert_eq!(serving.health()["databases"][0]["state"], "late");
    serving.end().success();

    let mut told = names(&text);
    told.extend(names(&with_a_place_behind(&bucket)));
    let dashboard: Value = serde_json::from_str(&document("monitoring/grafana-dashboard.json")).unwrap();
    let expressions = expressions(&dashboard);
    let alerts = document("monitoring/alerts.yml");
    let by_name = |text: &str| mentioned(text).into_iter().filter(|name| !told.contains(name));
    let unknown: Vec<String> = expressions
        .iter()
        .flat_map(|text| by_name(text))
        .chain(by_name(&alerts))
        .collect();
    assert_eq!(unknown, [""; 0], "nobody tells these");
    // and the table of the documents names them all, and no others
    let documented: BTreeSet<String> = mentioned(&table(&document("monitoring.md")));
    assert_eq!(documented, told);
}

/// The metrics file where nothing was copied yet to a place beside the bucket.
fn with_a_place_behind(bucket: &S3Server) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (place, file) = (folder.path().join("nas"), folder.path().join("metrics.prom"));
    std::fs::create_dir(&place).unwrap();
    agent(bucket)
        .env("PGCOFFER_COPY_NAS_URL", format!("file://{}", place.display()))
        .env("PGCOFFER_METRICS_FILE", &file)
        .run(["status"])
        .ended_with(8);
    std::fs::read_to_string(&file).unwrap()
}

/// The rows of the table of metrics: the first cell of each.
fn table(text: &str) -> String {
    let rows = text.lines().filter(|line| line.starts_with("| `pgcoffer_"));
    rows.map(|row| row.split('|').nth(1).unwrap()).collect()
}

#[test]
fn rules_and_dashboard_are_what_prometheus_takes() {
    promtool(&["check", "rules", "alerts.yml"], "");
    promtool(&["test", "rules", "alerts_test.yml"], "");
    let dashboard: Value = serde_json::from_str(&document("monitoring/grafana-dashboard.json")).unwrap();
    let rules: Vec<Value> = expressions(&dashboard)
        .iter()
        .enumerate()
        .map(|(n, expr)| serde_json::json!({"record": format!("panel:{n}"), "expr": expr.replace("$database", ".*")}))
        .collect();
    assert!(rules.len() > 10);
    let group = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dashboard.yml");
    // JSON is YAML
    std::fs::write(&file, group.to_string()).unwrap();
    promtool(&["check", "rules", file.to_str().unwrap()], "");
}

#[test]
fn the_file_for_node_exporter_is_written_after_every_command() {
    let stage = Stage::small();
    let file = stage.file("pgcoffer.prom");
    let agent = stage
        .agent()
        .env("PGCOFFER_METRICS_FILE", &file)
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let written = || {
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        promtool(&["check", "metrics"], &text);
        text
    };
    let good = |text: &str, count| {
        let line = format!("pgcoffer_good_backups{{database=\"main\"}} {count}");
        assert!(text.contains(&line), "{text}");
    };
    // a run that failed is told as well; it comes first, for ids are of whole seconds
    let away = agent.clone().database_url("main", "postgres://nobody@127.0.0.1:1/none");
    away.run(["backup"]).ended_with(3);
    let text = written();
    assert!(
        text.contains("pgcoffer_last_run_success{database=\"main\"} 0"),
        "{text}"
    );
    assert!(
        text.contains("pgcoffer_failures_since_success{database=\"main\"} 1"),
        "{text}"
    );
    agent.run(["backup"]).success();
    good(&written(), 1);
    agent.run(["tick"]).success();
    good(&written(), 2);
    agent.run(["status"]).success();
    good(&written(), 2);
    agent.run(["prune"]).success();
    good(&written(), 2);
    agent.run(["prune", "--dry-run"]).success();
    assert!(!file.exists());
}

#[test]
fn a_file_that_cannot_be_written_fails_no_backup() {
    let stage = Stage::small();
    let agent = stage
        .agent()
        .env("PGCOFFER_METRICS_FILE", stage.file("no/such/folder.prom"));
    let outcome = agent.run(["backup"]).success();
    assert!(
        outcome.stderr.contains("PGCOFFER_METRICS_FILE: can't write")
            && outcome.stderr.contains("folder.prom: there is no such file or folder"),
        "{}",
        outcome.stderr
    );
    let text = stage
        .agent()
        .env("PGCOFFER_METRICS_FILE", "/tmp/metrics.txt")
        .run(["backup"])
        .ended_with(2);
    assert!(text.stderr.contains("files that end in .prom"), "{}", text.stderr);
}

#[test]
fn where_nothing_can_be_seen_the_file_stays() {
    let bucket = late();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgcoffer.prom");
    let agent = agent(&bucket).env("PGCOFFER_METRICS_FILE", &file);
    agent.run(["status"]).ended_with(8);
    let before = std::fs::read_to_string(&file).unwrap();
    bucket.inject(
        crate::testbed::Rule::on("ListObjectsV2").times(1000),
        crate::testbed::Fault::access_denied(),
    );
    let outcome = agent.run(["status"]).ended_with(4);
    assert!(outcome.stderr.contains("stays as it was"), "{}", outcome.stderr);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
}
