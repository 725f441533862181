//! A database whose owner wants what the agent has: its key, its machine, its network.

use std::path::Path;

use serde_json::Value;

use super::{assert_proven, drilled, findings, on_server, open_folder};
use crate::{
    stage::{Stage, unique},
    testbed::Cluster,
};

const HARMLESS: &str = "create table victims (id int); insert into victims select generate_series(1, 10);
    create function attack() returns void language plpgsql as 'begin end';
    -- what is not volatile may change nothing itself, and may call what does
    create function evil(int) returns int language plpgsql immutable as
        'begin perform public.attack(); return $1; end';
    create index at_restore on victims (evil(id));
    create table checked (id int check (evil(id) > 0)); insert into checked values (1);
    create materialized view filled as select evil(id) as id from victims;";

/// Tries to get out of the database in every way; what is refused is passed over, so that the restore goes on.
fn attack(pwned: &Path, port: u16) -> String {
    let file = pwned.display();
    let attempts = [
        format!("copy (select 1) to program 'touch {file}.program'"),
        format!("copy (select 1) to '{file}.copy'"),
        "create temporary table if not exists t (line text); copy t from '/etc/passwd'".to_owned(),
        format!("perform lo_export(lo_from_bytea(0, 'x'), '{file}.lo')"),
        "perform lo_import('/etc/passwd')".to_owned(),
        "perform pg_catalog.pg_read_file('/etc/passwd')".to_owned(),
        "perform pg_catalog.pg_ls_dir('/')".to_owned(),
        "load '/tmp/evil.so'".to_owned(),
        format!("alter system set archive_command = 'touch {file}.system'"),
        "alter role current_user superuser".to_owned(),
        "create role more superuser".to_owned(),
        "create extension dblink".to_owned(),
        format!("perform public.dblink_connect('host=127.0.0.1 port={port} user=postgres dbname=postgres')"),
        "perform public.dblink_connect('host=/tmp user=postgres')".to_owned(),
        "set session authorization postgres".to_owned(),
        "set role postgres".to_owned(),
        "create language plpython3u".to_owned(),
        "create function system(cstring) returns int language c as '/lib/x86_64-linux-gnu/libc.so.6', 'system'"
            .to_owned(),
        "execute 'alter database ' || quote_ident(current_database()) || ' set session_preload_libraries = ''/tmp/x'''"
            .to_owned(),
    ];
    let blocks: String = attempts
        .iter()
        .map(|attempt| format!("begin {attempt}; exception when others then null; end;\n"))
        .collect();
    format!(
        "create or replace function attack() returns void language plpgsql as $attack$ begin {blocks} end $attack$;"
    )
}

struct Attack {
    stage: Stage,
    folder: tempfile::TempDir,
}

impl Attack {
    fn backed_up() -> Self {
        let (stage, folder) = (Stage::of(HARMLESS), open_folder());
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        let attack = attack(&folder.path().join("pwned"), stage.cluster.port());
        stage.cluster.psql(&stage.database, &attack);
        stage.back_up();
        Self { stage, folder }
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }
}

#[test]
fn the_attack_works_on_who_restores_as_superuser() {
    let attack = Attack::backed_up();
    let cluster = Cluster::start(None);
    let url = cluster.create_database("victim");
    attack
        .stage
        .run(["restore", "latest", "--to", &url, "--confirm", "victim"]);
    assert!(
        attack.files().contains(&"pwned.program".to_owned()),
        "{:?}",
        attack.files()
    );
}

#[test]
fn nothing_of_it_happens_on_a_server_of_its_own() {
    let attack = Attack::backed_up();
    assert_proven(&attack.stage.agent());
    assert_eq!(attack.files(), [""; 0]);
}

#[test]
fn nothing_of_it_happens_on_a_server_whose_superuser_is_named() {
    let attack = Attack::backed_up();
    assert_proven(&on_server(&attack.stage));
    assert_eq!(attack.files(), [""; 0]);
    let roles = attack
        .stage
        .cluster
        .psql("postgres", "select count(*) from pg_roles where rolname = 'more'");
    assert_eq!(roles, "0");
}

/// The server of a drill sees no secret of the agent.
#[test]
fn the_server_gets_no_secret_of_the_agent() {
    let stage = Stage::small();
    stage.back_up();
    let folder = open_folder();
    let seen = folder.path().join("seen");
    std::fs::write(&seen, "").unwrap();
    std::fs::set_permissions(&seen, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let script = format!("env >> '{}'\nexec \"$REAL\" \"$@\"", seen.display());
    let bin = super::programs(
        stage.cluster,
        folder.path(),
        &[("postgres", &script), ("initdb", &script)],
    );
    assert_proven(&stage.agent().without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin));
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("PATH="), "{seen}");
    for secret in ["PGCOFFER_", "AWS_", "PGPASSWORD", crate::stage::KEY] {
        assert!(!seen.contains(secret), "{secret} is in:\n{seen}");
    }
}

fn not_compared(report: &Value) -> String {
    assert_eq!(report["verdict"], "partly_proven", "{report:#}");
    findings(report, "not_compared")
}

#[test]
fn what_only_a_superuser_could_restore_is_named() {
    let stage = Stage::small();
    let name = unique("trigger");
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create function of_event() returns event_trigger language plpgsql as 'begin end';
             create event trigger {name} on ddl_command_end execute function of_event();
             create function in_c(internal) returns internal language internal strict as 'int4recv';"
        ),
    );
    stage.back_up();
    stage
        .cluster
        .psql(&stage.database, &format!("drop event trigger {name}"));
    let named = not_compared(&drilled(&stage.agent(), 9));
    assert!(named.contains(&format!("EVENT TRIGGER .{name}: ")), "{named}");
    assert!(named.contains("FUNCTION public.in_c(internal): "), "{named}");
}

/// What a server is hardened by: pg_dump writes it, and whoever restores without being superuser can't repeat it.
#[test]
fn privileges_of_what_every_server_has_are_named() {
    let stage = Stage::small();
    let reader = unique("reader");
    stage.cluster.psql(
        &stage.database,
        &format!(
            "create role {reader};
             revoke all on language plpgsql from public;
             revoke execute on function pg_catalog.pg_sleep(double precision) from public;
             revoke select on pg_catalog.pg_stat_activity from public;
             grant execute on function pg_catalog.pg_read_file(text) to {reader};
             grant select on pg_catalog.pg_authid to {reader};
             grant select (rolname) on pg_catalog.pg_authid to {reader};"
        ),
    );
    stage.back_up();
    let report = drilled(&stage.agent(), 0);
    let left_out = report["left_out"].as_array().unwrap();
    for what in [
        "LANGUAGE plpgsql",
        "FUNCTION pg_sleep(double precision)",
        "TABLE pg_stat_activity",
        "FUNCTION pg_read_file(text)",
        "TABLE pg_authid",
        "COLUMN pg_authid.rolname",
    ] {
        assert!(left_out.iter().any(|one| one["name"] == what), "{what}: {report:#}");
    }
    let remarks = report["remarks"].to_string();
    assert!(
        remarks.contains("REVOKE ALL ON LANGUAGE plpgsql FROM PUBLIC"),
        "{remarks}"
    );
}

#[test]
fn an_extension_that_reaches_other_servers_is_not_made() {
    let stage = Stage::small();
    stage.cluster.psql(
        &stage.database,
        "create extension dblink; create view remote as select * from dblink('dbname=postgres', 'select 1') as t (a int)",
    );
    stage.back_up();
    let named = not_compared(&drilled(&stage.agent(), 9));
    assert!(named.contains("EXTENSION .dblink: "), "{named}");
    assert!(named.contains("VIEW public.remote: "), "{named}");
}
