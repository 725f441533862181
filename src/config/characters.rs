//! Characters that came along unseen: line ends of another system, blanks at the end, what a web page puts between
//! letters.
//!
//! Around a value of ours they are left out. Inside one, and around values that only the AWS SDK and others read (which
//! take them for a part of the value, and may crash on them), they are a fault that names the variable and shows the
//! character.

use std::borrow::Cow;

use super::values::Wrong;
use crate::text::escaped;

/// Lists, in which a line end separates as a blank does. Databases' schedules are some, too.
const LISTS: [&str; 7] = [
    "ALLOW_HTTP",
    "OLD_KEYS",
    "SCHEDULE",
    "COLD",
    "EMAIL_TO",
    "NOTIFY_ON",
    "DIGEST",
];

/// What the AWS SDK and the clients of HTTP read from the environment: one word, without any blank.
const WORDS_OF_OTHERS: [&str; 28] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCOUNT_ID",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_MAX_ATTEMPTS",
    "AWS_RETRY_MODE",
    "AWS_REQUEST_CHECKSUM_CALCULATION",
    "AWS_RESPONSE_CHECKSUM_VALIDATION",
    "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_EXECUTION_ENV",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// The same where a blank may stand inside: paths, names, lists.
const TEXTS_OF_OTHERS: [&str; 16] = [
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_CA_BUNDLE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_AUTH_SCHEME_PREFERENCE",
    "AWS_SIGV4A_SIGNING_REGION_SET",
    "AWS_SDK_UA_APP_ID",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// A setting's text without what surrounds it unseen: blanks, line ends, marks that have no width.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank)
}

fn is_blank(c: char) -> bool {
    // byte order mark, zero width space, word joiner: no white space by Unicode's book
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{2060}')
}

/// The text of a setting of ours, by its name without prefix; lists on one line.
///
/// # Errors
/// What is in it unseen. A passphrase may hold anything: it has to open what it once sealed.
pub(super) fn of_ours<'a>(setting: &str, text: &'a str) -> Result<Cow<'a, str>, Wrong> {
    let text = match is_list(setting) && text.contains(['\r', '\n', '\t']) {
        // people are separated by lines, too
        true if setting == "EMAIL_TO" => Cow::Owned(text.replace(['\r', '\t'], " ")),
        true => Cow::Owned(text.replace(['\r', '\n', '\t'], " ")),
        false => Cow::Borrowed(text),
    };
    let stays = |c: char| setting == "PASSPHRASE" || (setting == "EMAIL_TO" && c == '\n');
    match text.char_indices().find(|(_, c)| !stays(*c) && is_unseen(*c)) {
        Some((at, c)) => Err(wrong(&text, at, c)),
        None => Ok(text),
    }
}

fn is_list(setting: &str) -> bool {
    LISTS.contains(&setting) || (setting.starts_with("DB_") && setting.ends_with("_SCHEDULE"))
}

/// Whether this variable is read by others, on our behalf.
pub(super) fn is_of_others(name: &str) -> bool {
    is_word(name) || TEXTS_OF_OTHERS.contains(&name)
}

fn is_word(name: &str) -> bool {
    WORDS_OF_OTHERS.contains(&name) || name.starts_with("AWS_ENDPOINT_URL")
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
    fn what_surrounds_a_value_unseen_is_left_out() {
        for text in [
            "x\r\n",
            " x ",
            "\t x\u{a0}",
            "\u{feff}x\u{200b}",
            "x\u{2028}\u{2029}\u{b}\u{c}\u{85}",
        ] {
            assert_eq!(trimmed(text), "x");
        }
        assert_eq!(trimmed("\r\n"), "");
        assert_eq!(trimmed("a b"), "a b");
    }

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
            let why = told("BUCKET", text).unwrap_err();
            assert!(why.contains(words), "{why}");
        }
        for list in ["OLD_KEYS", "SCHEDULE", "DB_MAIN_SCHEDULE", "COLD"] {
            assert_eq!(told(list, "a,\r\n\tb").unwrap(), "a,   b");
            assert!(told(list, "a\0b").is_err());
        }
        assert_eq!(told("EMAIL_TO", "a\r\nb").unwrap(), "a \nb");
        assert_eq!(told("PASSPHRASE", "a\u{7}b\nc").unwrap(), "a\u{7}b\nc");
        assert_eq!(told("BUCKET", "s3://bücher/a b").unwrap(), "s3://bücher/a b");
    }

    #[test]
    fn what_others_read_is_refused_where_they_would_take_it_for_a_part_of_the_value() {
        let told = |name, text| fault_of_others(name, text).map(|(why, _)| why);
        for (name, text, words) in [
            ("AWS_ACCESS_KEY_ID", "AKIA\r", "it ends with a carriage return, \\r"),
            ("AWS_SECRET_ACCESS_KEY", "abc\n", "it ends with a line feed, \\n"),
            ("AWS_SESSION_TOKEN", "\tabc", "it begins with a tab, \\t"),
            ("AWS_REGION", "eu central", "it holds, as character 3, a blank"),
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
            assert!(is_of_others(name) && why.contains(words), "{name}: {why}");
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
        assert!(!is_of_others("AWS_PAGER") && !is_of_others("LS_COLORS"));
    }
}
