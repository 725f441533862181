//! SQL as text: the one place where names and values are quoted, and, while testing, the check that nothing is left to
//! somebody else's `search_path`.
//!
//! Whoever may create a table chooses its name, and whoever owns a database chooses its `search_path`. So what is
//! quoted here is printable ASCII on one line, whatever it was: no line break can end a comment, no byte can be half of
//! a character in another encoding and swallow the quote behind it, and a terminal shows what `psql` will read.
//!
//! People paste statements into a shell, `psql -c '…'` or `psql -c "…"`, whose quotes are ours as well. So of a name
//! nothing stands as it is but letters, digits and `_`, `.`, `-`: between whichever quotes it comes to stand, or
//! between none, a shell runs nothing of it.

#[cfg(debug_assertions)]
mod lint;

#[cfg(debug_assertions)]
pub(super) use lint::unqualified;

/// A name as SQL takes it, always quoted: `"orders"`, `U&"B\00FCcher"`.
///
/// `U&"…"` holds any character by its number, and means the same whatever the session's settings are.
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

/// A text as SQL takes it: `'main'`, `E'it\u0027s \u00FC'`. It means the same whether `standard_conforming_strings` is
/// on.
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

/// A relation with its schema, as SQL takes it.
pub fn relation(schema: &str, name: &str) -> String {
    format!("{}.{}", ident(schema), ident(name))
}

/// A block of PL/pgSQL, whose names and texts were quoted here. It is a quoted text rather than a dollar-quoted one,
/// which a name could end, and which a shell would take for a variable. It stays readable, since whoever runs it is to
/// read it first.
pub(super) fn do_block(body: &str) -> String {
    debug_assert!(body.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{body}");
    format!("DO E'{}';", body.replace('\\', "\\\\").replace('\'', "''"))
}

/// A statement that has an object's number where its name would stand: for a name that SQL in ASCII can't write. `kind`
/// is the type that turns the number into the name where it is run: `regclass`.
pub(super) fn by_number(before: &str, kind: &str, number: &str, behind: &str) -> String {
    do_block(&format!(
        "BEGIN EXECUTE pg_catalog.concat({}, {number}::pg_catalog.oid::pg_catalog.{kind}, {}); END",
        literal(before),
        literal(behind)
    ))
}

/// A name as people know it, never to be run: quoted only where it has to be, keywords not being looked at. It is as
/// untrusted as it was.
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

/// A relation with its schema, as people know it.
pub(super) fn shown_relation(schema: &str, name: &str) -> String {
    format!("{}.{}", shown(schema), shown(name))
}

/// Whether a character means nothing to a shell, to SQL or to `psql`, wherever it stands in a word.
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

    /// A shell is asked, as somebody who pastes a printed statement between its quotes asks it.
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
