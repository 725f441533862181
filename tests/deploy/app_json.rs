//! app.json against the fields that Heroku documents, and against what the agent takes.

use std::fs;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::testbed::{Agent, S3Server, project};

fn app_json() -> Value {
    serde_json::from_str(&fs::read_to_string(project().join("app.json")).unwrap()).unwrap()
}

fn schema() -> Validator {
    let text = include_str!("app_json.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

#[track_caller]
fn faults(schema: &Validator, document: &Value) -> Vec<String> {
    schema
        .iter_errors(document)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect()
}

#[test]
fn it_holds_nothing_but_documented_fields() {
    assert_eq!(faults(&schema(), &app_json()), [""; 0]);
}

#[test]
fn the_schema_refuses_what_heroku_would() {
    let (schema, good) = (schema(), app_json());
    let bad = [
        ("/addon", json!([])),
        ("/addons", json!("heroku-postgresql")),
        ("/addons", json!([{ "as": "DB" }])),
        ("/buildpacks", json!(["heroku-community/apt"])),
        ("/buildpacks", json!([{ "uri": "heroku/ruby" }])),
        ("/env/AWS_REGION", json!(5)),
        ("/env/AWS_REGION", json!({ "generator": "random" })),
        ("/env/AWS_REGION", json!({ "default": "eu-west-1" })),
        ("/env/AWS_REGION", json!({ "required": "yes" })),
        ("/env/not-a-name", json!("x")),
        ("/formation", json!([])),
        ("/formation/web", json!({ "quantity": "1" })),
        ("/formation/web", json!({ "qty": 1 })),
        ("/formation/web", json!({ "size": 1 })),
        ("/keywords", json!("backup")),
        ("/name", json!("far too long a name for an app to have")),
        ("/scripts", json!({ "predeploy": "true" })),
        ("/stack", json!("heroku-18")),
        ("/success_url", json!(["/"])),
    ];
    for (pointer, value) in bad {
        let mut document = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = document.pointer_mut(parent).unwrap();
        parent[name] = value.clone();
        assert!(!schema.is_valid(&document), "{pointer} = {value}");
    }
}

/// What somebody would lose by it: a key that is in Heroku alone is lost with the app.
#[test]
fn the_button_makes_no_key_and_no_cost() {
    let document = app_json();
    let key = &document["env"]["PGCOFFER_KEY"];
    assert!(key.get("generator").is_none() && key.get("value").is_none(), "{key}");
    assert_eq!(key["required"], false);
    assert!(document.get("addons").is_none());
    assert_eq!(document["formation"], json!({}));
    // Heroku starts one dyno of `web` by itself, of others none
    let procfile = fs::read_to_string(project().join("Procfile")).unwrap();
    assert_eq!(procfile, "clock: pgcoffer serve\n");
}

/// `addons:attach … --as PGCOFFER_DB_MAIN` fails where that config var exists already.
#[test]
fn the_button_leaves_the_attachment_its_name() {
    let document = app_json();
    let names = document["env"].as_object().unwrap().keys();
    assert_eq!(names.filter(|name| name.starts_with("PGCOFFER_DB_")).count(), 0);
}

/// Its variables as a button user leaves them, handed to the agent: every name is known and every default good.
#[test]
fn the_agent_knows_every_variable_and_takes_every_default() {
    let document = app_json();
    let mut agent = Agent::new().env("PGCOFFER_DB_MAIN_URL", "postgres://user:password@127.0.0.1:1/db");
    for (name, about) in document["env"].as_object().unwrap() {
        assert!(!about["description"].as_str().unwrap().is_empty());
        let typed = match name.as_str() {
            "PGCOFFER_BUCKET" => "s3://bucket/prefix",
            "AWS_REGION" => "eu-central-1",
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => "x",
            _ => about["value"].as_str().unwrap_or_default(),
        };
        agent = agent.env(name, typed);
    }
    let agent = agent.env("PGCOFFER_KEY", "5a".repeat(32));
    // the bucket is reached by nothing but what the button sets: where no variable names a service, one in a file does
    let (server, folder) = (S3Server::start(), tempfile::tempdir().unwrap());
    let profile = folder.path().join("config");
    let text = format!("[default]\nendpoint_url = {}\n", server.endpoint());
    fs::write(&profile, text).unwrap();
    let agent = agent
        .env("AWS_CONFIG_FILE", &profile)
        .env("PGCOFFER_S3_PATH_STYLE", "true");
    let outcome = agent.run(["list"]).ended_with(4);
    assert!(outcome.stderr.contains("InvalidAccessKeyId"), "{}", outcome.stderr);
}
