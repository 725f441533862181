//! A world in which everybody but us chooses names and words to move a terminal, to ring a channel, or to speak in our name:
//! owners of objects, records, keys of the bucket, services, programs. Nothing of it leaves by any medium.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::{
    notices::Scene,
    scripted::Scripted,
    stage::{Stage, restore_args, unique, wait_until},
    testbed::{Agent, Hearer, MailServer, Outcome, Security, Terminal, healthchecks::Healthchecks},
    tick_past::{Run, calm, hours},
};

/// What terminals obey, what reorders or hides, lines that pretend to be ours, and the markup of chats.
const HOSTILE: [&str; 11] = [
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
fn assert_harmless(what: &str, text: &str) {
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
fn said(what: &str, outcome: Outcome) -> Outcome {
    assert_harmless(what, outcome.text());
    assert_harmless(what, &outcome.stderr);
    outcome
}

/// Runs it as people do and as programs do; no character of the world's stands raw in what either read.
#[track_caller]
fn harmless(agent: &Agent, args: &[&str]) -> Outcome {
    let what = args.join(" ");
    let json = agent.run(
        args.iter()
            .copied()
            .chain(["--json", "-vv", "--log-format", "json"]),
    );
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
            "create schema {name}; create table {name}.{name} ({name} int); insert into {name}.{name} select generate_series(1, 150);
             create view {name}.{} as select 1; create sequence {name}.{}; create type {name}.{} as enum ('a');
             create function {name}.{}() returns int language sql as 'select 1';\n",
            quoted(&format!("v{text}")), quoted(&format!("s{text}")), quoted(&format!("t{text}")), quoted(&format!("f{text}")),
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
    for text in [
        "0 \u{1b}[2J\u{1b}[1;31m",
        "7 \u{202e}txt\u{2066}\u{200f}\u{61c}",
    ] {
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
    let agent = stage
        .agent()
        .env("PGCOFFER_DB_MAIN_URL", stage.cluster.url(&name));
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
    for args in [
        &["check"][..],
        &["backup"],
        &["list"],
        &["show", "latest"],
        &["status"],
    ] {
        harmless(&agent, args);
    }
}

/// A record whose every text was chosen by somebody else.
fn hostile_run(n: usize) -> Run {
    let text = HOSTILE[n];
    Run::ago(hours(30 + i64::try_from(n).unwrap()))
        .serving("daily", "7d")
        .suspicious(&format!(
            "table {text} has 3 rows, the last 5 backups had 500 or more"
        ))
        .with("/warnings", vec![format!("{text}\0")])
        .with("/agent", text)
        .with("/tables/0/name", text)
        .with("/tables/0/schema", text)
}

#[test]
fn fields_of_records_and_marks_reach_no_terminal() {
    let stage = Stage::small();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    for (n, text) in HOSTILE.iter().enumerate() {
        let id = stage.put(hostile_run(n));
        let args = ["hold", id.as_str(), "--reason", text, "--by", text];
        harmless(&agent, &args).success();
        harmless(&agent, &["show", &id]).success();
    }
    let error = HOSTILE.join(" ");
    let failed = Run::ago(hours(20)).failed(3).serving("daily", "7d");
    let failed = failed
        .with("/error", error.as_str())
        .with("/hint", error.as_str());
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
        let ours = regex::Regex::new("\u{1b}\\[(0|2|31|32|33|34|35)m|\r\u{1b}\\[2K").unwrap();
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
        let text: String = text
            .chars()
            .filter(|c| *c >= ' ' && *c != '\u{7f}')
            .collect();
        for folder in [
            "",
            "main/",
            "main/records/",
            "main/marks/",
            "main/archives/daily/",
        ] {
            let key = format!("{}/{folder}{n}{text}", stage.bucket.prefix());
            stage.bucket.write(&key, "x");
        }
    }
    for args in [
        &["list"][..],
        &["status"],
        &["prune"],
        &["check"],
        &["verify"],
    ] {
        harmless(&stage.agent(), args);
    }
    let message = HOSTILE.join(" ").replace('&', "&amp;").replace('<', "&lt;");
    let message: String = message
        .chars()
        .filter(|c| *c >= ' ' || "\r\n\t".contains(*c))
        .collect();
    for (status, code) in [
        (403, "AccessDenied"),
        (400, "\u{9b}31mNew\u{202e}"),
        (409, "x"),
    ] {
        let body = format!(
            "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{message}</RequestId></Error>"
        );
        let service = Scripted::start(move |_| (status, Vec::new(), body.clone()));
        let agent = service.agent().key(crate::stage::KEY);
        for args in [
            &["list"][..],
            &["backup"],
            &["tick"],
            &["status"],
            &["check"],
        ] {
            harmless(
                &agent.clone().env("PGCOFFER_SCHEDULE", "daily keep 7d"),
                args,
            );
        }
    }
}

/// A row of a table, in the quotes of five languages and in none.
const ROW: &str = "ERROR:  ung\u{fc}ltige Eingabe \u{bb}ann@example.com\u{ab} \u{201e}ann@example.com\u{201c} \u{ab} ann@example.com \u{bb} \u{300c}ann@example.com\u{300d} ann@example.com";

/// Client programs of which pg_dump says this and fails.
fn lying_client(stage: &Stage, words: &str) -> std::path::PathBuf {
    let folder = stage.file("client");
    std::fs::create_dir(&folder).unwrap();
    for name in ["pg_restore", "psql"] {
        std::os::unix::fs::symlink(stage.cluster.bin().join(name), folder.join(name)).unwrap();
    }
    std::fs::write(folder.join("words"), words).unwrap();
    let (real, here) = (stage.cluster.bin().join("pg_dump"), folder.display());
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *--version*) exec {} --version;; esac\ncat {here}/words >&2\nexit 1\n",
        real.display()
    );
    let file = folder.join("pg_dump");
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Everything that a value of JSON says, decoded.
fn texts(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => into.push_str(&format!("{text} ")),
        Value::Array(all) => all.iter().for_each(|one| texts(one, into)),
        Value::Object(all) => all.values().for_each(|one| texts(one, into)),
        _ => {}
    }
}

#[test]
fn no_channel_carries_a_word_of_a_server_or_a_program() {
    let scene = Scene::small();
    let words = format!("pg_dump: error: {ROW}\n{}\n", HOSTILE.join(" "));
    let (checks, mail) = (
        Healthchecks::start(),
        MailServer::start(Security::Implicit, None, &[]),
    );
    let agent = scene
        .agent()
        .env("PGCOFFER_PG_BIN", lying_client(&scene.stage, &words))
        .env("PGCOFFER_PING_URL", checks.url())
        .env("SSL_CERT_FILE", mail.authority())
        .env(
            "PGCOFFER_SMTP_URL",
            format!("smtps://localhost:{}", mail.port()),
        )
        .env("PGCOFFER_EMAIL_FROM", "backups@acme.test")
        .env("PGCOFFER_EMAIL_TO", "ann@acme.test");
    let outcome = said("tick", agent.run(["tick"])).ended_with(3);
    assert!(
        outcome.text().contains("ann@example.com"),
        "{}",
        outcome.text()
    );
    let id = scene.stage.run(["list", "--json"]).json()["backups"][0]["id"].clone();
    let id = id.as_str().unwrap();
    let mut heard = vec![scene.slack.only().text(), scene.webhook.only().text()];
    heard.extend(checks.take().into_iter().map(|ping| ping.body));
    wait_until("the mail", || !mail.heard().is_empty());
    heard.extend(mail.heard().iter().map(ToString::to_string));
    assert_eq!(heard.len(), 5);
    for text in &heard {
        assert!(
            !text.contains("ann@example.com") && !text.contains("forged"),
            "{text}"
        );
        assert_harmless("a channel", text);
    }
    // what failed, and where the rest is, is told all the same
    for text in [&heard[0], &heard[1], &heard[4]] {
        assert!(
            text.contains("pg_dump failed") && text.contains(&format!("pgcoffer show {id}")),
            "{text}"
        );
    }
    let shown = said("show", scene.stage.run(["show", id]));
    assert!(
        shown.text().contains("\u{bb}ann@example.com\u{ab}"),
        "{}",
        shown.text()
    );
    // nor does what the record says leave with the next message
    scene.slack.take();
    let agent = agent.env("PGCOFFER_NOTIFY_ON", "all");
    for args in [&["tick"][..], &["status", "--notify"], &["backup"]] {
        said("again", agent.run(args.iter().copied()));
    }
    let heard = scene.slack.take().into_iter().chain(scene.webhook.take());
    for one in heard {
        assert!(!one.text().contains("ann@example.com"), "{}", one.text());
    }
}

/// A password that is the name of a schema, and one that is nothing but a password.
#[test]
fn passwords_leave_neither_themselves_nor_a_gap() {
    let stage = Stage::small();
    let strong = "pq7!Vx/2m%Kd";
    let words = format!(
        "pg_dump: error: schema \"shop\" of shopkeepers: CREATE SCHEMA shop;\n\
         pg_dump: detail: tried \"host=db password=shop user=joe\" and 'postgres://joe:shop@db/shop'\n\
         pg_dump: detail: and {strong}, pq7%21Vx%2F2m%25Kd, x{strong}x"
    );
    let client = lying_client(&stage, &words);
    for password in ["shop", strong] {
        let url = stage
            .cluster
            .url_as("postgres", Some(password), &stage.database);
        let agent = stage
            .agent()
            .env("PGCOFFER_DB_MAIN_URL", url)
            .env("PGCOFFER_PG_BIN", &client);
        let failed = agent.run(["backup"]).ended_with(3);
        let shown = agent.run(["show", "latest"]);
        let listed = agent.run(["list"]);
        for text in [&failed.stderr, shown.text(), &shown.stderr, listed.text()] {
            assert!(
                !text.contains("password=shop") && !text.contains("joe:shop"),
                "{text}"
            );
        }
        let said = &failed.stderr;
        assert!(
            said.contains("schema \"shop\" of shopkeepers: CREATE SCHEMA shop;"),
            "{said}"
        );
        assert!(
            said.contains("password=*** user=joe") && said.contains("postgres://***@db/shop"),
            "{said}"
        );
        let is_told = said.contains(&format!("and {strong}, pq7%21Vx%2F2m%25Kd,"));
        assert_eq!(is_told, password == "shop", "{said}");
        assert_eq!(
            said.contains("and ***, ***, x"),
            password == strong,
            "{said}"
        );
    }
}

#[test]
fn names_in_messages_ring_no_bell() {
    let scene = Scene::of("select 1");
    let checks = Healthchecks::start();
    for n in 0..6 {
        let mut run = Run::ago(hours(40 + n)).serving("daily", "7d");
        let table = |name: &str| {
            serde_json::json!({"schema": name, "name": name, "rows": 500, "bytes": 1,
            "fingerprint": "0".repeat(32), "span": [0, 1]})
        };
        let tables: Vec<Value> = HOSTILE.iter().map(|name| table(name)).collect();
        run = run.with("/tables", tables);
        scene.stage.put(run);
    }
    let agent = scene.agent().env("PGCOFFER_PING_URL", checks.url());
    said("backup", agent.run(["backup"])).success();
    let (slack, webhook) = (scene.slack.only(), scene.webhook.only());
    let mut decoded = String::new();
    texts(&slack.json(), &mut decoded);
    texts(&webhook.json(), &mut decoded);
    for ping in checks.take() {
        decoded.push_str(&ping.body);
    }
    assert!(decoded.contains("\\u{1b}[2J"), "{decoded}");
    assert_harmless("decoded", &decoded);
    assert_harmless("slack", &slack.text());
    assert_harmless("webhook", &webhook.text());
    let blocks = slack.json()["blocks"].clone();
    for block in blocks.as_array().unwrap() {
        let text = block["text"]["text"].as_str().unwrap_or_default();
        assert!(!text.contains("<!") && !text.contains("<http"), "{text}");
        if text.contains("evil") || text.contains("@here") {
            let inner = text.trim_start_matches("```").trim_end_matches("```");
            assert!(text.starts_with("```") && !inner.contains('`'), "{text}");
        }
    }
}

#[test]
fn answers_of_channels_reach_no_terminal() {
    let words = HOSTILE.join(" ");
    let liar = Hearer::with(move |_| crate::testbed::Answer::words(404, &words));
    let stage = Stage::small();
    let agent = stage
        .agent()
        .env("PGCOFFER_NOTIFY_ON", "all")
        .env(
            "PGCOFFER_SLACK_WEBHOOK_URL",
            liar.url("/services/T0/B0/s1ackS3cretPath"),
        )
        .env(
            "PGCOFFER_PING_URL",
            liar.url("/ping/8f57a84f-9f2f-4b3f-8f8e-1b6c8d3c2a11"),
        );
    for args in [
        &["backup"][..],
        &["show", "latest"],
        &["status"],
        &["check", "--notify"],
    ] {
        harmless(&agent, args);
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
        assert!(
            !whole.contains("my pa") && !whole.contains("ss@127"),
            "{whole}"
        );
    }
    let odd = stage
        .agent()
        .env("PGCOFFER_BUCKET", "s3://\u{1b}[31m\u{202e}")
        .env("PGCOFFER_\u{2028}X", "1");
    harmless(&odd, &["list"]).ended_with(2);
}
