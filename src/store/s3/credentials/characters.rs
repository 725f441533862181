//! Checks the characters of credentials and region before the AWS SDK signs with them. The SDK writes them into a
//! header, and panics if they are not allowed there, such as a carriage return from a profile, a line feed from a
//! program, or a non-breaking space from a web page.

use std::borrow::Cow;

use aws_config::Region;
use aws_sdk_s3::config::Credentials;

use crate::text::escaped;

/// The part of the error by which its hint is found.
pub(in crate::store::s3) const UNFIT: &str = "which can't stand in a request's header";

/// The error by which its hint is found.
pub(in crate::store::s3) const SWAPPED: &str = "the access key's id stands in the place of its secret";

/// The error by which its hint is found.
pub(in crate::store::s3) const SAME: &str = "the access key's id and its secret are the same text";

/// The part of the error by which its hint is found.
pub(in crate::store::s3) const WRAPPED: &str = "which is no part of it";

/// What is wrong with the region.
pub(super) fn fault_of_region(region: Option<&Region>) -> Option<String> {
    region.and_then(|region| fault("the region", region.as_ref()))
}

/// What is wrong with credentials.
pub(super) fn fault_of(found: &Credentials) -> Option<String> {
    let token = found.session_token().unwrap_or_default();
    let unfit = fault("the access key's id", found.access_key_id()).or_else(|| fault("the session token", token));
    let secret = found.secret_access_key();
    let wrapped = wrapped("the access key's id", found.access_key_id());
    let wrapped = wrapped.or_else(|| self::wrapped("the secret access key", secret));
    // a server of one's own can have one word for both, such as `minioadmin`
    let same = secret == found.access_key_id() && (is_id_of_aws(secret) || is_like_secret(secret));
    let same = same.then(|| SAME.to_owned());
    unfit.or(wrapped).or(same).or_else(|| swapped(found))
}

/// What stands around a text that was copied with more than itself: quotes, blanks, the name of a variable. Nothing of
/// the text is shown, which may be a secret.
fn wrapped(what: &str, text: &str) -> Option<String> {
    const QUOTES: [char; 4] = ['"', '\'', '`', '\u{201c}'];
    let around = if text.trim() != text {
        "a blank or a line end"
    } else if text.starts_with(QUOTES) {
        "a quote"
    } else if ["AWS_", "aws_", "export "].iter().any(|name| text.starts_with(name)) && text.contains(['=', ':', ' ']) {
        "the name of its variable"
    } else {
        return None;
    };
    Some(format!("{around} stands around {what}, {WRAPPED}"))
}

/// Whether the id stands in the place of the secret, by the form that AWS gives to ids, and by that of its secrets: 40
/// characters of base64.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
fn swapped(found: &Credentials) -> Option<String> {
    let (id, secret) = (found.access_key_id(), found.secret_access_key());
    let is_like_id =
        |text: &str| text.len() == 20 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let swapped = is_id_of_aws(secret) || (is_like_id(secret) && is_like_secret(id));
    (swapped && !is_id_of_aws(id)).then(|| SWAPPED.to_owned())
}

fn is_id_of_aws(text: &str) -> bool {
    text.len() == 20 && ["AKIA", "ASIA"].iter().any(|start| text.starts_with(start))
}

fn is_like_secret(text: &str) -> bool {
    let in_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    text.len() == 40 && text.bytes().all(in_base64) && text.bytes().any(|b| b.is_ascii_lowercase())
}

/// Names the first character that is not a printable character of ASCII, and shows nothing else of the text, which may
/// be a secret.
fn fault(what: &str, text: &str) -> Option<String> {
    let (at, c) = text.chars().enumerate().find(|(_, c)| !c.is_ascii_graphic())?;
    let mut buffer = [0; 4];
    let shown = match escaped(c.encode_utf8(&mut buffer)) {
        Cow::Owned(shown) => shown,
        Cow::Borrowed(shown) => format!("{shown:?}"),
    };
    let number = at + 1;
    Some(format!("{what} holds {shown} as its character {number}, {UNFIT}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    fn told(id: &str, token: Option<&str>, region: &'static str) -> Option<String> {
        let token = token.map(ToOwned::to_owned);
        let credentials = Credentials::new(id, "secret", token, None, "test");
        let region = Region::from_static(region);
        fault_of_region(Some(&region)).or_else(|| fault_of(&credentials))
    }

    #[test]
    fn an_id_in_the_place_of_the_secret_is_seen() {
        let of = |id: &str, secret: &str| fault_of(&Credentials::new(id, secret, None, None, "test"));
        let (id, secret) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        assert_eq!(of(secret, id).as_deref(), Some(SWAPPED));
        assert_eq!(of(id, secret), None);
        // another service's, by their forms
        let (id, secret) = ("GOOG1EXAMPLE0000AAAA", "bGoa+V7g/yqDXvKRqq+JTFn4uQZbPiQJo4pf9RzJ");
        assert_eq!(of(secret, id).as_deref(), Some(SWAPPED));
        assert_eq!(of(id, secret), None);
        assert_eq!(of("minio", "minio123"), None);
        for both in ["AKIAIOSFODNN7EXAMPLE", secret] {
            assert_eq!(of(both, both).as_deref(), Some(SAME));
        }
        // a server of one's own
        assert_eq!(of("minioadmin", "minioadmin"), None);
    }

    #[test]
    fn what_was_copied_with_it_is_named() {
        let of = |id: &str, secret: &str| fault_of(&Credentials::new(id, secret, None, None, "test"));
        for (id, secret, words) in [
            (
                "\"AKIAIOSFODNN7EXAMPLE\"",
                "x",
                "a quote stands around the access key's id",
            ),
            ("AKIA", "'wJalr/K7'", "a quote stands around the secret access key"),
            ("AKIA", "wJalr/K7\n", "a line end stands around the secret"),
            (
                "AKIA",
                "aws_secret_access_key = wJalr",
                "the name of its variable stands around the secret",
            ),
        ] {
            let said = of(id, secret).unwrap();
            assert!(said.contains(words) && said.contains(WRAPPED), "{said}");
            assert!(!said.contains("wJalr"), "{said}");
        }
        // a secret may have any character inside
        assert_eq!(of("AKIA", "x\"y 'z"), None);
    }

    #[test]
    fn what_no_header_takes_is_named_whatever_its_source() {
        assert_eq!(told("AKIA", Some("x/+="), "eu-central-1"), None);
        for (id, token, region, words) in [
            ("AKIA\r", None, "eu", "the access key's id holds \\r as its character 5"),
            ("AK\nIA", None, "eu", "\\n as its character 3"),
            ("AKIA\u{a0}", None, "eu", "\\u{a0}"),
            ("AK IA", None, "eu", "\" \""),
            ("ÄKIA", None, "eu", "\"Ä\""),
            ("AKIA", Some("t\t"), "eu", "the session token holds \\t"),
            ("AKIA", None, "eu\u{200b}", "the region holds \\u{200b}"),
        ] {
            let said = told(id, token, region).unwrap();
            assert!(said.contains(words) && said.contains(UNFIT), "{said}");
        }
    }
}
