-- The database behind the archives in this folder: small, and odd on purpose.
SET client_min_messages = warning;
CREATE SCHEMA "Weird ""Schema""";
CREATE SCHEMA "two
lines";
CREATE SCHEMA "naïve.日本";

CREATE TABLE plain (id int PRIMARY KEY, t text, n numeric, at timestamptz);
INSERT INTO plain
SELECT i, repeat(chr(97 + i % 26), i % 40), i / 7.0, timestamptz '2026-01-01 00:00Z' + i * interval '1 hour'
FROM generate_series(1, 500) i;

CREATE TABLE empty (id int, t text);
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
INSERT INTO no_columns DEFAULT VALUES;
-- each of these is at risk of being taken for something else: an empty line, the end marker, a line break
CREATE TABLE tricky (t text);
INSERT INTO tricky VALUES (''), (NULL), ('\.'), ('\'), ('.'), (E'a\nb'), (E'\r'), (E'\t'), (E'\\N'), (' '), ('');
-- rows that are equal must not cancel out
CREATE TABLE twins (a int);
INSERT INTO twins SELECT 7 FROM generate_series(1, 6);

CREATE TABLE "Weird ""Schema"""."table with spaces" ("select" int, "a""b" text);
INSERT INTO "Weird ""Schema"""."table with spaces" VALUES (1, 'x'), (2, 'ä€𝄞');
CREATE TABLE "two
lines"."new
line" (a int);
INSERT INTO "two
lines"."new
line" VALUES (1), (2), (3);
CREATE TABLE "naïve.日本"."dots.and.Ünïcode" (a text);
INSERT INTO "naïve.日本"."dots.and.Ünïcode" VALUES ('日本');

CREATE TABLE events (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
INSERT INTO events SELECT date '2025-12-01' + i, 'event ' || i FROM generate_series(0, 59) i;

CREATE TABLE bytes (id int, b bytea);
INSERT INTO bytes SELECT i, decode(repeat(md5(i::text), i), 'hex') FROM generate_series(0, 20) i;

CREATE TABLE wide (id int, t text);
INSERT INTO wide VALUES (1, repeat('0123456789abcdef', 65536)), (2, 'short'), (3, repeat('é', 20000));

CREATE SEQUENCE counter START 42;
SELECT nextval('counter');
CREATE TABLE identity (id bigint GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (n * 2) STORED, n int);
INSERT INTO identity (n) SELECT i FROM generate_series(1, 10) i;

CREATE VIEW seen AS SELECT id FROM plain;
CREATE MATERIALIZED VIEW kept AS SELECT count(*) AS c FROM plain;
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
COMMENT ON TABLE plain IS 'a comment';

SELECT lo_from_bytea(100001, 'a large object');
SELECT lo_create(100002);
SELECT lo_from_bytea(100003, decode(repeat('00ff0a5c2e', 20000), 'hex'));
-- past the sign bit of the archive's integers
SELECT lo_from_bytea(3000000001, '\x0a');
-- clients 17 and later put what has other privileges in another group
GRANT SELECT ON LARGE OBJECT 100003 TO PUBLIC;
COMMENT ON LARGE OBJECT 100001 IS 'a comment';
