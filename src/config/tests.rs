use super::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn read(vars: &[(&str, &str)]) -> Result<Config> {
    Config::from_vars(
        vars.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

#[test]
fn every_fault_is_told_at_once_with_its_variable() {
    let error = read(&[
        ("PGCOFFER_KEY", "short"),
        ("PGCOFFER_BUCKET", "bucket"),
        ("PGCOFFER_BUKET", "s3://bucket"),
        ("PGCOFFER_DB_MAIN_URL", "mysql://x"),
        ("PGCOFFER_DB_MAIN_PORT", "1"),
        ("PGCOFFER_COMPRESSION", "zstd:99"),
        ("PGCOFFER_S3_PATH_STYLE", "perhaps"),
        ("UNRELATED", "x"),
    ])
    .unwrap_err()
    .to_string();
    for name in [
        "KEY",
        "BUCKET",
        "BUKET",
        "DB_MAIN_URL",
        "DB_MAIN_PORT",
        "COMPRESSION",
        "S3_PATH_STYLE",
    ] {
        assert!(
            error.contains(&format!("PGCOFFER_{name}:")),
            "{name} is missing in: {error}"
        );
    }
    assert!(!error.contains("UNRELATED"));
}

#[test]
fn databases_are_found_by_name_and_may_have_keys_of_their_own() {
    let config = read(&[
        ("PGCOFFER_KEY", KEY),
        ("PGCOFFER_DB_MAIN_URL", "postgres://u:p@localhost/main"),
        ("PGCOFFER_DB_BIG_SHOP_URL", "postgres://u:p@localhost/shop"),
        ("PGCOFFER_DB_BIG_SHOP_KEY", &KEY.replace("00", "aa")),
        (
            "PGCOFFER_OLD_KEYS",
            &format!(
                "{}@2026-11-01, {}@2026-11-01T12:00:00Z",
                KEY.replace("00", "bb"),
                KEY.replace("00", "cc")
            ),
        ),
        ("PGCOFFER_BUCKET", "s3://bucket/p"),
        ("PGCOFFER_COMPRESSION", ""),
    ])
    .unwrap();
    let labels: Vec<_> = config.databases.iter().map(|d| d.label.as_str()).collect();
    assert_eq!(labels, ["big_shop", "main"]);
    assert!(config.database(Some("BIG_SHOP")).unwrap().secret.is_some());
    assert!(config.database(None).is_err() && config.database(Some("other")).is_err());
    let keys = config.keys();
    assert_eq!(keys.secrets().len(), 4);
    // the shop's own key alone opens what is the shop's; the day of retirement counts to its end
    assert_eq!(keys.of(&Label::parse("big_shop").unwrap()).len(), 1);
    let of_main = keys.of(&Label::parse("main").unwrap());
    let retired: Vec<_> = of_main
        .iter()
        .filter_map(|key| key.retired.map(|time| time.to_string()))
        .collect();
    assert_eq!(retired, ["2026-11-02T00:00:00Z", "2026-11-01T12:00:00Z"]);
    assert_eq!(config.level, Some(DEFAULT_LEVEL));
}

#[test]
fn a_key_and_a_passphrase_together_are_a_fault() {
    let vars = [
        ("PGCOFFER_KEY", KEY),
        (
            "PGCOFFER_PASSPHRASE",
            "unwound-cosigner-plank-dizzy-refurbish-atop-halogen",
        ),
    ];
    assert!(read(&vars).unwrap_err().to_string().contains("PGCOFFER_PASSPHRASE"));
    assert!(read(&vars[1..]).unwrap().secret.is_some());
}

#[test]
fn no_secret_is_ever_printed() {
    let config = read(&[
        ("PGCOFFER_KEY", KEY),
        ("PGCOFFER_DB_MAIN_URL", "postgres://u:hunter2@localhost/main"),
    ])
    .unwrap();
    let text = format!("{config:?}");
    assert!(
        !text.contains("hunter2") && !text.contains("00010203") && !text.contains("0, 1, 2"),
        "{text}"
    );
}

#[test]
fn a_word_that_a_setting_has_not_has_its_cure() {
    for (name, text, cure) in [
        ("PGCOFFER_COMPRESSION", "gzip", "write zstd, or zstd:3"),
        ("PGCOFFER_LOCK", "yes", "write governance"),
        ("PGCOFFER_LOCK", "off", "unset it"),
        ("PGCOFFER_S3_PATH_STYLE", "ja", "write true or false"),
        ("PGCOFFER_LISTEN", "80000", "ports end at 65535"),
        ("PGCOFFER_LISTEN", "0.0.0.0:80000", "ports end at 65535"),
        ("PGCOFFER_LISTEN", "everywhere", "give an address and a port"),
        (
            "PGCOFFER_BUCKET",
            "s3://testbed/try # my bucket",
            "write s3://testbed/try alone",
        ),
    ] {
        let Err(Error::Config(faults)) = read(&[(name, text)]) else {
            panic!("{name}={text} is taken");
        };
        let hint = faults[0].hint.clone().unwrap_or_default();
        assert!(hint.starts_with(cure), "{name}={text}: {hint}");
    }
}

#[test]
fn compression_is_none_or_a_level() {
    assert_eq!(compression("none"), Ok(None));
    assert_eq!(compression("zstd:7"), Ok(Some(7)));
    assert!(compression("zstd:0").is_err() && compression("gzip").is_err() && compression("zstd:").is_err());
}

#[test]
fn each_database_has_its_own_schedule_the_common_one_or_none() {
    let config = read(&[
        ("PGCOFFER_DB_A_URL", "postgres://u@localhost/a"),
        ("PGCOFFER_DB_B_URL", "postgres://u@localhost/b"),
        ("PGCOFFER_DB_C_URL", "postgres://u@localhost/c"),
        ("PGCOFFER_SCHEDULE", "daily at 02:30 keep 7d"),
        ("PGCOFFER_DB_B_SCHEDULE", "hourly keep 24"),
        ("PGCOFFER_DB_C_SCHEDULE", "Off"),
        ("PGCOFFER_TIMEZONE", "Europe/Berlin"),
        ("PGCOFFER_KEEP_LAST", "5"),
        ("PGCOFFER_STALL_TIMEOUT", "1h 30m"),
    ])
    .unwrap();
    let schedules: Vec<Option<String>> = config
        .databases
        .iter()
        .map(|database| database.schedule.as_ref().map(ToString::to_string))
        .collect();
    let daily = Some("daily at 02:30 keep 7d".to_owned());
    let hourly = Some("hourly at :00 keep 24".to_owned());
    assert_eq!(schedules, [daily, hourly, None]);
    let off: Vec<bool> = config.databases.iter().map(|d| d.unscheduled).collect();
    assert_eq!(off, [false, false, true]);
    assert_eq!(config.keep_last.get(), 5);
    assert_eq!(config.dump_idle_timeout.as_secs(), 5400);
}

#[test]
fn what_is_wrong_with_a_schedule_names_its_variable() {
    let wrong = |vars: &[(&str, &str)]| {
        let url = [("PGCOFFER_DB_A_URL", "postgres://u@localhost/a")];
        read(&[&url, vars].concat()).unwrap_err().to_string()
    };
    let daily = ("PGCOFFER_SCHEDULE", "daily keep 7d");
    for (vars, words) in [
        (vec![("PGCOFFER_SCHEDULE", "daily")], "PGCOFFER_SCHEDULE: in \"daily\""),
        (
            vec![("PGCOFFER_DB_A_SCHEDULE", "never keep 1d")],
            "PGCOFFER_DB_A_SCHEDULE: ",
        ),
        (
            vec![("PGCOFFER_DB_B_SCHEDULE", "daily keep 7d")],
            "PGCOFFER_DB_B_SCHEDULE: it is the schedule of a database that isn't configured",
        ),
        (vec![daily, ("PGCOFFER_TIMEZONE", "Nowhere")], "PGCOFFER_TIMEZONE: "),
        (vec![daily, ("PGCOFFER_KEEP_LAST", "0")], "PGCOFFER_KEEP_LAST: "),
        (
            vec![daily, ("PGCOFFER_STALL_TIMEOUT", "-1h")],
            "PGCOFFER_STALL_TIMEOUT: ",
        ),
        (
            vec![
                ("PGCOFFER_SCHEDULE", "daily keep forever"),
                ("PGCOFFER_LOCK", "compliance"),
            ],
            "PGCOFFER_SCHEDULE: daily is kept forever, and PGCOFFER_LOCK",
        ),
    ] {
        let error = wrong(&vars);
        assert!(error.contains(words), "{error}");
    }
    // retentions have an end: a lock is possible
    let locked = read(&[
        ("PGCOFFER_DB_A_URL", "postgres://u@localhost/a"),
        daily,
        ("PGCOFFER_LOCK", "Governance"),
    ]);
    assert!(locked.unwrap().store.lock.is_some());
}

/// The catalog key of `KEY`, as text.
fn catalog_key() -> String {
    let key = crate::seal::MasterKey::parse(KEY).unwrap();
    key.catalog_key().encode().to_string()
}

fn told(vars: &[(&str, &str)]) -> String {
    read(vars).unwrap_err().to_string()
}

#[test]
fn a_catalog_key_alone_watches_and_seals_no_backup() {
    let catalog_key = catalog_key();
    let url = ("PGCOFFER_DB_MAIN_URL", "postgres://u@localhost/main");
    let config = read(&[("PGCOFFER_CATALOG_KEY", &catalog_key), url]).unwrap();
    assert!(config.keys_for_reading().unwrap().are_catalog_keys());
    let main = config.database(None).unwrap();
    assert!(config.watching_secret_of(main).unwrap().is_catalog_key());
    let refused = config.secret_of(main).unwrap_err();
    assert_eq!(refused.exit_status(), crate::exit_status::ExitStatus::Usage);
    assert!(refused.to_string().contains("seals no backup"), "{refused}");
    // one database's alone, with or without its URL, beside a key for the others
    for vars in [
        &[url, ("PGCOFFER_DB_MAIN_CATALOG_KEY", catalog_key.as_str())][..],
        &[
            ("PGCOFFER_DB_MAIN_CATALOG_KEY", catalog_key.as_str()),
            ("PGCOFFER_KEY", KEY),
        ],
        &[
            url,
            ("PGCOFFER_DB_SHOP_CATALOG_KEY", catalog_key.as_str()),
            ("PGCOFFER_KEY", KEY),
        ],
    ] {
        let config = read(vars).unwrap();
        assert_eq!(config.own_keys.len(), 1, "{vars:?}");
        let own = config.own_keys.values().flatten().next().unwrap();
        assert!(own.secret.is_catalog_key() && own.retired.is_none());
    }
    let printed = format!("{config:?}");
    assert!(!printed.contains(&catalog_key[20..40]), "{printed}");
}

#[test]
fn a_catalog_key_beside_a_key_or_in_its_place_is_a_fault() {
    let catalog_key = catalog_key();
    let catalog_key = catalog_key.as_str();
    let passphrase = "unwound-cosigner-plank-dizzy-refurbish-atop-halogen";
    for (vars, words) in [
        (
            &[("PGCOFFER_CATALOG_KEY", catalog_key), ("PGCOFFER_KEY", KEY)][..],
            "PGCOFFER_CATALOG_KEY: PGCOFFER_KEY is set as well",
        ),
        (
            &[
                ("PGCOFFER_CATALOG_KEY", catalog_key),
                ("PGCOFFER_PASSPHRASE", passphrase),
            ],
            "PGCOFFER_CATALOG_KEY: PGCOFFER_PASSPHRASE is set as well",
        ),
        (
            &[
                ("PGCOFFER_DB_MAIN_CATALOG_KEY", catalog_key),
                ("PGCOFFER_DB_MAIN_KEY", KEY),
            ],
            "PGCOFFER_DB_MAIN_CATALOG_KEY: PGCOFFER_DB_MAIN_KEY is set as well",
        ),
        (&[("PGCOFFER_KEY", catalog_key)], "it is a catalog key"),
        (&[("PGCOFFER_DB_MAIN_KEY", catalog_key)], "it is a catalog key"),
        (&[("PGCOFFER_CATALOG_KEY", KEY)], "PGCOFFER-CATALOG-1"),
        (&[("PGCOFFER_DB_MAIN_CATALOG_KEY", KEY)], "not a catalog key"),
        (
            &[("PGCOFFER_DB_MAIN_CATALOG_KEY", &catalog_key[..75])],
            "it has 75 characters",
        ),
        (
            &[("PGCOFFER_CATALOG_KEY", &format!("{catalog_key}@2026-11-01"))],
            "so is an earlier catalog key",
        ),
    ] {
        let told = told(vars);
        assert!(told.contains(words) && told.contains("hint: "), "{vars:?}: {told}");
        assert!(
            !told.contains(&catalog_key[20..40]) && !told.contains(&KEY[20..40]),
            "{told}"
        );
    }
    // a database may be called so itself
    let config = read(&[
        ("PGCOFFER_DB_MAIN_CATALOG_URL", "postgres://u@localhost/main"),
        ("PGCOFFER_DB_MAIN_CATALOG_KEY", KEY),
    ]);
    let config = config.unwrap();
    assert!(!config.databases[0].secret.as_ref().unwrap().is_catalog_key());
}

#[test]
fn earlier_catalog_keys_stand_beside_earlier_keys_each_with_its_day() {
    let (catalog_key, other) = (catalog_key(), KEY.replace("00", "aa"));
    let old = format!("{catalog_key}@2026-11-01, {other}@2026-10-01 {catalog_key}@2026-09-01");
    let config = read(&[("PGCOFFER_KEY", KEY), ("PGCOFFER_OLD_KEYS", &old)]).unwrap();
    let kinds: Vec<bool> = config.old_keys.iter().map(|key| key.secret.is_catalog_key()).collect();
    assert_eq!(kinds, [true, false, true]);
    assert!(!config.keys().are_catalog_keys());
    // with one of its own a database may have earlier ones of its own
    let vars = [
        ("PGCOFFER_DB_MAIN_CATALOG_KEY", catalog_key.as_str()),
        ("PGCOFFER_DB_MAIN_OLD_KEYS", old.as_str()),
    ];
    let main = &read(&vars).unwrap().own_keys[&Label::parse("main").unwrap()];
    assert_eq!(main.len(), 4);
    let grouped = format!("{} {}", &catalog_key[..30], &catalog_key[30..]);
    for without_day in [
        catalog_key.clone(),
        format!("{catalog_key} {catalog_key}@2026-11-01"),
        format!("{grouped} {other}@2026-11-01"),
        format!("{other} {grouped}@2026-11-01"),
    ] {
        let told = told(&[("PGCOFFER_KEY", KEY), ("PGCOFFER_OLD_KEYS", &without_day)]);
        assert!(told.contains("without the day"), "{without_day}: {told}");
        assert!(!told.contains(&catalog_key[40..60]), "{told}");
    }
}
