//! A world in which everybody but us chooses names and words to move a terminal, to ring a channel, or to speak in our
//! name: owners of objects, records, keys of the bucket, services, programs. Nothing of it leaves by any medium.

use serde_json::json;

use crate::{
    stage::{Stage, restore_args, unique},
    store::scripted_service::Scripted,
    testbed::{Agent, Outcome, Terminal},
    tick::past::{Run, calm, hours},
};

/// What terminals obey, what reorders or hides, lines that pretend to be ours, and the markup of chats.
pub(crate) const HOSTILE: [&str; 11] = [
    "\u{1b}[2J\u{1b}[1;31m",
    "\u{1b}]8;;http://evil.test\u{7}x",
    "\u{1b}]52;c;ZXZpbA==\u{7}",
    "a\r\nerror: forged",
    "a\n\nhint: forged\tb",
    "\u{9b}31m\u{85}\u{7f}\u{8}",
    "a\u{2028}b\u{2029}c",
    "\u{202e}txt\u{2066}\u{200f}\u{61c}",
    "\u{200b}\u{feff}\u{ad}\u{e0041}\u{3164}",
    "<!channel> <http://evil.test|x>",
    "*b* `c` ``` @here & \" '",
];

/// Fails where a character stands in what left that shows nothing, or does something, or where a line is forged.
#[track_caller]
pub(crate) fn assert_harmless(what: &str, text: &str) {
    for c in text.chars() {
        let is_bad = (c.is_control() && c != '\n')
            || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}');
        assert!(!is_bad, "{what}: {c:?} is in {text:?}");
    }
    let forged = text.lines().find(|line| {
        let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || "-:.TZ ".contains(c));
        let begins = text.contains(&format!("\n{line}")) || text.starts_with(line);
        begins && (line.starts_with("error: forged") || line.starts_with("hint: forged"))
    });
    let forged = forged.filter(|line| !line.starts_with(' '));
    assert_eq!(forged, None, "{what}: a line is forged in:\n{text}");
}

#[track_caller]
pub(crate) fn said(what: &str, outcome: Outcome) -> Outcome {
    assert_harmless(what, outcome.text());
    assert_harmless(what, &outcome.stderr);
    outcome
}

/// Runs it as people do and as programs do; no character of the world's stands raw in what either read.
#[track_caller]
pub(crate) fn harmless(agent: &Agent, args: &[&str]) -> Outcome {
    let what = args.join(" ");
    let json = agent.run(args.iter().copied().chain(["--json", "-vv", "--log-format", "json"]));
    said(&format!("{what} --json"), json);
    said(&what, agent.run(args.iter().copied().chain(["-v"])))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Objects of every kind with every name.
fn objects() -> String {
    let mut sql = String::new();
    for (n, text) in HOSTILE.iter().enumerate() {
        let name = quoted(&format!("{n} {text}"));
        sql.push_str(&format!(
            "create schema {name}; create table {name}.{name} ({name} int); insert into {name}.{name} select \
             generate_series(1, 150);
             create view {name}.{} as select 1; create sequence {name}.{}; create type {name}.{} as enum ('a');
             create function {name}.{}() returns int language sql as 'select 1';\n",
            quoted(&format!("v{text}")),
            quoted(&format!("s{text}")),
            quoted(&format!("t{text}")),
            quoted(&format!("f{text}")),
        ));
    }
    sql
}

fn hostile_stage() -> Stage {
    let stage = Stage::small();
    stage.cluster.psql(&stage.database, &objects());
    stage
}

#[test]
fn names_of_a_database_reach_no_terminal() {
    let stage = hostile_stage();
    let agent = stage.agent();
    harmless(&agent, &["check"]);
    harmless(&agent, &["backup"]).success();
    for args in [
        &["list"][..],
        &["show", "latest"],
        &["verify"],
        &["status"],
        &["prune", "--dry-run"],
    ] {
        harmless(&agent, args);
    }
    // programs read the exact names
    let shown = agent.run(["show", "latest", "--json"]).success().json();
    let tables = shown["tables"].as_array().unwrap();
    for (n, text) in HOSTILE.iter().enumerate() {
        let name = format!("{n} {text}");
        assert!(tables.iter().any(|table| table["name"] == name), "{name:?}");
    }
    harmless(&agent, &["get", "latest", "-o", "one.dump"]);
    // refused as not empty, and restored
    let full = stage.target();
    stage.cluster.psql(&full.name, &objects());
    let refused = harmless(&agent, &restore_args(&full));
    assert!(refused.stderr.contains("not empty"), "{}", refused.stderr);
    let target = stage.target();
    said("restore", agent.run(restore_args(&target))).success();
    // half of the rows are gone: it looks suspicious, with the table's name
    for text in ["0 \u{1b}[2J\u{1b}[1;31m", "7 \u{202e}txt\u{2066}\u{200f}\u{61c}"] {
        let name = quoted(text);
        stage
            .cluster
            .psql(&stage.database, &format!("delete from {name}.{name}"));
    }
    harmless(&agent, &["backup"]).success();
    for args in [&["list"][..], &["show", "latest"], &["status"], &["verify"]] {
        harmless(&agent, args);
    }
}

#[test]
fn names_of_databases_and_roles_reach_no_terminal() {
    let stage = hostile_stage();
    let name = unique("d\u{1b}[31m\u{9b}\u{202e}\u{2028}<!channel>`");
    stage.cluster.create_database(&name);
    stage.cluster.psql(&name, "create table t (id int)");
    let agent = stage.agent().env("PGCOFFER_DB_MAIN_URL", stage.cluster.url(&name));
    harmless(&agent, &["backup"]);
    for args in [&["check"][..], &["show", "latest"], &["list"]] {
        harmless(&agent, args);
    }
    // a role that may read nothing, and whose name everybody has to quote
    let role = unique("r\u{1b}[31m\u{202e}\u{200b}");
    let sql = format!("create role {} login", quoted(&role));
    stage.cluster.psql("postgres", &sql);
    let poor = stage.cluster.url_as(&role, None, &stage.database);
    let agent = stage.agent().env("PGCOFFER_DB_MAIN_URL", poor);
    for args in [&["check"][..], &["backup"], &["list"], &["show", "latest"], &["status"]] {
        harmless(&agent, args);
    }
}

/// A record whose every text was chosen by somebody else.
fn hostile_run(n: usize) -> Run {
    let text = HOSTILE[n];
    Run::ago(hours(30 + i64::try_from(n).unwrap()))
        .serving("daily", "7d")
        .suspicious_for(match n % 3 {
            0 => {
                json!({ "kind": "lost_rows", "schema": text, "table": text, "rows": 3, "least_rows": 9, "backups": 5 })
            }
            1 => json!({ "kind": "lost_rows", "table": text, "rows": 9, "least_rows": 5, "backups": -1 }),
            _ => json!({ "kind": text }),
        })
        .with("/warnings", vec![format!("{text}\0")])
        .with("/agent", text)
        .with("/tables/0/name", text)
        .with("/tables/0/schema", text)
}

#[test]
fn fields_of_records_and_marks_reach_no_terminal() {
    let stage = Stage::small();
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    for (n, text) in HOSTILE.iter().enumerate() {
        let id = stage.put(hostile_run(n));
        let args = ["hold", id.as_str(), "--reason", text, "--by", text];
        harmless(&agent, &args).success();
        harmless(&agent, &["show", &id]).success();
    }
    let error = HOSTILE.join(" ");
    let failed = Run::ago(hours(20)).failed(3).serving("daily", "7d");
    let failed = failed.with("/error", error.as_str()).with("/hint", error.as_str());
    let id = stage.put(failed);
    for args in [
        &["list", "-n", "100"][..],
        &["show", &id],
        &["verify", &id],
        &["get", &id],
        &["hold", &id, "--reason", "x"],
        &["status"],
        &["prune", "--dry-run"],
        &["tick"],
        &["list"],
        &["status"],
    ] {
        harmless(&agent, args);
    }
    let terminal = |args: &[&str]| {
        let mut terminal = Terminal::start(&agent, args);
        terminal.ended();
        // a terminal turns line feeds into two characters; the log's own colours are ours
        let screen = terminal.screen().replace("\r\n", "\n");
        let ours = regex::Regex::new("\u{1b}\\[(0|1|2|1;31|31|32|33|34|35)m|\r\u{1b}\\[2K").unwrap();
        assert_harmless("on a terminal", &ours.replace_all(&screen, ""));
    };
    terminal(&["list", "-n", "100"]);
    terminal(&["show", &id]);
    terminal(&["status"]);
}

#[test]
fn keys_and_words_of_a_service_reach_no_terminal() {
    let stage = Stage::small();
    stage.back_up();
    for (n, text) in HOSTILE.iter().enumerate() {
        // what XML can't hold stays out of keys
        let text: String = text.chars().filter(|c| *c >= ' ' && *c != '\u{7f}').collect();
        for folder in ["", "main/", "main/records/", "main/marks/", "main/archives/daily/"] {
            let key = format!("{}/{folder}{n}{text}", stage.bucket.prefix());
            stage.bucket.write(&key, "x");
        }
    }
    for args in [&["list"][..], &["status"], &["prune"], &["check"], &["verify"]] {
        harmless(&stage.agent(), args);
    }
    let message = HOSTILE.join(" ").replace('&', "&amp;").replace('<', "&lt;");
    let message: String = message.chars().filter(|c| *c >= ' ' || "\r\n\t".contains(*c)).collect();
    for (status, code) in [(403, "AccessDenied"), (400, "\u{9b}31mNew\u{202e}"), (409, "x")] {
        let body =
            format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{message}</RequestId></Error>");
        let service = Scripted::start(move |_| (status, Vec::new(), body.clone()));
        let agent = service.agent().key(crate::stage::KEY);
        for args in [&["list"][..], &["backup"], &["tick"], &["status"], &["check"]] {
            harmless(&agent.clone().env("PGCOFFER_SCHEDULE", "daily keep 7d"), args);
        }
    }
}

#[test]
fn what_is_typed_in_wrong_places_is_not_repeated_as_it_is() {
    let stage = Stage::small();
    let url = "postgres://joe:my pa\"ss@127.0.0.1:1/x";
    for args in [
        &["show", "\u{1b}[2J\u{202e}"][..],
        &["backup", "\u{9b}31m"],
        &["\u{1b}]8;;http://evil.test\u{7}"],
        &["restore", "latest", "--to", url],
        &["backup", url],
        &[url],
    ] {
        let outcome = harmless(&stage.agent(), args);
        assert!(outcome.code() != 0);
        let whole = format!("{}{}", outcome.stderr, outcome.text());
        assert!(!whole.contains("my pa") && !whole.contains("ss@127"), "{whole}");
    }
    let odd = stage
        .agent()
        .env("PGCOFFER_BUCKET", "s3://\u{1b}[31m\u{202e}")
        .env("PGCOFFER_\u{2028}X", "1");
    harmless(&odd, &["list"]).ended_with(2);
}
