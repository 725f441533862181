//! What is wrong is said once, what didn't happen isn't confirmed, and one thing is not told in the plural.

use crate::{
    stage::{KEY, OTHER_KEY, SMALL, Stage},
    testbed::{Agent, Tagging, Terminal},
};

/// What stands on a terminal after a run that ends with this status.
#[track_caller]
fn on_a_terminal(agent: &Agent, args: &[&str], status: i32) -> String {
    let mut terminal = Terminal::start(agent, args);
    // the last line that there is
    terminal.expect("hint: ");
    assert_eq!(terminal.ended(), status, "{}", terminal.screen());
    terminal.screen()
}

#[test]
fn what_keeps_a_tick_from_beginning_is_said_once() {
    let stage = Stage::small();
    let agent = stage.agent().env("PGCOFFER_LISTEN", "127.0.0.1:0");
    for command in ["tick", "serve"] {
        let screen = on_a_terminal(&agent, &[command], 2);
        assert_eq!(screen.matches("has no schedule").count(), 1, "{command}: {screen}");
        let keyless = agent
            .clone()
            .without("PGCOFFER_KEY")
            .env("PGCOFFER_SCHEDULE", "daily keep 7d");
        let screen = on_a_terminal(&keyless, &[command], 2);
        assert_eq!(screen.matches("no key is configured").count(), 1, "{command}: {screen}");
    }
    // of two, both
    let two = agent.database_url("other", &stage.cluster.url(&stage.database));
    for command in ["tick", "serve"] {
        let screen = on_a_terminal(&two, &[command], 2);
        for name in ["main", "other"] {
            let said = format!("{name} has no schedule");
            assert_eq!(screen.matches(&said).count(), 1, "{command}: {screen}");
        }
    }
    // and where one has its turn, the other's reason stands at the end
    let one = two.env("PGCOFFER_DB_OTHER_SCHEDULE", "daily keep 7d");
    let screen = on_a_terminal(&one, &["tick"], 2);
    assert_eq!(screen.matches("main has no schedule").count(), 1, "{screen}");
}

#[test]
fn a_warning_of_a_backup_is_said_once_on_a_terminal() {
    let stage = Stage::small();
    stage
        .bucket
        .behave(|behaviour| behaviour.tagging = Tagging::NotImplemented);
    let words = "this service refuses tags";
    let mut terminal = Terminal::start(&stage.agent(), ["backup"]);
    terminal.expect(" stored, ");
    assert_eq!(terminal.ended(), 0, "{}", terminal.screen());
    let screen = terminal.screen();
    assert_eq!(screen.matches(words).count(), 1, "{screen}");
    // who reads the report alone is told as well
    let outcome = stage.run(["backup"]).success();
    assert!(outcome.text().contains(words), "{}", outcome.text());
}

#[test]
fn a_decision_that_changes_nothing_says_so() {
    let stage = Stage::backed_up(SMALL);
    let said = |args: &[&str]| stage.agent().run(args).success().text().to_owned();
    assert!(said(&["release", "latest"]).contains("was not held: nothing changed"));
    let json = stage.agent().run(["release", "latest", "--json"]).success().json();
    assert_eq!(json["changed"], false);
    assert_eq!(stage.keys("/marks/"), [""; 0], "nothing was written");
    let json = stage
        .agent()
        .run(["hold", "latest", "--reason", "audit", "--json"])
        .success()
        .json();
    assert_eq!(json["changed"], true);
    assert!(said(&["release", "latest"]).contains("goes by its retention again"));
    assert!(said(&["release", "latest"]).contains("nothing changed"));

    // a backup that looks wrong: nine tenths of the rows are gone
    stage.back_up();
    stage.cluster.psql(
        &stage.database,
        "delete from people where id > 20; drop table visits cascade",
    );
    stage.back_up();
    assert!(said(&["accept", "latest", "--by", "joe"]).contains("is accepted as good"));
    let again = said(&["accept", "latest", "--by", "ann"]);
    assert!(
        again.contains("was accepted by joe at ") && again.contains("nothing changed"),
        "{again}"
    );
}

#[test]
fn one_record_is_told_as_one() {
    let stage = Stage::backed_up(SMALL);
    let other = stage.agent().key(OTHER_KEY);
    let reader = other.clone().without("PGCOFFER_DB_MAIN_URL");
    // that no key opens it is told by the error alone
    let outcome = reader.run(["list"]).ended_with(5);
    assert_eq!(outcome.text(), "");
    assert!(outcome.stderr.contains("wrong key"), "{}", outcome.stderr);
    let listed = reader.run(["list", "--json"]).ended_with(5).json();
    assert_eq!(listed["others"]["main"], 1);
    other.run(["backup"]).success();
    let said = other.run(["list"]).success().stderr;
    assert!(said.contains("warning: 1 record in the folder of main"), "{said}");
    let status = other.run(["status"]);
    let status = status.text();
    assert!(!status.contains("1 records"), "{status}");
}

#[test]
fn a_clock_that_is_far_off_is_told_in_days() {
    let stage = Stage::backed_up(SMALL);
    stage.bucket.advance(jiff::SignedDuration::from_hours(20 * 24));
    let status = stage.agent().run(["status"]);
    let said = status.text();
    assert!(
        said.contains("clock is 20 days behind") || said.contains("clock is 19 days behind"),
        "{said}"
    );
}

#[test]
fn settings_for_another_machine_that_name_this_one_are_warned_of() {
    let stage = Stage::small();
    for (form, place) in [("heroku", "dyno"), ("env", "container"), ("kubernetes", "pod")] {
        let outcome = stage.agent().run(["init", "--no-check", "--output", form]).success();
        let said = &outcome.stderr;
        let warned = format!(
            "from a {place} these lead to the {place} itself, and not to this machine: PGCOFFER_DB_MAIN_URL \
             (127.0.0.1), AWS_ENDPOINT_URL_S3\n"
        );
        assert!(said.contains(&warned), "{said}");
    }
    let there = stage
        .agent()
        .env("PGCOFFER_DB_MAIN_URL", "postgres://u:p@db.example.org/shop")
        .env("AWS_ENDPOINT_URL_S3", "https://s3.example.org");
    let outcome = there.run(["init", "--no-check", "--output", "heroku"]).success();
    assert!(!outcome.stderr.contains("these lead to"), "{}", outcome.stderr);
    let here = stage.agent().run(["init", "--no-check", "--output", "shell"]).success();
    assert!(!here.stderr.contains("these lead to"), "{}", here.stderr);
}

#[test]
fn the_trial_of_init_tells_of_no_file_of_settings() {
    let stage = Stage::backed_up(SMALL);
    let outcome = stage
        .agent()
        .run(["init", "--output", "shell", "--schedule", "daily keep 7d"]);
    assert!(!outcome.stderr.contains("/dev/null"), "{}", outcome.stderr);
    assert_ne!(KEY, OTHER_KEY);
}
