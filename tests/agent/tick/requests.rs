//! What a tick with nothing to do costs in requests, as docs/monitoring.md says it.

use std::collections::BTreeMap;

use crate::{
    stage::KEY,
    testbed::{Agent, S3Server},
    tick::past::{Run, calm, hours},
};

/// Calls of a tick, by operation, with this many daily backups in the bucket, of which the newest is not yet a day old.
fn calls(backups: i64) -> BTreeMap<String, usize> {
    let bucket = S3Server::start();
    for n in 0..backups {
        Run::ago(hours(2 + 24 * n)).serving("daily", "90d").put(&bucket);
    }
    let before = bucket.calls().len();
    let agent = Agent::new()
        .s3(&bucket)
        .key(KEY)
        .database_url("main", "postgres://nobody@127.0.0.1:1/none")
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 90d"));
    agent.run(["tick"]).success();
    let mut calls = BTreeMap::new();
    for call in bucket.calls().into_iter().skip(before) {
        *calls.entry(call.operation.to_string()).or_insert(0) += 1;
    }
    calls
}

/// At most so many that list, whatever there is: S3 takes ten times as much for those. Over plain HTTP, as here, each
/// is asked twice.
const LISTINGS: usize = 5 * 2;
/// At most so many that read, beside one for each backup.
const BESIDE_BACKUPS: usize = 10;

#[test]
fn a_tick_with_nothing_to_do_costs_what_the_page_says() {
    for backups in [1, 7, 30] {
        let calls = calls(backups);
        let of_kind = |lists: bool| -> usize {
            let kind = calls.iter().filter(|(name, _)| name.starts_with("List") == lists);
            kind.map(|(_, count)| count).sum()
        };
        let writes = calls
            .keys()
            .find(|name| !["List", "Get", "Head"].iter().any(|kind| name.starts_with(kind)));
        assert_eq!(writes, None);
        assert!(of_kind(true) <= LISTINGS, "{calls:?}");
        let backups = usize::try_from(backups).unwrap();
        assert!(of_kind(false) <= backups + BESIDE_BACKUPS, "{calls:?}");
    }
}
