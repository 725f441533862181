//! Rows alone, into tables of the target whose foreign keys are there already.

use crate::stage::{Stage, unique};

/// Children whose names come before their parents', keys of two columns, a table that refers to itself, two circles (one of
/// them through partitions), a key that may wait already, a column that is an identity.
const KEYED: &str = "
    create schema app;
    create table app.z_parents (a int, b text, name text, primary key (a, b));
    create table app.m_children (id int generated always as identity primary key, a int, b text, foreign key (a, b) \
        references app.z_parents match full);
    create table app.a_grandchildren (id int primary key, child int not null references app.m_children);
    create table app.trees (id int primary key, up int references app.trees);
    create table app.ring_a (id int primary key, other int not null);
    create table app.ring_b (id int primary key, other int not null references app.ring_a);
    alter table app.ring_a add constraint \"to b\" foreign key (other) references app.ring_b;
    create table app.events (at date, id int, before_at date, before_id int, primary key (at, id), foreign key (before_at, \
        before_id) references app.events) partition by range (at);
    create table app.events_2025 partition of app.events for values from ('2025-01-01') to ('2026-01-01');
    create table app.events_2026 partition of app.events for values from ('2026-01-01') to ('2027-01-01');
    create table app.late (id int primary key, parent int references app.trees deferrable);
    create table app.alone (at date, id int, foreign key (at, id) references app.events);";

const ROWS: &str = "
    insert into app.z_parents select n, 'b' || n, 'name' from generate_series(1, 50) n;
    insert into app.m_children (a, b) select n % 50 + 1, 'b' || n % 50 + 1 from generate_series(1, 200) n;
    insert into app.a_grandchildren select n, n from generate_series(1, 200) n;
    insert into app.trees select n, nullif(n + 1, 101) from generate_series(1, 100) n;
    alter table app.ring_a alter constraint \"to b\" deferrable initially deferred;
    begin; insert into app.ring_a select n, n from generate_series(1, 30) n; insert into app.ring_b select n, n from \
        generate_series(1, 30) n; commit;
    alter table app.ring_a alter constraint \"to b\" not deferrable;
    insert into app.events values ('2025-02-03', 1, null, null), ('2026-02-03', 2, '2025-02-03', 1), ('2025-04-03', 3, \
        '2026-02-03', 2);
    insert into app.late select n, n from generate_series(1, 10) n; insert into app.alone select at, id from app.events;";

const TABLES: &str = "app.z_parents, app.m_children, app.a_grandchildren, app.trees, app.ring_a, app.ring_b, app.events, \
    app.late, app.alone";

const COUNTS: &str = "select (select count(*) from app.z_parents), (select count(*) from app.m_children), (select count(*) from \
    app.a_grandchildren), (select count(*) from app.trees), (select count(*) from app.ring_a), (select count(*) from \
    app.ring_b), (select count(*) from app.events), (select count(*) from app.late), (select count(*) from app.alone), \
    (select last_value from app.m_children_id_seq)";

const ALL: &str = "50|200|200|100|30|30|3|10|3|200";

/// Every key as it is, with that of its triggers.
const KEYS: &str = "select string_agg(concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(c.oid), convalidated, \
    condeferrable, condeferred, (select string_agg(concat(tgdeferrable, tginitdeferred, tgenabled), ',' order by tgfoid) \
    from pg_trigger where tgconstraint = c.oid)), ';' order by conrelid::regclass::text, conname, c.oid) \
    from pg_constraint c where contype = 'f'";

fn emptied(stage: &Stage) -> String {
    let keys = stage.cluster.psql(&stage.database, KEYS);
    stage.cluster.psql(
        &stage.database,
        &format!("truncate {TABLES}; alter sequence app.m_children_id_seq restart"),
    );
    keys
}

const WHOLE: [&str; 3] = ["--schema", "app", "--data-only"];

#[test]
fn rows_come_into_tables_with_keys_whatever_their_order() {
    for major in [None, Some(16), Some(18)] {
        let stage = Stage::on(major, KEYED);
        stage.cluster.psql(&stage.database, ROWS);
        stage.back_up();
        let keys = emptied(&stage);
        let outcome = stage.restore_with(&stage.live(), WHOLE).success();
        assert_eq!(stage.cluster.psql(&stage.database, COUNTS), ALL, "{}", outcome.text());
        assert_eq!(stage.cluster.psql(&stage.database, KEYS), keys);
        assert!(
            outcome.text().contains("are checked when all rows are there"),
            "{}",
            outcome.text()
        );
        assert!(!outcome.text().contains("left out"), "{}", outcome.text());
        // and they are keys still
        let failed = "insert into app.a_grandchildren values (1000, 1000)";
        let refused =
            format!("do $$ begin {failed}; raise 'was taken'; exception when foreign_key_violation then null; end $$");
        stage.cluster.psql(&stage.database, &refused);
    }
}

#[test]
fn an_owner_who_is_no_superuser_loads_them_and_others_are_told_before() {
    let stage = Stage::of(KEYED);
    stage.cluster.psql(&stage.database, ROWS);
    stage.back_up();
    emptied(&stage);
    let (owner, other) = (unique("owner"), unique("other"));
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {owner} login; create role {other} login; alter schema app owner to {owner}; grant all on schema app \
             to {other};
             do $$ declare t record; begin for t in select oid::regclass as name from pg_class where relnamespace = \
             'app'::regnamespace and relkind in ('r', 'p') loop execute format('alter table %s owner to {owner}; grant all on \
             %s to {other}', t.name, t.name); end loop; end $$; grant all on all sequences in schema app to {other}"
        ),
    );
    let keys = stage.cluster.psql(&stage.database, KEYS);
    let target = |role: &str| crate::stage::Target {
        name: stage.database.clone(),
        url: stage.cluster.url_as(role, None, &stage.database),
    };
    let said = stage.restore_with(&target(&other), WHOLE).ended_with(3).stderr;
    for words in ["in a circle", "owner of the tables", "--no-single-transaction"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // without a circle another order helps
    let two = ["--table", "app.m_children", "--table", "app.z_parents", "--data-only"];
    stage.restore_with(&target(&other), two).ended_with(3);
    let passes = two.iter().copied().chain(["--no-single-transaction"]);
    stage.restore_with(&target(&other), passes).success();
    let counts = "select (select count(*) from app.m_children), (select count(*) from app.z_parents)";
    assert_eq!(stage.cluster.psql(&stage.database, counts), "200|50");
    stage.cluster.psql(&stage.database, &format!("truncate {TABLES}"));
    // several transactions can't load a circle, whoever owns it
    let more = WHOLE.iter().copied().chain(["--no-single-transaction"]);
    let said = stage.restore_with(&target(&owner), more).ended_with(3).stderr;
    assert!(said.contains("omit --no-single-transaction"), "{said}");
    stage.restore_with(&target(&owner), WHOLE).success();
    assert_eq!(stage.cluster.psql(&stage.database, COUNTS), ALL);
    assert_eq!(stage.cluster.psql(&stage.database, KEYS), keys);
}

#[test]
fn a_child_alone_comes_beside_the_rows_that_the_target_has_and_a_row_without_them_leaves_all_as_it_was() {
    let stage = Stage::of(KEYED);
    stage.cluster.psql(&stage.database, ROWS);
    stage.back_up();
    let child = ["--table", "app.a_grandchildren", "--data-only"];
    stage.cluster.psql(&stage.database, "truncate app.a_grandchildren");
    stage.restore_with(&stage.live(), child).success();
    assert_eq!(stage.cluster.psql(&stage.database, COUNTS), ALL);
    // a parent is gone: what was loaded before it is gone again, and no key has changed
    let keys = emptied(&stage);
    let without_parents = [
        "--table",
        "app.m_children",
        "--table",
        "app.a_grandchildren",
        "--table",
        "app.ring_a",
        "--table",
        "app.ring_b",
        "--data-only",
    ];
    let said = stage.restore_with(&stage.live(), without_parents).ended_with(3).stderr;
    for words in ["m_children_a_b_fkey", "nothing was changed", "that these rows refer to"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert_eq!(stage.cluster.psql(&stage.database, COUNTS), "0|0|0|0|0|0|0|0|0|1");
    assert_eq!(stage.cluster.psql(&stage.database, KEYS), keys);
}
