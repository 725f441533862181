//! What programs read by the API.

use serde_json::{Value, json};

use crate::{
    programs::{Program, made},
    served::{Served, serve, with_dashboard},
    stage::{Stage, shop},
    testbed::Agent,
    tick::past::calm,
};

/// A `serve` with a dashboard and two tokens: one that may look, one that may act.
pub(crate) fn with_tokens(agent: Agent) -> (Served, String, String) {
    let ((read, of_read), (act, of_act)) = (made("monitor", "read"), made("deploy", "act"));
    let agent = with_dashboard(agent).env("PGCOFFER_DASHBOARD_TOKENS", format!("{of_read} {of_act}"));
    (serve(&agent), read, act)
}

#[test]
fn programs_read_what_the_commands_print() {
    let stage = Stage::of(shop());
    let first = stage.back_up();
    stage.back_up_with(["--retain", "7d"]);
    let schedule = calm("daily at HH:MM keep 7d");
    let agent = stage.agent().env("PGCOFFER_SCHEDULE", &schedule);
    let (served, read, _) = with_tokens(agent);
    served.wait_for_tick();
    let program = Program::new(&served, &read);

    let listed = program.get("/databases/main/backups").json();
    let printed = stage.run(["list", "--json", "--all", "-n", "1000"]).success().json();
    assert_eq!(listed["backups"], printed["backups"]);
    assert_eq!(listed["total"], printed["backups"].as_array().unwrap().len());

    let id = first["id"].as_str().unwrap();
    let shown = program.get(&format!("/databases/main/backups/{id}")).json();
    assert_eq!(shown, stage.run(["show", id, "--json"]).success().json());
    assert!(shown["tables"].as_array().unwrap().len() > 3 && shown.get("globals").is_none());

    let database = program.get("/databases/main").json();
    let status = stage.agent().env("PGCOFFER_SCHEDULE", &schedule);
    let status = status.run(["status", "--json"]).success().json();
    assert_eq!(without_clocks(&database), without_clocks(&status["databases"][0]));
    let databases = program.get("/databases").json();
    let health = &databases["databases"][0]["health"];
    assert_eq!(without_clocks(health), without_clocks(&database));
    assert_eq!(databases["writes_only"], false);

    let health = program.get("/health").json();
    assert_eq!(
        (&health["status"], &health["databases"][0]["database"]),
        (&json!("ok"), &json!("main"))
    );
    assert_eq!(program.get("/jobs").json()["running"], json!([]));
    served.end().success();
}

/// Without what is another number a second later.
fn without_clocks(database: &Value) -> Value {
    let mut database = database.clone();
    for name in ["age_seconds", "clock_seconds"] {
        database.as_object_mut().unwrap().remove(name);
    }
    database
}

#[test]
fn a_history_comes_in_pages_and_by_what_is_asked_for() {
    let stage = Stage::small();
    let ids: Vec<Value> = (0..3).map(|_| stage.back_up()["id"].clone()).collect();
    stage
        .run(["hold", ids[1].as_str().unwrap(), "--reason", "why not"])
        .success();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", "yearly on 01-01 at 00:00 keep 7y");
    let (served, read, _) = with_tokens(agent);
    served.wait_for_tick();
    let program = Program::new(&served, &read);
    let page = |query: &str| {
        let page = program.get(&format!("/databases/main/backups?{query}")).json();
        let backups = page["backups"].as_array().unwrap().iter();
        let ids: Vec<Value> = backups.map(|backup| backup["id"].clone()).collect();
        (ids, page["total"].clone(), page["pages"].clone())
    };
    let manual = |n: usize| ids[n].clone();
    assert_eq!(
        page("tier=manual&per_page=2"),
        (vec![manual(2), manual(1)], json!(3), json!(2))
    );
    assert_eq!(
        page("tier=manual&per_page=2&page=2"),
        (vec![manual(0)], json!(3), json!(2))
    );
    assert_eq!(page("tier=manual&page=1000000").0, Vec::<Value>::new());
    assert_eq!(page("state=held").0, [manual(1)]);
    assert_eq!(page("state=failed"), (vec![], json!(0), json!(0)));
    for wrong in [
        "page=0",
        "page=-1",
        "page=1000001",
        "per_page=101",
        "state=lost",
        "tier=daily&tier=daily",
        "what=x",
    ] {
        program.get(&format!("/databases/main/backups?{wrong}")).problem(400);
    }
    served.end().success();
}

#[test]
fn hostile_names_are_data_and_a_terminal_obeys_none() {
    let stage = Stage::of("create table \"\u{1b}[2J<script>\" (id int); create table \"\"\"}]\" (id int);");
    let id = stage.back_up()["id"].as_str().unwrap().to_owned();
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", "yearly on 01-01 at 00:00 keep 7y");
    let (served, read, _) = with_tokens(agent);
    let shown = Program::new(&served, &read).get(&format!("/databases/main/backups/{id}"));
    assert!(!shown.body.contains('\u{1b}'), "{}", shown.body);
    assert_eq!(shown.header("content-type"), Some("application/json"));
    assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
    let names: Vec<Value> = shown.json()["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["name"].clone())
        .collect();
    assert!(
        names.contains(&json!("\u{1b}[2J<script>")) && names.contains(&json!("\"}]")),
        "{names:?}"
    );
    served.end().success();
}
