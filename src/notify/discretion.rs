//! What may leave the machine of an error's words: never a row of a table, never a password.
//!
//! PostgreSQL puts values of rows into `DETAIL` and `CONTEXT` (`Key (email)=(ann@example.com) already exists`), and now and
//! then into the message itself (`invalid input syntax for type integer: "ann@example.com"`). The record in the bucket is sealed and keeps
//! all of it; what goes over channels is cut down here.

/// Lines that a text is cut to.
const LINES_MAX: usize = 8;
/// Characters that it is cut to.
const CHARS_MAX: usize = 900;
/// What takes the place of a value.
const LEFT_OUT: &str = "…";

/// Fields of PostgreSQL's messages that may hold rows or statements, as psql, pg_dump and libpq write them.
const FIELDS: [&str; 7] = [
    "detail:",
    "context:",
    "statement:",
    "query:",
    "command was:",
    "line ",
    "copy ",
];

/// Words before a name in quotes: what follows them is an object's name, and worth knowing.
const OBJECTS: [&str; 32] = [
    "table",
    "relation",
    "column",
    "schema",
    "role",
    "user",
    "database",
    "index",
    "sequence",
    "function",
    "view",
    "type",
    "constraint",
    "extension",
    "host",
    "server",
    "encoding",
    "policy",
    "language",
    "tablespace",
    "parameter",
    "publication",
    "subscription",
    "trigger",
    "operator",
    "collation",
    "domain",
    "for",
    "on",
    "of",
    "procedure",
    "object",
];

/// The words of an error without what could be a value: fields that hold rows, values in quotes and parentheses, users and
/// passwords of URLs; not too many of them.
#[must_use]
pub fn discreet(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut skipping = false;
    for line in text.lines() {
        // a field goes on until the next line that says what it is
        skipping = if is_field(line) {
            true
        } else {
            skipping && is_continuation(line)
        };
        if !skipping && !line.trim().is_empty() {
            lines.push(without_values(&without_logins(line.trim_end())));
        }
    }
    let more = lines.len() > LINES_MAX;
    lines.truncate(LINES_MAX);
    let whole = lines.join("\n");
    let cut: String = whole.chars().take(CHARS_MAX).collect();
    if more || cut.len() < whole.len() {
        return cut + " …";
    }
    cut
}

/// Whether a line begins a field that may hold rows, behind the program's name or not.
fn is_field(line: &str) -> bool {
    let lower = line.trim_start().to_lowercase();
    let behind_program = ["pg_dump: ", "pg_restore: ", "psql: "]
        .iter()
        .find_map(|program| lower.strip_prefix(program));
    let bare = behind_program.unwrap_or(&lower);
    let bare = bare.trim_start();
    // `detail: Error message from server: ERROR:  …` is the server's message, and the one line that says what happened
    if bare.starts_with("detail: error message from server:") {
        return false;
    }
    FIELDS.iter().any(|field| bare.starts_with(field)) || bare.starts_with("detail:  command was")
}

/// Whether a line can only be the rest of the one before.
fn is_continuation(line: &str) -> bool {
    let begins = [
        "pg_dump:",
        "pg_restore:",
        "psql:",
        "ERROR:",
        "FATAL:",
        "HINT:",
        "hint:",
        "error:",
    ];
    !begins
        .iter()
        .any(|begin| line.trim_start().starts_with(begin))
}

/// `://user:password@` of a URL.
fn without_logins(line: &str) -> String {
    let words = line
        .split(' ')
        .map(|word| match (word.find("://"), word.rfind('@')) {
            (Some(from), Some(to)) if from < to => {
                format!("{}{LEFT_OUT}{}", &word[..from + 3], &word[to..])
            }
            _ => word.to_owned(),
        });
    words.collect::<Vec<_>>().join(" ")
}

/// Strikes out what stands in quotes, unless it is the name of an object, and in parentheses behind `=`.
fn without_values(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['"', '\'', '(']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let open = from.chars().next().expect("it was found there");
        let is_word = open == '\'' && before.ends_with(char::is_alphanumeric);
        let is_value = match open {
            '(' => before.ends_with('='),
            '\'' => !is_word,
            _ => !names_an_object(before),
        };
        let close = if open == '(' { ')' } else { open };
        // without an end all that follows belongs to it
        let end = from[1..]
            .find(close)
            .map(|end| end + 2)
            .filter(|_| !is_word && (is_value || open != '('));
        match (is_value, end) {
            (true, end) => {
                out.push_str(&format!("{open}{LEFT_OUT}{close}"));
                rest = &from[end.unwrap_or(from.len())..];
            }
            (false, Some(end)) => {
                out.push_str(&from[..end]);
                rest = &from[end..];
            }
            (false, None) => {
                out.push(open);
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn names_an_object(before: &str) -> bool {
    let word = before.split_whitespace().last().unwrap_or_default();
    let bare = word.trim_start_matches(['(', '"']).to_lowercase();
    before.ends_with(' ') && OBJECTS.contains(&bare.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_left_out_and_what_failed_is_not() {
        let text = "pg_dump ended with exit status: 1: pg_dump: error: Dumping the contents of table \"people\" failed: PQgetResult() failed.\n\
            pg_dump: detail: Error message from server: ERROR:  invalid input syntax for type integer: \"ann@example.com\"\n\
            CONTEXT:  PL/pgSQL function f(text) line 3\n  and ann@example.com goes on\n\
            pg_dump: detail: Command was: COPY (SELECT id, 'ann@example.com' FROM people) TO stdout;";
        let told = discreet(text);
        assert!(!told.contains("ann"), "{told}");
        assert!(told.contains("table \"people\" failed"), "{told}");
        assert!(
            told.contains("invalid input syntax for type integer: \"…\""),
            "{told}"
        );
        assert_eq!(told.lines().count(), 2, "{told}");
    }

    #[test]
    fn keys_logins_and_literals_are_struck_out() {
        for (text, told) in [
            (
                "Key (email)=(a@b) already exists",
                "Key (email)=(…) already exists",
            ),
            ("DETAIL:  Key (email)=(a@b) already exists.", ""),
            ("near 'Ann Smith' in it", "near '…' in it"),
            (
                "can't reach it, it doesn't answer",
                "can't reach it, it doesn't answer",
            ),
            (
                "no such thing postgres://u:p@h/db here",
                "no such thing postgres://…@h/db here",
            ),
            (
                "permission denied for schema \"shut\"",
                "permission denied for schema \"shut\"",
            ),
            ("value \"left open", "value \"…\""),
            (
                "cannot connect to u@h:5432/db: connection refused (os error 111)",
                "cannot connect to u@h:5432/db: connection refused (os error 111)",
            ),
        ] {
            assert_eq!(discreet(text), told);
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let told = discreet(&"word ".repeat(1000));
        assert!(told.chars().count() <= CHARS_MAX + 2);
        assert!(discreet(&"line\n".repeat(100)).lines().count() <= LINES_MAX + 1);
    }
}
