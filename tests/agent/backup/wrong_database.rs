//! A URL that names another database than it should: each of the commands that could notice says so.

use crate::{
    backup::kills::BACKUP,
    stage::{SMALL, Stage},
};

/// A database that has things in it, and nothing to restore rows into.
const EMPTY: &str = "create schema app; create function app.one() returns int language sql as 'select 1'";

#[test]
fn a_database_without_tables_is_noticed() {
    let stage = Stage::of(EMPTY);
    let nothing = format!("database {} has no table and no large object", stage.database);
    let check = stage.run(["check"]);
    assert!(check.text().contains(&nothing), "{}", check.text());
    let backup = stage.run(BACKUP).success();
    assert!(backup.stderr.contains(&nothing), "{}", backup.stderr);
    assert!(
        backup
            .stderr
            .contains("see whether the URL of main names the right one"),
        "{}",
        backup.stderr
    );
    let drill = stage.run(["drill"]).ended_with(9);
    assert!(drill.text().contains("Partly proven"), "{}", drill.text());
    assert!(
        drill.text().contains("the backup holds no table and no large object"),
        "{}",
        drill.text()
    );
}

#[test]
fn a_table_or_a_large_object_is_enough() {
    let stage = Stage::of("select lo_from_bytea(0, 'a')");
    let backup = stage.run(BACKUP).success();
    assert!(!backup.stderr.contains("no table"), "{}", backup.stderr);
    let stage = Stage::of("create table t (id int)");
    assert!(!stage.run(["check"]).text().contains("no table"));
    let backup = stage.run(BACKUP).success();
    assert!(!backup.stderr.contains("no table"), "{}", backup.stderr);
}

#[test]
fn another_database_under_the_same_label_is_noticed_once() {
    let stage = Stage::small();
    stage.run(BACKUP).success();
    let other = Stage::of(SMALL);
    let staging = || stage.agent().database(other.cluster, &other.database);
    let backup = staging().run(BACKUP).success();
    let words = format!("this is a backup of database {}, and the one before, ", other.database);
    assert!(backup.stderr.contains(&words), "{}", backup.stderr);
    assert!(
        backup
            .stderr
            .contains(&format!("of database {}: see whether", stage.database)),
        "{}",
        backup.stderr
    );
    // a database that was renamed is warned of once
    let backup = staging().run(BACKUP).success();
    assert!(
        !backup.stderr.contains("this is a backup of database"),
        "{}",
        backup.stderr
    );
}
