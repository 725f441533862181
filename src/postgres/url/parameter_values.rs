//! Checks the parameters of a URL: whether each is supported, and its value valid.

use super::fault::UrlFault;
use super::parameters::{AS_IT_IS, PARAMETERS, Parameter, REFUSED, Takes};

/// The name of a supported parameter, if the value is valid; `None` if it asks for what is done anyway.
pub(super) fn known(name: &str, value: &str) -> Result<Option<&'static str>, UrlFault> {
    if let Some(parameter) = PARAMETERS.iter().find(|one| one.name == name) {
        parameter.check(value)?;
        return Ok(Some(parameter.name));
    }
    if let Some((name, values, wanted)) = AS_IT_IS.iter().find(|(known, ..)| *known == name) {
        let is_so = value.is_empty() || values.contains(&value);
        return is_so.then_some(None).ok_or(UrlFault::Value { name, wanted });
    }
    if let Some((name, why)) = REFUSED.iter().find(|(known, _)| *known == name) {
        return Err(UrlFault::Refused { name, why });
    }
    Err(UrlFault::Unknown(plausible(name).to_owned()))
}

impl Parameter {
    fn check(&self, value: &str) -> Result<(), UrlFault> {
        let name = self.name;
        let (good, wanted) = match &self.takes {
            Takes::Text => return Ok(()),
            Takes::Line => (
                value.trim() == value && !value.contains(char::is_control),
                "one line without spaces at its ends: libpq reads no other from a file",
            ),
            Takes::Number => (value.parse::<i32>().is_ok(), "a whole number"),
            Takes::Logins => (
                is_auth_list(value),
                "a list of password, md5, gss, sspi, scram-sha-256, oauth, none, or of those to exclude, each with a ! \
                 before it",
            ),
            Takes::OneOf(values) => (values.contains(&value), one_of(name)),
        };
        let good = good || value.is_empty();
        good.then_some(()).ok_or(UrlFault::Value { name, wanted })
    }
}

/// The valid values of a parameter, in words.
fn one_of(name: &str) -> &'static str {
    match name {
        "channel_binding" => "one of disable, prefer, require",
        "target_session_attrs" => "one of any, read-write, read-only, primary, standby, prefer-standby",
        "load_balance_hosts" => "one of disable, random",
        "sslnegotiation" => "one of postgres, direct",
        "sslcertmode" => "one of disable, allow, require",
        "ssl_min_protocol_version" => "one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3",
        "ssl_max_protocol_version" => "TLSv1.2 or TLSv1.3: older versions are not supported",
        _ => "0 or 1",
    }
}

/// The names in libpq's `require_auth`.
const AUTH_METHODS: &[&str] = &["password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"];

/// Whether the text is a valid list for libpq: either all names are excluded by a `!`, or none.
fn is_auth_list(text: &str) -> bool {
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let excluded = words.iter().filter(|word| word.starts_with('!')).count();
    let known = words
        .iter()
        .all(|word| AUTH_METHODS.contains(&word.trim_start_matches('!')));
    known && (excluded == 0 || excluded == words.len())
}

/// The name if it looks like one, so that a misplaced part of a password isn't repeated.
pub(super) fn plausible(name: &str) -> &str {
    let is_name = name.len() <= 30 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if is_name { name } else { "(unprintable)" }
}
