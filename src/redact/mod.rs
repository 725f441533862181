//! Secrets struck out of text, where they stand whole.
//!
//! Never by substring: a password `shop` would turn `CREATE SCHEMA shop` into a sentence with a gap, and the gap would
//! give it away. A secret is struck out where one can stand (before the `@` of a URL, behind `password=`, as a token
//! that says itself what it is), whoever's it is; and one that is known, where it stands as a token that no name would
//! be. What takes its place tells neither its length nor its kind.

mod bare_keys;
mod secret_text;

use std::borrow::Cow;

use zeroize::Zeroizing;

pub use bare_keys::{holds_key, without_keys};
pub use secret_text::SecretText;

/// What takes the place of a secret.
pub const STRUCK: &str = "***";
/// Guesses, as a power of ten, from which on nobody gives a table such a name.
const GUESSES_LOG10: f64 = 12.0;
/// Shorter ones are struck out in their places only.
const TOKEN_CHARS_MIN: usize = 6;
/// From this length on, a digit in the place of a letter among letters of both cases, or beside hyphens, is no object's
/// name.
const MADE_UP_CHARS_MIN: usize = 8;
/// A text that changes this often between letters and digits is random, and no object's name either.
const DIGIT_CHANGES_MIN: usize = 6;
/// Parts of an address count as secrets from this length on, and from [`TOKEN_CHARS_MIN`] on if they contain a digit:
/// others are words like `services` and `hook`.
const ADDRESS_PART_LONG: usize = 16;
/// Userinfo of our own examples.
const EXAMPLES: [&str; 3] = ["user:password", "USER:PASSWORD", "user"];
/// Secret paths of our own examples.
const EXAMPLE_PATHS: [&str; 2] = ["UUID", "services/…"];
/// Tokens that say themselves what they are.
const PREFIXES: [&str; 7] = [
    "PGCOFFER-KEY-1",
    "pgcoffer-key-1",
    "pgct_",
    "whsec_",
    "xoxb-",
    "xoxp-",
    "xapp-",
];

/// The text without what stands in the place of a secret.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let is_plain = !text.contains(['=', ':', '\'', '"']) && !PREFIXES.iter().any(|p| text.contains(p));
    if is_plain {
        return Cow::Borrowed(text);
    }
    let text = without_logins(text);
    let text = without_values(&text);
    Cow::Owned(without_tokens(&text))
}

/// Secrets that somebody might repeat to us.
pub struct Known {
    forms: Vec<Zeroizing<String>>,
}

impl Known {
    /// Those among these secrets that no name would be, each as it is, and as URLs, connection strings and SQL write
    /// it.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms = Vec::new();
        for secret in secrets.into_iter().filter(|secret| is_no_name(secret)) {
            let encoded = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
            let decoded = percent_encoding::percent_decode_str(secret).decode_utf8_lossy();
            for form in [
                secret.to_owned(),
                encoded.to_string(),
                encoded.to_string().to_lowercase(),
                decoded.into_owned(),
                secret.replace('\'', "''"),
                secret.replace('\\', r"\\").replace('\'', r"\'"),
                secret.replace('\\', r"\\").replace('"', "\\\""),
            ] {
                let form = Zeroizing::new(form);
                // decoded it may be a word, or no longer than what takes its place
                if is_no_name(&form) {
                    forms.push(form);
                }
            }
        }
        // the longest first: one form may be the beginning of another
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.as_str().cmp(b)));
        forms.dedup();
        Self { forms }
    }

    /// All of these, whatever they look like: for a text that is left out whole where it repeats one of them.
    fn exactly<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = Self::new([]);
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            let decoded = percent_encoding::percent_decode_str(secret).decode_utf8_lossy();
            known.forms.push(Zeroizing::new(decoded.into_owned()));
            known.forms.push(Zeroizing::new(secret.to_owned()));
        }
        known
    }

    /// The secret parts of an address that gives the right to use it: its path and query, and those parts of them that
    /// are not words. For an answer that is left out if it repeats one of them.
    #[must_use]
    pub fn address(path: &str, query: Option<&str>) -> Self {
        let whole = [path, query.unwrap_or_default()];
        let parts = whole.iter().flat_map(|part| part.split(['/', '&', '=']));
        let is_secret = |part: &&str| {
            let has_digit = part.bytes().any(|b| b.is_ascii_digit());
            part.len() >= ADDRESS_PART_LONG || (part.len() >= TOKEN_CHARS_MIN && has_digit)
        };
        Self::exactly(
            parts
                .filter(is_secret)
                .chain(whole.into_iter().filter(|part| part.len() > 1)),
        )
    }

    /// A login in the forms that a server might repeat: the plain password, and both as SMTP encodes them.
    /// <https://www.rfc-editor.org/rfc/rfc4616#section-2>
    #[must_use]
    pub fn login(user: &str, password: &str) -> Self {
        let plain = Zeroizing::new(format!("\0{user}\0{password}"));
        let encoded =
            [password, plain.as_str()].map(|text| Zeroizing::new(data_encoding::BASE64.encode(text.as_bytes())));
        Self::new([password].into_iter().chain(encoded.iter().map(|text| text.as_str())))
    }

    /// The text without these, and without what stands in the place of a secret.
    #[must_use]
    pub fn strike(&self, text: &str) -> String {
        let mut text = redacted(text).into_owned();
        for form in &self.forms {
            while let Some(at) = find_token(&text, form) {
                text.replace_range(at..at + form.len(), STRUCK);
            }
        }
        text
    }

    /// Whether one of these stands in a text, in either case of its letters.
    #[must_use]
    pub fn stand_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let mut forms = self.forms.iter();
        forms.any(|form| find_token(&text, &form.to_lowercase()).is_some())
    }
}

/// Whether nobody would give an object such a name, so that striking it out says nothing of it.
fn is_no_name(secret: &str) -> bool {
    if secret.chars().count() < TOKEN_CHARS_MIN {
        return false;
    }
    let of_names = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | ' ');
    // as weak passwords are made: `S3cretWord`, `hunter2-the-second`
    let has = |kind: fn(char) -> bool| secret.chars().any(kind);
    let is_made_up = secret.len() >= MADE_UP_CHARS_MIN
        && (has(|c| c.is_ascii_digit()) && has(|c| c == '-')
            || has_digit_for_letter(secret) && has(|c| c.is_ascii_uppercase()) && has(|c| c.is_ascii_lowercase())
            || digits_change(secret) >= DIGIT_CHANGES_MIN);
    !secret.chars().all(of_names) || is_made_up || zxcvbn::zxcvbn(secret, &[]).guesses_log10() >= GUESSES_LOG10
}

/// How often a digit follows a letter, or a letter a digit.
fn digits_change(secret: &str) -> usize {
    let pairs = secret.as_bytes().windows(2);
    let changes = |pair: &&[u8]| {
        pair.iter().all(u8::is_ascii_alphanumeric) && pair[0].is_ascii_digit() != pair[1].is_ascii_digit()
    };
    pairs.filter(changes).count()
}

/// Whether a digit stands between two letters, as it does in no year and no number of a version.
fn has_digit_for_letter(secret: &str) -> bool {
    let mut places = secret.as_bytes().windows(3);
    places.any(|three| three[0].is_ascii_alphabetic() && three[1].is_ascii_digit() && three[2].is_ascii_alphabetic())
}

/// Where a secret stands with nothing before and behind it that could belong to a longer word.
fn find_token(text: &str, secret: &str) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut places = text.match_indices(secret).map(|(at, _)| at);
    places.find(|at| {
        let before = text[..*at].chars().next_back();
        let behind = text[at + secret.len()..].chars().next();
        !before.is_some_and(is_word) && !behind.is_some_and(is_word)
    })
}

/// `scheme://user:password@` of URLs, and the paths of addresses that give the right to use them.
fn without_logins(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let scheme = before[..at].rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
        let login = login_end(scheme.unwrap_or_default(), after);
        if login > 0 {
            let is_example = EXAMPLES.contains(&&after[..login]);
            out.push_str(if is_example { &after[..login] } else { STRUCK });
        }
        rest = &after[login..];
        if let Some((host, path)) = secret_path(rest) {
            out.push_str(&rest[..host]);
            out.push_str(STRUCK);
            rest = &rest[path..];
        }
    }
    out.push_str(rest);
    out
}

/// Where a URL ends in a text.
fn word_end(text: &str) -> usize {
    text.find(|c: char| c.is_whitespace() || "\"'`<>".contains(c))
        .unwrap_or(text.len())
}

/// Where user and password of what follows `://` end; 0 where there are none.
fn login_end(scheme: &str, after: &str) -> usize {
    let word = &after[..word_end(after)];
    let authority = &word[..word.find(['/', '?', '#']).unwrap_or(word.len())];
    // in a password that was not encoded, anything may stand; elsewhere an @ may belong to a path
    let whole = scheme.starts_with("postgres") || scheme.starts_with("POSTGRES") || scheme.starts_with("smtp");
    if let Some(at) = if whole { word.rfind('@') } else { authority.rfind('@') } {
        return at;
    }
    let is_port = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b']');
    match authority.rsplit_once(':') {
        // a password with a blank or a quote in it: to the next @, or to the line's end
        Some((_, behind)) if !is_port(behind) && !authority.starts_with('[') && !behind.starts_with('…') => {
            let line = &after[..after.find('\n').unwrap_or(after.len())];
            line.rfind('@').unwrap_or(line.len())
        }
        _ => 0,
    }
}

/// Of an address whose path is its password: where its host ends, and where it ends itself.
fn secret_path(url: &str) -> Option<(usize, usize)> {
    let word = &url[..word_end(url)];
    let starts = ["hooks.slack.com/", "hc-ping.com/", "discord.com/api/webhooks/"];
    let lower = word.to_ascii_lowercase();
    let start = starts.iter().find(|start| lower.starts_with(**start))?;
    let path = &word[start.len()..];
    let begins = path.chars().next()?;
    let is_example = begins == '…' || EXAMPLE_PATHS.contains(&path.trim_end_matches([';', ',', '.', ')']));
    (!is_example).then_some((start.len(), word.len()))
}

/// Values behind the names of secrets: `password=…`, `password '…'`, `"password": "…"`.
fn without_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['=', '\'', '"', ':']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let Some(value) = secret_value(&text[..text.len() - from.len()], from) else {
            out.push_str(&from[..1]);
            rest = &from[1..];
            continue;
        };
        out.push_str(&from[..value.0]);
        out.push_str(STRUCK);
        rest = &from[value.1..];
    }
    out.push_str(rest);
    out
}

/// Where the value of a secret begins and ends in what follows its name; none where it is no secret's.
fn secret_value(before: &str, from: &str) -> Option<(usize, usize)> {
    let sign = from.chars().next()?;
    let name_end = before.trim_end_matches(['"', '\'', ' ', '\t']);
    let has_gap = name_end.len() < before.len();
    let name_start = name_end.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
    let name = &name_end[name_start.map_or(0, |at| at + name_end[at..].chars().next().map_or(1, char::len_utf8))..];
    if !is_secret_name(name) {
        return None;
    }
    let is_quote = |c: char| c == '\'' || c == '"';
    let begin = match sign {
        '=' => 1 + from[1..].len() - from[1..].trim_start_matches([' ', '\t']).len(),
        // JSON alone: a sentence may have a colon behind the word
        ':' if before.ends_with('"') => {
            from[1..]
                .find(|c: char| !c.is_whitespace())
                .filter(|at| from[1 + at..].starts_with(is_quote))?
                + 1
        }
        // SQL: a literal behind the word
        c if is_quote(c) && has_gap && before.ends_with([' ', '\t']) => 0,
        _ => return None,
    };
    let value = &from[begin..];
    let open = value.chars().next().filter(|c| !c.is_whitespace())?;
    if value.starts_with(['…', '<', '$', '%']) || value.starts_with(STRUCK) {
        return None;
    }
    let in_url = name_start.is_some_and(|at| matches!(before.as_bytes()[at], b'?' | b'&'));
    let length = if is_quote(open) {
        quoted_length(value, open)
    } else {
        bare_length(value, in_url)
    };
    Some((begin, begin + length))
}

fn is_secret_name(name: &str) -> bool {
    const ENDS: [&str; 10] = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "signature",
        "api_key",
        "apikey",
        "access_key",
        "private_key",
    ];
    let name = name.to_ascii_lowercase().replace('-', "_");
    // a test of the table of settings sees that each of its secrets is known here
    let of_ours = ["_key", "_keys", "_url", "_hash", "_tokens"];
    let is_ours = name.starts_with("pgcoffer_") && of_ours.iter().any(|end| name.ends_with(end));
    is_ours || name == "pwd" || ENDS.iter().any(|end| name.ends_with(end))
}

/// Up to the closing quote: one that is doubled or behind a backslash does not close.
fn quoted_length(value: &str, quote: char) -> usize {
    let mut chars = value.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                _ => return at + 1,
            }
        }
    }
    value.len()
}

/// Up to the next blank; in a URL up to the next parameter.
fn bare_length(value: &str, in_url: bool) -> usize {
    let mut is_escaped = false;
    let end = value.find(|c: char| {
        let ends = (c.is_whitespace() && !is_escaped) || (in_url && "&#\"'`<>".contains(c));
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    end.unwrap_or(value.len())
}

/// Keys and tokens by their own beginnings.
fn without_tokens(text: &str) -> String {
    let mut text = text.to_owned();
    for prefix in PREFIXES {
        let mut from = 0;
        while let Some(at) = text[from..].find(prefix).map(|at| from + at) {
            let begin = at + prefix.len();
            let is_token = |c: char| c.is_ascii_alphanumeric() || "_+/=-".contains(c);
            let length = text[begin..].find(|c| !is_token(c)).unwrap_or(text.len() - begin);
            if length >= TOKEN_CHARS_MIN {
                text.replace_range(begin..begin + length, STRUCK);
            }
            from = begin;
        }
    }
    text
}

#[cfg(test)]
mod tests;
