//! Defaults in a CREATE TABLE statement that reach what the table shares with others.

use super::statement::{Word, words_with_places};

/// PostgreSQL's own functions that count in a sequence or look into one.
const OF_SEQUENCES: &[&str] = &["nextval", "currval", "lastval", "setval"];

/// A default that was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SharedDefault {
    /// The column's name.
    pub(super) column: String,
    /// The expression as pg_dump wrote it.
    pub(super) expression: String,
}

/// The statement without the defaults that count in a sequence or call a function of the database, and what these were. All
/// others can reach nothing.
pub(super) fn without_shared_defaults(statement: &str) -> (String, Vec<SharedDefault>) {
    let words = words_with_places(statement);
    let (mut kept, mut from, mut found) = (String::new(), 0, Vec::new());
    let (mut depth, mut column) = (0, None);
    let mut at = 0;
    while let Some((word, begin)) = words.get(at) {
        depth += nesting(word);
        if depth == 1 && matches!(word, Word::Mark('(' | ',')) {
            column = words.get(at + 1).and_then(|(word, _)| word.name());
        }
        at += 1;
        if depth != 1 || !word.is("default") {
            continue;
        }
        let length = expression_length(&words[at..]);
        let expression = &words[at..at + length];
        let end = words.get(at + length).map_or(statement.len(), |(_, place)| *place);
        if is_shared(expression) {
            kept.push_str(statement[from..*begin].trim_end());
            from = end;
            // what follows a default on its line is set apart from it by a blank
            let is_word = words.get(at + length).is_some_and(|(word, _)| word.name().is_some());
            kept.push_str(if is_word { " " } else { "" });
            let text = statement[*begin + "DEFAULT".len()..end].trim();
            found.push(SharedDefault {
                column: column.clone().unwrap_or_default(),
                expression: text.to_owned(),
            });
        }
        at += length;
    }
    kept.push_str(&statement[from..]);
    (kept, found)
}

fn nesting(word: &Word) -> i32 {
    match word {
        Word::Mark('(' | '[') => 1,
        Word::Mark(')' | ']') => -1,
        _ => 0,
    }
}

/// The number of words of a default. The server writes every operator of an expression in parentheses, so what follows it
/// can't be a part of it.
fn expression_length(words: &[(Word, usize)]) -> usize {
    let mut depth = 0;
    let is_behind = |(word, _): &(Word, usize)| {
        let ends = depth == 0
            && (matches!(word, Word::Mark(',' | ')')) || ["not", "constraint", "collate"].iter().any(|it| word.is(it)));
        depth += nesting(word);
        ends
    };
    words.iter().position(is_behind).unwrap_or(words.len())
}

/// Whether an expression calls a function that is in a schema of the database, or counts in a sequence. pg_dump names the
/// schema of everything but PostgreSQL's own.
fn is_shared(expression: &[(Word, usize)]) -> bool {
    let word = |at: usize| expression.get(at).map(|(word, _)| word);
    (0..expression.len()).any(|at| {
        let Some(name) = word(at).and_then(Word::name) else {
            return false;
        };
        let is_call = word(at + 1) == Some(&Word::Mark('('));
        let is_qualified = at >= 2 && word(at - 1) == Some(&Word::Mark('.'));
        // a type with a length follows a cast
        let is_type = at >= 3 && word(at - 3) == Some(&Word::Mark(':'));
        is_call && ((is_qualified && !is_type) || (!is_qualified && OF_SEQUENCES.contains(&name.as_str())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_that_reach_something_shared_are_taken_out() {
        let sql = "CREATE TABLE app.t (\n    id integer DEFAULT nextval('app.\"a,b\"'::regclass) NOT NULL,\n    \"DEFAULT\" text DEFAULT \
            ('x'::text || app.next(1, ARRAY[1, 2])) COLLATE pg_catalog.\"C\",\n    a integer[] DEFAULT ARRAY[1, 2],\n    m app.mood \
            DEFAULT 'nextval('::app.mood,\n    n app.num DEFAULT '1'::app.num(3) CONSTRAINT c NOT NULL,\n    l text DEFAULT \
            (nextval('s.q'::regclass))::text,\n    d date DEFAULT now(),\n    CONSTRAINT has CHECK ((app.is_good(a)))\n)";
        let (kept, found) = without_shared_defaults(sql);
        let wanted = "CREATE TABLE app.t (\n    id integer NOT NULL,\n    \"DEFAULT\" text COLLATE pg_catalog.\"C\",\n    a integer[] \
            DEFAULT ARRAY[1, 2],\n    m app.mood DEFAULT 'nextval('::app.mood,\n    n app.num DEFAULT '1'::app.num(3) CONSTRAINT c \
            NOT NULL,\n    l text,\n    d date DEFAULT now(),\n    CONSTRAINT has CHECK ((app.is_good(a)))\n)";
        assert_eq!(kept, wanted);
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.column.as_str(), it.expression.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("id", "nextval('app.\"a,b\"'::regclass)"),
                ("DEFAULT", "('x'::text || app.next(1, ARRAY[1, 2]))"),
                ("l", "(nextval('s.q'::regclass))::text"),
            ]
        );
        // a generated column is none
        let sql = "CREATE TABLE app.t (\n    a integer GENERATED ALWAYS AS (app.f(b)) STORED\n)";
        assert_eq!(without_shared_defaults(sql), (sql.to_owned(), Vec::new()));
    }
}
