//! The API held against its own OpenAPI document by Schemathesis, which makes requests up out of it.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::{
    programs::{Program, made},
    served::{serve, with_dashboard},
    stage::{Stage, shop},
    testbed::project,
};

#[test]
fn every_path_answers_as_its_document_says() {
    let stage = Stage::of(shop());
    let id = stage.back_up()["id"].as_str().unwrap().to_owned();
    let (token, entry) = made("schemathesis", "act");
    let agent = with_dashboard(stage.agent())
        .env("PGCOFFER_SCHEDULE", "yearly on 01-01 at 00:00 keep 7y")
        .env("PGCOFFER_DASHBOARD_TOKENS", entry);
    let served = serve(&agent);
    served.wait_for_tick();
    let program = Program::new(&served, &token);
    let document = program.get("/openapi.json");
    assert_eq!(document.json()["openapi"], "3.1.0");
    assert_eq!(acts(&document.json()), 9);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("openapi.json"), &document.body).unwrap();
    let url = format!("http://localhost:{}/api/v1", served.address.port());

    // what is there: answers have the shape that they should have
    let known = format!("[parameters]\n\"path.label\" = \"main\"\n\"path.id\" = \"{id}\"\n\"path.job\" = 1\n");
    fs::write(folder.path().join("schemathesis.toml"), known).unwrap();
    program.send("POST", "/notices/test?wait=8", None);
    schemathesis(folder.path(), &url, &token, &["--include-method", "GET"]);
    // and what mostly isn't: whatever is sent, it is understood or refused
    fs::write(folder.path().join("schemathesis.toml"), "").unwrap();
    schemathesis(folder.path(), &url, &token, &[]);
    assert_eq!(program.get("/health").status, 200);
    served.end().success();
}

/// How many operations of a document act.
fn acts(document: &Value) -> usize {
    let paths = document["paths"].as_object().unwrap().values();
    paths.filter(|path| path.get("post").is_some()).count()
}

/// Runs it over the document in this folder. The seed is fixed, and so is the number of requests.
#[track_caller]
fn schemathesis(folder: &Path, url: &str, token: &str, more: &[&str]) {
    let program = project().join(".testbed/schemathesis/bin/schemathesis");
    let run = Command::new(program)
        .current_dir(folder)
        .args(["run", "openapi.json", "--url", url, "--header"])
        .arg(format!("Authorization: Bearer {token}"))
        .args([
            "--seed",
            "20261130",
            "--generation-deterministic",
            "--max-examples",
            "15",
        ])
        // who shows wrong tokens again and again is told to wait, which is no 401
        .args([
            "--no-color",
            "--phases",
            "examples,coverage,fuzzing",
            "--exclude-checks",
            "ignored_auth",
        ])
        .args(more)
        .output()
        .expect("Schemathesis is not here: tests/testbed/install.sh installs it");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
}
