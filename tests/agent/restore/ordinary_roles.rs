//! Whatever an ordinary role may make is tried before anything is touched, and comes back whole.

use crate::stage::{Stage, restore_args};

/// All that an ordinary role may make, tied together in every way that pg_dump has to cut.
const ORDINARY: &str = r#"
    create schema a; create schema "B b"; create type a.mood as enum ('sad', 'ok'); create type a.pair as (x int, y text);
    create domain a.pos as int check (value > 0) default 7; create domain a.pairs as a.pair check ((value).x > 0);
    create type a.span as range (subtype = float8, subtype_diff = float8mi); create collation "B b".de (provider = icu, locale = 'de-u-kn');
    create table a.t (id int generated always as identity primary key, m a.mood default 'ok', p a.pos, s a.span, pr a.pair, n text collate "B b".de, g int generated always as (1 + 1) stored, big text compression pglz);
    insert into a.t (m, p, s, pr, n) select 'ok'::a.mood, n, '[1,2)'::a.span, (n, 'y')::a.pair, 'n' || n from generate_series(1, 9) n;
    alter table a.t alter big set storage external, alter n set statistics 77; alter table a.t replica identity full;
    create table "B b"."T t" (id serial primary key, t int references a.t on delete cascade deferrable initially deferred, "when" timestamptz default now(), check (t > 0) no inherit);
    insert into "B b"."T t" (t) values (1), (2); alter table a.t add column back int references "B b"."T t"; update a.t set back = 1; create table a.child (extra int) inherits (a.t);
    create function a.f(x int default 1, variadic v text[] default '{}') returns table (o int) language plpgsql stable parallel safe rows 7 set search_path = a, public set work_mem = '5MB' as $f$ begin return query select 1; end $f$;
    create function a.atomic(i int) returns int language sql immutable begin atomic select i + 1; end; create procedure a.pr(inout x int) language plpgsql as $$ begin x := x + 1; end $$;
    create table a.uses (v int default a.atomic(1), check (a.atomic(v) > 0)); create index on a.uses (a.atomic(v)) where v > 0; insert into a.uses values (3);
    create aggregate a.agg(int) (sfunc = int4pl, stype = int, initcond = '0', combinefunc = int4pl); create operator a.### (leftarg = int, rightarg = int, function = int4pl, commutator = operator(a.###));
    create view a.v with (security_barrier) as select id, m from a.t where m = 'ok' with local check option; create view a.v2 as select * from a.v; create view a.cyc as select 1 as x;
    create view a.cyc2 as select x from a.cyc; create or replace view a.cyc as select x from a.cyc2 where false; create recursive view a.rec (n) as values (1) union all select n + 1 from rec where n < 5;
    create view a.grouped as select id, m, p from a.t group by id; create materialized view a.mv as select count(*) as c from a.t; create materialized view a.mv2 as select c from a.mv with no data; create unique index on a.mv (c);
    create table a.p (k int, at date not null, primary key (k, at)) partition by range (at); create table a.p1 partition of a.p for values from ('2025-01-01') to ('2026-01-01') partition by hash (k);
    create table a.p1a partition of a.p1 for values with (modulus 1, remainder 0); create table a.pd partition of a.p default; create index on a.p (k); insert into a.p values (1, '2025-05-05'), (2, '2030-01-01');
    create table "B b".fk_to_p (k int, at date, foreign key (k, at) references a.p); insert into "B b".fk_to_p values (1, '2025-05-05');
    create function a.tg() returns trigger language plpgsql as $$ begin return new; end $$; create trigger t1 before insert or update of m on a.t for each row when (new.m is not null) execute function a.tg();
    create constraint trigger t2 after insert on a.t deferrable for each row execute function a.tg(); alter table a.t disable trigger t1; alter table a.t enable always trigger t2; create trigger onp after insert on a.p for each row execute function a.tg();
    create unlogged table a.un (a int); create rule r as on update to a.v2 do instead update a.t set m = new.m where id = new.id; create rule n as on insert to a.un do also notify x;
    alter table a.t enable row level security; create policy po on a.t as restrictive for update using (id > 0) with check (id > 0); create policy po2 on a.t using (exists (select from "B b"."T t"));
    create statistics a.st (ndistinct, mcv) on m, p from a.t; create statistics a.st2 on (p + 1) from a.t; alter table a.t cluster on t_pkey; create sequence a.sq as smallint increment 3 cycle maxvalue 100; select nextval('a.sq');
    create text search dictionary a.d (template = simple, stopwords = english); create text search configuration a.c (copy = english); alter text search configuration a.c alter mapping for word with a.d;
    create index on a.t using gin (to_tsvector('a.c'::regconfig, n)); create table a.ex (r int4range, exclude using gist (r with &&)); create table a.oft of a.pair; create table a.nn (a int unique nulls not distinct, b int, unique (a) include (b));
    create cast (a.pair as text) with inout; create cast (a.mood as int) with function a.mood_int(a.mood);
    create extension pg_trgm schema "B b"; create index on a.t using gin (n "B b".gin_trgm_ops); create extension hstore; create table a.h (h hstore default 'a=>1');
    create publication pub for table a.t (id, m), a.uses where (v > 1) with (publish = 'insert'); comment on schema a is 'it''s'; comment on column a.t.m is 'c'; comment on function a.f(int, text[]) is 'f'; comment on trigger t1 on a.t is 't';
    comment on policy po on a.t is 'p'; comment on constraint ex_r_excl on a.ex is 'k'; comment on type a.mood is E'two\nlines'; comment on domain a.pos is 'd'; create view "B b"."v;v" as select 'x;y'::text as "c;c";
    select lo_from_bytea(0, 'abc'); create function a.returns_t() returns setof a.t language sql stable as 'select * from a.t'; create table a."comment; -- \d" (a int); create function a."quo""te"(a."comment; -- \d") returns int language sql as 'select 1 -- ;';"#;

/// A database with all of it, on a server of this version.
pub(crate) fn all_that_is_ordinary(major: Option<u32>) -> Stage {
    let stage = Stage::on(major, "");
    let made = ORDINARY.replace(
        "create cast (a.mood as int)",
        "create function a.mood_int(a.mood) returns int language sql immutable as 'select 1'; create cast (a.mood as \
         int)",
    );
    // the other servers are built without ICU, and have no extensions
    let of_the_first = |line: &&str| major.is_none() || !line.contains("create extension");
    let lines: Vec<&str> = made.lines().filter(of_the_first).collect();
    let made = match major {
        None => lines.join("\n"),
        Some(_) => lines
            .join("\n")
            .replace("(provider = icu, locale = 'de-u-kn')", "from \"C\""),
    };
    stage.cluster.psql(&stage.database, &made);
    stage
}

fn assert_all_of_it_comes_back(major: Option<u32>) {
    let stage = all_that_is_ordinary(major);
    stage
        .agent()
        .env("PGCOFFER_PG_BIN", stage.cluster.bin())
        .run(["backup"])
        .success();
    let (_, target) = stage.customers_target("");
    let agent = stage.agent().env("PGCOFFER_PG_BIN", stage.cluster.bin());
    let report = agent.run(restore_args(&target).into_iter().chain(["--json"]));
    let report = report.success().json();
    let left_out: Vec<_> = report["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert!(left_out.iter().all(|kind| *kind == "COMMENT"), "{report:#}");
    let dumped = |database: &str| {
        let mut dump = stage.cluster.client("pg_dump");
        dump.args(["--no-owner", "--no-acl", "--no-comments"])
            .arg(stage.cluster.url(database));
        let text = String::from_utf8(dump.output().unwrap().stdout).unwrap();
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("--") && !line.starts_with("\\"));
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        // rows lie as they were loaded
        lines.sort_unstable();
        lines.retain(|line| !line.is_empty());
        lines
    };
    let (source, arrived) = (dumped(&stage.database), dumped(&target.name));
    let lost: Vec<_> = source.iter().filter(|line| !arrived.contains(line)).collect();
    let new: Vec<_> = arrived.iter().filter(|line| !source.contains(line)).collect();
    assert!(source == arrived, "lost: {lost:#?} new: {new:#?}");
}

#[test]
fn everything_that_an_ordinary_role_can_create_is_tried_and_restored() {
    for major in [None, Some(16), Some(18)] {
        assert_all_of_it_comes_back(major);
    }
}
