use std::collections::BTreeSet;

use super::*;
use crate::{
    config::{
        Config,
        names::NAME,
        setting::{DefaultValue, Take},
    },
    redact::redacted,
};

/// Its variable, of a database that is called main where it is one of a database's.
fn variable(setting: &Setting) -> String {
    setting.name.replace(NAME, "MAIN")
}

fn read(vars: &[(&str, &str)]) -> String {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let config = Config::from_vars(vars.iter().map(owned));
    config.map_or_else(|error| error.to_string(), |config| format!("{config:?}"))
}

#[test]
fn every_setting_has_one_line_of_the_table() {
    let mut names = BTreeSet::new();
    for setting in all() {
        let name = setting.name;
        assert!(names.insert(name), "{name} is there twice");
        assert!(name.starts_with(PREFIX), "{name}");
        let is_of_database = matches!(setting.take, Take::PerDatabase { .. } | Take::PerPlace { .. });
        assert_eq!(name.matches(NAME).count(), usize::from(is_of_database), "{name}");
        let in_file = name.strip_suffix("_FILE").and_then(|other| find(other, None));
        assert!(in_file.is_none(), "{name} would name the file of another");
        let variable = variable(setting);
        let (found, label) = find(&variable, None).unwrap();
        assert_eq!(found.name, name);
        assert_eq!(label, if is_of_database { "MAIN" } else { "" });
        assert!(foreign(name).is_none(), "{name}");
    }
    assert!(names.len() > 45, "{}", names.len());
}

#[test]
fn every_setting_says_what_it_means() {
    for setting in all() {
        let (name, help, doc) = (setting.name, setting.help, setting.doc);
        assert!(!help.is_empty() && !doc.is_empty(), "{name}");
        assert!(
            !help.contains("  ") && !doc.contains("  ") && !doc.contains('\n'),
            "{name}"
        );
        // cells of a table, and words behind a name
        assert!(
            !doc.contains('|') && !help.ends_with('.') && !doc.ends_with('.'),
            "{name}"
        );
    }
    for section in SECTIONS_OF_OTHERS {
        assert!(
            !section.help.is_empty() && !section.names.is_empty(),
            "{}",
            section.title
        );
        for variable in section.variables {
            assert!(
                !variable.names.is_empty() && !variable.doc.is_empty(),
                "{:?}",
                variable.names
            );
            for name in variable.names {
                // which may end in a place for any text, and begins as nothing else does
                let (before, _) = name.split_once('<').unwrap_or((name, ""));
                assert!(before.len() > 3 && !before.starts_with(PREFIX), "{name}");
                assert!(foreign(before).is_some(), "{name}");
            }
        }
    }
}

/// A default that is shown is what counts: set, it changes nothing.
#[test]
fn every_default_is_the_true_one() {
    let mut seen = 0;
    for setting in all() {
        if let DefaultValue::Text(text) = setting.default {
            let mut plain = vec![("PGCOFFER_DB_MAIN_URL", "postgres://u@localhost/main")];
            if setting.name.contains("_COPY_<NAME>_") {
                let place = [
                    ("PGCOFFER_COPY_MAIN_URL", "s3://bucket"),
                    ("PGCOFFER_COPY_MAIN_CREDENTIALS", "bucket"),
                ];
                plain.extend(place);
            }
            let name = variable(setting);
            let set = [&plain[..], &[(&*name, text)]].concat();
            // who says how long a backup is kept is told, whatever is said
            let said = read(&set).replace("retains_by_default: false", "retains_by_default: true");
            assert_eq!(said, read(&plain), "{name}");
            seen += 1;
        }
    }
    assert!(seen > 8);
}

#[test]
fn every_setting_is_read_and_no_other() {
    for setting in all() {
        let variable = variable(setting);
        for variable in [variable.clone(), format!("{variable}_FILE")] {
            let said = read(&[(&variable, "\u{1}")]);
            assert!(!said.contains("no such setting"), "{variable}: {said}");
        }
    }
    assert!(read(&[("PGCOFFER_KEYS", "x")]).contains("no such setting"));
}

#[test]
fn what_sounds_like_a_secret_is_one() {
    let sounds = [
        "KEY",
        "KEYS",
        "PASSPHRASE",
        "PASSWORD",
        "SECRET",
        "TOKEN",
        "TOKENS",
        "URL",
        "HASH",
    ];
    for setting in all() {
        let last = setting.name.rsplit('_').next().unwrap();
        // the public half of a key, and addresses that hold no login or that everybody may know
        let is_public = ["PGCOFFER_CERTIFICATE_KEY", "PGCOFFER_DASHBOARD_URL"].contains(&setting.name)
            || ["_COPY_<NAME>_URL", "_COPY_<NAME>_ENDPOINT_URL", "_COPY_<NAME>_HOST_KEY"]
                .iter()
                .any(|end| setting.name.ends_with(end));
        assert_eq!(setting.secret, sounds.contains(&last) && !is_public, "{}", setting.name);
        assert_eq!(is_secret(&variable(setting)), setting.secret, "{}", setting.name);
    }
    for name in [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "HTTPS_PROXY",
        "DATABASE_URL",
        "PGCOFFER_UNKNOWN",
    ] {
        assert!(is_secret(name), "{name}");
    }
    for name in [
        "AWS_REGION",
        "AWS_ENDPOINT_URL_S3",
        "PATH",
        "PGCOFFER_SSE_KMS_KEY_ID",
        "LANG",
    ] {
        assert!(!is_secret(name), "{name}");
    }
}

/// An assignment that stands in a message, such as a shell's, gives no secret away.
#[test]
fn every_secret_is_struck_out_of_text() {
    let mut variables: Vec<String> = all().filter(|one| one.secret).map(variable).collect();
    variables.extend(
        [
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        ]
        .map(String::from),
    );
    for variable in variables {
        for text in [
            format!("env: {variable}=wholly-s3cret: not found"),
            format!("{{\"{variable}\": \"wholly-s3cret\"}}"),
        ] {
            let struck = redacted(&text);
            assert!(!struck.contains("s3cret"), "{struck}");
            assert!(struck.contains(&variable), "{struck}");
        }
    }
}

#[test]
fn a_label_may_end_like_the_name_of_another_setting() {
    let key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    for (variable, text, name, label) in [
        (
            "PGCOFFER_DB_MAIN_CATALOG_KEY",
            "x",
            "PGCOFFER_DB_<NAME>_CATALOG_KEY",
            "MAIN",
        ),
        (
            "PGCOFFER_DB_MAIN_CATALOG_KEY",
            key,
            "PGCOFFER_DB_<NAME>_KEY",
            "MAIN_CATALOG",
        ),
        (
            "PGCOFFER_DB_MAIN_PING_URL",
            "https://x",
            "PGCOFFER_DB_<NAME>_PING_URL",
            "MAIN",
        ),
        (
            "PGCOFFER_DB_MAIN_PING_URL",
            "postgres://x",
            "PGCOFFER_DB_<NAME>_URL",
            "MAIN_PING",
        ),
        ("PGCOFFER_DB_PING_URL", "https://x", "PGCOFFER_DB_<NAME>_URL", "PING"),
        ("PGCOFFER_DB_OLD_KEYS_KEY", key, "PGCOFFER_DB_<NAME>_KEY", "OLD_KEYS"),
    ] {
        let (setting, found) = find(variable, Some(text)).unwrap();
        assert_eq!((setting.name, found), (name, label), "{variable}={text}");
    }
    assert!(find("PGCOFFER_DB__URL", None).is_none() && find("PGCOFFER_DB_URL", None).is_none());
    assert_eq!(label_of_url("PGCOFFER_DB_BIG_SHOP_URL").unwrap().as_str(), "big_shop");
    assert_eq!(label_of_url("PGCOFFER_DB_MAIN_PING_URL"), None);
}

#[test]
fn a_name_that_is_nearly_right_is_understood() {
    for (wrong, right) in [
        ("BUKET", "PGCOFFER_BUCKET?"),
        ("S3_BUCKET", "PGCOFFER_BUCKET?"),
        ("ENCRYPTION_KEY", "PGCOFFER_KEY?"),
        ("SCHEDUEL", "PGCOFFER_SCHEDULE?"),
        ("TIME_ZONE", "PGCOFFER_TIMEZONE?"),
        ("KEYFILE", "PGCOFFER_KEY?"),
        ("PASPHRASE_FILE", "PGCOFFER_PASSPHRASE_FILE?"),
        ("OLD_KEY", "PGCOFFER_OLD_KEYS?"),
        ("CATALOGUE_KEY", "PGCOFFER_CATALOG_KEY?"),
        ("CATALOG", "PGCOFFER_CATALOG_KEY?"),
        ("DATABASE_URL", "PGCOFFER_DB_MAIN_URL"),
        ("DB_URL", "PGCOFFER_DB_MAIN_URL"),
        ("MAIN_URL", "PGCOFFER_DB_MAIN_URL"),
        ("DATABASES_MAIN_URL", "PGCOFFER_DB_MAIN_URL"),
        ("SLACK_URL", "PGCOFFER_SLACK_WEBHOOK_URL?"),
        ("WEBHOK_URL", "PGCOFFER_WEBHOOK_URL?"),
        ("DB_MAIN_SCHEDUL", "PGCOFFER_DB_MAIN_SCHEDULE?"),
        ("DB_MAIN_ULR_FILE", "PGCOFFER_DB_MAIN_URL_FILE?"),
        ("DB_BIG_SHOP_OLD_KYES", "PGCOFFER_DB_BIG_SHOP_OLD_KEYS?"),
        (
            "DB_MAIN_PORT",
            "a database has PGCOFFER_DB_<NAME>_URL, PGCOFFER_DB_<NAME>_AUTH",
        ),
    ] {
        let hint = nearest(&format!("{PREFIX}{wrong}"));
        assert!(hint.contains(right), "{wrong}: {hint}");
    }
    assert!(nearest("PGCOFFER_COLOUR").contains("--help"));
}
