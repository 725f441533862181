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
    assert!(
        read(&vars)
            .unwrap_err()
            .to_string()
            .contains("PGCOFFER_PASSPHRASE")
    );
    assert!(read(&vars[1..]).unwrap().secret.is_some());
}

#[test]
fn no_secret_is_ever_printed() {
    let config = read(&[
        ("PGCOFFER_KEY", KEY),
        (
            "PGCOFFER_DB_MAIN_URL",
            "postgres://u:hunter2@localhost/main",
        ),
    ])
    .unwrap();
    let text = format!("{config:?}");
    assert!(
        !text.contains("hunter2") && !text.contains("00010203") && !text.contains("0, 1, 2"),
        "{text}"
    );
}

#[test]
fn compression_is_none_or_a_level() {
    assert_eq!(compression("none"), Ok(None));
    assert_eq!(compression("zstd:7"), Ok(Some(7)));
    assert!(
        compression("zstd:0").is_err()
            && compression("gzip").is_err()
            && compression("zstd:").is_err()
    );
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
    assert_eq!(config.silence_max.as_secs(), 5400);
}

#[test]
fn what_is_wrong_with_a_schedule_names_its_variable() {
    let wrong = |vars: &[(&str, &str)]| {
        let url = [("PGCOFFER_DB_A_URL", "postgres://u@localhost/a")];
        read(&[&url, vars].concat()).unwrap_err().to_string()
    };
    let daily = ("PGCOFFER_SCHEDULE", "daily keep 7d");
    for (vars, words) in [
        (
            vec![("PGCOFFER_SCHEDULE", "daily")],
            "PGCOFFER_SCHEDULE: in \"daily\"",
        ),
        (
            vec![("PGCOFFER_DB_A_SCHEDULE", "never keep 1d")],
            "PGCOFFER_DB_A_SCHEDULE: ",
        ),
        (
            vec![("PGCOFFER_DB_B_SCHEDULE", "daily keep 7d")],
            "PGCOFFER_DB_B_SCHEDULE: it is the schedule of a database that isn't configured",
        ),
        (
            vec![daily, ("PGCOFFER_TIMEZONE", "Nowhere")],
            "PGCOFFER_TIMEZONE: ",
        ),
        (
            vec![daily, ("PGCOFFER_KEEP_LAST", "0")],
            "PGCOFFER_KEEP_LAST: ",
        ),
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
