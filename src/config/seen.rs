//! Databases that the environment names by variables of others, such as `DATABASE_URL`. They are seen and not read:
//! nobody's database is backed up because its URL happens to be there.

use std::ffi::{OsStr, OsString};

use zeroize::Zeroizing;

use super::{blanks::trimmed, names::PREFIX};
use crate::postgres::DatabaseUrl;

/// How names of variables end that hold the URL of a database.
const ENDS: [&str; 4] = ["_URL", "_URI", "_DSN", "_CONNECTION_STRING"];
/// The usual names, the likeliest first.
const USUAL: [&str; 5] = [
    "DATABASE_URL",
    "POSTGRES_URL",
    "POSTGRESQL_URL",
    "PG_URL",
    "DATABASE_PRIVATE_URL",
];
/// Of the variables of libpq those that name a server or a database.
const OF_LIBPQ: [&str; 4] = ["PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE"];

/// What the environment names, and how a setting takes it over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenDatabases {
    /// Variables that hold a URL, the likeliest first; then the first variable of libpq.
    names: Vec<String>,
    /// Whether the process runs on Heroku, which sets `DYNO`.
    on_heroku: bool,
    /// Which of libpq's variables are set.
    of_libpq: Vec<&'static str>,
}

impl SeenDatabases {
    pub(super) fn in_environment(vars: &[(OsString, OsString)]) -> Self {
        let text = |value: &OsString| value.to_str().map(|text| Zeroizing::new(trimmed(text).to_owned()));
        let is_set = |name: &str| vars.iter().any(|(set, value)| set == name && !value.is_empty());
        let mut found: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in vars {
            let (Some(name), Some(value)) = (name.to_str(), text(value)) else {
                continue;
            };
            let is_named = ENDS.iter().any(|end| name.ends_with(end)) && !name.starts_with(PREFIX);
            if is_named && DatabaseUrl::parse(&value).is_ok() {
                found.push((name.to_owned(), value));
            }
        }
        found.sort_by_key(|(name, _)| {
            let usual = USUAL.iter().position(|usual| usual == name).unwrap_or(USUAL.len());
            (name.contains("POOL"), usual, name.clone())
        });
        let mut names: Vec<String> = Vec::new();
        let mut values: Vec<Zeroizing<String>> = Vec::new();
        for (name, value) in found {
            if !values.contains(&value) {
                names.push(name);
                values.push(value);
            }
        }
        let of_libpq: Vec<&str> = ["PGUSER", "PGPASSWORD", "PGPORT"]
            .into_iter()
            .chain(OF_LIBPQ)
            .filter(|name| is_set(name))
            .collect();
        let named = OF_LIBPQ.into_iter().find(|name| of_libpq.contains(name));
        names.extend(named.map(str::to_owned));
        Self {
            names,
            on_heroku: vars
                .iter()
                .any(|(name, value)| name == OsStr::new("DYNO") && !value.is_empty()),
            of_libpq,
        }
    }

    /// That no database is configured, with what was seen instead.
    #[must_use]
    pub fn why(&self) -> String {
        match self.names.as_slice() {
            [] => "no database is configured".to_owned(),
            [name] => format!("no database is configured: {name} is set, and is not read"),
            [name, others @ ..] => {
                let others = others.join(", ");
                format!("no database is configured: {name} is set, and is not read (nor is {others})")
            }
        }
    }

    /// The line to write.
    #[must_use]
    pub fn hint(&self) -> String {
        let Some(name) = self.names.first() else {
            return "`pgcoffer init` sets everything up; or set PGCOFFER_DB_MAIN_URL to the database's URL \
                    (postgres://user:password@host:5432/name)"
                .to_owned();
        };
        if OF_LIBPQ.contains(&name.as_str()) {
            return self.hint_of_libpq();
        }
        if self.on_heroku {
            // Heroku changes the URL when it rotates credentials: a copy would go stale
            return format!(
                "if {name} is the one, attach that database under our name as well, so that it stays right when Heroku \
                 changes the URL: `heroku addons:attach ADD-ON --as PGCOFFER_DB_MAIN -a APP`; `heroku addons -a APP` \
                 shows the names of add-ons"
            );
        }
        format!(
            "if that is the database to back up, run this as well: export PGCOFFER_DB_MAIN_URL=${name} (in a file of variables, \
             in Docker or Kubernetes the same URL once more, under the name PGCOFFER_DB_MAIN_URL)"
        )
    }

    fn hint_of_libpq(&self) -> String {
        let has = |name: &str| self.of_libpq.contains(&name);
        if has("PGSERVICE") && !has("PGHOST") {
            return "set PGCOFFER_DB_MAIN_URL to the database's URL: postgres:///?service=$PGSERVICE takes it from the \
                    service file"
                .to_owned();
        }
        let parts: Vec<String> = self.of_libpq.iter().map(|name| format!("${name}")).collect();
        format!(
            "if it is the one, write its parts ({}) as one URL in PGCOFFER_DB_MAIN_URL: \
             postgres://user:password@host:5432/name, special characters of the password percent-encoded (@ is %40)",
            parts.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "postgres://u:p@db.example.com:5432/app";

    fn seen(vars: &[(&str, &str)]) -> SeenDatabases {
        let vars: Vec<_> = vars.iter().map(|(name, value)| (name.into(), value.into())).collect();
        SeenDatabases::in_environment(&vars)
    }

    #[test]
    fn a_url_under_another_name_is_named_with_the_line_to_write() {
        for name in [
            "DATABASE_URL",
            "POSTGRES_URL",
            "HEROKU_POSTGRESQL_PINK_URL",
            "SQLALCHEMY_DATABASE_URI",
            "APP_DB_DSN",
        ] {
            let seen = seen(&[(name, URL), ("REDIS_URL", "redis://x"), ("HOME", "/root")]);
            assert_eq!(
                seen.why(),
                format!("no database is configured: {name} is set, and is not read")
            );
            let line = format!("export PGCOFFER_DB_MAIN_URL=${name} ");
            assert!(seen.hint().contains(&line), "{}", seen.hint());
        }
    }

    #[test]
    fn the_usual_name_comes_first_and_a_pooler_last() {
        let other = "postgres://u:p@db.example.com:5432/other";
        let pool = "postgres://u:p@db.example.com:6432/app";
        let seen = seen(&[
            ("ANALYTICS_URL", other),
            ("DATABASE_CONNECTION_POOL_URL", pool),
            ("DATABASE_URL", URL),
            ("HEROKU_POSTGRESQL_PINK_URL", URL),
        ]);
        assert_eq!(
            seen.names,
            ["DATABASE_URL", "ANALYTICS_URL", "DATABASE_CONNECTION_POOL_URL"]
        );
    }

    #[test]
    fn on_heroku_a_database_is_attached() {
        let seen = seen(&[("DATABASE_URL", URL), ("DYNO", "run.1")]);
        let hint = seen.hint();
        assert!(
            hint.contains("heroku addons:attach ADD-ON --as PGCOFFER_DB_MAIN"),
            "{hint}"
        );
    }

    #[test]
    fn variables_of_libpq_are_named() {
        let seen = seen(&[("PGHOST", "db"), ("PGUSER", "app"), ("PGDATABASE", "shop")]);
        assert!(seen.why().contains("PGHOST is set"), "{}", seen.why());
        let parts = "($PGUSER, $PGHOST, $PGDATABASE)";
        assert!(seen.hint().contains(parts), "{}", seen.hint());
    }

    #[test]
    fn what_is_no_database_is_not_named() {
        let nothing = seen(&[
            ("DATABASE_URL", "mysql://x"),
            ("API_URL", "https://x"),
            ("PGCOFFER_X_URL", URL),
        ]);
        assert_eq!(nothing.why(), "no database is configured");
        assert!(nothing.hint().contains("pgcoffer init"));
    }
}
