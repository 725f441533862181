//! What several jobs read of an archive, and the memory that they take.

use super::FOUR;
use crate::{
    restore::part_bytes::{TABLES, cost},
    stage::Stage,
    testbed::{Call, Cluster},
};

/// Bytes of a frame in the object.
const FRAME_BYTES: u64 = (256 << 10) + 64;
/// A chunk that two loads share, and the frames around it.
const SHARED_BYTES: u64 = (512 << 10) + 4096 + 2 * FRAME_BYTES;

#[test]
fn a_whole_restore_reads_little_more_than_the_archive() {
    for (sql, jobs) in [(FOUR, 4_u64), (TABLES, 2)] {
        let stage = Stage::backed_up(sql);
        let target = stage.target();
        let stored = stage.bucket.read(&stage.key("/archives/")).unwrap().len() as u64;
        let mut said = 0;
        let count = jobs.to_string();
        let (read, _) = cost(&stage, || {
            let report = stage
                .restore_with(&target, ["--jobs", &count, "--json"])
                .success()
                .json();
            said = report["read_bytes"].as_u64().unwrap();
        });
        // header, last frame and table of contents
        let ends = (16 << 10) + 3 * FRAME_BYTES;
        let at_most = (stored + stored / 50).max(stored + (jobs - 1) * SHARED_BYTES) + ends;
        assert!(read <= at_most, "{jobs}: {read} of {stored}");
        assert!(
            said <= read + 2 * FRAME_BYTES && read <= said + ends,
            "{jobs}: {said} {read}"
        );
    }
}

#[test]
fn no_more_than_two_loads_read_a_byte() {
    let stage = Stage::backed_up(TABLES);
    let before = stage.bucket.calls().len();
    stage.restore_with(&stage.target(), ["--jobs", "4"]).success();
    let calls = stage.bucket.calls().split_off(before);
    let mut ranges: Vec<(u64, u64)> = calls.iter().filter_map(range).collect();
    // header, last frame and table of contents are read before
    ranges.retain(|(start, _)| *start > 3 * FRAME_BYTES);
    for (start, _) in &ranges {
        let times = ranges.iter().filter(|(from, to)| (from..=to).contains(&start)).count();
        assert!(times <= 3, "{start}: {times} of {ranges:?}");
    }
}

fn range(call: &Call) -> Option<(u64, u64)> {
    let range = call.header("range").filter(|_| call.key.contains("/archives/"))?;
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((start.parse().ok()?, end.parse().ok()?))
}

#[test]
fn more_jobs_take_little_more_memory() {
    let stage = Stage::backed_up(TABLES);
    let peak = |jobs: &str| {
        let outcome = stage.restore_with(&stage.target(), ["--jobs", jobs]).success();
        outcome.peak_memory_bytes
    };
    let (one, four) = (peak("1"), peak("4"));
    assert!(four < one + 3 * (12 << 20) + (8 << 20), "{one} {four}");
}

#[test]
fn many_small_tables_are_loaded_by_few_processes() {
    let stage = Stage::backed_up(
        "do $$ begin for n in 1..700 loop execute format('create table t%s (a int primary key)', n);
             execute format('insert into t%s select generate_series(1, 20)', n); end loop; end $$",
    );
    let target = stage.target();
    let args = ["--jobs", "2", "--json"];
    let report = stage.restore_with(&target, args).success().json();
    assert_eq!((&report["tables"], &report["rows"]), (&700.into(), &14_000.into()));
    let logins = |database: &str| sessions(stage.cluster, database);
    assert!(logins(&target.name) < 40, "{}", logins(&target.name));
}

/// How many sessions have been in a database.
fn sessions(cluster: &Cluster, database: &str) -> u64 {
    let sql = format!("select sessions from pg_stat_database where datname = '{database}'");
    cluster.psql("postgres", &sql).parse().unwrap()
}
