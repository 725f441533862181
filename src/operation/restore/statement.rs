//! Reads names out of statements that pg_dump wrote: roles of policies, user mappings and privileges, languages,
//! columns.
//!
//! pg_dump quotes every name that is a reserved word, so an unquoted `TO` or `USING` is never a name.

use crate::archive::Entry;

/// A token of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A keyword, or a name that needs no quotes.
    Bare(String),
    /// A name in quotes.
    Quoted(String),
    /// Any other character.
    Mark(char),
}

impl Word {
    pub(super) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Bare(word) if word.eq_ignore_ascii_case(keyword))
    }

    /// The name that the token is; `None` for a punctuation mark.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Bare(name) | Self::Quoted(name) => Some(name.clone()),
            Self::Mark(_) => None,
        }
    }
}

/// The roles of a CREATE POLICY statement; empty if the policy is for PUBLIC.
pub(super) fn policy_roles(definition: &str) -> Vec<String> {
    let words = words(definition);
    let head = words.iter().take_while(|word| !word.is("using") && !word.is("with"));
    roles(head.skip_while(|word| !word.is("to")).skip(1))
}

/// The role of a CREATE USER MAPPING statement; empty if it is for PUBLIC.
pub(super) fn mapped_role(definition: &str) -> Vec<String> {
    let words = words(definition);
    let behind = words.iter().skip_while(|word| !word.is("for")).skip(1);
    roles(behind.take_while(|word| !word.is("server")))
}

/// The roles that GRANT, REVOKE and ALTER DEFAULT PRIVILEGES statements name, except PUBLIC.
pub(in crate::operation) fn granted_roles(definition: &str) -> Vec<String> {
    let words = words(definition);
    let (mut found, mut depth) = (Vec::new(), 0);
    for (at, word) in words.iter().enumerate() {
        match word {
            Word::Mark('(') => depth += 1,
            Word::Mark(')') => depth -= 1,
            _ => (),
        }
        let is_owner = word.is("role") && at > 0 && words[at - 1].is("for");
        let names_roles = depth == 0 && (word.is("to") || word.is("from") || is_owner);
        let next = words.get(at + 1).filter(|_| names_roles);
        found.extend(roles(next.into_iter()));
    }
    found
}

/// The first `max` names, separated by commas, and how many more there are.
pub(super) fn listed(mut names: Vec<String>, max: usize) -> String {
    let more = names.len().saturating_sub(max);
    names.truncate(max);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

fn roles<'a>(words: impl Iterator<Item = &'a Word>) -> Vec<String> {
    let everybody = ["public", "current_user", "session_user", "current_role"];
    words
        .filter(|word| !everybody.iter().any(|name| word.is(name)))
        .filter_map(Word::name)
        .collect()
}

/// The name after a keyword outside of parentheses, like the language of a function or the provider of a label.
pub(in crate::operation) fn name_after(keyword: &str, definition: &str) -> Option<String> {
    let words = words(definition);
    let mut depth = 0;
    let at = words.iter().position(|word| {
        match word {
            Word::Mark('(') => depth += 1,
            Word::Mark(')') => depth -= 1,
            _ => (),
        }
        depth == 0 && word.is(keyword)
    })?;
    words.get(at + 1)?.name()
}

/// Whether the entry is on this table: its name begins with the table's, or is the same. The name `a b c` may be that
/// of `b c` on the table `a`, or of `c` on the table `a b`: its statement tells which.
pub(super) fn is_on(entry: &Entry, table: &Entry) -> bool {
    let begins_with = |name: &str| {
        let rest = entry.name.raw().strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let is_possible = entry.schema == table.schema && begins_with(table.name.raw());
    is_possible
        && match table_it_is_on(entry.kind.raw(), entry.definition.raw()) {
            // what the statement doesn't tell in these words goes by the name
            Some((_, name)) if begins_with(&name) => table.name == name.as_str(),
            _ => true,
        }
}

/// Schema and name of the table that a policy, rule, trigger, constraint, default or row security is on, by its
/// statement; `None` for anything else.
fn table_it_is_on(kind: &str, definition: &str) -> Option<(String, String)> {
    let before: &[&str] = match kind {
        "POLICY" | "TRIGGER" => &["on"],
        "RULE" => &["to"],
        "CONSTRAINT" | "CHECK CONSTRAINT" | "FK CONSTRAINT" | "DEFAULT" | "ROW SECURITY" => &["table", "only"],
        _ => return None,
    };
    let words = words(definition);
    let at = words.iter().position(|word| word.is(before[0]))?;
    let mut behind = words[at + 1..]
        .iter()
        .skip_while(|word| before[1..].iter().any(|keyword| word.is(keyword)));
    let (schema, dot, name) = (behind.next()?, behind.next()?, behind.next()?);
    (*dot == Word::Mark('.')).then(|| Some((schema.name()?, name.name()?)))?
}

/// The columns that a COPY statement names; empty if it names none.
pub(in crate::operation) fn columns(copy: &str) -> Vec<String> {
    let words = words(copy);
    let inside = words
        .iter()
        .skip_while(|word| **word != Word::Mark('('))
        .take_while(|word| **word != Word::Mark(')'));
    inside.filter_map(Word::name).collect()
}

/// A CREATE TABLE statement with another name for its table, and without what makes it partitioned; `None` if it is no
/// such statement.
pub(super) fn table_renamed(definition: &str, name: &str) -> Option<String> {
    let words = words_with_places(definition);
    let head = words.iter().position(|(word, _)| word.is("table"))?;
    let create: Vec<&Word> = words[..head].iter().map(|(word, _)| word).collect();
    let is_create = match create[..] {
        [create] => create.is("create"),
        [create, kind] => create.is("create") && kind.is("unlogged"),
        _ => false,
    };
    let is_qualified = matches!(words.get(head + 2), Some((Word::Mark('.'), _)));
    if !is_create || !is_qualified {
        return None;
    }
    let (_, begin) = words.get(head + 1)?;
    let (_, behind) = words.get(head + 4)?;
    let mut depth = 0;
    let partition = words[head + 4..].iter().find(|(word, _)| {
        match word {
            Word::Mark('(') => depth += 1,
            Word::Mark(')') => depth -= 1,
            _ => (),
        }
        depth == 0 && word.is("partition")
    });
    let end = partition.map_or(definition.len(), |(_, at)| *at);
    let (head, rest) = (&definition[..*begin], definition[*behind..end].trim_end());
    Some(format!("{head}{name} {rest}"))
}

/// The columns of a CREATE TABLE statement that have this type.
pub(super) fn columns_of_type(definition: &str, kind: &str) -> Vec<String> {
    let words = words(definition);
    let (mut depth, mut found) = (0, Vec::new());
    for (at, word) in words.iter().enumerate() {
        match word {
            Word::Mark('(') => depth += 1,
            Word::Mark(')') => depth -= 1,
            // the first statement is the one that makes it
            Word::Mark(';') => break,
            _ => (),
        }
        let is_before_column = depth == 1 && matches!(word, Word::Mark('(' | ','));
        let column = words.get(at + 1).and_then(Word::name).filter(|_| is_before_column);
        let its_type = match words.get(at + 3) {
            Some(Word::Mark('.')) => words.get(at + 4),
            _ => words.get(at + 2),
        };
        if its_type.is_some_and(|it| it.is(kind)) {
            found.extend(column);
        }
    }
    found
}

/// Whether the keywords follow one another somewhere in the statement, outside of literals and quoted names.
pub(super) fn has_keywords(keywords: &[&str], definition: &str) -> bool {
    let words = words(definition);
    let mut places = words.windows(keywords.len());
    places.any(|place| place.iter().zip(keywords).all(|(word, keyword)| word.is(keyword)))
}

/// Whether an entry is a SECURITY DEFINER function or procedure, which runs with its owner's rights.
pub(super) fn is_definer(entry: &Entry) -> bool {
    ["FUNCTION", "PROCEDURE"].contains(&entry.kind.raw())
        && has_keywords(&["security", "definer"], entry.definition.raw())
}

/// Splits SQL into statements, each without its semicolon. The SQL must not contain bodies of statements (BEGIN
/// ATOMIC).
pub(super) fn statements(sql: &str) -> Vec<&str> {
    let mut begin = 0;
    let mut found = Vec::new();
    for (word, at) in words_with_places(sql) {
        if word == Word::Mark(';') {
            found.push(sql[begin..at].trim());
            begin = at + 1;
        }
    }
    found.push(sql[begin..].trim());
    found.retain(|statement| !statement.is_empty());
    found
}

/// Whether a statement is a GRANT to PUBLIC or a REVOKE from PUBLIC; `None` if it is neither.
pub(super) fn public_privilege(statement: &str) -> Option<Privilege> {
    let words = words(statement);
    let (verb, before) = match words.first()? {
        word if word.is("revoke") => (Privilege::Taken, "from"),
        word if word.is("grant") => (Privilege::Given, "to"),
        _ => return None,
    };
    let mut depth = 0;
    let at = words.iter().position(|word| {
        match word {
            Word::Mark('(') => depth += 1,
            Word::Mark(')') => depth -= 1,
            _ => (),
        }
        depth == 0 && word.is(before)
    })?;
    words.get(at + 1).is_some_and(|word| word.is("public")).then_some(verb)
}

/// What a statement does with a privilege.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Privilege {
    /// GRANT.
    Given,
    /// REVOKE.
    Taken,
}

/// All tokens of a statement. Literals and comments are skipped.
fn words(sql: &str) -> Vec<Word> {
    let all = words_with_places(sql).into_iter();
    all.map(|(word, _)| word).collect()
}

/// All tokens, each with the offset at which it begins.
pub(super) fn words_with_places(sql: &str) -> Vec<(Word, usize)> {
    let mut words = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let at = sql.len() - rest.len();
        let length = match first {
            '\'' => {
                let is_escaped = words.last().is_some_and(|(word, _): &(Word, usize)| word.is("e"));
                text_length(rest, is_escaped)
            }
            '"' => {
                let length = quoted_length(rest);
                let name = rest[1..length].strip_suffix('"').unwrap_or(&rest[1..length]);
                words.push((Word::Quoted(name.replace("\"\"", "\"")), at));
                length
            }
            '$' => dollar_length(rest),
            '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            c if is_of_a_word(c) => {
                let length = rest.find(|c: char| !is_of_a_word(c) && c != '$').unwrap_or(rest.len());
                words.push((Word::Bare(rest[..length].to_owned()), at));
                length
            }
            c => {
                if !c.is_whitespace() {
                    words.push((Word::Mark(c), at));
                }
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    words
}

fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// The length of the literal at the beginning of the text, with its closing quote.
fn text_length(text: &str, is_escaped: bool) -> usize {
    let mut rest = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' if is_escaped => drop(rest.next()),
            '\'' if rest.peek().is_some_and(|(_, next)| *next == '\'') => drop(rest.next()),
            '\'' => return at + 1,
            _ => (),
        }
    }
    text.len()
}

fn quoted_length(text: &str) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find('"') {
        at += end + 1;
        if !text[at..].starts_with('"') {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// The length of the dollar-quoted literal at the beginning of the text, or of a single dollar sign.
fn dollar_length(text: &str) -> usize {
    let end = text[1..].find('$').map(|end| end + 2);
    let Some(tag) = end
        .map(|end| &text[..end])
        .filter(|tag| tag[1..tag.len() - 1].chars().all(is_of_a_word))
    else {
        return 1;
    };
    text[tag.len()..]
        .find(tag)
        .map_or(text.len(), |at| tag.len() + at + tag.len())
}

#[cfg(test)]
mod tests;
