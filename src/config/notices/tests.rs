use super::*;
use crate::backup::EventKind;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn read(vars: &[(&str, &str)]) -> Result<Notices, String> {
    let vars = vars
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = crate::config::Config::from_vars(vars);
    config.map(|config| config.notices).map_err(|e| e.to_string())
}

#[test]
fn channels_come_from_their_settings() {
    let notices = read(&[
        ("PGCOFFER_SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x"),
        ("PGCOFFER_WEBHOOK_URL", "https://ops.acme.test/hook"),
        ("PGCOFFER_WEBHOOK_SECRET", SECRET),
        ("PGCOFFER_SMTP_URL", "smtps://u:p@mail.acme.test"),
        ("PGCOFFER_EMAIL_FROM", "Backups <backups@acme.test>"),
        ("PGCOFFER_EMAIL_TO", "ann@acme.test, Bob <bob@acme.test>"),
        ("PGCOFFER_PING_URL", "https://checks.internal/ping/uuid"),
        ("PGCOFFER_NOTIFY_ON", "all"),
        ("PGCOFFER_DIGEST", "Friday 17:30"),
    ])
    .unwrap();
    let names = notices.notifier.channels.iter().map(Channel::name);
    assert_eq!(names.collect::<Vec<_>>(), ["slack", "webhook", "mail"]);
    assert!(notices.notifier.kinds.contains(EventKind::Digest) && notices.ping.is_some());
    assert!(matches!(notices.digest, Some((Recurrence::Weekly { .. }, _))));
}

#[test]
fn every_mistake_names_its_variable_and_repeats_no_secret() {
    for (vars, variable, words) in [
        (
            &[("PGCOFFER_SLACK_WEBHOOK_URL", "http://hooks.slack.com/services/s3cret")][..],
            "SLACK_WEBHOOK_URL",
            "https",
        ),
        (
            &[("PGCOFFER_SLACK_WEBHOOK_URL", "https://acme.slack.com/s3cret")],
            "SLACK_WEBHOOK_URL",
            "no incoming webhook",
        ),
        (
            &[("PGCOFFER_SLACK_WEBHOOK_URL", "#backups")],
            "SLACK_WEBHOOK_URL",
            "not a URL",
        ),
        (
            &[("PGCOFFER_WEBHOOK_URL", "https://ops.acme.test/s3cret")],
            "WEBHOOK_SECRET",
            "unsigned",
        ),
        (&[("PGCOFFER_WEBHOOK_SECRET", SECRET)], "WEBHOOK_URL", "missing"),
        (
            &[("PGCOFFER_WEBHOOK_SECRET", "whsec_c2hvcnQ=")],
            "WEBHOOK_SECRET",
            "5 bytes",
        ),
        (&[("PGCOFFER_WEBHOOK_SECRET", "s3cret")], "WEBHOOK_SECRET", "whsec_"),
        (
            &[("PGCOFFER_SMTP_URL", "https://u:s3cret@mail.acme.test")],
            "SMTP_URL",
            "smtps",
        ),
        (
            &[
                ("PGCOFFER_SMTP_URL", "smtps://u:s3cret@mail.acme.test"),
                ("PGCOFFER_EMAIL_TO", "a@b.test"),
            ],
            "EMAIL_FROM",
            "missing",
        ),
        (&[("PGCOFFER_EMAIL_TO", "ann")], "EMAIL_TO", "not an address"),
        (
            &[("PGCOFFER_PING_URL", "8f57a84f-9f2f-4b3f-8f8e-1b6c8d3c2a11")],
            "PING_URL",
            "not a URL",
        ),
        (
            &[("PGCOFFER_NOTIFY_ON", "failure, recovered")],
            "NOTIFY_ON",
            "recovery is one",
        ),
        (&[("PGCOFFER_NOTIFY_ON", " ,")], "NOTIFY_ON", "write none"),
        (&[("PGCOFFER_NOTIFY_ON", "failed")], "NOTIFY_ON", "failure is one"),
        (&[("PGCOFFER_NOTIFY_ON", "all digest")], "NOTIFY_ON", "stands alone"),
        (&[("PGCOFFER_DIGEST", "daily 08:00")], "DIGEST", "day of the week"),
        (&[("PGCOFFER_DIGEST", "monday 8 o'clock")], "DIGEST", "monday 08:00"),
        (
            &[("PGCOFFER_DB_MAIN_PING_URL", "https://hc-ping.com/x")],
            "DB_MAIN_PING_URL",
            "isn't configured",
        ),
        (
            &[("PGCOFFER_SLACK_URL", "https://hooks.slack.com/services/s3cret")],
            "SLACK_URL",
            "did you mean PGCOFFER_SLACK_WEBHOOK_URL?",
        ),
    ] {
        let error = read(vars).unwrap_err();
        assert!(error.contains(&format!("PGCOFFER_{variable}:")), "{vars:?}: {error}");
        assert!(error.contains(words), "{vars:?}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[test]
fn they_are_read_alone_where_the_rest_is_wrong() {
    let vars = |vars: &[(&str, &str)]| Notices::alone(vars.iter().copied());
    let slack = ("PGCOFFER_SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T/B/x");
    let notices = vars(&[
        slack,
        ("PGCOFFER_BUCKET", "nonsense"),
        ("PGCOFFER_PING_URL", "nonsense"),
    ]);
    assert_eq!(notices.unwrap().notifier.channels.len(), 1);
    for own in ["nonsense", "postgres://a@b/c"] {
        let notices = vars(&[slack, ("PGCOFFER_DB_MAIN_PING_URL", own)]).unwrap();
        assert_eq!(notices.notifier.channels.len(), 1);
        assert!(notices.pings.is_empty());
    }
    assert!(vars(&[("PGCOFFER_BUCKET", "s3://b")]).is_none());
}
