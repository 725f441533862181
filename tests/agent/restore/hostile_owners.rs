//! What an owner can do to his own database so that its backup holds less than it seems to, or so that what is restored
//! into it becomes his: without a right that an owner hasn't.

use crate::{
    check::everything::assert_found,
    stage::{SMALL, Stage, unique},
};

/// The database is this new role's, which is no superuser. Its statements, as itself.
fn owned(stage: &Stage, sql: &str) -> String {
    let (owner, database) = (unique("mallory"), &stage.database);
    stage.cluster.psql(
        database,
        &format!(
            "create role {owner} login; alter database {database} owner to {owner}; grant all on schema public to \
            {owner}"
        ),
    );
    as_owner(stage, &owner, sql);
    owner
}

fn as_owner(stage: &Stage, owner: &str, sql: &str) {
    let sql = format!("SET SESSION AUTHORIZATION {owner}; {sql}");
    stage.cluster.psql(&stage.database, &sql);
}

#[test]
fn objects_added_to_an_extension_are_reported() {
    let stage = Stage::of(SMALL);
    let plain = stage.run(["check", "--json"]).success().json();
    assert_found(&plain, ("database", "extensions"), "ok", &[]);
    let owner = owned(
        &stage,
        "create schema app; create table app.payroll (id int); insert into app.payroll values (1), (2);
         create schema s2; create table s2.kept (id int); create function app.f() returns int language sql as 'select \
             1';
         create extension hstore; alter extension hstore add table app.payroll; alter extension hstore add schema s2;
         alter extension hstore add function app.f()",
    );
    let words = ["hstore", "3 objects", "app.payroll", "s2", "app.f"];
    let report = stage.run(["check", "--json"]).success().json();
    assert_found(&report, ("database", "extensions"), "warning", &words);
    let backup = stage.run(["backup"]).success();
    for word in words {
        assert!(backup.text().contains(word), "{word}: {}", backup.text());
    }
    assert!(backup.text().contains("ALTER EXTENSION"), "{}", backup.text());
    let status = stage.run(["status"]).success();
    assert!(status.text().contains("app.payroll"), "{}", status.text());
    let shown = stage.run(["show", "latest"]).success();
    assert!(shown.text().contains("app.payroll"), "{}", shown.text());
    // taken out again it is in the next one
    as_owner(
        &stage,
        &owner,
        "alter extension hstore drop table app.payroll; alter extension hstore drop schema s2; alter extension hstore \
         drop function app.f()",
    );
    let backup = stage.run(["backup"]).success();
    assert!(!backup.text().contains("warning"), "{}", backup.text());
    let name = unique("restored");
    let url = stage.cluster.create_database(&name);
    let args = ["restore", "latest", "--to", &url, "--confirm", &name];
    stage.run(args).success();
    let rows = stage.cluster.psql(&name, "select count(*) from app.payroll");
    assert_eq!(rows, "2");
}

#[test]
fn an_owner_who_sets_the_login_s_role_gets_no_restored_objects() {
    let stage = Stage::backed_up(SMALL);
    let target = unique("target");
    let url = stage.cluster.create_database(&target);
    let owner = unique("mallory");
    let make = format!("create role {owner} login; alter database {target} owner to {owner}");
    stage.cluster.psql(&target, &make);
    let set = |sql: &str| {
        let sql = format!("SET SESSION AUTHORIZATION {owner}; ALTER DATABASE {target} {sql}");
        stage.cluster.psql("postgres", &sql);
    };
    // a server takes this one, and goes by it for nobody else
    set(&format!("SET session_authorization = {owner}"));
    let who = stage.cluster.psql(&target, "select current_user");
    assert_eq!(who, "postgres", "then it is refused like a role");
    set(&format!("SET role = {owner}"));
    let args = ["restore", "latest", "--to", &url, "--confirm", &target];
    for clean in [&[][..], &["--clean"]] {
        let said = stage.run([&args[..], clean].concat()).ended_with(3).stderr;
        assert!(said.contains(&format!("set role {owner} for every session")), "{said}");
        assert!(said.contains("RESET role"), "{said}");
    }
    let tables = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    assert_eq!(stage.cluster.psql(&target, tables), "0");
    // the way that the hint names: who owns it then is no surprise
    let sign = if url.contains('?') { '&' } else { '?' };
    let meant = format!("{url}{sign}options=-c%20role%3D{owner}");
    let args = ["restore", "latest", "--to", &meant, "--confirm", &target];
    stage.run(args).success();
}

#[test]
fn a_role_set_by_the_owner_gets_no_rights() {
    let stage = Stage::of("create table t (id int); create table u (id int)");
    let owner = owned(&stage, "");
    let database = &stage.database;
    let set = format!("SET SESSION AUTHORIZATION {owner}; ALTER DATABASE {database} SET role = {owner}");
    stage.cluster.psql("postgres", &set);
    let said = stage.run(["backup"]).ended_with(3).stderr;
    assert!(said.contains("the database's settings set it instead of"), "{said}");
    assert!(said.contains("RESET role"), "{said}");
    let checked = stage.run(["check", "--json"]).ended_with(8);
    assert_found(
        &checked.json(),
        ("database", "role"),
        "warning",
        &[&owner, "RESET role"],
    );
    for text in [said.as_str(), checked.text()] {
        assert!(!text.contains("GRANT ") && !text.contains("BYPASSRLS"), "{text}");
    }
}

#[test]
fn a_read_only_target_is_refused_before_anything_is_tried() {
    let stage = Stage::backed_up(SMALL);
    let target = unique("target");
    let url = stage.cluster.create_database(&target);
    stage.cluster.psql(
        "postgres",
        &format!("ALTER DATABASE {target} SET default_transaction_read_only = on"),
    );
    let args = ["restore", "latest", "--to", &url, "--confirm", &target];
    let said = stage.run(args).ended_with(3).stderr;
    assert!(said.contains("default_transaction_read_only is on"), "{said}");
    assert!(!said.contains("holds part of"), "{said}");
    // the way that the hint names
    let sign = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{sign}options=-c%20default_transaction_read_only%3Doff");
    let args = ["restore", "latest", "--to", &url, "--confirm", &target];
    stage.run(args).success();
}
