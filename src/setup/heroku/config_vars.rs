//! Config vars as one request to Heroku's API, so that the app restarts once.
//!
//! It does not go through `heroku config:set`, which takes values as arguments: every user of the machine could read
//! them in the list of processes. `heroku config:edit` opens an editor, and prints all values when that is closed.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::HEROKU_API;
use crate::setup::Setup;

/// The characters that the names of apps consist of.
const BESIDE_NAMES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The request as a command for a shell: `curl` reads all of it from its standard input.
/// <https://devcenter.heroku.com/articles/platform-api-reference#config-vars-update>
pub(super) fn request(setup: &Setup, app: &str) -> Zeroizing<String> {
    let app = utf8_percent_encode(app, BESIDE_NAMES);
    let mut json = Zeroizing::new(String::from("{"));
    for (name, value) in setup.config_vars() {
        let value = json_text(value);
        let comma = if json.len() > 1 { "," } else { "" };
        json.push_str(&format!("{comma}\"{name}\":{}", value.as_str()));
    }
    json.push('}');
    // a line between double quotes of curl's own: https://curl.se/docs/manpage.html#-K
    let data = Zeroizing::new(json.replace('\\', "\\\\").replace('"', "\\\""));
    Zeroizing::new(format!(
        "{{ printf 'header = \"Authorization: Bearer %s\"\\n' \"$(heroku auth:token 2>/dev/null)\"; cat <<'END'; }} | \
         \\\n  \
         curl --silent --show-error --fail --output /dev/null --config -\n\
         url = \"{HEROKU_API}/apps/{app}/config-vars\"\n\
         request = \"PATCH\"\n\
         header = \"Accept: application/vnd.heroku+json; version=3\"\n\
         header = \"Content-Type: application/json\"\n\
         data = \"{}\"\n\
         END\n",
        data.as_str()
    ))
}

/// A JSON string in ASCII. serde_json leaves characters that can't be seen as they are, and a terminal would obey some.
fn json_text(value: &str) -> Zeroizing<String> {
    // of its full length from the beginning: a text that grows leaves copies of a secret behind
    let mut text = Zeroizing::new(String::with_capacity(6 * value.len() + 2));
    text.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            ' '..='~' => text.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_value_holds_json_reads_it_as_it_was() {
        for value in [
            "",
            "plain",
            "a\"b\\c",
            "\n\t\u{7}\u{1b}",
            "\u{2028}ü\u{feff}",
            "😀\u{e0041}",
        ] {
            let text = json_text(value);
            assert!(text.is_ascii(), "{}", text.as_str());
            assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
        }
    }
}
