//! Databases of many kinds, each replaced over itself by its owner, who is no superuser, after it has changed: what
//! pg_dump writes of it then is what it wrote before.

use crate::stage::{Stage, Target, restore_args, unique};

/// What makes a database, and what happens to it after its backup.
const DATABASES: &[(&str, &str)] = &[
    // partitions of partitions, keys to and from them
    (
        "create table p (id int, at date, region text, primary key (id, at, region)) partition by range (at);
         create table p_25 partition of p for values from ('2025-01-01') to ('2026-01-01') partition by list (region);
         create table p_25_eu partition of p_25 for values in ('eu'); create table p_25_us partition of p_25 for \
             values in ('us'); create table p_rest partition of p default;
         create index on p (region); create table c (id int, at date, region text, foreign key (id, at, region) \
             references p on delete cascade); alter table p_25_eu add check (id > 0);
         insert into p values (1, '2025-05-05', 'eu'), (2, '2025-06-06', 'us'), (3, '2020-01-01', 'eu'); insert into c \
             values (1, '2025-05-05', 'eu'), (3, '2020-01-01', 'eu');
         create table h (a int primary key) partition by hash (a); create table h0 partition of h for values with \
             (modulus 2, remainder 0);
         create table h1 partition of h for values with (modulus 2, remainder 1); insert into h select \
             generate_series(1, 9);",
        "drop table c; alter table p detach partition p_25; delete from p; insert into h values (100); alter table h \
         detach partition h1",
    ),
    // inheritance, from two at once, with keys of their own
    (
        "create table base (id serial primary key, name text not null, check (name <> '')); create table extra (note \
         text default 'n');
         create table kid (age int) inherits (base, extra); create table grandkid (z int default 3) inherits (kid); \
             create unique index on kid (id);
         insert into base (name) values ('b'); insert into kid (name, age) values ('k', 1); insert into grandkid \
             (name, age) values ('g', 2);
         create rule keep as on delete to base where old.id = 1 do instead nothing;",
        "alter table grandkid no inherit kid; update only base set name = 'x'; drop rule keep on base; alter table kid \
         add more int; alter table base drop constraint base_name_check",
    ),
    // keys in a circle, some of them deferred
    (
        "create table a (id int primary key, b int); create table b (id int primary key, c int); create table c (id \
         int primary key, a int references a deferrable initially deferred);
         alter table a add foreign key (b) references b; alter table b add foreign key (c) references c; create table \
             self (id int primary key, up int references self);
         begin; insert into c values (1, 1); insert into b values (1, 1); insert into a values (1, 1); commit; insert \
             into self values (1, null), (2, 1); update self set up = 2 where id = 1;",
        "alter table a drop constraint a_b_fkey; delete from self; insert into b values (7, null)",
    ),
    // views over views over functions, filled and not
    (
        "create schema rep; create table orders (id int primary key, at date, sum numeric(10, 2)); insert into orders \
         select n, date '2025-01-01' + n, n * 1.5 from generate_series(1, 50) n;
         create function rep.month(d date) returns date language sql immutable return date_trunc('month', d)::date;
         create function rep.totals(out m date, out s numeric) returns setof record language sql stable begin atomic; \
             select rep.month(at), sum(sum) from public.orders group by 1; end;
         create view rep.months as select rep.month(at) as m, count(*) as n from orders group by 1; create view \
             rep.best as select * from rep.months where n > 5 with local check option;
         create materialized view rep.kept as select m.m, m.n, t.s from rep.months m join rep.totals() t using (m); \
             create unique index on rep.kept (m);
         create materialized view rep.over as select sum(n) as n from rep.kept; create materialized view rep.unfilled \
             as select * from rep.best with no data;
         create view up as select id, sum from orders where id > 3 with cascaded check option; create recursive view \
             counted (n) as select 1 union all select n + 1 from counted where n < 5;",
        "drop materialized view rep.over; create or replace view rep.best as select * from rep.months where n > 1; \
         delete from orders where id > 10; refresh materialized view rep.kept; refresh materialized view rep.unfilled",
    ),
    // domains, composites, ranges, columns that are computed, keys that exclude
    (
        "create extension btree_gist; create domain mail as text check (value ~ '@') not null; create domain short as \
         mail check (length(value) < 20);
         create type pair as (a int, m mail); create type span as range (subtype = timestamptz); create type mood as \
             enum ('sad', 'ok', 'fine');
         create table t (id int generated by default as identity (start 10 increment 5), m short, p pair, moods mood[] \
             default '{ok}', up text generated always as (upper(m)) stored, primary key (id));
         create table booked (room int, at tstzrange, exclude using gist (room with =, at with &&) where (room > 0)); \
             create table js (j jsonb, check (j ? 'a')); create index on js using gin (j jsonb_path_ops);
         insert into t (m, p) values ('a@b', row(1, 'c@d')), ('e@f', null); insert into booked values (1, \
             '[2025-01-01, 2025-02-01)'), (2, '[2025-01-01, 2025-02-01)'); insert into js values ('{\"a\": 1}');",
        "alter domain short drop constraint short_check; alter type mood add value 'great'; alter type pair add \
         attribute z int; update t set m = 'z@z'; alter table t drop column up; delete from booked",
    ),
    // who may see which rows, by functions that look at other tables
    (
        "create schema sec; create table sec.members (who text primary key, team int); create table docs (id int \
         primary key, team int, body text);
         create function sec.team() returns int language sql stable security definer set search_path = '' as 'select \
             team from sec.members where who = current_user::text';
         create function sec.may(d int) returns bool language plpgsql stable as $$ begin return d = sec.team(); end \
             $$; insert into sec.members values ('x', 1); insert into docs values (1, 1, 'a'), (2, 2, 'b');
         alter table docs enable row level security; alter table docs force row level security; create policy mine on \
             docs using (sec.may(team)) with check (team is not null);
         create policy never on docs as restrictive for delete using (exists (select from sec.members m where m.team = \
             docs.team)); create policy all_ on docs for select using (true); alter table docs no force row level \
             security;",
        "drop policy never on docs; alter table docs disable row level security; delete from sec.members; alter policy \
         mine on docs using (true)",
    ),
    // triggers of every kind, rules, statistics, storage
    (
        "create table log (n serial, what text); create table t (id int primary key, a text, b int); alter table t \
         alter a set storage external; create view v as select id, a from t;
         create function note() returns trigger language plpgsql as $$ begin insert into public.log (what) values \
             (tg_op || ' ' || tg_name); return coalesce(new, old); end $$;
         create trigger before_row before insert or update of a on t for each row when (new.id > 0) execute function \
             note('x', 'y');
         create trigger of_all after delete on t referencing old table as gone for each statement execute function \
             note(); create constraint trigger late after insert on t deferrable initially deferred for each row \
             execute function note();
         create trigger instead instead of insert on v for each row execute function note(); alter table t disable \
             trigger of_all; alter table t enable always trigger before_row;
         create rule also as on update to t do also insert into log (what) values ('rule'); create rule none as on \
             insert to v do instead nothing; create statistics st (dependencies, mcv) on a, b from t; create \
             statistics st2 on lower(a) from t;
         alter table t set (fillfactor = 70); alter table t alter b set statistics 500; alter table t cluster on \
             t_pkey; alter table t replica identity full; insert into t values (1, 'a', 1), (2, 'b', 2);",
        "drop trigger late on t; drop statistics st; alter table t enable trigger of_all; truncate t; alter table t \
         add c int; create trigger more after insert on t execute function note()",
    ),
    // remarks on everything
    (
        "create schema \"S x\"; comment on schema \"S x\" is 'it''s'; create table \"S x\".\"T \"\"q\" (\"a b\" int \
         primary key, c text collate \"C\"); comment on table \"S x\".\"T \"\"q\" is E'two\\nlines; -- and more';
         comment on column \"S x\".\"T \"\"q\".\"a b\" is 'col'; comment on constraint \"T \"\"q_pkey\" on \"S x\".\"T \
             \"\"q\" is 'key'; create index \"I i\" on \"S x\".\"T \"\"q\" (c); comment on index \"S x\".\"I i\" is \
             'idx';
         create function \"S x\".\"F f\"(\"x y\" int, variadic z text[]) returns void language sql as ''; comment on \
             function \"S x\".\"F f\"(int, text[]) is 'fn'; create procedure \"S x\".pr(inout n int) language plpgsql \
             as 'begin n := 1; end';
         create aggregate \"S x\".ag(int) (sfunc = int4pl, stype = int, initcond = '0'); comment on aggregate \"S \
             x\".ag(int) is 'agg'; create sequence \"S x\".sq minvalue -5 maxvalue 50 cycle cache 3; select \
             setval('\"S x\".sq', 7); comment on sequence \"S x\".sq is 'sq';
         create domain \"S x\".d as int; comment on domain \"S x\".d is 'dom'; create collation \"S x\".cl (locale = \
             'C'); comment on collation \"S x\".cl is 'coll'; create cast (\"S x\".\"T \"\"q\" as text) with inout as \
             assignment;
         create function \"S x\".o(int, \"S x\".d) returns bool language sql immutable as 'select true'; create \
             operator \"S x\".@@@ (leftarg = int, rightarg = \"S x\".d, function = \"S x\".o); comment on operator \"S \
             x\".@@@ (int, \"S x\".d) is 'op';
         create text search dictionary \"S x\".dict (template = simple); create text search configuration \"S x\".conf \
             (parser = default); alter text search configuration \"S x\".conf add mapping for word with \"S x\".dict; \
             comment on text search configuration \"S x\".conf is 'ts';
         select lo_from_bytea(4242, 'large'); comment on large object 4242 is 'lo'; create view \"S x\".w as select * \
             from \"S x\".\"T \"\"q\"; comment on column \"S x\".w.c is 'view col';",
        "comment on table \"S x\".\"T \"\"q\" is null; comment on large object 4242 is 'other'; select lo_put(4242, 0, \
         'L'); select nextval('\"S x\".sq'); drop function \"S x\".\"F f\"(int, text[]); alter index \"S x\".\"I i\" \
         rename to other",
    ),
    // foreign tables over a wrapper of an extension that anybody may use
    (
        "create extension citext; create extension hstore; create table t (m citext unique, h hstore); insert into t \
         values ('A', 'a=>1'); create index on t using gist (h);
         create function f(citext) returns citext language sql immutable as 'select $1'; create table u (a citext \
             check (f(a) <> '')); create view v as select m from t where m = 'a'::citext; insert into u values ('Q');
         create publication few for table t (m), u with (publish = 'insert'); create table seq (a int default \
             nextval('public.lone')); ",
        "alter publication few drop table u; delete from t; drop view v; alter table u add b int",
    ),
    // large, empty, odd: no columns, many columns, every privilege
    (
        "create table none (); insert into none default values; create unlogged table un (a int); insert into un \
         values (1); create table wide (c01 int, c02 text, c03 bytea, c04 float8, c05 numeric, c06 interval, c07 \
         timestamptz, c08 uuid, c09 inet, c10 bit(3), c11 jsonpath, c12 point, c13 int4multirange, c14 tsvector, c15 \
         money);
         insert into wide values (1, E'a\\tb\\n\\\\.\\\\', '\\x00ff', 'NaN', 'infinity', '1 mon -3 days', '-infinity', \
             '00000000-0000-0000-0000-000000000001', '::1/64', B'101', '$.a', '(1,2)', '{[1,3),[5,7)}', 'a:1 b:2', 3), \
             (null, '', '', '-0', 1e-20, null, now(), null, null, null, null, null, '{}', '', null);
         grant select (c01), update (c02) on wide to public; create table dropped (a int, b int, c int); alter table \
             dropped drop column b; insert into dropped values (1, 3); create type empty as (); create table typed of \
             pair0; ",
        "truncate wide; alter table dropped add b int default 9; delete from un; drop table none; revoke all on wide \
         from public",
    ),
];

#[test]
fn each_database_is_restored_over_itself_as_pg_dump_wrote_it() {
    for major in [None, Some(18)] {
        each_comes_back_on(major);
    }
}

fn each_comes_back_on(major: Option<u32>) {
    for (at, (made, since)) in DATABASES.iter().enumerate() {
        let stage = Stage::on(major, "");
        let has_extensions = stage.cluster.psql(
            "postgres",
            "select count(*) from pg_available_extensions where name = 'btree_gist'",
        ) == "1";
        if made.contains("create extension") && !has_extensions {
            continue;
        }
        let owner = unique("owner");
        let name = unique("own");
        let url = stage.cluster.url_as(&owner, None, &name);
        stage.cluster.psql("postgres", &format!("create role {owner} login"));
        stage.cluster.psql(
            "postgres",
            &format!("create database {name} template template0 owner {owner}"),
        );
        let prelude = match at {
            8 => "create sequence lone;",
            9 => "create type pair0 as (a int, b text);",
            _ => "",
        };
        let as_owner = |sql: &str| {
            let sql = format!("set session authorization {owner}; {sql}");
            stage.cluster.psql(&name, &sql);
        };
        stage
            .cluster
            .psql(&name, &format!("alter schema public owner to {owner}"));
        as_owner(&format!("{prelude}{made}"));
        let target = Target {
            url,
            name: name.clone(),
        };
        let run = |args: &[&str]| {
            let agent = stage.agent().env("PGCOFFER_DB_MAIN_URL", &target.url);
            agent.run(args.iter().copied())
        };
        run(&["backup"]).success();
        let before = dumped(&stage, &name);
        for more in [&["--clean"][..], &["--clean", "--no-single-transaction"]] {
            as_owner(since);
            assert_ne!(dumped(&stage, &name), before, "{at}");
            run(&[&restore_args(&target), more, &["--keep-acl"]].concat()).success();
            let after = dumped(&stage, &name);
            if after != before {
                let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
                let (old, new) = (lines(&before), lines(&after));
                let gone: Vec<_> = old.iter().filter(|line| !new.contains(line)).collect();
                let came: Vec<_> = new.iter().filter(|line| !old.contains(line)).collect();
                panic!("{at}: gone {gone:#?}, came {came:#?}, and in another order else");
            }
        }
        stage
            .cluster
            .psql("postgres", &format!("drop database {name}; drop role {owner}"));
    }
}

/// What pg_dump writes, without the key that it makes up each time.
fn dumped(stage: &Stage, database: &str) -> String {
    let mut pg_dump = stage.cluster.client("pg_dump");
    let done = pg_dump.arg(stage.cluster.socket_url(database)).output();
    let done = done.unwrap();
    assert!(done.status.success());
    let text = String::from_utf8(done.stdout).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    lines.collect::<Vec<_>>().join("\n")
}
