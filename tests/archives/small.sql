-- Small enough that its archive can be cut at every byte.
SET client_min_messages = warning;
CREATE TABLE t (a int, b text);
INSERT INTO t VALUES (1, 'x'), (2, NULL), (3, '');
CREATE TABLE none (a int);
SELECT lo_from_bytea(7, 'large');
SELECT lo_from_bytea(8, '');
