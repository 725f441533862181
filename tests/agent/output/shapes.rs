//! What programs and people read: JSON with the documented fields, help, and lists.

use serde_json::Value;

use crate::{
    output::goldens::{assert_golden, assert_keys},
    stage::{KEY, OTHER_KEY, SMALL, Stage, next_second, restore_args},
    testbed::{Agent, Fault, Rule},
    tick::past::settled,
};

const RECORD: &str = "version repository id database tier retention expires serves started finished agent sealed_for \
    status anomalies compared source counts details_bytes details_sha256 sealed";
const DETAILS: &str = "warnings suspicious extensions options definitions tables large_objects";

#[test]
fn json_of_a_record() {
    let stage = Stage::small();
    let mut record = stage.back_up();
    let made = record.as_object_mut().unwrap().remove("made");
    assert_eq!(made, Some(Value::Bool(true)));
    let copies = record.as_object_mut().unwrap().remove("copies");
    assert_eq!(copies, Some(Value::Array(Vec::new())));
    assert_keys(&record, &format!("{RECORD} {DETAILS}"));
    assert_keys(&record["source"], "server client");
    assert_keys(
        &record["source"]["server"],
        "version major database table_bytes standby identity collation",
    );
    assert_keys(&record["source"]["client"], "version major");
    assert_keys(&record["sealed"], "objects dump_bytes part_bytes compression");
    assert_keys(
        &record["sealed"]["objects"][0],
        "key bytes sha256 crc64nvme etag tagged",
    );
    assert_keys(
        &record["counts"],
        "tables rows large_objects definitions warnings fingerprint",
    );
    assert_keys(&record["definitions"][0], "kind count fingerprint");
    assert_keys(&record["sealed"]["compression"], "algorithm level chunk_bytes");
    assert_keys(&record["tables"][0], "schema name rows bytes fingerprint span");
    assert_keys(&record["large_objects"], "count bytes fingerprint");
    assert_keys(&record["serves"][0], "tier due retention");
    let mut shown = stage.run(["show", "latest", "--json"]).success().json();
    for decided in ["hold", "retained", "accepted", "last_read_back", "drill_findings"] {
        let decided = shown.as_object_mut().unwrap().remove(decided);
        assert_eq!(decided, Some(Value::Null));
    }
    for none in ["notices", "drills", "measured", "places", "places_unseen"] {
        let none = shown.as_object_mut().unwrap().remove(none);
        assert_eq!(none, Some(Value::Array(Vec::new())));
    }
    assert_eq!(shown, record);
    assert_eq!(
        (record["version"].clone(), record["status"].clone()),
        (1.into(), "succeeded".into())
    );
    // what nobody says a time for is kept for one
    assert_eq!(record["retention"], "90d");
    assert!(record["expires"].is_string());
    assert!(
        stage
            .key("/archives/")
            .ends_with(record["sealed"]["objects"][0]["key"].as_str().unwrap())
    );
}

#[test]
fn json_of_a_failure() {
    let stage = Stage::small();
    stage
        .bucket
        .inject(Rule::on("UploadPart").always(), Fault::access_denied());
    let outcome = stage.run(["backup", "--json"]).ended_with(4);
    assert!(outcome.stdout.is_empty());
    stage.bucket.heal();
    let id = stage.failure()["id"].as_str().unwrap().to_owned();
    let record = stage.run(["show", &id, "--json"]).success().json();
    assert_keys(
        &record,
        &format!(
            "{RECORD} {DETAILS} error hint exit_status cause hold retained accepted notices last_read_back drills drill_findings \
             measured places places_unseen"
        ),
    );
    assert_eq!(record["exit_status"], 4);
}

#[test]
fn json_of_a_list() {
    let stage = Stage::backed_up(SMALL);
    stage
        .bucket
        .write("backups/main/records/20200101T000000Z-abcdefghij23.pgc", "garbage");
    let spoiled = stage.back_up()["id"].as_str().unwrap().to_owned();
    let record = format!("backups/main/records/{spoiled}.pgc");
    stage.bucket.write(&record, "garbage");
    let listed = stage.run(["list", "--json"]).success().json();
    assert_keys(
        &listed,
        "location databases backups more unreadable others other_repositories elsewhere places places_unseen",
    );
    assert_keys(
        &listed["databases"][0],
        "database newest_good age_seconds last_run last_run_status last_run_error last_drill last_proven",
    );
    assert_keys(
        &listed["backups"][0],
        &format!(
            "{RECORD} good looks_suspicious hold retained storage_class sealed_for doubt last_read_back drill places"
        ),
    );
    assert_eq!(listed["others"]["main"], 1);
    assert_keys(&listed["unreadable"][0], "key why");
    assert_eq!(listed["databases"][0]["last_run_status"], "good");
    assert_eq!(
        (
            listed["backups"][0]["counts"]["tables"].clone(),
            listed["backups"][0]["counts"]["rows"].clone()
        ),
        (2.into(), 500.into())
    );
}

#[test]
fn json_of_everything_else() {
    let stage = Stage::backed_up(SMALL);
    assert_keys(
        &stage.run(["verify", "--json"]).success().json(),
        "id database sealed_bytes dump_bytes tables rows large_objects definitions compared_with pg_restore finished",
    );
    assert_keys(
        &stage
            .run(["get", "latest", "--sealed", "--json", "-o", "x.pgc"])
            .success()
            .json(),
        "id file bytes",
    );
    assert_keys(
        &stage.run(["open", "x.pgc", "--json"]).success().json(),
        "id file bytes",
    );
    assert_keys(&Agent::new().run(["keygen", "--json"]).success().json(), "key key_id");
    let words = Agent::new().run("keygen --words --json".split(' '));
    assert_keys(&words.success().json(), "passphrase bits");
    let graded = Agent::new().run_with_input(
        ["keygen", "--passphrase", "--json"],
        b"unwound-cosigner-plank-dizzy-refurbish-atop-halogen",
    );
    assert_keys(&graded.success().json(), "passphrase");
    let target = stage.target();
    let report = stage
        .run(restore_args(&target).into_iter().chain(["--json"]))
        .success()
        .json();
    assert_keys(
        &report,
        "id database target tables rows dump_bytes read_bytes stored_bytes warnings left_out remarks complete failed \
         failures statements started finished",
    );
}

#[test]
fn the_log_as_json_is_a_document_a_line() {
    let stage = Stage::small();
    let outcome = stage.run(["backup", "--log-format", "json", "-v"]).success();
    assert!(outcome.stderr.lines().count() > 0);
    for line in outcome.stderr.lines() {
        let document: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            document["level"].is_string() && document["message"].is_string(),
            "{line}"
        );
    }
}

#[test]
fn quiet_is_quiet_and_loud_tells_no_secret() {
    let stage = Stage::small();
    assert_eq!(stage.run(["backup", "-q"]).success().stderr, "");
    let outcome = stage.run(["verify", "-vv"]).success();
    assert!(!outcome.stderr.is_empty());
    stage.assert_no_secret(&outcome, &[]);
    let outcome = stage.run(["backup", "-vv"]).success();
    stage.assert_no_secret(&outcome, &[]);
}

#[test]
fn an_old_good_backup_is_found_behind_many_runs() {
    let stage = Stage::small();
    let good = stage.back_up()["id"].clone();
    stage
        .bucket
        .inject(Rule::on("UploadPart").always(), Fault::access_denied());
    for _ in 0..2 {
        next_second();
        stage.run(["backup"]).ended_with(4);
    }
    let listed = stage.run(["list", "-n", "1", "--json"]).success().json();
    assert_eq!(listed["databases"][0]["newest_good"], good);
    assert_eq!(listed["databases"][0]["last_run_status"], "failed");
    assert_eq!(listed["backups"].as_array().unwrap().len(), 1);
    let outcome = stage.run(["list", "-n", "1"]).success();
    assert!(
        outcome.text().contains(good.as_str().unwrap()) && !outcome.text().contains("NO GOOD BACKUP"),
        "{}",
        outcome.text()
    );
}

#[test]
fn a_busy_database_does_not_hide_a_quiet_one() {
    let stage = Stage::small();
    let agent = stage
        .agent()
        .env("PGCOFFER_DB_QUIET_URL", stage.cluster.url(&stage.database));
    agent.run(["backup", "quiet"]).success();
    next_second();
    agent.run(["backup", "main"]).success();
    let listed = agent.run(["list", "-n", "1"]).success();
    assert!(!listed.text().contains("NO GOOD BACKUP"), "{}", listed.text());
}

#[test]
fn help_of_every_command() {
    assert_golden("help", Agent::new().run(["--help"]).success().text());
    for command in [
        "init",
        "keygen",
        "backup",
        "list",
        "show",
        "get",
        "open",
        "verify",
        "drill",
        "certificate",
        "restore",
        "check",
        "policy",
        "tick",
        "serve",
        "status",
        "prune",
        "hold",
        "release",
        "accept",
        "lifecycle",
        "completions",
        "man",
    ] {
        let outcome = Agent::new().run([command, "--help"]).success();
        assert_golden(&format!("help-{command}"), outcome.text());
    }
    assert!(
        Agent::new()
            .run(["--version"])
            .success()
            .text()
            .starts_with("pgcoffer ")
    );
    // what one is shown who types nothing fits a screen, and says where the rest is
    let nothing = Agent::new().run([""; 0]).ended_with(2);
    assert_golden("help-none", &nothing.stderr);
    Agent::new().run(["no-such-command"]).ended_with(2);
}

/// A list with everything that changes from run to run put in brackets.
fn settled_list(list: &str, ids: &[String]) -> String {
    let mut text = list.to_owned();
    for (n, id) in ids.iter().enumerate() {
        let short = &id.rsplit('-').next().unwrap()[..6];
        text = text.replace(id, &format!("[id {}]", n + 1));
        text = text.replace(short, &format!("[short {}]", n + 1));
    }
    let lines = text.lines().map(|line| match line.starts_with("main: ") {
        true => settled_answer(line) + "\n",
        false => settled(line),
    });
    lines.collect()
}

/// The line for a database, without ages and sizes.
fn settled_answer(line: &str) -> String {
    let between = |line: &str, from: &str, to: &str, what: &str| match line.split_once(from) {
        Some((before, rest)) => match rest.split_once(to) {
            Some((_, after)) => format!("{before}{from}{what}{to}{after}"),
            None => line.to_owned(),
        },
        None => line.to_owned(),
    };
    let line = between(line, "newest good backup is ", " old: ", "[age]");
    let line = between(&line, "the last run FAILED ", ": ", "[age]");
    between(&line, "500 rows, ", " dumped", "[size]")
}

#[test]
fn a_list_with_nothing_with_good_ones_and_with_failures() {
    let stage = Stage::small();
    assert_golden("list-none", stage.run(["list"]).success().text());
    let nobody = stage.agent().without("PGCOFFER_DB_MAIN_URL").run(["list"]).success();
    assert_golden("list-none-configured", nobody.text());
    let mut ids = vec![
        stage.back_up_with(["--tier", "daily"])["id"]
            .as_str()
            .unwrap()
            .to_owned(),
    ];
    assert_golden("list-good", &settled_list(stage.run(["list"]).success().text(), &ids));
    next_second();
    stage
        .agent()
        .env("PGCOFFER_DB_MAIN_URL", "postgres://nobody@127.0.0.1:1/none")
        .run(["backup"])
        .ended_with(3);
    ids.push(stage.records()[0]["id"].as_str().unwrap().to_owned());
    assert_golden("list-failed", &settled_list(stage.run(["list"]).success().text(), &ids));
    assert!(
        Agent::new()
            .s3(&stage.bucket)
            .key(KEY)
            .run(["list"])
            .success()
            .text()
            .contains(&ids[0])
    );
}

#[test]
fn a_list_that_is_whole_does_not_say_that_there_is_more() {
    let stage = Stage::backed_up(SMALL);
    let outcome = stage.run(["list", "-n", "1"]).success();
    assert!(!outcome.text().contains("not shown"), "{}", outcome.text());
    next_second();
    stage.back_up();
    let outcome = stage.run(["list", "-n", "1"]).success();
    assert!(
        outcome.text().contains("1 older one is not shown"),
        "{}",
        outcome.text()
    );
}

#[test]
fn records_that_no_key_opens_are_not_said_to_be_none() {
    let stage = Stage::backed_up(SMALL);
    let agent = stage.agent().without("PGCOFFER_DB_MAIN_URL").key(OTHER_KEY);
    let outcome = agent.run(["list"]).ended_with(5);
    // one line and a hint, however many there are
    assert!(outcome.stderr.contains("wrong key"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("PGCOFFER_OLD_KEYS"));
    assert_eq!(outcome.stderr.lines().count(), 2, "{}", outcome.stderr);
    assert!(!outcome.text().contains("There are no backups"), "{}", outcome.text());
}
