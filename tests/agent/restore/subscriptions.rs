//! Subscriptions: a copy of one must not lay hands on the slot of the source's, and none may lose its tables unsaid.

use crate::{stage::Stage, testbed::Outcome};

const SUBSCRIBED: &str = "create table t (id int primary key); insert into t values (1);
    create subscription orders connection 'host=publisher.example dbname=shop' publication p with (connect = false, \
        slot_name = 'production');
    create subscription \"Odd \"\"one\" connection 'host=publisher.example dbname=shop' publication p with (connect = \
        false, slot_name = 'odd');
    comment on subscription orders is 'from the shop'";

const COPIES: &str =
    "select string_agg(subname || ' ' || subenabled || ' ' || coalesce(subslotname, 'none'), ', ' order by subname)
    from pg_subscription where subdbid = (select oid from pg_database where datname = current_database())";

const WITHOUT: &str = r#"Odd "one false none, orders false none"#;

/// A template of a database has none of its subscriptions.
fn subscribed() -> Stage {
    let stage = Stage::of("");
    stage.cluster.psql(&stage.database, SUBSCRIBED);
    stage.back_up();
    stage
}

fn says_how_to_go_on(outcome: &Outcome) {
    for words in ["the subscription orders is restored disabled", "SET (slot_name = "] {
        assert!(outcome.text().contains(words), "{}", outcome.text());
    }
}

#[test]
fn a_restored_subscription_has_no_slot() {
    let stage = subscribed();
    let target = stage.target();
    says_how_to_go_on(&stage.restore_with(&target, ["--preview"]).success());
    says_how_to_go_on(&stage.restore(&target).success());
    assert_eq!(stage.cluster.psql(&target.name, COPIES), WITHOUT);
    // the source's own keep theirs
    let own = stage.cluster.psql(&stage.database, COPIES);
    assert!(own.contains("orders false production"), "{own}");
    // in one transaction, and where it goes on after failures
    for more in ["--single-transaction", "--keep-going"] {
        let target = stage.target();
        stage.restore_with(&target, [more]).success();
        assert_eq!(stage.cluster.psql(&target.name, COPIES), WITHOUT);
    }
}

#[test]
fn a_failed_restore_leaves_no_subscription_with_a_slot() {
    let stage = subscribed();
    stage.cluster.psql(
        &stage.database,
        "create function z() returns bigint language sql as 'select count(*) from t'; create materialized view zz as \
         select z() as n",
    );
    stage.back_up();
    let target = stage.target();
    stage.restore(&target).ended_with(3);
    let copies = stage.cluster.psql(&target.name, COPIES);
    assert!(!copies.contains("production"), "{copies}");
}

#[test]
fn clean_does_not_change_an_existing_subscription() {
    let stage = subscribed();
    let target = stage.live();
    let before = stage.cluster.psql(&stage.database, COPIES);
    for more in [&["--clean"][..], &["--clean", "--no-single-transaction"]] {
        stage.cluster.psql(&stage.database, "insert into t values (2)");
        let outcome = stage.restore_with(&target, more.iter().copied()).success();
        let said = "left out: subscription orders: the target already has it";
        assert!(outcome.text().contains(said), "{}", outcome.text());
        assert_eq!(stage.cluster.psql(&stage.database, COPIES), before);
        let rows = stage.cluster.psql(&stage.database, "select count(*) from t");
        assert_eq!(rows, "1");
    }
}

#[test]
fn replacing_a_subscribed_table_is_reported() {
    let stage = subscribed();
    // as it is after its first copy
    stage.cluster.psql(
        &stage.database,
        "set allow_system_table_mods = on; insert into pg_subscription_rel (srsubid, srrelid, srsubstate, srsublsn)
           select s.oid, 't'::regclass, 'r', null from pg_subscription s join pg_database d on d.oid = s.subdbid
            where s.subname = 'orders' and d.datname = current_database(); insert into t values (2)",
    );
    let said = stage.restore_with(&stage.live(), ["--clean"]).ended_with(3).stderr;
    assert!(said.contains("table public.t in subscription orders"), "{said}");
    let rows = stage.cluster.psql(&stage.database, "select count(*) from t");
    assert_eq!(rows, "2");
}
