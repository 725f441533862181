//! Names of objects as SQL quotes them, which is how names that could be misread are shown.

use std::str::FromStr;

/// The name of one schema, as people write it: letters count as they are written, and it may stand in double quotes as
/// in SQL, which is how it is shown where it could be misread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaName(pub(super) String);

impl FromStr for SchemaName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // without quotes, a dot is part of the name: there is nothing behind a schema's name
        let name = match text.starts_with('"') || has_escapes(text) {
            true => match &mut parts(text)?[..] {
                [name] => std::mem::take(name),
                _ => return Err(format!("{text:?} is more than the name of a schema")),
            },
            false => text.to_owned(),
        };
        match name.is_empty() {
            true => Err(format!("{text:?} is no name of a schema")),
            false => Ok(Self(name)),
        }
    }
}

/// The names between the dots.
pub(super) fn parts(text: &str) -> Result<Vec<String>, String> {
    let (mut parts, mut rest) = (Vec::new(), text);
    loop {
        let part;
        (part, rest) = match (has_escapes(rest), rest.strip_prefix('"')) {
            (true, _) => {
                let (quoted, behind) = quoted(&rest[3..], text)?;
                (unescaped(&quoted, text)?, behind)
            }
            (false, Some(inside)) => quoted(inside, text)?,
            (false, None) => {
                let (part, behind) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
                (part.to_owned(), behind)
            }
        };
        parts.push(part);
        rest = match rest.strip_prefix('.') {
            Some(behind) => behind,
            None if rest.is_empty() => return Ok(parts),
            None => return Err(format!("{text:?} goes on behind a closing double quote")),
        };
    }
}

/// Whether a name begins as SQL's `U&"…"`.
fn has_escapes(text: &str) -> bool {
    text.starts_with("U&\"") || text.starts_with("u&\"")
}

/// What stands up to the closing double quote, and what is behind it.
fn quoted<'a>(mut inside: &'a str, text: &str) -> Result<(String, &'a str), String> {
    let mut part = String::new();
    loop {
        let end = inside
            .find('"')
            .ok_or_else(|| format!("a double quote is missing in {text:?}"))?;
        part.push_str(&inside[..end]);
        inside = &inside[end + 1..];
        match inside.strip_prefix('"') {
            Some(behind) => {
                part.push('"');
                inside = behind;
            }
            None => return Ok((part, inside)),
        }
    }
}

/// The characters that stand as `\001b`, `\+01f418` or `\\` in SQL's `U&"…"`.
fn unescaped(quoted: &str, text: &str) -> Result<String, String> {
    let (mut name, mut rest) = (String::new(), quoted);
    while let Some((plain, escape)) = rest.split_once('\\') {
        name.push_str(plain);
        if let Some(behind) = escape.strip_prefix('\\') {
            name.push('\\');
            rest = behind;
            continue;
        }
        let (digits, behind) = match escape.strip_prefix('+') {
            Some(long) => (long.get(..6), long.get(6..)),
            None => (escape.get(..4), escape.get(4..)),
        };
        let point = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let shown = point.and_then(char::from_u32).zip(behind);
        let (shown, behind) =
            shown.ok_or_else(|| format!("{text:?} has a backslash that begins no \\XXXX, \\+XXXXXX or \\\\"))?;
        name.push(shown);
        rest = behind;
    }
    Ok(name + rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::text::Untrusted;

    #[test]
    fn a_schema_that_is_shown_is_read_back() {
        for name in ["app", "a b", "a\"b", "a.b", "a\\b", "a\nb", "\u{202e}x"] {
            let shown = Untrusted::from(name).identifier();
            assert_eq!(shown.parse::<SchemaName>().unwrap().0, name, "{shown}");
        }
        assert_eq!("odd.schema".parse::<SchemaName>().unwrap().0, "odd.schema");
        for text in ["", "\"\"", "\"a\".b", "\"a"] {
            assert!(text.parse::<SchemaName>().is_err(), "{text}");
        }
    }
}
