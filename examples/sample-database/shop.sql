-- A shop's database as one meets it: every kind of thing that pg_dump knows how to keep, and names and values chosen to
-- break whatever is careless with them. The same on every run. About 100 MB on disk at scale 1, in a few seconds.
--
--     psql -v scale=1 -f shop.sql URL-OF-AN-EMPTY-DATABASE
--
-- Rows grow with the scale: 0.01 is enough for a test, 50 makes some gigabytes.

\set ON_ERROR_STOP on
\if :{?scale}
\else
\set scale 1
\endif

set client_min_messages = warning;
set synchronous_commit = off;
set timezone = 'UTC';
begin;

-- Numbers that look random and are the same everywhere: 32 bits of an MD5. PostgreSQL's own generator differs by version.
create function noise(seed text, n bigint) returns bigint language sql immutable parallel safe
    return ('x' || substr(md5(seed || n), 1, 8))::bit(32)::bigint;

create function pick(seed text, n bigint, choices text[]) returns text language sql immutable parallel safe
    return choices[1 + noise(seed, n) % cardinality(choices)];

create function rows_at_scale(rows numeric, scale numeric) returns bigint language sql immutable
    return greatest(20, round(rows * scale))::bigint;

select rows_at_scale(20000, :scale) as customers, rows_at_scale(2000, :scale) as products,
       rows_at_scale(60000, :scale) as orders, rows_at_scale(90000, :scale) as events,
       rows_at_scale(600, :scale) as images \gset

-- --- types ---------------------------------------------------------------------------------------------------------

create schema shop;
comment on schema shop is 'What a customer buys, and where it goes';
create type shop.order_state as enum ('open', 'paid', 'shipped', 'returned', 'it''s complicated');
create domain shop.email as text check (value ~ '^[^@\s]+@[^@\s]+$');
create domain shop.cents as bigint not null check (value >= 0);
create type shop.address as (street text, city text, country char(2));
create collation shop.codepoints (provider = libc, locale = 'C');

-- --- customers -----------------------------------------------------------------------------------------------------

create table shop.customers (
    id bigint generated always as identity primary key,
    email shop.email not null unique,
    name text collate shop.codepoints not null,
    home shop.address,
    tags text[] not null default '{}',
    born date,
    balance numeric(20, 5) not null default 0,
    joined timestamptz not null,
    last_order_id bigint,
    name_length int generated always as (char_length(name)) stored
);
comment on column shop.customers.name is E'as they gave it: tabs\t, quotes '' " and all';

insert into shop.customers (email, name, home, tags, born, balance, joined)
select format('customer-%s@example.org', n),
       pick('given', n, '{Ada,Björn,Chloé,Dmitri,Eun-ji,Fatima,Grüße,李雷,O''Neil,"Anne \"Annie\""}') || ' '
           || pick('family', n, '{Lovelace,Håkansson,Łukasz,Nguyễn,Smith,García,"back\\slash","de la  Cruz",🐘}'),
       row(format('%s Main Street', 1 + noise('street', n) % 300), pick('city', n, '{Oslo,Kyoto,Lyon,Quito}'), 'NO')::shop.address,
       case n % 4 when 0 then '{}' when 1 then array['new', null] when 2 then array['a,b', '{}', '"', ''] else array['vip'] end,
       case when n % 7 = 0 then null when n % 501 = 0 then 'infinity' else date '1940-01-01' + (noise('born', n) % 25000)::int end,
       (noise('balance', n) % 2000000 - 1000000)::numeric / 997,
       timestamptz '2024-01-01 00:00:00.123456+00' + (noise('joined', n) % 60000000) * interval '1 second'
from generate_series(1, :customers) n;

-- --- products ------------------------------------------------------------------------------------------------------

create table shop.products (
    sku text primary key check (sku ~ '^SKU-[0-9]+$'),
    title text not null,
    description text not null,
    attributes jsonb not null default '{}',
    price shop.cents,
    weight_kg real,
    replaced_by text references shop.products deferrable initially deferred,
    search tsvector generated always as (to_tsvector('simple', title || ' ' || description)) stored
);

insert into shop.products (sku, title, description, attributes, price, weight_kg, replaced_by)
select 'SKU-' || n,
       initcap(pick('adjective', n, '{blue,old,quiet,fast,round,spare}')) || ' ' || pick('noun', n, '{lamp,kettle,bicycle,cable,drum,clock}'),
       (select string_agg(pick('word', n * 40 + w, '{light,made,of,steel,wood,by,hand,in,a,small,town,with,care,naïve,größer,for,every,day}'), ' ')
        from generate_series(1, 40) w),
       jsonb_build_object('colour', pick('colour', n, '{red,green,"dark blue"}'), 'sizes', jsonb_build_array(n % 5, n % 7),
                          'nested', jsonb_build_object('quote', '"', 'backslash', '\', 'null', null, 'ü', 1e10)),
       noise('price', n) % 100000,
       case n % 50 when 0 then 'NaN' when 1 then 'infinity' else (noise('weight', n) % 1000) / 7.0 end,
       case when n % 10 = 0 and n < :products then 'SKU-' || n + 1 end
from generate_series(1, :products) n;
-- A table with deferred checks outstanding can have no index made.
set constraints all immediate;
set constraints all deferred;
create index on shop.products using gin (search);
create index on shop.products using gin (attributes jsonb_path_ops);

-- Pictures do not compress, and neither does what a hash function gives.
create table shop.product_images (
    id int generated by default as identity (start with 100 increment by 3) primary key,
    sku text not null references shop.products on delete cascade,
    kind text not null,
    image bytea not null,
    digest bytea generated always as (sha256(image)) stored
);
alter table shop.product_images alter column image set storage external;

insert into shop.product_images (sku, kind, image)
select 'SKU-' || 1 + noise('image of', n) % :products, 'image/png',
       '\x89504e470d0a1a0a00'::bytea || (select string_agg(sha512(convert_to(n || ':' || block, 'UTF8')), '' order by block)
                                         from generate_series(1, 700) block)
from generate_series(1, :images) n;

-- --- orders, by month ----------------------------------------------------------------------------------------------

create sequence shop.invoice_number start 1000 increment 7 cache 5;

create table shop.orders (
    id bigint not null,
    placed timestamptz not null,
    customer_id bigint not null references shop.customers,
    state shop.order_state not null default 'open',
    invoice bigint default nextval('shop.invoice_number'),
    note text,
    total numeric,
    primary key (id, placed)
) partition by range (placed);

do $$
begin
    for month in 0..11 loop
        execute format('create table shop.orders_%s partition of shop.orders for values from (%L) to (%L)',
            to_char(date '2026-01-01' + month * interval '1 month', 'YYYY_MM'),
            date '2026-01-01' + month * interval '1 month', date '2026-02-01' + month * interval '1 month');
    end loop;
end $$;
create table shop.orders_other partition of shop.orders default;

insert into shop.orders (id, placed, customer_id, state, note)
select n, case when n % 1000 = 0 then timestamptz '1999-12-31 23:59:59.999999+00'
               else timestamptz '2026-01-01 00:00:00+00' + (noise('placed', n) % 31500000) * interval '1 second' end,
       1 + noise('customer', n) % :customers,
       (enum_range(null::shop.order_state))[1 + noise('state', n) % 5],
       case n % 6 when 0 then null when 1 then '' when 2 then E'two\nlines\tand a tab' when 3 then E'\\N and \\. and a\\backslash'
                  when 4 then E'carriage\r\nreturn ' || chr(1) || chr(127) else 'gift: 🎁' end
from generate_series(1, :orders) n;
create index orders_by_customer on shop.orders (customer_id, placed desc);

create table shop.order_items (
    order_id bigint not null,
    order_placed timestamptz not null,
    line smallint not null,
    sku text not null,
    quantity int not null check (quantity > 0),
    price shop.cents,
    primary key (order_id, line)
);
insert into shop.order_items
select o.id, o.placed, line, 'SKU-' || 1 + noise('item' || line, o.id) % :products,
       1 + noise('quantity' || line, o.id) % 5, noise('item price', o.id * 5 + line) % 100000
from shop.orders o, generate_series(1, 1 + o.id % 5) line;
-- Added behind the rows: all at once they are checked ten times as fast as one by one.
alter table shop.order_items add foreign key (sku) references shop.products,
    add foreign key (order_id, order_placed) references shop.orders (id, placed) on delete cascade;

-- A circle: customers know their last order, orders know their customer.
alter table shop.customers add column last_order_placed timestamptz,
    add foreign key (last_order_id, last_order_placed) references shop.orders (id, placed) deferrable initially deferred;
update shop.customers c set last_order_id = o.id, last_order_placed = o.placed
from (select distinct on (customer_id) customer_id, id, placed from shop.orders order by customer_id, placed desc, id) o
where c.id = o.customer_id and c.id % 5 = 0;
set constraints all immediate;

-- --- what people did -----------------------------------------------------------------------------------------------

create table shop.events (
    at timestamptz not null,
    customer_id bigint,
    kind text not null,
    payload jsonb,
    raw json,
    ip inet,
    during tstzrange,
    session uuid
);
insert into shop.events
select timestamptz '2026-06-01 00:00:00+00' + n * interval '17 seconds',
       nullif(1 + noise('who', n) % :customers, 1), pick('kind', n, '{view,search,basket,checkout,login}'),
       jsonb_build_object('path', '/p/' || noise('path', n) % 5000, 'agent', pick('agent', n, '{Mozilla/5.0,curl/8.0}'), 'ms', noise('ms', n) % 900),
       format('{"b": %s,  "a": [1,2 , 3], "b": 2}', n)::json,
       ('10.' || n % 256 || '.' || noise('ip', n) % 256 || '.7/24')::inet,
       case when n % 3 = 0 then 'empty' else tstzrange('2026-06-01 00:00:00+00', '2026-06-01 00:00:00+00'::timestamptz + n * interval '1 minute') end,
       md5('session' || n / 10)::uuid
from generate_series(1, :events) n;
create index on shop.events using brin (at);

-- --- values at the edge --------------------------------------------------------------------------------------------

create table shop.edge_values (
    id int primary key, t text, i bigint, f double precision, d numeric, at timestamptz, on_day date, how_long interval,
    b bytea, bits bit varying, deep int[][], where_at point, price money
);
insert into shop.edge_values values
    (1, '', -9223372036854775808, '-infinity', 'NaN', 'infinity', '-infinity', '-178000000 years', '', B'', '{}', '(1e308,-0)', '-92233720368547758.08'),
    (2, E'\t\n\r\\"''', 9223372036854775807, 5e-324, 1e-1000, '4713-01-01 00:00:00+00 BC', '5874897-12-31', '1 mon -1 day 00:00:00.000001', '\x00ff5c', B'0101', '{{1,null},{3,4}}', '(0,0)', '0'),
    (3, null, null, null, null, null, null, null, null, null, null, null, null),
    (4, '\N', 0, '-0', 123456789012345678901234567890.000000000000000000001, '2026-03-29 01:30:00.000001+00', '2024-02-29', '0', '\x5c2e0a', B'1', '[5:6]={7,8}', null, '1'),
    (5, '\.', 1, 1e300 * 10, 'infinity', '294276-12-31 23:59:59+00', '0001-01-01', '1 year', convert_to('🐘', 'UTF8'), null, null, null, null);

create table shop.empty (id int primary key, nothing text);
create table shop.no_columns ();
insert into shop.no_columns select from generate_series(1, 3);
create unlogged table shop.scratch as select n, md5(n::text) as hash from generate_series(1, 100) n;

create schema "Weird ""Schema""";
create table "Weird ""Schema""".U&"new\000aline" ("select" int primary key, "Ünïcode ✓" text, "quote""d" text, "a.b" text);
insert into "Weird ""Schema""".U&"new\000aline" values (1, 'é', '"', '.'), (2, E'e\u0301', '''', null);
create table "table with spaces" ("column with spaces" text default 'it''s; -- not a comment');
insert into "table with spaces" values (default), ('$$'), ('/* open');
create table "SELECT" ("from" int, "Order" int, "order" int);
insert into "SELECT" values (1, 2, 3);
create table "%s\t; drop table x; --" (id serial primary key, v text);
insert into "%s\t; drop table x; --" (v) values ('still here');

create table shop.animals (id int primary key, name text);
create table shop.dogs (good boolean not null default true) inherits (shop.animals);
insert into shop.dogs values (1, 'Laika');

-- --- code ----------------------------------------------------------------------------------------------------------

create function shop.touch_total() returns trigger language plpgsql as $body$
begin
    -- '$$' and a "quote" stand here on purpose
    update shop.orders set total = (select sum(quantity * price::bigint) / 100.0 from shop.order_items where order_id = new.order_id)
    where id = new.order_id and placed = new.order_placed;
    return null;
end $body$;
create trigger keep_total after insert or update on shop.order_items for each row execute function shop.touch_total();
update shop.order_items set quantity = quantity + 1 where order_id % 200 = 0;

create procedure shop.tidy() language sql begin atomic delete from shop.events where at < '2000-01-01'; end;
create aggregate shop.product_of(numeric) (sfunc = numeric_mul, stype = numeric, initcond = '1');
create operator shop.=~= (leftarg = text, rightarg = text, function = texticlike);

create view shop.best_sellers as
    select sku, title, sum(quantity) as sold from shop.order_items join shop.products using (sku) group by sku, title;
create materialized view shop.sales_by_month as
    select date_trunc('month', order_placed, 'UTC') as month, count(*) as lines, sum(quantity) as pieces
    from shop.order_items group by 1 with data;
create unique index on shop.sales_by_month (month);
create rule nobody_empties as on delete to shop.empty do instead nothing;
alter table shop.events enable row level security;
create policy own_events on shop.events using (customer_id is null or customer_id < 0);
create statistics shop.item_statistics (dependencies) on sku, price from shop.order_items;
select setval('shop.invoice_number', 4711, true) \g /dev/null

-- --- large objects -------------------------------------------------------------------------------------------------

create table shop.contracts (id int primary key, signed date not null, document oid not null);
insert into shop.contracts
select n, date '2026-01-01' + n, lo_from_bytea(0, (select string_agg(sha512(convert_to('contract ' || n || ':' || block, 'UTF8')), '' order by block)
                                                   from generate_series(1, 200 * n) block))
from generate_series(1, 12) n;

commit;
