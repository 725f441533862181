use super::Lexer;

fn passed(script: &str, piece_bytes: usize) -> String {
    let (mut lexer, mut out) = (Lexer::new(true), Vec::new());
    for piece in script.as_bytes().chunks(piece_bytes) {
        lexer.pass(piece, &mut out);
    }
    lexer.finish(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn what_psql_would_take_for_its_own_is_kept_from_it() {
    for (script, expected) in [
        (
            "CREATE VIEW v AS SELECT t.a[1:\"VERSION\"] FROM t;",
            "CREATE VIEW v AS SELECT t.a[1: \"VERSION\"] FROM t;",
        ),
        (
            "SELECT a[x:y], a[x:'1'::int], a[:2], a[x:], b::text, f(c := 1), a[:_x], a[1:ü], a[1:$1];",
            "SELECT a[x: y], a[x: '1'::int], a[: 2], a[x:], b::text, f(c := 1), a[: _x], a[1: ü], a[1: $1];",
        ),
        (
            "CREATE FUNCTION f(begin int) RETURNS begin\n    LANGUAGE sql\n    BEGIN ATOMIC\n SELECT (t.begin - \
             begin), CASE WHEN begin THEN 1 END AS begin FROM t;\nEND;\n\nCREATE TABLE begin (begin int);",
            "CREATE FUNCTION f(\"begin\" int) RETURNS \"begin\"\n    LANGUAGE sql\n    BEGIN ATOMIC\n SELECT \
             (t.\"begin\" - \"begin\"), CASE WHEN \"begin\" THEN 1 END AS \"begin\" FROM t;\nEND;\n\nCREATE TABLE \
             begin (begin int);",
        ),
        (
            "create or replace procedure begin() begin atomic; insert into begin values (1); end; BEGIN; COMMIT;",
            "create or replace procedure \"begin\"() begin atomic; insert into \"begin\" values (1); end; BEGIN; \
             COMMIT;",
        ),
    ] {
        for piece_bytes in [1, 2, 3, 7, 1000] {
            assert_eq!(passed(script, piece_bytes), expected, "{piece_bytes}");
        }
    }
}

#[test]
fn what_is_quoted_a_comment_or_a_row_stays_as_it_is() {
    for script in [
        "CREATE FUNCTION f() RETURNS text AS 'begin; a[x:y] '' :name' LANGUAGE sql;",
        "CREATE FUNCTION f() RETURNS text AS $_$begin a[x:y] $$ $_ :name $_$ LANGUAGE sql;",
        "CREATE FUNCTION f() RETURNS text AS $$begin $a$ :'x' $$ LANGUAGE sql;",
        "SELECT E'it\\'s :x \\\\', E'''\\' :y', 'back\\', U&'\\0041:x', U&\"d:x\", e':x';",
        "COMMENT ON TABLE \"a:b \"\" begin\" IS 'x:y';",
        "-- Name: a:b; Type: FUNCTION; begin\n/* :x /* :y */ begin :z */ SELECT 1 - 2 / 3;",
        "COPY public.t (a) FROM stdin;\n:x\t'begin\n\\\\.\n\\.x\n\\N\n\\.\n\nSELECT 1;",
        "COPY public.\"x'y\" (a) FROM stdin;\n\\.\n\\unrestrict a:b\n",
        "SELECT pg_catalog.lowrite(0, '\\x3a61');",
    ] {
        for piece_bytes in [1, 2, 5, 1000] {
            assert_eq!(passed(script, piece_bytes), script, "{piece_bytes}");
        }
    }
}

#[test]
fn with_old_strings_a_backslash_escapes() {
    let script = "SELECT 'it\\' :x', 'y';";
    let (mut lexer, mut out) = (Lexer::new(false), Vec::new());
    lexer.pass(script.as_bytes(), &mut out);
    assert_eq!(out, script.as_bytes());
}
