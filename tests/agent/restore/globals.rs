//! Roles, memberships and settings: kept in the details, printed as SQL, used by a restore that creates roles.

use std::process::Command;

use serde_json::Value;

use crate::{
    stage::{Stage, unique},
    testbed::Cluster,
};

/// A server of its own, as roles are the server's: a group, a login that is a member of it, settings, and a table whose
/// policy names both.
fn stage() -> Stage {
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(None)));
    let stage = Stage::at(cluster, "");
    let database = stage.database.clone();
    cluster.psql(
        &database,
        &format!(
            "create role readers nologin noinherit; create role app login createdb connection limit 5 password 'secret-1';
             create role \"od\"\"d\" nologin; create role boss superuser login bypassrls valid until '2040-01-01';
             grant readers to app with admin option; grant \"od\"\"d\" to readers; grant pg_read_all_data to app;
             comment on role app is E'it''s\\n\\\\! touch /tmp/pwned';
             alter role readers set search_path = \"$user\", public, \"A, b\";
             alter role app in database {database} set work_mem = '7MB';
             alter database {database} set search_path = E'it''s\\n\\\\! touch /tmp/pwned';
             create role dba nologin; grant dba to app; grant postgres to app; alter role dba set work_mem = '9MB';
             alter role readers set session_preload_libraries = 'auto_explain'; alter role readers set log_statement = 'none';
             create table notes (a int); alter table notes enable row level security;
             create policy p on notes to readers, app, \"od\"\"d\" using (true); insert into notes values (1);"
        ),
    );
    stage
}

fn globals_sql(stage: &Stage) -> String {
    String::from_utf8(stage.run(["show", "latest", "--globals"]).success().stdout).unwrap()
}

/// Roles, memberships and settings of a server, but for what its tests make.
fn of_server(cluster: &Cluster) -> String {
    cluster.psql(
        "postgres",
        "select rolname, rolinherit, rolcanlogin, rolsuper, rolbypassrls, rolconnlimit, shobj_description(oid, \
         'pg_authid') from pg_roles where rolname !~ '^(pg_|postgres)' order by 1;
         select r.rolname, m.rolname, admin_option from pg_auth_members join pg_roles r on r.oid = roleid join pg_roles \
         m on m.oid = member where r.rolname !~ '^pg_' order by 1, 2;
         select r.rolname, d.datname, setconfig from pg_db_role_setting left join pg_roles r on r.oid = setrole left \
         join pg_database d on d.oid = setdatabase order by 1, 2",
    )
}

#[test]
fn the_printed_sql_makes_roles_again_without_any_power() {
    let stage = stage();
    stage.back_up();
    let sql = globals_sql(&stage);
    assert!(!sql.contains("secret-1"), "{sql}");
    assert!(
        sql.contains("-- it was more: ALTER ROLE \"boss\" SUPERUSER LOGIN BYPASSRLS"),
        "{sql}"
    );
    assert!(
        sql.contains("-- it was more: ALTER ROLE \"app\" CREATEDB LOGIN CONNECTION LIMIT 5;"),
        "{sql}"
    );
    assert!(sql.contains("-- GRANT \"pg_read_all_data\" TO \"app\";"), "{sql}");
    let other = Cluster::start(None);
    other.create_database(&stage.database);
    // a role of that name is powerful here, and harmless where the backup comes from
    other.psql("postgres", "create role dba superuser");
    let file = stage.file("globals.sql");
    std::fs::write(&file, &sql).unwrap();
    let run = Command::new(other.bin().join("psql"))
        .args(["--no-psqlrc", "--quiet", "-f"])
        .arg(&file)
        .arg(other.url("postgres"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    // the superuser itself is there, and that role; nothing else fails but what concerns them
    let errors = said
        .lines()
        .filter(|line| line.contains("ERROR") && !line.contains("transaction is aborted"));
    let errors: Vec<&str> = errors.collect();
    assert_eq!(errors.len(), 2, "{said}");
    assert!(
        errors
            .iter()
            .any(|line| line.contains("role \"postgres\" already exists")),
        "{said}"
    );
    let members = "select count(*) from pg_auth_members a join pg_roles r on r.oid = a.roleid where r.rolsuper";
    assert_eq!(other.psql("postgres", members), "0");
    let powers = "select count(*) from pg_roles where rolname !~ '^(pg_|postgres|dba)' and (rolcanlogin or rolsuper or \
                  rolbypassrls or rolcreatedb or rolcreaterole or rolreplication)";
    assert_eq!(other.psql("postgres", powers), "0");
    let settings = "select s from pg_db_role_setting left join pg_roles r on r.oid = setrole, unnest(setconfig) s where \
                    r.rolname is distinct from 'dba' and s !~ '^(session_preload|log_statement)' order by 1";
    assert_eq!(
        other.psql("postgres", settings),
        stage.cluster.psql("postgres", settings)
    );
    let all = other.psql("postgres", "select setconfig from pg_db_role_setting");
    assert!(
        !all.contains("session_preload") && !all.contains("log_statement") && !all.contains("9MB"),
        "{all}"
    );
    let made = of_server(&other);
    for line in [
        "readers|f|f|f|f|-1|",
        "od\"d|t|f|f|f|-1|",
        "readers|app|f",
        "od\"d|readers|f",
    ] {
        assert!(made.lines().any(|found| found == line), "{line}:\n{made}");
    }
}

#[test]
fn a_restore_that_creates_roles_gives_them_their_memberships_and_settings() {
    let stage = stage();
    stage.back_up();
    let other = Cluster::start(None);
    let name = unique("target");
    let url = other.create_database(&name);
    other.psql("postgres", "create role app nologin");
    let args = [
        "restore",
        "latest",
        "--to",
        &url,
        "--confirm",
        &name,
        "--roles",
        "create",
    ];
    let outcome = stage.run(args).success();
    assert!(outcome.text().contains("show ID --globals"), "{}", outcome.text());
    let said = format!("{}{}", outcome.text(), outcome.stderr);
    assert!(
        said.contains("session_preload_libraries of readers may give it a right"),
        "{said}"
    );
    let made = of_server(&other);
    // app was there before: it gets nothing
    for line in ["app|t|f|f|f|-1|", "readers|f|f|f|f|-1|", "od\"d|readers|f"] {
        assert!(made.lines().any(|found| found == line), "{line}:\n{made}");
    }
    assert!(!made.contains("readers|app"), "{made}");
    assert!(
        made.contains(r#"readers||{"search_path=\"$user\", public, \"A, b\""}"#),
        "{made}"
    );
    assert!(!made.contains("work_mem") && !made.contains("boss"), "{made}");
}

#[test]
fn the_details_have_them_and_show_prints_them_only_when_asked() {
    let stage = stage();
    stage.back_up();
    let shown = stage.run(["show", "latest", "--json"]).success().json();
    assert!(shown["globals"].is_null(), "{shown:#}");
    let asked: Value = stage.run(["show", "latest", "--globals", "--json"]).success().json();
    let roles = asked["globals"]["roles"].as_array().unwrap();
    let app = roles.iter().find(|role| role["name"] == "app").unwrap();
    assert_eq!((&app["login"], &app["connection_limit"]), (&true.into(), &5.into()));
    assert!(!asked.to_string().contains("secret-1"));
}

#[test]
fn diff_tells_of_roles_that_changed() {
    let stage = stage();
    stage.back_up();
    crate::stage::next_second();
    let database = &stage.database;
    stage.cluster.psql(
        database,
        &format!(
            "alter role app superuser; revoke readers from app; drop role boss; create role late;
             alter role readers set search_path = public; alter database {database} set work_mem = '9MB'"
        ),
    );
    stage.back_up();
    let ids = stage.records();
    let (from, to) = (ids[1]["id"].as_str().unwrap(), ids[0]["id"].as_str().unwrap());
    let outcome = stage.run(["diff", from, to]).success();
    let text = outcome.text();
    for words in [
        "Role app: SUPERUSER CREATEDB LOGIN CONNECTION LIMIT 5; member of dba, pg_read_all_data, postgres; settings work_mem, before \
         CREATEDB LOGIN CONNECTION LIMIT 5; member of dba, pg_read_all_data, postgres, readers; settings work_mem",
        "Role boss is gone: it was SUPERUSER LOGIN BYPASSRLS VALID UNTIL 2040-01-01 00:00:00+00",
        "Role late is new: no login",
        "Role readers has other values of its settings",
        "Settings of the database changed: work_mem",
    ] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
    let json = stage.run(["diff", from, to, "--json"]).success().json();
    assert_eq!(json["roles"].as_array().unwrap().len(), 4, "{json:#}");
    assert_eq!(json["settings"], serde_json::json!(["work_mem"]));
}

/// An ordinary role may read all that is kept.
#[test]
fn a_role_without_rights_reads_them_too() {
    let stage = stage();
    let database = &stage.database;
    stage.cluster.psql(
        database,
        "create role plain login; grant select on public.notes to plain; alter role plain bypassrls",
    );
    let url = stage.cluster.url_as("plain", None, database);
    stage.agent().env("PGCOFFER_DB_MAIN_URL", url).run(["backup"]).success();
    assert!(globals_sql(&stage).contains("CREATE ROLE \"readers\" NOLOGIN NOINHERIT;"));
}
