//! What the target allows: connections, and room on its disk.

use super::{FOUR, JOBS, whole_tables};
use crate::stage::Stage;

#[test]
fn there_are_no_more_jobs_than_the_target_has_connections_for() {
    let stage = Stage::backed_up(FOUR);
    for (limit, of, cases) in [
        (
            "alter role OWNER connection limit ",
            "the role's",
            &[(2, 1), (3, 1), (4, 2), (20, 8)][..],
        ),
        ("alter database TARGET connection limit ", "the database's", &[(4, 2)]),
    ] {
        for (connections, jobs) in cases.iter().copied() {
            let (owner, target) = stage.customers_target("");
            let limit = limit.replace("OWNER", &owner).replace("TARGET", &target.name);
            stage.cluster.psql("postgres", &format!("{limit}{connections}"));
            let outcome = stage.restore_with(&target, ["--jobs", "8"]).success();
            assert_eq!(whole_tables(&stage, &target, &["t1", "t2", "t3", "t4"], "1000"), 4);
            let said = outcome.text();
            let fewer = format!("{jobs} job{} in place of 8", if jobs == 1 { "" } else { "s" });
            assert_eq!(said.contains(&fewer), jobs < 8, "{connections}: {said}");
            assert_eq!(
                said.contains(&format!("{of} connection limit, {connections}")),
                jobs < 8,
                "{said}"
            );
        }
    }
}

#[test]
fn a_disk_that_is_full_for_an_index_fails_the_restore_and_keeps_the_rows() {
    let stage = Stage::backed_up(
        "create table texts (id int, t text); insert into texts select n, md5(n::text) from generate_series(1, 60000) n;
         create index texts_t on texts (t); create table others (id int primary key); insert into others values (1)",
    );
    let (owner, target) = stage.customers_target("");
    let limits = format!(
        "alter role {owner} set temp_file_limit = 64; alter role {owner} set maintenance_work_mem = '1MB';
         alter role {owner} set max_parallel_maintenance_workers = 0"
    );
    stage.cluster.psql("postgres", &limits);
    let outcome = stage.restore_with(&target, JOBS).ended_with(3);
    for words in ["temp_file_limit", "incomplete", "CREATE INDEX texts_t"] {
        assert!(outcome.stderr.contains(words), "{words}: {}", outcome.stderr);
    }
    let there = "select (select count(*) from texts), (select count(*) from pg_indexes where indexname = 'texts_t')";
    assert_eq!(stage.cluster.psql(&target.name, there), "60000|0");
}
