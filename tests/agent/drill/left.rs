//! Nothing is left: not after a drill, not after a signal; after a kill the next drill removes it, and nothing else.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{assert_proven, folders_in, left_on, open_folder, programs};
use crate::{
    stage::{SMALL, Stage, lives, signal, wait_until},
    testbed::{Agent, Cluster, Running},
};

/// A pg_dump that waits before it dumps the restored database, and says so.
pub(super) fn waiting(cluster: &Cluster, folder: &Path) -> (PathBuf, PathBuf) {
    let reached = folder.join("reached");
    let script = format!(
        "if [ \"${{PGDATABASE#pgcoffer_drill_}}\" != \"$PGDATABASE\" ]; then\n\
         : > '{}'; while kill -0 \"$PPID\" 2>/dev/null; do sleep 0.1; done; exit 1\nfi\n\
         exec \"$REAL\" \"$@\"",
        reached.display()
    );
    (programs(cluster, folder, &[("pg_dump", &script)]), reached)
}

/// A drill that has restored and waits.
fn waiting_drill(stage: &Stage, agent: &Agent, folder: &Path) -> Running {
    let (bin, reached) = waiting(stage.cluster, folder);
    let _ = std::fs::remove_file(&reached);
    let agent = agent.clone().without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin);
    let running = agent.spawn(["drill"]);
    wait_until("the drill compares", || reached.exists());
    running
}

fn with_folder(stage: &Stage, folder: &Path) -> Agent {
    stage.agent().env("TMPDIR", folder)
}

fn postmaster_in(folder: &Path) -> u32 {
    let text = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

#[test]
fn a_signal_leaves_no_server_and_no_folder() {
    let stage = Stage::backed_up(SMALL);
    let (scripts, temporary) = (open_folder(), open_folder());
    let agent = with_folder(&stage, temporary.path());
    let running = waiting_drill(&stage, &agent, scripts.path());
    let folder = folders_in(temporary.path()).remove(0);
    let server = postmaster_in(&folder);
    running.signal("TERM");
    running.wait().ended_with(143);
    assert!(!lives(server));
    assert_eq!(folders_in(temporary.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_signal_leaves_no_database_and_no_role() {
    let stage = Stage::backed_up(SMALL);
    let cluster = Cluster::start(None);
    let agent = stage.agent().env("PGCOFFER_SCRATCH_URL", cluster.url("postgres"));
    let scripts = open_folder();
    let running = waiting_drill(&stage, &agent, scripts.path());
    assert!(left_on(&cluster).contains("pgcoffer_drill_"));
    running.signal("INT");
    running.wait().ended_with(130);
    assert_eq!(left_on(&cluster), "");
}

#[test]
fn a_killed_agent_takes_its_server_along() {
    let stage = Stage::backed_up(SMALL);
    let (scripts, temporary) = (open_folder(), open_folder());
    let agent = with_folder(&stage, temporary.path());
    let running = waiting_drill(&stage, &agent, scripts.path());
    let folder = folders_in(temporary.path()).remove(0);
    let server = postmaster_in(&folder);
    running.signal("KILL");
    running.wait();
    wait_until("the server ends with the agent", || !lives(server));
    wait_until("its data is gone", || !folder.join("data").exists());
}

/// What remains where everything around a server was killed at once.
#[test]
fn the_next_drill_removes_what_a_kill_has_left_and_nothing_else() {
    let stage = Stage::backed_up(SMALL);
    let (scripts, temporary) = (open_folder(), open_folder());
    let agent = with_folder(&stage, temporary.path());
    let running = waiting_drill(&stage, &agent, scripts.path());
    let folder = folders_in(temporary.path()).remove(0);
    let server = postmaster_in(&folder);
    let keeper = parent_of(parent_of(server));
    signal(&[keeper, running.pid()], "KILL");
    running.wait();
    assert!(lives(server));
    let others = ["pgcoffer-drill-mine", "pgcoffer-other"].map(|name| temporary.path().join(name));
    for other in &others {
        std::fs::create_dir(other).unwrap();
    }
    let mark = folder.join("made-by-pgcoffer");
    // too young: perhaps it is only being made
    assert_proven(&agent);
    assert!(lives(server) && folder.exists());
    let aged = Command::new("touch").args(["-d", "2 hours ago"]).arg(&mark).status();
    assert!(aged.unwrap().success());
    assert_proven(&agent);
    wait_until("the server was stopped", || !lives(server));
    assert!(!folder.exists());
    assert!(others.iter().all(|other| other.exists()));
}

fn parent_of(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let rest = stat.rsplit_once(") ").unwrap().1.to_owned();
    rest.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn databases_that_a_kill_has_left_are_dropped_by_name_mark_and_age() {
    let stage = Stage::backed_up(SMALL);
    let cluster = Cluster::start(None);
    let agent = stage.agent().env("PGCOFFER_SCRATCH_URL", cluster.url("postgres"));
    let scripts = open_folder();
    let running = waiting_drill(&stage, &agent, scripts.path());
    running.signal("KILL");
    running.wait();
    let name = cluster.psql(
        "postgres",
        "select datname from pg_database where datname like 'pgcoffer_drill%'",
    );
    let comment = || {
        let of = format!("select shobj_description(oid, 'pg_database') from pg_database where datname = '{name}'");
        cluster.psql("postgres", &of)
    };
    assert!(
        comment().starts_with("made by pgcoffer for a drill of "),
        "{}",
        comment()
    );
    // the killed agent's children may still be connected
    wait_until("nobody is connected", || {
        let count = format!("select count(*) from pg_stat_activity where datname = '{name}'");
        cluster.psql("postgres", &count) == "0"
    });
    // too young
    assert_proven(&agent);
    assert!(left_on(&cluster).contains(&name));
    // old, and some that are not ours
    let old = comment()
        .rsplit_once(' ')
        .map(|(start, _)| format!("{start} 1000"))
        .unwrap();
    let foreign = ["pgcoffer_drill_0123456789ab", "pgcoffer_drill_mine"];
    for other in foreign {
        cluster.create_database(other);
    }
    let strangers = old.replace(" of ", " of x");
    cluster.psql(
        "postgres",
        &format!(
            "comment on database {name} is '{old}'; comment on role {name} is '{old}';
             comment on database {} is '{strangers}'; comment on database {} is '{old}'",
            foreign[0], foreign[1]
        ),
    );
    assert_proven(&agent);
    let mut left: Vec<String> = left_on(&cluster).lines().map(str::to_owned).collect();
    left.sort();
    assert_eq!(left, foreign);
}

/// A drill reads all of the archive, whatever it finds in the restored database.
#[test]
fn a_drill_notes_that_the_backup_was_read_back() {
    let (stage, folder) = (Stage::backed_up(SMALL), open_folder());
    let agent = stage.agent().env("TMPDIR", folder.path());
    assert!(stage.records()[0]["last_read_back"].is_null());
    assert_proven(&agent);
    let noted = stage.records()[0]["last_read_back"].clone();
    assert!(!noted.is_null());
    // how long a restore takes is known from now on
    let preview = |more: &[&str]| {
        let target = stage.target();
        let args = [&["--preview"], more].concat();
        stage.restore_with(&target, args)
    };
    let whole = preview(&["--json"]).success().json();
    assert!(whole["estimate"]["seconds"].as_u64().unwrap() > 0, "{whole:#}");
    assert_eq!(whole["estimate"]["drill"]["id"], stage.records()[0]["id"]);
    let part = preview(&["--json", "--table", "people"]).success().json();
    assert!(part["estimate"]["seconds"].as_u64() <= whole["estimate"]["seconds"].as_u64());
    let text = preview(&[]).success();
    assert!(text.text().contains("as the drill of"), "{}", text.text());
}
