//! `diff`: what changed from one backup to another is found by their details alone.

use serde_json::{Value, json};

use crate::{
    catalog::catalog_key::monitor,
    stage::{SMALL, Stage},
};

/// Two backups with changes of every sort between them.
fn changed() -> (Stage, String, String) {
    let stage = Stage::of(SMALL);
    stage.cluster.psql(
        &stage.database,
        "create table renamed_later (id int); insert into renamed_later select generate_series(1, 30);
         create table dropped_later (id int); insert into dropped_later values (1);
         create table edited (id int, note text); insert into edited values (1, 'before'), (2, 'same')",
    );
    let before = stage.back_up();
    stage.cluster.psql(
        &stage.database,
        "alter table renamed_later rename to renamed; drop table dropped_later;
         update edited set note = 'beyond' where id = 1; delete from people where id <= 100;
         create table \"added\u{1b}[31m\" (id int); insert into \"added\u{1b}[31m\" values (7);
         create index people_by_name on people (name);
         create or replace view guests as select upper(name) as name from people;
         select lo_from_bytea(4711, 'a large object')",
    );
    let after = stage.back_up();
    let id = |record: Value| record["id"].as_str().unwrap().to_owned();
    (stage, id(before), id(after))
}

fn table<'a>(diff: &'a Value, name: &str) -> &'a Value {
    let tables = diff["tables"].as_array().unwrap();
    let one = tables.iter().find(|table| table["name"] == name);
    one.unwrap_or_else(|| panic!("no {name} in {diff}"))
}

#[test]
fn every_sort_of_change_is_named_and_no_archive_is_read() {
    let (stage, before, after) = changed();
    let earlier = stage.bucket.calls().len();
    let diff = stage.run(["diff", &before, &after, "--json"]).success().json();
    let calls = stage.bucket.calls().split_off(earlier);
    assert!(calls.iter().any(|call| call.key.contains("/details/")), "{calls:#?}");
    assert!(calls.iter().all(|call| !call.key.contains("/archives/")), "{calls:#?}");

    assert_eq!(table(&diff, "people")["from"]["rows"], 500);
    assert_eq!(table(&diff, "people")["to"]["rows"], 400);
    assert_eq!(table(&diff, "edited")["from"], table(&diff, "edited")["to"]);
    assert_eq!(table(&diff, "dropped_later")["to"], Value::Null);
    assert_eq!(table(&diff, "added\u{1b}[31m")["from"], Value::Null);
    assert_eq!(
        table(&diff, "renamed")["renamed_from"],
        json!(["public", "renamed_later"])
    );
    assert_eq!(diff["tables"].as_array().unwrap().len(), 5);
    assert_eq!(diff["same_tables"], 1, "visits");
    assert_eq!(diff["large_objects"]["to"]["count"], 1);
    let kinds: Vec<&str> = diff["definitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    for kind in ["INDEX", "TABLE", "VIEW"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert_eq!(
        (&diff["from"]["id"], &diff["to"]["id"]),
        (&json!(before), &json!(after))
    );
    // the other way round everything is the other way round
    let back = stage.run(["diff", &after, &before, "--json"]).success().json();
    assert_eq!(table(&back, "people")["to"]["rows"], 500);
    assert_eq!(
        table(&back, "renamed_later")["renamed_from"],
        json!(["public", "renamed"])
    );
}

#[test]
fn each_definition_that_differs_is_named_if_somebody_asks() {
    let (stage, before, after) = changed();
    let args = ["diff", &before, &after, "--definitions"];
    let diff = stage.run(args.into_iter().chain(["--json"])).success().json();
    let of = |kind: &str| {
        let kinds = diff["definitions"].as_array().unwrap();
        let one = kinds.iter().find(|one| one["kind"] == kind);
        let named = one.unwrap_or_else(|| panic!("no {kind}"))["named"].as_array().unwrap();
        let short = |one: &Value| format!("{} {}", one["name"].as_str().unwrap(), one["change"].as_str().unwrap());
        named.iter().map(short).collect::<Vec<_>>()
    };
    assert_eq!(of("INDEX"), ["people_by_name new"]);
    assert_eq!(of("VIEW"), ["guests edited"]);
    let tables = [
        "added\u{1b}[31m new",
        "dropped_later gone",
        "renamed new",
        "renamed_later gone",
    ];
    assert_eq!(of("TABLE"), tables);
    let text = stage.run(args).success().text().to_owned();
    for line in ["    public.people_by_name: new\n", "    public.guests: edited\n"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains("--definitions"), "{text:?}");
    let text = stage.run(["diff", &before, &after]).success().text().to_owned();
    assert!(text.contains("`--definitions` names them"), "{text}");
}

#[test]
fn people_read_the_largest_change_first_and_names_can_do_nothing_to_their_terminal() {
    let (stage, before, after) = changed();
    let text = stage.run(["diff", &before]).success().text().to_owned();
    assert!(text.contains(&after), "without a second id it is the newest: {text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    let first = text.lines().find(|line| line.starts_with("public.")).unwrap();
    assert!(first.starts_with("public.people") && first.contains("-100"), "{text}");
    for part in [
        "edited",
        "gone",
        "new",
        "public.renamed was public.renamed_later",
        "INDEX: 1, before 0",
        "VIEW: 1, at least one",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    stage.back_up();
    let text = stage.run(["diff", &after]).success().text().to_owned();
    // roles belong to the server, on which other tests make some at any moment
    assert!(text.contains("Nothing changed") || text.contains("\nRole "), "{text}");
    assert!(!text.contains("public."), "{text}");
    let same = stage.run(["diff", &after, &after]).ended_with(2);
    assert!(same.stderr.contains("the same backup"), "{}", same.stderr);
    stage.run(["diff", "latest"]).ended_with(2);
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_cure() {
    let (stage, before, after) = changed();
    let failed = stage.agent().database(stage.cluster, "there_is_no_such_database");
    let failed = failed.run(["backup"]).ended_with(3);
    assert!(!failed.stderr.is_empty());
    let newest = stage.records()[0]["id"].as_str().unwrap().to_owned();
    let outcome = stage.run(["diff", &before, &newest]).ended_with(2);
    assert!(outcome.stderr.contains("a run that failed"), "{}", outcome.stderr);
    stage.run(["diff", &before, "2020"]).ended_with(7);

    // a catalog key sees nothing of what is inside
    let outcome = monitor(&stage.bucket).run(["diff", &before, &after]).ended_with(2);
    assert!(
        outcome.stderr.contains("a catalog key opens no backup"),
        "{}",
        outcome.stderr
    );

    // lost details are said, and nothing is made up
    let details = stage
        .bucket
        .objects()
        .into_iter()
        .find(|one| one.key.contains(&format!("/details/{before}")));
    stage.bucket.delete(&details.unwrap().key);
    let outcome = stage.run(["diff", &before, &after]).ended_with(5);
    assert!(outcome.stderr.contains("details"), "{}", outcome.stderr);
    assert_eq!(outcome.text(), "");
}

/// Where several databases have backups, the newest one is that of the database of the other.
#[test]
fn the_newest_one_is_of_the_database_of_the_other() {
    let (stage, before, after) = changed();
    let agent = stage
        .agent()
        .env("PGCOFFER_DB_OTHER_URL", stage.cluster.url(&stage.database));
    agent.run(["backup", "other"]).success();
    let short = before.rsplit('-').next().unwrap();
    for ids in [&[short][..], &[short, "latest"]] {
        let diff = agent.run(["diff", "--json"].iter().chain(ids)).success().json();
        assert_eq!(diff["to"]["id"], *after, "{diff:#}");
    }
    let diff = agent.run(["diff", "latest", short, "--json"]).success().json();
    assert_eq!(diff["from"]["id"], *after, "{diff:#}");
}
