use super::super::Config;
use crate::{error::Error, web::PasswordHash};

fn read(vars: &[(&str, &str)]) -> Result<Config, Vec<String>> {
    let vars = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_vars(vars).map_err(|error| match error {
        Error::Config(faults) => faults
            .into_iter()
            .map(|fault| format!("{}: {}", fault.variable, fault.why))
            .collect(),
        other => panic!("{other}"),
    })
}

#[test]
fn its_address_turns_it_on() {
    assert!(read(&[]).unwrap().dashboard.is_none());
    let hash = PasswordHash::make("correct horse battery").unwrap().encode();
    let config = read(&[
        ("PGCOFFER_DASHBOARD_URL", "https://backups.example.com"),
        ("PGCOFFER_DASHBOARD_OPERATOR_HASH", &hash),
        ("PGCOFFER_DASHBOARD_PROXIES", "10.0.0.0/8, 127.0.0.1"),
        ("PGCOFFER_DASHBOARD_USER_HEADER", "X-Forwarded-User"),
        ("PGCOFFER_DASHBOARD_OPERATORS", "ada, grace"),
    ]);
    let dashboard = config.unwrap().dashboard.unwrap();
    assert!(dashboard.is_encrypted() && !dashboard.is_local());
    assert!(dashboard.operator.unwrap().is_of("correct horse battery") && dashboard.viewer.is_none());
    assert!(dashboard.proxies.include("10.1.2.3".parse().unwrap()));
    let users = dashboard.users.unwrap();
    assert_eq!(users.header, "x-forwarded-user");
    assert_eq!(users.operators.into_iter().collect::<Vec<_>>(), ["ada", "grace"]);
    let local = read(&[("PGCOFFER_DASHBOARD_URL", "http://localhost:9187")]).unwrap();
    assert!(local.dashboard.unwrap().is_local());
}

#[test]
fn what_would_be_open_or_useless_is_refused() {
    let hash = PasswordHash::make("correct horse battery").unwrap().encode();
    let url = ("PGCOFFER_DASHBOARD_URL", "https://backups.example.com");
    for (vars, said) in [
        // the password would cross the network in the clear
        (
            &[("PGCOFFER_DASHBOARD_URL", "http://backups.example.com")][..],
            "PGCOFFER_DASHBOARD_URL: it is http",
        ),
        (
            &[("PGCOFFER_DASHBOARD_URL", "https://u:p@example.com")],
            "holds a user or a password",
        ),
        (
            &[("PGCOFFER_DASHBOARD_URL", "https://example.com/backups")],
            "has a path",
        ),
        (
            &[("PGCOFFER_DASHBOARD_URL", "backups.example.com")],
            "no http or https URL",
        ),
        (
            &[("PGCOFFER_DASHBOARD_OPERATOR_HASH", &hash)],
            "without it there is no dashboard",
        ),
        (
            &[url, ("PGCOFFER_DASHBOARD_OPERATOR_HASH", "correct horse battery")],
            "no Argon2id hash",
        ),
        (
            &[url, ("PGCOFFER_DASHBOARD_USER_HEADER", "Remote-User")],
            "everybody else could send that header",
        ),
        (
            &[url, ("PGCOFFER_DASHBOARD_USER_HEADER", "Cookie")],
            "no header that names a user",
        ),
        (
            &[url, ("PGCOFFER_DASHBOARD_OPERATORS", "ada")],
            "names that a proxy gives",
        ),
        (
            &[url, ("PGCOFFER_DASHBOARD_PROXIES", "10.0.0.1, proxy")],
            "\"proxy\" is neither",
        ),
    ] {
        let faults = read(vars).unwrap_err();
        assert!(faults.iter().any(|fault| fault.contains(said)), "{said}: {faults:?}");
        assert!(
            faults.iter().all(|fault| !fault.contains("correct horse")),
            "{faults:?}"
        );
    }
    let allowed = [
        ("PGCOFFER_DASHBOARD_URL", "http://backups.lan"),
        ("PGCOFFER_ALLOW_HTTP", "backups.lan"),
    ];
    assert!(read(&allowed).unwrap().dashboard.is_some());
}
