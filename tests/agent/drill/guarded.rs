//! What a drill never drops, never trusts and never runs with.

use super::{
    assert_proven, drilled, left_on, open_folder,
    reserved::{assert_emptied, in_reserved, refused, waiting},
};
use crate::{
    stage::{SMALL, Stage, Target, unique, wait_until},
    testbed::{Agent, Cluster, ClusterOptions},
};

/// Everything that emptying would drop counts, also where a restore would not meet it.
#[test]
fn nothing_that_would_be_dropped_is_overlooked() {
    let stage = Stage::backed_up(SMALL);
    for (make, named) in [
        (
            "create schema heroku_ext; create table heroku_ext.precious (x int)",
            "heroku_ext.precious",
        ),
        (
            "create schema _heroku; create function _heroku.important() returns int language sql as 'select 1'",
            "_heroku.important()",
        ),
        ("create publication precious", "publication precious"),
        (
            "create server precious foreign data wrapper postgres_fdw; create user mapping for current_user server precious",
            "server precious",
        ),
    ] {
        let (role, target) = stage.customers_target("");
        let cluster = stage.cluster;
        cluster.psql(
            &target.name,
            &format!("create extension postgres_fdw; grant usage on foreign data wrapper postgres_fdw to {role}"),
        );
        cluster.psql(&target.name, &format!("set session authorization {role}; {make}"));
        let outcome = refused(&in_reserved(&stage, &target), "this one isn't empty: it has");
        assert!(outcome.stderr.contains(named), "{named}:\n{}", outcome.stderr);
        let marks = "select count(*) from pg_namespace where nspname = 'pgcoffer_drill'";
        assert_eq!(cluster.psql(&target.name, marks), "0");
    }
}

/// A drill that has restored into a reserved database and was killed, when nobody is connected any more. Meanwhile this
/// was run there by the superuser.
fn kill_in(agent: &Agent, cluster: &Cluster, target: &Target, meanwhile: &str) {
    let folder = open_folder();
    let (bin, reached) = waiting(cluster, folder.path(), &target.name);
    let agent = agent.clone().without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin);
    let running = agent.spawn(["drill"]);
    wait_until("the drill compares", || reached.exists());
    cluster.psql(&target.name, meanwhile);
    running.signal("KILL");
    running.wait();
    wait_until("nobody is connected", || {
        let count = format!(
            "select count(*) from pg_stat_activity where datname = '{}'",
            target.name
        );
        cluster.psql("postgres", &count) == "0"
    });
}

#[test]
fn what_others_have_made_of_restored_types_is_never_dropped_along() {
    let stage = Stage::backed_up(SMALL);
    let (_, target) = stage.customers_target("");
    let agent = in_reserved(&stage, &target);
    let cluster = stage.cluster;
    let make = "create schema adm; create table adm.data (a int, v public.people); insert into adm.data values (1)";
    kill_in(&agent, cluster, &target, make);
    let outcome = refused(&agent, "emptying it would drop what belongs to other roles");
    assert!(
        outcome.stderr.contains("column v of table adm.data"),
        "{}",
        outcome.stderr
    );
    assert_eq!(
        cluster.psql(&target.name, "select count(v) || ' ' || count(a) from adm.data"),
        "0 1"
    );
    assert_eq!(cluster.psql(&target.name, "select count(*) from people"), "500");
    cluster.psql(&target.name, "drop schema adm cascade");
    drilled(&agent, 0);
    assert_emptied(cluster, &target.name);
}

#[test]
fn a_role_with_rights_beyond_the_drill_is_refused_on_both_grounds() {
    let stage = Stage::backed_up(SMALL);
    let cluster = stage.cluster;
    let between = unique("between");
    cluster.psql(
        "postgres",
        &format!("create role {between}; grant pg_read_server_files to {between}"),
    );
    for (give, named) in [
        ("grant pg_execute_server_program to ROLE", "pg_execute_server_program"),
        ("grant BETWEEN to ROLE", "pg_read_server_files"),
        (
            "alter role ROLE noinherit; grant pg_write_server_files to ROLE",
            "pg_write_server_files",
        ),
        ("grant postgres to ROLE", "a member of postgres, which has SUPERUSER"),
        ("alter role ROLE createrole", "it has CREATEROLE"),
        ("alter role ROLE replication", "it has REPLICATION"),
        ("alter role ROLE bypassrls", "it has BYPASSRLS"),
        ("create database ROLE owner ROLE", "it owns the database"),
    ] {
        for more in ["", "alter role ROLE createdb"] {
            let (role, target) = stage.customers_target("");
            if !more.is_empty() {
                cluster.psql("postgres", &format!("alter database {} owner to postgres", target.name));
            }
            for sql in [give, more].iter().filter(|sql| !sql.is_empty()) {
                cluster.psql("postgres", &sql.replace("ROLE", &role).replace("BETWEEN", &between));
            }
            let agent = in_reserved(&stage, &target);
            let outcome = refused(&agent, "the role may do more than that needs");
            assert!(outcome.stderr.contains(named), "{named}:\n{}", outcome.stderr);
            let checked = agent.run(["check"]);
            assert!(checked.text().contains("the role may do more"), "{}", checked.text());
            assert_ne!(checked.code(), 0);
        }
    }
}

#[test]
fn check_fails_where_the_database_for_drills_is_backed_up_or_a_name_is_mistyped() {
    let stage = Stage::backed_up(SMALL);
    let (_, target) = stage.customers_target("");
    let agent = in_reserved(&stage, &target).env("PGCOFFER_DB_OTHER_URL", &target.url);
    let checked = agent.run(["check"]);
    assert!(
        checked.text().contains("it is the database other, which is backed up"),
        "{}",
        checked.text()
    );
    assert_ne!(checked.code(), 0);
    let agent = in_reserved(&stage, &target).env("PGCOFFER_DB_MIAN_DRILL", "weekly on sunday at 04:00");
    let checked = agent.run(["check"]);
    assert!(
        checked.text().contains("mian has a setting for drills"),
        "{}",
        checked.text()
    );
    assert_ne!(checked.code(), 0);
}

/// A fork has the same identity and the same mark. What somebody has put into it since is his.
#[test]
fn a_fork_of_a_database_in_use_is_never_emptied() {
    let stage = Stage::backed_up(SMALL);
    let cluster = Cluster::start(None);
    let role = unique("customer");
    let name = unique("scratch");
    cluster.create_database(&name);
    cluster.psql(
        &name,
        &format!(
            "create role {role} login; alter database {name} owner to {role}; alter schema public owner to {role}"
        ),
    );
    let at = |cluster: &Cluster| Target {
        url: cluster.url_as(&role, None, &name),
        name: name.clone(),
    };
    kill_in(&in_reserved(&stage, &at(&cluster)), &cluster, &at(&cluster), "select 1");
    let fork = cluster.standby();
    fork.psql("postgres", "select pg_promote()");
    fork.psql(
        &name,
        &format!("set session authorization {role}; create table precious as select 1 as one"),
    );
    let outcome = refused(&in_reserved(&stage, &at(&fork)), "its server can't prove which");
    assert!(outcome.stderr.contains("people"), "{}", outcome.stderr);
    assert_eq!(fork.psql(&name, "select one from precious"), "1");
    // the very server is emptied
    drilled(&in_reserved(&stage, &at(&cluster)), 0);
    assert_emptied(&cluster, &name);
}

#[test]
fn where_a_server_hides_its_identity_nothing_in_use_is_emptied() {
    let stage = Stage::backed_up(SMALL);
    let (_, target) = stage.customers_target("");
    stage
        .cluster
        .psql(&target.name, "revoke execute on function pg_control_system from public");
    let agent = in_reserved(&stage, &target);
    kill_in(&agent, stage.cluster, &target, "select 1");
    refused(&agent, "its server can't prove which");
    assert_eq!(stage.cluster.psql(&target.name, "select count(*) from people"), "500");
}

/// However old its marks look: a clock can be wrong, and a drill can take days.
#[test]
fn the_database_of_a_living_drill_is_never_dropped() {
    let stage = Stage::backed_up(SMALL);
    let cluster = Cluster::start(None);
    let agent = stage.agent().env("PGCOFFER_SCRATCH_URL", cluster.url("postgres"));
    let folder = open_folder();
    let (bin, reached) = super::left::waiting(&cluster, folder.path());
    let slow = agent.clone().without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", bin);
    let running = slow.spawn(["drill"]);
    wait_until("the drill compares", || reached.exists());
    let names = "select datname from pg_database where datname like 'pgcoffer_drill%'";
    let name = cluster.psql("postgres", names);
    let comment = cluster.psql(
        "postgres",
        &format!("select shobj_description(oid, 'pg_database') from pg_database where datname = '{name}'"),
    );
    let old = comment
        .rsplit_once(' ')
        .map(|(start, _)| format!("{start} 1000"))
        .unwrap();
    // between two steps of a drill, no session is in the database
    let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    let mark = format!("comment on database {name} is '{old}'; comment on role {name} is '{old}'");
    cluster.psql("postgres", &format!("{mark}; {end}"));
    assert_proven(&agent);
    assert_eq!(cluster.psql("postgres", names), name);
    running.signal("KILL");
    running.wait();
    // without its mark the database is nobody's of ours, whatever its role says
    wait_until("its lock is gone", || {
        cluster.psql("postgres", "select count(*) from pg_locks where locktype = 'advisory'") == "0"
    });
    cluster.psql("postgres", &format!("comment on database {name} is null"));
    assert_proven(&agent);
    assert_eq!(left_on(&cluster).lines().collect::<Vec<_>>(), [&name, &name]);
    cluster.psql("postgres", &mark);
    assert_proven(&agent);
    assert_eq!(left_on(&cluster), "");
}

/// Nobody can set the old password again, so it is said.
#[test]
fn a_password_that_restored_code_has_changed_is_told() {
    let stage = Stage::of(
        "create table victims (id int); insert into victims values (1);
         create function attack() returns void language plpgsql as 'begin end';
         create function evil(int) returns int language plpgsql immutable as 'begin perform public.attack(); return $1; \
         end'; create index at_restore on victims (evil(id));",
    );
    stage.cluster.psql(
        &stage.database,
        "create or replace function attack() returns void language plpgsql as $f$ begin
           alter role current_user password 'evil'; exception when others then null; end $f$",
    );
    stage.back_up();
    let cluster = Cluster::start_with(ClusterOptions {
        password: Some("of the superuser".to_owned()),
        ..ClusterOptions::default()
    });
    let name = unique("scratch");
    cluster.create_database(&name);
    for attributes in ["", "createdb"] {
        let role = unique("customer");
        let make = format!("create role {role} login {attributes} password 'of the customer'");
        cluster.psql("postgres", &make);
        if attributes.is_empty() {
            let own = format!("alter database {name} owner to {role}; alter schema public owner to {role}");
            cluster.psql(&name, &own);
        }
        let url = cluster.url_as(&role, Some("of the customer"), &name);
        let outcome = stage.agent().env("PGCOFFER_SCRATCH_URL", url).run(["drill", "latest"]);
        let told = "the login of PGCOFFER_SCRATCH_URL is refused since this drill";
        assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
        assert_ne!(outcome.code(), 0);
        assert_eq!(left_on(&cluster), "");
    }
}
