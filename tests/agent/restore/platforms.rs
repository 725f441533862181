//! Databases as platforms make them, restored by customers who are no superusers: into another of the same kind, and
//! elsewhere.

use serde_json::Value;

use crate::{
    stage::{Stage, Target, restore_args, unique},
    testbed::Outcome,
};

/// A database of a customer who owns it, with what a platform has put into it before, and what the customer did.
pub(crate) struct Home {
    pub(crate) stage: Stage,
    pub(crate) owner: String,
    /// What the platform's superuser runs in every new database; `OWNER` stands for the customer.
    platform: &'static str,
}

impl Home {
    pub(crate) fn of(platform: &'static str, app: &str) -> Self {
        let stage = Stage::of("");
        let owner = unique("customer");
        stage.cluster.psql("postgres", &format!("create role {owner} login"));
        let home = Self { stage, owner, platform };
        home.furnish(&home.stage.database, platform);
        home.as_owner(&home.stage.database, app);
        home
    }

    fn furnish(&self, database: &str, platform: &str) {
        let owner = &self.owner;
        let owned = format!("alter database {database} owner to {owner}; {platform}");
        self.stage.cluster.psql(database, &owned.replace("OWNER", owner));
    }

    pub(crate) fn as_owner(&self, database: &str, sql: &str) -> String {
        let owner = &self.owner;
        self.stage
            .cluster
            .psql(database, &format!("set session authorization {owner}; {sql}"))
    }

    pub(crate) fn back_up(&self) -> Value {
        let url = self.stage.cluster.url_as(&self.owner, None, &self.stage.database);
        let agent = self.stage.agent().env("PGCOFFER_DB_MAIN_URL", &url);
        agent.run(["backup", "--json"]).success().json()
    }

    /// A new database of the customer's on that platform, or on a plain server.
    pub(crate) fn target(&self, platform: &str) -> Target {
        let target = self.stage.target();
        self.furnish(&target.name, platform);
        Target {
            url: self.stage.cluster.url_as(&self.owner, None, &target.name),
            name: target.name,
        }
    }

    pub(crate) fn restore<'a>(&self, target: &'a Target, more: &[&'a str]) -> Outcome {
        let args = [&restore_args(target), more].concat();
        self.stage.run(args)
    }

    pub(crate) fn same_platform(&self) -> Target {
        self.target(self.platform)
    }

    /// Restores with `--json`, and compares what is asked of both.
    fn assert_comes_back(&self, target: &Target, more: &[&str], question: &str) -> Value {
        let report = self.restore(target, &[&["--json"], more].concat()).success().json();
        let cluster = self.stage.cluster;
        assert_eq!(
            cluster.psql(&target.name, question),
            cluster.psql(&self.stage.database, question)
        );
        report
    }
}

pub(crate) fn names(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap();
    list.iter()
        .map(|one| {
            let text = |field: &str| one[field].as_str().unwrap();
            format!("{} {}.{}", text("kind"), text("schema"), text("name"))
        })
        .collect()
}

/// As Heroku's databases are.
pub(crate) const HEROKU: &str = "
    create schema _heroku; create schema heroku_ext; alter schema heroku_ext owner to OWNER;
    create function _heroku.create_ext() returns event_trigger language plpgsql security definer as $$ begin null; end \
        $$;
    create function _heroku.validate_extension() returns event_trigger language plpgsql as $$ begin null; end $$;
    create function _heroku.extension_before_drop() returns event_trigger language plpgsql security definer as $$ \
        begin null; end $$;
    create event trigger log_create_ext on ddl_command_end when tag in ('CREATE EXTENSION') execute function \
        _heroku.create_ext();
    create event trigger validate_extension on ddl_command_end execute function _heroku.validate_extension();
    create event trigger extension_before_drop on ddl_command_start when tag in ('DROP EXTENSION') execute function \
        _heroku.extension_before_drop();
    create extension pg_stat_statements with schema public;
    alter schema public owner to OWNER; comment on schema public is '';";

const APP: &str = "
    create extension citext with schema heroku_ext; create extension pgcrypto; create extension hstore with schema \
        heroku_ext;
    create table users (id uuid default gen_random_uuid() primary key, email heroku_ext.citext unique, more \
        heroku_ext.hstore);
    insert into users (email, more) select 'u' || n, 'a=>1' from generate_series(1, 20) n;
    create view recent as select email from users; comment on table users is 'who';
    create function shout(text) returns text language sql immutable as 'select upper($1)'; create index on users \
        (shout(email::text));";

const USERS: &str =
    "select count(*), md5(string_agg(id::text || email::text || more::text, ',' order by id)) from users";

#[test]
fn a_heroku_database_is_restored_on_heroku_and_elsewhere_by_its_owner() {
    let home = Home::of(HEROKU, APP);
    home.back_up();
    for target in [home.same_platform(), home.target("alter schema public owner to OWNER")] {
        let report = home.assert_comes_back(&target, &[], USERS);
        assert_eq!(report["complete"], true, "{report:#}");
        let left_out = names(&report["left_out"]);
        for name in [
            "SCHEMA ._heroku",
            "FUNCTION _heroku.create_ext()",
            "EVENT TRIGGER .log_create_ext",
        ] {
            assert!(left_out.iter().any(|it| it == name), "{name}: {left_out:#?}");
        }
        assert!(left_out.iter().all(|name| !name.contains("users")), "{left_out:#?}");
        let made = "select count(*) from pg_indexes where tablename = 'users'";
        assert_eq!(home.stage.cluster.psql(&target.name, made), "3");
    }
}

#[test]
fn left_out_objects_are_shown_before_anything_changes() {
    let home = Home::of(HEROKU, APP);
    home.back_up();
    let target = home.same_platform();
    let shown = home.restore(&target, &["--preview"]).success();
    assert!(
        shown.text().contains("event trigger log_create_ext"),
        "{}",
        shown.text()
    );
    assert!(shown.text().contains("Heroku"), "{}", shown.text());
    let tables = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!(home.stage.cluster.psql(&target.name, tables), "0");
}

/// A platform that nobody has heard of: schemas with tables of its own, roles, triggers, functions of another owner.
const OTHER: &str = "
    do $$ begin create role plat_admin; exception when duplicate_object then null; end $$;
    do $$ begin create role visitor; exception when duplicate_object then null; end $$;
    create schema accounts; alter schema accounts owner to plat_admin; set role plat_admin;
    create table accounts.people (id int primary key, mail text, twice text generated always as (mail || mail) stored);
    create table accounts.schema_migrations (version text primary key); insert into accounts.schema_migrations values \
        ('1');
    create sequence accounts.numbers;
    create function accounts.me() returns int language sql stable as 'select 1';
    grant usage on schema accounts to OWNER; grant all on all tables in schema accounts to OWNER;
    grant all on all sequences in schema accounts to OWNER; reset role;
    create function accounts.watch() returns event_trigger language plpgsql as $$ begin null; end $$;
    create event trigger plat_watch on ddl_command_end execute function accounts.watch();
    create schema tools; grant usage, create on schema tools to OWNER; create extension pgcrypto schema tools;
    create extension pg_buffercache; grant all on schema public to OWNER;";

const NOTES: &str = "
    insert into accounts.people values (1, 'a@b'), (2, 'c@d'); select setval('accounts.numbers', 42);
    create table notes (id int primary key, who int references accounts.people, body text); insert into notes values \
        (1, 1, 'x'), (2, 2, 'y');
    create function greet() returns trigger language plpgsql as $$ begin return new; end $$;
    create trigger greeting after insert on accounts.people for each row execute function greet();
    alter table notes enable row level security; create policy own on notes for select to visitor using (who = \
        accounts.me());";

const NOTES_AND_PEOPLE: &str = "
    select (select string_agg(n::text, ';' order by id) from notes n), (select string_agg(p::text, ';' order by id) \
        from accounts.people p),
           (select last_value from accounts.numbers), (select count(*) from pg_policies), (select count(*) from \
               pg_trigger where tgname = 'greeting'),
           (select count(*) from pg_constraint where conrelid = 'notes'::regclass)";

#[test]
fn rows_of_an_unknown_platform_s_tables_are_restored_into_its_own_tables() {
    let home = Home::of(OTHER, NOTES);
    home.back_up();
    let report = home.assert_comes_back(&home.same_platform(), &[], NOTES_AND_PEOPLE);
    assert_eq!(report["complete"], true, "{report:#}");
    let left_out = names(&report["left_out"]);
    let rows_left: Vec<_> = left_out.iter().filter(|name| name.starts_with("TABLE DATA")).collect();
    assert_eq!(rows_left, ["TABLE DATA accounts.schema_migrations"]);
}

#[test]
fn clean_replaces_the_customer_s_objects_and_keeps_the_platform_s() {
    let home = Home::of(OTHER, NOTES);
    home.back_up();
    let target = home.same_platform();
    home.restore(&target, &[]).success();
    let cluster = home.stage.cluster;
    let wanted = cluster.psql(&home.stage.database, NOTES_AND_PEOPLE);
    assert_eq!(cluster.psql(&target.name, NOTES_AND_PEOPLE), wanted);
    home.as_owner(
        &target.name,
        "delete from notes where id = 1; alter table notes add more int; create table since (a int)",
    );
    let outcome = home.restore(&target, &["--clean"]).ended_with(9);
    // the platform's rows are as they are now, and need not be those that keys refer to
    for words in [
        "missing: table data accounts.people: the target's own already has rows",
        "missing: fk constraint notes_who_fkey on public.notes: rows that it refers to are not restored",
    ] {
        assert!(outcome.text().contains(words), "{words}: {}", outcome.text());
    }
    let but_the_key = format!("{}1", &wanted[..wanted.len() - 1]);
    assert_eq!(cluster.psql(&target.name, NOTES_AND_PEOPLE), but_the_key);
    let since = "select count(*) from pg_tables where tablename = 'since'";
    assert_eq!(cluster.psql(&target.name, since), "1");
}

#[test]
fn a_platform_s_database_is_restored_on_a_plain_server_except_for_what_needs_a_superuser() {
    let home = Home::of(OTHER, NOTES);
    home.back_up();
    let target = home.target("alter schema public owner to OWNER");
    let outcome = home.restore(&target, &["--json"]).ended_with(9);
    let report = outcome.json();
    assert_eq!(report["complete"], false);
    let missing: Vec<_> = report["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["missing"] == true)
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(missing, ["plat_watch"], "{report:#}");
    let cluster = home.stage.cluster;
    assert_eq!(
        cluster.psql(&target.name, NOTES_AND_PEOPLE),
        cluster.psql(&home.stage.database, NOTES_AND_PEOPLE)
    );
    let file = std::fs::read_to_string(home.stage.file(report["statements"].as_str().unwrap())).unwrap();
    assert!(file.contains("CREATE EVENT TRIGGER plat_watch"), "{file}");
}

#[test]
fn event_triggers_and_publications_of_all_tables_are_named_and_the_rest_is_restored() {
    let stage = Stage::backed_up(
        "create table t (a int primary key); insert into t values (1), (2);
         create function watch() returns event_trigger language plpgsql as $$ begin end $$;
         create event trigger watching on ddl_command_end execute function watch();
         create publication everything for all tables; create publication one for table t;",
    );
    let (_, target) = stage.customers_target("");
    let outcome = stage.restore(&target).ended_with(9);
    for word in [
        "event trigger watching",
        "publication everything",
        "has no right to create it",
    ] {
        assert!(outcome.text().contains(word), "{word}: {}", outcome.text());
    }
    let there = "select (select count(*) from t), (select string_agg(pubname, ',') from pg_publication), (select \
        count(*) from pg_event_trigger)";
    assert_eq!(stage.cluster.psql(&target.name, there), "2|one|0");
    // who asks for it gets the same, and hears of nothing missing
    let plain = Target {
        url: target.url.clone(),
        name: target.name.clone(),
    };
    stage
        .cluster
        .psql(&target.name, "drop table t; drop function watch; drop publication one");
    let asked = [
        "--leave-out",
        "event-trigger:watching",
        "--leave-out",
        "publication:every*",
    ];
    stage.restore_with(&plain, asked).success();
    assert_eq!(stage.cluster.psql(&target.name, there), "2|one|0");
}

/// The list of the page that people read at night, as it stands there.
fn list_by_hand() -> &'static str {
    let page = include_str!("../../../docs/recovery.md");
    let line = page
        .lines()
        .find(|line| line.starts_with("pg_restore --list shop.dump"));
    line.expect("the page has it")
}

#[test]
fn the_page_s_list_restores_a_heroku_database_by_hand() {
    let home = Home::of(HEROKU, APP);
    home.back_up();
    home.stage.fetch("shop.dump");
    for (target, more) in [
        (home.target("alter schema public owner to OWNER"), ""),
        (
            home.same_platform(),
            " && grep -v ' SCHEMA - heroku_ext ' wanted.txt > w && mv w wanted.txt",
        ),
    ] {
        let steps = format!(
            "set -e; {}{more}\npg_restore --no-owner --no-acl --exit-on-error --use-list wanted.txt --dbname '{}' \
             shop.dump",
            list_by_hand(),
            target.url
        );
        let path = std::env::join_paths(
            std::iter::once(home.stage.cluster.bin().to_owned())
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let done = std::process::Command::new("sh")
            .args(["-c", &steps])
            .env("PATH", path.unwrap())
            .current_dir(home.stage.file(""))
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let cluster = home.stage.cluster;
        assert_eq!(
            cluster.psql(&target.name, USERS),
            cluster.psql(&home.stage.database, USERS)
        );
    }
}
