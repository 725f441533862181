//! Which database a person means by a word that names none.

use super::Config;
use crate::backup::Label;

impl Config {
    /// What to do where no database has this label, which may be a text that can't be one.
    pub(super) fn meant_database(&self, typed: &str) -> String {
        let known = || self.databases.iter().map(|database| &database.label);
        let fitting = Label::fitting(typed);
        if let Some(meant) = known().find(|label| Some(*label) == fitting.as_ref()) {
            return format!("it is called {meant} here");
        }
        match (Label::nearest(typed, known()), fitting) {
            (Some(meant), _) => format!("did you mean {meant}?"),
            (None, Some(fitting)) => {
                let variable = fitting.as_str().to_ascii_uppercase();
                match fitting.as_str() == typed.to_ascii_lowercase() {
                    true => format!("name one of those, or set PGCOFFER_DB_{variable}_URL"),
                    false => format!(
                        "name one of those, or set PGCOFFER_DB_{variable}_URL and name {fitting}: a label has a-z, 0-9 \
                         and _ alone"
                    ),
                }
            }
            (None, None) if typed.contains("://") => {
                "a URL is a setting: write it into PGCOFFER_DB_MAIN_URL, and name main here".to_owned()
            }
            (None, None) => "name one of those".to_owned(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    fn hint(typed: &str) -> String {
        let vars = ["MAIN", "MY_SHOP"].map(|name| {
            let url = format!("postgres://u@h/{name}");
            (format!("PGCOFFER_DB_{name}_URL"), url)
        });
        let config = Config::from_vars(vars).unwrap();
        config.database(Some(typed)).unwrap_err().hint().unwrap()
    }

    #[test]
    fn no_hint_names_a_variable_that_cannot_be() {
        assert_eq!(hint("my-shop"), "it is called my_shop here");
        assert_eq!(hint("mian"), "did you mean main?");
        assert!(hint("your-app").contains("set PGCOFFER_DB_YOUR_APP_URL and name your_app"));
        assert!(hint("other").ends_with("set PGCOFFER_DB_OTHER_URL"));
        let said = hint("postgres://u:hunter2@h/x");
        assert!(
            said.contains("a URL is a setting") && !said.contains("hunter2"),
            "{said}"
        );
        assert_eq!(hint("a/b"), "name one of those");
    }
}
