//! Drills: what is proven, what is found, what is refused, and that nothing is left.

mod compared;
mod forged;
mod found;
mod grounds;
mod guarded;
mod hostile;
mod left;
mod limits;
mod own_checks;
pub(crate) mod past;
mod planted;
mod reports;
mod reserved;
mod samples;
mod scheduled;
mod seen;
mod unable;

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    stage::Stage,
    testbed::{Agent, Cluster, Outcome, temporary_root},
};

/// A folder for temporary files that other users may enter, as the server of a drill may run as one.
fn open_folder() -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    builder
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(temporary_root())
        .unwrap()
}

/// Programs that do what the cluster's own do, but for those of these names, which run a script instead. In it `$REAL`
/// is the real program's path.
fn programs(cluster: &Cluster, folder: &Path, scripts: &[(&str, &str)]) -> PathBuf {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in ["pg_dump", "pg_restore", "psql", "initdb", "postgres"] {
        let real = cluster.bin().join(name);
        let script = scripts.iter().find(|(of, _)| *of == name);
        let script = script.map_or("exec \"$REAL\" \"$@\"", |(_, script)| script);
        let text = format!("#!/bin/sh\nREAL='{}'\n{script}\n", real.display());
        std::fs::write(bin.join(name), text).unwrap();
        std::fs::set_permissions(bin.join(name), Permissions::from_mode(0o755)).unwrap();
    }
    bin
}

/// Runs this SQL in the restored database, by the drill's own login, before it is dumped.
fn planting(cluster: &Cluster, sql: &str) -> String {
    let psql = cluster.bin().join("psql");
    format!(
        "if [ \"${{PGDATABASE#pgcoffer_drill_}}\" != \"$PGDATABASE\" ]; then\n\
         '{}' --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=\"dbname=$PGDATABASE\" >/dev/null <<'SQL' || exit 1\n\
         {sql}\nSQL\nfi\nexec \"$REAL\" \"$@\"",
        psql.display()
    )
}

/// A drill of the newest backup, with the report.
fn drilled(agent: &Agent, code: i32) -> Value {
    let outcome = agent.run(["drill", "latest", "--json"]).ended_with(code);
    report(&outcome)
}

fn report(outcome: &Outcome) -> Value {
    let json = outcome.json();
    let reports = json["drills"].as_array().unwrap();
    assert_eq!(reports.len(), 1, "{json:#}");
    reports[0].clone()
}

/// Fails unless everything was proven.
#[track_caller]
fn assert_proven(agent: &Agent) -> Value {
    let outcome = agent.run(["drill", "latest", "--json"]);
    let report = report(&outcome);
    assert_eq!(report["verdict"], "proven", "{report:#}\n{}", outcome.stderr);
    assert_eq!(outcome.code(), 0);
    report
}

/// The agent of a stage, drilling on its own cluster.
fn on_server(stage: &Stage) -> Agent {
    stage.agent().env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"))
}

/// Databases and roles of drills on this cluster.
fn left_on(cluster: &Cluster) -> String {
    cluster.psql(
        "postgres",
        "select datname from pg_database where datname like 'pgcoffer_drill%'
         union all select rolname from pg_roles where rolname like 'pgcoffer_drill%'",
    )
}

/// Folders of drills in a folder for temporary files.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let is_drills = |path: &PathBuf| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("pgcoffer-drill-")
    };
    entries.map(|entry| entry.path()).filter(is_drills).collect()
}

/// The labels and reasons of findings, one a line.
fn findings(report: &Value, of: &str) -> String {
    let all = report[of].as_array().unwrap().iter();
    let lines = all.map(|one| {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        format!("{} {}.{}: {}", text("kind"), text("schema"), text("name"), text("why"))
    });
    lines.collect::<Vec<_>>().join("\n")
}
