//! Finds what one of the agent's statements looks up by the `search_path`. Debug builds check every statement, so every
//! test that talks to a server also tests this.
//!
//! It knows only the SQL of this crate: every operator is in `OPERATOR(pg_catalog.…)`, every function, type and
//! relation after `pg_catalog.`, and constructs that look up an operator by the path (`IN`, `BETWEEN`, `NULLIF`, `CASE
//! value WHEN`, `USING`) are not used.

use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Literal,
    Operator(String),
    Mark(char),
}

/// Words before a parenthesis that are not function calls.
const NO_CALLS: &[&str] = &[
    "all", "and", "any", "as", "coalesce", "else", "exists", "from", "greatest", "join", "lateral", "least", "not",
    "on", "operator", "or", "over", "select", "then", "values", "when", "where",
];

/// Words that look up an operator by the path.
const BY_PATH: &[&str] = &[
    "between", "ilike", "in", "like", "natural", "nullif", "similar", "using",
];

/// The first thing in this SQL that is looked up by the `search_path`; `None` if there is nothing.
pub(in crate::postgres) fn unqualified(sql: &str) -> Option<String> {
    let tokens = match tokens(sql) {
        Ok(tokens) => tokens,
        Err(fault) => return Some(fault),
    };
    let statements = tokens.split(|token| *token == Token::Mark(';'));
    statements.filter_map(in_statement).next()
}

fn in_statement(tokens: &[Token]) -> Option<String> {
    // settings have no operators, and their names are not looked up
    let settings = ["set", "reset", "begin", "commit", "rollback", ""];
    let statement = Statement {
        tokens,
        own: common_tables(tokens),
    };
    if settings.contains(&statement.word(0)) {
        return None;
    }
    (0..tokens.len()).find_map(|at| match &tokens[at] {
        Token::Operator(operator) => statement.operator(at, operator),
        Token::Word(word) => statement.name(at, word),
        _ => None,
    })
}

struct Statement<'a> {
    tokens: &'a [Token],
    own: BTreeSet<String>,
}

impl Statement<'_> {
    fn word(&self, at: usize) -> &str {
        match self.tokens.get(at) {
            Some(Token::Word(word)) => word,
            _ => "",
        }
    }

    fn mark(&self, at: usize, mark: char) -> bool {
        self.tokens.get(at) == Some(&Token::Mark(mark))
    }

    fn is_qualified(&self, at: usize) -> bool {
        at >= 2 && self.mark(at - 1, '.') && self.word(at - 2) == "pg_catalog"
    }

    fn operator(&self, at: usize, operator: &str) -> Option<String> {
        let is_fine = match operator {
            "::" if self.word(at + 1) == "pg_catalog" => true,
            "::" => return Some(format!("a cast to {}", self.word(at + 1))),
            "*" if at > 0 && self.mark(at - 1, '(') && self.mark(at + 1, ')') => true,
            _ => self.is_qualified(at) && at >= 4 && self.word(at - 4) == "operator",
        };
        (!is_fine).then(|| format!("the operator {operator}"))
    }

    fn name(&self, at: usize, name: &str) -> Option<String> {
        let next = self.word(at + 1);
        let is_catalogs = name.starts_with("pg_") && !["pg_catalog", "pg_temp"].contains(&name);
        let is_call = self.mark(at + 1, '(') && !NO_CALLS.contains(&name);
        let is_alias = at > 0 && self.word(at - 1) == "as";
        let is_relation = ["from", "join"].contains(&name) && !self.mark(at + 1, '(');
        let is_known = ["pg_catalog", "lateral"].contains(&next) || self.own.contains(next);
        match name {
            _ if BY_PATH.contains(&name) => Some(name.to_owned()),
            "case" if next != "when" => Some("case of a value".to_owned()),
            "distinct" if next == "from" => Some("is distinct from".to_owned()),
            _ if is_catalogs && !self.is_qualified(at) => Some(name.to_owned()),
            _ if is_call && !is_alias && !self.is_qualified(at) && !self.own.contains(name) => {
                Some(format!("the function {name}"))
            }
            _ if is_relation && !is_known => Some(format!("the relation {next}")),
            _ => None,
        }
    }
}

/// The names that the statement defines by `WITH name AS (`, `WITH RECURSIVE name AS (` or `, name (columns) AS (`.
fn common_tables(tokens: &[Token]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(name) = token else { continue };
        let begins = ["with", "recursive"].map(|word| Token::Word(word.to_owned()));
        let is_first = at > 0 && (begins.contains(&tokens[at - 1]) || tokens[at - 1] == Token::Mark(','));
        let mut next = at + 1;
        if tokens.get(next) == Some(&Token::Mark('(')) {
            next += 1 + tokens[next..]
                .iter()
                .take_while(|token| **token != Token::Mark(')'))
                .count();
        }
        let is_table =
            tokens.get(next) == Some(&Token::Word("as".into())) && tokens.get(next + 1) == Some(&Token::Mark('('));
        if is_first && is_table {
            names.insert(name.clone());
        }
    }
    names
}

fn tokens(sql: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if c.is_whitespace() => c.len_utf8(),
            '\'' => {
                let is_escaped = tokens.last() == Some(&Token::Word("e".into()));
                let length = quoted(rest, '\'')?;
                if rest[..length].contains('\\') && !is_escaped {
                    return Err("a backslash in a text, which standard_conforming_strings decides".into());
                }
                tokens.push(Token::Literal);
                length
            }
            '"' => {
                let length = quoted(rest, '"')?;
                tokens.push(Token::Word(rest[1..length - 1].to_owned()));
                length
            }
            '-' if rest.starts_with("--") => return Err("a comment".into()),
            c if c.is_ascii_alphanumeric() || c == '_' => {
                let length = rest
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                let word = rest[..length].to_ascii_lowercase();
                tokens.push(if first.is_ascii_digit() {
                    Token::Literal
                } else {
                    Token::Word(word)
                });
                length
            }
            c if "=<>!~|+-*/%^&#@?`:".contains(c) => {
                let length = rest
                    .find(|c: char| !"=<>!~|+-*/%^&#@?`:".contains(c))
                    .unwrap_or(rest.len());
                tokens.push(Token::Operator(rest[..length].to_owned()));
                length
            }
            c => {
                tokens.push(Token::Mark(c));
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// The length of the quoted text at the beginning. A doubled quote is part of the text.
fn quoted(text: &str, quote: char) -> Result<usize, String> {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return Ok(at);
        }
        at += 1;
    }
    Err("a quote that is not closed".into())
}

#[cfg(test)]
mod tests {
    use super::unqualified;

    #[test]
    fn what_is_left_to_the_path_is_found() {
        for (sql, found) in [
            ("SELECT 1 = 1", "the operator ="),
            (
                "SELECT a OPERATOR(pg_catalog.=) b AND c<>d FROM pg_catalog.t",
                "the operator <>",
            ),
            ("SELECT count(*)", "the function count"),
            ("SELECT public.count(*)", "the function count"),
            ("SELECT x FROM pg_class", "the relation pg_class"),
            ("SELECT x FROM pg_catalog.a AS a, pg_class AS c", "pg_class"),
            ("SELECT x FROM pg_catalog.a JOIN b ON true", "the relation b"),
            ("SELECT '1'::int8", "a cast to int8"),
            ("SELECT x IN (1)", "in"),
            ("SELECT CASE x WHEN 1 THEN 2 END", "case of a value"),
            ("SELECT x IS DISTINCT FROM y", "is distinct from"),
            ("SELECT NULLIF(x, 0)", "nullif"),
            (
                r"SELECT '\n'",
                "a backslash in a text, which standard_conforming_strings decides",
            ),
            ("SET search_path = pg_catalog; SELECT now()", "the function now"),
            ("WITH a AS (SELECT 1) SELECT b(1) FROM a", "the function b"),
        ] {
            assert_eq!(unqualified(sql).as_deref(), Some(found), "{sql}");
        }
    }

    #[test]
    fn what_is_qualified_passes() {
        for sql in [
            "BEGIN READ ONLY; SET LOCAL search_path = pg_catalog, pg_temp; COMMIT",
            "WITH a (x) AS (SELECT 1), b AS (SELECT pg_catalog.count(*) FROM a) SELECT COALESCE(x, 0) FROM b CROSS \
             JOIN a",
            r"SELECT a.x OPERATOR(pg_catalog.!~) '^pg_' FROM pg_catalog.pg_class AS a WHERE a.y OPERATOR(pg_catalog.=) E'a\\b''c'",
            r#"SELECT 'x'::pg_catalog."char", y FROM (VALUES (1)) AS k (kind)"#,
            "SELECT current_user",
        ] {
            assert_eq!(unqualified(sql), None, "{sql}");
        }
    }
}
