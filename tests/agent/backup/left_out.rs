//! What pg_dump leaves out without an error is named: by `check`, by the run, in the record.

use serde_json::Value;

use crate::{
    stage::{KEY, SMALL, Stage, Target, restore_args, unique, wait_until},
    testbed::{Agent, Cluster, S3Server},
};

/// Detail and cure of every finding of that kind.
fn findings(agent: &Agent, what: &str) -> Vec<(String, String)> {
    let report = agent.run(["check", "--json"]).json();
    let all = report["findings"].as_array().unwrap().iter();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    all.filter(|one| one["what"] == what)
        .map(|one| {
            let verdict = text(one, "verdict");
            (format!("{verdict}: {}", text(one, "detail")), text(one, "cure"))
        })
        .collect()
}

/// Both `check` and the record name each of these, with what has to be done.
#[track_caller]
fn assert_named(agent: &Agent, expected: &[[&str; 3]]) {
    let mut found = findings(agent, "left out");
    found.retain(|(detail, _)| !detail.starts_with("ok: "));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    let record = agent.run(["backup", "--json"]).success().json();
    let warnings = record["warnings"].as_array().unwrap();
    let shown = agent.run(["show", "latest", "--json"]).success().json();
    assert_eq!(shown["warnings"], record["warnings"]);
    for words in expected {
        let is_named = |text: &str| words.iter().all(|word| text.contains(word));
        let checked = found
            .iter()
            .any(|(detail, cure)| detail.starts_with("warning: ") && is_named(&format!("{detail} {cure}")));
        let warned = warnings.iter().any(|warning| is_named(warning.as_str().unwrap()));
        assert!(checked && warned, "{words:?}: {found:#?} {warnings:#?}");
    }
}

#[test]
fn what_is_unlogged_on_a_standby() {
    let primary = Cluster::start(None);
    let name = unique("unlogged");
    primary.create_database(&name);
    primary.psql(
        &name,
        "create unlogged table sessions (id serial primary key, data text); insert into sessions (data) select 's' || \
         g from generate_series(1, 500) g;
         create unlogged table \"parts of\" (id int) ; create unlogged sequence tickets; select nextval('tickets'), \
             nextval('tickets');
         create table logged (id int primary key, n bigint default nextval('tickets')); insert into logged (id) select \
             generate_series(1, 100);",
    );
    let standby = primary.standby();
    wait_until("the standby has it all", || {
        standby.try_psql(&name, "select count(*) from logged").as_deref() == Ok("100")
    });
    let bucket = S3Server::start();
    let agent = Agent::new().s3(&bucket).database(&standby, &name).key(KEY);
    assert_named(
        &agent,
        &[
            [
                "2 unlogged tables (public.\"parts of\", public.sessions)",
                "the table is empty in the backup",
                "from the primary",
            ],
            ["public.tickets", "it starts again", "setval"],
        ],
    );
    // and that is what becomes of them
    let target = Target {
        url: primary.create_database("copy"),
        name: "copy".into(),
    };
    agent.run(restore_args(&target)).success();
    let counts =
        "select (select count(*) from sessions) || ' ' || (select count(*) from logged) || ' ' || nextval('tickets')";
    assert_eq!(primary.psql("copy", counts), "0 100 1");
    // the primary's own backup has it all
    let agent = agent.database(&primary, &name);
    assert_eq!(
        findings(&agent, "left out")[0].0,
        "ok: pg_dump leaves nothing out silently"
    );
}

/// A role that may read every row is not shown everything else.
#[test]
fn what_a_reader_is_not_shown() {
    let stage = Stage::of(SMALL);
    let (reader, owner) = (unique("reader"), unique("owner"));
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {reader} login; create role {owner} login; grant pg_read_all_data to {reader}, {owner};
             create extension postgres_fdw; create server far foreign data wrapper postgres_fdw options (host 'x', \
                 dbname 'd');
             alter server far owner to {owner};
             create user mapping for {owner} server far options (user 'u', password 'geheim'); create user mapping for \
                 public server far options (user 'all');
             create user mapping for {reader} server far;
             create subscription sub connection 'host=127.0.0.1 dbname=none' publication p with (connect = false, \
                 slot_name = none);"
        ),
    );
    let as_role = |role: &str| {
        stage.agent().env(
            "PGCOFFER_DB_MAIN_URL",
            stage.cluster.url_as(role, None, &stage.database),
        )
    };
    // its own mapping it would be shown if it might use the server
    assert_named(
        &as_role(&reader),
        &[
            ["3 user mappings", "without them", "ALTER USER MAPPING"],
            ["1 subscription (sub)", "lacks it", "CREATE SUBSCRIPTION"],
        ],
    );
    // the server's owner is shown everybody's mapping and its own
    assert_named(
        &as_role(&owner),
        &[
            ["1 user mapping (for", &reader, "ALTER USER MAPPING"],
            ["1 subscription (sub)", "lacks it", "CREATE SUBSCRIPTION"],
        ],
    );
    assert_named(&stage.agent(), &[]);
    let definitions = stage.fetch("all.dump");
    assert!(String::from_utf8_lossy(&std::fs::read(definitions).unwrap()).contains("geheim"));
}

#[test]
fn indexes_that_are_not_valid() {
    let stage = Stage::of(SMALL);
    let sql = "create table double (id int); insert into double values (1), (1);";
    stage.cluster.psql(&stage.database, sql);
    let failed = stage.cluster.try_psql(
        &stage.database,
        "create unique index concurrently only_once on double (id)",
    );
    assert!(failed.is_err());
    assert_named(
        &stage.agent(),
        &[[
            "1 invalid index (public.only_once)",
            "uniqueness",
            "REINDEX INDEX CONCURRENTLY",
        ]],
    );
}

/// However many there are, a line is a line, and says where the rest is.
#[test]
fn lists_are_bounded_and_say_where_the_whole_is() {
    let stage = Stage::of(SMALL);
    let reader = unique("reader");
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {reader} login; create extension postgres_fdw;
             do $$ begin for n in 1 .. 300 loop
               execute format('create server %I foreign data wrapper postgres_fdw', repeat('s', 50) || n);
               execute format('create user mapping for public server %I options (password %L)', repeat('s', 50) || n, \
                   n);
               execute format('create schema %I; create table %1$I.%1$I (id serial)', repeat('t', 50) || n);
             end loop; end $$;"
        ),
    );
    let url = stage.cluster.url_as(&reader, None, &stage.database);
    let agent = stage.agent().env("PGCOFFER_DB_MAIN_URL", url);
    let report = agent.run(["check", "--json"]).ended_with(8).json();
    for finding in report["findings"].as_array().unwrap() {
        let said = format!("{}{}", finding["detail"], finding["cure"]);
        assert!(said.len() < 2_000, "{} bytes: {said}", said.len());
    }
    let (detail, cure) = &findings(&agent, "left out")[0];
    assert!(
        detail.contains("300 user mappings") && cure.contains("SELECT srvname, usename FROM pg_user_mappings"),
        "{detail} {cure}"
    );
    let outcome = agent.run(["backup"]);
    assert!(
        outcome.code() != 0 && outcome.stderr.len() < 4_000,
        "{}",
        outcome.stderr
    );
    assert!(outcome.stderr.contains("check --fix-sql"), "{}", outcome.stderr);
}
