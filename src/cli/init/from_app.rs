//! What the environment and the settings of a Heroku app say beforehand.

use std::collections::BTreeMap;

use pgcoffer::config::{place_of_setting, trimmed};

use super::{OF_AWS, heroku::OnHeroku};

/// The environment, and over it what is set for the Heroku app already.
pub(super) fn variables(heroku: Option<&OnHeroku>) -> BTreeMap<String, String> {
    let vars = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .map(|(name, value)| (name, trimmed(&value).to_owned()));
    let mut vars: BTreeMap<String, String> = vars.collect();
    let of_app: Vec<(&str, &str)> = heroku
        .iter()
        .flat_map(|heroku| &heroku.vars)
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    for (name, value) in &of_app {
        if is_taken_from_app(name) || OF_AWS.contains(name) || is_of_taken_place(name, &of_app) {
            vars.insert((*name).to_owned(), (*value).to_owned());
        }
    }
    vars
}

/// Settings of the app that the commands here need. Those that name files, programs or places to listen at are true of
/// the app alone, and whoever can change the app shall not choose them for this machine.
const OF_APP: [&str; 28] = [
    "PGCOFFER_ALLOW_HTTP",
    "PGCOFFER_BUCKET",
    "PGCOFFER_CATALOG_KEY",
    "PGCOFFER_COLD",
    "PGCOFFER_DIGEST",
    "PGCOFFER_EMAIL_FROM",
    "PGCOFFER_EMAIL_TO",
    "PGCOFFER_KEEP_LAST",
    "PGCOFFER_KEY",
    "PGCOFFER_MODE",
    "PGCOFFER_NOTIFY_ON",
    "PGCOFFER_OLD_KEYS",
    "PGCOFFER_PASSPHRASE",
    "PGCOFFER_PING_URL",
    "PGCOFFER_REPOSITORY",
    "PGCOFFER_REQUESTER_PAYS",
    "PGCOFFER_RETAIN_MANUAL",
    "PGCOFFER_S3_PATH_STYLE",
    "PGCOFFER_SCHEDULE",
    "PGCOFFER_SLACK_WEBHOOK_URL",
    "PGCOFFER_SMTP_URL",
    "PGCOFFER_SSE",
    "PGCOFFER_SSE_KMS_KEY_ID",
    "PGCOFFER_STORAGE_CLASS",
    "PGCOFFER_TIMEZONE",
    "PGCOFFER_WEBHOOK_SECRET",
    "PGCOFFER_WEBHOOK_URL",
    "PGCOFFER_ACL",
];

/// What such a setting of one database is called behind the database's name.
const OF_APP_DATABASE: [&str; 7] = [
    "_AUTH",
    "_CATALOG_KEY",
    "_KEY",
    "_OLD_KEYS",
    "_PING_URL",
    "_SCHEDULE",
    "_URL",
];

fn is_taken_from_app(name: &str) -> bool {
    let of_database = name.starts_with("PGCOFFER_DB_") && OF_APP_DATABASE.iter().any(|end| name.ends_with(end));
    OF_APP.contains(&name) || of_database
}

/// Whether a setting is one of a place that holds copies, and is taken with all others of it. None is taken of a place
/// with a setting that would lead to a folder, a file or a profile of this machine.
fn is_of_taken_place(name: &str, all: &[(&str, &str)]) -> bool {
    let of = |(name, value): &(&str, &str)| place_of_setting(name, value);
    let Some(found) = all.iter().find(|(one, _)| *one == name) else {
        return false;
    };
    let Some((place, _)) = of(found) else {
        return false;
    };
    let has_file = |(one, _): &(&str, &str)| one.starts_with(&place.settings()) && one.ends_with("_FILE");
    let leads_here = |one: &(&str, &str)| match of(one) {
        Some((other, what)) if other == place => match what {
            "_URL" => one.1.starts_with("file:"),
            "_SSH_KEY" => !one.1.contains("-----BEGIN "),
            "_HOST_KEY" => one.1.starts_with('/'),
            "_CREDENTIALS" => one.1.starts_with("profile:"),
            _ => false,
        },
        _ => has_file(one),
    };
    !all.iter().any(leads_here)
}

#[cfg(test)]
mod tests {
    use super::{is_of_taken_place, is_taken_from_app};

    #[test]
    fn an_app_chooses_no_file_and_no_program_of_this_machine() {
        for name in ["PGCOFFER_KEY", "PGCOFFER_DB_MAIN_URL", "PGCOFFER_DB_BIG_SHOP_KEY"] {
            assert!(is_taken_from_app(name), "{name}");
        }
        for name in [
            "PGCOFFER_PG_BIN",
            "PGCOFFER_KEY_FILE",
            "PGCOFFER_DB_MAIN_URL_FILE",
            "PGCOFFER_METRICS_FILE",
            "PGCOFFER_LISTEN",
            "PGCOFFER_CONFIG",
            "PATH",
            "LD_PRELOAD",
            "AWS_CONFIG_FILE",
        ] {
            assert!(!is_taken_from_app(name), "{name}");
        }
    }

    #[test]
    fn a_place_of_an_app_is_taken_whole_or_not_at_all() {
        let server = |key, host| {
            [
                ("PGCOFFER_COPY_VPS_URL", "sftp://backup@vps.example/p"),
                ("PGCOFFER_COPY_VPS_SSH_KEY", key),
                ("PGCOFFER_COPY_VPS_HOST_KEY", host),
                ("PGCOFFER_COPY_OFFSITE_URL", "s3://copies"),
                ("PGCOFFER_COPY_OFFSITE_SECRET_ACCESS_KEY", "/begins/with/a/slash"),
            ]
        };
        let (text, print) = ("-----BEGIN OPENSSH PRIVATE KEY-----\\n…", "SHA256:x");
        for (key, host, taken) in [
            (text, print, true),
            ("~/.ssh/id_ed25519", print, false),
            (text, "/etc/passwd", false),
        ] {
            let all = server(key, host);
            for (name, _) in all.iter().filter(|(name, _)| name.contains("_VPS_")) {
                assert_eq!(is_of_taken_place(name, &all), taken, "{name} {key} {host}");
            }
        }
        let folder = [("PGCOFFER_COPY_NAS_URL", "file:///mnt/nas")];
        assert!(!is_of_taken_place("PGCOFFER_COPY_NAS_URL", &folder));
        assert!(!is_of_taken_place("PGCOFFER_BUCKET", &folder));
    }
}
