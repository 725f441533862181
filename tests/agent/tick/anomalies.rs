//! A backup that looks wrong: it is kept and told, nothing is pruned on its account, and a person or time clears it.

use serde_json::Value;

use crate::{
    output::goldens::assert_golden,
    stage::{SMALL, Stage, next_second},
    testbed::Agent,
    tick::past::{Run, calm, hours, settled},
    tick::turns::turn,
};

/// An hourly schedule, and a database that was full in the last days' backups and is nearly empty now.
fn emptied() -> (Stage, Agent) {
    let stage = Stage::of(SMALL);
    let agent = stage
        .agent()
        .env("PGCOFFER_SCHEDULE", calm("hourly at :MM keep 24h"))
        .env("PGCOFFER_KEEP_LAST", "1");
    for n in 0..6 {
        stage.put(Run::ago(hours(40 + n)).serving("hourly", "24h"));
    }
    stage.cluster.psql(&stage.database, "delete from people where id > 3");
    (stage, agent)
}

fn outlook(agent: &Agent, status: i32) -> Value {
    let report = agent.run(["status", "--json"]).ended_with(status).json();
    report["databases"][0].clone()
}

#[test]
fn a_drop_in_rows_is_told_everywhere_and_nothing_is_pruned_until_it_is_accepted() {
    let (stage, agent) = emptied();
    let report = agent.run(["tick", "--json"]).ended_with(8).json();
    let main = turn(&report, "main");
    let reason = &main["backup"]["suspicious"][0];
    assert_eq!(
        (
            &reason["kind"],
            &reason["table"],
            &reason["rows"],
            &reason["least_rows"]
        ),
        (&"lost_rows".into(), &"people".into(), &3.into(), &500.into())
    );
    let reason = reason["text"].as_str().unwrap();
    assert!(reason.contains("public.people has 3 rows"), "{reason}");
    assert_eq!(main["health"]["suspicious"].as_array().unwrap().len(), 1);
    assert_eq!(stage.keys("/records/").len(), 7, "nothing was pruned");
    let lines = main["prune"]["backups"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["verdict"] == "keep"));
    assert_eq!(lines[3]["reason"], "blocked");

    let id = main["backup"]["id"].as_str().unwrap();
    let listed = agent.run(["list"]).success();
    assert!(listed.text().contains("suspicious"), "{}", listed.text());
    let shown = agent.run(["show", "latest"]).success();
    assert!(shown.text().contains(reason), "{}", shown.text());
    let text = settled(agent.run(["status"]).ended_with(8).text());
    assert_golden("status-suspicious", &text);
    // nothing is due, and still all is not well
    let again = agent.run(["tick"]).ended_with(8);
    assert_golden("tick-suspicious", &settled(again.text()));

    agent.run(["accept", id]).success();
    assert_eq!(outlook(&agent, 0)["problems"], serde_json::json!([]));
    let report = agent.run(["tick", "--json"]).success().json();
    assert_eq!(turn(&report, "main")["health"]["suspicious"], serde_json::json!([]));
    assert_eq!(
        stage.keys("/records/").len(),
        2,
        "pruned to the last good one and the newest that has stood for a while"
    );
    agent.run(["verify"]).success();
}

#[test]
fn it_is_told_in_the_first_ticks_text() {
    let (_stage, agent) = emptied();
    let text = settled(agent.run(["tick"]).ended_with(8).text());
    assert_golden("tick-first-suspicious", &text);
}

/// The second and the third look wrong as well, since the first one is not believed until both agree with it; the
/// fourth is compared with what is believed by then.
#[test]
fn backups_that_agree_clear_it_without_a_person() {
    let (stage, agent) = emptied();
    for n in [4, 3] {
        let run = Run::ago(hours(n)).rows(3).serving("hourly", "24h");
        stage.put(run.suspicious());
    }
    let health = outlook(&agent, 8);
    assert_eq!(health["suspicious"].as_array().unwrap().len(), 2);
    // the third, by the binary: the first stands now, and the newest does not yet
    let report = agent.run(["tick", "--json"]).ended_with(8).json();
    let main = turn(&report, "main");
    assert_eq!(main["backup"]["suspicious"].as_array().unwrap().len(), 1);
    assert_eq!(main["health"]["suspicious"].as_array().unwrap().len(), 2);
    assert_eq!(stage.keys("/records/").len(), 9);
    // a person's own backup is one of a kind with them
    next_second();
    let fourth = agent.run(["backup", "--json"]).success().json();
    assert_eq!(fourth["suspicious"], serde_json::json!([]));
    outlook(&agent, 0);
    let tick = agent.run(["tick", "--json"]).success().json();
    assert!(stage.keys("/records/").len() < 9, "what has expired goes again");
    // all but the last one that was full: only its like have agreed that it should be empty
    let lines = turn(&tick, "main")["prune"]["backups"].as_array().unwrap();
    let held: Vec<&Value> = lines.iter().filter(|line| line["reason"] == "held").collect();
    assert_eq!(held.len(), 1, "{lines:#?}");
    let before_fall = held[0]["id"].as_str().unwrap();
    assert!(held[0]["why"].as_str().unwrap().contains("fell far below"));
    let shown = agent.run(["show", before_fall, "--json"]).success().json();
    assert_eq!(shown["tables"][0]["rows"], 500);
    // until a person says that it is right so
    let others = lines
        .iter()
        .filter(|line| line["verdict"] == "keep" && line["reason"] != "held");
    for line in others {
        let id = line["id"].as_str().unwrap();
        let shown = agent.run(["show", id, "--json"]).success().json();
        if shown["suspicious"]
            .as_array()
            .is_some_and(|reasons| !reasons.is_empty())
        {
            agent.run(["accept", id]).success();
        }
    }
    // from then on it is kept for no doubt, only as the newest that has stood for a day
    let pruned = agent.run(["prune", "--json"]).success().json();
    let text = pruned.to_string();
    assert!(!text.contains("\"held\""), "{pruned:#}");
    let line = turn(&pruned, "main")["backups"]
        .as_array()
        .and_then(|lines| lines.iter().find(|line| line["id"] == before_fall))
        .unwrap_or_else(|| panic!("{pruned:#}"));
    assert_eq!(line["reason"], "elder", "{pruned:#}");
}

#[test]
fn what_comes_back_is_no_further_doubt() {
    let (stage, agent) = emptied();
    let run = Run::ago(hours(3)).rows(3).serving("hourly", "24h");
    let doubted = stage.put(run.suspicious());
    stage.cluster.psql(
        &stage.database,
        "insert into people (name) select 'again' from generate_series(1, 500)",
    );
    let report = agent.run(["tick", "--json"]).success().json();
    let main = turn(&report, "main");
    assert_eq!(main["backup"]["suspicious"], serde_json::json!([]));
    // it is still marked, and no longer stands in the way
    assert_eq!(main["health"]["suspicious"][0]["id"], doubted.as_str());
    assert_eq!(main["health"]["problems"], serde_json::json!([]));
}

/// Just after an outage it matters most: what came back may be empty.
#[test]
fn a_run_after_many_failures_is_compared_with_the_good_ones_before_them() {
    let (stage, agent) = emptied();
    for n in 0..25 {
        let run = Run::ago(hours(10) + crate::tick::past::minutes(10 * n));
        stage.put(run.failed(3).serving("hourly", "24h"));
    }
    let report = agent.run(["tick", "--json"]).ended_with(8).json();
    let backup = &turn(&report, "main")["backup"];
    assert_eq!(backup["outcome"], "done");
    assert_eq!(backup["suspicious"].as_array().unwrap().len(), 1, "{backup:#}");
}
