//! SQL as text: the only place where names and values are quoted, and, in debug builds, the check that no statement
//! depends on the `search_path`.
//!
//! The creator of a table chooses its name, and the owner of a database chooses its `search_path`. So everything that
//! is quoted here becomes printable ASCII on one line: no line break can end a comment, no byte can be half of a
//! character in another encoding and hide the quote after it, and a terminal shows what `psql` will read.
//!
//! Users paste statements into a shell, as `psql -c '…'` or `psql -c "…"`, with the same quotes as SQL. So only
//! letters, digits, `_`, `.` and `-` of a name remain unescaped: a shell runs nothing of it, inside any quotes or
//! outside of them.

#[cfg(debug_assertions)]
mod lint;

#[cfg(debug_assertions)]
pub(super) use lint::unqualified;

/// A name for SQL, always quoted: `"orders"`, `U&"B\00FCcher"`.
///
/// `U&"…"` can contain any character by its number, and means the same under all settings of the session.
///
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS-UESCAPE>
pub fn ident(name: &str) -> String {
    if name.chars().all(is_plain) {
        return format!("\"{name}\"");
    }
    let mut text = String::from("U&\"");
    for c in name.chars() {
        match u32::from(c) {
            _ if is_plain(c) => text.push(c),
            number if number <= 0xFFFF => text.push_str(&format!("\\{number:04X}")),
            number => text.push_str(&format!("\\+{number:06X}")),
        }
    }
    text.push('"');
    text
}

/// A literal for SQL: `'main'`, `E'it\u0027s \u00FC'`. It means the same under both values of
/// `standard_conforming_strings`.
pub fn literal(value: &str) -> String {
    let stays = |c| is_plain(c) || matches!(c, ' ' | ',' | '=' | '/');
    if value.chars().all(stays) {
        return format!("'{value}'");
    }
    let mut text = String::from("E'");
    for c in value.chars() {
        match u32::from(c) {
            _ if stays(c) => text.push(c),
            number if number <= 0xFFFF => text.push_str(&format!("\\u{number:04X}")),
            number => text.push_str(&format!("\\U{number:08X}")),
        }
    }
    text.push('\'');
    text
}

/// A relation with its schema, for SQL.
pub fn relation(schema: &str, name: &str) -> String {
    format!("{}.{}", ident(schema), ident(name))
}

/// A PL/pgSQL block, whose names and literals were quoted by this module. The body is a literal, not dollar-quoted: a
/// name could end a dollar quote, and a shell would read it as a variable. It stays readable, so that it can be checked
/// before it is run.
pub(super) fn do_block(body: &str) -> String {
    debug_assert!(body.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{body}");
    format!("DO E'{}';", body.replace('\\', "\\\\").replace('\'', "''"))
}

/// A statement that finds an object by oid, for names that ASCII SQL can't contain. `kind` is the type that converts
/// the oid to the name when the statement runs, such as `regclass`.
pub(super) fn by_number(before: &str, kind: &str, number: &str, behind: &str) -> String {
    do_block(&format!(
        "BEGIN EXECUTE pg_catalog.concat({}, {number}::pg_catalog.oid::pg_catalog.{kind}, {}); END",
        literal(before),
        literal(behind)
    ))
}

/// A name for people, never for SQL: quoted only if necessary, without regard to keywords. It is still untrusted text.
pub(super) fn shown(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if is_plain {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A relation with its schema, for people.
pub(super) fn shown_relation(schema: &str, name: &str) -> String {
    format!("{}.{}", shown(schema), shown(name))
}

/// Whether a character is harmless to a shell, to SQL and to `psql`, anywhere in a word.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_it_is_one_line_of_plain_ascii() {
        for (name, quoted) in [
            ("orders", r#""orders""#),
            ("Order-2.old", r#""Order-2.old""#),
            ("O\"x\" y", r#"U&"O\0022x\0022\0020y""#),
            ("back\\slash", r#"U&"back\005Cslash""#),
            ("Bücher", r#"U&"B\00FCcher""#),
            ("a\n\\! id", r#"U&"a\000A\005C\0021\0020id""#),
            ("\u{2028}\u{202e}\u{1b}[m", r#"U&"\2028\202E\001B\005Bm""#),
            ("🐘\"", r#"U&"\+01F418\0022""#),
        ] {
            assert_eq!(ident(name), quoted);
        }
    }

    #[test]
    fn a_text_means_the_same_under_every_setting() {
        for (value, quoted) in [
            ("main", "'main'"),
            ("for a role", "'for a role'"),
            ("it's", r"E'it\u0027s'"),
            (r"a\' OR 1", r"E'a\u005C\u0027 OR 1'"),
            ("ü\n$pgcoffer$", r"E'\u00FC\u000A\u0024pgcoffer\u0024'"),
            ("🐘", r"E'\U0001F418'"),
        ] {
            assert_eq!(literal(value), quoted);
        }
    }

    /// Runs a real shell, as a user does who pastes a printed statement between its quotes.
    #[test]
    fn between_whichever_quotes_of_a_shell_a_statement_is_pasted_nothing_runs() {
        let folder = tempfile::tempdir().unwrap();
        let says = |command: &str| {
            let mut shell = std::process::Command::new("sh");
            let output = shell.current_dir(folder.path()).args(["-c", command]).output();
            let left = std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left, 0, "{command}");
            String::from_utf8(output.unwrap().stdout).unwrap()
        };
        for name in [
            "o'; touch y; echo '",
            "o\"; touch y; echo \"",
            "$(touch y)",
            "`touch y`",
            "a' 'b & touch y #",
            "a\" \"b | touch y",
            "\ntouch y\n",
            "\\'; touch y #",
            "\\\"; touch y #",
            "> y",
            "'> y'",
            "\"> y\"",
            "!! touch y",
            "${y:=$(touch y)}",
            "*",
            "x -o y",
        ] {
            let grant = format!("GRANT SELECT ON TABLE {} TO {};", relation(name, name), ident(name));
            assert_eq!(says(&format!("printf %s '{grant}'")), grant);
            let block = do_block(&format!(
                "BEGIN EXECUTE pg_catalog.concat({}, {}); END",
                literal(name),
                literal(&grant)
            ));
            for statement in [grant, block] {
                says(&format!("printf '%s\n' \"{statement}\""));
                says(&format!("printf '%s\n' '{statement}'"));
                says(&format!("printf '%s\n' {statement}"));
            }
        }
    }

    #[test]
    fn names_are_shown_as_people_write_them() {
        assert_eq!(shown_relation("public", "orders_2"), "public.orders_2");
        assert_eq!(shown_relation("S x", "t"), "\"S x\".t");
        assert_eq!(shown("2nd"), "\"2nd\"");
    }
}
