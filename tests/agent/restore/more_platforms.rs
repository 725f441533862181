//! Three platforms as public dumps show them, a customer's database on each, and the way to the same platform, to a
//! plain server and to another platform, always by a role that is no superuser. What arrives is compared by pg_dump.

use crate::{
    restore::platforms::{HEROKU, Home, names},
    stage::Target,
};

/// As Supabase's are: schemas of several admins with tables that the customer refers to, default privileges that open
/// everything to the roles of its API, event triggers, a publication of the customer's.
const SUPABASE: &str = "
    do $$ begin create role supabase_admin; exception when duplicate_object or unique_violation then null; end $$;
    do $$ begin create role supabase_auth_admin; exception when duplicate_object or unique_violation then null; end $$;
    do $$ begin create role supabase_storage_admin; exception when duplicate_object or unique_violation then null; end \
        $$;
    do $$ begin create role anon; exception when duplicate_object or unique_violation then null; end $$;
    do $$ begin create role authenticated; exception when duplicate_object or unique_violation then null; end $$;
    do $$ begin create role service_role; exception when duplicate_object or unique_violation then null; end $$;
    create schema auth authorization supabase_admin; create schema storage authorization supabase_admin; create schema \
        extensions; grant all on schema extensions to OWNER;
    create schema vault authorization supabase_admin; create schema pgsodium authorization supabase_admin;
    create extension pgcrypto schema extensions; create extension \"uuid-ossp\" schema extensions; create extension \
        pg_stat_statements schema extensions;
    create table auth.users (id uuid primary key default gen_random_uuid(), email text unique); alter table auth.users \
        owner to supabase_auth_admin;
    create table auth.refresh_tokens (id bigserial primary key, user_id uuid, token text); alter table \
        auth.refresh_tokens owner to supabase_auth_admin;
    create table auth.schema_migrations (version text primary key); insert into auth.schema_migrations values \
        ('20171026211738'); alter table auth.schema_migrations owner to supabase_auth_admin;
    create function auth.uid() returns uuid language sql stable as $$ select \
        nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$; alter function auth.uid() owner to \
        supabase_auth_admin;
    create table storage.buckets (id text primary key, name text, public bool default false); alter table \
        storage.buckets owner to supabase_storage_admin;
    create table pgsodium.key (id uuid primary key, raw_key bytea); alter table pgsodium.key owner to supabase_admin; \
        revoke all on pgsodium.key from public;
    create function vault.reveal(uuid) returns text language sql security definer as 'select null::text'; revoke all \
        on function vault.reveal(uuid) from public;
    grant usage on schema auth, storage to OWNER, anon, authenticated, supabase_auth_admin, supabase_storage_admin; \
        grant all on all tables in schema auth, storage to OWNER; grant all on all sequences in schema auth to OWNER;
    grant usage on schema pgsodium, vault to OWNER; grant select on pgsodium.key to OWNER;
    create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as $$ begin notify pgrst, \
        'reload schema'; end $$;
    create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
    create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_ddl_watch();
    grant all on schema public to OWNER; grant usage on schema public to anon, authenticated, service_role;
    alter default privileges for role OWNER in schema public grant all on tables to anon, authenticated, service_role;
    alter default privileges for role OWNER in schema public grant all on functions to anon, authenticated, \
        service_role;
    create publication supabase_realtime; alter publication supabase_realtime owner to OWNER;";

const PROFILES: &str = "
    insert into auth.users values ('11111111-1111-1111-1111-111111111111', 'a@b'), \
        ('22222222-2222-2222-2222-222222222222', 'c@d');
    insert into storage.buckets values ('avatars', 'avatars', true);
    create type public.plan as enum ('free', 'pro');
    create table public.profiles (id uuid primary key references auth.users on delete cascade, username text, p \
        public.plan default 'free');
    insert into public.profiles values ('11111111-1111-1111-1111-111111111111', 'ann', 'pro'), \
        ('22222222-2222-2222-2222-222222222222', 'bob', 'free');
    alter table public.profiles enable row level security;
    create policy \"Users read their own\" on public.profiles for select to authenticated using (auth.uid() = id);
    create policy \"Anyone may look\" on public.profiles for select to anon using (p = 'pro');
    create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as \
        $$ begin insert into public.profiles (id) values (new.id); return new; end $$;
    revoke all on function public.handle_new_user() from public, anon, authenticated, service_role;
    create trigger on_auth_user_created after insert on auth.users for each row execute function \
        public.handle_new_user();
    create function public.token() returns text language sql as $$ select encode(extensions.gen_random_bytes(8), \
        'hex') $$;
    create view public.names with (security_barrier) as select username from public.profiles;
    comment on table public.profiles is 'who'; create index on public.profiles (lower(username));
    alter publication supabase_realtime add table public.profiles;";

/// As Cloud SQL's and Azure's are: a schema and an extension of the platform's, privileges on PostgreSQL's own
/// functions, a superuser that owns public, extensions that a superuser made.
const CLOUD: &str = "
    do $$ begin create role cloudsqladmin superuser; exception when duplicate_object or unique_violation then null; \
        end $$;
    do $$ begin create role cloudsqlsuperuser; exception when duplicate_object or unique_violation then null; end $$;
    grant cloudsqlsuperuser to OWNER; alter schema public owner to cloudsqlsuperuser; revoke all on schema public from \
        public; grant all on schema public to cloudsqlsuperuser; grant usage on schema public to public;
    set role cloudsqladmin; create schema google_vacuum_mgmt; create extension pg_buffercache schema \
        google_vacuum_mgmt; create extension pg_stat_statements;
    reset role; revoke all on function pg_catalog.pg_replication_origin_create(text) from public; grant execute on \
        function pg_catalog.pg_replication_origin_create(text) to cloudsqlsuperuser;
    revoke execute on function pg_catalog.pg_stat_reset() from public;";

/// As applications of frameworks are: a schema for each tenant, keys over schemas, partitions, generated columns,
/// triggers, large objects.
const TENANTS: &str = "
    create extension pg_trgm; create extension btree_gist; create schema one; create schema \"Two words\";
    create domain one.email as text check (value ~ '@'); create type one.state as enum ('new', 'done');
    create table one.accounts (id bigint generated always as identity primary key, mail one.email unique, s one.state \
        default 'new', up text generated always as (upper(mail::text)) stored);
    insert into one.accounts (mail) select 'u' || n || '@x' from generate_series(1, 30) n;
    create table \"Two words\".\"Orders\" (id serial, account bigint references one.accounts, at timestamptz not null, \
        primary key (id, at)) partition by range (at);
    create table \"Two words\".\"Orders 2025\" partition of \"Two words\".\"Orders\" for values from ('2025-01-01') to \
        ('2026-01-01');
    create table \"Two words\".\"Orders rest\" partition of \"Two words\".\"Orders\" default;
    insert into \"Two words\".\"Orders\" (account, at) select 1 + n % 30, '2025-06-01'::timestamptz + n * '10 \
        days'::interval from generate_series(1, 50) n;
    create table one.bookings (room int, during tstzrange, exclude using gist (room with =, during with &&)); insert \
        into one.bookings values (1, '[2025-01-01,2025-01-02)');
    create index on one.accounts using gin ((mail::text) gin_trgm_ops);
    create function one.touch() returns trigger language plpgsql as $$ begin new.s := 'done'; return new; end $$; \
        create trigger touch before update on one.accounts for each row execute function one.touch();
    create function one.pay(int) returns int language sql security definer as 'select $1'; revoke all on function \
        one.pay(int) from public;
    create materialized view one.per_day as select date_trunc('day', at) as d, count(*) as n from \"Two \
        words\".\"Orders\" group by 1; create unique index on one.per_day (d);
    create view one.open_orders with (security_barrier = true) as select * from \"Two words\".\"Orders\"; create rule \
        no_delete as on delete to one.open_orders do instead nothing;
    create table one.files (id int, o oid); insert into one.files select 1, lo_from_bytea(0, '\\x0102'); create \
        statistics one.st on mail, s from one.accounts;
    create publication tenants for table one.accounts; create text search configuration one.plain (copy = simple);";

/// As Neon's are: default privileges of its admin in the customer's schema, a schema of a service's, roles that the
/// customer is in.
const NEON: &str = "
    do $$ begin create role cloud_admin superuser; exception when duplicate_object or unique_violation then null; end \
        $$;
    do $$ begin create role neon_superuser; exception when duplicate_object or unique_violation then null; end $$;
    do $$ begin create role neon_service; exception when duplicate_object or unique_violation then null; end $$;
    grant neon_superuser to OWNER; alter schema public owner to pg_database_owner; create schema pgrst authorization \
        neon_service; create schema neon_auth authorization neon_service;
    create table neon_auth.users_sync (raw_json jsonb not null, id text generated always as (raw_json ->> 'id') stored \
        primary key); alter table neon_auth.users_sync owner to neon_service;
    grant usage on schema neon_auth to OWNER; grant all on neon_auth.users_sync to OWNER;
    create function pgrst.pre_config() returns void language sql security definer as 'select'; alter function \
        pgrst.pre_config() owner to neon_service;
    grant usage on schema pgrst to OWNER; alter default privileges for role cloud_admin in schema public grant all on \
        tables to neon_superuser with grant option;
    alter default privileges for role cloud_admin in schema public grant all on sequences to neon_superuser with grant \
        option;";

const POSTS: &str = "
    insert into neon_auth.users_sync (raw_json) values ('{\"id\": \"u1\"}'), ('{\"id\": \"u2\"}');
    create extension citext; create table public.posts (id int generated by default as identity primary key, author \
        text, title citext not null, tags text[], body jsonb default '{}');
    insert into public.posts (author, title, tags) select 'u' || 1 + n % 2, 't' || n, array['x', null, n::text] from \
        generate_series(1, 25) n; select setval('public.posts_id_seq', 77);
    create table drizzle_migrations (id serial primary key, hash text); insert into drizzle_migrations (hash) values \
        ('abc');
    create index on public.posts using gin (tags); create unique index on public.posts (title) where author = 'u1';
    create function public.slug(citext) returns text language sql immutable as $$ select lower($1::text) $$; create \
        index on public.posts (public.slug(title));";

/// Definitions and rows of these schemas, as pg_dump has them: independent of what restored them.
fn dumped(home: &Home, database: &str, schemas: &[&str]) -> String {
    let mut dump = home.stage.cluster.client("pg_dump");
    dump.args(["--no-owner", "--no-acl", "--no-publications", "--inserts"]);
    for schema in schemas {
        dump.args(["--schema", &format!("\"{schema}\"")]);
    }
    let dump = dump.arg(home.stage.cluster.url(database)).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let text = String::from_utf8(dump.stdout).unwrap();
    let others = ["\\", "--", "COMMENT ON SCHEMA public"];
    let is_same = |line: &&str| !line.is_empty() && !others.iter().any(|other| line.starts_with(other));
    let mut lines: Vec<&str> = text.lines().filter(is_same).collect();
    // rows lie as they were loaded
    lines.sort_unstable();
    lines.join("\n")
}

/// There, and all that is the customer's as it was.
fn assert_goes(home: &Home, target: &Target, more: &[&str], schemas: &[&str], status: i32) -> Vec<String> {
    let preview = home.restore(target, &[&["--preview", "--json"], more].concat());
    let preview = preview.ended_with(status).json();
    let report = home.restore(target, &[&["--json"], more].concat());
    let report = report.ended_with(status).json();
    assert_eq!(preview["left_out"], report["left_out"]);
    assert_eq!(report["failures"], 0, "{report:#}");
    let source = dumped(home, &home.stage.database, schemas);
    let arrived = dumped(home, &target.name, schemas);
    if source != arrived {
        let lost: Vec<_> = source.lines().filter(|line| !arrived.contains(line)).collect();
        let new: Vec<_> = arrived.lines().filter(|line| !source.contains(line)).collect();
        panic!("lost: {lost:#?}\nnew: {new:#?}\n{report:#}");
    }
    names(&report["left_out"])
}

const PLAIN: &str = "alter schema public owner to OWNER";

#[test]
fn a_supabase_database_is_restored_on_supabase_and_elsewhere() {
    let home = Home::of(SUPABASE, PROFILES);
    home.back_up();
    for (platform, status) in [(SUPABASE, 0), (PLAIN, 9), (HEROKU, 9)] {
        let target = home.target(platform);
        let left_out = assert_goes(&home, &target, &[], &["public"], status);
        let name = "EVENT TRIGGER .pgrst_ddl_watch".to_owned();
        assert!(left_out.contains(&name), "{left_out:#?}");
        // what the customer closed is closed to the roles of the API too, to which the platform opens every function
        let open = "select string_agg(proname, ',' order by proname) from pg_proc where proname in ('token', \
            'handle_new_user') and has_function_privilege('anon', oid, 'EXECUTE')";
        let cluster = home.stage.cluster;
        assert_eq!(cluster.psql(&target.name, open), "token");
    }
    let target = home.same_platform();
    home.restore(&target, &["--keep-acl"]).success();
    let open = "select has_function_privilege('anon', 'public.handle_new_user()', 'EXECUTE')";
    assert_eq!(home.stage.cluster.psql(&target.name, open), "f");
}

#[test]
fn a_cloud_sql_database_is_restored_on_cloud_sql_and_elsewhere() {
    let home = Home::of(CLOUD, TENANTS);
    home.back_up();
    for (platform, status) in [(CLOUD, 0), (PLAIN, 0), (NEON, 0)] {
        let target = home.target(platform);
        let left_out = assert_goes(&home, &target, &[], &["one", "Two words"], status);
        assert!(left_out.iter().all(|name| !name.starts_with("TABLE")), "{left_out:#?}");
    }
}

#[test]
fn a_neon_database_is_restored_on_neon_and_elsewhere() {
    let home = Home::of(NEON, POSTS);
    home.back_up();
    for (platform, status) in [(NEON, 0), (PLAIN, 0), (CLOUD, 0)] {
        let target = home.target(platform);
        let left_out = assert_goes(&home, &target, &[], &["public"], status);
        let missing = left_out.iter().find(|name| name.contains(" public."));
        assert_eq!(missing, None, "{left_out:#?}");
    }
}
