//! Definitions by kind: what changes a fingerprint and what does not, in dumps of a running PostgreSQL.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use pgcoffer::archive::{ArchiveReader, Contents, Definitions};

mod testbed;
use testbed::Cluster;

const SCHEMA: &str = "
    CREATE TABLE people (id int PRIMARY KEY, name text DEFAULT 'nobody', CHECK (id > 0));
    CREATE INDEX by_name ON people (name);
    CREATE VIEW named AS SELECT id FROM people WHERE name IS NOT NULL;
    CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE SEQUENCE counter;
    ALTER TABLE people ENABLE ROW LEVEL SECURITY;
    CREATE POLICY own ON people USING (id = 1);
    COMMENT ON TABLE people IS 'who they are';
    CREATE TRIGGER same BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
    INSERT INTO people VALUES (1, 'a'), (2, 'b');";

fn dump(cluster: &Cluster, database: &str) -> Vec<u8> {
    let mut dump = cluster.client("pg_dump");
    dump.args(["--format=custom", "--compress=0", "--dbname"]);
    let output = dump.arg(cluster.url(database)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn read(archive: &[u8], cut: usize) -> Contents {
    let mut reader = ArchiveReader::new();
    for part in archive.chunks(cut) {
        reader.push(part).unwrap();
    }
    reader.finish().unwrap()
}

fn definitions(cluster: &Cluster, database: &str) -> BTreeMap<String, Definitions> {
    let contents = read(&dump(cluster, database), 64 * 1024);
    let counted: u64 = contents.definitions.iter().map(|one| one.count).sum();
    assert_eq!(counted, contents.entries as u64, "every entry counts once");
    let by_kind = |one: Definitions| (one.kind.raw().to_owned(), one);
    contents.definitions.into_iter().map(by_kind).collect()
}

/// The kinds that differ.
fn changed(one: &BTreeMap<String, Definitions>, other: &BTreeMap<String, Definitions>) -> Vec<String> {
    let kinds = one.keys().chain(other.keys());
    let mut kinds: Vec<String> = kinds
        .filter(|kind| one.get(*kind) != other.get(*kind))
        .cloned()
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[test]
fn definitions_survive_a_restore_and_each_change_is_found_by_kind() {
    let cluster = Cluster::shared(None);
    cluster.create_database("defined");
    cluster.psql("defined", SCHEMA);
    let before = definitions(cluster, "defined");
    for kind in [
        "TABLE",
        "INDEX",
        "VIEW",
        "FUNCTION",
        "POLICY",
        "ROW SECURITY",
        "COMMENT",
        "TRIGGER",
    ] {
        assert_eq!(before[kind].count, 1, "{kind}");
    }
    // restored elsewhere, where every object has another oid and another owner
    cluster.create_database("restored");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), dump(cluster, "defined")).unwrap();
    let mut restore = cluster.client("pg_restore");
    restore.args(["--no-owner", "--dbname"]).arg(cluster.url("restored"));
    assert!(restore.arg(file.path()).status().unwrap().success());
    let restored = definitions(cluster, "restored");
    // the database's own entry names it
    assert_eq!(changed(&before, &restored), ["DATABASE"]);
    for (sql, kind) in [
        ("ALTER TABLE people ALTER name SET DEFAULT 'somebody'", "TABLE"),
        (
            "DROP INDEX by_name; CREATE INDEX by_name ON people (name DESC)",
            "INDEX",
        ),
        (
            "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 2'",
            "FUNCTION",
        ),
        (
            "DROP POLICY own ON people; CREATE POLICY own ON people USING (id = 2)",
            "POLICY",
        ),
        ("ALTER TABLE people DISABLE ROW LEVEL SECURITY", "ROW SECURITY"),
        ("COMMENT ON TABLE people IS 'who they were'", "COMMENT"),
        (
            "SELECT pg_catalog.nextval('counter'), pg_catalog.nextval('counter')",
            "SEQUENCE SET",
        ),
        ("DROP TRIGGER same ON people", "TRIGGER"),
        (
            "CREATE OR REPLACE VIEW named AS SELECT id FROM people WHERE name IS NULL",
            "VIEW",
        ),
    ] {
        let before = definitions(cluster, "restored");
        cluster.psql("restored", sql);
        assert_eq!(changed(&before, &definitions(cluster, "restored")), [kind], "{sql}");
    }
    // rows are no definitions
    let before = definitions(cluster, "restored");
    cluster.psql("restored", "INSERT INTO people VALUES (3, 'c')");
    assert_eq!(changed(&before, &definitions(cluster, "restored")), [""; 0]);
}

#[test]
fn definitions_are_the_same_in_any_cuts() {
    let cluster = Cluster::shared(None);
    cluster.create_database("cut");
    cluster.psql("cut", SCHEMA);
    let archive = dump(cluster, "cut");
    let whole = read(&archive, archive.len());
    for cut in [1, 3, 11, 4096] {
        assert_eq!(read(&archive, cut), whole, "{cut}");
    }
}
