//! The same hostile world, and those who are told: Slack, mail, webhooks and pings carry our own words, and names that
//! do nothing.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::{
    notify::events::Scene,
    output::hostile_text::{HOSTILE, assert_harmless, harmless, said},
    stage::{Stage, wait_until},
    testbed::{Answer, Hearer, MailServer, Security, healthchecks::Healthchecks},
    tick::past::{Run, hours},
};

/// A row of a table, in the quotes of five languages and in none.
const ROW: &str = "ERROR:  ung\u{fc}ltige Eingabe \u{bb}ann@example.com\u{ab} \u{201e}ann@example.com\u{201c} \u{ab} \
    ann@example.com \u{bb} \u{300c}ann@example.com\u{300d} ann@example.com";

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
    let (checks, mail) = (Healthchecks::start(), MailServer::start(Security::Implicit, None, &[]));
    let agent = scene
        .agent()
        .env("PGCOFFER_PG_BIN", lying_client(&scene.stage, &words))
        .env("PGCOFFER_PING_URL", checks.url())
        .env("SSL_CERT_FILE", mail.authority())
        .env("PGCOFFER_SMTP_URL", format!("smtps://localhost:{}", mail.port()))
        .env("PGCOFFER_EMAIL_FROM", "backups@acme.test")
        .env("PGCOFFER_EMAIL_TO", "ann@acme.test");
    let outcome = said("tick", agent.run(["tick"])).ended_with(3);
    assert!(outcome.text().contains("ann@example.com"), "{}", outcome.text());
    let id = scene.stage.run(["list", "--json"]).json()["backups"][0]["id"].clone();
    let id = id.as_str().unwrap();
    let mut heard = vec![scene.slack.only().text(), scene.webhook.only().text()];
    heard.extend(checks.take().into_iter().map(|ping| ping.body));
    wait_until("the mail", || !mail.heard().is_empty());
    heard.extend(mail.heard().iter().map(ToString::to_string));
    assert_eq!(heard.len(), 5);
    for text in &heard {
        assert!(!text.contains("ann@example.com") && !text.contains("forged"), "{text}");
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
    assert!(shown.text().contains("\u{bb}ann@example.com\u{ab}"), "{}", shown.text());
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
        let url = stage.cluster.url_as("postgres", Some(password), &stage.database);
        let agent = stage
            .agent()
            .env("PGCOFFER_DB_MAIN_URL", url)
            .env("PGCOFFER_PG_BIN", &client);
        let failed = agent.run(["backup"]).ended_with(3);
        let shown = agent.run(["show", "latest"]);
        let listed = agent.run(["list"]);
        for text in [&failed.stderr, shown.text(), &shown.stderr, listed.text()] {
            assert!(!text.contains("password=shop") && !text.contains("joe:shop"), "{text}");
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
        assert_eq!(said.contains("and ***, ***, x"), password == strong, "{said}");
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
    let liar = Hearer::with(move |_| Answer::words(404, &words));
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
