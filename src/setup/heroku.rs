//! Commands of the Heroku CLI.
//!
//! The URL of a Heroku Postgres database changes whenever Heroku rotates it, so it is attached and never copied: Heroku
//! then keeps the variable right. <https://devcenter.heroku.com/articles/heroku-postgresql-credentials>

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::{Setup, url_variable};
use crate::text::shell_word;

/// Where Heroku's API is.
const API: &str = "https://api.heroku.com";
/// What names of apps don't hold.
const BESIDE_NAMES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// A Heroku Postgres database that can be attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// the add-on's name, such as `postgresql-rigid-12345`
    pub add_on: String,
    /// the app that owns it
    pub owner: String,
    /// its plan, such as `heroku-postgresql:standard-0`
    pub plan: String,
}

impl Attachment {
    /// Whether its plan has credentials beside the owner's: those of the Essential tier and its forerunners have none.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        let plan = self.plan.rsplit(':').next().unwrap_or_default();
        let without = ["essential", "mini", "basic", "hobby", "dev"];
        !without.iter().any(|tier| plan.starts_with(tier))
    }
}

/// What a new credential needs: it begins with no rights at all. Tables that are made later are covered where the app's
/// own credential makes them, as it does these.
const GRANTS: &str = "grant usage on schema public to pgcoffer; \
    grant select on all tables in schema public to pgcoffer; \
    grant select on all sequences in schema public to pgcoffer; \
    alter default privileges in schema public grant select on tables to pgcoffer; \
    alter default privileges in schema public grant select on sequences to pgcoffer";

/// All commands, one after the other.
pub(super) fn commands(setup: &Setup) -> Zeroizing<String> {
    let app = setup.app.as_deref().unwrap_or("YOUR-APP");
    let app = shell_word(app);
    let mut text = Zeroizing::new(String::new());
    // an attachment that failed ends it: without the database the other settings are no set-up
    for (label, attachment) in &setup.attachments {
        let variable = url_variable(label);
        // an attachment's name is its variable without the _URL that Heroku puts behind it
        let name = variable.strip_suffix("_URL").unwrap_or(&variable);
        let (add_on, owner) = (shell_word(&attachment.add_on), shell_word(&attachment.owner));
        if attachment.has_credentials() {
            text.push_str(&format!(
                "heroku pg:credentials:create {add_on} --name pgcoffer -a {owner}\n\
                 heroku pg:psql {add_on} -a {owner} -c '{GRANTS}'\n\
                 heroku addons:attach {add_on} --credential pgcoffer --as {name} -a {app} || exit\n"
            ));
        } else {
            text.push_str(&format!("heroku addons:attach {add_on} --as {name} -a {app} || exit\n"));
        }
    }
    text.push_str(&config_vars(setup));
    text
}

/// A JSON string in ASCII: serde_json leaves characters that can't be seen as they are, and a terminal would obey some.
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

/// One request, so that the app restarts once. It goes to Heroku's API and not through `heroku config:set`, which takes
/// values as arguments: every user of the machine could read them in the list of processes. `curl` reads all of it from
/// its standard input. <https://devcenter.heroku.com/articles/platform-api-reference#config-vars-update>
fn config_vars(setup: &Setup) -> Zeroizing<String> {
    let app = setup.app.as_deref().unwrap_or("YOUR-APP");
    let app = utf8_percent_encode(app, BESIDE_NAMES);
    let attached: Vec<String> = setup.attachments.keys().map(url_variable).collect();
    let mut json = Zeroizing::new(String::from("{"));
    for (name, value) in setup
        .elsewhere()
        .filter(|(name, _)| !attached.iter().any(|a| a == name))
    {
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
         url = \"{API}/apps/{app}/config-vars\"\n\
         request = \"PATCH\"\n\
         header = \"Accept: application/vnd.heroku+json; version=3\"\n\
         header = \"Content-Type: application/json\"\n\
         data = \"{}\"\n\
         END\n",
        data.as_str()
    ))
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
