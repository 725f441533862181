use super::{super::reading::Reading, *};

/// What is read, what is wrong with single settings, and what is wrong with all of them together.
fn read(vars: &[(&str, &str)]) -> (Serving, Vec<Wrong>, Vec<Fault>) {
    let mut reading = Reading::default();
    for (name, value) in vars {
        reading.take(name, value);
    }
    let wrong = std::mem::take(&mut reading.faults);
    let wrong = wrong.into_iter().map(|fault| (fault.why, fault.hint)).collect();
    let (config, faults) = reading.finish();
    (config.serving, wrong, faults)
}

#[test]
fn it_listens_on_this_machine_unless_the_platform_or_somebody_says_otherwise() {
    let address = |vars: &[(&str, &str)]| read(vars).0.address().unwrap().to_string();
    assert_eq!(address(&[]), "127.0.0.1:9187");
    assert_eq!(address(&[("PORT", "5000")]), "0.0.0.0:5000");
    let both = [("PORT", "5000"), ("PGCOFFER_LISTEN", "[::]:80")];
    assert_eq!(address(&both), "[::]:80");
    assert_eq!(address(&[("PGCOFFER_LISTEN", "8080")]), "127.0.0.1:8080");
    let by_name = [("PGCOFFER_LISTEN", "localhost:8080")];
    assert_eq!(address(&by_name), "127.0.0.1:8080");
}

#[test]
fn metrics_are_never_open_to_the_internet_and_never_half_open() {
    let open = [("PGCOFFER_METRICS_OPEN", "true"), ("PGCOFFER_LISTEN", "0.0.0.0:80")];
    let (serving, _, faults) = read(&open);
    let address = serving.address().unwrap();
    assert!(faults.is_empty() && matches!(serving.readers(address), Readers::Everybody));
    let routed = read(&[("PGCOFFER_METRICS_OPEN", "true"), ("PORT", "80")]).0;
    let told = routed.address().unwrap_err().to_string();
    assert!(told.starts_with("PGCOFFER_METRICS_OPEN: "), "{told}");
    let both = [open[0], ("PGCOFFER_METRICS_TOKEN", "0123456789abcdef")];
    assert_eq!(read(&both).2[0].variable, "PGCOFFER_METRICS_OPEN");
}

#[test]
fn every_mistake_is_told_with_its_cure() {
    for (name, value) in [
        ("PGCOFFER_LISTEN", "example.com:80"),
        ("PGCOFFER_LISTEN", "70000"),
        ("PGCOFFER_METRICS_TOKEN", "secret"),
        ("PGCOFFER_METRICS_FILE", "/var/lib/metrics.txt"),
        ("PGCOFFER_LAUNCH", "fly"),
        ("PGCOFFER_HEROKU_API_KEY", "two words"),
        ("PGCOFFER_HEROKU_DYNO_SIZE", "standard 1x"),
        ("PGCOFFER_HEROKU_TIME_TO_LIVE", "25h"),
        ("PGCOFFER_HEROKU_TIME_TO_LIVE", "5s"),
    ] {
        let (_, wrong, _) = read(&[(name, value)]);
        let (why, hint) = wrong.first().unwrap_or_else(|| panic!("{name}={value} was taken"));
        assert!(hint.is_some(), "{name}: {why}");
        assert!(!why.contains("two words") && !why.contains("secret"), "{why}");
    }
}

#[test]
fn what_a_platform_sets_is_minded_only_where_it_is_used() {
    let (serving, wrong, _) = read(&[("PORT", "tcp://10.0.0.1:80")]);
    assert!(wrong.is_empty());
    assert!(serving.address().unwrap_err().to_string().starts_with("PORT: "));
    for url in ["http://api.example.com", "api.heroku.com"] {
        let vars = [
            ("HEROKU_API_URL", url),
            ("PGCOFFER_HEROKU_APP", "x"),
            ("PGCOFFER_HEROKU_API_KEY", "y"),
        ];
        assert!(read(&vars).2.is_empty());
        let launched = [&vars[..], &[("PGCOFFER_LAUNCH", "heroku")]].concat();
        assert_eq!(read(&launched).2[0].variable, "HEROKU_API_URL");
    }
}

#[test]
fn dynos_need_an_app_and_a_key() {
    let (serving, _, faults) = read(&[("PGCOFFER_LAUNCH", "heroku")]);
    assert!(serving.dynos.is_none());
    let named: Vec<&str> = faults.iter().map(|fault| fault.variable.as_str()).collect();
    assert_eq!(named, ["PGCOFFER_HEROKU_APP", "PGCOFFER_HEROKU_API_KEY"]);

    let (serving, _, faults) = read(&[
        ("PGCOFFER_LAUNCH", "heroku"),
        ("PGCOFFER_HEROKU_APP", "shop-backups"),
        ("PGCOFFER_HEROKU_API_KEY", "HRKU-0123"),
        ("PGCOFFER_HEROKU_DYNO_SIZE", "Standard-2X"),
    ]);
    let dynos = serving.dynos.unwrap();
    assert!(faults.is_empty() && !format!("{dynos:?}").contains("HRKU"));
    assert_eq!(dynos.size.as_deref(), Some("standard-2x"));
    assert_eq!(
        (dynos.api.as_str(), dynos.time_to_live.as_secs()),
        ("https://api.heroku.com/", 43_200)
    );
    // without the launch nobody asks for them
    assert!(read(&[("PGCOFFER_HEROKU_APP", "x")]).0.dynos.is_none());
}
