-- One line for everything that two copies of a database must have in common: the rows of each table and what they hold,
-- independent of their order, by PostgreSQL's own means. Two databases are the same where this prints the same.

\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
\pset fieldsep '  '
set row_security = off;
set timezone = 'UTC';
set extra_float_digits = 3;
set bytea_output = 'hex';

-- A sum of hashes does not depend on the order of rows, and repeated rows do not cancel out.
select format($$select %L, count(*), coalesce(sum(hashtextextended(t::text, 42)::numeric), 0) from only %s t;$$,
              relation::text, relation)
from (select c.oid::regclass as relation
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'm') and c.relpersistence in ('p', 'u')
        and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
      order by c.oid::regclass::text collate "C") tables
\gexec

select 'sequence', schemaname, sequencename, last_value from pg_sequences order by schemaname collate "C", sequencename collate "C";
select 'large objects', count(*), sum(hashtextextended(md5(lo_get(oid)), 42)::numeric) from pg_largeobject_metadata;
select 'definitions', kind, count(*), sum(hashtextextended(definition, 42)::numeric) from (
    select 'constraint' as kind, conrelid::regclass::text || conname || pg_get_constraintdef(oid) as definition from pg_constraint
        -- From version 18 on, "not null" is a constraint too; the columns below tell of it in all versions.
        where contype <> 'n' and connamespace::regnamespace::text !~ '^(pg_|information_schema)'
    union all select 'index', indexdef from pg_indexes where schemaname !~ '^(pg_|information_schema)'
    union all select 'view', viewname || definition from pg_views where schemaname !~ '^(pg_|information_schema)'
    union all select 'function', pg_get_functiondef(oid) from pg_proc
        where prokind <> 'a' and pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
    union all select 'trigger', pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all select 'policy', policyname || coalesce(qual, '') from pg_policies
    union all select 'column', concat(attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated)
        from pg_attribute join pg_class on pg_class.oid = attrelid
        where attnum > 0 and not attisdropped and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
) definitions group by kind order by kind collate "C";
