//! Changes that are planted into the restored database before it is compared: each has to be found.

use super::{findings, grounds::RICH, left_on, open_folder, planting, programs, report};
use crate::{stage::Stage, testbed::Cluster};

/// What is planted, and how the finding begins.
const PLANTED: &[(&str, &str)] = &[
    (
        "update shop.orders set total = total + 0.01 where id = 7",
        "TABLE DATA shop.orders: it has 300 rows as before",
    ),
    (
        "delete from shop.events where id = 5",
        "TABLE DATA shop.events_2026: it had 100 rows, and has 99",
    ),
    (
        "insert into shop.events values (101, '2026-12-01')",
        "TABLE DATA shop.events_2026: it had 100 rows, and has 101",
    ),
    (
        // one lost and another doubled: the number is the same
        "delete from shop.events where id = 5; insert into shop.events select * from shop.events where id = 6",
        "TABLE DATA shop.events_2026: it has 100 rows as before",
    ),
    (
        "drop policy own on shop.orders",
        "POLICY shop.orders own: it did not come back",
    ),
    (
        "alter policy own on shop.orders using (true)",
        "POLICY shop.orders own: its definition was `CREATE POLICY own",
    ),
    (
        "alter table shop.orders disable row level security",
        "ROW SECURITY shop.orders: it did not come back",
    ),
    (
        "alter table shop.customers alter status set default 'gone'",
        "TABLE shop.customers: its definition ",
    ),
    (
        "drop index shop.orders_of",
        "INDEX shop.orders_of: it did not come back",
    ),
    (
        "create index more on shop.orders (total)",
        "INDEX shop.more: it is in the restored database",
    ),
    (
        "comment on column shop.orders.total is 'in dollars'",
        "COMMENT shop.COLUMN orders.total: its definition ",
    ),
    (
        "create or replace function shop.total_of(bigint) returns numeric language sql stable as 'select 1'",
        "FUNCTION shop.total_of(bigint): its definition ",
    ),
    (
        "select setval('shop.orders_id_seq', 299)",
        "SEQUENCE SET shop.orders_id_seq: its definition ",
    ),
    (
        "alter table shop.orders validate constraint later",
        "CHECK CONSTRAINT shop.orders later: it did not come back",
    ),
    (
        "drop trigger touch on shop.customers",
        "TRIGGER shop.customers touch: it did not come back",
    ),
    (
        "revoke select on shop.orders from drill_reader",
        "ACL shop.TABLE orders: ",
    ),
    (
        "alter table shop.customers drop constraint customers_status_check; alter table shop.customers add constraint \
         customers_status_check check (status in ('new', 'paid'))",
        "TABLE shop.customers: its definition ",
    ),
    (
        "create or replace view shop.big as select * from shop.orders where total between 11 and 1000",
        "VIEW shop.big: its definition ",
    ),
    ("select lo_put(4711, 0, 'A')", "BLOBS .: not all of them are as before"),
    ("select lo_unlink(4711)", "BLOBS .: there were 1, and there are 0"),
    (
        "create table shop.more as select 1 as one",
        "TABLE DATA shop.more: 1 row that is not in the backup",
    ),
    (
        "refresh materialized view shop.daily",
        "MATERIALIZED VIEW DATA shop.daily: it is in the restored database",
    ),
];

#[test]
fn every_planted_change_is_found() {
    let stage = Stage::backed_up(RICH);
    let cluster = Cluster::start(None);
    cluster.psql("postgres", "create role drill_reader");
    let folder = open_folder();
    // three to a drill, far apart
    const DRILLS: usize = 8;
    for first in 0..DRILLS {
        let planted = || PLANTED.iter().skip(first).step_by(DRILLS);
        let sql = planted().map(|(sql, _)| *sql).collect::<Vec<_>>().join("; ");
        let bin = programs(&cluster, folder.path(), &[("pg_dump", &planting(&cluster, &sql))]);
        let agent = stage
            .agent()
            .without("PGCOFFER_PG_BIN")
            .env("PGCOFFER_PG_BIN", bin)
            .env("PGCOFFER_SCRATCH_URL", cluster.url("postgres"));
        let outcome = agent.run(["drill", "latest", "--json"]);
        let report = report(&outcome);
        let found = format!(
            "{}\n{}",
            findings(&report, "differences"),
            findings(&report, "not_compared")
        );
        for (sql, expected) in planted() {
            assert!(found.lines().any(|line| line.starts_with(expected)), "{sql}:\n{found}");
        }
        assert_eq!(outcome.code(), 5, "{sql}:\n{report:#}");
    }
    assert_eq!(left_on(&cluster), "");
}

#[test]
fn a_privilege_that_is_lost_is_found_where_the_owner_is_the_same() {
    let stage = Stage::backed_up(RICH);
    let folder = open_folder();
    let sql = "revoke select on shop.orders from drill_reader";
    let bin = programs(
        stage.cluster,
        folder.path(),
        &[("pg_dump", &planting(stage.cluster, sql))],
    );
    let agent = stage.agent().without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin);
    let outcome = agent.run(["drill", "latest", "--json"]).ended_with(5);
    let report = report(&outcome);
    let found = findings(&report, "differences");
    assert!(found.starts_with("ACL shop.TABLE orders"), "{found}");
    let text = agent.run(["drill"]).ended_with(5);
    assert!(text.text().starts_with("Not proven: "), "{}", text.text());
    // in a log each fact is one line, however long
    let on = text.text().lines().find(|line| line.contains("on a server of its own"));
    assert!(on.is_some_and(|line| line.ends_with("in all")), "{}", text.text());
    assert!(
        text.stderr.contains("did not come back as it was dumped"),
        "{}",
        text.stderr
    );
}
