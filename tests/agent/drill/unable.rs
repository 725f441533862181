//! Drills that can't be carried out, and what cures that.

use super::{on_server, open_folder, programs};
use crate::{
    stage::{OTHER_KEY, SMALL, Stage},
    testbed::Cluster,
};

#[test]
fn a_machine_without_a_server_says_what_to_install() {
    let stage = Stage::backed_up(SMALL);
    let folder = open_folder();
    let bin = programs(stage.cluster, folder.path(), &[]);
    std::fs::remove_file(bin.join("initdb")).unwrap();
    let agent = stage.agent().without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin);
    let outcome = agent.run(["drill"]).ended_with(1);
    assert!(
        outcome.stderr.contains("no programs of a PostgreSQL server 15"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("postgresql-15"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("PGCOFFER_PG_BIN"), "{}", outcome.stderr);
}

#[test]
fn a_folder_with_a_long_path_is_refused() {
    let stage = Stage::backed_up(SMALL);
    let folder = open_folder();
    let long = folder.path().join("a".repeat(80));
    std::fs::create_dir(&long).unwrap();
    let outcome = stage.agent().env("TMPDIR", &long).run(["drill"]).ended_with(1);
    assert!(
        outcome.stderr.contains("longer than this system allows"),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("set TMPDIR to a folder with a shorter path"),
        "{}",
        outcome.stderr
    );
    assert_eq!(std::fs::read_dir(&long).unwrap().count(), 0);
}

#[test]
fn a_server_that_ends_at_once_is_told_with_its_own_words() {
    let stage = Stage::backed_up(SMALL);
    let (folder, temporary) = (open_folder(), open_folder());
    let script = "case \"$1\" in --version) exec \"$REAL\" \"$@\";; -D) echo 'FATAL: not today' >&2; exit 1;; esac\n\
                  exec \"$REAL\" \"$@\"";
    let bin = programs(stage.cluster, folder.path(), &[("postgres", script)]);
    let agent = stage
        .agent()
        .without("PGCOFFER_PG_BIN")
        .env("PGCOFFER_PG_BIN", bin)
        .env("TMPDIR", temporary.path());
    let outcome = agent.run(["drill"]).ended_with(1);
    assert!(
        outcome.stderr.contains("the server did not start: FATAL: not today"),
        "{}",
        outcome.stderr
    );
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}

#[test]
fn a_role_that_may_not_create_databases_is_refused() {
    let stage = Stage::backed_up(SMALL);
    stage.cluster.psql("postgres", "create role drill_guest login");
    let url = stage.cluster.url_as("drill_guest", None, "postgres");
    let outcome = stage
        .agent()
        .env("PGCOFFER_SCRATCH_URL", url)
        .run(["drill"])
        .ended_with(3);
    assert!(
        outcome.stderr.contains("mark the reserved database"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("hint: "), "{}", outcome.stderr);
}

#[test]
fn another_key_or_no_backup_is_no_difference() {
    let stage = Stage::backed_up(SMALL);
    let outcome = on_server(&stage).key(OTHER_KEY).run(["drill"]);
    assert_ne!(outcome.code(), 0);
    let empty = Stage::small();
    on_server(&empty).run(["drill"]).ended_with(7);
}

#[test]
fn a_damaged_archive_is_no_drill() {
    let stage = Stage::backed_up(SMALL);
    let key = stage.key("/archives/");
    let mut bytes = stage.bucket.read(&key).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    stage.bucket.write(&key, bytes);
    let cluster = Cluster::start(None);
    let agent = stage.agent().env("PGCOFFER_SCRATCH_URL", cluster.url("postgres"));
    let outcome = agent.run(["drill", "latest"]).ended_with(5);
    assert!(outcome.stderr.contains("error: "), "{}", outcome.stderr);
    assert_eq!(super::left_on(&cluster), "");
}
