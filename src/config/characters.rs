//! Characters that came along unseen: line ends of another system, blanks at the end, what a web page puts between
//! letters.
//!
//! Around a value of ours they are left out. Inside one, and around values that only the AWS SDK and others read (which
//! take them for a part of the value, and may crash on them), they are a fault that names the variable and shows the
//! character.

use std::borrow::Cow;

use super::{
    blanks::is_blank,
    setting::Characters,
    table::{self, Shape, foreign},
    wrong::Wrong,
};
use crate::text::escaped;

/// The text of a setting of ours, by its variable; lists on one line.
///
/// # Errors
/// What is in it unseen.
pub(super) fn of_ours<'a>(variable: &str, text: &'a str) -> Result<Cow<'a, str>, Wrong> {
    let setting = table::find(variable, Some(text));
    let characters = setting.map_or(Characters::Visible, |(setting, _)| setting.characters);
    let text = match characters {
        Characters::List if text.contains(['\r', '\n', '\t']) => Cow::Owned(text.replace(['\r', '\n', '\t'], " ")),
        Characters::Lines if text.contains(['\r', '\t']) => Cow::Owned(text.replace(['\r', '\t'], " ")),
        _ => Cow::Borrowed(text),
    };
    let stays = |c: char| match characters {
        Characters::Any => true,
        Characters::Lines => c == '\n',
        Characters::Visible | Characters::List => false,
    };
    match text.char_indices().find(|(_, c)| !stays(*c) && is_unseen(*c)) {
        Some((at, c)) => Err(wrong(&text, at, c)),
        None => Ok(text),
    }
}

fn is_word(name: &str) -> bool {
    foreign(name).is_some_and(|variable| variable.shape == Shape::Word)
}

/// What is wrong with the value of a variable that others read as it stands.
pub(super) fn fault_of_others(name: &str, text: &str) -> Option<Wrong> {
    let is_wrong = |at: usize, c: char| {
        let at_an_end = at == 0 || at + c.len_utf8() == text.len();
        is_unseen(c) || (is_blank(c) && (at_an_end || is_word(name)))
    };
    if let Some((at, c)) = text.char_indices().find(|(at, c)| is_wrong(*at, *c)) {
        return Some(wrong(text, at, c));
    }
    if is_credential(name)
        && let Some(wrong) = fault_of_credential(name, text)
    {
        return Some(wrong);
    }
    // the AWS SDK crashes on these
    let begins = |starts: &[&str]| starts.iter().any(|start| text.starts_with(start));
    match name {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" if !begins(&["http://", "https://"]) => Some((
            "it is no URL".to_owned(),
            Some("it begins with http:// or https://".to_owned()),
        )),
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" if !begins(&["/"]) => {
            Some(("it is no path".to_owned(), Some("it begins with a slash".to_owned())))
        }
        _ => None,
    }
}

/// Whether AWS's credentials stand in it: letters, digits and a few signs of ASCII, with AWS and all other services.
fn is_credential(name: &str) -> bool {
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"].contains(&name)
}

/// What was copied as it is printed, in the place of what has to be typed; and what no request can carry.
fn fault_of_credential(name: &str, text: &str) -> Option<Wrong> {
    if text.chars().all(|c| c == '.' || c == '\u{2026}') {
        let hint = match name {
            "AWS_SESSION_TOKEN" => "type the token itself, or unset it: only temporary keys have one".to_owned(),
            _ => format!("type the key itself: `read -rs {name} && export {name}`"),
        };
        let why = "it is \u{201c}\u{2026}\u{201d}, which stands for what you have to type";
        return Some((why.to_owned(), Some(hint)));
    }
    let (at, c) = text.chars().enumerate().find(|(_, c)| !c.is_ascii())?;
    let number = at + 1;
    let why = format!("it holds {c:?} as character {number}, and no such key has that");
    Some((why, Some(format!("copy it again, and set {name} to that alone"))))
}

/// What nobody can see in a text that others read as it stands, or around it.
#[must_use]
pub fn unseen(text: &str) -> Option<String> {
    fault_of_others("", text).map(|(why, _)| why)
}

fn is_unseen(c: char) -> bool {
    let mut buffer = [0; 4];
    matches!(escaped(c.encode_utf8(&mut buffer)), Cow::Owned(_))
}

/// Says which character it is and where, and nothing else of a text that may be a secret.
fn wrong(text: &str, at: usize, c: char) -> Wrong {
    let name = match c {
        '\r' => "a carriage return, \\r".to_owned(),
        '\n' => "a line feed, \\n".to_owned(),
        '\t' => "a tab, \\t".to_owned(),
        ' ' => "a blank".to_owned(),
        other => format!("a character that can't be seen, {}", other.escape_unicode()),
    };
    let place = match (at, at + c.len_utf8() == text.len()) {
        (_, true) => "ends with".to_owned(),
        (0, false) => "begins with".to_owned(),
        _ => {
            let number = text[..at].chars().count() + 1;
            format!("holds, as character {number},")
        }
    };
    let hint = match c {
        '\r' => {
            "write it without: a file that sets it may have the line ends of Windows, which `dos2unix FILE` changes"
        }
        '\n' => "write it without: `echo` adds one and `printf %s` none",
        _ => "write it without: it may have come along when the value was copied",
    };
    (format!("it {place} {name}"), Some(hint.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_a_value_unseen_is_named() {
        let told = |setting, text| of_ours(setting, text).map_err(|(why, _)| why);
        for (text, words) in [
            ("s3://a\rb", "it holds, as character 7, a carriage return, \\r"),
            ("a\nb", "a line feed, \\n"),
            ("a\u{1b}[m", "\\u{1b}"),
            ("a\u{200b}b", "\\u{200b}"),
            ("a\u{a0}b", "\\u{a0}"),
            ("a\u{202e}b", "\\u{202e}"),
        ] {
            let why = told("PGCOFFER_BUCKET", text).unwrap_err();
            assert!(why.contains(words), "{why}");
        }
        for list in [
            "PGCOFFER_OLD_KEYS",
            "PGCOFFER_SCHEDULE",
            "PGCOFFER_DB_MAIN_SCHEDULE",
            "PGCOFFER_COLD",
        ] {
            assert_eq!(told(list, "a,\r\n\tb").unwrap(), "a,   b");
            assert!(told(list, "a\0b").is_err());
        }
        assert_eq!(told("PGCOFFER_EMAIL_TO", "a\r\nb").unwrap(), "a \nb");
        assert_eq!(told("PGCOFFER_PASSPHRASE", "a\u{7}b\nc").unwrap(), "a\u{7}b\nc");
        assert_eq!(told("PGCOFFER_BUCKET", "s3://bücher/a b").unwrap(), "s3://bücher/a b");
    }

    #[test]
    fn what_others_read_is_refused_where_they_would_take_it_for_a_part_of_the_value() {
        let told = |name, text| fault_of_others(name, text).map(|(why, _)| why);
        for (name, text, words) in [
            ("AWS_ACCESS_KEY_ID", "AKIA\r", "it ends with a carriage return, \\r"),
            ("AWS_SECRET_ACCESS_KEY", "abc\n", "it ends with a line feed, \\n"),
            ("AWS_SESSION_TOKEN", "\tabc", "it begins with a tab, \\t"),
            ("AWS_REGION", "eu central", "it holds, as character 3, a blank"),
            ("AWS_ACCESS_KEY_ID", "\u{2026}", "stands for what you have to type"),
            ("AWS_SECRET_ACCESS_KEY", "...", "stands for what you have to type"),
            ("AWS_SECRET_ACCESS_KEY", "abc\u{201d}", "as character 4"),
            ("AWS_PROFILE", "prod ", "it ends with a blank"),
            ("AWS_ENDPOINT_URL_S3", "https://x\u{a0}", "\\u{a0}"),
            ("AWS_ENDPOINT_URL_STS", "https://x\r", "\\r"),
            ("AWS_MAX_ATTEMPTS", "3\r", "\\r"),
            ("HTTPS_PROXY", "http://p:1\r", "\\r"),
            ("https_proxy", " http://p:1", "begins with a blank"),
            ("SSL_CERT_FILE", "/x\r", "\\r"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "169.254.170.2", "no URL"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "v2", "no path"),
        ] {
            let why = told(name, text).unwrap_or_default();
            assert!(foreign(name).is_some() && why.contains(words), "{name}: {why}");
        }
        for (name, text) in [
            ("AWS_PROFILE", "my profile"),
            ("NO_PROXY", "a, b"),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x"),
            ("AWS_SECRET_ACCESS_KEY", "abc/+="),
        ] {
            assert_eq!(told(name, text), None, "{name}");
        }
        assert!(foreign("AWS_PAGER").is_none() && foreign("LS_COLORS").is_none());
    }
}
