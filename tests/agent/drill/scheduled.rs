//! Drills by the schedule: from `tick` and `serve`, on the newest good backup, after the backups, once in each period.

use serde_json::Value;

use super::{folders_in, on_server, open_folder, past::PastDrill, planting, programs, reports::with_catalog_key};
use crate::{
    notify::events::Scene,
    serve::clock::serve,
    stage::{KEY, SMALL, Stage, wait_until},
    testbed::{Agent, Cluster, Fault, Rule},
    tick::past::{Run, calm, hours, minutes},
};

/// The last period of this schedule began about twelve hours ago.
fn scheduled(agent: Agent) -> Agent {
    agent
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .env("PGCOFFER_DRILL", calm("daily at HH:MM"))
}

fn drills(json: &Value) -> &Vec<Value> {
    json["drills"].as_array().unwrap()
}

/// The reports in the bucket.
fn reports(stage: &Stage) -> usize {
    let keys = stage.keys("/main/drills/");
    let is_report = |key: &&String| key.ends_with(".pgc") && !key.ends_with(".findings.pgc");
    keys.iter().filter(is_report).count()
}

#[test]
fn a_tick_backs_up_first_and_then_drills_what_it_has_made() {
    let stage = Stage::of(SMALL);
    let agent = scheduled(on_server(&stage));
    let ticked = agent.run(["tick", "--json"]).success().json();
    assert_eq!(ticked["databases"][0]["backup"]["outcome"], "done");
    let drilled = &drills(&ticked)[0];
    assert_eq!(drilled["outcome"], "done", "{ticked:#}");
    assert_eq!(drilled["verdict"], "proven");
    assert_eq!(drilled["id"], ticked["databases"][0]["backup"]["id"]);
    assert!(drilled["report"].is_string());
    // how it stands is what the drill has shown
    let health = &ticked["databases"][0]["health"]["drills"];
    assert_eq!(health["last"]["verdict"], "proven");
    assert!(health["last"]["due"].is_string());
    assert!(health["last"]["who"].as_str().unwrap().starts_with("pgcoffer@"));
    assert_eq!(reports(&stage), 1);
    // once in each period
    let again = agent.run(["tick", "--json"]).success().json();
    assert_eq!(drills(&again), &Vec::<Value>::new());
    assert_eq!(reports(&stage), 1);
    let said = agent.run(["status"]).success();
    assert!(said.text().contains("main: proven "), "{}", said.text());
    assert!(said.text().contains("the next drill is due "), "{}", said.text());
}

#[test]
fn a_machine_that_only_drills_needs_no_database() {
    let stage = Stage::backed_up(SMALL);
    let agent = Agent::new()
        .s3(&stage.bucket)
        .key(KEY)
        .env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"))
        .env("PGCOFFER_PG_BIN", stage.cluster.bin())
        .env("PGCOFFER_DB_OTHER_DRILL", "off")
        .env("PGCOFFER_DRILL", calm("daily at HH:MM"));
    let ticked = agent.run(["tick", "--json"]).success().json();
    assert_eq!(drills(&ticked)[0]["verdict"], "proven", "{ticked:#}");
    assert_eq!(ticked["databases"], Value::Array(Vec::new()));
    assert_eq!(reports(&stage), 1);
    // without its schedule there is nothing to do
    agent.without("PGCOFFER_DRILL").run(["tick"]).ended_with(2);
}

#[test]
fn where_it_is_not_set_nothing_is_drilled() {
    let stage = Stage::of(SMALL);
    let agent = on_server(&stage).env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"));
    let ticked = agent.run(["tick", "--json"]).success().json();
    assert_eq!(drills(&ticked), &Vec::<Value>::new());
    let off = scheduled(on_server(&stage)).env("PGCOFFER_DB_MAIN_DRILL", "off");
    let ticked = off.run(["tick", "--json"]).success().json();
    assert_eq!(drills(&ticked), &Vec::<Value>::new());
    assert_eq!(stage.keys("/drills/"), [""; 0]);
}

#[test]
fn what_fails_is_told_waits_and_is_told_to_be_over() {
    let scene = Scene::small();
    let stage = &scene.stage;
    let folder = open_folder();
    let bin = programs(stage.cluster, folder.path(), &[]);
    std::fs::remove_file(bin.join("initdb")).unwrap();
    let agent = scene.agent().env("PGCOFFER_DRILL", calm("daily at HH:MM"));
    agent.run(["backup"]).success();
    scene.types();
    let unable = agent.clone().without("PGCOFFER_PG_BIN").env("PGCOFFER_PG_BIN", &bin);
    let ticked = unable.run(["tick", "--json"]).ended_with(1).json();
    assert_eq!(drills(&ticked)[0]["outcome"], "failed", "{ticked:#}");
    let heard = events(&scene);
    let failed = heard.iter().find(|event| event["data"]["what"] == "drill").unwrap();
    assert_eq!(failed["type"], "backup.failed");
    assert_eq!(failed["data"]["drill"]["outcome"], "failed");
    let subject = failed["data"]["subject"].as_str().unwrap();
    assert!(subject.starts_with("drill of main FAILED: "), "{subject}");
    // the same tick again waits, and says nothing
    let ticked = unable.run(["tick", "--json"]).success().json();
    assert_eq!(drills(&ticked)[0]["outcome"], "waits", "{ticked:#}");
    assert!(events(&scene).iter().all(|event| event["data"]["what"] != "drill"));
    // an hour later, as its name says, it is tried again
    let id = stage.records()[0]["id"].as_str().unwrap().to_owned();
    for key in stage.keys("/drills/") {
        stage.bucket.delete(&key);
    }
    PastDrill::ago(&id, minutes(70)).not_carried_out().put(&stage.bucket);
    let able = agent.env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"));
    let ticked = able.run(["tick", "--json"]).success().json();
    assert_eq!(drills(&ticked)[0]["verdict"], "proven", "{ticked:#}");
    let heard = events(&scene);
    let over = heard.iter().find(|event| event["data"]["what"] == "drill").unwrap();
    assert_eq!(over["type"], "backup.recovered", "{over:#}");
    assert_eq!(over["data"]["drill"]["verdict"], "proven");
}

/// What the webhook heard since this was asked last.
fn events(scene: &Scene) -> Vec<Value> {
    scene.webhook.take().iter().map(crate::testbed::Heard::json).collect()
}

#[test]
fn what_did_not_come_back_is_told_with_how_much() {
    let scene = Scene::small();
    let stage = &scene.stage;
    let folder = open_folder();
    let planted = planting(
        stage.cluster,
        "delete from public.people where id < 4; drop view public.guests",
    );
    let bin = programs(stage.cluster, folder.path(), &[("pg_dump", &planted)]);
    let agent = scene
        .agent()
        .without("PGCOFFER_PG_BIN")
        .env("PGCOFFER_PG_BIN", &bin)
        .env("PGCOFFER_SCRATCH_URL", stage.cluster.url("postgres"))
        .env("PGCOFFER_DRILL", calm("daily at HH:MM"));
    let ticked = agent.run(["tick", "--json"]).ended_with(8).json();
    assert_eq!(drills(&ticked)[0]["verdict"], "not_proven", "{ticked:#}");
    let heard = events(&scene);
    let told = heard.iter().find(|event| event["data"]["what"] == "drill").unwrap();
    assert_eq!(told["data"]["drill"]["outcome"], "not_proven");
    let subject = told["data"]["subject"].as_str().unwrap();
    assert!(
        subject.starts_with("backup of main did NOT come back: ") && subject.ends_with("came back otherwise"),
        "{subject}"
    );
    let text = told["data"]["text"].as_str().unwrap();
    assert!(!text.contains("people") && !text.contains("guests"), "{text}");
}

#[test]
fn a_machine_that_watches_says_that_a_drill_is_overdue_once_a_day() {
    let scene = Scene::small();
    let stage = &scene.stage;
    let id = stage.put(Run::ago(hours(40)).serving("daily", "7d"));
    stage.put(Run::ago(hours(1)).serving("daily", "7d"));
    // due some 12 hours ago, and it may take one
    let watching = with_catalog_key(stage)
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .env("PGCOFFER_WEBHOOK_URL", scene.webhook.url("/hook"))
        .env("PGCOFFER_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .env("PGCOFFER_DRILL", calm("daily at HH:MM"))
        .env("PGCOFFER_DRILL_TIMEOUT", "1h");
    PastDrill::ago(&id, hours(30)).put(&stage.bucket);
    let said = watching.run(["status"]).ended_with(8);
    assert!(said.text().contains("main: the drill that was due "), "{}", said.text());
    assert!(said.text().contains("is overdue"), "{}", said.text());
    watching.run(["status", "--notify"]).ended_with(8);
    let heard = events(&scene);
    assert_eq!(heard.len(), 1, "{heard:#?}");
    assert_eq!(heard[0]["type"], "backup.missed");
    assert_eq!(heard[0]["data"]["subject"], "drill of main OVERDUE");
    watching.run(["status", "--notify"]).ended_with(8);
    assert_eq!(events(&scene).len(), 0);
    // a catalog key can't drill, which is no failure of the tick
    let ticked = watching.run(["tick", "--json"]);
    assert_eq!(drills(&ticked.json())[0]["outcome"], "skipped", "{}", ticked.text());
    // once it is drilled, all is well
    PastDrill::ago(&id, hours(1)).put(&stage.bucket);
    watching.run(["status"]).success();
}

#[test]
fn a_cold_archive_is_not_thawed_and_that_is_said() {
    let stage = Stage::backed_up(SMALL);
    stage.bucket.cool(&stage.key("/archives/"), "GLACIER");
    let ticked = scheduled(on_server(&stage))
        .env("PGCOFFER_SCHEDULE", calm("daily at HH:MM keep 7d"))
        .without("PGCOFFER_DB_MAIN_URL")
        .run(["tick", "--json"])
        .success()
        .json();
    let skipped = &drills(&ticked)[0];
    assert_eq!(skipped["outcome"], "skipped", "{ticked:#}");
    assert!(skipped["why"].as_str().unwrap().contains("cold storage"), "{ticked:#}");
    assert_eq!(stage.bucket.count("RestoreObject"), 0);
    assert_eq!(stage.keys("/drills/"), [""; 0]);
}

/// Otherwise it would be carried out again and again.
#[test]
fn a_bucket_that_takes_no_report_keeps_a_scheduled_drill_from_beginning() {
    let stage = Stage::backed_up(SMALL);
    stage
        .bucket
        .inject(Rule::on("PutObject").key("/drills/").always(), Fault::access_denied());
    let cluster = Cluster::start(None);
    let agent = scheduled(stage.agent().env("PGCOFFER_SCRATCH_URL", cluster.url("postgres")));
    let ticked = agent.run(["tick", "--json"]).ended_with(4).json();
    assert_eq!(drills(&ticked)[0]["outcome"], "failed", "{ticked:#}");
    assert!(!cluster.log().contains("create database"), "{}", cluster.log());
}

#[test]
fn one_that_takes_too_long_is_ended_and_leaves_nothing_but_its_report() {
    let stage = Stage::backed_up(SMALL);
    let (folder, temporary) = (open_folder(), open_folder());
    let script = "if [ \"${PGDATABASE#pgcoffer_drill_}\" != \"$PGDATABASE\" ]; then\n\
         while kill -0 \"$PPID\" 2>/dev/null; do sleep 0.1; done; exit 1\nfi\nexec \"$REAL\" \"$@\"";
    let bin = programs(stage.cluster, folder.path(), &[("pg_dump", script)]);
    let agent = scheduled(stage.agent())
        .without("PGCOFFER_PG_BIN")
        .env("PGCOFFER_PG_BIN", &bin)
        .env("TMPDIR", temporary.path())
        .env("PGCOFFER_DRILL_TIMEOUT", "8s")
        .without("PGCOFFER_DB_MAIN_URL");
    let ticked = agent.run(["tick", "--json"]).ended_with(1).json();
    let failed = &drills(&ticked)[0];
    assert!(
        failed["error"].as_str().unwrap().contains("took longer than 8 seconds"),
        "{ticked:#}"
    );
    assert!(failed["hint"].as_str().unwrap().contains("PGCOFFER_DRILL_TIMEOUT"));
    assert_eq!(folders_in(temporary.path()).len(), 0);
    assert_eq!(reports(&stage), 1);
}

#[test]
fn two_machines_at_once_carry_out_one_drill() {
    let stage = Stage::backed_up(SMALL);
    let agent = scheduled(on_server(&stage)).without("PGCOFFER_DB_MAIN_URL");
    let running: Vec<_> = (0..3).map(|_| agent.spawn(["tick", "--json"])).collect();
    let ended: Vec<Value> = running.into_iter().map(|one| one.wait().success().json()).collect();
    let done = ended.iter().flat_map(drills).filter(|one| one["outcome"] == "done");
    assert_eq!(done.count(), 1, "{ended:#?}");
    assert_eq!(reports(&stage), 1);
}

#[test]
fn serve_drills_as_well() {
    let stage = Stage::backed_up(SMALL);
    let agent = scheduled(on_server(&stage));
    let serving = serve(&agent);
    wait_until("the drill has left its report", || reports(&stage) == 1);
    serving.wait_for_ticks(1);
    let proven = serving.metric("pgcoffer_last_drill_verdict{database=\"main\",verdict=\"proven\"}");
    assert_eq!(proven, Some(1.0));
    serving.end().success();
}

#[test]
fn a_schedule_that_is_wrong_is_said_with_what_is_right() {
    let stage = Stage::small();
    let agent = stage.agent().env("PGCOFFER_DRILL", "weekly on sunday keep 5w");
    let said = agent.run(["status"]).ended_with(2);
    assert!(
        said.stderr.contains("PGCOFFER_DRILL: a drill has no retention"),
        "{}",
        said.stderr
    );
    assert!(said.stderr.contains("weekly on sunday at 04:00"), "{}", said.stderr);
}
