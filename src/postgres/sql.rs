//! SQL as text: the one place where names and values are quoted, and, while testing, the check that nothing is left to
//! somebody else's `search_path`.
//!
//! Whoever may create a table chooses its name, and whoever owns a database chooses its `search_path`. So what is quoted
//! here is printable ASCII on one line, whatever it was: no line break can end a comment, no byte can be half of a
//! character in another encoding and swallow the quote behind it, and a terminal shows what `psql` will read.

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
    let quoted = name.replace('"', "\"\"");
    if name.bytes().all(is_printable) {
        return format!("\"{quoted}\"");
    }
    let mut text = String::from("U&\"");
    for c in quoted.chars() {
        match u32::from(c) {
            _ if c == '\\' => text.push_str("\\\\"),
            _ if c.is_ascii() && is_printable(c as u8) => text.push(c),
            number if number <= 0xFFFF => text.push_str(&format!("\\{number:04X}")),
            number => text.push_str(&format!("\\+{number:06X}")),
        }
    }
    text.push('"');
    text
}

/// A text as SQL takes it: `'main'`, `E'it''s \u00FC'`. It means the same whether `standard_conforming_strings` is on.
pub fn literal(value: &str) -> String {
    let quoted = value.replace('\'', "''");
    if value.bytes().all(|b| is_printable(b) && b != b'\\') {
        return format!("'{quoted}'");
    }
    let mut text = String::from("E'");
    for c in quoted.chars() {
        match u32::from(c) {
            _ if c == '\\' => text.push_str("\\\\"),
            _ if c.is_ascii() && is_printable(c as u8) => text.push(c),
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

/// A block of PL/pgSQL. It is a quoted text rather than a dollar-quoted one, which a name could end.
pub(super) fn do_block(body: &str) -> String {
    format!("DO {};", literal(body))
}

/// A statement that has an object's number where its name would stand: for a name that SQL in ASCII can't write. `kind` is the type
/// that turns the number into the name where it is run: `regclass`.
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

fn is_printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_it_is_one_line_of_ascii() {
        for (name, quoted) in [
            ("orders", r#""orders""#),
            ("O\"x\" y", r#""O""x"" y""#),
            ("back\\slash", r#""back\slash""#),
            ("Bücher", r#"U&"B\00FCcher""#),
            ("a\n\\! id", r#"U&"a\000A\\! id""#),
            ("\u{2028}\u{202e}\u{1b}[m", r#"U&"\2028\202E\001B[m""#),
            ("🐘\"", r#"U&"\+01F418""""#),
        ] {
            assert_eq!(ident(name), quoted);
        }
    }

    #[test]
    fn a_text_means_the_same_under_every_setting() {
        for (value, quoted) in [
            ("main", "'main'"),
            ("it's", "'it''s'"),
            (r"a\' OR 1", r"E'a\\'' OR 1'"),
            ("ü\n$pgcoffer$", r"E'\u00FC\u000A$pgcoffer$'"),
            ("🐘", r"E'\U0001F418'"),
        ] {
            assert_eq!(literal(value), quoted);
        }
    }

    #[test]
    fn names_are_shown_as_people_write_them() {
        assert_eq!(shown_relation("public", "orders_2"), "public.orders_2");
        assert_eq!(shown_relation("S x", "t"), "\"S x\".t");
        assert_eq!(shown("2nd"), "\"2nd\"");
    }
}
