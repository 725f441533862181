//! `list` and `status` as a person sees them: on terminals of several widths, in several time zones, with none, one and
//! many backups of several databases with long names.

use unicode_width::UnicodeWidthStr as _;

use crate::{
    stage::{KEY, OTHER_KEY},
    testbed::{Agent, S3Server, Terminal},
    tick::past::{Run, hours, minutes},
};

const LONG: &str = "the_database_with_the_longest_name_that_a_label_may_have_of_all";

fn agent(bucket: &S3Server) -> Agent {
    Agent::new()
        .s3(bucket)
        .key(KEY)
        .database_url("main", "postgres://nobody@127.0.0.1:1/none")
}

/// Three databases; of one forty backups, among them some that failed.
fn many() -> S3Server {
    let bucket = S3Server::start();
    for hour in 0..40 {
        let run = Run::ago(hours(3 * hour + 2));
        let run = if (10..14).contains(&hour) {
            run.failed(3)
        } else {
            run.serving("hourly", "60d")
        };
        run.put(&bucket);
    }
    Run::ago(hours(26)).of(LONG, KEY).serving("daily", "7d").put(&bucket);
    Run::ago(minutes(1500)).of(LONG, KEY).failed(3).put(&bucket);
    Run::ago(hours(3)).of("shop", KEY).suspicious().put(&bucket);
    bucket
}

/// What is on a terminal of that width, without colours; no line is wider than it.
#[track_caller]
fn seen(agent: &Agent, columns: u16, command: &str) -> String {
    let screen = screen(agent, columns, command);
    let plain = regex::Regex::new("\x1b\\[[0-9;]*m")
        .unwrap()
        .replace_all(&screen, "")
        .replace('\r', "");
    for line in plain.lines() {
        assert!(line.width() <= usize::from(columns), "{command}: {columns}: {line}");
    }
    plain
}

fn screen(agent: &Agent, columns: u16, command: &str) -> String {
    let mut terminal = Terminal::of_columns(columns, agent, command.split(' '));
    terminal.ended();
    terminal.screen()
}

#[test]
fn nothing_is_wider_than_the_terminal_whatever_the_names() {
    let bucket = many();
    let agent = agent(&bucket)
        .database_url(LONG, "postgres://nobody@127.0.0.1:1/none")
        .env("PGCOFFER_SCHEDULE", "hourly keep 60d, daily keep 7d");
    for columns in [70, 80, 100, 132, 200] {
        for locale in ["C", "C.UTF-8"] {
            let agent = agent.clone().env("LC_ALL", locale);
            for command in ["list", "list --all", "list --good", "status", "ls main", "list -n 1"] {
                let text = seen(&agent, columns, command);
                let mark = if locale == "C" { "..." } else { "…" };
                let is_short = columns >= 100 || ["ls main", "list -n 1"].contains(&command);
                assert!(is_short || text.contains(mark), "{columns} {command}:\n{text}");
            }
        }
    }
    // there nothing is lost
    for wide in ["list --wide --all -n 99", "status --wide"] {
        let text = screen(&agent, 80, wide);
        assert!(text.contains(LONG) && !text.contains('…'), "{text}");
    }
    let wide = agent.run(["list", "--wide"]).success();
    let ids = agent.run(["list", "--json"]).success().json();
    assert!(wide.text().contains(ids["backups"][0]["id"].as_str().unwrap()));
}

#[test]
fn a_program_that_reads_lines_gets_whole_names() {
    let bucket = many();
    let listed = agent(&bucket).run(["list", "-n", "99"]).success();
    let lines = listed.text().lines().filter(|line| line.contains(LONG));
    // two lines of the answer, and one for each of its runs
    assert_eq!(lines.count(), 4, "{}", listed.text());
    assert!(!listed.text().contains('\x1b'), "{}", listed.text());
}

#[test]
fn failures_do_not_bury_good_backups() {
    let bucket = many();
    for minute in 0..50 {
        Run::ago(minutes(minute + 1)).failed(4).put(&bucket);
    }
    let agent = agent(&bucket);
    let listed = agent.run(["list", "main", "-n", "12"]).success();
    let text = listed.text();
    assert_eq!(text.matches(" hourly ").count(), 10, "{text}");
    assert!(text.contains("50 failed") && text.contains("4 failed"), "{text}");
    assert!(
        text.contains("52 runs that failed are not shown; --all shows each"),
        "{text}"
    );
    let all = agent.run(["list", "main", "--all", "-n", "12"]).success();
    assert_eq!(all.text().matches("  failed\n").count(), 12, "{}", all.text());
    let good = agent.run(["list", "--good", "-n", "12", "main"]).success();
    assert_eq!(good.text().matches("  good\n").count(), 12, "{}", good.text());
    assert_eq!(good.text().matches("failed").count(), 0, "{}", good.text());
    // a program counts for itself
    let json = agent.run(["list", "--json", "main", "-n", "12"]).success().json();
    let backups = json["backups"].as_array().unwrap();
    assert!(backups.len() == 12 && backups.iter().all(|one| one["status"] == "failed"));
    let json = agent.run(["list", "--json", "--good", "-n", "99"]).success().json();
    let backups = json["backups"].as_array().unwrap();
    // 36 of main and one of the database with a long name; what looks suspicious is none
    assert_eq!(backups.len(), 37);
    assert!(
        backups
            .iter()
            .all(|one| one["good"] == true && one["looks_suspicious"] == false)
    );
}

#[test]
fn a_backup_that_looks_wrong_is_said_first_and_good_ones_are_found_behind_it() {
    let bucket = S3Server::start();
    let sound = Run::ago(hours(30)).serving("daily", "7d").put(&bucket);
    Run::ago(hours(50)).serving("daily", "7d").put(&bucket);
    Run::ago(hours(1)).suspicious().put(&bucket);
    let agent = agent(&bucket);
    let listed = agent.run(["list"]).success();
    let looks_wrong = listed.text().lines().find(|line| line.contains("IT LOOKS WRONG"));
    assert!(looks_wrong.unwrap().contains(&sound), "{}", listed.text());
    for count in ["1", "2"] {
        let good = agent.run(["list", "--good", "-n", count]).success();
        assert_eq!(
            good.text().matches("  good\n").count().to_string(),
            count,
            "{}",
            good.text()
        );
        let json = agent.run(["list", "--good", "-n", count, "--json"]).success().json();
        assert_eq!(json["backups"].as_array().unwrap().len().to_string(), count);
    }
    let one = agent.run(["list", "--good", "-n", "1", "--json"]).success().json();
    assert_eq!(one["backups"][0]["id"], sound.as_str());
}

#[test]
fn a_mistyped_database_is_no_database_without_backups() {
    let bucket = S3Server::start();
    let agent = agent(&bucket);
    // one that is configured may have none yet, and an empty place says where it is
    agent.run(["list", "main"]).success();
    Run::ago(hours(1)).put(&bucket);
    for word in ["mian", "latest", "20261129"] {
        let outcome = agent.run(["list", word]).ended_with(7);
        assert!(outcome.stderr.contains("backups of main"), "{}", outcome.stderr);
    }
    let meant = |words: &[&str], exit_status| {
        let outcome = agent.run(words).ended_with(exit_status);
        assert!(outcome.stderr.contains("did you mean main?"), "{}", outcome.stderr);
        outcome.stderr
    };
    meant(&["list", "maain"], 7);
    meant(&["backup", "maain"], 2);
    let status = meant(&["status", "mian"], 2);
    assert!(
        status.contains("no database \"mian\" is configured or in s3://"),
        "{status}"
    );
}

#[test]
fn where_nothing_is_found_it_says_where_it_looked() {
    let bucket = S3Server::start();
    let place = format!("s3://testbed/{}", bucket.prefix());
    let agent = agent(&bucket);
    assert!(agent.run(["list"]).success().text().contains(&place));
    assert!(agent.run(["list", "elsewhere"]).success().text().contains(&place));
    assert!(agent.run(["status"]).ended_with(8).text().contains(&place));
    let nobody = agent.clone().without("PGCOFFER_DB_MAIN_URL");
    assert!(nobody.run(["prune", "--dry-run"]).success().text().contains(&place));
    assert!(nobody.run(["status"]).ended_with(8).stderr.contains(&place));
    Run::ago(hours(1)).put(&bucket);
    let other = agent.key(OTHER_KEY).run(["list"]).ended_with(5);
    assert!(other.stderr.contains(bucket.prefix()), "{}", other.stderr);
}

#[test]
fn times_are_those_of_the_reader() {
    let bucket = S3Server::start();
    let id = Run::ago(hours(2)).serving("daily", "7d").put(&bucket);
    let utc = |id: &str| {
        format!(
            "{}-{}-{} {}:{}",
            &id[..4],
            &id[4..6],
            &id[6..8],
            &id[9..11],
            &id[11..13]
        )
    };
    let agent = agent(&bucket).env("PGCOFFER_SCHEDULE", "daily keep 7d");
    for command in ["list", "status", "prune --dry-run"] {
        let text = |agent: &Agent| agent.run(command.split(' ')).success().text().to_owned();
        let here = text(&agent);
        assert!(here.contains(" (UTC)") && !here.contains("Times are in"), "{here}");
        assert!(command == "status" || here.contains(&utc(&id)), "{here}");
        let by_tz = agent.clone().without("TZ").env("TZ", "Asia/Kolkata");
        let there = text(&by_tz);
        assert!(
            there.contains("Times are in Asia/Kolkata.") && !there.contains("(UTC)"),
            "{there}"
        );
        assert!(!there.contains(&utc(&id)), "{there}");
        // what is set comes first
        let set = text(&by_tz.env("PGCOFFER_TIMEZONE", "America/New_York"));
        assert!(set.contains("Times are in America/New_York."), "{set}");
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let bucket = S3Server::start();
    Run::ago(hours(2)).put(&bucket);
    let agent = agent(&bucket);
    let has_colour = |agent: &Agent, command: &str| screen(agent, 80, command).contains("\x1b[32mgood");
    assert!(has_colour(&agent, "list"));
    assert!(!has_colour(&agent, "list --color never"));
    assert!(!has_colour(&agent.clone().env("NO_COLOR", "1"), "list"));
    assert!(!has_colour(&agent.clone().env("TERM", "dumb"), "list"));
    let piped = |agent: &Agent, args: &[&str]| agent.run(args).success().text().contains("\x1b[32mgood");
    assert!(!piped(&agent, &["list"]));
    assert!(piped(&agent, &["list", "--color", "always"]));
    assert!(piped(&agent.clone().env("CLICOLOR_FORCE", "1"), &["list"]));
    let help = Agent::new().run(["--color=always", "--help"]).success();
    assert!(help.text().contains('\x1b'));
    let help = Agent::new()
        .env("CLICOLOR_FORCE", "1")
        .run(["--color", "never", "--help"])
        .success();
    assert!(!help.text().contains('\x1b'));
}
