//! That the answers are true where it would be easier to say that all is well.

use crate::{
    served::{PASSWORD, VIEWER_PASSWORD, serve, with_dashboard},
    stage::{KEY, OTHER_KEY, wait_until},
    testbed::{Agent, Fault, Rule, S3Server},
    tick::past::{Run, calm, hours},
};

const NOWHERE: &str = "postgres://nobody@127.0.0.1:1/none";

fn agent(bucket: &S3Server, labels: &[&str]) -> Agent {
    let agent = Agent::new().s3(bucket).key(KEY);
    let agent = labels
        .iter()
        .fold(agent, |agent, label| agent.database_url(label, NOWHERE));
    with_dashboard(agent)
}

#[test]
fn what_nobody_backs_up_is_not_safe() {
    let bucket = S3Server::start();
    Run::ago(hours(2)).put(&bucket);
    let served = serve(&agent(&bucket, &["main"]));
    for password in [PASSWORD, VIEWER_PASSWORD] {
        let page = served.signed_in(password).get("/");
        let text = page.text();
        for said in ["One has no schedule here", "no schedule : nobody here backs it up"] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains("all well") && !text.contains("safe"), "{text}");
        assert!(page.body.contains("href=\"/databases/main/schedule\""), "{}", page.body);
    }
    served.end().success();
}

#[test]
fn what_is_missing_to_the_first_backup_is_said_step_by_step() {
    let bucket = S3Server::start();
    let served = serve(&agent(&bucket, &["main"]));
    let mut operator = served.signed_in(PASSWORD);
    for path in ["/", "/databases/main"] {
        let page = operator.get(path);
        let text = page.text();
        for said in [
            "To the first good backup",
            "There is no schedule: choose one",
            "No backup was made yet.",
            "Then test a restore",
        ] {
            assert!(text.contains(said), "{path}: {said}: {text}");
        }
        assert!(page.body.contains("href=\"/databases/main/schedule\""), "{}", page.body);
        assert!(
            page.body.contains("/act?what=back-up&amp;database=main"),
            "{}",
            page.body
        );
    }
    // of what was never backed up there is no year
    assert!(!operator.get("/databases/main").text().contains("The last year"));
    served.end().success();
}

/// The question of that hour is when the last good one was made.
#[test]
fn while_the_bucket_is_away_what_was_known_stays_with_its_age() {
    let bucket = S3Server::start();
    let labels = ["main", "shop", "site"];
    for label in labels {
        Run::ago(hours(5)).of(label, KEY).serving("daily", "7d").put(&bucket);
    }
    let agent = agent(&bucket, &labels).env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let served = serve(&agent);
    let mut reader = served.signed_in(PASSWORD);
    for path in ["/", "/databases/main"] {
        wait_until("it is known", || reader.get(path).text().contains("5 hours ago"));
    }
    bucket.inject(Rule::on("*").always(), Fault::access_denied());
    for path in ["/", "/databases/main"] {
        wait_until("it is said", || {
            reader.get(path).text().contains("can't be seen right now")
        });
        let text = reader.get(path).text();
        assert!(
            text.contains("5 hours ago") && text.contains("What is below is older."),
            "{text}"
        );
        assert!(text.contains("as of ") && !text.contains("all well"), "{text}");
        // once, and not for each database
        assert_eq!(text.matches("can't be seen").count(), 1, "{text}");
        assert!(text.matches("What to do:").count() <= 1, "{text}");
    }
    let text = reader.get("/").text();
    assert!(text.contains("All 3 databases were backed up as of "), "{text}");
    served.end().success();
}

#[test]
fn records_of_others_are_not_passed_over_in_silence() {
    let bucket = S3Server::start();
    Run::ago(hours(2)).serving("daily", "7d").put(&bucket);
    Run::ago(hours(3)).of("main", OTHER_KEY).put(&bucket);
    let agent = agent(&bucket, &["main"]).env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let served = serve(&agent);
    let mut reader = served.signed_in(PASSWORD);
    for path in ["/", "/databases/main"] {
        let text = reader.get(path).text();
        assert!(
            text.contains("records of another key, which are passed over: 1.") && text.contains("PGCOFFER_OLD_KEYS"),
            "{path}: {text}"
        );
    }
    served.end().success();
}

/// Nine databases: one that fails has a card, and the others a line each.
#[test]
fn of_many_databases_those_that_need_nothing_are_a_line_each() {
    let bucket = S3Server::start();
    let labels = ["a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"];
    for label in labels {
        Run::ago(hours(2)).of(label, KEY).serving("daily", "7d").put(&bucket);
    }
    Run::ago(hours(40)).of("late", KEY).serving("daily", "7d").put(&bucket);
    let agent =
        agent(&bucket, &[&labels[..], &["late"]].concat()).env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let served = serve(&agent);
    let mut reader = served.signed_in(PASSWORD);
    wait_until("all are known", || {
        reader.get("/").text().contains("8 databases on time")
    });
    let page = reader.get("/");
    assert_eq!(page.body.matches("class=\"card database").count(), 1, "{}", page.body);
    for label in labels {
        assert!(page.body.contains(&format!("href=\"/databases/{label}\"")), "{label}");
    }
    let text = page.text();
    assert!(text.find("1 of 9 databases needs a look").is_some(), "{text}");
    assert!(
        text.find("is late").unwrap() < text.find("8 databases on time").unwrap(),
        "{text}"
    );
    served.end().success();
}

#[test]
fn no_name_that_nobody_has_stands_on_a_page_that_asks() {
    let bucket = S3Server::start();
    Run::ago(hours(2)).put(&bucket);
    let served = serve(&agent(&bucket, &["main"]));
    let mut operator = served.signed_in(PASSWORD);
    for path in [
        "/act?what=back-up&database=main%E2%80%AE%20evil%20call%20%2B1-900",
        "/act?what=delete&database=MAIN&id=20261120T070000Z-aaaaaaaaaaaa",
        "/act?what=back-up",
        "/databases/nosuch",
        "/databases/nosuch/schedule",
    ] {
        let page = operator.get(path);
        assert_eq!(page.status, 404, "{path}: {}", page.text());
        assert!(
            !page.body.contains("evil") && !page.body.contains('\u{202e}'),
            "{}",
            page.body
        );
    }
    assert_eq!(operator.get("/act?what=back-up&database=main").status, 200);
    served.end().success();
}
