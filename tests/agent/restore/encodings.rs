//! Databases of other encodings than UTF-8, whose names a dump holds in theirs.

use crate::{
    stage::{SMALL, Stage, Target, restore_args, unique},
    testbed::{Cluster, S3Server},
};

/// `NAME` is `größe`, `名前` or the like.
const MADE: &str = r#"
    create schema "NAME"; create type "NAME"."k_NAME" as enum ('NAME', 'b'); create table "NAME"."t_NAME" ("c_NAME" "NAME"."k_NAME" primary key, n int);
    insert into "NAME"."t_NAME" values ('NAME', 1); create view "v_NAME" as select * from "NAME"."t_NAME"; create table plain (a int);
    create function "f_NAME"("x_NAME" int) returns int language sql immutable as 'select 1 /* NAME */'; create table "u_NAME" (a int check ("f_NAME"(a) > 0));
    create publication "p_NAME" for table "u_NAME"; comment on table "u_NAME" is 'NAME'; alter table "u_NAME" enable row level security;
    create policy "y_NAME" on "u_NAME" using (a > 0);"#;

const DIGEST: &str = r#"select string_agg(n.nspname || '.' || c.relname || coalesce(obj_description(c.oid), ''), ' ' order by n.nspname::bytea, c.relname::bytea), (select string_agg(polname, ',') from pg_policy),
    (select count(*) from pg_publication_tables)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind <> 'i'"#;

fn database(cluster: &Cluster, encoding: &str) -> Target {
    let name = unique("encoded");
    cluster.psql(
        "postgres",
        &format!("create database {name} template template0 encoding '{encoding}' locale 'C'"),
    );
    Target {
        url: cluster.url(&name),
        name,
    }
}

struct Scene {
    stage: Stage,
    bucket: S3Server,
    source: Target,
    name: &'static str,
}

impl Scene {
    fn of(encoding: &str, name: &'static str) -> Self {
        let stage = Stage::of(SMALL);
        let scene = Self {
            source: database(stage.cluster, encoding),
            bucket: S3Server::start(),
            stage,
            name,
        };
        scene.sql(&scene.source, &MADE.replace("NAME", name));
        scene.run(&["backup"]).success();
        scene
    }

    fn run(&self, args: &[&str]) -> crate::testbed::Outcome {
        let agent = self.stage.agent().s3(&self.bucket);
        agent
            .env("PGCOFFER_DB_MAIN_URL", &self.source.url)
            .run(args.iter().copied())
    }

    fn restore(&self, target: &Target, more: &[&str]) -> crate::testbed::Outcome {
        self.run(&[&restore_args(target), more].concat())
    }

    fn sql(&self, target: &Target, sql: &str) -> String {
        let sql = format!("set client_encoding = 'UTF8'; {sql}");
        self.stage.cluster.psql(&target.name, &sql)
    }

    /// Replaced over itself, and in a database of this encoding.
    fn comes_back(&self, elsewhere: &str) {
        let name = self.name;
        let before = self.sql(&self.source, DIGEST);
        let since = format!(
            r#"drop policy "y_{name}" on "u_{name}"; insert into "{name}"."t_{name}" values ('b', 2); comment on table "u_{name}" is null"#
        );
        for more in [&["--clean"][..], &["--clean", "--no-single-transaction"]] {
            self.sql(&self.source, &since);
            self.restore(&self.source, more).success();
            assert_eq!(self.sql(&self.source, DIGEST), before);
            let rows = format!(r#"select count(*) from "{name}"."t_{name}""#);
            assert_eq!(self.sql(&self.source, &rows), "1");
        }
        let target = database(self.stage.cluster, elsewhere);
        let report = self.restore(&target, &["--json"]).success().json();
        assert_eq!(report["rows"], 1, "{report:#}");
        self.restore(&target, &["--clean"]).success();
        assert_eq!(self.sql(&target, DIGEST), before);
        // what depends on it is seen, by its name
        let later = format!(r#"create view "w_{name}" as select * from "v_{name}""#);
        self.sql(&target, &later);
        let said = self.restore(&target, &["--clean"]).ended_with(3).stderr;
        assert!(said.contains(&format!("view public.w_{name}")), "{said}");
        // and chosen by its name
        let target = database(self.stage.cluster, elsewhere);
        let only = format!("table:{name}.t_{name}");
        self.restore(&target, &["--only", &only]).success();
    }
}

#[test]
fn clean_replaces_objects_with_latin1_names() {
    Scene::of("LATIN1", "größe").comes_back("UTF8");
    Scene::of("LATIN9", "çœur").comes_back("LATIN9");
}

#[test]
fn latin1_names_that_are_valid_utf8_are_decoded_as_latin1() {
    // the bytes of this in LATIN1 are those of ä in UTF-8
    Scene::of("LATIN1", "Ã¤").comes_back("UTF8");
}

#[test]
fn clean_replaces_objects_with_japanese_and_russian_names() {
    Scene::of("EUC_JP", "名前").comes_back("UTF8");
    Scene::of("KOI8R", "имя").comes_back("WIN1251");
}

/// Roles belong to the whole server: one of a database in UTF-8 has bytes that are nothing in another's encoding.
#[test]
fn a_role_name_in_another_encoding_prevents_nothing() {
    let scene = Scene::of("EUC_JP", "名前");
    // U+202E is no character of EUC_JP, and an owner there has a name of its own encoding
    let role = format!("gr\u{f6}\u{df}e\u{202e}{}", unique("role"));
    let owner = format!("持主{}", unique("owner"));
    scene.stage.cluster.psql("postgres", &format!("create role \"{role}\""));
    let owned = format!("create role \"{owner}\"; alter table plain owner to \"{owner}\"");
    scene.sql(&scene.source, &owned);
    scene.run(&["check"]).success();
    scene.run(&["backup"]).success();
    scene.restore(&scene.source, &["--clean", "--keep-owner"]).success();
    let is_kept = format!("select tableowner = '{owner}' from pg_tables where tablename = 'plain'");
    assert_eq!(scene.sql(&scene.source, &is_kept), "t");
    scene.sql(
        &scene.source,
        &format!("drop owned by \"{owner}\"; drop role \"{owner}\""),
    );
    scene.stage.cluster.psql("postgres", &format!("drop role \"{role}\""));
}

#[test]
fn utf8_is_restored_into_latin1_or_refused_before_anything_changes() {
    let scene = Scene::of("EUC_JP", "名前");
    let target = database(scene.stage.cluster, "LATIN1");
    let said = scene.restore(&target, &[]).ended_with(3).stderr;
    assert!(said.contains("EUC_JP") && said.contains("was not touched"), "{said}");
    let tables = "select count(*) from pg_tables where schemaname = 'public'";
    assert_eq!(scene.sql(&target, tables), "0");
}

/// Two tables that differ in a byte which is no UTF-8.
const BYTES: &str = r#"do $do$ declare n text := E'na\xefve'; m text := E'na\xeeve'; begin
    execute format('create table %I (a text primary key); create table %I (a text)', n, m); execute format('insert into %I values (E''\xe9'')', n);
    execute format('create view %I as select * from %I', E'v\xff', n); end $do$;"#;

#[test]
fn clean_replaces_names_without_an_encoding_as_bytes() {
    let stage = Stage::of(SMALL);
    let source = database(stage.cluster, "SQL_ASCII");
    stage.cluster.psql(&source.name, BYTES);
    let agent = || stage.agent().env("PGCOFFER_DB_MAIN_URL", &source.url);
    agent().run(["backup"]).success();
    let digest = "select string_agg(encode(relname::bytea, 'hex'), ' ' order by relname::bytea), (select \
        sum(n_live_tup) * 0 from pg_stat_user_tables) from pg_class where relnamespace = 'public'::regnamespace";
    let before = stage.cluster.psql(&source.name, digest);
    for more in ["--clean", "--no-single-transaction"] {
        let args = [&restore_args(&source)[..], &["--clean", more]].concat();
        let args: Vec<&str> = args
            .into_iter()
            .enumerate()
            .filter(|(at, arg)| *at < 7 || *arg != "--clean")
            .map(|(_, arg)| arg)
            .collect();
        agent().run(args).success();
        assert_eq!(stage.cluster.psql(&source.name, digest), before);
    }
    stage.cluster.psql(
        &source.name,
        r#"do $do$ begin execute format('create view %I as select * from %I', E'later\xfe', E'v\xff'); end $do$"#,
    );
    let said = agent()
        .run([&restore_args(&source)[..], &["--clean"]].concat())
        .ended_with(3)
        .stderr;
    assert!(said.contains(r"later\xfe"), "{said}");
    // UTF-8 has no way to write them
    let target = stage.target();
    let said = agent().run(restore_args(&target)).ended_with(3).stderr;
    assert!(said.contains("SQL_ASCII") && said.contains("was not touched"), "{said}");
}
